//! Pictures of several layers in one file: PSD, `OpenRaster`, and TIFF with a page for each layer.

mod ora;
mod psd;
mod tiff_pages;

pub use ora::encode_ora;
pub use psd::encode_psd;
pub use tiff_pages::{encode_tiff_page, encode_tiff_pages};

use super::EncodeError;
use crate::raster::Image;

/// How a layer joins what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerMode {
    /// Over it.
    Normal,
    /// 1 - (1 - a)(1 - b).
    Screen,
    /// a + b.
    Add,
    /// a - b.
    Subtract,
    /// a b.
    Multiply,
    /// The smaller of both.
    Darken,
    /// The larger of both.
    Lighten,
    /// |a - b|.
    Difference,
}

impl LayerMode {
    /// Its name in a TIFF's description.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Screen => "screen",
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Darken => "darken",
            Self::Lighten => "lighten",
            Self::Difference => "difference",
        }
    }
}

/// One layer, of the size of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureLayer {
    /// Its name.
    pub name: String,
    /// Its pixels: one frame; grey, RGB or RGBA, the same for all layers.
    pub image: Image,
    /// Its weight, 0 to 1.
    pub opacity: f32,
    /// How it joins what is below.
    pub mode: LayerMode,
}

/// A picture of layers.
#[derive(Clone, Debug, PartialEq)]
pub struct LayeredPicture {
    /// From the bottom up, at least one.
    pub layers: Vec<PictureLayer>,
    /// What they make together: one frame.
    pub merged: Image,
}

impl LayeredPicture {
    /// Columns and rows; all layers must have them.
    fn size(&self) -> Result<(usize, usize), EncodeError> {
        let (width, height) = (self.merged.width, self.merged.height);
        let fits = |image: &Image| {
            (image.width, image.height, image.data.len()) == (width, height, image.frame_len()) && image.frame_len() > 0
        };
        let channels = self.layers.first().map_or(1, |layer| layer.image.channels);
        let same = |layer: &PictureLayer| fits(&layer.image) && layer.image.channels == channels;
        if !fits(&self.merged) || self.layers.is_empty() || !self.layers.iter().all(same) {
            return Err(EncodeError::Encoder("its layers are not of one size and kind".to_owned()));
        }
        Ok((width, height))
    }
}

/// A weight as a byte, the nearest.
fn opacity_byte(opacity: f32) -> u8 {
    (opacity * 255.0).round().clamp(0.0, 255.0) as u8
}
