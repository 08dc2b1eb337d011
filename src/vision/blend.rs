//! How masks join: one on another, or a whole stack at once.

use rayon::prelude::*;

use crate::raster::Mask;

/// Values that are worked on at a time: few enough to stay in a core's cache while all masks of a stack pass.
const CHUNK: usize = 8 << 10;

/// How a mask joins the one below (a: below, b: this one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlendMode {
    /// 1 - (1 - a)(1 - b).
    Normal,
    /// a + b, at most 1.
    Add,
    /// a - b, at least 0.
    Subtract,
    /// a b.
    Multiply,
    /// The smaller of both.
    Min,
    /// The larger of both.
    Max,
    /// |a - b|.
    Difference,
}

/// One mask of a stack.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// Its values, 0 to 1.
    pub values: &'a [f32],
    /// How it joins what is below.
    pub mode: BlendMode,
    /// Its weight, 0 to 1.
    pub opacity: f32,
}

/// Blends `top` over `below`, weighted by `opacity`: below + opacity (mode(below, top) - below).
/// Both must be of one size; the result is within 0 to 1.
pub fn blend(below: &Mask, top: &Mask, mode: BlendMode, opacity: f32) -> Mask {
    let mut data = vec![0.0; below.data.len()];
    let parts = data.par_chunks_mut(CHUNK).zip(below.data.par_chunks(CHUNK)).zip(top.data.par_chunks(CHUNK));
    parts.for_each(|((out, below), top)| {
        out.copy_from_slice(below);
        join(out, top, mode, opacity);
    });
    Mask { data, ..*below }
}

/// All masks of a stack, from the bottom up, in one. The lowest has nothing below it and counts as it is, times its
/// opacity. All must be of one length; an empty stack gives nothing.
pub fn compose(stack: &[Sheet<'_>]) -> Vec<f32> {
    let Some((lowest, others)) = stack.split_first() else { return Vec::new() };
    let mut data = vec![0.0; lowest.values.len()];
    data.par_chunks_mut(CHUNK).enumerate().for_each(|(index, out)| {
        let part = index * CHUNK..index * CHUNK + out.len();
        let lowest_values = &lowest.values[part.clone()];
        out.iter_mut().zip(lowest_values).for_each(|(out, value)| *out = (lowest.opacity * value).clamp(0.0, 1.0));
        for sheet in others {
            join(out, &sheet.values[part.clone()], sheet.mode, sheet.opacity);
        }
    });
    data
}

/// Puts `top` over what is in `out`.
fn join(out: &mut [f32], top: &[f32], mode: BlendMode, opacity: f32) {
    match mode {
        BlendMode::Normal => each(out, top, opacity, |a, b| 1.0 - (1.0 - a) * (1.0 - b)),
        BlendMode::Add => each(out, top, opacity, |a, b| a + b),
        BlendMode::Subtract => each(out, top, opacity, |a, b| a - b),
        BlendMode::Multiply => each(out, top, opacity, |a, b| a * b),
        BlendMode::Min => each(out, top, opacity, f32::min),
        BlendMode::Max => each(out, top, opacity, f32::max),
        BlendMode::Difference => each(out, top, opacity, |a, b| (a - b).abs()),
    }
}

#[inline]
fn each(out: &mut [f32], top: &[f32], opacity: f32, mode: impl Fn(f32, f32) -> f32) {
    for (a, b) in out.iter_mut().zip(top) {
        *a = (*a + opacity * (mode(*a, *b).clamp(0.0, 1.0) - *a)).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MODES: [BlendMode; 7] = [
        BlendMode::Normal,
        BlendMode::Add,
        BlendMode::Subtract,
        BlendMode::Multiply,
        BlendMode::Min,
        BlendMode::Max,
        BlendMode::Difference,
    ];

    fn row(values: &[f32]) -> Mask {
        Mask { batch: 1, height: 1, width: values.len(), data: values.to_vec() }
    }

    #[test]
    fn modes_are_what_they_are_called() {
        let (below, top) = (row(&[0.2, 0.75, 1.0]), row(&[0.5, 0.5, 0.25]));
        let wanted = [
            [0.6, 0.875, 1.0],
            [0.7, 1.0, 1.0],
            [0.0, 0.25, 0.75],
            [0.1, 0.375, 0.25],
            [0.2, 0.5, 0.25],
            [0.5, 0.75, 1.0],
            [0.3, 0.25, 0.75],
        ];
        for (mode, wanted) in MODES.into_iter().zip(wanted) {
            for opacity in [0.0, 0.5, 1.0] {
                let found = blend(&below, &top, mode, opacity);
                for ((found, full), below) in found.data.iter().zip(wanted).zip(&below.data) {
                    let wanted = below + opacity * (full - below);
                    assert!((found - wanted).abs() < 1e-6, "{mode:?} {opacity}: {found} {wanted}");
                }
            }
        }
    }

    proptest! {
        /// A stack in one go is the same as one mask after the other, over the borders of chunks.
        #[test]
        fn a_stack_is_its_masks_one_after_the_other(
            seeds in prop::collection::vec((0_usize..7, 0.0_f32..=1.0, 1_u32..1000), 1..6),
        ) {
            let length = CHUNK + 17;
            let masks: Vec<Mask> = seeds.iter().map(|(_, _, seed)| {
                row(&(0..length).map(|i| (i as u32 * seed % 256) as f32 / 255.0).collect::<Vec<_>>())
            }).collect();
            let stack: Vec<Sheet<'_>> = masks.iter().zip(&seeds)
                .map(|(mask, (mode, opacity, _))| Sheet { values: &mask.data, mode: MODES[*mode], opacity: *opacity })
                .collect();
            let mut wanted = row(&masks[0].data.iter().map(|v| v * seeds[0].1).collect::<Vec<_>>());
            for (mask, (mode, opacity, _)) in masks.iter().zip(&seeds).skip(1) {
                wanted = blend(&wanted, mask, MODES[*mode], *opacity);
            }
            prop_assert_eq!(compose(&stack), wanted.data);
        }
    }
}
