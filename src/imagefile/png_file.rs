//! PNG and APNG files. Read with the `png` crate itself, because Pillow treats a colour key of a
//! palette image and of a grey or RGB image differently.

use std::io::Cursor;

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, Rgba, RgbaImage, metadata::Orientation};
use png::{BitDepth, BlendOp, ColorType, DisposeOp, FrameControl};

use super::decode::{ImageFileError, Limits, one_line};

/// A decoded PNG.
pub(super) struct PngFrames {
    pub(super) frames: Vec<DynamicImage>,
    /// Whether alpha comes from the colour key of a grey or RGB image.
    pub(super) keyed: bool,
    pub(super) orientation: Orientation,
}

type Reader<'a> = png::Reader<Cursor<&'a [u8]>>;

/// Width and height as the first chunk of a PNG says, however broken the rest is.
pub(super) fn first_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let (width, rest) = header.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// Reads all frames, composed.
pub(super) fn read_frames(bytes: &[u8], limits: &Limits) -> Result<PngFrames, ImageFileError> {
    let max = usize::try_from(limits.max_bytes.saturating_mul(4)).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: max });
    let info = decoder.read_header_info().map_err(|error| broken(&error))?;
    let bits = if info.bit_depth == BitDepth::Sixteen { 16 } else { 8 };
    let grey_or_rgb = matches!(info.color_type, ColorType::Grayscale | ColorType::Rgb);
    limits.check(info.width, info.height, bits, 1)?;
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| broken(&error))?;
    let info = reader.info();
    if info.palette.as_ref().is_some_and(|palette| palette.len() % 3 != 0) {
        // The crate takes every entry for whole and breaks off (0.18.1).
        return Err(ImageFileError::Broken("a colour of the palette is cut off".to_owned()));
    }
    let keyed = grey_or_rgb && info.trns.is_some();
    let orientation = info
        .exif_metadata
        .as_ref()
        .and_then(|chunk| Orientation::from_exif_chunk(chunk))
        .unwrap_or(Orientation::NoTransforms);
    let animated = info.animation_control.map(|control| control.num_frames);
    let frames = match animated {
        Some(count) if count > 1 && bits == 8 => compose(&mut reader, count, limits)?,
        _ => vec![next_frame(&mut reader)?],
    };
    Ok(PngFrames { frames, keyed, orientation })
}

fn broken(error: &png::DecodingError) -> ImageFileError {
    ImageFileError::Broken(one_line(&error.to_string()))
}

/// Decodes the next frame as it stands in the file.
fn next_frame(reader: &mut Reader<'_>) -> Result<DynamicImage, ImageFileError> {
    let unusable = || ImageFileError::Broken("the size of a frame is wrong".to_owned());
    let length = reader.output_buffer_size().ok_or_else(unusable)?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length).map_err(|_| ImageFileError::Broken("there is not enough memory".to_owned()))?;
    buffer.resize(length, 0);
    let info = reader.next_frame(&mut buffer).map_err(|error| broken(&error))?;
    buffer.truncate(info.buffer_size());
    let (width, height) = (info.width, info.height);
    let frame = match (info.color_type, info.bit_depth) {
        (ColorType::Grayscale, BitDepth::Eight) => GrayImage::from_raw(width, height, buffer).map(Into::into),
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => GrayAlphaImage::from_raw(width, height, buffer).map(Into::into),
        (ColorType::Rgb, BitDepth::Eight) => ImageBuffer::from_raw(width, height, buffer).map(DynamicImage::ImageRgb8),
        (ColorType::Rgba, BitDepth::Eight) => RgbaImage::from_raw(width, height, buffer).map(Into::into),
        (color, BitDepth::Sixteen) => wide(color, width, height, &buffer),
        _ => None,
    };
    frame.ok_or_else(unusable)
}

/// 16-bit samples, which PNG keeps big-endian.
fn wide(color: ColorType, width: u32, height: u32, buffer: &[u8]) -> Option<DynamicImage> {
    let samples: Vec<u16> = buffer.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect();
    match color {
        ColorType::Grayscale => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLuma16),
        ColorType::GrayscaleAlpha => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageLumaA16),
        ColorType::Rgb => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb16),
        ColorType::Rgba => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba16),
        ColorType::Indexed => None,
    }
}

/// The frames of an APNG on their canvas. A default image that is not part of the animation comes
/// first, as with Pillow. Frames before a broken one are kept.
fn compose(reader: &mut Reader<'_>, count: u32, limits: &Limits) -> Result<Vec<DynamicImage>, ImageFileError> {
    let (width, height) = reader.info().size();
    let mut frames: Vec<DynamicImage> = Vec::new();
    if reader.info().frame_control.is_none() {
        frames.push(next_frame(reader)?.into_rgba8().into());
    }
    let mut canvas = RgbaImage::new(width, height);
    for _ in 0..count {
        limits.check(width, height, 8, frames.len() as u64 + 1)?;
        let part = match next_frame(reader) {
            Ok(part) => part.into_rgba8(),
            Err(_) if !frames.is_empty() => break,
            Err(error) => return Err(error),
        };
        let Some(control) = reader.info().frame_control else { break };
        let before = (control.dispose_op == DisposeOp::Previous).then(|| canvas.clone());
        place(&mut canvas, &part, &control);
        frames.push(canvas.clone().into());
        match (control.dispose_op, before) {
            (DisposeOp::Previous, Some(before)) => canvas = before,
            (DisposeOp::Background, _) => clear(&mut canvas, &control),
            _ => {}
        }
    }
    Ok(frames)
}

fn place(canvas: &mut RgbaImage, part: &RgbaImage, control: &FrameControl) {
    for (x, y, pixel) in part.enumerate_pixels() {
        let (Some(x), Some(y)) = (x.checked_add(control.x_offset), y.checked_add(control.y_offset)) else { continue };
        if let Some(below) = canvas.get_pixel_mut_checked(x, y) {
            match control.blend_op {
                BlendOp::Source => *below = *pixel,
                BlendOp::Over => image::Pixel::blend(below, pixel),
            }
        }
    }
}

fn clear(canvas: &mut RgbaImage, control: &FrameControl) {
    for y in control.y_offset..control.y_offset.saturating_add(control.height).min(canvas.height()) {
        for x in control.x_offset..control.x_offset.saturating_add(control.width).min(canvas.width()) {
            canvas.put_pixel(x, y, Rgba([0, 0, 0, 0]));
        }
    }
}
