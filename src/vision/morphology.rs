//! Growing and shrinking masks.

use rayon::prelude::*;

use crate::raster::Mask;

/// Grows `mask` by a disc of `radius` pixels, or shrinks it by one when `radius` is negative: every
/// pixel becomes the largest (smallest) value at most `|radius|` away. Soft edges stay soft. Beyond
/// its edges the mask goes on as it ends.
pub fn grow(mask: &Mask, radius: i32) -> Mask {
    match radius {
        0 => mask.clone(),
        1.. => dilate(mask, radius as usize),
        _ => inverted(&dilate(&inverted(mask), radius.unsigned_abs() as usize)),
    }
}

fn inverted(mask: &Mask) -> Mask {
    Mask { data: mask.data.iter().map(|v| 1.0 - v).collect(), ..*mask }
}

fn dilate(mask: &Mask, radius: usize) -> Mask {
    let (width, height) = (mask.width, mask.height);
    let radius = radius.min(width.max(height));
    // Half the width of the disc in each of its rows; a disc of radius r covers what is at most
    // r away, so that a radius of 1 is a plus of five pixels.
    let spans: Vec<usize> = (0..=radius).map(|dy| (((radius * radius - dy * dy) as f64).sqrt()) as usize).collect();
    let mut out = Mask { data: vec![f32::NEG_INFINITY; mask.data.len()], ..*mask };
    for (source, target) in mask.data.chunks_exact(width * height).zip(out.data.chunks_exact_mut(width * height)) {
        let mut widened: Option<(usize, Vec<f32>)> = None;
        for (dy, span) in spans.iter().enumerate() {
            if widened.as_ref().is_none_or(|(have, _)| have != span) {
                widened = Some((*span, widen_rows(source, width, *span)));
            }
            let Some((_, rows)) = &widened else { continue };
            target.par_chunks_exact_mut(width).enumerate().for_each(|(y, out)| {
                for near in [y.checked_sub(dy), Some(y + dy).filter(|near| *near < height)].into_iter().flatten() {
                    let row = &rows[near * width..][..width];
                    out.iter_mut().zip(row).for_each(|(out, value)| *out = out.max(*value));
                }
            });
        }
    }
    out
}

/// Every pixel the largest value at most `span` to its left or right (van Herk's two-pass maximum).
fn widen_rows(source: &[f32], width: usize, span: usize) -> Vec<f32> {
    let mut out = vec![0.0; source.len()];
    let window = 2 * span + 1;
    out.par_chunks_exact_mut(width).zip(source.par_chunks_exact(width)).for_each(|(out, row)| {
        let padded = width + 2 * span;
        let at = |i: usize| if i < span || i >= span + width { f32::NEG_INFINITY } else { row[i - span] };
        let (mut forward, mut backward) = (vec![0.0_f32; padded], vec![0.0_f32; padded]);
        for i in 0..padded {
            forward[i] = if i % window == 0 { at(i) } else { forward[i - 1].max(at(i)) };
        }
        for i in (0..padded).rev() {
            let starts_block = i + 1 == padded || (i + 1) % window == 0;
            backward[i] = if starts_block { at(i) } else { backward[i + 1].max(at(i)) };
        }
        for (x, out) in out.iter_mut().enumerate() {
            *out = backward[x].max(forward[x + window - 1]);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dot(width: usize, height: usize, x: usize, y: usize) -> Mask {
        let mut mask = Mask::filled(1, height, width, 0.0);
        mask.data[y * width + x] = 1.0;
        mask
    }

    #[test]
    fn a_dot_grows_to_a_disc() {
        let grown = grow(&dot(41, 41, 20, 20), 9);
        for y in 0..41_i32 {
            for x in 0..41_i32 {
                let inside = (x - 20).pow(2) + (y - 20).pow(2) <= 81;
                assert_eq!(grown.data[(y * 41 + x) as usize] > 0.5, inside, "{x} {y}");
            }
        }
        assert_eq!(grow(&dot(5, 5, 2, 2), 1).data.iter().filter(|v| **v > 0.5).count(), 5);
    }

    #[test]
    fn shrinking_undoes_growing_of_a_disc() {
        let disc = grow(&dot(61, 61, 30, 30), 12);
        assert_eq!(grow(&grow(&disc, 7), -7), disc);
        // A mask that touches the edge does not shrink from there.
        let full = Mask::filled(2, 8, 8, 1.0);
        assert_eq!(grow(&full, -3), full);
    }

    proptest! {
        #[test]
        fn growing_is_the_largest_value_near(values in prop::collection::vec(0.0_f32..1.0, 63), radius in 0..6_i32) {
            let mask = Mask { batch: 1, height: 7, width: 9, data: values };
            let grown = grow(&mask, radius);
            for y in 0..7_i32 {
                for x in 0..9_i32 {
                    let near = (0..7).flat_map(|v| (0..9).map(move |u| (u, v)))
                        .filter(|(u, v)| (u - x).pow(2) + (v - y).pow(2) <= radius * radius)
                        .map(|(u, v)| mask.data[(v * 9 + u) as usize]);
                    prop_assert!((grown.data[(y * 9 + x) as usize] - near.fold(0.0, f32::max)).abs() < 1e-9);
                }
            }
        }
    }
}
