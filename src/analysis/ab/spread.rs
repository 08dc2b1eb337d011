//! How far differences within blocks spread, by tests that were run before.

use serde::Serialize;

use super::verdict::Blocks;
use crate::stats::Sums;

/// Fewest blocks from which a spread is taken.
const FEWEST: u32 = 8;

/// The spread of differences as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeasuredSpread {
    /// The standard deviation of the difference of two variations on the same seed.
    pub deviation: f64,
    /// Blocks from which it comes.
    pub blocks: u32,
}

/// The spread of the differences of every two variations of each of `tests`, around their mean; none of too few
/// blocks, or where nothing differs.
pub fn measured_spread(tests: &[Blocks]) -> Option<MeasuredSpread> {
    let (mut squares, mut freedom, mut blocks) = (0.0, 0.0, 0);
    for test in tests {
        let variations = test.first().map_or(0, Vec::len);
        for (one, other) in (0..variations).flat_map(|one| (one + 1..variations).map(move |other| (one, other))) {
            let differences: Vec<f64> = test.iter().filter_map(|block| Some(block[one]? - block[other]?)).collect();
            if differences.len() > 1 {
                let degrees = differences.len() as f64 - 1.0;
                squares += Sums::of(&differences).variance() * degrees;
                freedom += degrees;
            }
        }
        blocks += test.iter().filter(|block| block.iter().flatten().count() > 1).count() as u32;
    }
    let deviation = if freedom > 0.0 { (squares / freedom).sqrt() } else { 0.0 };
    (blocks >= FEWEST && deviation > 0.0).then_some(MeasuredSpread { deviation, blocks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_pooled_and_their_means_left_out() {
        let test = |gap: f64, blocks: u32| -> Blocks {
            (0..blocks).map(|k| vec![Some(0.5), Some(0.5 + gap + if k % 2 == 0 { 0.1 } else { -0.1 })]).collect()
        };
        let found = measured_spread(&[test(0.0, 8), test(0.3, 8)]).unwrap();
        // 16 squares of 0.1 over 14 degrees of freedom.
        assert!((found.deviation - (0.16_f64 / 14.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.blocks, 16);
        assert_eq!(measured_spread(&[test(0.0, 6)]), None, "too few");
        assert_eq!(measured_spread(&[vec![vec![Some(0.5), Some(0.5)]; 20]]), None, "nothing differs");
        let mut failed = test(0.0, 10);
        failed[3][0] = None;
        assert_eq!(measured_spread(&[failed]).unwrap().blocks, 9);
    }
}
