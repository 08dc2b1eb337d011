//! What a manifest says of the second model of those that are asked with points and boxes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ModelManifest, ModelRole};

/// The model that makes masks of points and boxes, and of what the first one has made of the picture. Names are those of
/// exports of `transformers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelDecoder {
    /// Its ONNX file, one of the model's.
    pub file: String,
    /// The outputs of the first model, which this one takes under the same names.
    #[serde(default = "ModelDecoder::default_features")]
    #[schemars(length(min = 1, max = 8))]
    pub features: Vec<String>,
    /// The input with the points, `[1, 1, points, 2]`, in pixels of the first model's input.
    #[serde(default = "ModelDecoder::default_points")]
    pub points: String,
    /// The input that says of each point whether it belongs to what is meant (1), does not (0), or is none (-1).
    #[serde(default = "ModelDecoder::default_labels")]
    pub labels: String,
    /// The input with the box, `[1, 1, 4]`. Without it a box is asked for by a point in its middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<String>,
    /// The output with the logits of several masks.
    #[serde(default = "ModelDecoder::default_masks")]
    pub masks: String,
    /// The output that says how good each of them is.
    #[serde(default = "ModelDecoder::default_scores")]
    pub scores: String,
}

impl ModelDecoder {
    /// With the names of exports of `transformers`.
    pub fn of_file(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            features: Self::default_features(),
            points: Self::default_points(),
            labels: Self::default_labels(),
            boxes: None,
            masks: Self::default_masks(),
            scores: Self::default_scores(),
        }
    }

    /// What the input with a box is called in exports that have one.
    pub const BOXES: &str = "input_boxes";

    fn default_features() -> Vec<String> {
        ["image_embeddings", "image_positional_embeddings"].map(str::to_owned).to_vec()
    }

    fn default_points() -> String {
        "input_points".to_owned()
    }

    fn default_labels() -> String {
        "input_labels".to_owned()
    }

    fn default_masks() -> String {
        "pred_masks".to_owned()
    }

    fn default_scores() -> String {
        "iou_scores".to_owned()
    }
}

impl ModelManifest {
    /// Where among its files the decoder is.
    pub fn decoder_file(&self) -> Option<usize> {
        let decoder = self.decoder.as_ref()?;
        self.file.iter().position(|file| file.name == decoder.file).filter(|at| *at > 0)
    }

    /// What is wrong with the decoder.
    pub(super) fn decoder_problem(&self) -> Option<String> {
        match (self.role, &self.decoder) {
            (ModelRole::Promptable, None) => Some("a promptable model has a second one: `decoder`".to_owned()),
            (ModelRole::Promptable, Some(decoder)) if self.decoder_file().is_none() => {
                Some(format!("`{}` is none of the files after the model itself", decoder.file))
            }
            _ => None,
        }
    }
}
