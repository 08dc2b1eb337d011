//! Scores as generations might have them.

use comfywright::stats::{Resampler, normal_point, normal_tail};
use statrs::function::beta::beta_reg;

/// A distribution on [0, 1], as a table of its quantiles at even steps of a normal value from -6 to 6.
pub struct Shape {
    points: Vec<f64>,
}

const STEPS: usize = 4_000;
const REACH: f64 = 6.0;

impl Shape {
    fn of(quantile: impl Fn(f64) -> f64) -> Self {
        let z = |k: usize| 2.0 * REACH * k as f64 / STEPS as f64 - REACH;
        Self { points: (0..=STEPS).map(|k| quantile(1.0 - normal_tail(z(k)))).collect() }
    }

    /// A Beta distribution of this mean and standard deviation.
    pub fn beta(mean: f64, deviation: f64) -> Self {
        let sum = mean * (1.0 - mean) / (deviation * deviation) - 1.0;
        let (a, b) = (mean * sum, (1.0 - mean) * sum);
        Self::of(|p| {
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if beta_reg(a, b, middle) < p { low = middle } else { high = middle }
            }
            0.5 * (low + high)
        })
    }

    /// The value at a normal one.
    fn at(&self, z: f64) -> f64 {
        let place = ((z + REACH) / (2.0 * REACH)).clamp(0.0, 1.0) * STEPS as f64;
        let low = (place as usize).min(STEPS - 1);
        self.points[low] + (place - low as f64) * (self.points[low + 1] - self.points[low])
    }
}

/// Where the scores of a variation come from.
pub enum Source {
    /// A continuous distribution.
    Shape(Shape),
    /// Values with their probabilities, in ascending order.
    Values(Vec<(f64, f64)>),
    /// With the first number's probability 0, else of the distribution.
    Inflated(f64, Shape),
}

impl Source {
    fn draw(&self, z: f64) -> f64 {
        match self {
            Self::Shape(shape) => shape.at(z),
            Self::Values(values) => {
                let mut left = 1.0 - normal_tail(z);
                let found = values.iter().find(|(_, probability)| {
                    left -= probability;
                    left <= 0.0
                });
                found.or(values.last()).map_or(0.0, |(value, _)| *value)
            }
            Self::Inflated(zero, shape) => {
                let p = 1.0 - normal_tail(z);
                if p < *zero { 0.0 } else { shape.at(-normal_point((p - zero) / (1.0 - zero))) }
            }
        }
    }
}

/// Scores of one test: blocks of a score for each variation.
pub type Blocks = Vec<Vec<Option<f64>>>;

/// Tests of `blocks` blocks. The normal values behind the scores of one seed have the correlation `correlation`.
pub fn tests(sources: &[Source], correlation: f64, blocks: usize, replications: usize, seed: u64) -> Vec<Blocks> {
    let (common, own) = (correlation.sqrt(), (1.0 - correlation).sqrt());
    let one = |replication: usize| -> Blocks {
        let mut random = Resampler::new(seed ^ (replication as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
        let mut normal = || normal_point(random.uniform());
        (0..blocks)
            .map(|_| {
                let shared = normal();
                sources.iter().map(|source| Some(source.draw(common * shared + own * normal()))).collect()
            })
            .collect()
    };
    super::in_parallel(replications, one)
}
