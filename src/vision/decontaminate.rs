//! The colours of what was cut out, without those of the background behind its soft edges.

use super::tiles::{Tile, box_mean, in_tiles};
use crate::raster::{Image, Mask};

/// Radii of the two estimates, in pixels: a wide one that finds colours at all, a narrow one that keeps
/// detail.
const RADII: [usize; 2] = [90, 6];

/// Alpha that counts as all or nothing: half a step of 8 bits.
const CLEAR: f32 = 0.5 / 255.0;

/// The colours of `image` where `mask` (1 is inside) mixes them with a background: what stands in front
/// alone. Opaque and transparent pixels stay as they are. Of an RGBA image the alpha stays.
///
/// Source: Forte, "Approximate fast foreground colour estimation" (ICIP 2021): with b a box filter,
/// F' = b(I m) / b(m), B' = b(I (1 - m)) / b(1 - m), F = F' + m (I - m F' - (1 - m) B'); twice, the second
/// time with the F and B' of the first in place of I. Works in tiles.
pub fn decontaminate(mut image: Image, mask: &Mask) -> Image {
    let (width, height, channels) = (image.width, image.height, image.channels.max(1));
    let frame_len = image.frame_len();
    for (index, frame) in image.data.chunks_exact_mut(frame_len.max(1)).enumerate() {
        let alpha = mask.frame(index % mask.batch.max(1));
        in_tiles(frame, (width, height), channels, RADII[0] + RADII[1], |tile, source| {
            is_mixed(tile, alpha, width).then(|| {
                let alpha = tile.cut(alpha, width, 1);
                cleaned(tile, &tile.cut(source, width, channels), &alpha, channels)
            })
        });
    }
    image
}

fn is_soft(alpha: f32) -> bool {
    alpha > CLEAR && alpha < 1.0 - CLEAR
}

fn is_mixed(tile: &Tile, alpha: &[f32], width: usize) -> bool {
    let [left, top, right, bottom] = tile.inner;
    (top..bottom).any(|row| alpha[row * width + left..row * width + right].iter().any(|value| is_soft(*value)))
}

fn cleaned(tile: &Tile, pixels: &[f32], alpha: &[f32], channels: usize) -> Vec<f32> {
    let mut out = pixels.to_vec();
    let inside = [0, 1].map(|pass| mean(alpha.iter().copied(), tile.width(), RADII[pass]));
    for channel in 0..channels.min(3) {
        let color: Vec<f32> = pixels.iter().skip(channel).step_by(channels).copied().collect();
        let (mut front, mut behind) = (color.clone(), color.clone());
        for (pass, radius) in RADII.into_iter().enumerate() {
            let fronts = mean(front.iter().zip(alpha).map(|(f, a)| f * a), tile.width(), radius);
            let behinds = mean(behind.iter().zip(alpha).map(|(b, a)| b * (1.0 - a)), tile.width(), radius);
            for at in 0..color.len() {
                let share = inside[pass][at];
                let f = fronts[at] / (share + 1e-5);
                let b = behinds[at] / (1.0 - share + 1e-5);
                let rest = color[at] - alpha[at] * f - (1.0 - alpha[at]) * b;
                front[at] = (f + alpha[at] * rest).clamp(0.0, 1.0);
                behind[at] = b.clamp(0.0, 1.0);
            }
        }
        let soft = out.iter_mut().skip(channel).step_by(channels).zip(&front).zip(alpha);
        soft.filter(|(_, alpha)| is_soft(**alpha)).for_each(|((out, front), _)| *out = *front);
    }
    out
}

fn mean(values: impl Iterator<Item = f32>, width: usize, radius: usize) -> Vec<f32> {
    let mut values: Vec<f32> = values.collect();
    box_mean(&mut values, width, radius);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red disc with a soft edge, composited over green: the edge becomes red again.
    #[test]
    fn the_old_background_leaves_the_edge() {
        let side = 120;
        let distance = |at: usize| ((at % side) as f32 - 60.0).hypot((at / side) as f32 - 60.0);
        let alpha = |at: usize| ((35.0 - distance(at)) / 8.0 + 0.5).clamp(0.0, 1.0);
        let pixel = |at: usize| [alpha(at) * 0.9, (1.0 - alpha(at)) * 0.8, 0.1];
        let data = (0..side * side).flat_map(pixel).collect();
        let image = Image { batch: 1, height: side, width: side, channels: 3, data };
        let mask = Mask { batch: 1, height: side, width: side, data: (0..side * side).map(alpha).collect() };
        let clean = decontaminate(image.clone(), &mask);
        for at in (0..side * side).filter(|at| alpha(*at) > 0.1) {
            let [r, g, b] = [0, 1, 2].map(|c| clean.data[at * 3 + c]);
            assert!((r - 0.9).abs() < 0.06 && g < 0.06 && (b - 0.1).abs() < 0.02, "{} {r} {g} {b}", alpha(at));
        }
        // Where nothing is mixed nothing changes.
        assert_eq!(clean.data[..3], image.data[..3]);
    }
}
