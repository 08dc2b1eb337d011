//! Bytes to images, as ComfyUI's `LoadImage` (Pillow) sees them.

use std::io::{BufRead, Cursor, Seek};

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, metadata::Orientation};

use super::{frames, png_file};
use crate::raster::{Image, Mask};

/// What an image may cost before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest side in pixels.
    pub max_side: u32,
    /// Bytes of all frames together, at 4 bytes a pixel (8 for 16 bits a sample).
    pub max_bytes: u64,
}

impl Default for Limits {
    /// 16,384 pixels a side and 256 MiB (67 million pixels).
    fn default() -> Self {
        Self { max_side: 16_384, max_bytes: 256 << 20 }
    }
}

/// A decoded file: all frames that have the size of the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// RGB; one image for each frame. Values are those of Pillow's `convert("RGB")` divided by 255:
    /// transparent pixels keep their colour, 16-bit grey is cut to `min(v / 255, 255)` (ComfyUI's
    /// `point(i * 1 / 255)` on Pillow's mode I), other 16-bit samples lose their low byte.
    pub image: Image,
    /// 1 - alpha, as `LoadImage` gives it; none when the file has no transparency.
    pub mask: Option<Mask>,
    /// Whether the transparency comes from a colour key of a grey or RGB PNG. `LoadImage` leaves it
    /// out, `LoadImageMask` does not.
    pub keyed: bool,
    /// What the header said.
    pub header: Header,
}

/// What the header of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Columns, after the orientation of the EXIF data was applied.
    pub width: u32,
    /// Rows, likewise.
    pub height: u32,
    /// Kind of file.
    pub format: ImageFormat,
    /// Bits of a sample once decoded: 8, 16 or 32.
    pub bits: u8,
    /// Whether there is an alpha channel or something that becomes one.
    pub alpha: bool,
}

/// Why a file is not an image that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageFileError {
    /// No bytes at all.
    #[error("read the image: the file is empty")]
    Empty,
    /// None of the known kinds.
    #[error("read the image: it is not a PNG, JPEG, WebP, TIFF, BMP or GIF file")]
    UnknownFormat,
    /// A side that is longer than allowed, or none.
    #[error("read the image: {width} x {height} pixels; each side must be 1 to {max_side}")]
    Side {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The limit.
        max_side: u32,
    },
    /// More memory than allowed.
    #[error("read the image: {width} x {height} pixels need more than {} MiB", max_bytes >> 20)]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The limit.
        max_bytes: u64,
    },
    /// Broken or unsupported content.
    #[error("decode the image: {0}")]
    Broken(String),
}

impl From<ImageError> for ImageFileError {
    fn from(error: ImageError) -> Self {
        Self::Broken(one_line(&error.to_string()))
    }
}

/// A decoder's message without its line ends.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Limits {
    /// Whether `frames` frames of `width` x `height` pixels of `bits` bits a sample are allowed.
    pub fn check(&self, width: u32, height: u32, bits: u8, frames: u64) -> Result<(), ImageFileError> {
        let max_side = self.max_side;
        if width == 0 || height == 0 || width > max_side || height > max_side {
            return Err(ImageFileError::Side { width, height, max_side });
        }
        let bytes = u64::from(width) * u64::from(height) * u64::from(bits.max(8) / 8) * 4;
        if bytes.saturating_mul(frames) > self.max_bytes {
            return Err(ImageFileError::TooLarge { width, height, max_bytes: self.max_bytes });
        }
        Ok(())
    }

    /// The same for the decoders of the `image` crate, with room for their own buffers.
    fn for_decoder(self) -> image::Limits {
        let mut limits = image::Limits::default();
        limits.max_image_width = Some(self.max_side);
        limits.max_image_height = Some(self.max_side);
        limits.max_alloc = Some(self.max_bytes.saturating_mul(4));
        limits
    }
}

impl Decoded {
    /// All frames as RGBA where the file has transparency, else as RGB.
    pub fn into_image(self) -> Image {
        let Some(mask) = self.mask else { return self.image };
        let pixels = self.image.data.chunks_exact(3).zip(&mask.data);
        let data = pixels.flat_map(|(rgb, mask)| [rgb[0], rgb[1], rgb[2], 1.0 - mask]).collect();
        Image { channels: 4, data, ..self.image }
    }
}

impl Header {
    /// Whether one frame is within `limits`.
    pub fn within(&self, limits: &Limits) -> Result<(), ImageFileError> {
        limits.check(self.width, self.height, self.bits, 1)
    }
}

/// Decodes a file: PNG (APNG), JPEG, WebP, TIFF (the first page), BMP or GIF. The header is
/// compared with `limits` before any pixel is decoded.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, ImageFileError> {
    let reader = guessed(Cursor::new(bytes))?;
    let found = header(Cursor::new(bytes))?;
    found.within(limits)?;
    let (frames, keyed, orientation) = match found.format {
        ImageFormat::Png => {
            let png = png_file::read_frames(bytes, limits)?;
            (png.frames, png.keyed, png.orientation)
        }
        ImageFormat::Gif => (frames::read_gif(bytes, limits, limits.for_decoder())?, false, Orientation::NoTransforms),
        ImageFormat::WebP => {
            let (frames, orientation) = frames::read_webp(bytes, limits, limits.for_decoder())?;
            (frames, false, orientation)
        }
        _ => {
            let mut decoder = reader.into_decoder()?;
            decoder.set_limits(limits.for_decoder())?;
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            (vec![DynamicImage::from_decoder(decoder)?], false, orientation)
        }
    };
    frames::assemble(frames, keyed, orientation, found)
}

/// Reads the header of a file without decoding pixels. A PNG that is broken behind its first chunk
/// still has the size that stands there.
pub fn header(mut reader: impl BufRead + Seek) -> Result<Header, ImageFileError> {
    let first_size = reader.fill_buf().ok().and_then(png_file::first_size);
    match (decoded_header(reader), first_size) {
        (Err(ImageFileError::Broken(_)), Some((width, height))) => {
            Ok(Header { width, height, format: ImageFormat::Png, bits: 8, alpha: false })
        }
        (found, _) => found,
    }
}

fn decoded_header(reader: impl BufRead + Seek) -> Result<Header, ImageFileError> {
    let reader = guessed(reader)?;
    let format = reader.format().ok_or(ImageFileError::UnknownFormat)?;
    let mut decoder = reader.into_decoder()?;
    let (mut width, mut height) = decoder.dimensions();
    let color = decoder.color_type();
    if swaps_sides(decoder.orientation().unwrap_or(Orientation::NoTransforms)) {
        (width, height) = (height, width);
    }
    let bits = (color.bits_per_pixel() / u16::from(color.channel_count())).min(32) as u8;
    Ok(Header { width, height, format, bits, alpha: color.has_alpha() })
}

/// Width and height from the header, after the orientation was applied.
pub fn size(bytes: &[u8]) -> Result<(u32, u32), ImageFileError> {
    header(Cursor::new(bytes)).map(|found| (found.width, found.height))
}

/// A reader that knows the format by the first bytes; only formats that [`decode`] reads.
fn guessed<R: BufRead + Seek>(mut reader: R) -> Result<ImageReader<R>, ImageFileError> {
    let broken = |error: std::io::Error| ImageFileError::Broken(error.to_string());
    if reader.fill_buf().map_err(broken)?.is_empty() {
        return Err(ImageFileError::Empty);
    }
    let reader = ImageReader::new(reader).with_guessed_format().map_err(broken)?;
    match reader.format() {
        Some(
            ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::WebP
            | ImageFormat::Tiff
            | ImageFormat::Bmp
            | ImageFormat::Gif,
        ) => Ok(reader),
        _ => Err(ImageFileError::UnknownFormat),
    }
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}
