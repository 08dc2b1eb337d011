//! `generate_semantic_mask` and `compose_mask`: masks of one image.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    findings::{Refusal, refused},
    pictures, resources,
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::{
    app::{
        AppError, MaskRequest, MaskSource, Masks, Session, Sources, WordsSource, client_files::ClientFiles, make_masks,
        read_layers,
    },
    ident::IndexMap,
    model::Layer,
};

/// Folder of the masks in the workspace.
const FOLDER: &str = "masks";

pub(super) fn tools() -> Vec<Callable> {
    vec![
        blocking(
            &About {
                name: "generate_semantic_mask",
                title: "Make masks of what words mean",
                description: "Finds things in an image by words (\"the red car on the left\", \"all chairs except the \
                              blue one\", \"two largest dogs\") and writes a PNG mask for each, with its score, the \
                              factors of the score and its box. Needs a detector; the answer says how to get one.",
                effect: Effect::Replaces,
            },
            generate_semantic_mask,
        ),
        blocking(
            &About {
                name: "compose_mask",
                title: "Make a mask of layers",
                description: "Draws layers for an image, from the bottom up, and writes a PNG of each and of all in one. \
                              A layer is a [[layer]] of a mask document: name, one source (semantic, salient, points, \
                              box, file, color, shape), and threshold, grow, feather, invert, blend, opacity.",
                effect: Effect::Replaces,
            },
            compose_mask,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GenerateSemanticMask {
    /// Relative to the workspace
    image_path: String,
    /// What to find, in English
    semantic_prompt: String,
    /// Least score of what counts, 0 to 1; 0.3 without it
    confidence_threshold: Option<f64>,
    /// The detector; the workspace's own choice without it
    model: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ComposeMask {
    /// Relative to the workspace
    image_path: String,
    /// Rows such as {"name": "sky", "semantic": "the bird", "feather": 4}; numbers of box and points are fractions
    layers: Vec<Map<String, Value>>,
    /// Folder below masks/; after the image without it
    name: Option<String>,
}

/// What was made.
#[derive(Serialize, JsonSchema)]
struct MadeMasks {
    layers: Vec<MadeLayer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<String>,
    overlay: String,
    width: usize,
    height: usize,
    /// What is not there, cannot be judged, or was not sure enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct MadeLayer {
    file: String,
    label: String,
    /// 0 to 1: the product of its factors but for the area.
    score: f64,
    factors: IndexMap<String, f64>,
    /// Left, top, right, bottom in pixels.
    bbox: Option<[usize; 4]>,
}

fn generate_semantic_mask(shared: &Shared, given: &GenerateSemanticMask) -> Result<Answer<MadeMasks>, Refusal> {
    let source = WordsSource {
        text: given.semantic_prompt.clone(),
        model: given.model.clone(),
        confidence: given.confidence_threshold,
    };
    made(shared, &given.image_path, &slug(&given.semantic_prompt), MaskSource::Words(source))
}

fn compose_mask(shared: &Shared, given: &ComposeMask) -> Result<Answer<MadeMasks>, Refusal> {
    let session = shared.session()?;
    let layers = layers(&session, &given.layers).map_err(|error| refused(&error, &Sources::of(&session)))?;
    let name = given.name.as_deref().map_or_else(|| "composed".to_owned(), slug);
    made(shared, &given.image_path, &name, MaskSource::Layers(layers))
}

/// The layers, whose files must be open to clients.
fn layers(session: &Session, rows: &[Map<String, Value>]) -> Result<Vec<Layer>, AppError> {
    let files = ClientFiles::open(session)?;
    let mut layers = read_layers(rows)?;
    for layer in &mut layers {
        layer.file = layer.file.as_deref().map(|file| files.readable(file)).transpose()?;
    }
    Ok(layers)
}

fn made(shared: &Shared, image: &str, name: &str, source: MaskSource) -> Result<Answer<MadeMasks>, Refusal> {
    let session = shared.session()?;
    let make = || {
        let files = ClientFiles::open(&session)?;
        let image = files.readable(image)?;
        let stem = Path::new(&image).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let folder = files.result_folder(&format!("{FOLDER}/{}/{name}", slug(stem)))?;
        let (threshold, grow, feather) = (None, None, None);
        let image = session.root.join(image);
        make_masks(&session, &MaskRequest { image, source, folder, threshold, grow, feather, invert: false })
    };
    let masks = make().map_err(|error| refused(&error, &Sources::of(&session)))?;
    answer(&session, masks)
}

fn answer(session: &Session, masks: Masks) -> Result<Answer<MadeMasks>, Refusal> {
    let inside = |path: &Path| {
        let path = path.strip_prefix(&session.root).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    };
    let layers = masks.layers.into_iter().map(|layer| MadeLayer {
        file: inside(&layer.file),
        label: layer.label,
        score: layer.score,
        factors: layer.factors,
        bbox: layer.bbox,
    });
    let data = MadeMasks {
        layers: layers.collect(),
        merged: masks.merged.as_deref().map(inside),
        overlay: inside(&masks.overlay),
        width: masks.width,
        height: masks.height,
        notes: masks.notes,
    };
    let picture =
        std::fs::read(&masks.overlay).map_err(|error| Refusal(format!("failed to read a preview: {error}")))?;
    let preview = pictures::thumbnail(&picture, 1).map_err(Refusal)?;
    let mut answer = Answer::new(text(&data), data);
    answer.blocks.push(pictures::block(&preview.bytes, "image/webp"));
    let links = answer.data.layers.iter().map(|layer| &layer.file).chain(&answer.data.merged);
    answer.blocks.extend(links.map(|file| rmcp::model::ContentBlock::resource_link(resources::link(file, None))));
    Ok(answer)
}

fn text(masks: &MadeMasks) -> String {
    let mut lines: Vec<String> = masks.layers.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("nothing was found".to_owned());
    }
    lines.extend(masks.merged.iter().map(|file| format!("{file}: all layers")));
    lines.push(format!("{}: preview, {} x {}", masks.overlay, masks.width, masks.height));
    lines.extend(masks.notes.iter().cloned());
    lines.join("\n")
}

fn line(layer: &MadeLayer) -> String {
    let factors: Vec<String> = layer.factors.iter().map(|(name, factor)| format!("{name} {factor:.2}")).collect();
    let place = layer.bbox.map_or_else(|| "empty".to_owned(), |[l, t, r, b]| format!("{l}, {t} to {r}, {b}"));
    format!("{}: {}, score {:.2}, {place} ({})", layer.file, layer.label, layer.score, factors.join(", "))
}

/// Lower case letters, digits and hyphens, at most 60.
fn slug(text: &str) -> String {
    let letters = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let slug: String = letters.take(60).collect();
    let slug = slug.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if slug.is_empty() { "mask".to_owned() } else { slug }
}
