//! What is known of models that a user brings: how pictures go in and masks or boxes come out, by the name under
//! which the model is known. Their files differ by who exported them, so hashes are taken from the file.

use crate::model::{InputScale, OutputStep, Trust};

/// The mean of the colours of `ImageNet`.
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// Their deviation.
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

/// The mean of the colours of CLIP's pictures.
const CLIP_MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];

/// Their deviation.
const CLIP_STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

/// What is known of a kind of model.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub about: &'static str,
    pub(super) side: u32,
    pub(super) scale: InputScale,
    pub(super) mean: [f64; 3],
    pub(super) std: [f64; 3],
    pub(super) gives: Gives,
}

/// What a kind of model gives.
#[derive(Debug)]
pub(super) enum Gives {
    /// A mask, after these steps.
    Mask(&'static [OutputStep]),
    /// `NanoDet`'s heads for the labels of COCO.
    Nanodet,
    /// Logits of where that is which words say, inside from this value on.
    Words(&'static Asked, f64),
    /// Boxes around what words say, with scores of this trust.
    Boxes(&'static Asked, Trust),
    /// Masks of points and boxes, in two files.
    Prompted,
}

/// How a kind of model is asked in words, with the inputs that exports of `transformers` have.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) length: u32,
    /// The token of its tokenizer that fills up.
    pub(super) pad: &'static str,
    pub(super) prompt: &'static str,
}

/// How far `NanoDet`'s scores can be trusted, fitted to the boxes of 128 labelled photographs of COCO with labels that are in
/// the picture, found in them and their mirror images together: a quarter of those near 0.3 are right, half near 0.37, eight
/// of ten near 0.5. The surest box of a label is right more often, which `native` knows.
pub(super) const NANODET_TRUST: Trust = Trust { middle: 0.37, slope: 13.0 };

/// How far `OWL-ViT`'s scores can be trusted. Not measured: 0.1 is the threshold that is customary.
const OWLVIT_TRUST: Trust = Trust { middle: 0.12, slope: 20.0 };

/// The same for `Grounding DINO`, whose customary threshold is 0.25 to 0.3.
const GROUNDING_DINO_TRUST: Trust = Trust { middle: 0.3, slope: 12.0 };

/// Every profile, by name.
pub const PROFILES: [Profile; 8] = [
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
        name: "clipseg",
        about: "CLIPSeg, such as clipseg-rd64-refined: 352 x 352, asked in words",
        side: 352,
        scale: InputScale::Unit,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        gives: Gives::Words(&Asked { length: 77, pad: "<|endoftext|>", prompt: "{}" }, 0.4),
    },
    Profile {
        name: "grounding-dino",
        about: "Grounding DINO, such as grounding-dino-tiny: 800 x 800, asked in words; slow",
        side: 800,
        scale: InputScale::Unit,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        gives: Gives::Boxes(&Asked { length: 16, pad: "[PAD]", prompt: "{}." }, GROUNDING_DINO_TRUST),
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
        name: "owlvit",
        about: "OWL-ViT, such as owlvit-base-patch32: 768 x 768, asked in words",
        side: 768,
        scale: InputScale::Unit,
        mean: CLIP_MEAN,
        std: CLIP_STD,
        gives: Gives::Boxes(&Asked { length: 16, pad: "!", prompt: "a photo of a {}" }, OWLVIT_TRUST),
    },
    Profile {
        name: "sam",
        about: "SAM and its small brothers, such as SlimSAM, exported in two files: 1024 x 1024, asked with points and boxes",
        side: 1024,
        scale: InputScale::Unit,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        gives: Gives::Prompted,
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
    /// The token that fills up, of a model that is asked in words.
    pub(super) fn pad(&self) -> Option<&'static str> {
        match self.gives {
            Gives::Words(asked, _) | Gives::Boxes(asked, _) => Some(asked.pad),
            Gives::Mask(_) | Gives::Nanodet | Gives::Prompted => None,
        }
    }
}
