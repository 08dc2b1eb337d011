//! Separable resampling: for every output position the inputs that it mixes, with weights.
//!
//! Torch's bilinear, bicubic and area interpolation are all of this form; only the weights differ.

/// What one output position mixes: `weights` of the inputs from `first` on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taps {
    /// First input position.
    pub(super) first: usize,
    /// Weights of it and the positions that follow.
    pub(super) weights: Vec<f32>,
}

/// Weights of torch's `bilinear` (`align_corners=False`, no antialiasing) from `input` to `output`
/// positions.
pub(super) fn bilinear(input: usize, output: usize) -> Vec<Taps> {
    (0..output)
        .map(|position| {
            let source = source_position(position, input, output).max(0.0);
            let first = (source as usize).min(input - 1);
            let fraction = (source - first as f32).clamp(0.0, 1.0);
            let weights = if first + 1 < input { vec![1.0 - fraction, fraction] } else { vec![1.0] };
            Taps { first, weights }
        })
        .collect()
}

/// Weights of torch's `bicubic` (a = -0.75, no antialiasing, replicated border).
pub(super) fn bicubic(input: usize, output: usize) -> Vec<Taps> {
    (0..output)
        .map(|position| {
            let source = source_position(position, input, output);
            let floor = source.floor();
            let weights = cubic_weights(source - floor);
            clamped_taps(floor as isize - 1, &weights, input)
        })
        .collect()
}

/// Weights of torch's `area`, which is `adaptive_avg_pool2d`: the mean of
/// `floor(i * input / output) .. ceil((i + 1) * input / output)`.
pub(super) fn area(input: usize, output: usize) -> Vec<Taps> {
    (0..output)
        .map(|position| {
            let first = position * input / output;
            let count = ((position + 1) * input).div_ceil(output) - first;
            Taps { first, weights: vec![1.0 / count as f32; count] }
        })
        .collect()
}

/// Torch's source position of output `position`, in `f32` like torch.
pub(super) fn source_position(position: usize, input: usize, output: usize) -> f32 {
    let scale = input as f32 / output as f32;
    scale * (position as f32 + 0.5) - 0.5
}

/// Cubic convolution weights with a = -0.75 for the four neighbours of a position `t` after the
/// second (Keys 1981).
fn cubic_weights(t: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// Taps whose positions outside `0..input` count for the nearest position inside.
fn clamped_taps(start: isize, weights: &[f32], input: usize) -> Taps {
    let last = input as isize - 1;
    let first = start.clamp(0, last);
    let end = (start + weights.len() as isize - 1).clamp(0, last);
    let mut merged = vec![0.0; (end - first + 1) as usize];
    for (offset, weight) in weights.iter().enumerate() {
        merged[((start + offset as isize).clamp(first, end) - first) as usize] += weight;
    }
    Taps { first: first as usize, weights: merged }
}

/// Applies `columns` to each row and `rows` to each column of one image with interleaved channels.
/// `width` is the width of the source; its height follows from its length.
pub(super) fn apply(source: &[f32], width: usize, channels: usize, columns: &[Taps], rows: &[Taps]) -> Vec<f32> {
    let narrow = columns.len() * channels;
    let mut between = Vec::with_capacity(source.len() / (width * channels) * narrow);
    for row in source.chunks_exact(width * channels) {
        match channels {
            1 => mix_columns::<1>(row, columns, &mut between),
            3 => mix_columns::<3>(row, columns, &mut between),
            4 => mix_columns::<4>(row, columns, &mut between),
            _ => mix_columns_of_any(row, channels, columns, &mut between),
        }
    }
    mix_rows(&between, narrow, rows)
}

fn mix_columns<const CHANNELS: usize>(row: &[f32], columns: &[Taps], out: &mut Vec<f32>) {
    let (pixels, _) = row.as_chunks::<CHANNELS>();
    for taps in columns {
        let mut sums = [0.0; CHANNELS];
        for (pixel, weight) in pixels[taps.first..].iter().zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += value * weight;
            }
        }
        out.extend_from_slice(&sums);
    }
}

fn mix_columns_of_any(row: &[f32], channels: usize, columns: &[Taps], out: &mut Vec<f32>) {
    for taps in columns {
        for channel in 0..channels {
            let values = row[taps.first * channels + channel..].iter().step_by(channels);
            out.push(values.zip(&taps.weights).map(|(value, weight)| value * weight).sum());
        }
    }
}

fn mix_rows(source: &[f32], stride: usize, rows: &[Taps]) -> Vec<f32> {
    let mut out = vec![0.0; rows.len() * stride];
    for (line, taps) in out.chunks_exact_mut(stride).zip(rows) {
        for (row, weight) in source.chunks_exact(stride).skip(taps.first).zip(&taps.weights) {
            for (sum, value) in line.iter_mut().zip(row) {
                *sum += value * weight;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn weights_sum_to_one_and_stay_inside(input in 1usize..40, output in 1usize..40) {
            for taps in [bilinear(input, output), bicubic(input, output), area(input, output)].concat() {
                prop_assert!(taps.first + taps.weights.len() <= input);
                prop_assert!((taps.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }

        #[test]
        fn the_same_size_changes_nothing(size in 1usize..40) {
            let source: Vec<f32> = (0..size * size * 3).map(|value| value as f32).collect();
            for taps in [bilinear(size, size), bicubic(size, size), area(size, size)] {
                prop_assert_eq!(&apply(&source, size, 3, &taps, &taps), &source);
            }
        }
    }
}
