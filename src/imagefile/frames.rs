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
        let before = mask.len();
        append(frame, keyed, &mut rgb, &mut mask)?;
        transparent |= has_alpha && (!animated || mask[before..].iter().any(|value| *value > 0.0));
    }
    let (width, height) = size.ok_or_else(|| ImageFileError::Broken("it has no frames".to_owned()))?;
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
    rgb.try_reserve_exact(pixels * 3)
        .and_then(|()| mask.try_reserve_exact(pixels))
        .map_err(|_| ImageFileError::Broken("there is not enough memory".to_owned()))?;
    let color = frame.color();
    let channels = usize::from(color.channel_count());
    match color {
        image::ColorType::L8 | image::ColorType::La8 | image::ColorType::Rgb8 | image::ColorType::Rgba8 => {
            push(frame.as_bytes(), channels, |v| f32::from(v) / 255.0, |v| f32::from(v) / 255.0, rgb, mask);
        }
        image::ColorType::L16 | image::ColorType::La16 => {
            let color_of = if channels == 1 || keyed { mode_i } else { high_byte };
            let samples = samples_16(&frame);
            push(&samples, channels, color_of, high_byte, rgb, mask);
        }
        image::ColorType::Rgb16 | image::ColorType::Rgba16 => {
            push(&samples_16(&frame), channels, high_byte, high_byte, rgb, mask);
        }
        _ => {
            let float = frame.into_rgba32f();
            push(float.as_raw(), 4, unit, unit, rgb, mask);
        }
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
    let pixels = samples.chunks_exact(channels);
    if channels.is_multiple_of(2) {
        mask.extend(pixels.map(|p| 1.0 - alpha(p[channels - 1])));
    } else {
        mask.extend(pixels.map(|_| 0.0));
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

fn samples_16(frame: &DynamicImage) -> Vec<u16> {
    frame.as_bytes().chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect()
}
