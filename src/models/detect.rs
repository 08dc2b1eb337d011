//! From the outputs of a detector to boxes in the picture.

use super::ModelError;
use crate::{
    model::{DetectStyle, ModelManifest},
    vision::{self, Detection, GridHead},
};

/// Most things that are found in a picture.
pub const MOST_DETECTIONS: usize = 200;

/// The boxes that `outputs` are, in a picture of this size.
pub(super) fn boxes(
    manifest: &ModelManifest,
    outputs: &[Vec<f32>],
    (width, height): (usize, usize),
    least: f64,
) -> Result<Vec<Detection>, ModelError> {
    let none = || ModelError::Run { name: manifest.name.clone(), reason: "its manifest says no boxes".to_owned() };
    let detect = manifest.detect.as_ref().ok_or_else(none)?;
    let size = manifest.input.size();
    let (scores, sides) = outputs.split_at(detect.pairs().min(outputs.len()));
    let found = match detect.style {
        DetectStyle::Nanodet => {
            let pairs = detect.strides.iter().zip(scores).zip(sides);
            let heads: Vec<GridHead<'_>> =
                pairs.map(|((stride, scores), sides)| GridHead { stride: *stride as usize, scores, sides }).collect();
            vision::decode_grid(&heads, size, manifest.output.labels.len(), least)
        }
        DetectStyle::Detr => {
            let labels = if manifest.text.is_some() { None } else { Some(manifest.output.labels.len()) };
            let pairs = scores.iter().zip(sides);
            pairs.flat_map(|(logits, boxes)| vision::decode_proposals(logits, boxes, size, labels, least)).collect()
        }
    };
    let mut found = vision::suppress(found, detect.overlap);
    found.truncate(MOST_DETECTIONS);
    let (x, y) = (width as f64 / size.0 as f64, height as f64 / size.1 as f64);
    found.iter_mut().for_each(|one| one.bounds = one.bounds.scaled(x, y));
    Ok(found)
}
