//! What was seen of the time that items take, in a few numbers.
//!
//! A mean of logarithms: durations are skewed, and what matters are ratios. Robust: what is far off
//! counts only as far as what was usual, and what is old fades.

use std::collections::BTreeMap;

/// So many observations count in full; older ones fade.
const MEMORY: f64 = 32.0;

/// From so many observations on, one that is far off is pulled in.
const KNOWN: f64 = 4.0;

/// How far off an observation may be, in usual deviations.
const FAR: f64 = 3.0;

/// Smallest usual deviation: a tenth of the duration.
const NARROW: f64 = 0.1;

/// Shortest duration, in seconds.
const SHORT: f64 = 1e-3;

/// What the server had in store for an item when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warmth {
    /// Some of its models had to be loaded.
    Cold,
    /// Its models were there.
    Warm,
    /// Its models and its prefix were there.
    Hot,
}

impl Warmth {
    /// Its number in the ledger.
    pub fn number(self) -> u8 {
        match self {
            Self::Cold => 0,
            Self::Warm => 1,
            Self::Hot => 2,
        }
    }

    /// The one with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Cold, Self::Warm, Self::Hot].into_iter().find(|warmth| warmth.number() == number)
    }
}

/// Durations of one sort, condensed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// How many there were, at most as many as count.
    pub count: f64,
    /// Mean of the logarithms of the seconds.
    pub mean: f64,
    /// Mean deviation of the logarithms.
    pub spread: f64,
}

impl Observed {
    /// Adds a duration in seconds.
    pub fn add(&mut self, seconds: f64) {
        let mut value = seconds.max(SHORT).ln();
        if self.count >= KNOWN {
            let far = FAR * self.spread.max(NARROW);
            value = value.clamp(self.mean - far, self.mean + far);
        }
        self.count = (self.count + 1.0).min(MEMORY);
        let deviation = value - self.mean;
        self.mean += deviation / self.count;
        if self.count > 1.0 {
            self.spread += (deviation.abs() - self.spread) / self.count;
        }
    }

    /// Seconds.
    pub fn seconds(&self) -> f64 {
        self.mean.exp()
    }
}

/// What one shape took in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sort {
    /// Identity of the shape.
    pub shape: String,
    /// Identity of its family.
    pub family: String,
    /// `native`, or the name of a server.
    pub executor: String,
    /// What the server had in store.
    pub warmth: Warmth,
}

/// What earlier runs took.
pub type History = BTreeMap<Sort, Observed>;

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(durations: impl IntoIterator<Item = f64>) -> Observed {
        let mut observed = Observed::default();
        durations.into_iter().for_each(|seconds| observed.add(seconds));
        observed
    }

    #[test]
    fn one_that_is_far_off_hardly_counts() {
        let calm = observed(std::iter::repeat_n(8.0, 10));
        assert!((calm.seconds() - 8.0).abs() < 1e-9);
        let mut disturbed = calm;
        disturbed.add(8000.0);
        assert!(disturbed.seconds() < 8.5, "{}", disturbed.seconds());
    }

    #[test]
    fn what_is_old_fades() {
        let mut observed = observed(std::iter::repeat_n(8.0, 1000));
        (0..400).for_each(|_| observed.add(2.0));
        assert!((observed.seconds() - 2.0).abs() < 0.1, "{}", observed.seconds());
    }

    #[test]
    fn skewed_durations_give_their_middle() {
        let observed = observed([4.0, 16.0, 4.0, 16.0]);
        assert!((observed.seconds() - 8.0).abs() < 1e-9);
        assert!(Observed::default().count <= 0.0);
    }
}
