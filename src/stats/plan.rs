//! How a test is to be decided, fixed before any score is seen.

use serde::Serialize;

use super::{
    distribution::normal_tail,
    sequential::{Spending, upper_bounds},
};

/// The version of the rules of decision: kept with a decision, so that it is known by what it was made.
pub const METHOD: &str = "ab-2";

/// Fewest blocks at which a claim is made.
pub const FEWEST: u32 = 4;

/// Which rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// A group-sequential race with a largest number of blocks.
    Horizon,
    /// Sign flips: may be looked at and extended at will.
    Open,
    /// Bounded bets: as open, without an assumption of symmetry.
    Strict,
}

/// How a test is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// The rule.
    pub rule: Rule,
    /// The probability of a false winner that is accepted, in (0, 1).
    pub alpha: f64,
    /// Differences of means up to this count as none, in [0, 1].
    pub equivalence: f64,
    /// Most blocks.
    pub samples: u32,
    /// Whether the horizon rule stops when a winner is no longer likely.
    pub futility: bool,
}

/// Why settings cannot decide anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to compare.
    #[error("a test compares at least 2 variations")]
    TooFewVariations,
    /// Too few blocks for any claim.
    #[error("a test takes at least {FEWEST} samples of each variation")]
    TooFewSamples,
    /// Alpha is no probability.
    #[error("alpha is above 0 and below 1")]
    BadAlpha,
    /// Equivalence is no difference of scores.
    #[error("equivalence is a difference between 0 and 1")]
    BadEquivalence,
}

/// A look at what is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// After how many blocks.
    pub block: u32,
    /// How far a standardised difference must stand out.
    pub bound: f64,
    /// The probability that it stands out so far by chance: the tail of the bound.
    pub tail: f64,
}

/// Settings made ready for a number of variations.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The settings.
    pub settings: Settings,
    /// How many variations.
    pub variations: usize,
    /// The looks of the horizon rule; none for the others, which look after every block.
    pub looks: Vec<Look>,
}

impl Plan {
    /// Makes `settings` ready for `variations` variations.
    pub fn new(settings: Settings, variations: usize) -> Result<Self, PlanError> {
        if variations < 2 {
            return Err(PlanError::TooFewVariations);
        }
        if settings.samples < FEWEST {
            return Err(PlanError::TooFewSamples);
        }
        if !(settings.alpha > 0.0 && settings.alpha < 1.0) {
            return Err(PlanError::BadAlpha);
        }
        if !(0.0..=1.0).contains(&settings.equivalence) {
            return Err(PlanError::BadEquivalence);
        }
        let mut plan = Self { settings, variations, looks: Vec::new() };
        if settings.rule == Rule::Horizon {
            plan.looks = looks(settings.samples, plan.pair_alpha() * allowance(settings.samples));
        }
        Ok(plan)
    }

    /// The level of one comparison in one direction, `alpha / (2 (K - 1))`: a false winner needs that one of two
    /// best variations is dropped, each of which meets K - 1 others.
    pub fn pair_alpha(&self) -> f64 {
        self.settings.alpha / (2.0 * (self.variations as f64 - 1.0))
    }
}

/// The share of alpha that is spent, because Student's t crosses the bounds of normal theory a little too often
/// when there are several looks and few samples: measured at 1.02 (80 samples) to 1.15 (6) times alpha.
fn allowance(samples: u32) -> f64 {
    1.0 - 3.0 / (f64::from(samples) + 15.0)
}

/// Looks at every twentieth of the blocks, from a quarter of them on; at every fifth where there are fewer than 12
/// blocks. None before the fourth block; what is not spent then is spent at the first look.
fn looks(samples: u32, alpha: f64) -> Vec<Look> {
    let count: u32 = if samples < 12 { 5 } else { 20 };
    let mut blocks: Vec<u32> = (1..=count)
        .map(|look| (f64::from(look) * f64::from(samples) / f64::from(count)).round() as u32)
        .filter(|block| *block >= FEWEST && 4 * block >= samples)
        .collect();
    blocks.dedup();
    let times: Vec<f64> = blocks.iter().map(|block| f64::from(*block) / f64::from(samples)).collect();
    let bounds = upper_bounds(alpha, &times, Spending::OBrienFleming);
    let look = |(block, bound): (u32, f64)| Look { block, bound, tail: normal_tail(bound) };
    blocks.into_iter().zip(bounds).map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(samples: u32) -> Settings {
        Settings { rule: Rule::Horizon, alpha: 0.05, equivalence: 0.02, samples, futility: true }
    }

    #[test]
    fn looks_are_spread_and_never_early() {
        let blocks = |samples| -> Vec<u32> {
            Plan::new(settings(samples), 3).unwrap().looks.iter().map(|look| look.block).collect()
        };
        assert_eq!(blocks(10), [4, 6, 8, 10]);
        assert_eq!(blocks(40), [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40]);
        assert_eq!(blocks(4), [4]);
        assert_eq!(blocks(15), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(blocks(21), [6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
    }

    #[test]
    fn bounds_fall() {
        for samples in [4, 7, 20, 333] {
            let plan = Plan::new(settings(samples), 20).unwrap();
            assert!(plan.looks.windows(2).all(|pair| pair[1].bound < pair[0].bound), "{:?}", plan.looks);
        }
    }

    #[test]
    fn settings_that_cannot_decide() {
        assert_eq!(Plan::new(settings(10), 1), Err(PlanError::TooFewVariations));
        assert_eq!(Plan::new(settings(3), 2), Err(PlanError::TooFewSamples));
        for alpha in [0.0, 1.0, f64::NAN] {
            assert_eq!(Plan::new(Settings { alpha, ..settings(10) }, 2), Err(PlanError::BadAlpha));
        }
        for equivalence in [-0.1, 1.5, f64::NAN] {
            assert_eq!(Plan::new(Settings { equivalence, ..settings(10) }, 2), Err(PlanError::BadEquivalence));
        }
    }
}
