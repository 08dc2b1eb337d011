//! From where a thing is to its mask: by a promptable model, else by colours, with the help of a model of what stands out.

use crate::{
    model::ModelRole,
    models::{ModelError, ModelStore},
    raster::{Image, Mask},
    vision::{Bounds, Cutout, Target},
};

/// How far around a box the model of what stands out looks, as shares of the box: close by, and at more of what is
/// around. The mean of both is right more often than either.
const LOOKS: [f64; 2] = [0.1, 0.35];

/// How much of a box, by intersection over union, the box around what was cut out of it must be. Where it is less, the model
/// saw another thing there: the hand instead of what it holds.
const FILLED: f64 = 0.6;

/// What `target` shows in frame `index` of `image`, as a mask of the size of the image. `outliner` finds it, where it is a
/// promptable model; one of what stands out helps in the box.
pub fn cut_out(
    models: &ModelStore,
    image: &Image,
    index: usize,
    target: &Target,
    outliner: Option<&str>,
) -> Result<Mask, ModelError> {
    let helped = by_model(models, image, index, target, outliner)?;
    Ok(helped.unwrap_or_else(|| Cutout::of(image, index, target, None).mask(image, index)))
}

/// The same by `outliner`; none without one, or where it saw another thing: then the colours decide.
pub(super) fn by_model(
    models: &ModelStore,
    image: &Image,
    index: usize,
    target: &Target,
    outliner: Option<&str>,
) -> Result<Option<Mask>, ModelError> {
    let Some(name) = outliner else { return Ok(None) };
    if is_promptable(models, name) {
        return models.prompted_mask(name, image, index, target).map(Some);
    }
    let Some(bounds) = &target.bounds else { return Ok(None) };
    let Some(likely) = likely(models, name, image, index, bounds)? else { return Ok(None) };
    let cutout = Cutout::of(image, index, target, Some(&likely));
    let fills = cutout.bounds().is_some_and(|around| around.overlap(bounds) >= FILLED);
    Ok(fills.then(|| cutout.mask(image, index)))
}

pub(super) fn is_promptable(models: &ModelStore, name: &str) -> bool {
    models.manifest(name, ModelRole::Promptable).is_ok()
}

/// What stands out in the surroundings of the box, by the model `name`; 0 elsewhere.
fn likely(
    models: &ModelStore,
    name: &str,
    image: &Image,
    index: usize,
    bounds: &Bounds,
) -> Result<Option<Mask>, ModelError> {
    let mut mask = Mask::filled(1, image.height, image.width, 0.0);
    for look in LOOKS {
        let around = bounds.padded(look * bounds.width().max(bounds.height()) + 2.0);
        let Some([left, top, right, bottom]) = around.pixels(image.width, image.height) else { return Ok(None) };
        let rows = image.frame(index).chunks_exact((image.width * image.channels).max(1)).take(bottom).skip(top);
        let data = rows.flat_map(|row| row[left * image.channels..right * image.channels].iter().copied()).collect();
        let (width, height) = (right - left, bottom - top);
        let part = models.salient(name, &Image { batch: 1, height, width, channels: image.channels, data }, false)?;
        for (y, row) in part.data.chunks_exact(width).enumerate() {
            let target = &mut mask.data[(top + y) * image.width + left..][..width];
            target.iter_mut().zip(row).for_each(|(value, part)| *value += part / LOOKS.len() as f32);
        }
    }
    Ok(Some(mask))
}
