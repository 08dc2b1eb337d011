//! Layers of what is in a picture: found by words, in a box, where points are.

use super::{
    finder::Finder,
    mask_layer::{fraction, unfit},
    outline::cut_out,
};
use crate::{
    model::Layer,
    native::{
        NodeError,
        step::{Step, StepError},
    },
    raster::{Image, Mask},
    vision::{Bounds, Target},
};

/// The model that finds the words of a layer: its own, else that of the node, which a graph names; without one the
/// workspace chooses.
fn detector(step: &Step<'_>, layer: &Layer) -> Result<String, NodeError> {
    if let Some(name) = &layer.model {
        return Ok(name.clone());
    }
    if step.inputs.get("detector").is_some() {
        return step.inputs.string("detector");
    }
    let found = step.models.known().by_words(None);
    let found = found.map_err(|error| unfit(layer, &format!("{}; {}", error.message, error.hint)))?;
    Ok(found.manifest.name.clone())
}

/// The model that helps to find outlines, where there is one.
fn outliner(step: &Step<'_>) -> Result<Option<String>, NodeError> {
    if step.inputs.get("outliner").is_some() {
        return Ok(Some(step.inputs.string("outliner")?).filter(|name| !name.is_empty()));
    }
    let found = step.models.known().outliner(None);
    let found = found.map_err(|error| NodeError::unfit("outliner", format!("{}; {}", error.message, error.hint)))?;
    Ok(found.map(|model| model.manifest.name.clone()))
}

/// Everything that the words of a layer mean, for each frame.
pub(super) fn of_words(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Mask, StepError> {
    let (detector, outliner) = (detector(step, layer)?, outliner(step)?);
    let least = layer.confidence.map(|least| fraction(layer, "confidence", least)).transpose()?;
    let finder = Finder::new(step.models, &detector, outliner.as_deref(), least);
    let words = finder.words(layer.semantic.as_deref().unwrap_or_default())?;
    let words = words.map_err(|error| unfit(layer, &error.to_string()))?;
    let mut all = Mask { batch: image.batch, height: image.height, width: image.width, data: Vec::new() };
    for index in 0..image.batch {
        let mut frame = vec![0.0_f32; image.width * image.height];
        for thing in finder.find(image, index, &words)?.things {
            frame.iter_mut().zip(&thing.mask.data).for_each(|(value, other)| *value = value.max(*other));
        }
        all.data.extend(frame);
    }
    Ok(all)
}

/// What is in a box, or where points are, for each frame.
pub(super) fn of_hints(step: &Step<'_>, image: &Image, layer: &Layer) -> Result<Mask, StepError> {
    let target = Target { bounds: bounds(layer, image)?, points: points(layer, image)? };
    let outliner = outliner(step)?;
    let mut all = Mask { batch: image.batch, height: image.height, width: image.width, data: Vec::new() };
    for index in 0..image.batch {
        all.data.extend(cut_out(step.models, image, index, &target, outliner.as_deref())?.data);
    }
    Ok(all)
}

/// The box of a layer in pixels.
fn bounds(layer: &Layer, image: &Image) -> Result<Option<Bounds>, NodeError> {
    match layer.bounds[..] {
        [] => Ok(None),
        [left, top, right, bottom] if left < right && top < bottom && layer.bounds.iter().all(|s| s.is_finite()) => {
            Ok(Some(Bounds::new(left, top, right, bottom).scaled(image.width as f64, image.height as f64)))
        }
        _ => Err(unfit(layer, "`box` is [left, top, right, bottom], in fractions of width and height")),
    }
}

/// The points of a layer in pixels; whether each belongs to what is meant.
fn points(layer: &Layer, image: &Image) -> Result<Vec<(f64, f64, bool)>, NodeError> {
    let place = |point: &Vec<f64>| match point[..] {
        [x, y, ref rest @ ..] if rest.len() < 2 && [x, y].iter().all(|at| (0.0..=1.0).contains(at)) => {
            Ok((x * image.width as f64, y * image.height as f64, rest.first().is_none_or(|label| *label != 0.0)))
        }
        _ => Err(unfit(layer, "a point is [x, y] or [x, y, 0], in fractions of width and height")),
    };
    layer.points.iter().map(place).collect()
}
