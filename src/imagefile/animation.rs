//! Frames as one file that moves: APNG, GIF and WebP.

use std::{borrow::Cow, io::Cursor};

use gif::{DisposalMethod, Frame, Repeat};

use super::{
    EncodeError,
    encode::{nearest_bytes, png_color, sides},
    encode_webp,
};
use crate::raster::Image;

/// Kinds of animated files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnimationFormat {
    /// Animated PNG: nothing is lost.
    Apng,
    /// GIF: nothing of grey frames is lost; 256 colours a frame of others; a pixel is transparent or not.
    Gif,
    /// Animated WebP, lossless.
    WebP,
}

/// How fast frames follow each other, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Frames a second, 0.1 to 100.
    pub fps: f64,
    /// How often all frames are shown; 0 is for ever.
    pub loops: u16,
}

impl Timing {
    /// When frame `index` ends, in `unit`s of a second, less when it begins: so that rounding does not add up.
    fn duration(self, index: usize, unit: f64) -> u32 {
        let at = |index: usize| (index as f64 * unit / self.fps.clamp(0.1, 100.0)).round() as u32;
        (at(index + 1) - at(index)).max(1)
    }
}

/// All frames of `image` (grey, RGB or RGBA) as one file.
pub fn encode_animation(image: &Image, format: AnimationFormat, timing: Timing) -> Result<Vec<u8>, EncodeError> {
    if image.batch == 0 || image.frame_len() == 0 {
        return Err(EncodeError::Frame(0));
    }
    match format {
        AnimationFormat::Apng => apng(image, timing),
        AnimationFormat::Gif => gif(image, timing),
        AnimationFormat::WebP => webp(image, timing),
    }
}

fn apng(image: &Image, timing: Timing) -> Result<Vec<u8>, EncodeError> {
    let failed = |error: png::EncodingError| EncodeError::Encoder(error.to_string());
    let (width, height) = sides(image)?;
    let frames = u32::try_from(image.batch).map_err(|_| EncodeError::Encoder("too many frames".to_owned()))?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png_color(image.channels)?);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(frames, u32::from(timing.loops)).map_err(failed)?;
    encoder.set_blend_op(png::BlendOp::Source).map_err(failed)?;
    encoder.set_dispose_op(png::DisposeOp::None).map_err(failed)?;
    let mut writer = encoder.write_header().map_err(failed)?;
    for (index, frame) in image.frames().enumerate() {
        let delay = timing.duration(index, 1000.0).min(u32::from(u16::MAX)) as u16;
        writer.set_frame_delay(delay, 1000).map_err(failed)?;
        writer.write_image_data(&nearest_bytes(frame)).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn gif(image: &Image, timing: Timing) -> Result<Vec<u8>, EncodeError> {
    let failed = |error: gif::EncodingError| EncodeError::Encoder(error.to_string());
    let side = |side: usize| {
        u16::try_from(side)
            .map_err(|_| EncodeError::Encoder(format!("a GIF has at most 65535 pixels a side, not {side}")))
    };
    let (width, height) = (side(image.width)?, side(image.height)?);
    png_color(image.channels)?;
    let greys: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    let palette: &[u8] = if image.channels == 1 { &greys } else { &[] };
    let mut encoder = gif::Encoder::new(Vec::new(), width, height, palette).map_err(failed)?;
    let repeat = if timing.loops == 0 { Repeat::Infinite } else { Repeat::Finite(timing.loops) };
    encoder.set_repeat(repeat).map_err(failed)?;
    for (index, frame) in image.frames().enumerate() {
        let mut pixels = nearest_bytes(frame);
        let mut frame = match image.channels {
            1 => Frame { width, height, buffer: Cow::Owned(pixels), ..Frame::default() },
            3 => Frame::from_rgb_speed(width, height, &pixels, 10),
            _ => {
                Frame { dispose: DisposalMethod::Background, ..Frame::from_rgba_speed(width, height, &mut pixels, 10) }
            }
        };
        frame.delay = timing.duration(index, 100.0).min(u32::from(u16::MAX)) as u16;
        encoder.write_frame(&frame).map_err(failed)?;
    }
    encoder.into_inner().map_err(|error| EncodeError::Encoder(error.to_string()))
}

/// The container of an animated WebP around losslessly encoded frames.
///
/// Source: Google, "WebP Container Specification".
fn webp(image: &Image, timing: Timing) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = sides(image)?;
    if width > 1 << 14 || height > 1 << 14 {
        return Err(EncodeError::Encoder(format!("a WebP has at most 16384 pixels a side, not {width} x {height}")));
    }
    let alpha = if image.channels == 4 { 0x10 } else { 0 };
    let size = |out: &mut Vec<u8>| {
        out.extend_from_slice(&(width - 1).to_le_bytes()[..3]);
        out.extend_from_slice(&(height - 1).to_le_bytes()[..3]);
    };
    let mut head = vec![0x02 | alpha, 0, 0, 0];
    size(&mut head);
    let mut body = b"WEBP".to_vec();
    chunk(&mut body, *b"VP8X", &head);
    // No colour behind it, and how often it is shown.
    let [low, high] = timing.loops.to_le_bytes();
    chunk(&mut body, *b"ANIM", &[0, 0, 0, 0, low, high]);
    for index in 0..image.batch {
        let rounded = Image { batch: 1, data: rounded(image.frame(index)), ..image.shape() };
        let still = encode_webp(&rounded, 0, &[])?;
        let picture = lossless(&still).ok_or_else(|| EncodeError::Encoder("a frame has no picture".to_owned()))?;
        let mut frame = vec![0; 6];
        size(&mut frame);
        frame.extend_from_slice(&timing.duration(index, 1000.0).to_le_bytes()[..3]);
        // It takes the place of the one before.
        frame.push(0x02);
        chunk(&mut frame, *b"VP8L", picture);
        chunk(&mut body, *b"ANMF", &frame);
    }
    let mut out = Cursor::new(Vec::with_capacity(body.len() + 8)).into_inner();
    chunk(&mut out, *b"RIFF", &body);
    Ok(out)
}

/// Values that `to_bytes`, which cuts, turns into the nearest ones.
fn rounded(frame: &[f32]) -> Vec<f32> {
    nearest_bytes(frame).into_iter().map(|byte| (f32::from(byte) + 0.25) / 255.0).collect()
}

/// The lossless picture of a still WebP.
fn lossless(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(12..)?;
    loop {
        let (kind, length) = (rest.get(..4)?, u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize);
        if kind == b"VP8L" {
            return rest.get(8..8 + length);
        }
        rest = rest.get(8 + length.next_multiple_of(2)..)?;
    }
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend_from_slice(&kind);
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imagefile::{Limits, decode};

    fn frames(channels: usize) -> Image {
        let value = |at: usize| ((at * 37 + at / 91) % 256) as f32 / 255.0;
        Image { batch: 5, height: 9, width: 13, channels, data: (0..5 * 9 * 13 * channels).map(value).collect() }
    }

    #[test]
    fn grey_frames_come_back_as_they_were() {
        let image = frames(1);
        for format in [AnimationFormat::Apng, AnimationFormat::Gif, AnimationFormat::WebP] {
            let bytes = encode_animation(&image, format, Timing { fps: 12.0, loops: 0 }).expect("frames");
            let found = decode(&bytes, &Limits::default()).expect("an animation").image;
            assert_eq!((found.batch, found.width, found.height), (5, 13, 9), "{format:?}");
            for (found, wanted) in found.data.chunks_exact(3).zip(&image.data) {
                assert!(
                    (found[0] - wanted).abs() < 1e-6 && (found[0] - found[2]).abs() < 1e-6,
                    "{format:?}: {found:?} {wanted}"
                );
            }
        }
    }

    #[test]
    fn frames_with_alpha_come_back() {
        let image = frames(4);
        for format in [AnimationFormat::Apng, AnimationFormat::WebP] {
            let bytes = encode_animation(&image, format, Timing { fps: 25.0, loops: 3 }).expect("frames");
            let found = decode(&bytes, &Limits::default()).expect("an animation");
            let mask = found.mask.expect("alpha");
            for (found, wanted) in mask.data.iter().zip(image.data.chunks_exact(4)) {
                assert!((1.0 - found - wanted[3]).abs() < 1e-6, "{format:?}");
            }
        }
    }

    #[test]
    fn rounding_of_durations_does_not_add_up() {
        let timing = Timing { fps: 7.0, loops: 0 };
        let total: u32 = (0..70).map(|index| timing.duration(index, 100.0)).sum();
        assert_eq!(total, 1000);
    }
}
