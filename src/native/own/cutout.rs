//! `ComfywrightSalient` and `ComfywrightDecontaminate`: what stands out, and its colours alone.

use crate::{
    native::{
        NodeError,
        step::{Step, StepError, StepOutput},
    },
    raster::Image,
    vision,
};

/// Bytes of the tiles that are worked on at the same time, of each thread.
const TILES: u64 = 64 << 20;

/// The mask of what stands out in `image`, one for each frame.
pub(super) fn salient(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let image = step.inputs.image("image")?;
    let mask = step.models.salient(&step.inputs.string("model")?, image, step.inputs.bool_or("refine", true)?)?;
    Ok(vec![mask.into()].into())
}

/// The mask, the image as bytes, and the model or the tiles.
pub(super) fn salient_bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let image = step.inputs.image("image")?;
    let pixels = (image.height * image.width) as u64;
    let model = step.models.bytes(&step.inputs.string("model")?)?;
    Ok(pixels * (4 * image.batch as u64 + 3) + model.max(tiles(image, 1)))
}

/// `image` with the colours of what `mask` keeps.
pub(super) fn decontaminate(step: &mut Step<'_>) -> Result<StepOutput, StepError> {
    let (image, mask) = (step.inputs.take_image("image")?, step.inputs.mask("mask")?);
    if (mask.width, mask.height) != (image.width, image.height) {
        let reason =
            format!("it has {} x {} pixels, and the image {} x {}", mask.width, mask.height, image.width, image.height);
        return Err(NodeError::unfit("mask", reason).into());
    }
    Ok(vec![vision::decontaminate(image, mask).into()].into())
}

pub(super) fn decontaminate_bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let image = step.inputs.image("image")?;
    Ok(image.data.len() as u64 * 4 + tiles(image, image.channels))
}

/// Bytes of the tiles that are worked on, and of those that wait to be put into a picture of so many channels.
fn tiles(image: &Image, channels: usize) -> u64 {
    rayon::current_num_threads() as u64 * TILES + vision::waiting_bytes(image.width, channels)
}
