//! Lanczos resampling as ComfyUI does it: values become bytes, Pillow's `LANCZOS` resizes them,
//! bytes become values.
//!
//! Opaque images go through `fast_image_resize`, which agrees with Pillow within 1/255. With alpha
//! that is not enough: dividing by a small alpha magnifies the last bit, so that Pillow's fixed
//! point arithmetic is followed exactly.

use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images};

use super::{Image, RasterError};

/// Fraction bits of Pillow's 8-bit resampling weights.
const PRECISION: u32 = 32 - 8 - 2;

/// Resizes images of 1, 3 or 4 channels to `width` x `height` pixels, both at least 1.
pub(super) fn resize_lanczos(image: &Image, width: usize, height: usize) -> Result<Image, RasterError> {
    let mut data = Vec::with_capacity(image.batch * width * height * image.channels);
    for frame in image.frames() {
        let bytes = frame.iter().map(|value| (255.0 * value).clamp(0.0, 255.0) as u8).collect();
        let resized = resize_bytes_lanczos(bytes, (image.width, image.height), (width, height), image.channels)?;
        data.extend(resized.iter().map(|&byte| f32::from(byte) / 255.0));
    }
    Ok(Image { width, height, data, ..image.shape() })
}

/// Width and height in pixels.
type Size = (usize, usize);

/// Resizes one 8-bit image with interleaved channels from size `old` to size `new`, both as
/// (width, height) and at least 1. 1 and 3 channels agree with Pillow 13 within 1, 4 channels
/// (RGBA) exactly.
pub fn resize_bytes_lanczos(bytes: Vec<u8>, old: Size, new: Size, channels: usize) -> Result<Vec<u8>, RasterError> {
    if old == new {
        return Ok(bytes);
    }
    match channels {
        1 => in_two_steps(bytes, old, new, |bytes, old, new| resize_opaque(bytes, old, new, PixelType::U8)),
        3 => in_two_steps(bytes, old, new, |bytes, old, new| resize_opaque(bytes, old, new, PixelType::U8x3)),
        4 => resize_with_alpha(bytes, old, new),
        found => Err(RasterError::Channels { expected: "1, 3 or 4".to_owned(), found }),
    }
}

/// Applies `step` to one direction after the other, in Pillow's order: columns first, but rows
/// first when the image becomes wider and less high. The values in between are rounded and clipped
/// to bytes, so that the order shows.
fn in_two_steps(
    bytes: Vec<u8>,
    old: Size,
    new: Size,
    step: impl Fn(Vec<u8>, Size, Size) -> Result<Vec<u8>, RasterError>,
) -> Result<Vec<u8>, RasterError> {
    let between = if new.0 > old.0 && new.1 < old.1 { (old.0, new.1) } else { (new.0, old.1) };
    let halfway = if between == old { bytes } else { step(bytes, old, between)? };
    if between == new { Ok(halfway) } else { step(halfway, between, new) }
}

fn resize_opaque(bytes: Vec<u8>, old: Size, new: Size, pixel: PixelType) -> Result<Vec<u8>, RasterError> {
    let side = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let nothing = RasterError::NothingLeft { width: old.0, height: old.1 };
    let source = images::Image::from_vec_u8(side(old.0), side(old.1), bytes, pixel).map_err(|_| nothing.clone())?;
    let mut target = images::Image::new(side(new.0), side(new.1), pixel);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).map_err(|_| nothing)?;
    Ok(target.into_vec())
}

fn resize_with_alpha(mut bytes: Vec<u8>, old: Size, new: Size) -> Result<Vec<u8>, RasterError> {
    let (pixels, _) = bytes.as_chunks_mut::<4>();
    pixels.iter_mut().for_each(premultiply);
    let mut bytes = in_two_steps(bytes, old, new, |bytes, old, new| {
        Ok(match old.0 == new.0 {
            true => resize_rows(&bytes, old.0 * 4, &fixed_taps(old.1, new.1)),
            false => resize_columns(&bytes, old.0, &fixed_taps(old.0, new.0)),
        })
    })?;
    let (pixels, _) = bytes.as_chunks_mut::<4>();
    pixels.iter_mut().for_each(divide_by_alpha);
    Ok(bytes)
}

/// Rounded `value * alpha / 255`.
fn premultiply(pixel: &mut [u8; 4]) {
    let alpha = u32::from(pixel[3]);
    for value in &mut pixel[..3] {
        let product = u32::from(*value) * alpha + 128;
        *value = (((product >> 8) + product) >> 8) as u8;
    }
}

/// `value * 255 / alpha`, rounded down, at most 255; transparent and opaque pixels stay.
fn divide_by_alpha(pixel: &mut [u8; 4]) {
    let alpha = u32::from(pixel[3]);
    if alpha == 0 || alpha == 255 {
        return;
    }
    for value in &mut pixel[..3] {
        *value = (255 * u32::from(*value) / alpha).min(255) as u8;
    }
}

struct FixedTaps {
    first: usize,
    weights: Vec<i32>,
}

/// Pillow's weights: the Lanczos-3 kernel stretched when shrinking, normalised in `f64`, then
/// rounded away from zero to [`PRECISION`] fraction bits.
fn fixed_taps(input: usize, output: usize) -> Vec<FixedTaps> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = 3.0 * stretch;
    (0..output)
        .map(|position| {
            let center = (position as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(input);
            let weights: Vec<f64> =
                (first..end).map(|source| lanczos3((source as f64 - center + 0.5) / stretch)).collect();
            let total: f64 = weights.iter().sum();
            let fixed = |weight: f64| (weight / total * f64::from(1 << PRECISION)).round() as i32;
            FixedTaps { first, weights: weights.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn lanczos3(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) }
}

fn round_to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

fn resize_columns(source: &[u8], width: usize, columns: &[FixedTaps]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len() / width * columns.len());
    for row in source.chunks_exact(width * 4) {
        let (pixels, _) = row.as_chunks::<4>();
        for taps in columns {
            let mut sums = [1 << (PRECISION - 1); 4];
            for (pixel, weight) in pixels[taps.first..].iter().zip(&taps.weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            out.extend_from_slice(&sums.map(round_to_byte));
        }
    }
    out
}

fn resize_rows(source: &[u8], stride: usize, rows: &[FixedTaps]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.len() * stride);
    let mut sums = vec![0; stride];
    for taps in rows {
        sums.fill(1 << (PRECISION - 1));
        for (row, weight) in source.chunks_exact(stride).skip(taps.first).zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| round_to_byte(sum)));
    }
    out
}
