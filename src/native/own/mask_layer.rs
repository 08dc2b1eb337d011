//! One layer of a mask: its source, then threshold, grow, feather and invert.

use super::contact_sheet::parse_color;
use crate::{
    imagefile::Decoded,
    model::{Layer, Shape, ShapeType},
    native::{
        NodeError, files,
        step::{Step, StepError},
    },
    raster::{self, Image, Mask, ResizeMethod},
    vision::{self, Outline},
};

/// Tolerance of a colour when none is given: 8 of 255 steps.
const DEFAULT_TOLERANCE: f64 = 8.0 / 255.0;

/// The mask of `layer` for every frame of `image`.
pub(super) fn layer_mask(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Mask, StepError> {
    if !layer.keyframes.is_empty() {
        return Err(unfit(layer, "keyframes cannot be drawn yet").into());
    }
    let mut mask = source(step, image, layer)?;
    if let Some(threshold) = layer.threshold {
        let threshold = fraction(layer, "threshold", threshold)? as f32;
        mask.data.iter_mut().for_each(|value| *value = if *value >= threshold { 1.0 } else { 0.0 });
    }
    if let Some(pixels) = layer.grow {
        mask = vision::grow(&mask, pixels);
    }
    if let Some(radius) = layer.feather {
        if !(0.0..=1024.0).contains(&radius) {
            return Err(unfit(layer, &format!("feather is {radius}; it must be 0 to 1024")).into());
        }
        mask = vision::feather(&mask, radius);
    }
    if layer.invert {
        mask.data.iter_mut().for_each(|value| *value = 1.0 - *value);
    }
    Ok(mask)
}

pub(super) fn unfit(layer: &Layer, reason: &str) -> NodeError {
    NodeError::unfit("layers", format!("layer `{}`: {reason}", layer.name))
}

/// A number that must be 0 to 1.
pub(super) fn fraction(layer: &Layer, key: &str, value: f64) -> Result<f64, NodeError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(unfit(layer, &format!("{key} is {value}; it must be 0 to 1")))
    }
}

fn source(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Mask, StepError> {
    let model_sources = [
        ("semantic", layer.semantic.is_some()),
        ("points", !layer.points.is_empty()),
        ("box", !layer.bounds.is_empty()),
    ];
    let own_sources = [
        ("salient", layer.salient.is_some()),
        ("color", layer.color.is_some()),
        ("shape", layer.shape.is_some()),
        ("file", layer.file.is_some()),
    ];
    let given: Vec<_> = model_sources.iter().chain(&own_sources).filter(|(_, given)| *given).collect();
    match given.as_slice() {
        [(name, _)] if model_sources.iter().any(|(model, _)| model == name) => {
            Err(unfit(layer, &format!("this version has no model for `{name}`; use salient, color, shape or file"))
                .into())
        }
        [_] => own_source(step, image, layer),
        [] => Err(unfit(layer, "it has no source; give it one of salient, color, shape, file").into()),
        several => {
            let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
            Err(unfit(layer, &format!("it has several sources ({}); keep one", names.join(", "))).into())
        }
    }
}

fn own_source(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Mask, StepError> {
    if let Some(salient) = &layer.salient {
        let name = salient.as_str().ok_or_else(|| unfit(layer, "`salient` is the name of a model"))?;
        return Ok(step.models.salient(name, image, true)?);
    }
    if let Some(color) = &layer.color {
        let rgb = parse_color(color)
            .ok_or_else(|| unfit(layer, &format!("{color:?} is not a colour such as \"#ffcc00\"")))?;
        let tolerance = fraction(layer, "tolerance", layer.tolerance.unwrap_or(DEFAULT_TOLERANCE))?;
        return Ok(vision::near_color(image, rgb.map(|v| f32::from(v) / 255.0), tolerance as f32));
    }
    if let Some(shape) = &layer.shape {
        let drawn = vision::draw_outline(&outline(layer, shape)?, image.width, image.height);
        return Ok(repeated(&drawn, image.batch));
    }
    // A bound layer names its file by position among the files of the node.
    let position = layer.file.as_deref().and_then(|text| text.parse::<usize>().ok());
    let bound = position.and_then(|at| step.files.get("files")?.get(at));
    let path = bound.map_or_else(|| layer.file.clone().unwrap_or_default(), |file| file.path.clone());
    let decoded = files::read_image(step.root, &path, step.limits)?;
    from_file(decoded, image).map_err(|reason| unfit(layer, &reason).into())
}

/// The alpha of a file where it has one, else its luminance, stretched to the image.
fn from_file(decoded: Decoded, image: &Image) -> Result<Mask, String> {
    let mut mask = match decoded.mask {
        Some(mask) => Mask { data: mask.data.iter().map(|value| 1.0 - value).collect(), ..mask },
        None => vision::luminance(&decoded.image),
    };
    mask.data.truncate(mask.width * mask.height);
    mask.batch = 1;
    if (mask.width, mask.height) != (image.width, image.height) {
        let smaller = image.width <= mask.width && image.height <= mask.height;
        let method = if smaller { ResizeMethod::Area } else { ResizeMethod::Bilinear };
        mask = raster::resize_mask(&mask, image.width, image.height, method).map_err(|error| error.to_string())?;
    }
    Ok(repeated(&mask, image.batch))
}

fn repeated(mask: &Mask, batch: usize) -> Mask {
    Mask { batch, data: mask.data.repeat(batch), ..*mask }
}

/// The outline of a shape; without x, y, width, height it fills the picture.
fn outline(layer: &Layer, shape: &Shape) -> Result<Outline, NodeError> {
    let (x, y) = (shape.x.unwrap_or(0.0), shape.y.unwrap_or(0.0));
    let bounds = [x, y, shape.width.unwrap_or(1.0 - x), shape.height.unwrap_or(1.0 - y)];
    let numbers = bounds.iter().chain(shape.points.iter().flatten()).chain(&shape.radius);
    if numbers.clone().any(|number| !number.is_finite() || number.abs() > 1e6) {
        return Err(unfit(layer, "a number of the shape is out of range"));
    }
    match shape.kind {
        ShapeType::Polygon if shape.points.len() < 3 => Err(unfit(layer, "a polygon needs at least 3 points")),
        ShapeType::Polygon => Ok(Outline::Polygon(shape.points.clone())),
        _ if bounds[2] <= 0.0 || bounds[3] <= 0.0 => Err(unfit(layer, "the shape has no width or no height")),
        ShapeType::Rectangle => Ok(Outline::Rectangle(bounds, shape.radius.unwrap_or(0.0))),
        ShapeType::Ellipse => Ok(Outline::Ellipse(bounds)),
    }
}
