//! What a manifest says of a detector: how its outputs become boxes, and how far its scores can be trusted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InputFit, ModelManifest};

/// How the outputs of a detector become boxes with labels; `output.labels` names the labels, unless it is asked in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelDetect {
    /// How its numbers are read.
    pub style: DetectStyle,
    /// `nanodet`: pixels of the input from one cell to the next, for each pair of outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(range(min = 1, max = 1024)))]
    pub strides: Vec<u32>,
    /// `nanodet`: how many distances a side of a box may have: 0, 1, 2, … strides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 64))]
    pub bins: Option<u32>,
    /// Names of the outputs with the scores, one for each stride; the first outputs of the file without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub scores: Vec<String>,
    /// Names of the outputs with the boxes; those after the scores without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub boxes: Vec<String>,
    /// Of two boxes with one label, the worse is left out when they overlap by more (intersection over union).
    #[serde(default = "ModelDetect::default_overlap")]
    #[schemars(range(min = 0.05, max = 1.0))]
    pub overlap: f64,
    /// How its scores become the likelihood that a thing is there; the scores themselves without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
}

/// Ways of reading the numbers of a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DetectStyle {
    /// `NanoDet`'s: for each cell of a grid a score of each label, and the distances to the four sides as weights of bins.
    Nanodet,
    /// That of transformers which propose boxes, such as `DETR`, `OWL-ViT` and `Grounding-DINO`: for each proposal logits
    /// of the labels, or of the words that were asked, and a box as its middle and size in shares of the picture.
    Detr,
}

/// A likelihood of 1 / (1 + exp(-`slope` (score - `middle`))).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trust {
    /// The score that is right every other time.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub middle: f64,
    /// How quickly it becomes sure from there.
    #[schemars(range(min = 0.1, max = 1000.0))]
    pub slope: f64,
}

impl Trust {
    /// How likely a thing with this score is there.
    pub fn likelihood(&self, score: f64) -> f64 {
        1.0 / (1.0 + (-self.slope * (score - self.middle)).exp())
    }
}

impl ModelDetect {
    fn default_overlap() -> f64 {
        0.6
    }

    /// How likely a thing with this score is there.
    pub fn likelihood(&self, score: f64) -> f64 {
        self.trust.map_or(score, |trust| trust.likelihood(score))
    }

    /// How many outputs have scores, and as many boxes.
    pub fn pairs(&self) -> usize {
        self.strides.len().max(1)
    }

    /// Cells of the grid with `stride` in an input of this size.
    pub fn cells(stride: u32, (width, height): (usize, usize)) -> usize {
        let stride = stride.max(1) as usize;
        width.div_ceil(stride) * height.div_ceil(stride)
    }
}

impl ModelManifest {
    /// What is wrong with the outputs of a detector, and at which key of `detect`; nothing for other models.
    pub(super) fn detect_problem(&self) -> Option<(&'static str, String)> {
        let detect = self.detect.as_ref()?;
        if detect.style == DetectStyle::Nanodet && (detect.strides.is_empty() || detect.bins.is_none()) {
            return Some(("style", "a grid of cells has `strides` and `bins`".to_owned()));
        }
        if detect.style == DetectStyle::Detr && !(detect.strides.is_empty() && detect.bins.is_none()) {
            return Some(("style", "boxes that are proposed have neither `strides` nor `bins`".to_owned()));
        }
        for (key, names) in [("scores", &detect.scores), ("boxes", &detect.boxes)] {
            let count = detect.pairs();
            if !names.is_empty() && names.len() != count {
                return Some((key, format!("{count} strides need as many outputs, not {}", names.len())));
            }
        }
        if self.input.fit != InputFit::Stretch {
            return Some(("style", "a detector sees the whole picture: `input.fit` is \"stretch\"".to_owned()));
        }
        if detect.scores.is_empty() != detect.boxes.is_empty() {
            return Some((
                "strides",
                "name the outputs with the scores and those with the boxes, or neither".to_owned(),
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_right_every_other_time() {
        let trust = Trust { middle: 0.4, slope: 9.0 };
        assert!((trust.likelihood(0.4) - 0.5).abs() < 1e-12);
        assert!(trust.likelihood(0.8) > 0.95 && trust.likelihood(0.1) < 0.1);
        assert_eq!(ModelDetect::cells(32, (416, 320)), 130);
        assert_eq!(ModelDetect::cells(32, (33, 1)), 2);
    }
}
