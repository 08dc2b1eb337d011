//! What is known of models that a user brings: how pictures go in and masks come out, by the name under
//! which the model is known. Their files differ by who exported them, so hashes are taken from the file.

use crate::model::{ColorOrder, InputFilter, InputFit, InputScale, ModelInput, ModelOutput, OutputStep};

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
    then: &'static [OutputStep],
}

/// Every profile, by name.
pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "birefnet",
        about: "BiRefNet and its variants: 1024 x 1024, logits",
        side: 1024,
        scale: InputScale::Peak,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        then: &[OutputStep::Sigmoid, OutputStep::Stretch],
    },
    Profile {
        name: "isnet",
        about: "ISNet (DIS), such as isnet-general-use: 1024 x 1024",
        side: 1024,
        scale: InputScale::Peak,
        mean: [0.5; 3],
        std: [1.0; 3],
        then: &[OutputStep::Stretch],
    },
    Profile {
        name: "u2net",
        about: "U²-Net and its variants: 320 x 320",
        side: 320,
        scale: InputScale::Peak,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        then: &[OutputStep::Stretch],
    },
];

/// The profile called `name`.
pub(super) fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

impl Profile {
    /// What goes in, and what comes out.
    pub(super) fn interface(&self) -> (ModelInput, ModelOutput) {
        let input = ModelInput {
            name: None,
            shape: vec![1, 3, self.side, self.side],
            colors: ColorOrder::Rgb,
            fit: InputFit::Stretch,
            filter: InputFilter::Lanczos,
            scale: self.scale,
            mean: self.mean.to_vec(),
            std: self.std.to_vec(),
        };
        let output = ModelOutput {
            name: None,
            shape: vec![1, 1, self.side, self.side],
            then: self.then.to_vec(),
            labels: Vec::new(),
        };
        (input, output)
    }
}
