//! Growing and shrinking masks.
//!
//! ComfyUI repeats scipy's grey dilation or erosion with a 3x3 footprint n times; the border is
//! mirrored, which for these footprints is the same as leaving the outside out. n repetitions are
//! one operation with a footprint of radius n: a diamond when the corners are tapered, else a
//! square. A footprint of radius r + k with k <= r is one of radius r taken at the points k away
//! along the axes (or diagonals), so that about log2(n) passes do.

use super::Mask;

/// The masks grown by `expand` pixels, or shrunk when it is negative. With `tapered` corners the
/// footprint is a diamond, else a square.
pub fn grow_mask(mask: &Mask, expand: i64, tapered: bool) -> Mask {
    // A diamond of this radius covers the whole mask from any corner.
    let radius = usize::try_from(expand.unsigned_abs()).unwrap_or(usize::MAX).min(mask.width + mask.height);
    let pick: fn(f32, f32) -> f32 = if expand < 0 { f32::min } else { f32::max };
    let mut out = mask.clone();
    for frame in out.data.chunks_exact_mut(mask.frame_len()) {
        let mut done = 0;
        while done < radius {
            let step = (radius - done).min(done.max(1));
            if tapered {
                spread(frame, mask.width, &[(step, 0), (0, step)], pick);
            } else {
                spread(frame, mask.width, &[(step, 0)], pick);
                spread(frame, mask.width, &[(0, step)], pick);
            }
            done += step;
        }
    }
    out
}

/// Replaces every value by the pick of itself and the values `steps` (columns, rows) away in both
/// directions; positions outside count for the nearest inside.
fn spread(frame: &mut [f32], width: usize, steps: &[(usize, usize)], pick: fn(f32, f32) -> f32) {
    let before = frame.to_vec();
    let last_row = frame.len() / width - 1;
    for (y, row) in frame.chunks_exact_mut(width).enumerate() {
        for &(across, down) in steps {
            let above = &before[y.saturating_sub(down) * width..][..width];
            let below = &before[(y + down).min(last_row) * width..][..width];
            for (x, value) in row.iter_mut().enumerate() {
                let neighbours = pick(above[x.saturating_sub(across)], below[(x + across).min(width - 1)]);
                *value = pick(*value, neighbours);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One repetition after the other, as ComfyUI does it.
    fn grow_step_by_step(mask: &Mask, expand: i64, tapered: bool) -> Mask {
        let (width, height) = (mask.width as isize, mask.height as isize);
        let mut out = mask.clone();
        for _ in 0..expand.abs() {
            let before = out.data.clone();
            for y in 0..height {
                for x in 0..width {
                    let near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)));
                    let near = near.filter(|(dx, dy)| !tapered || dx * dy == 0).map(|(dx, dy)| (x + dx, y + dy));
                    let inside = near.filter(|&(x, y)| (0..width).contains(&x) && (0..height).contains(&y));
                    let values = inside.map(|(x, y)| before[(y * width + x) as usize]);
                    let value = if expand < 0 { values.reduce(f32::min) } else { values.reduce(f32::max) };
                    out.data[(y * width + x) as usize] = value.unwrap_or_default();
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn many_small_steps_are_one_large(
            (width, data) in (1usize..9, 1usize..9).prop_flat_map(|(width, height)| {
                (Just(width), prop::collection::vec(0u8..4, width * height))
            }),
            expand in -11i64..12,
            tapered: bool,
        ) {
            let data: Vec<f32> = data.into_iter().map(f32::from).collect();
            let mask = Mask { batch: 1, height: data.len() / width, width, data };
            prop_assert_eq!(grow_mask(&mask, expand, tapered), grow_step_by_step(&mask, expand, tapered));
        }
    }
}
