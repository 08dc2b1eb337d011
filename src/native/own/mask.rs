//! `ComfywrightMask`: the layers of a mask document, drawn and blended for one image.

use std::path::Path;

use serde_json::Value;

use super::mask_layer::{fraction, layer_mask, unfit};
use crate::{
    ident::IndexMap,
    imagefile::Limits,
    model::{Blend, Layer, ModelRole},
    models::ModelStore,
    native::{
        Inputs, NodeError, NodeValue,
        step::{Step, StepError, StepOutput},
    },
    raster::{Image, Mask},
    vision::{self, BlendMode},
};

/// Draws `layers` for `image`: the merged mask (a mask for each frame), and the masks of the layers
/// (for each layer in order, a mask for each frame), before opacity and blending.
///
/// The bottom layer has nothing below it and counts as it is, times its opacity.
pub(super) fn run(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let image = step.inputs.image("image")?;
    let layers = layers(step)?;
    let mut merged: Option<Mask> = None;
    let mut all = Mask { batch: 0, height: image.height, width: image.width, data: Vec::new() };
    for layer in &layers {
        let mask = layer_mask(step, image, layer)?;
        let opacity = fraction(layer, "opacity", layer.opacity.unwrap_or(1.0))? as f32;
        all.batch += mask.batch;
        all.data.extend_from_slice(&mask.data);
        merged = Some(match merged {
            Some(below) => vision::blend(&below, &mask, mode(layer.blend), opacity),
            None => Mask { data: mask.data.iter().map(|value| value * opacity).collect(), ..mask },
        });
    }
    let merged = merged.ok_or_else(|| NodeError::unfit("layers", "there is no layer"))?;
    Ok(vec![merged.into(), all.into()].into())
}

/// The masks of `layers` for `image`, one after the other, before opacity and blending. Models are named and
/// files are paths in the workspace at `root`.
pub fn draw_layers(
    root: &Path,
    image: &Image,
    layers: &[Layer],
    limits: &Limits,
    models: &ModelStore,
) -> Result<Vec<Mask>, StepError> {
    let (inputs, files) = (Inputs::new(), IndexMap::default());
    let step = Step { class: "ComfywrightMask", inputs: &inputs, files: &files, root, limits, models };
    layers.iter().map(|layer| layer_mask(&step, image, layer)).collect()
}

/// All layers, the merged mask with three more of its size on the way, and the largest model.
pub(super) fn bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let image = step.inputs.image("image")?;
    let pixels = (image.batch * image.height * image.width) as u64;
    let layers = layers(step)?;
    let models = layers.iter().filter_map(|layer| layer.salient.as_ref()?.as_str());
    let bytes = models.map(|name| step.models.bytes(name, ModelRole::Salient));
    let model = bytes.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
    Ok(pixels * 4 * (layers.len() as u64 + 5) + model)
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
fn layers(step: &Step<'_>) -> Result<Vec<Layer>, NodeError> {
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
