//! One number for how well a picture is preserved: not blurred, not noisy, not coarsely compressed. It
//! does not judge what the picture shows.

use super::{blockiness, luma};
use crate::raster::Image;

/// Length of the filter with which blur is told.
const BLUR_WINDOW: usize = 11;

/// Side of the blocks in which noise is looked for, in pixels.
const NOISE_BLOCK: usize = 16;

/// The share of blocks, the quietest, that tell the noise.
const QUIET: f64 = 0.1;

/// Noise that halves the quality, in steps of 1/255.
const HALVING_NOISE: f64 = 5.0;

/// Blockiness that halves the quality.
const HALVING_BLOCKS: f64 = 0.5;

/// How little a picture loses when it is blurred once more, along the direction that loses least. 0 (sharp)
/// to 1 (blurred; also what has no edges at all).
///
/// Source: Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new
/// no-reference perceptual blur metric" (SPIE 2007), with a filter of 11 pixels, on the luma.
pub fn blur(image: &Image) -> f64 {
    let values: Vec<f64> = luma(image).into_iter().map(f64::from).collect();
    let (width, height) = (image.width, image.height);
    if width < 4 || height < 4 {
        return 1.0;
    }
    let along = blur_along(&values, width, height);
    let across = blur_along(&turned(&values, width, height), height, width);
    along.max(across)
}

/// The same for blur along the rows.
fn blur_along(values: &[f64], width: usize, height: usize) -> f64 {
    let softened = row_means(values, width, BLUR_WINDOW / 2);
    let (mut sharp, mut lost) = (0.0, 0.0);
    for y in 2..height - 1 {
        for x in 2..width - 1 {
            let (edge, soft) = (slope(values, width, x, y).abs(), slope(&softened, width, x, y).abs());
            sharp += edge;
            lost += (edge - soft).max(0.0);
        }
    }
    if sharp > 1e-9 { ((sharp - lost) / sharp).clamp(0.0, 1.0) } else { 1.0 }
}

/// Sobel's horizontal slope, times four.
fn slope(values: &[f64], width: usize, x: usize, y: usize) -> f64 {
    let step = |row: usize| values[row * width + x + 1] - values[row * width + x - 1];
    step(y - 1) + 2.0 * step(y) + step(y + 1)
}

/// Means of `2 reach + 1` values of each row, which goes on mirrored at its ends.
fn row_means(values: &[f64], width: usize, reach: usize) -> Vec<f64> {
    let mirrored = |at: isize| {
        let at = at.rem_euclid(2 * width as isize) as usize;
        if at < width { at } else { 2 * width - 1 - at }
    };
    let window = (2 * reach + 1) as f64;
    let mean = |row: &[f64], x: usize| {
        let near = (0..=2 * reach).map(|offset| row[mirrored((x + offset) as isize - reach as isize)]);
        near.sum::<f64>() / window
    };
    values.chunks_exact(width).flat_map(|row| (0..width).map(move |x| mean(row, x))).collect()
}

fn turned(values: &[f64], width: usize, height: usize) -> Vec<f64> {
    (0..width).flat_map(|x| (0..height).map(move |y| values[y * width + x])).collect()
}

/// How well the picture is preserved, 0 to 1: `(1 - b^2.5) / (1 + (n / 5)^2) / (1 + (k / 0.5)^1.5)`.
///
/// - b is [`blur`].
/// - n is the noise of the quietest tenth of the blocks of 16 x 16 pixels (Immerkær's estimate in steps of
///   1/255; the linear 10th percentile of the blocks), times `(n^2 / (n^2 + m^2))^3`, where m is the same at
///   half the size with blocks of 8 x 8: noise shrinks with the size, texture does not.
/// - k is [`blockiness`].
///
/// It falls with every degradation that can be seen: blur, noise, JPEG compression. Small amounts of one may
/// hide traces of another. Above 0.8 are good photographs, below 0.6 what anybody would call spoilt. The form
/// and the constants were chosen on photographs, and are comfywright's own.
pub fn quality(image: &Image) -> f64 {
    let values: Vec<f64> = luma(image).into_iter().map(|value| f64::from(value) * 255.0).collect();
    let (width, height) = (image.width, image.height);
    let noise = quiet_noise(&values, width, height, NOISE_BLOCK);
    let half = halved(&values, width, height);
    let coarse = quiet_noise(&half, width / 2, height / 2, NOISE_BLOCK / 2);
    let share = if noise > 0.0 { noise * noise / (noise * noise + coarse * coarse) } else { 0.0 };
    let noise = noise * share.powi(3);
    let sharp = 1.0 - blur(image).powf(2.5);
    sharp / (1.0 + (noise / HALVING_NOISE).powi(2)) / (1.0 + (blockiness(image) / HALVING_BLOCKS).powf(1.5))
}

/// Immerkær's noise of the quietest blocks of `side` x `side` pixels; of the whole where it is smaller.
fn quiet_noise(values: &[f64], width: usize, height: usize, side: usize) -> f64 {
    if width < 3 || height < 3 {
        return 0.0;
    }
    let (inner_width, inner_height) = (width - 2, height - 2);
    let at = |x: usize, y: usize| values[y * width + x];
    let response = |x: usize, y: usize| {
        let corners = at(x, y) + at(x + 2, y) + at(x, y + 2) + at(x + 2, y + 2);
        let sides = at(x + 1, y) + at(x, y + 1) + at(x + 2, y + 1) + at(x + 1, y + 2);
        (corners - 2.0 * sides + 4.0 * at(x + 1, y + 1)).abs()
    };
    let (block_width, block_height) = (side.min(inner_width), side.min(inner_height));
    let mut means = Vec::new();
    for top in (0..=inner_height - block_height).step_by(block_height) {
        for left in (0..=inner_width - block_width).step_by(block_width) {
            let rows = top..top + block_height;
            let sum: f64 =
                rows.flat_map(|y| (left..left + block_width).map(move |x| (x, y))).map(|(x, y)| response(x, y)).sum();
            means.push(sum / (block_width * block_height) as f64);
        }
    }
    std::f64::consts::FRAC_PI_2.sqrt() / 6.0 * percentile(means, QUIET)
}

/// The value below which the share `part` lies, between neighbours in proportion.
fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = part * (values.len().saturating_sub(1)) as f64;
    let (low, rest) = (place.floor() as usize, place.fract());
    match (values.get(low), values.get(low + 1)) {
        (Some(low), Some(high)) => low + rest * (high - low),
        (Some(only), None) => *only,
        _ => 0.0,
    }
}

/// Means of two by two pixels.
fn halved(values: &[f64], width: usize, height: usize) -> Vec<f64> {
    let at = |x: usize, y: usize| values[y * width + x];
    let mean = |x: usize, y: usize| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
    (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| mean(2 * x, 2 * y))).collect()
}
