//! Detectors that propose boxes: `DETR`, and those of its kind that are asked in words.

use super::{Bounds, Detection};

/// The boxes with a score of at least `least` in an input of `width` x `height` pixels. Each proposal has `logits` of
/// `labels`, of which the best counts; without labels the best of all of them, for the words that were asked. `boxes` has
/// for each the middle, width and height in shares of the input.
///
/// Source: Carion and others, "End-to-End Object Detection with Transformers" (2020); scores are those of a sigmoid, as
/// `OWL-ViT` and `Grounding-DINO` have them.
pub fn decode_proposals(
    logits: &[f32],
    boxes: &[f32],
    (width, height): (usize, usize),
    labels: Option<usize>,
    least: f64,
) -> Vec<Detection> {
    let frame = Bounds::of_size(width, height);
    let (boxes, _) = boxes.as_chunks::<4>();
    let each = logits.len() / boxes.len().max(1);
    let mut found = Vec::new();
    for (logits, sides) in logits.chunks_exact(each.max(1)).zip(boxes) {
        let counted = &logits[..labels.unwrap_or(each).min(each)];
        let best = counted.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let Some((label, logit)) = best else { continue };
        let score = 1.0 / (1.0 + (-f64::from(*logit)).exp());
        if score < least {
            continue;
        }
        let [x, y, w, h] = sides.map(f64::from);
        let bounds = Bounds::new(x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0);
        let bounds = bounds.scaled(width as f64, height as f64).common(&frame);
        found.push(Detection { label: labels.map_or(0, |_| label), score, bounds });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles_and_sizes_become_boxes() {
        let boxes = [0.5, 0.5, 0.5, 0.25, 0.95, 0.5, 0.2, 0.2];
        let of_words = decode_proposals(&[1.0, 3.0, -4.0, f32::NEG_INFINITY], &boxes, (100, 200), None, 0.5);
        let sure = 1.0 / (1.0 + (-3.0_f64).exp());
        assert_eq!(of_words, [Detection { label: 0, score: sure, bounds: Bounds::new(25.0, 75.0, 75.0, 125.0) }]);
        let labelled = decode_proposals(&[1.0, 3.0, 2.0, 0.0], &boxes, (100, 200), Some(2), 0.5);
        assert_eq!(labelled.iter().map(|one| one.label).collect::<Vec<_>>(), [1, 0]);
        assert!((labelled[1].bounds.left - 85.0).abs() < 1e-5 && labelled[1].bounds.right <= 100.0);
    }
}
