//! `ComfywrightMask`: the layers of a mask document, drawn and blended for one image.

use std::path::Path;

use serde_json::Value;

use super::mask_layer::{Artist, unfit};
use crate::{
    ident::IndexMap,
    imagefile::Limits,
    model::{Blend, Layer},
    models::ModelStore,
    native::{
        Inputs, NodeError, NodeValue,
        step::{Step, StepError, StepOutput},
    },
    raster::{Image, Mask},
    vision::{self, BlendMode, Sheet},
};

/// The most frames of a mask.
pub(super) const MOST_FRAMES: i64 = 10_000;

/// A mask and the masks that it is made of, before opacity and blending.
#[derive(Debug)]
pub struct DrawnMask {
    /// All layers in one, for each frame.
    pub merged: Mask,
    /// Each layer, for each frame; nothing when it was not asked for.
    pub layers: Vec<Mask>,
}

/// Draws `layers` for `image`: the merged mask (a mask for each frame), and the masks of the layers
/// (for each layer in order, a mask for each frame), before opacity and blending.
///
/// The bottom layer has nothing below it and counts as it is, times its opacity.
pub(super) fn run(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let image = step.inputs.image("image")?;
    let each = step.inputs.bool_or("each", true)?;
    let layers = layers(step)?;
    let DrawnMask { merged, layers } = draw(artists(step, image, &layers)?, image, frames(step)?, each);
    let mut all = Mask { batch: 0, height: image.height, width: image.width, data: Vec::new() };
    layers.into_iter().for_each(|mask| all.append(mask));
    Ok(vec![merged.into(), all.into()].into())
}

/// The masks of `layers` for `image` at `frames` frames, or as many as the image has when these are more. Models are
/// named, and files are paths in the workspace at `root`. The models are let go before anything is drawn.
pub fn draw_mask(
    root: &Path,
    image: &Image,
    layers: &[Layer],
    frames: usize,
    limits: &Limits,
    models: ModelStore,
) -> Result<DrawnMask, StepError> {
    let (inputs, files) = (Inputs::new(), IndexMap::default());
    let step = Step { class: "ComfywrightMask", inputs, files: &files, root, limits, models: &models };
    let artists = artists(&step, image, layers)?;
    drop(models);
    Ok(draw(artists, image, frames, true))
}

fn artists<'a>(step: &Step<'_>, image: &Image, layers: &'a [Layer]) -> Result<Vec<Artist<'a>>, StepError> {
    if layers.is_empty() {
        return Err(NodeError::unfit("layers", "there is no layer").into());
    }
    layers.iter().map(|layer| Artist::new(step, image, layer)).collect()
}

fn draw(mut artists: Vec<Artist<'_>>, image: &Image, frames: usize, each: bool) -> DrawnMask {
    let frames = frames.max(image.batch);
    let empty = || Mask { batch: 0, height: image.height, width: image.width, data: Vec::new() };
    let layers = if each { artists.iter().map(|_| empty()).collect() } else { Vec::new() };
    let mut drawn = DrawnMask { merged: empty(), layers };
    for frame in 0..frames {
        artists.iter_mut().for_each(|artist| artist.go_to(frame as u32));
        let stack: Vec<Sheet<'_>> = artists.iter().map(sheet).collect();
        drawn.merged.append(Mask { batch: 1, data: vision::compose(&stack), ..empty() });
        for (mask, artist) in drawn.layers.iter_mut().zip(&artists) {
            mask.data.extend_from_slice(artist.values());
            mask.batch += 1;
        }
    }
    drawn
}

fn sheet<'a>(artist: &'a Artist<'_>) -> Sheet<'a> {
    Sheet { values: artist.values(), mode: mode(artist.layer().blend), opacity: artist.opacity() }
}

/// All layers as they are and as they are drawn, what is made of them with three more of its size on the way, and the
/// largest model.
pub(super) fn bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let image = step.inputs.image("image")?;
    let frame = (image.height * image.width) as u64;
    let layers = layers(step)?;
    let frames = frames(step)?.max(image.batch) as u64;
    let kept = if step.inputs.bool_or("each", true)? { layers.len() as u64 } else { 0 };
    let named = |key: &str| step.inputs.get(key).and_then(|_| step.inputs.string(key).ok()).filter(|n| !n.is_empty());
    let salient = layers.iter().filter_map(|layer| layer.salient.as_ref()?.as_str().map(str::to_owned));
    let own = layers.iter().filter_map(|layer| layer.model.clone());
    let models = salient.chain(own).chain(named("outliner")).chain(named("detector"));
    let bytes = models.map(|name| step.models.bytes(&name));
    let model = bytes.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
    let sources = layers.len() as u64 * (image.batch as u64 + 1);
    Ok(frame * 4 * (frames * (kept + 1) * 2 + sources + 4) + model)
}

fn frames(step: &Step<'_>) -> Result<usize, NodeError> {
    step.inputs.get("frames").map_or(Ok(1), |_| step.inputs.int_in("frames", 1..=MOST_FRAMES)).map(|n| n as usize)
}

fn mode(blend: Blend) -> BlendMode {
    match blend {
        Blend::Normal => BlendMode::Normal,
        Blend::Add => BlendMode::Add,
        Blend::Subtract => BlendMode::Subtract,
        Blend::Multiply => BlendMode::Multiply,
        // The smaller of both is nothing where either is 0.
        Blend::Intersect | Blend::Min => BlendMode::Min,
        Blend::Max => BlendMode::Max,
        Blend::Difference => BlendMode::Difference,
    }
}

/// The rows of `layers`: a list of tables, or JSON text of one.
pub(super) fn layers(step: &Step<'_>) -> Result<Vec<Layer>, NodeError> {
    let value = json(step.inputs.value("layers")?)?;
    let rows = match value {
        Value::Array(rows) => rows,
        row @ Value::Object(_) => vec![row],
        _ => return Err(NodeError::unfit("layers", "it must be a list of layers")),
    };
    let layers: Vec<Layer> = rows
        .into_iter()
        .map(|row| serde_json::from_value(row).map_err(|error| NodeError::unfit("layers", error.to_string())))
        .collect::<Result<_, _>>()?;
    for (at, layer) in layers.iter().enumerate() {
        if layers[..at].iter().any(|earlier| earlier.name == layer.name) {
            return Err(unfit(layer, "another layer has the same name"));
        }
    }
    Ok(layers)
}

fn json(value: &NodeValue) -> Result<Value, NodeError> {
    match value {
        NodeValue::Json(value) => Ok(value.clone()),
        NodeValue::List(list) => list.iter().map(json).collect::<Result<_, _>>().map(Value::Array),
        NodeValue::String(text) => {
            serde_json::from_str(text).map_err(|error| NodeError::unfit("layers", error.to_string()))
        }
        other => Err(NodeError::WrongType {
            input: "layers".to_owned(),
            expected: "a list of layers",
            found: other.type_name().to_owned(),
        }),
    }
}
