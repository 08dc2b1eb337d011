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

/// What several looks at one picture find together, the surest first; of each look the best comes first, and no two of
/// one thing. A box is the mean of the looks' boxes that cover each other by more than `overlap`, weighted by their scores;
/// its score is the mean over all looks, 0 in those that do not see it.
///
/// Source: Solovyev and others, "Weighted boxes fusion" (2021), where clusters are around their best box.
pub fn agreed(looks: &[Vec<Detection>], overlap: f64) -> Vec<Detection> {
    let mut all: Vec<(usize, &Detection)> =
        looks.iter().enumerate().flat_map(|(look, found)| found.iter().map(move |one| (look, one))).collect();
    all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    let mut clusters: Vec<Vec<(usize, &Detection)>> = Vec::new();
    for (look, one) in all {
        let takes = |cluster: &&mut Vec<(usize, &Detection)>| {
            let best = cluster[0].1;
            best.label == one.label
                && best.bounds.overlap(&one.bounds) > overlap
                && cluster.iter().all(|(other, _)| *other != look)
        };
        match clusters.iter_mut().find(takes) {
            Some(cluster) => cluster.push((look, one)),
            None => clusters.push(vec![(look, one)]),
        }
    }
    let together = |cluster: Vec<(usize, &Detection)>| {
        let weight: f64 = cluster.iter().map(|(_, one)| one.score).sum();
        let mean = |side: fn(&Bounds) -> f64| {
            cluster.iter().map(|(_, one)| one.score * side(&one.bounds)).sum::<f64>() / weight.max(f64::MIN_POSITIVE)
        };
        let bounds = Bounds::new(mean(|b| b.left), mean(|b| b.top), mean(|b| b.right), mean(|b| b.bottom));
        Detection { label: cluster[0].1.label, score: weight / looks.len() as f64, bounds }
    };
    let mut found: Vec<Detection> = clusters.into_iter().map(together).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_looks_see_is_surer() {
        let straight = vec![found(0, 0.6, 0.0), found(1, 0.5, 0.0), found(0, 0.4, 30.0)];
        let mirrored = vec![found(0, 0.3, 1.0), found(0, 0.2, 2.0), found(2, 0.1, 0.0)];
        let together: Vec<(usize, f64, f64)> =
            agreed(&[straight, mirrored], 0.5).iter().map(|one| (one.label, one.score, one.bounds.left)).collect();
        let wanted = [(0, 0.45, 1.0 / 3.0), (1, 0.25, 0.0), (0, 0.2, 30.0), (0, 0.1, 2.0), (2, 0.05, 0.0)];
        assert_eq!(together.len(), wanted.len(), "{together:?}");
        for (found, wanted) in together.iter().zip(wanted) {
            let is_near = (found.1 - wanted.1).abs() < 1e-12 && (found.2 - wanted.2).abs() < 1e-12;
            assert!(found.0 == wanted.0 && is_near, "{found:?}, wanted {wanted:?}");
        }
        assert_eq!(agreed(&[Vec::new(), Vec::new()], 0.5), Vec::new());
    }

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
