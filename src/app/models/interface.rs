//! What goes into a model that a user brings and what comes out, by its profile and its files.

use std::path::Path;

use super::profiles::{Asked, Gives, NANODET_TRUST, Profile};
use crate::{
    app::AppError,
    model::{
        ColorOrder, DetectStyle, InputFilter, InputFit, ModelDecoder, ModelDetect, ModelInput, ModelManifest,
        ModelOutput, ModelRole, ModelText, OutputStep, TextAsks, Trust,
    },
    models::{input_names, token_id},
    vision::query::coco_labels,
};

/// What goes into a model and comes out.
pub(super) struct Interface {
    pub(super) role: ModelRole,
    pub(super) input: ModelInput,
    pub(super) output: ModelOutput,
    pub(super) detect: Option<ModelDetect>,
    pub(super) text: Option<ModelText>,
    pub(super) decoder: Option<ModelDecoder>,
}

impl Interface {
    /// That of a known model; its inputs and outputs are taken by their places where they are not several.
    pub(super) fn of(manifest: &ModelManifest) -> Self {
        let ModelManifest { input, output, detect, text, decoder, role, .. } = manifest.clone();
        let unnamed = |detect: ModelDetect| match detect.style {
            DetectStyle::Nanodet => ModelDetect { scores: Vec::new(), boxes: Vec::new(), ..detect },
            DetectStyle::Detr => detect,
        };
        Self {
            role,
            input: ModelInput { name: None, ..input },
            output: ModelOutput { name: None, ..output },
            detect: detect.map(unnamed),
            text,
            decoder,
        }
    }

    /// That of the models of `profile`.
    pub(super) fn of_profile(profile: &Profile) -> Self {
        let Profile { side, gives, .. } = profile;
        let is_nanodet = matches!(gives, Gives::Nanodet);
        let input = ModelInput {
            name: None,
            mask: Some("pixel_mask".to_owned()),
            shape: vec![1, 3, *side, *side],
            colors: if is_nanodet { ColorOrder::Bgr } else { ColorOrder::Rgb },
            fit: if matches!(gives, Gives::Prompted) { InputFit::Pad } else { InputFit::Stretch },
            filter: match gives {
                Gives::Mask(_) => InputFilter::Lanczos,
                Gives::Boxes(..) => InputFilter::Bicubic,
                _ => InputFilter::Bilinear,
            },
            scale: profile.scale,
            mean: profile.mean.to_vec(),
            std: profile.std.to_vec(),
        };
        let output = |then: &[OutputStep]| ModelOutput {
            name: None,
            shape: vec![1, 1, *side, *side],
            then: then.to_vec(),
            labels: Vec::new(),
            threshold: None,
        };
        let none = ModelOutput { shape: Vec::new(), ..output(&[]) };
        let plain = |role, output| Self { role, input, output, detect: None, text: None, decoder: None };
        match gives {
            Gives::Mask(then) => plain(ModelRole::Salient, output(then)),
            Gives::Nanodet => {
                let labels = coco_labels().map(str::to_owned).collect();
                Self { detect: Some(nanodet()), ..plain(ModelRole::Detector, ModelOutput { labels, ..none }) }
            }
            Gives::Words(asked, threshold) => {
                let output = ModelOutput { threshold: Some(*threshold), ..output(&[OutputStep::Sigmoid]) };
                Self { text: Some(text(asked)), ..plain(ModelRole::Segmenter, output) }
            }
            Gives::Boxes(asked, trust) => {
                let detect = Some(proposals(*trust));
                Self { detect, text: Some(text(asked)), ..plain(ModelRole::Detector, none) }
            }
            Gives::Prompted => {
                let decoder = ModelDecoder::of_file("prompt_encoder_mask_decoder.onnx");
                Self { decoder: Some(decoder), ..plain(ModelRole::Promptable, none) }
            }
        }
    }

    /// With a square input of `side` pixels.
    pub(super) fn set_side(&mut self, side: u32) {
        let last = if self.input.channels_last() { 1..3 } else { 2..4 };
        self.input.shape[last].fill(side);
        if matches!(self.role, ModelRole::Salient | ModelRole::Segmenter) {
            let sides = self.output.shape.len().saturating_sub(2);
            self.output.shape[sides..].fill(side);
        }
    }

    /// As the files have it: whether the model in `file` takes more than tokens, and which of them fills up by the
    /// `tokenizer`, the name of whose filling token is `pad`.
    pub(super) fn fit_words(
        &mut self,
        file: &Path,
        tokenizer: Option<&Path>,
        pad: Option<&str>,
    ) -> Result<(), AppError> {
        let names = input_names(file).unwrap_or_default();
        self.input.mask = self.input.mask.take().filter(|name| names.contains(name));
        let Some(text) = &mut self.text else {
            return match tokenizer {
                Some(_) => Err(AppError::usage("--tokenizer: such a model takes no words")),
                None => Ok(()),
            };
        };
        text.attention = text.attention.take().filter(|name| names.contains(name));
        text.types = text.types.take().filter(|name| names.contains(name));
        let Some(path) = tokenizer else {
            return match &text.tokenizer {
                Some(name) => Err(AppError::usage("a model that is asked in words needs its tokenizer")
                    .with_hint(format!("name the file that comes with it: --tokenizer {name}"))),
                None => Ok(()),
            };
        };
        text.tokenizer = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let Some(pad) = pad else { return Ok(()) };
        let wrong = |reason: String| AppError::usage(format!("{} is not a tokenizer: {reason}", path.display()));
        let id = token_id(path, pad).map_err(wrong)?;
        text.pad = id.ok_or_else(|| {
            AppError::usage(format!("{} has no token {pad}: it belongs to another kind of model", path.display()))
        })?;
        Ok(())
    }
}

impl Interface {
    /// With the decoder at `path`, and a box for it where it takes one.
    pub(super) fn fit_decoder(&mut self, path: Option<&Path>) -> Result<(), AppError> {
        match (&mut self.decoder, path) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(AppError::usage("--decoder: such a model is one file")),
            (Some(decoder), None) => Err(AppError::usage("a model that is asked with points has a second file")
                .with_hint(format!("name the file that comes with it: --decoder {}", decoder.file))),
            (Some(decoder), Some(path)) => {
                path.file_name().and_then(|name| name.to_str()).unwrap_or_default().clone_into(&mut decoder.file);
                let names = input_names(path).unwrap_or_default();
                decoder.boxes =
                    names.iter().any(|name| name == ModelDecoder::BOXES).then(|| ModelDecoder::BOXES.to_owned());
                Ok(())
            }
        }
    }
}

fn nanodet() -> ModelDetect {
    ModelDetect {
        style: DetectStyle::Nanodet,
        strides: vec![8, 16, 32],
        bins: Some(11),
        scores: Vec::new(),
        boxes: Vec::new(),
        overlap: 0.5,
        trust: Some(NANODET_TRUST),
    }
}

/// The outputs that exports of `transformers` have.
fn proposals(trust: Trust) -> ModelDetect {
    ModelDetect {
        style: DetectStyle::Detr,
        strides: Vec::new(),
        bins: None,
        scores: vec!["logits".to_owned()],
        boxes: vec!["pred_boxes".to_owned()],
        overlap: 0.6,
        trust: Some(trust),
    }
}

/// The inputs that exports of `transformers` have.
fn text(asked: &Asked) -> ModelText {
    ModelText {
        input: "input_ids".to_owned(),
        attention: Some("attention_mask".to_owned()),
        types: Some("token_type_ids".to_owned()),
        length: asked.length,
        pad: 0,
        tokenizer: Some("tokenizer.json".to_owned()),
        words: Vec::new(),
        asks: TextAsks::Name,
        names: Vec::new(),
        prompt: asked.prompt.to_owned(),
    }
}
