//! Arithmetic on masks: invert, threshold, crop, feather, combine.

use super::{Mask, RasterError};

/// How two masks are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskOperation {
    /// The product.
    Multiply,
    /// The sum.
    Add,
    /// The destination minus the source.
    Subtract,
    /// 1 where both round to 1.
    And,
    /// 1 where one of them rounds to 1.
    Or,
    /// 1 where exactly one of them rounds to 1.
    Xor,
}

/// `1 - value`.
pub fn invert_mask(mask: Mask) -> Mask {
    mask.map(|value| 1.0 - value)
}

/// 1 above `threshold`, else 0.
pub fn threshold_mask(mask: Mask, threshold: f64) -> Mask {
    let threshold = threshold as f32;
    mask.map(|value| f32::from(u8::from(value > threshold)))
}

/// The part of every mask from column `x` and row `y` on, at most `width` x `height`.
pub fn crop_mask(mask: &Mask, x: usize, y: usize, width: usize, height: usize) -> Result<Mask, RasterError> {
    let width = width.min(mask.width.saturating_sub(x));
    let height = height.min(mask.height.saturating_sub(y));
    if width == 0 || height == 0 {
        return Err(RasterError::NothingLeft { width: mask.width, height: mask.height });
    }
    let rows = mask.frames().flat_map(|frame| frame.chunks_exact(mask.width).skip(y).take(height));
    let data = rows.flat_map(|row| &row[x..x + width]).copied().collect();
    Ok(Mask { batch: mask.batch, height, width, data })
}

/// Fades towards the edges: within `margins` (left, top, right, bottom) pixels of an edge, column
/// or row number n of m counted from 1 is multiplied by n / m.
///
/// As in ComfyUI, counting from the right and the bottom is off by one: the weakest factor, 1 / m,
/// falls on the first column (row) instead, and 2 / m on the last.
pub fn feather_mask(mut mask: Mask, margins: [usize; 4]) -> Mask {
    let [left, top, right, bottom] = margins;
    let columns = edge_factors(mask.width, left, right);
    let rows = edge_factors(mask.height, top, bottom);
    let (length, width) = (mask.frame_len(), mask.width);
    for frame in mask.data.chunks_exact_mut(length) {
        for (row, row_factors) in frame.chunks_exact_mut(width).zip(&rows) {
            for (value, column_factors) in row.iter_mut().zip(&columns) {
                for factor in column_factors.iter().chain(row_factors) {
                    *value *= factor;
                }
            }
        }
    }
    mask
}

/// The two factors of each position: from the start and from the end.
fn edge_factors(size: usize, start: usize, end: usize) -> Vec<[f32; 2]> {
    let (start, end) = (start.min(size), end.min(size));
    let mut factors = vec![[1.0; 2]; size];
    for (step, factor) in factors.iter_mut().take(start).enumerate() {
        factor[0] = ((step as f64 + 1.0) / start as f64) as f32;
    }
    for step in 0..end {
        factors[(size - step) % size][1] = ((step as f64 + 1.0) / end as f64) as f32;
    }
    factors
}

/// `destination` combined with `source` where `source`, put at column `x` and row `y`, covers it;
/// everything clamped to 0..1. A single source is used for every mask of the destination.
pub fn composite_masks(
    destination: &Mask,
    source: &Mask,
    (x, y): (usize, usize),
    operation: MaskOperation,
) -> Result<Mask, RasterError> {
    if source.batch != 1 && source.batch != destination.batch {
        return Err(RasterError::Batches { left: destination.batch, right: source.batch });
    }
    let width = source.width.min(destination.width.saturating_sub(x));
    let height = source.height.min(destination.height.saturating_sub(y));
    let mut out = destination.clone();
    for (index, frame) in out.data.chunks_exact_mut(destination.frame_len()).enumerate() {
        let source_rows = source.frame(index % source.batch).chunks_exact(source.width);
        let rows = frame.chunks_exact_mut(destination.width).skip(y).zip(source_rows).take(height);
        for (row, source_row) in rows {
            for (value, other) in row.iter_mut().skip(x).zip(source_row).take(width) {
                *value = combine(*value, *other, operation);
            }
        }
    }
    out.data.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    Ok(out)
}

fn combine(value: f32, other: f32, operation: MaskOperation) -> f32 {
    let (set, other_set) = (value.round_ties_even() != 0.0, other.round_ties_even() != 0.0);
    let truth = |is: bool| f32::from(u8::from(is));
    match operation {
        MaskOperation::Multiply => value * other,
        MaskOperation::Add => value + other,
        MaskOperation::Subtract => value - other,
        MaskOperation::And => truth(set & other_set),
        MaskOperation::Or => truth(set | other_set),
        MaskOperation::Xor => truth(set ^ other_set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_outside_of_the_destination_changes_nothing() {
        let (destination, source) = (Mask::filled(1, 3, 4, 0.25), Mask::filled(1, 2, 2, 1.0));
        for at in [(4, 0), (0, 3), (16384, 16384)] {
            assert_eq!(composite_masks(&destination, &source, at, MaskOperation::Xor).as_ref(), Ok(&destination));
        }
        assert!(crop_mask(&source, 2, 0, 1, 1).is_err());
    }

    #[test]
    fn feathering_right_starts_at_the_first_column() {
        let feathered = feather_mask(Mask::filled(1, 1, 4, 1.0), [0, 0, 2, 0]);
        assert_eq!(feathered.data, [0.5, 1.0, 1.0, 1.0]);
    }
}
