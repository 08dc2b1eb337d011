//! What is known of models that a user brings: how pictures go in and masks or boxes come out, by the name under
//! which the model is known. Their files differ by who exported them, so hashes are taken from the file.

use crate::{
    model::{
        ColorOrder, DetectStyle, InputFilter, InputFit, InputScale, ModelDetect, ModelInput, ModelManifest,
        ModelOutput, ModelRole, ModelText, OutputStep, Trust,
    },
    vision::query::coco_labels,
};

/// The mean of the colours of `ImageNet`.
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// Their deviation.
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

/// What is known of a kind of model.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub about: &'static str,
    side: u32,
    scale: InputScale,
    mean: [f64; 3],
    std: [f64; 3],
    gives: Gives,
}

/// What a kind of model gives.
#[derive(Debug)]
enum Gives {
    /// A mask, after these steps.
    Mask(&'static [OutputStep]),
    /// `NanoDet`'s heads for the labels of COCO.
    Nanodet,
}

/// What goes into a model and comes out.
pub(super) struct Interface {
    pub(super) role: ModelRole,
    pub(super) input: ModelInput,
    pub(super) output: ModelOutput,
    pub(super) detect: Option<ModelDetect>,
    pub(super) text: Option<ModelText>,
}

/// How far `NanoDet`'s scores can be trusted, judged by the boxes on the photograph of `benches/semantic.py`: half of those
/// near 0.35 are right, and nine of ten near 0.6.
const NANODET_TRUST: Trust = Trust { middle: 0.35, slope: 8.0 };

/// Every profile, by name.
pub const PROFILES: [Profile; 4] = [
    Profile {
        name: "birefnet",
        about: "BiRefNet and its variants: 1024 x 1024, logits",
        side: 1024,
        scale: InputScale::Peak,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        gives: Gives::Mask(&[OutputStep::Sigmoid, OutputStep::Stretch]),
    },
    Profile {
        name: "isnet",
        about: "ISNet (DIS), such as isnet-general-use: 1024 x 1024",
        side: 1024,
        scale: InputScale::Peak,
        mean: [0.5; 3],
        std: [1.0; 3],
        gives: Gives::Mask(&[OutputStep::Stretch]),
    },
    Profile {
        name: "nanodet",
        about: "NanoDet trained on COCO, with scores and boxes for the strides 8, 16 and 32: 416 x 416",
        side: 416,
        scale: InputScale::None,
        mean: [103.53, 116.28, 123.675],
        std: [57.375, 57.12, 58.395],
        gives: Gives::Nanodet,
    },
    Profile {
        name: "u2net",
        about: "U²-Net and its variants: 320 x 320",
        side: 320,
        scale: InputScale::Peak,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        gives: Gives::Mask(&[OutputStep::Stretch]),
    },
];

/// The profile called `name`.
pub(super) fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

impl Profile {
    /// What goes in, and what comes out.
    pub(super) fn interface(&self) -> Interface {
        let is_detector = matches!(self.gives, Gives::Nanodet);
        let input = ModelInput {
            name: None,
            shape: vec![1, 3, self.side, self.side],
            colors: if is_detector { ColorOrder::Bgr } else { ColorOrder::Rgb },
            fit: InputFit::Stretch,
            filter: if is_detector { InputFilter::Bilinear } else { InputFilter::Lanczos },
            scale: self.scale,
            mean: self.mean.to_vec(),
            std: self.std.to_vec(),
        };
        let output = |shape, then, labels| ModelOutput { name: None, shape, then, labels, threshold: None };
        match self.gives {
            Gives::Mask(then) => {
                let output = output(vec![1, 1, self.side, self.side], then.to_vec(), Vec::new());
                Interface { role: ModelRole::Salient, input, output, detect: None, text: None }
            }
            Gives::Nanodet => {
                let output = output(Vec::new(), Vec::new(), coco_labels().map(str::to_owned).collect());
                Interface { role: ModelRole::Detector, input, output, detect: Some(nanodet()), text: None }
            }
        }
    }
}

fn nanodet() -> ModelDetect {
    ModelDetect {
        style: DetectStyle::Nanodet,
        strides: vec![8, 16, 32],
        bins: 11,
        scores: Vec::new(),
        boxes: Vec::new(),
        overlap: 0.6,
        trust: Some(NANODET_TRUST),
    }
}

impl Interface {
    /// That of a known model; its inputs and outputs are taken by their places.
    pub(super) fn of(manifest: &ModelManifest) -> Self {
        let ModelManifest { input, output, detect, text, role, .. } = manifest.clone();
        let unnamed = |detect| ModelDetect { scores: Vec::new(), boxes: Vec::new(), ..detect };
        Self {
            role,
            input: ModelInput { name: None, ..input },
            output: ModelOutput { name: None, ..output },
            detect: detect.map(unnamed),
            text,
        }
    }

    /// With a square input of `side` pixels.
    pub(super) fn set_side(&mut self, side: u32) {
        let last = if self.input.channels_last() { 1..3 } else { 2..4 };
        self.input.shape[last].fill(side);
        if self.role == ModelRole::Salient {
            let sides = self.output.shape.len().saturating_sub(2);
            self.output.shape[sides..].fill(side);
        }
    }
}
