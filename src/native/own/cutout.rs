//! `ComfywrightSalient` and `ComfywrightDecontaminate`: what stands out, and its colours alone.

use crate::{
    native::{
        NodeError,
        step::{Step, StepError, StepOutput},
    },
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

/// The mask twice, the image as bytes, and the model.
pub(super) fn salient_bytes(step: &Step<'_>) -> Result<u64, StepError> {
    let image = step.inputs.image("image")?;
    let pixels = (image.height * image.width) as u64;
    let model = step.models.bytes(&step.inputs.string("model")?)?;
    Ok(pixels * (4 * (image.batch as u64 + 2) + 3) + model.max(threads() * TILES))
}

/// `image` with the colours of what `mask` keeps.
pub(super) fn decontaminate(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let (image, mask) = (step.inputs.image("image")?, step.inputs.mask("mask")?);
    if (mask.width, mask.height) != (image.width, image.height) {
        let reason =
            format!("it has {} x {} pixels, and the image {} x {}", mask.width, mask.height, image.width, image.height);
        return Err(NodeError::unfit("mask", reason).into());
    }
    Ok(vec![vision::decontaminate(image, mask).into()].into())
}

pub(super) fn decontaminate_bytes(step: &Step<'_>) -> Result<u64, StepError> {
    Ok(step.inputs.image("image")?.data.len() as u64 * 4 + threads() * TILES)
}

fn threads() -> u64 {
    rayon::current_num_threads() as u64
}
