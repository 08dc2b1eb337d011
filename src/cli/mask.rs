//! `comfywright mask`: masks of one image.

use std::path::PathBuf;

use clap::Args;

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    app::{self, ExitCode, MaskRequest, MaskSource, Masks, Sources},
    diagnostic::Diagnostic,
};

/// `comfywright mask`
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub struct MaskArgs {
    /// The image: PNG, JPEG, WebP, TIFF, BMP or GIF
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    /// What stands out in it, found by a model
    #[arg(long, group = "source")]
    pub salient: bool,

    /// Pixels near this colour, such as #ffffff
    #[arg(long, value_name = "#RRGGBB", group = "source")]
    pub near: Option<String>,

    /// The layers of a mask document: its file, or its name in the workspace
    #[arg(long, value_name = "DOCUMENT", group = "source")]
    pub document: Option<String>,

    /// The model for --salient; the workspace's own choice without it
    #[arg(long, value_name = "NAME", requires = "salient")]
    pub model: Option<String>,

    /// How far from --near a pixel may be on every channel, 0 to 1
    #[arg(long, value_name = "SHARE", requires = "near")]
    pub tolerance: Option<f64>,

    /// Make masks hard: 1 where they are at least this
    #[arg(long, value_name = "SHARE")]
    pub threshold: Option<f64>,

    /// Pixels to grow masks by; a negative number shrinks them
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub grow: Option<i32>,

    /// Radius of a soft edge in pixels
    #[arg(long, value_name = "PIXELS")]
    pub feather: Option<f64>,

    /// Swap inside and outside
    #[arg(long)]
    pub invert: bool,

    /// Folder of the files that are written: a PNG for each layer and a preview
    #[arg(long, value_name = "DIR", default_value = "masks")]
    pub out: PathBuf,
}

/// Runs the verb.
pub fn run(args: &MaskArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, args.document.as_deref()) {
        Ok(session) => session,
        Err(error) => return output.fail("mask", &error, &Sources::default()),
    };
    let request = MaskRequest {
        image: args.image.clone(),
        source: source(args),
        folder: args.out.clone(),
        threshold: args.threshold,
        grow: args.grow,
        feather: args.feather,
        invert: args.invert,
    };
    match app::make_masks(&session, &request) {
        Ok(masks) => answer(args, &masks, output),
        Err(error) => output.fail("mask", &error, &Sources::of(&session)),
    }
}

fn source(args: &MaskArgs) -> MaskSource {
    match (&args.near, &args.document) {
        (Some(color), _) => MaskSource::Color(color.clone(), args.tolerance),
        (None, Some(document)) => MaskSource::Document(document.clone()),
        (None, None) => MaskSource::Salient(args.model.clone()),
    }
}

fn answer(args: &MaskArgs, masks: &Masks, output: Output) -> ExitCode {
    for layer in &masks.layers {
        let place = layer.bbox.map_or_else(
            || "nothing".to_owned(),
            |[left, top, right, bottom]| format!("{left}, {top} to {right}, {bottom}"),
        );
        output.line(&format!("{}  score {:.2}  {place}", layer.file.display(), layer.score));
    }
    if let Some(merged) = &masks.merged {
        output.line(&format!("{}  all layers", merged.display()));
    }
    masks.exported.iter().for_each(|file| output.line(&format!("{}  exported", file.display())));
    output.line(&format!("{}  preview", masks.overlay.display()));
    let file = args.image.to_string_lossy().as_ref().into();
    let empty = masks.layers.iter().filter(|layer| layer.bbox.is_none());
    let warnings: Vec<Diagnostic> = empty
        .map(|layer| Diagnostic::warning("empty-mask", &file, None, format!("the mask `{}` is empty", layer.label)))
        .collect();
    output.finish("mask", ExitCode::Done, masks.to_json(), &warnings, &Sources::default())
}
