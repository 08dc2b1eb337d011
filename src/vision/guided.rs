//! Edges of a mask that follow those of a picture: the guided filter with a colour guide.

use super::tiles::{Tile, box_mean, in_tiles};
use crate::raster::{Image, Mask};

/// `mask`, a single one of the size of `image`, filtered so that its edges follow those of frame `index` of `image`:
/// within a window of `radius` pixels to each side the result is an affine function of the colours there
/// that is nearest to the mask. Colours whose variance is far below `epsilon` count as flat. Where the mask
/// is the same all around, it stays as it is.
///
/// Source: He, Sun and Tang, "Guided image filtering" (PAMI 2013), with a colour guide; windows are cut at
/// the borders. Works in tiles.
pub fn refine_edges(image: &Image, index: usize, mut mask: Mask, radius: usize, epsilon: f32) -> Mask {
    if radius == 0 {
        return mask;
    }
    let (width, height, channels) = (image.width, image.height, image.channels.max(1));
    let frame = image.frame(index);
    in_tiles(&mut mask.data, (width, height), 1, 2 * radius, |tile, mask| {
        let mask = tile.cut(mask, width, 1);
        let (low, high) = mask.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        if high - low < 1e-6 {
            return None;
        }
        let colors = planes(&tile.cut(frame, width, channels), channels);
        Some(filtered(tile, &colors, &mask, radius, epsilon))
    });
    mask
}

/// Red, green and blue apart; grey three times.
fn planes(pixels: &[f32], channels: usize) -> [Vec<f32>; 3] {
    [0, 1, 2].map(|c| pixels.iter().skip(if channels < 3 { 0 } else { c }).step_by(channels).copied().collect())
}

/// Pairs of colours, as their products are kept.
const PAIRS: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];

fn filtered(tile: &Tile, colors: &[Vec<f32>; 3], mask: &[f32], radius: usize, epsilon: f32) -> Vec<f32> {
    let width = tile.width();
    let mean = |values: &[f32]| {
        let mut means = values.to_vec();
        box_mean(&mut means, width, radius);
        means
    };
    let mean_of_product = |a: &[f32], b: &[f32]| {
        let mut means: Vec<f32> = a.iter().zip(b).map(|(a, b)| a * b).collect();
        box_mean(&mut means, width, radius);
        means
    };
    let means = [mean(&colors[0]), mean(&colors[1]), mean(&colors[2])];
    let mask_mean = mean(mask);
    let with_mask = [0, 1, 2].map(|c| mean_of_product(&colors[c], mask));
    let products = PAIRS.map(|(a, b)| mean_of_product(&colors[a], &colors[b]));
    let mut slopes = [(); 3].map(|()| vec![0.0; mask.len()]);
    let mut offset = vec![0.0; mask.len()];
    for at in 0..mask.len() {
        let m = [means[0][at], means[1][at], means[2][at]].map(f64::from);
        let p = f64::from(mask_mean[at]);
        let covariance = [0, 1, 2].map(|c| f64::from(with_mask[c][at]) - m[c] * p);
        let entry = |pair: usize| {
            let (a, b) = PAIRS[pair];
            f64::from(products[pair][at]) - m[a] * m[b] + if a == b { f64::from(epsilon) } else { 0.0 }
        };
        let slope = solved([entry(0), entry(1), entry(2), entry(3), entry(4), entry(5)], covariance);
        offset[at] = (p - slope.iter().zip(m).map(|(s, m)| s * m).sum::<f64>()) as f32;
        for c in 0..3 {
            slopes[c][at] = slope[c] as f32;
        }
    }
    slopes.iter_mut().for_each(|plane| box_mean(plane, width, radius));
    box_mean(&mut offset, width, radius);
    let value = |at: usize| (0..3).map(|c| slopes[c][at] * colors[c][at]).sum::<f32>() + offset[at];
    (0..mask.len()).map(|at| value(at).clamp(0.0, 1.0)).collect()
}

/// x of M x = y, M symmetric: its entries 00, 01, 02, 11, 12, 22.
fn solved([m00, m01, m02, m11, m12, m22]: [f64; 6], y: [f64; 3]) -> [f64; 3] {
    let i00 = m11 * m22 - m12 * m12;
    let i01 = m02 * m12 - m01 * m22;
    let i02 = m01 * m12 - m02 * m11;
    let i11 = m00 * m22 - m02 * m02;
    let i12 = m01 * m02 - m00 * m12;
    let i22 = m00 * m11 - m01 * m01;
    let determinant = m00 * i00 + m01 * i01 + m02 * i02;
    [
        (i00 * y[0] + i01 * y[1] + i02 * y[2]) / determinant,
        (i01 * y[0] + i11 * y[1] + i12 * y[2]) / determinant,
        (i02 * y[0] + i12 * y[1] + i22 * y[2]) / determinant,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half dark, right half light; the mask's edge is three pixels off and soft.
    #[test]
    fn a_soft_edge_moves_to_that_of_the_picture() {
        let (width, height) = (60, 20);
        let pixel = |at: usize| if at % width < 30 { [0.1, 0.2, 0.3] } else { [0.8, 0.7, 0.5] };
        let data = (0..width * height).flat_map(pixel).collect();
        let image = Image { batch: 1, height, width, channels: 3, data };
        let soft = |at: usize| (((at % width) as f32 - 28.0) / 10.0).clamp(0.0, 1.0);
        let mask = Mask { batch: 1, height, width, data: (0..width * height).map(soft).collect() };
        let refined = refine_edges(&image, 0, mask.clone(), 8, 1e-4);
        let row = &refined.data[10 * width..11 * width];
        assert!(row[29] < 0.3 && row[30] > 0.5 && row[30] - row[29] > 0.3, "{row:?}");
        assert!(row[5] < 1e-3 && row[55] > 0.999);
    }

    #[test]
    fn a_flat_mask_stays() {
        let noisy = |at: usize| (at * 7919 % 256) as f32 / 255.0;
        let image = Image { batch: 1, height: 30, width: 30, channels: 3, data: (0..2700).map(noisy).collect() };
        let mask = Mask::filled(1, 30, 30, 0.75);
        assert_eq!(refine_edges(&image, 0, mask.clone(), 4, 1e-4), mask);
    }
}
