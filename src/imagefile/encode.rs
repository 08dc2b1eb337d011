//! Images to bytes. The same image and text always give the same bytes: nothing of the time or the
//! machine enters.

use std::io::Cursor;

use image::{
    ExtendedColorType, ImageEncoder, ImageFormat,
    codecs::{jpeg::JpegEncoder, tiff::TiffEncoder, webp::WebPEncoder},
};
use png::DeflateCompression;

use super::exif;
use crate::raster::Image;

/// Kinds of files that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PNG, 8 bits a sample.
    Png,
    /// JPEG with this quality, 1 to 100; alpha is laid on white.
    Jpeg(u8),
    /// WebP, lossless whatever quality was asked for: the encoder knows no other.
    WebP,
    /// TIFF, 8 bits a sample, not compressed, without text.
    Tiff,
}

impl Format {
    /// The ending of such a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg(_) => "jpg",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
        }
    }

    /// The format that `name` means: `png`, `jpeg`, `jpg`, `webp`, `tiff` or `tif`, in any case.
    pub fn from_name(name: &str, quality: u8) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpeg" | "jpg" => Some(Self::Jpeg(quality)),
            "webp" => Some(Self::WebP),
            "tiff" | "tif" => Some(Self::Tiff),
            _ => None,
        }
    }

    /// Whether a file of kind `found` is of this format.
    pub fn is(self, found: ImageFormat) -> bool {
        matches!(
            (self, found),
            (Self::Png, ImageFormat::Png)
                | (Self::Jpeg(_), ImageFormat::Jpeg)
                | (Self::WebP, ImageFormat::WebP)
                | (Self::Tiff, ImageFormat::Tiff)
        )
    }
}

/// Why an image cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The batch has no such image, or it is of no size, or its data are of another.
    #[error("write the image: it has no frame {0} of full size")]
    Frame(usize),
    /// Neither grey nor RGB nor RGBA.
    #[error("write the image: it has {0} channels; 1, 3 or 4 can be written")]
    Channels(usize),
    /// A key that the format does not allow.
    #[error("write the image: {0:?} cannot be the name of a text")]
    Key(String),
    /// What the encoder said.
    #[error("write the image: {0}")]
    Encoder(String),
}

/// Frame `frame` of `image` as 8-bit samples, `floor(clip(255 x, 0, 255))` as ComfyUI's
/// `np.clip(255. * x, 0, 255).astype(np.uint8)`; NaN gives 0.
pub fn to_bytes(image: &Image, frame: usize) -> Result<Vec<u8>, EncodeError> {
    let length = image.height * image.width * image.channels;
    let data = image.data.get(frame * length..(frame + 1) * length).filter(|data| !data.is_empty());
    let data = data.ok_or(EncodeError::Frame(frame))?;
    Ok(data.iter().map(|value| (value * 255.0).clamp(0.0, 255.0) as u8).collect())
}

/// Encodes frame `frame` of `image` with `texts` (name, value).
pub fn encode(image: &Image, frame: usize, format: Format, texts: &[(&str, &str)]) -> Result<Vec<u8>, EncodeError> {
    match format {
        Format::Png => encode_png(image, frame, texts),
        Format::Jpeg(quality) => encode_jpeg(image, frame, quality, texts),
        Format::WebP => encode_webp(image, frame, texts),
        Format::Tiff => encode_tiff(image, frame),
    }
}

/// PNG with 8 bits a sample (grey, RGB or RGBA), zlib level 4 as ComfyUI's `SaveImage`. Texts that
/// are ASCII become tEXt chunks, others iTXt, before the pixels.
pub fn encode_png(image: &Image, frame: usize, texts: &[(&str, &str)]) -> Result<Vec<u8>, EncodeError> {
    encode_png_bytes(&to_bytes(image, frame)?, &image.shape(), texts)
}

/// As [`encode_png`], of the bytes that [`to_bytes`] made of an image of the sizes of `shape`: without the image, which is
/// four times as large.
pub fn encode_png_bytes(pixels: &[u8], shape: &Image, texts: &[(&str, &str)]) -> Result<Vec<u8>, EncodeError> {
    let color = png_color(shape.channels)?;
    let failed = |error: png::EncodingError| EncodeError::Encoder(error.to_string());
    let mut out = Vec::with_capacity(pixels.len() / 2);
    let (width, height) = sides(shape)?;
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(DeflateCompression::Level(4));
    encoder.set_filter(png::Filter::Adaptive);
    for (key, value) in texts {
        if key.is_empty() || key.len() > 79 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(EncodeError::Key((*key).to_owned()));
        }
        let (key, value) = ((*key).to_owned(), (*value).to_owned());
        if value.is_ascii() { encoder.add_text_chunk(key, value) } else { encoder.add_itxt_chunk(key, value) }
            .map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// PNG with 8 or 16 bits a sample, each the nearest to its value, without text.
pub fn encode_png_exact(image: &Image, frame: usize, bits: u8) -> Result<Vec<u8>, EncodeError> {
    let failed = |error: png::EncodingError| EncodeError::Encoder(error.to_string());
    if frame >= image.batch || image.frame_len() == 0 || image.data.len() < (frame + 1) * image.frame_len() {
        return Err(EncodeError::Frame(frame));
    }
    let values = image.frame(frame);
    let (width, height) = sides(image)?;
    let mut out = Vec::with_capacity(values.len() / 2);
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png_color(image.channels)?);
    encoder.set_depth(if bits == 16 { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
    encoder.set_deflate_compression(DeflateCompression::Level(4));
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(failed)?;
    let samples = if bits == 16 {
        nearest_words(values).into_iter().flat_map(u16::to_be_bytes).collect()
    } else {
        nearest_bytes(values)
    };
    writer.write_image_data(&samples).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// The kind of PNG for so many channels.
pub(super) fn png_color(channels: usize) -> Result<png::ColorType, EncodeError> {
    match channels {
        1 => Ok(png::ColorType::Grayscale),
        3 => Ok(png::ColorType::Rgb),
        4 => Ok(png::ColorType::Rgba),
        other => Err(EncodeError::Channels(other)),
    }
}

/// Values as 8-bit samples, the nearest; NaN gives 0.
pub(super) fn nearest_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8).collect()
}

/// Values as 16-bit samples, the nearest; NaN gives 0.
pub(super) fn nearest_words(values: &[f32]) -> Vec<u16> {
    values.iter().map(|value| (value * 65_535.0).round().clamp(0.0, 65_535.0) as u16).collect()
}

/// JPEG, quality 1 to 100; RGBA is laid on white. Texts go into the EXIF data as ComfyUI puts them
/// there; the longest are left out when they are more than the 64 KiB that a JPEG allows.
pub fn encode_jpeg(image: &Image, frame: usize, quality: u8, texts: &[(&str, &str)]) -> Result<Vec<u8>, EncodeError> {
    let mut pixels = to_bytes(image, frame)?;
    let mut color = color_of(image)?;
    if image.channels == 4 {
        pixels = on_white(&pixels);
        color = ExtendedColorType::Rgb8;
    }
    let mut out = Cursor::new(Vec::new());
    let mut encoder = JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100));
    if let Some(data) = exif::write(texts, 65_000) {
        encoder.set_exif_metadata(data).map_err(|error| EncodeError::Encoder(error.to_string()))?;
    }
    let (width, height) = sides(image)?;
    if width > u32::from(u16::MAX) || height > u32::from(u16::MAX) {
        return Err(EncodeError::Encoder(format!(
            "{width} x {height} pixels are too many for {:?}",
            ImageFormat::Jpeg
        )));
    }
    encoder.write_image(&pixels, width, height, color).map_err(|error| EncodeError::Encoder(error.to_string()))?;
    Ok(out.into_inner())
}

/// WebP, always lossless. Texts go into the EXIF data as ComfyUI puts them there.
pub fn encode_webp(image: &Image, frame: usize, texts: &[(&str, &str)]) -> Result<Vec<u8>, EncodeError> {
    let (pixels, color) = (to_bytes(image, frame)?, color_of(image)?);
    let (width, height) = sides(image)?;
    let mut out = Cursor::new(Vec::new());
    let mut encoder = WebPEncoder::new_lossless(&mut out);
    if let Some(data) = exif::write(texts, 64 << 20) {
        encoder.set_exif_metadata(data).map_err(|error| EncodeError::Encoder(error.to_string()))?;
    }
    encoder.write_image(&pixels, width, height, color).map_err(|error| EncodeError::Encoder(error.to_string()))?;
    Ok(out.into_inner())
}

fn encode_tiff(image: &Image, frame: usize) -> Result<Vec<u8>, EncodeError> {
    let (pixels, color) = (to_bytes(image, frame)?, color_of(image)?);
    let (width, height) = sides(image)?;
    let mut out = Cursor::new(Vec::new());
    TiffEncoder::new(&mut out)
        .write_image(&pixels, width, height, color)
        .map_err(|error| EncodeError::Encoder(error.to_string()))?;
    Ok(out.into_inner())
}

fn color_of(image: &Image) -> Result<ExtendedColorType, EncodeError> {
    match image.channels {
        1 => Ok(ExtendedColorType::L8),
        3 => Ok(ExtendedColorType::Rgb8),
        4 => Ok(ExtendedColorType::Rgba8),
        other => Err(EncodeError::Channels(other)),
    }
}

pub(super) fn sides(image: &Image) -> Result<(u32, u32), EncodeError> {
    let side = |value: usize| u32::try_from(value).map_err(|_| EncodeError::Encoder("too many pixels".to_owned()));
    Ok((side(image.width)?, side(image.height)?))
}

fn on_white(rgba: &[u8]) -> Vec<u8> {
    let over = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    rgba.chunks_exact(4).flat_map(|p| [over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3])]).collect()
}
