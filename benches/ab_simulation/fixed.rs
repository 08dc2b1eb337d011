//! Tests with a fixed number of samples, to compare with: the winner is claimed once, at the end.

use comfywright::stats::{Sums, holm, t_point, t_tail, welch_t};

use super::scores::Blocks;

/// Which test.
#[derive(Clone, Copy, PartialEq)]
pub enum Fixed {
    /// Student's paired t of the leader against each other one, at `alpha / (2 (K - 1))`: the best of the fixed
    /// tests for this claim.
    Paired,
    /// Welch's t of all pairs, with Holm's correction.
    Welch,
}

/// The winner of `blocks` after `count` blocks.
pub fn winner(test: Fixed, blocks: &Blocks, count: usize, alpha: f64) -> Option<usize> {
    let width = blocks[0].len();
    let column = |variation: usize| blocks[..count].iter().filter_map(move |block| block[variation]);
    let sums: Vec<Sums> = (0..width).map(|variation| Sums::of(&column(variation).collect::<Vec<_>>())).collect();
    let leader = (0..width).max_by(|a, b| sums[*a].mean().total_cmp(&sums[*b].mean()))?;
    match test {
        Fixed::Paired => {
            let point = t_point(alpha / (2.0 * (width as f64 - 1.0)), count as f64 - 1.0);
            let beats = |other: usize| {
                let differences: Vec<f64> = column(leader).zip(column(other)).map(|(a, b)| a - b).collect();
                Sums::of(&differences).t().is_some_and(|t| t >= point)
            };
            (0..width).filter(|other| *other != leader).all(beats).then_some(leader)
        }
        Fixed::Welch => {
            let pairs: Vec<(usize, usize)> = (1..width).flat_map(|j| (0..j).map(move |i| (i, j))).collect();
            let p: Vec<f64> = pairs.iter().map(|(i, j)| welch_p(&sums[*i], &sums[*j])).collect();
            let adjusted = holm(&p);
            let is_lead = |(i, j): &(usize, usize)| *i == leader || *j == leader;
            pairs.iter().zip(adjusted).filter(|(pair, _)| is_lead(pair)).all(|(_, p)| p <= alpha).then_some(leader)
        }
    }
}

fn welch_p(a: &Sums, b: &Sums) -> f64 {
    welch_t(a, b, 0.95).map_or(1.0, |test| test.p)
}

/// The winner when somebody looks after every block from the fifth on, with the paired test of a single look.
pub fn peeking(blocks: &Blocks, count: usize, alpha: f64) -> Option<usize> {
    let mut sums = Sums::default();
    for (number, block) in blocks[..count].iter().enumerate() {
        if let (Some(a), Some(b)) = (block[0], block[1]) {
            sums.push(a - b);
        }
        let t = sums.t().unwrap_or(0.0);
        if number >= 4 && 2.0 * t_tail(t.abs(), number as f64) <= alpha {
            return Some(usize::from(t < 0.0));
        }
    }
    None
}
