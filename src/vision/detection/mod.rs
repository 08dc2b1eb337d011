//! Things that a detector found: boxes with labels and scores, from the numbers that a model gives.

mod bounds;
mod grid;
mod proposals;

pub use bounds::Bounds;
pub use grid::{GridHead, decode_grid};
pub use proposals::decode_proposals;

/// A thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Which label of the model's it has, from 0.
    pub label: usize,
    /// How sure the model is, 0 to 1.
    pub score: f64,
    /// Where it is.
    pub bounds: Bounds,
}

/// The best of `found` in their order: what covers one of the same label by more than `overlap` (intersection over
/// union) is the same thing again. Things of different labels do not hide each other.
pub fn suppress(mut found: Vec<Detection>, overlap: f64) -> Vec<Detection> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for one in found {
        let is_again = |other: &Detection| other.label == one.label && other.bounds.overlap(&one.bounds) > overlap;
        if !kept.iter().any(is_again) {
            kept.push(one);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(label: usize, score: f64, left: f64) -> Detection {
        Detection { label, score, bounds: Bounds::new(left, 0.0, left + 10.0, 10.0) }
    }

    #[test]
    fn the_same_thing_counts_once() {
        let all = vec![found(0, 0.5, 1.0), found(0, 0.9, 0.0), found(1, 0.4, 0.0), found(0, 0.3, 8.0)];
        let kept: Vec<(usize, f64)> = suppress(all, 0.6).iter().map(|one| (one.label, one.score)).collect();
        assert_eq!(kept, [(0, 0.9), (1, 0.4), (0, 0.3)]);
    }
}
