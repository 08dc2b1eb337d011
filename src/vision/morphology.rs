//! Growing, shrinking and softening masks.

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

/// Softens `mask` so that a hard edge becomes a ramp that begins and ends `radius` pixels from it
/// (rounded up): three box filters that reach a third of the radius each, which is close to a
/// Gaussian. Beyond its edges the mask goes on as it ends. A radius of 0 or less changes nothing.
pub fn feather(mask: &Mask, radius: f64) -> Mask {
    if radius.is_nan() || radius <= 0.0 {
        return mask.clone();
    }
    // Whole pixels first: a part of a pixel reaches as far as a whole one.
    let whole = radius.floor() as usize;
    let reaches = [whole.div_ceil(3), (whole + 1) / 3, whole / 3].map(|reach| reach as f64);
    let reaches = [reaches[0], reaches[1], reaches[2] + radius.fract()];
    let mut out = mask.clone();
    for frame in out.data.chunks_exact_mut(mask.width * mask.height) {
        for reach in reaches {
            frame.par_chunks_exact_mut(mask.width).for_each(|row| box_filter(row, reach));
        }
        let mut columns = transposed(frame, mask.width, mask.height);
        for reach in reaches {
            columns.par_chunks_exact_mut(mask.height).for_each(|column| box_filter(column, reach));
        }
        frame.copy_from_slice(&transposed(&columns, mask.height, mask.width));
    }
    out
}

fn transposed(source: &[f32], width: usize, height: usize) -> Vec<f32> {
    (0..width).flat_map(|x| (0..height).map(move |y| source[y * width + x])).collect()
}

/// Means over `reach` values to both sides, the outermost of which count in part.
fn box_filter(line: &mut [f32], reach: f64) {
    let whole = reach.floor() as usize;
    let part = reach - whole as f64;
    let weight = 2.0 * reach + 1.0;
    let last = line.len() - 1;
    // sums[i] is the sum of the first i values of the line, continued by its ends on both sides.
    let margin = whole + 1;
    let value = |i: usize| f64::from(line[i.saturating_sub(margin).min(last)]);
    let mut sums = Vec::with_capacity(line.len() + 2 * margin + 1);
    sums.push(0.0);
    for i in 0..line.len() + 2 * margin {
        sums.push(sums[i] + value(i));
    }
    let filtered: Vec<f32> = (0..line.len())
        .map(|x| {
            let centre = x + margin;
            let inside = sums[centre + whole + 1] - sums[centre - whole];
            let outside = value(centre - whole - 1) + value(centre + whole + 1);
            ((inside + part * outside) / weight).clamp(0.0, 1.0) as f32
        })
        .collect();
    line.copy_from_slice(&filtered);
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

    #[test]
    fn a_feathered_edge_ends_at_its_radius() {
        let mut edge = Mask::filled(1, 4, 100, 0.0);
        edge.data.iter_mut().enumerate().for_each(|(i, v)| *v = if i % 100 < 50 { 1.0 } else { 0.0 });
        for radius in [1.0, 2.5, 12.0, 30.0_f64] {
            let soft = feather(&edge, radius);
            let row = &soft.data[100..200];
            assert!(row.windows(2).all(|pair| pair[0] >= pair[1] - 1e-6), "{radius}: falls");
            let reach = radius.ceil() as usize;
            assert!(row[50 - reach - 1] > 0.9999 && row[50 + reach] < 1e-4, "{radius}: ends");
            assert!((row[49] + row[50] - 1.0).abs() < 1e-4, "{radius}: symmetric");
        }
        assert_eq!(feather(&edge, 0.0), edge);
        let full = Mask::filled(1, 8, 8, 1.0);
        assert!(feather(&full, 500.0).data.iter().all(|v| (v - 1.0).abs() < 1e-5));
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
