//! What a test came to.

use serde::Serialize;

use super::plan::{METHOD, Settings};

/// How a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One variation is better than all others.
    Winner,
    /// What is left differs by less than counts.
    Equivalent,
    /// A winner is no longer likely to be found.
    UndecidedFutile,
    /// All samples are there and nothing is shown.
    BudgetOut,
    /// More blocks are to come.
    Running,
}

impl Outcome {
    /// As it is written in files and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Winner => "winner",
            Self::Equivalent => "equivalent",
            Self::UndecidedFutile => "undecided_futile",
            Self::BudgetOut => "budget_out",
            Self::Running => "running",
        }
    }

    /// Whether something is claimed, which is wrong with a probability of at most alpha.
    pub fn is_claim(self) -> bool {
        matches!(self, Self::Winner | Self::Equivalent)
    }
}

/// Why a variation is no longer generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Another one was better.
    Beaten,
    /// The others together, or whoever led, were better; which one is not said.
    NotNeeded,
}

/// When and why a variation was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// After which block.
    pub block: u32,
    /// At which look, from 1.
    pub look: u32,
    /// The variation that was ahead of it.
    pub by: usize,
    /// Why.
    pub reason: DropReason,
}

/// What is known of a variation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Its scores.
    pub samples: u32,
    /// Its runs that failed.
    pub failed: u32,
    /// The mean of its scores; none without any.
    pub mean: Option<f64>,
    /// The standard deviation of its scores; none for fewer than two.
    pub deviation: Option<f64>,
    /// The variation that it is compared with: the one that leads; for that one, the one behind it.
    pub against: usize,
    /// Blocks in which both have a score.
    pub shared: u32,
    /// The mean difference to it over these blocks; none without any.
    pub difference: Option<f64>,
    /// The interval of that difference, which allows for all looks and comparisons; none before the first look.
    pub interval: Option<[f64; 2]>,
    /// When and why it was dropped.
    pub dropped: Option<Dropped>,
}

/// What to be careful about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Warning {
    /// Scores of one variation spread much more than those of another.
    UnequalSpread {
        /// The one with the narrow scores.
        narrow: usize,
        /// The one with the wide ones.
        wide: usize,
        /// Ratio of their standard deviations.
        ratio: f64,
    },
    /// Differences lean to one side.
    Skewed {
        /// A variation.
        variation: usize,
        /// The one it is compared with.
        against: usize,
        /// The skewness of the differences.
        skewness: f64,
    },
    /// Runs failed, and their blocks are missing from the comparisons of this variation.
    Failed {
        /// The variation.
        variation: usize,
        /// How many of its runs.
        runs: u32,
    },
    /// Scores that came after the test was decided, or after its last block, were not looked at.
    NotUsed {
        /// How many blocks.
        blocks: u32,
    },
}

impl Warning {
    /// Whether the rule `strict`, which assumes nothing about the shape of scores, is the safer one.
    pub fn suggests_strict(&self) -> bool {
        matches!(self, Self::UnequalSpread { .. } | Self::Skewed { .. })
    }
}

/// What a test came to. Variations are numbers, in the order of the document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// The version of the rules.
    pub method: &'static str,
    /// The settings.
    pub settings: Settings,
    /// How the test stands.
    pub outcome: Outcome,
    /// The variation that won.
    pub winner: Option<usize>,
    /// The variation to use: the winner; else the one that leads, without a claim. None while the test runs.
    pub recommended: Option<usize>,
    /// The look at which the test was decided, from 1; the last look while it runs, 0 before the first.
    pub look: u32,
    /// The block after which the test was decided; the last block while it runs.
    pub block: u32,
    /// Runs that were looked at, failed ones among them.
    pub generations: u64,
    /// Runs that the test would have taken at most.
    pub most_generations: u64,
    /// Each variation.
    pub estimates: Vec<Estimate>,
    /// How much scores on the same seed have in common, at most 1; none where it cannot be said.
    pub seed_correlation: Option<f64>,
    /// The smallest advantage over all others that this test would find with probability 0.8, by the spread that
    /// was measured; none before there is one, and for rules without a last block.
    pub detectable: Option<f64>,
    /// What to be careful about.
    pub warnings: Vec<Warning>,
}

impl Decision {
    /// The version of the rules that made it.
    pub fn method() -> &'static str {
        METHOD
    }
}
