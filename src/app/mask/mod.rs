//! Masks of one image file: a PNG for each layer, a preview with all of them, and what is known of each.

mod files;
mod preview;
mod things;

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{AppError, Session, model_store, run::native_settings};
use crate::{
    files::{Node, join_relative, validate},
    ident::IndexMap,
    model::{Body, Kind, Layer, MaskExport, ModelRole, shape_of},
    models::ModelError,
    native::{StepError, draw_mask},
    raster::{Image, Mask},
};
use files::{exported, make_folder, read_image, write_png};
pub use things::{HintsSource, WordsSource};

/// Where masks come from.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskSource {
    /// What is meant by words: a mask for each thing.
    Words(WordsSource),
    /// What is in a box, and where points are.
    Hints(HintsSource),
    /// What stands out, by this model; by the workspace's own choice without it.
    Salient(Option<String>),
    /// Pixels near this colour, `#rrggbb`.
    Color(String, Option<f64>),
    /// The layers of a mask document: its file, or its name.
    Document(String),
    /// These layers, whose files are named relative to the workspace.
    Layers(Vec<Layer>),
}

/// Which masks to make.
#[derive(Clone, Debug)]
pub struct MaskRequest {
    /// The image file.
    pub image: PathBuf,
    /// Where the masks come from.
    pub source: MaskSource,
    /// Folder of the files that are written.
    pub folder: PathBuf,
    /// Makes masks hard: 1 where they are at least this.
    pub threshold: Option<f64>,
    /// Pixels to grow or, negative, to shrink by.
    pub grow: Option<i32>,
    /// Radius of a soft edge in pixels.
    pub feather: Option<f64>,
    /// Swaps inside and outside.
    pub invert: bool,
}

impl MaskRequest {
    /// Gives `layer` the edges that are asked for.
    fn shape(&self, layer: &mut Layer) {
        layer.threshold = self.threshold.or(layer.threshold);
        layer.grow = self.grow.or(layer.grow);
        layer.feather = self.feather.or(layer.feather);
        layer.invert ^= self.invert;
    }
}

/// A mask that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskLayer {
    /// Its file: 8-bit grey, of the size of the image.
    pub file: PathBuf,
    /// What it is.
    pub label: String,
    /// How sure it is, 0 to 1: the product of its factors but for the area; 0 when it is empty.
    pub score: f64,
    /// What the score is made of. Of what was found by words: the detector, each condition, `outline`; else `certainty`,
    /// how decided its values are where it is inside. And `area`, its share of the image.
    pub factors: IndexMap<String, f64>,
    /// Left, top, right, bottom of what is at least half inside, in pixels; none when that is nothing.
    pub bbox: Option<[usize; 4]>,
    /// Of what was found by words: the box in which the detector saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected: Option<[f64; 4]>,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Masks {
    /// The masks.
    pub layers: Vec<MaskLayer>,
    /// All layers of a document in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged: Option<PathBuf>,
    /// What the document's export wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exported: Vec<PathBuf>,
    /// The image with the masks on it.
    pub overlay: PathBuf,
    /// What is to be said of the query: what is not there, cannot be judged, or was not sure enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Columns of the image, upright.
    pub width: usize,
    /// Rows of it.
    pub height: usize,
}

/// A mask that is to be written.
struct Drawn {
    /// What tells its file from those of the others.
    name: String,
    label: String,
    score: f64,
    factors: IndexMap<String, f64>,
    detected: Option<[f64; 4]>,
    mask: Mask,
}

/// Makes the masks of `request`. Of an animated file the first frame counts.
pub fn make_masks(session: &Session, request: &MaskRequest) -> Result<Masks, AppError> {
    let image = read_image(session, &request.image)?;
    let (drawn, notes) = match &request.source {
        MaskSource::Words(source) => things::by_words(session, &image, source, request)?,
        MaskSource::Hints(source) => (vec![things::by_hints(session, &image, source, request)?], Vec::new()),
        _ => return of_layers(session, request, &image),
    };
    let (layers, overlay) = written(request, &image, drawn)?;
    Ok(Masks { layers, merged: None, exported: Vec::new(), overlay, notes, width: image.width, height: image.height })
}

fn of_layers(session: &Session, request: &MaskRequest, image: &Image) -> Result<Masks, AppError> {
    let (layers, export) = layers(session, request)?;
    let limits = native_settings(session).image_limits;
    let frames = export.as_ref().and_then(|export| export.frames);
    let frames = frames.unwrap_or_else(|| layers.iter().map(Layer::frame_count).max().unwrap_or(1)) as usize;
    let drawn = draw_mask(&session.root, image, &layers, frames, &limits, model_store(session));
    let drawn = drawn.map_err(|error| failed(&error))?;
    // What needs all frames comes first: then the layers are given away.
    let exported = match &export {
        Some(export) => exported(export, &request.folder, image, &drawn, &layers)?,
        None => Vec::new(),
    };
    let masks = layers.iter().zip(drawn.layers).map(|(layer, mask)| judged(layer, first_frame(mask)));
    let (made, overlay) = written(request, image, masks.collect())?;
    let merged = if matches!(request.source, MaskSource::Document(_) | MaskSource::Layers(_)) {
        let file = request.folder.join(format!("{}-merged.png", stem(request)));
        write_png(&file, &first_frame(drawn.merged).into_image())?;
        Some(file)
    } else {
        None
    };
    let (width, height) = (image.width, image.height);
    Ok(Masks { layers: made, merged, exported, overlay, notes: Vec::new(), width, height })
}

/// Writes a PNG for each mask and the preview.
fn written(request: &MaskRequest, image: &Image, drawn: Vec<Drawn>) -> Result<(Vec<MaskLayer>, PathBuf), AppError> {
    make_folder(&request.folder)?;
    let overlay = request.folder.join(format!("{}-overlay.png", stem(request)));
    let masks: Vec<&Mask> = drawn.iter().map(|drawn| &drawn.mask).collect();
    write_png(&overlay, &preview::overlaid(image, &masks))?;
    let mut made = Vec::new();
    for Drawn { name, label, score, mut factors, detected, mask } in drawn {
        let file = request.folder.join(format!("{}-{name}.png", stem(request)));
        let inside = mask.data.iter().filter(|value| **value >= 0.5).count();
        factors.insert("area".to_owned(), inside as f64 / mask.data.len().max(1) as f64);
        let bbox = bounds(&mask);
        write_png(&file, &mask.into_image())?;
        made.push(MaskLayer { file, label, score, factors, bbox, detected });
    }
    Ok((made, overlay))
}

/// `rows` as layers of a mask document: unknown keys and wrong values are errors as in one.
pub fn read_layers(rows: &[Map<String, Value>]) -> Result<Vec<Layer>, AppError> {
    let wrong = |message: String| AppError::usage(format!("layers: {message}"));
    let value = json!({ "kind": "mask", "format": 1, "name": "layers", "version": "1.0.0", "layer": rows });
    let tree = Node::from_json(&value).ok_or_else(|| wrong("a value cannot stand in a document".to_owned()))?;
    let found = validate(&tree, shape_of(Kind::Mask), &Arc::from("layers"));
    if let Some(first) = found.into_iter().next() {
        let error = wrong(first.message);
        return Err(if let Some(hint) = first.hint { error.with_hint(hint) } else { error });
    }
    serde_json::from_value(value["layer"].clone()).map_err(|error| wrong(error.to_string()))
}

/// The name of the image without its ending.
fn stem(request: &MaskRequest) -> &str {
    request.image.file_stem().and_then(|stem| stem.to_str()).unwrap_or("image")
}

/// A mask whose score is how decided its values are where it is inside.
fn judged(layer: &Layer, mask: Mask) -> Drawn {
    let inside = || mask.data.iter().filter(|value| **value >= 0.5).map(|value| f64::from(*value));
    let count = inside().count();
    let certainty = if count == 0 { 0.0 } else { 2.0 * (inside().sum::<f64>() / count as f64) - 1.0 };
    let factors = IndexMap::from_iter([("certainty".to_owned(), certainty)]);
    Drawn { name: layer.name.clone(), label: layer.name.clone(), score: certainty, factors, detected: None, mask }
}

fn first_frame(mut mask: Mask) -> Mask {
    mask.data.truncate(mask.width * mask.height);
    Mask { batch: 1, ..mask }
}

fn layers(session: &Session, request: &MaskRequest) -> Result<(Vec<Layer>, Option<MaskExport>), AppError> {
    let mut export = None;
    let mut layers = match &request.source {
        MaskSource::Salient(model) => {
            let salient = model.clone().map_or(Value::Bool(true), Value::from);
            vec![Layer { name: "salient".to_owned(), salient: Some(salient), ..Layer::default() }]
        }
        MaskSource::Color(color, tolerance) => {
            let (color, tolerance) = (Some(color.clone()), *tolerance);
            vec![Layer { name: "color".to_owned(), color, tolerance, ..Layer::default() }]
        }
        MaskSource::Document(name) => {
            let (layers, written) = of_document(session, name)?;
            export = written;
            layers
        }
        MaskSource::Layers(layers) => layers.clone(),
        MaskSource::Words(_) | MaskSource::Hints(_) => Vec::new(),
    };
    for layer in &mut layers {
        request.shape(layer);
        if let Some(salient) = layer.salient.take() {
            layer.salient = Some(Value::from(model_name(session, &salient)?));
        }
    }
    Ok((layers, export))
}

/// The layers of a mask document, their paths relative to the workspace, and what it writes.
fn of_document(session: &Session, name: &str) -> Result<(Vec<Layer>, Option<MaskExport>), AppError> {
    let loaded = session.document(name)?;
    let Some(document) = &loaded.parsed.value else { return Err(AppError::Wrong(loaded.parsed.diagnostics.clone())) };
    let Body::Mask(mask) = &document.body else {
        return Err(AppError::usage(format!("{} is not a mask document", loaded.path)));
    };
    let mut layers = mask.layer.clone();
    for layer in &mut layers {
        if let Some(file) = &layer.file {
            let inside = join_relative(&loaded.path, file);
            layer.file = Some(inside.map_err(|error| AppError::usage(format!("failed to {error}")))?);
        }
    }
    Ok((layers, mask.export.clone()))
}

fn model_name(session: &Session, salient: &Value) -> Result<String, AppError> {
    let name = salient.as_str().unwrap_or_else(|| session.config.models.salient());
    let model = session.models.find(name, ModelRole::Salient);
    model.map_err(|error| AppError::usage(error.message).with_hint(error.hint)).and_then(things::here)
}

/// Faults of a model's files are the machine's, others the request's.
fn failed(error: &StepError) -> AppError {
    let message = format!("failed to {error}");
    match error {
        StepError::Model(ModelError::Unknown { .. }) | StepError::Node(_) | StepError::File(_) => {
            AppError::usage(message)
        }
        _ => AppError::environment(message),
    }
}

fn bounds(mask: &Mask) -> Option<[usize; 4]> {
    let mut found: Option<[usize; 4]> = None;
    for (y, row) in mask.data.chunks_exact(mask.width.max(1)).enumerate() {
        let Some(left) = row.iter().position(|value| *value >= 0.5) else { continue };
        let right = row.iter().rposition(|value| *value >= 0.5).unwrap_or(left) + 1;
        found = Some(match found {
            None => [left, y, right, y + 1],
            Some([l, t, r, _]) => [l.min(left), t, r.max(right), y + 1],
        });
    }
    found
}

/// The answer to a program.
impl Masks {
    /// As `data` of the envelope.
    pub fn to_json(&self) -> Value {
        json!(self)
    }
}
