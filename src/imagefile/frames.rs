//! Frames of animated files, and frames to batches of `f32`.

use std::io::Cursor;

use image::{
    AnimationDecoder, DynamicImage, ImageDecoder, codecs::gif::GifDecoder, codecs::webp::WebPDecoder,
    metadata::Orientation,
};

use super::decode::{Decoded, Header, ImageFileError, Limits};
use crate::raster::{Image, Mask};

/// All frames of a GIF, composed, as RGBA.
pub(super) fn read_gif(
    bytes: &[u8],
    limits: &Limits,
    inner: image::Limits,
) -> Result<Vec<DynamicImage>, ImageFileError> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
    decoder.set_limits(inner)?;
    collect(decoder, limits)
}

/// All frames of a WebP file, composed, and its orientation.
pub(super) fn read_webp(
    bytes: &[u8],
    limits: &Limits,
    inner: image::Limits,
) -> Result<(Vec<DynamicImage>, Orientation), ImageFileError> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
    decoder.set_limits(inner)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let frames =
        if decoder.has_animation() { collect(decoder, limits)? } else { vec![DynamicImage::from_decoder(decoder)?] };
    Ok((frames, orientation))
}

/// Collects frames while they are within the limits. Frames before a broken one are kept: a
/// viewer shows them too.
fn collect<'a>(decoder: impl AnimationDecoder<'a>, limits: &Limits) -> Result<Vec<DynamicImage>, ImageFileError> {
    let mut frames = Vec::new();
    for frame in decoder.into_frames() {
        let buffer = match frame {
            Ok(frame) => frame.into_buffer(),
            Err(_) if !frames.is_empty() => break,
            Err(error) => return Err(error.into()),
        };
        limits.check(buffer.width(), buffer.height(), 8, frames.len() as u64 + 1)?;
        frames.push(DynamicImage::ImageRgba8(buffer));
    }
    if frames.is_empty() { Err(ImageFileError::Broken("it has no frames".to_owned())) } else { Ok(frames) }
}

/// Turns decoded frames upright and into one batch; frames of another size than the first are left
/// out, as `LoadImage` does.
pub(super) fn assemble(
    frames: Vec<DynamicImage>,
    keyed: bool,
    orientation: Orientation,
    header: Header,
) -> Result<Decoded, ImageFileError> {
    let (mut size, mut batch, mut rgb, mut mask) = (None, 0, Vec::new(), Vec::new());
    let mut transparent = false;
    // Composed frames are RGBA whether or not the file uses transparency.
    let animated = frames.len() > 1 || header.format == image::ImageFormat::Gif;
    for mut frame in frames {
        frame.apply_orientation(orientation);
        let this = (frame.width() as usize, frame.height() as usize);
        if *size.get_or_insert(this) != this {
            continue;
        }
        batch += 1;
        let has_alpha = frame.color().has_alpha();
        let before = rgb.len() / 3;
        if has_alpha {
            // The frames before had none.
            mask.resize(before, 0.0);
        }
        append(frame, keyed, &mut rgb, &mut mask)?;
        transparent |= has_alpha && (!animated || mask[before..].iter().any(|value| *value > 0.0));
    }
    let (width, height) = size.ok_or_else(|| ImageFileError::Broken("it has no frames".to_owned()))?;
    if transparent {
        mask.resize(batch * height * width, 0.0);
    }
    Ok(Decoded {
        image: Image { batch, height, width, channels: 3, data: rgb },
        mask: transparent.then_some(Mask { batch, height, width, data: mask }),
        keyed: keyed && transparent,
        header: Header { width: width as u32, height: height as u32, alpha: transparent, ..header },
    })
}

/// Appends one frame as RGB and 1 - alpha.
fn append(frame: DynamicImage, keyed: bool, rgb: &mut Vec<f32>, mask: &mut Vec<f32>) -> Result<(), ImageFileError> {
    let pixels = frame.width() as usize * frame.height() as usize;
    // With room for an alpha, which is memory only when somebody adds one.
    rgb.try_reserve_exact(pixels * 4)
        .and_then(|()| mask.try_reserve_exact(if frame.color().has_alpha() { pixels } else { 0 }))
        .map_err(|_| ImageFileError::Broken("there is not enough memory".to_owned()))?;
    let byte = |value| f32::from(value) / 255.0;
    match frame {
        DynamicImage::ImageLuma8(frame) => push(&frame, 1, byte, byte, rgb, mask),
        DynamicImage::ImageLumaA8(frame) => push(&frame, 2, byte, byte, rgb, mask),
        DynamicImage::ImageRgb8(frame) => push(&frame, 3, byte, byte, rgb, mask),
        DynamicImage::ImageRgba8(frame) => push(&frame, 4, byte, byte, rgb, mask),
        DynamicImage::ImageLuma16(frame) => push(&frame, 1, mode_i, high_byte, rgb, mask),
        DynamicImage::ImageLumaA16(frame) if keyed => push(&frame, 2, mode_i, high_byte, rgb, mask),
        DynamicImage::ImageLumaA16(frame) => push(&frame, 2, high_byte, high_byte, rgb, mask),
        DynamicImage::ImageRgb16(frame) => push(&frame, 3, high_byte, high_byte, rgb, mask),
        DynamicImage::ImageRgba16(frame) => push(&frame, 4, high_byte, high_byte, rgb, mask),
        other => push(&other.into_rgba32f(), 4, unit, unit, rgb, mask),
    }
    Ok(())
}

fn push<T: Copy>(
    samples: &[T],
    channels: usize,
    color: impl Fn(T) -> f32,
    alpha: impl Fn(T) -> f32,
    rgb: &mut Vec<f32>,
    mask: &mut Vec<f32>,
) {
    match channels {
        1 | 2 => rgb.extend(samples.chunks_exact(channels).flat_map(|p| [color(p[0]); 3])),
        3 => rgb.extend(samples.iter().map(|v| color(*v))),
        _ => rgb.extend(samples.chunks_exact(4).flat_map(|p| [color(p[0]), color(p[1]), color(p[2])])),
    }
    if channels.is_multiple_of(2) {
        mask.extend(samples.chunks_exact(channels).map(|p| 1.0 - alpha(p[channels - 1])));
    }
}

/// Pillow's mode I times 1/255, then cut to 8 bits.
fn mode_i(value: u16) -> f32 {
    let scaled = (f64::from(value) * (1.0 / 255.0)) as u32;
    scaled.min(255) as f32 / 255.0
}

fn high_byte(value: u16) -> f32 {
    f32::from(value >> 8) / 255.0
}

fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}
