//! Batches of images and masks as ComfyUI has them, and the arithmetic on them.
//!
//! Pure: no files, no nodes, no project types. Values are `f32`, 0 (black, outside) to 1 (white,
//! inside), but nothing clamps them unless a function says so.

/// A batch of images of one size: `[batch, height, width, channels]`, row-major, channels
/// interleaved; 1, 3 (RGB) or 4 (RGBA, straight alpha) channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Number of images, at least 1.
    pub batch: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values for each pixel.
    pub channels: usize,
    /// `batch * height * width * channels` values.
    pub data: Vec<f32>,
}

/// A batch of masks of one size: `[batch, height, width]`, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mask {
    /// Number of masks, at least 1.
    pub batch: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `batch * height * width` values.
    pub data: Vec<f32>,
}

impl Image {
    /// An image batch of one value everywhere.
    pub fn filled(batch: usize, height: usize, width: usize, channels: usize, value: f32) -> Self {
        Self { batch, height, width, channels, data: vec![value; batch * height * width * channels] }
    }
}

impl Mask {
    /// A mask batch of one value everywhere.
    pub fn filled(batch: usize, height: usize, width: usize, value: f32) -> Self {
        Self { batch, height, width, data: vec![value; batch * height * width] }
    }
}
