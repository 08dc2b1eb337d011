//! Tests of pairs that assume little: sign flips, and how often one beats the other.

use super::summary::Resampler;

/// Differences up to which all sign vectors are tried; beyond it they are drawn.
const ALL_SIGNS: usize = 20;

/// Sign vectors that are drawn for more differences.
const DRAWN: u32 = 20_000;

/// The two-sided p-value of "differences are as likely to be `d` as `-d`": the share of sign vectors whose sum is
/// at least as far from 0 as the one that was seen. Exact up to 20 differences that are not 0; 20,000 vectors
/// drawn from `seed` for more. 1 without differences.
pub fn sign_flip_p(differences: &[f64], seed: u64) -> f64 {
    let sizes: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    // Sums in another order differ by rounding.
    let seen = sizes.iter().sum::<f64>().abs() - 1e-12;
    if sizes.len() <= ALL_SIGNS { every_sign(&sizes, seen) } else { drawn_signs(&sizes, seen, seed) }
}

/// Goes through all sign vectors in an order in which one sign changes at a time (a Gray code).
fn every_sign(sizes: &[f64], seen: f64) -> f64 {
    let all = 1_u32 << sizes.len();
    let mut signs = vec![1.0; sizes.len()];
    let mut sum: f64 = sizes.iter().sum();
    let mut far = u32::from(sum.abs() >= seen);
    for step in 1..all {
        let at = step.trailing_zeros() as usize;
        signs[at] = -signs[at];
        sum += 2.0 * signs[at] * sizes[at];
        far += u32::from(sum.abs() >= seen);
    }
    f64::from(far) / f64::from(all)
}

fn drawn_signs(sizes: &[f64], seen: f64, seed: u64) -> f64 {
    let mut random = Resampler::new(seed);
    let mut far = 1;
    for _ in 0..DRAWN {
        let (mut sum, mut bits) = (0.0, 0);
        for (k, size) in sizes.iter().enumerate() {
            if k % 64 == 0 {
                bits = random.bits();
            }
            sum += if bits >> (k % 64) & 1 == 1 { *size } else { -size };
        }
        far += u32::from(sum.abs() >= seen);
    }
    f64::from(far) / f64::from(DRAWN + 1)
}

/// The probability that a value of `b` is above one of `a`, plus half the probability of a tie: 0.5 means that
/// neither is better. None where one has no values.
pub fn superiority(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut sorted = a.to_vec();
    sorted.sort_by(f64::total_cmp);
    let points = b.iter().map(|value| {
        let below = sorted.partition_point(|other| other < value);
        let upto = sorted.partition_point(|other| other <= value);
        0.5 * (below + upto) as f64
    });
    Some(points.sum::<f64>() / (a.len() as f64 * b.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_differences_cannot_say_much() {
        assert!((sign_flip_p(&[0.1; 5], 1) - 2.0 / 32.0).abs() < 1e-12);
        assert!((sign_flip_p(&[], 1) - 1.0).abs() < 1e-12);
        assert!((sign_flip_p(&[0.0; 30], 1) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn drawn_signs_agree_with_all() {
        let differences: Vec<f64> = (0..20).map(|k| 0.03 + 0.1 * (f64::from(k) * 2.4).sin()).collect();
        let exact = sign_flip_p(&differences, 1);
        let seen = differences.iter().sum::<f64>().abs() - 1e-12;
        let drawn = drawn_signs(&differences, seen, 7);
        assert!((exact - drawn).abs() < 0.012, "{exact} and {drawn}");
        assert!((drawn_signs(&differences, seen, 7) - drawn).abs() < 1e-15, "the same each time");
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(superiority(&[1.0, 2.0], &[2.0, 3.0]), Some(0.875));
        assert_eq!(superiority(&[2.0], &[2.0]), Some(0.5));
        assert_eq!(superiority(&[], &[2.0]), None);
    }
}
