//! Batches of images and masks as ComfyUI has them, and the arithmetic on them.
//!
//! Pure: no files, no nodes, no project types. Values are `f32`, 0 (black, outside) to 1 (white,
//! inside), but nothing clamps them unless a function says so. Every function follows ComfyUI
//! 0.3.75 with torch, Pillow and scipy on the CPU, value for value.

mod blend;
mod blur;
mod channels;
mod composite;
mod dither;
mod error;
mod geometry;
mod lanczos;
mod lines;
mod mask_ops;
mod morphology;
mod palette;
mod porter_duff;
mod quantize;
mod resize;
mod taps;

pub use blend::{BlendMode, blend};
pub use blur::{blur, sharpen};
pub use channels::{color_to_mask, from_mask, invert, join_alpha, split_alpha, to_mask};
pub use composite::composite_masked;
pub use error::RasterError;
pub use geometry::{append, crop, flip_columns, flip_rows, pad_for_outpaint, repeat, rotate, select};
pub use lanczos::{resize_bytes_bicubic, resize_bytes_bilinear, resize_bytes_lanczos};
pub use mask_ops::{MaskOperation, composite_masks, crop_mask, feather_mask, invert_mask, threshold_mask};
pub use morphology::grow_mask;
pub use porter_duff::{PorterDuffMode, porter_duff};
pub use quantize::{Dither, quantize};
pub use resize::{ResizeMethod, center_crop, resize, resize_center, resize_mask};

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

    /// Number of values of one image of the batch.
    pub fn frame_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// The values of image `index` of the batch.
    pub fn frame(&self, index: usize) -> &[f32] {
        &self.data[index * self.frame_len()..][..self.frame_len()]
    }

    /// The images of the batch, one after the other.
    pub fn frames(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.batch).map(|index| self.frame(index))
    }

    /// An image of the same size and batch with the values `data`.
    pub(crate) fn with_data(&self, data: Vec<f32>) -> Self {
        Self { data, ..self.shape() }
    }

    /// The same sizes without any values.
    pub(crate) fn shape(&self) -> Self {
        Self { batch: self.batch, height: self.height, width: self.width, channels: self.channels, data: Vec::new() }
    }

    /// The image with every value replaced by `change` of it.
    pub(crate) fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.data.iter_mut().for_each(|value| *value = change(*value));
        self
    }
}

impl Mask {
    /// A mask batch of one value everywhere.
    pub fn filled(batch: usize, height: usize, width: usize, value: f32) -> Self {
        Self { batch, height, width, data: vec![value; batch * height * width] }
    }

    /// Number of values of one mask of the batch.
    pub fn frame_len(&self) -> usize {
        self.height * self.width
    }

    /// The values of mask `index` of the batch.
    pub fn frame(&self, index: usize) -> &[f32] {
        &self.data[index * self.frame_len()..][..self.frame_len()]
    }

    /// The masks of the batch, one after the other.
    pub fn frames(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.batch).map(|index| self.frame(index))
    }

    /// The same values as an image of one channel.
    pub fn into_image(self) -> Image {
        Image { batch: self.batch, height: self.height, width: self.width, channels: 1, data: self.data }
    }

    /// The mask with every value replaced by `change` of it.
    pub(crate) fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.data.iter_mut().for_each(|value| *value = change(*value));
        self
    }

    /// Appends `more` masks of the same size; the first are not copied.
    pub(crate) fn append(&mut self, more: Self) {
        if self.batch == 0 {
            *self = more;
        } else {
            self.batch += more.batch;
            self.data.extend(more.data);
        }
    }
}
