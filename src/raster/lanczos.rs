//! Lanczos resampling as ComfyUI does it: values become bytes, Pillow's `LANCZOS` resizes them,
//! bytes become values.
//!
//! Opaque images go through `fast_image_resize`, one direction at a time: it rounds weights more
//! coarsely than Pillow, which about one value in a hundred shows, by 1/255, rarely 2/255. With
//! alpha that is not enough, because dividing by a small alpha magnifies the last bit: there sums
//! are estimated in `f32`, and where that does not decide how to round, repeated in Pillow's fixed
//! point arithmetic.

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
    Ok(Image { height, width, data, ..image.shape() })
}

/// Width and height in pixels.
type Size = (usize, usize);

/// Resizes one 8-bit image with interleaved channels from size `old` to size `new`, both as
/// (width, height) and at least 1. 1 and 3 channels agree with Pillow 13 within 2, 4 channels
/// (RGBA) exactly.
pub fn resize_bytes_lanczos(bytes: Vec<u8>, old: Size, new: Size, channels: usize) -> Result<Vec<u8>, RasterError> {
    if old == new {
        return Ok(bytes);
    }
    let opaque = |pixel| move |bytes, old, new| resize_opaque(bytes, old, new, pixel, FilterType::Lanczos3);
    match channels {
        1 => in_two_steps(bytes, old, new, opaque(PixelType::U8)),
        3 => in_two_steps(bytes, old, new, opaque(PixelType::U8x3)),
        4 => resize_with_alpha(bytes, old, new),
        found => Err(RasterError::Channels { expected: "1, 3 or 4".to_owned(), found }),
    }
}

/// As [`resize_bytes_lanczos`] with Pillow's `BILINEAR`, which is widened when the image shrinks; 1 or 3
/// channels.
pub fn resize_bytes_bilinear(bytes: Vec<u8>, old: Size, new: Size, channels: usize) -> Result<Vec<u8>, RasterError> {
    resize_bytes(bytes, old, new, channels, FilterType::Bilinear)
}

/// As [`resize_bytes_bilinear`] with Pillow's `BICUBIC` (a = -0.5).
pub fn resize_bytes_bicubic(bytes: Vec<u8>, old: Size, new: Size, channels: usize) -> Result<Vec<u8>, RasterError> {
    resize_bytes(bytes, old, new, channels, FilterType::CatmullRom)
}

fn resize_bytes(
    bytes: Vec<u8>,
    old: Size,
    new: Size,
    channels: usize,
    filter: FilterType,
) -> Result<Vec<u8>, RasterError> {
    let pixel = match channels {
        1 => PixelType::U8,
        3 => PixelType::U8x3,
        found => return Err(RasterError::Channels { expected: "1 or 3".to_owned(), found }),
    };
    if old == new {
        return Ok(bytes);
    }
    in_two_steps(bytes, old, new, |bytes, old, new| resize_opaque(bytes, old, new, pixel, filter))
}

/// Applies `step` to one direction after the other, in the order of Pillow 13: columns first, but
/// rows first when the height shrinks by more than twice what the width shrinks by. The values in
/// between are rounded and clipped to bytes, so that the order shows.
fn in_two_steps(
    bytes: Vec<u8>,
    old: Size,
    new: Size,
    step: impl Fn(Vec<u8>, Size, Size) -> Result<Vec<u8>, RasterError>,
) -> Result<Vec<u8>, RasterError> {
    let rows_first = new.1 < old.1 && old.1 + 2 * new.0 > new.1 + 2 * old.0;
    let between = if rows_first { (old.0, new.1) } else { (new.0, old.1) };
    let halfway = if between == old { bytes } else { step(bytes, old, between)? };
    if between == new { Ok(halfway) } else { step(halfway, between, new) }
}

fn resize_opaque(
    bytes: Vec<u8>,
    old: Size,
    new: Size,
    pixel: PixelType,
    filter: FilterType,
) -> Result<Vec<u8>, RasterError> {
    let side = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let nothing = RasterError::NothingLeft { width: old.0, height: old.1 };
    let source = images::Image::from_vec_u8(side(old.0), side(old.1), bytes, pixel).map_err(|_| nothing.clone())?;
    let mut target = images::Image::new(side(new.0), side(new.1), pixel);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).map_err(|_| nothing)?;
    Ok(target.into_vec())
}

fn resize_with_alpha(mut bytes: Vec<u8>, old: Size, new: Size) -> Result<Vec<u8>, RasterError> {
    let (pixels, _) = bytes.as_chunks_mut::<4>();
    pixels.iter_mut().for_each(premultiply);
    let mut bytes = in_two_steps(bytes, old, new, |bytes, old, new| {
        Ok(if old.0 == new.0 {
            resize_rows(&bytes, old.0 * 4, &fixed_taps(old.1, new.1))
        } else {
            resize_columns(&bytes, old.0, &fixed_taps(old.0, new.0))
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

/// What one output position mixes.
struct FixedTaps {
    first: usize,
    /// Weights with [`PRECISION`] fraction bits.
    fixed: Vec<i32>,
    /// The same weights as numbers.
    weights: Vec<f32>,
    /// More than any sum of bytes with `weights` is wrong by in `f32`: 255 times 1.6, the most that
    /// absolute weights add up to, times 2^-23 for each addition and product.
    error: f32,
}

impl FixedTaps {
    fn new(first: usize, fixed: Vec<i32>) -> Self {
        let weights: Vec<f32> = fixed.iter().map(|&weight| weight as f32 / (1 << PRECISION) as f32).collect();
        let error = (weights.len() + 2) as f32 * 5e-5;
        Self { first, fixed, weights, error }
    }

    /// The rounded sum where the estimate leaves no doubt.
    fn round(&self, estimate: f32) -> Option<u8> {
        let raised = estimate + 0.5;
        let whole = raised as i32;
        let rest = raised - whole as f32;
        (rest.abs() > self.error && rest < 1.0 - self.error).then(|| whole.clamp(0, 255) as u8)
    }

    /// The sum in fixed point, rounded; `values` are what the weights belong to.
    fn exact<'a>(&self, values: impl Iterator<Item = &'a u8>) -> u8 {
        let products = values.zip(&self.fixed).map(|(&value, weight)| i32::from(value) * weight);
        ((products.sum::<i32>() + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
    }
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
            FixedTaps::new(first, weights.into_iter().map(fixed).collect())
        })
        .collect()
}

fn lanczos3(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) }
}

fn resize_columns(source: &[u8], width: usize, columns: &[FixedTaps]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len() / width * columns.len());
    let mut line = Vec::with_capacity(width * 4);
    for row in source.chunks_exact(width * 4) {
        line.clear();
        line.extend(row.iter().map(|&byte| f32::from(byte)));
        let (pixels, _) = line.as_chunks::<4>();
        for taps in columns {
            let mut sums = [0.0; 4];
            for (pixel, weight) in pixels[taps.first..].iter().zip(&taps.weights) {
                for channel in 0..4 {
                    sums[channel] += pixel[channel] * weight;
                }
            }
            for (channel, &sum) in sums.iter().enumerate() {
                let exact = || taps.exact(row[taps.first * 4 + channel..].iter().step_by(4));
                out.push(taps.round(sum).unwrap_or_else(exact));
            }
        }
    }
    out
}

fn resize_rows(source: &[u8], stride: usize, rows: &[FixedTaps]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.len() * stride);
    let mut sums = vec![0.0; stride];
    for taps in rows {
        sums.fill(0.0);
        for (row, weight) in source.chunks_exact(stride).skip(taps.first).zip(&taps.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += f32::from(value) * weight;
            }
        }
        out.extend(sums.iter().enumerate().map(|(column, &sum)| {
            let exact = || taps.exact(source[taps.first * stride + column..].iter().step_by(stride));
            taps.round(sum).unwrap_or_else(exact)
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_image_stays_even_even_when_shrunk_to_a_pixel() {
        // Where it is not opaque, dividing by alpha loses the last bit, as in Pillow.
        for (pixel, expected) in [
            (&[201][..], &[201][..]),
            (&[201, 7, 90], &[201, 7, 90]),
            (&[201, 7, 90, 255], &[201, 7, 90, 255]),
            (&[201, 201, 201, 201], &[200, 200, 200, 201]),
        ] {
            let one = resize_bytes_lanczos(pixel.repeat(3000 * 2), (3000, 2), (1, 1), pixel.len());
            assert_eq!(one.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn two_channels_are_refused() {
        let error = RasterError::Channels { expected: "1, 3 or 4".to_owned(), found: 2 };
        assert_eq!(resize_bytes_lanczos(vec![0; 4], (2, 1), (1, 1), 2), Err(error));
    }
}
