//! Detectors with a grid of cells for each stride, as `NanoDet` and other generalized focal models have them.

use super::{Bounds, Detection};

/// What a model gives for the cells of one stride, row by row.
#[derive(Clone, Copy, Debug)]
pub struct GridHead<'a> {
    /// Pixels of the input from one cell to the next.
    pub stride: usize,
    /// For each cell the score of each label, 0 to 1.
    pub scores: &'a [f32],
    /// For each cell and each of its sides (left, top, right, bottom) the weights of the distances 0, 1, 2, … strides,
    /// before softmax: the distance is their mean.
    pub sides: &'a [f32],
}

/// The boxes with a score of at least `least` in an input of `width` x `height` pixels, for `labels` labels; the best
/// label of each cell.
///
/// Source: Li and others, "Generalized Focal Loss" (2020): distances are expectations of discrete distributions. A box
/// goes out from the middle of its cell.
pub fn decode_grid(
    heads: &[GridHead<'_>],
    (width, height): (usize, usize),
    labels: usize,
    least: f64,
) -> Vec<Detection> {
    let frame = Bounds::of_size(width, height);
    let mut found = Vec::new();
    for head in heads {
        let columns = width.div_ceil(head.stride.max(1));
        let cells = head.scores.chunks_exact(labels.max(1));
        let bins = head.sides.len() / cells.len().max(1) / 4;
        for (cell, scores) in cells.enumerate() {
            let Some((label, score)) = best(scores).filter(|(_, score)| *score >= least) else { continue };
            let middle = |at: usize| (at as f64 + 0.5) * head.stride as f64;
            let (x, y) = (middle(cell % columns), middle(cell / columns));
            let sides = &head.sides[cell * 4 * bins..][..4 * bins];
            let distance = |side: usize| mean_bin(&sides[side * bins..][..bins]) * head.stride as f64;
            let bounds = Bounds::new(x - distance(0), y - distance(1), x + distance(2), y + distance(3));
            found.push(Detection { label, score, bounds: bounds.common(&frame) });
        }
    }
    found
}

fn best(scores: &[f32]) -> Option<(usize, f64)> {
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    Some((best.0, f64::from(*best.1)))
}

/// The expectation of the number of a bin.
fn mean_bin(weights: &[f32]) -> f64 {
    let largest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares = weights.iter().map(|weight| f64::from(*weight - largest).exp());
    let (sum, moment) =
        shares.enumerate().fold((0.0, 0.0), |(sum, moment), (bin, share)| (sum + share, moment + share * bin as f64));
    if sum > 0.0 { moment / sum } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cells of stride 8, one of stride 16; three labels, three bins. The numbers are `NumPy`'s.
    #[test]
    fn boxes_go_out_from_the_middle_of_their_cells() {
        let scores = [0.1, 0.2, 0.05, 0.7, 0.6, 0.1];
        // Sure of one bin; in between; equal weights.
        let sure = [[50.0, 0.0, 0.0], [0.0, 50.0, 0.0], [0.0, 0.0, 50.0], [0.0, 0.0, 0.0]].concat();
        let sides = [vec![0.0; 12], sure].concat();
        let small = GridHead { stride: 8, scores: &scores, sides: &sides };
        let coarse = [0.0, 0.0, 0.9];
        let between: Vec<f32> = [[1.0_f32, 2.0, 0.5]; 4].concat();
        let large = GridHead { stride: 16, scores: &coarse, sides: &between };
        let found = decode_grid(&[small, large], (16, 8), 3, 0.3);
        assert_eq!(found.iter().map(|one| one.label).collect::<Vec<_>>(), [0, 2]);
        let Bounds { left, top, right, bottom } = found[0].bounds;
        // The middle is (12, 4); right and bottom end at the picture's edge.
        assert_eq!((left, top, right, bottom), (12.0, 0.0, 16.0, 8.0));
        // softmax(1, 2, 0.5) has the mean 0.909020…; from (8, 8) that is 14.5 pixels, more than there is.
        assert_eq!(found[1].bounds, Bounds::new(0.0, 0.0, 16.0, 8.0));
        assert!((mean_bin(&[1.0, 2.0, 0.5]) - 0.909_020_5).abs() < 1e-6, "{}", mean_bin(&[1.0, 2.0, 0.5]));
        assert!((found[1].score - 0.9).abs() < 1e-6);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(decode_grid(&[GridHead { stride: 8, scores: &[], sides: &[] }], (8, 8), 80, 0.1).is_empty());
    }

    /// Random outputs, decoded by `fixtures/models/detectors.py`.
    #[test]
    fn boxes_are_those_of_numpy() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/models/detections.json");
        let known: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let part =
            |key: &str, at: usize| -> Vec<f32> { numbers(&known[key][at]).iter().map(|value| *value as f32).collect() };
        let (scores, sides) = ([part("scores", 0), part("scores", 1)], [part("sides", 0), part("sides", 1)]);
        let heads = [(8, 0), (16, 1)].map(|(stride, at)| GridHead { stride, scores: &scores[at], sides: &sides[at] });
        let size = (known["size"][0].as_u64().unwrap() as usize, known["size"][1].as_u64().unwrap() as usize);
        let found = decode_grid(&heads, size, 3, known["least"].as_f64().unwrap());
        let found = crate::vision::suppress(found, known["overlap"].as_f64().unwrap());
        let wanted = known["found"].as_array().unwrap();
        assert!(wanted.len() > 5 && found.len() == wanted.len(), "{} of {}", found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert_eq!(found.label as u64, wanted[0].as_u64().unwrap());
            let Bounds { left, top, right, bottom } = found.bounds;
            let near =
                numbers(&wanted[2]).into_iter().zip([left, top, right, bottom]).all(|(a, b)| (a - b).abs() < 1e-3);
            assert!(near, "{found:?}, wanted {wanted}");
        }
    }
}
