//! What goes into a model and comes out, as its manifest says.

use tract_onnx::prelude::DatumType;

use crate::model::{DetectStyle, ModelDecoder, ModelDetect, ModelManifest, ModelText};

/// One input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// Its name; by its place in the file without it.
    pub(super) name: Option<String>,
    /// Sizes of its axes; of an output 0 where it may be any, and empty where all of them may.
    pub(super) shape: Vec<usize>,
    /// Whether its values are whole numbers.
    pub(super) whole: bool,
}

/// The inputs and outputs, in the order in which they are given and taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
}

/// The values of one input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values<'a> {
    /// Numbers.
    Real(&'a [f32]),
    /// Whole numbers.
    Whole(&'a [i64]),
}

impl Port {
    fn real(name: Option<String>, shape: Vec<usize>) -> Self {
        Self { name, shape, whole: false }
    }

    fn any(name: &str) -> Self {
        Self::real(Some(name.to_owned()), Vec::new())
    }

    fn tokens(name: &str, text: &ModelText) -> Self {
        Self { name: Some(name.to_owned()), shape: vec![1, text.length as usize], whole: true }
    }

    /// The type of its values where the file leaves it open.
    pub(super) fn kind(&self) -> DatumType {
        if self.whole { DatumType::I64 } else { DatumType::F32 }
    }

    /// Whether values of this type are what goes in here.
    pub(super) fn takes(&self, kind: DatumType) -> bool {
        if self.whole { kind == DatumType::I64 } else { matches!(kind, DatumType::F32 | DatumType::F16) }
    }

    /// What goes in here, for people.
    pub(super) fn what(&self) -> &'static str {
        if self.whole { "whole numbers" } else { "pictures in floating point" }
    }
}

impl Ports {
    /// Those of the model of `manifest`.
    pub(super) fn of(manifest: &ModelManifest) -> Self {
        let sizes = |shape: &[u32]| shape.iter().map(|side| *side as usize).collect();
        let mut inputs = vec![Port::real(manifest.input.name.clone(), sizes(&manifest.input.shape))];
        if let Some(text) = &manifest.text {
            inputs.push(Port::tokens(&text.input, text));
            inputs.extend(text.attention.iter().chain(&text.types).map(|name| Port::tokens(name, text)));
        }
        let (width, height) = manifest.input.size();
        let pixels = |name: &String| Port { whole: true, ..Port::real(Some(name.clone()), vec![1, height, width]) };
        inputs.extend(manifest.input.mask.iter().map(pixels));
        let outputs = match (&manifest.detect, &manifest.decoder) {
            (Some(detect), _) => heads(manifest, detect),
            (None, Some(decoder)) => decoder.features.iter().map(|name| Port::any(name)).collect(),
            (None, None) => vec![Port::real(manifest.output.name.clone(), sizes(&manifest.output.shape))],
        };
        Self { inputs, outputs }
    }

    /// Those of a decoder for features of these `shapes` and so many points: points, their labels, a box where there is
    /// one, features.
    pub(super) fn of_decoder(decoder: &ModelDecoder, shapes: &[Vec<usize>], points: usize) -> Self {
        let named = |name: &str, shape: &[usize]| Port::real(Some(name.to_owned()), shape.to_vec());
        let labels = Port { whole: true, ..named(&decoder.labels, &[1, 1, points]) };
        let mut inputs = vec![named(&decoder.points, &[1, 1, points, 2]), labels];
        inputs.extend(decoder.boxes.iter().map(|name| named(name, &[1, 1, 4])));
        inputs.extend(decoder.features.iter().zip(shapes).map(|(name, shape)| named(name, shape)));
        Self { inputs, outputs: [&decoder.masks, &decoder.scores].map(|name| Port::any(name)).to_vec() }
    }
}

/// The scores for each stride, or of all proposals, then the boxes.
fn heads(manifest: &ModelManifest, detect: &ModelDetect) -> Vec<Port> {
    if detect.style == DetectStyle::Detr {
        let port = |names: &[String], values: usize| Port::real(names.first().cloned(), vec![1, 0, values]);
        return vec![port(&detect.scores, 0), port(&detect.boxes, 4)];
    }
    let port = |names: &[String], at: usize, stride: u32, values: usize| {
        Port::real(names.get(at).cloned(), vec![1, ModelDetect::cells(stride, manifest.input.size()), values])
    };
    let strides = || detect.strides.iter().copied().enumerate();
    let labels = manifest.output.labels.len();
    let scores = strides().map(|(at, stride)| port(&detect.scores, at, stride, labels));
    let boxes =
        strides().map(|(at, stride)| port(&detect.boxes, at, stride, 4 * detect.bins.unwrap_or_default() as usize));
    scores.chain(boxes).collect()
}
