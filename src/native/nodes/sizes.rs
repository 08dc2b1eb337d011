//! Sizes of results, and errors that name the input behind them.

use super::NodeError;
use crate::{native::value::Inputs, raster::RasterError};

/// ComfyUI's largest width, height and position.
pub(super) const MAX_SIDE: i64 = 16384;

/// Bytes of an image batch.
pub(super) fn image_bytes(batch: usize, height: usize, width: usize, channels: usize) -> u64 {
    [batch, height, width, channels].into_iter().fold(4u64, |bytes, size| bytes.saturating_mul(size as u64))
}

/// Bytes of a mask batch.
pub(super) fn mask_bytes(batch: usize, height: usize, width: usize) -> u64 {
    image_bytes(batch, height, width, 1)
}

/// Bytes of the pixels of input `name`.
pub(super) fn as_large_as(inputs: &Inputs, name: &str) -> Result<u64, NodeError> {
    Ok(inputs.value(name)?.pixel_bytes())
}

/// Turns an impossible operation into an error about input `name`.
pub(super) fn unfit(name: &'static str) -> impl Fn(RasterError) -> NodeError {
    move |error| NodeError::unfit(name, error.to_string())
}
