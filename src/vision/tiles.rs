//! Work on large pictures in tiles, in place: each reads its surroundings as well, so that the result is the same as
//! without tiles, and beside the picture only two rows of tiles take memory.

use rayon::prelude::*;

/// Side of a tile in pixels.
const TILE: usize = 512;

/// A tile and what it reads around itself, in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// The part that is written: left, top, right, bottom.
    pub(super) inner: [usize; 4],
    /// The part that is read.
    pub(super) outer: [usize; 4],
}

impl Tile {
    /// The tile of at most `side` pixels whose first pixel is there, in a picture of `width` x `height`.
    fn at([left, top]: [usize; 2], side: usize, reach: usize, (width, height): (usize, usize)) -> Self {
        let (right, bottom) = ((left + side).min(width), (top + side).min(height));
        let first = [left.saturating_sub(reach), top.saturating_sub(reach)];
        let outer = [first[0], first[1], (right + reach).min(width), (bottom + reach).min(height)];
        Self { inner: [left, top, right, bottom], outer }
    }

    /// Columns that are read.
    pub(super) fn width(&self) -> usize {
        self.outer[2] - self.outer[0]
    }

    /// `channels` values for each pixel that is read of a picture of `width` columns.
    pub(super) fn cut(&self, source: &[f32], width: usize, channels: usize) -> Vec<f32> {
        cut(source, width, channels, self.outer)
    }

    /// Of the values of what is read those of what is written.
    fn written(&self, values: &[f32], channels: usize) -> Vec<f32> {
        let [left, top, ..] = self.outer;
        let [first, above, last, below] = self.inner;
        cut(values, self.width(), channels, [first - left, above - top, last - left, below - top])
    }

    /// Puts `values`, which are of the inner pixels, into a picture of `width` columns.
    fn paste(&self, values: &[f32], picture: &mut [f32], width: usize, channels: usize) {
        let [left, top, right, _] = self.inner;
        for (row, line) in (top..).zip(values.chunks_exact((right - left) * channels)) {
            picture[(row * width + left) * channels..][..line.len()].copy_from_slice(line);
        }
    }
}

/// The part `[left, top, right, bottom]` of a picture of `width` columns.
fn cut(source: &[f32], width: usize, channels: usize, [left, top, right, bottom]: [usize; 4]) -> Vec<f32> {
    let mut out = Vec::with_capacity((right - left) * (bottom - top) * channels);
    let rows = (top..bottom).map(|row| &source[(row * width + left) * channels..(row * width + right) * channels]);
    rows.for_each(|row| out.extend_from_slice(row));
    out
}

/// Bytes of the tiles that wait to be put into a picture of `width` columns: two rows of them.
pub fn waiting_bytes(width: usize, channels: usize) -> u64 {
    4 * (2 * TILE * width * channels) as u64
}

/// Calls `work` for every tile of `picture`, of `width` x `height` pixels with `channels` values each, and for the
/// picture as it was, of which it reads the tile and `reach` pixels around. `work` gives the values of the pixels that
/// the tile reads, or none to leave the tile as it is.
pub(super) fn in_tiles(
    picture: &mut [f32],
    size @ (width, height): (usize, usize),
    channels: usize,
    reach: usize,
    work: impl Fn(&Tile, &[f32]) -> Option<Vec<f32>> + Sync,
) {
    let side = TILE.max(reach);
    let mut waiting: Vec<(Tile, Vec<f32>)> = Vec::new();
    for top in (0..height).step_by(side) {
        let lefts = (0..width).into_par_iter().step_by(side);
        let made = lefts.filter_map(|left| {
            let tile = Tile::at([left, top], side, reach, size);
            let values = work(&tile, picture)?;
            Some((tile, tile.written(&values, channels)))
        });
        // These read what is above them as it was; only now it is written.
        let made = made.collect();
        waiting.iter().for_each(|(tile, values)| tile.paste(values, picture, width, channels));
        waiting = made;
    }
    waiting.iter().for_each(|(tile, values)| tile.paste(values, picture, width, channels));
}

/// The mean of the values at most `radius` columns and rows away, those outside left out; in place.
pub(super) fn box_mean(values: &mut [f32], width: usize, radius: usize) {
    let height = values.len() / width.max(1);
    let mut line = Vec::with_capacity(width.max(height));
    for row in values.chunks_exact_mut(width) {
        line.clear();
        line.extend_from_slice(row);
        window_means(&line, radius, |at, mean| row[at] = mean);
    }
    // Columns: sums that run down all columns at once.
    let source = values.to_vec();
    let row = |at: usize| &source[at * width..][..width];
    let mut sums = vec![0.0_f64; width];
    let add = |sums: &mut [f64], row: &[f32], sign: f64| {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += sign * f64::from(*value));
    };
    (0..radius.min(height)).for_each(|at| add(&mut sums, row(at), 1.0));
    for at in 0..height {
        if at + radius < height {
            add(&mut sums, row(at + radius), 1.0);
        }
        if at > radius {
            add(&mut sums, row(at - radius - 1), -1.0);
        }
        let count = ((at + radius).min(height - 1) + 1 - at.saturating_sub(radius)) as f64;
        let out = &mut values[at * width..][..width];
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = (sum / count) as f32);
    }
}

fn window_means(line: &[f32], radius: usize, mut set: impl FnMut(usize, f32)) {
    let last = line.len().saturating_sub(1);
    let mut sum: f64 = line.iter().take(radius).map(|value| f64::from(*value)).sum();
    for at in 0..line.len() {
        if at + radius <= last {
            sum += f64::from(line[at + radius]);
        }
        if at > radius {
            sum -= f64::from(line[at - radius - 1]);
        }
        let count = ((at + radius).min(last) + 1 - at.saturating_sub(radius)) as f64;
        set(at, (sum / count) as f32);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every pixel becomes the one that is `reach` above it and to its left.
    #[test]
    fn a_tile_reads_what_was_there_before_those_around_it_were_written() {
        let (width, height, reach) = (2 * TILE + 7, 2 * TILE + 3, 5);
        let before: Vec<f32> = (0..width * height).map(|at| at as f32).collect();
        let moved = |values: &[f32], width: usize, at: usize| {
            let inside = at % width >= reach && at / width >= reach;
            if inside { values[at - reach * width - reach] } else { -1.0 }
        };
        let mut after = before.clone();
        in_tiles(&mut after, (width, height), 1, reach, |tile, picture| {
            let values = tile.cut(picture, width, 1);
            Some((0..values.len()).map(|at| moved(&values, tile.width(), at)).collect())
        });
        let expected: Vec<f32> = (0..before.len()).map(|at| moved(&before, width, at)).collect();
        assert!(after == expected);
    }

    proptest! {
        #[test]
        fn means_are_of_what_is_near(values in prop::collection::vec(0.0_f32..1.0, 35), radius in 0..9_usize) {
            let (width, height) = (5_usize, 7_usize);
            let mut means = values.clone();
            box_mean(&mut means, width, radius);
            for y in 0..height {
                for x in 0..width {
                    let rows = y.saturating_sub(radius)..(y + radius + 1).min(height);
                    let near: Vec<f32> = rows.flat_map(|v| {
                        let columns = x.saturating_sub(radius)..(x + radius + 1).min(width);
                        columns.map(move |u| (u, v))
                    }).map(|(u, v)| values[v * width + u]).collect();
                    let mean = near.iter().sum::<f32>() / near.len() as f32;
                    prop_assert!((means[y * width + x] - mean).abs() < 1e-5);
                }
            }
        }
    }
}
