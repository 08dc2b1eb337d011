//! Separable resampling: for every output position the inputs that it mixes, with weights.
//!
//! Torch's bilinear, bicubic and area interpolation are all of this form; only the weights differ.

use super::lines::{Lines, mix};

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

/// The taps of every position of a line, equally many for each.
struct Columns {
    firsts: Vec<usize>,
    /// `count` weights for each position.
    weights: Vec<f32>,
    count: usize,
}

impl Columns {
    /// The same taps over `input` positions; short ones are filled up with zeros.
    fn new(taps: &[Taps], input: usize) -> Self {
        let count = taps.iter().map(|taps| taps.weights.len()).max().unwrap_or(1);
        let mut columns = Self { firsts: Vec::new(), weights: vec![0.0; count * taps.len()], count };
        for (taps, weights) in taps.iter().zip(columns.weights.chunks_exact_mut(count)) {
            let first = taps.first.min(input - count);
            weights[taps.first - first..][..taps.weights.len()].copy_from_slice(&taps.weights);
            columns.firsts.push(first);
        }
        columns
    }
}

/// Applies `columns` to each row and `rows` to each column of one image with interleaved channels,
/// and writes the result to `out`. `width` is the width of the source; its height follows from its
/// length.
pub(super) fn apply(
    source: &[f32],
    width: usize,
    channels: usize,
    (columns, rows): (&[Taps], &[Taps]),
    out: &mut [f32],
) {
    let narrow = columns.len() * channels;
    let columns = Columns::new(columns, width);
    let most = rows.iter().map(|taps| taps.weights.len()).max().unwrap_or(1);
    let mut lines = Lines::new(narrow, most, |number, line| {
        mix_columns(&source[number * width * channels..][..width * channels], channels, &columns, line);
    });
    for (line, taps) in out.chunks_exact_mut(narrow).zip(rows) {
        lines.make(taps.first, taps.first + taps.weights.len());
        mix(line, |number| lines.line(taps.first + number), &taps.weights);
    }
}

fn mix_columns(row: &[f32], channels: usize, columns: &Columns, out: &mut [f32]) {
    match channels {
        1 => mix_pixels::<1>(row, columns, out),
        3 => match columns.count {
            1 => mix_rgb::<1>(row, columns, out),
            2 => mix_rgb::<2>(row, columns, out),
            3 => mix_rgb::<3>(row, columns, out),
            4 => mix_rgb::<4>(row, columns, out),
            _ => mix_pixels::<3>(row, columns, out),
        },
        4 => mix_pixels::<4>(row, columns, out),
        _ => mix_any(row, channels, columns, out),
    }
}

/// `COUNT` taps of pixels of three channels, as if each had four: what the fourth becomes is
/// overwritten by the next pixel.
fn mix_rgb<const COUNT: usize>(row: &[f32], columns: &Columns, out: &mut [f32]) {
    let (weights, _) = columns.weights.as_chunks::<COUNT>();
    for (position, (first, weights)) in columns.firsts.iter().zip(weights).enumerate() {
        let window = row.get(3 * first..3 * (first + COUNT) + 1);
        let (Some(window), Some(sums)) = (window, out.get_mut(3 * position..3 * position + 4)) else {
            mix_pixel::<3>(&row[3 * first..], weights, &mut out[3 * position..]);
            continue;
        };
        let mut totals = [0.0; 4];
        for (tap, weight) in weights.iter().enumerate() {
            for (total, value) in totals.iter_mut().zip(&window[3 * tap..3 * tap + 4]) {
                *total += value * weight;
            }
        }
        sums.copy_from_slice(&totals);
    }
}

fn mix_pixels<const CHANNELS: usize>(row: &[f32], columns: &Columns, out: &mut [f32]) {
    let weights = columns.weights.chunks_exact(columns.count);
    for ((sums, first), weights) in out.chunks_exact_mut(CHANNELS).zip(&columns.firsts).zip(weights) {
        mix_pixel::<CHANNELS>(&row[CHANNELS * first..], weights, sums);
    }
}

fn mix_pixel<const CHANNELS: usize>(row: &[f32], weights: &[f32], sums: &mut [f32]) {
    let mut totals = [0.0; CHANNELS];
    let (pixels, _) = row.as_chunks::<CHANNELS>();
    for (pixel, weight) in pixels.iter().zip(weights) {
        for (total, value) in totals.iter_mut().zip(pixel) {
            *total += value * weight;
        }
    }
    sums[..CHANNELS].copy_from_slice(&totals);
}

fn mix_any(row: &[f32], channels: usize, columns: &Columns, out: &mut [f32]) {
    let weights = columns.weights.chunks_exact(columns.count);
    for ((sums, first), weights) in out.chunks_exact_mut(channels).zip(&columns.firsts).zip(weights) {
        for (channel, sum) in sums.iter_mut().enumerate() {
            let values = row[first * channels + channel..].iter().step_by(channels);
            *sum = values.zip(weights).map(|(value, weight)| value * weight).sum();
        }
    }
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
        fn every_number_of_channels_gives_the_same(input in 1usize..20, output in 1usize..20) {
            let plane: Vec<f32> = (0..input * input).map(|value| (value * 37 % 101) as f32 / 101.0).collect();
            for taps in [bilinear(input, output), bicubic(input, output), area(input, output)] {
                let mut expected = vec![0.0; output * output];
                apply(&plane, input, 1, (&taps, &taps), &mut expected);
                for channels in [3, 4, 5] {
                    let source: Vec<f32> = plane.iter().flat_map(|value| vec![*value; channels]).collect();
                    let mut out = vec![0.0; output * output * channels];
                    apply(&source, input, channels, (&taps, &taps), &mut out);
                    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    let each: Vec<f32> = expected.iter().flat_map(|value| vec![*value; channels]).collect();
                    prop_assert_eq!(bits(&out), bits(&each));
                }
            }
        }

        #[test]
        fn the_same_size_changes_nothing(size in 1usize..40) {
            for taps in [bilinear(size, size), bicubic(size, size), area(size, size)] {
                for channels in [1, 3, 4, 5] {
                    let source: Vec<f32> = (0..size * size * channels).map(|value| value as f32).collect();
                    let mut out = vec![-1.0; source.len()];
                    apply(&source, size, channels, (&taps, &taps), &mut out);
                    prop_assert_eq!(&out, &source);
                }
            }
        }
    }
}
