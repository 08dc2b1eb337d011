//! How values of a metric become scores.

/// Where the values of a metric lie, and which end is the better one: a value becomes a score from 0 (worst) to 1
/// (best), and what is found of scores is told of values again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreScale {
    /// The value that scores 0.
    pub worst: f64,
    /// The value that scores 1.
    pub best: f64,
    /// Whether a value beyond an end counts as that end; else it is none.
    pub clamps: bool,
}

impl Default for ScoreScale {
    /// Values are scores as they are.
    fn default() -> Self {
        Self { worst: 0.0, best: 1.0, clamps: false }
    }
}

impl ScoreScale {
    /// The score of `value`; none for a value that does not count.
    pub fn score(self, value: f64) -> Option<f64> {
        let score = (value - self.worst) / (self.best - self.worst);
        let clamped = if self.clamps { score.clamp(0.0, 1.0) } else { score };
        (0.0..=1.0).contains(&clamped).then_some(clamped)
    }

    /// The scores of a block of values.
    pub fn scores(self, block: &[Option<f64>]) -> Vec<Option<f64>> {
        block.iter().map(|value| value.and_then(|value| self.score(value))).collect()
    }

    /// The value with this score.
    pub fn value(self, score: f64) -> f64 {
        self.worst + self.difference(score)
    }

    /// The difference of values that a difference of scores is.
    pub fn difference(self, of_scores: f64) -> f64 {
        of_scores * (self.best - self.worst)
    }

    /// The interval of a difference of values, the lower end first.
    pub fn interval(self, [low, high]: [f64; 2]) -> [f64; 2] {
        let (one, other) = (self.difference(low), self.difference(high));
        [one.min(other), one.max(other)]
    }

    /// How much of the values a spread or an advantage of scores is, without a sign.
    pub fn spread(self, of_scores: f64) -> f64 {
        self.difference(of_scores).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_may_be_better_and_values_beyond_the_ends_count_as_the_ends() {
        let seconds = ScoreScale { worst: 60.0, best: 10.0, clamps: true };
        let scores: Vec<Option<f64>> = [10.0, 35.0, 60.0, 99.0, 1.0].map(|s| seconds.score(s)).to_vec();
        assert_eq!(scores, [1.0, 0.5, 0.0, 0.0, 1.0].map(Some));
        assert_eq!((seconds.value(0.5), seconds.difference(0.1), seconds.spread(0.1)), (35.0, -5.0, 5.0));
        let [low, high] = seconds.interval([-0.1, 0.3]);
        assert!((low + 15.0).abs() < 1e-9 && (high - 5.0).abs() < 1e-9);
        assert_eq!(ScoreScale::default().scores(&[Some(0.25), None, Some(1.5)]), [Some(0.25), None, None]);
        assert_eq!(seconds.score(f64::NAN), None);
    }
}
