//! `comfywright mask`: masks of one image.

use std::path::PathBuf;

use clap::Args;

use super::{GlobalArgs, Output, plan::opened};
use crate::{
    app::{self, ExitCode, HintsSource, MaskRequest, MaskSource, Masks, Sources, WordsSource},
    diagnostic::Diagnostic,
    native::DEFAULT_CONFIDENCE,
};

/// `comfywright mask`
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
#[command(after_help = "Examples:\n  comfywright mask street.jpg \"the red car on the left\" --out masks\n  \
                         comfywright mask street.jpg --box 0.1,0.2,0.5,0.9\n  \
                         comfywright mask mug.jpg --salient")]
pub struct MaskArgs {
    /// The image: PNG, JPEG, WebP, TIFF, BMP or GIF
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    /// What to find, in words: a mask for each thing
    #[arg(value_name = "WORDS", group = "source", conflicts_with_all = ["salient", "near", "document", "bounds", "points"])]
    pub words: Option<String>,

    /// What stands out in it, found by a model
    #[arg(long, group = "source", conflicts_with_all = ["near", "document", "bounds", "points"])]
    pub salient: bool,

    /// Pixels near this colour, such as #ffffff
    #[arg(long, value_name = "#RRGGBB", group = "source", conflicts_with_all = ["document", "bounds", "points"])]
    pub near: Option<String>,

    /// The layers of a mask document: its file, or its name in the workspace
    #[arg(long, value_name = "DOCUMENT", group = "source", conflicts_with_all = ["bounds", "points"])]
    pub document: Option<String>,

    /// What is in this box: in pixels, or in fractions of width and height when all numbers are at most 1
    #[arg(long = "box", value_name = "LEFT,TOP,RIGHT,BOTTOM", group = "source", value_parser = parse_box)]
    pub bounds: Option<[f64; 4]>,

    /// What is where this point is; X,Y,0 for a point that does not belong to it. May be repeated
    #[arg(long, value_name = "X,Y[,0]", group = "source", value_parser = parse_point)]
    pub points: Vec<(f64, f64, bool)>,

    /// The model: what finds words, what stands out for --salient, what finds outlines for --box and --points; the
    /// workspace's own choice without it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["near", "document"])]
    pub model: Option<String>,

    /// With words: least score of what counts, 0 to 1
    #[arg(long, value_name = "SHARE", requires = "words", default_value_t = DEFAULT_CONFIDENCE)]
    pub confidence: f64,

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
    let model = args.model.clone();
    match (&args.words, &args.near, &args.document) {
        (Some(text), ..) => {
            MaskSource::Words(WordsSource { text: text.clone(), model, confidence: Some(args.confidence) })
        }
        (_, Some(color), _) => MaskSource::Color(color.clone(), args.tolerance),
        (.., Some(document)) => MaskSource::Document(document.clone()),
        _ if args.salient => MaskSource::Salient(model),
        _ => MaskSource::Hints(HintsSource { bounds: args.bounds, points: args.points.clone(), model }),
    }
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    text.split(',').map(|part| number(part).ok_or_else(|| format!("{part:?} is not a number"))).collect()
}

fn parse_box(text: &str) -> Result<[f64; 4], String> {
    numbers(text)?.try_into().map_err(|_| "a box has four numbers: left,top,right,bottom".to_owned())
}

fn parse_point(text: &str) -> Result<(f64, f64, bool), String> {
    match numbers(text)?[..] {
        [x, y] => Ok((x, y, true)),
        [x, y, belongs] if (0.0..=1.0).contains(&belongs) && belongs.fract().abs() < f64::EPSILON => {
            Ok((x, y, belongs > 0.5))
        }
        _ => Err("a point is x,y, or x,y,0 where it does not belong to what is meant".to_owned()),
    }
}

fn answer(args: &MaskArgs, masks: &Masks, output: Output) -> ExitCode {
    for layer in &masks.layers {
        let place = layer.bbox.map_or_else(
            || "nothing".to_owned(),
            |[left, top, right, bottom]| format!("{left}, {top} to {right}, {bottom}"),
        );
        output.line(&format!("{}  score {:.2}  {place}", layer.file.display(), layer.score));
        if args.words.is_some() {
            let factors: Vec<String> =
                layer.factors.iter().map(|(name, factor)| format!("{name} {factor:.2}")).collect();
            output.line(&format!("    {}", factors.join(", ")));
        }
    }
    if let Some(merged) = &masks.merged {
        output.line(&format!("{}  all layers", merged.display()));
    }
    masks.exported.iter().for_each(|file| output.line(&format!("{}  exported", file.display())));
    output.line(&format!("{}  preview", masks.overlay.display()));
    let (code, found) = findings(args, masks);
    output.finish("mask", code, masks.to_json(), &found, &Sources::default())
}

/// How it ended: nothing that was asked for is a failure, a mask without an inside is a warning.
fn findings(args: &MaskArgs, masks: &Masks) -> (ExitCode, Vec<Diagnostic>) {
    let file = args.image.to_string_lossy().as_ref().into();
    if masks.layers.is_empty() {
        let words = args.words.as_deref().unwrap_or_default();
        let found = Diagnostic::error("nothing-found", &file, None, format!("nothing in it is {words:?}"));
        return (ExitCode::Failures, vec![found.with_hint(masks.notes.join("; "))]);
    }
    let empty = masks.layers.iter().filter(|layer| layer.bbox.is_none());
    let empty = empty
        .map(|layer| Diagnostic::warning("empty-mask", &file, None, format!("the mask `{}` is empty", layer.label)));
    let notes = masks.notes.iter().map(|note| Diagnostic::warning("partly-found", &file, None, note.clone()));
    (ExitCode::Done, empty.chain(notes).collect())
}
