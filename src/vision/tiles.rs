//! Work on large pictures in tiles: each reads its surroundings as well, so that the result is the same as
//! without tiles, and only the tiles that are being worked on take memory.

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
    /// Columns that are read.
    pub(super) fn width(&self) -> usize {
        self.outer[2] - self.outer[0]
    }

    /// Rows that are read.
    pub(super) fn height(&self) -> usize {
        self.outer[3] - self.outer[1]
    }

    /// The inner columns, counted from the first that is read.
    pub(super) fn columns(&self) -> std::ops::Range<usize> {
        self.inner[0] - self.outer[0]..self.inner[2] - self.outer[0]
    }

    /// The inner rows, counted from the first that is read.
    pub(super) fn rows(&self) -> std::ops::Range<usize> {
        self.inner[1] - self.outer[1]..self.inner[3] - self.outer[1]
    }

    /// `channels` values for each pixel that is read of a picture of `width` columns.
    pub(super) fn cut(&self, source: &[f32], width: usize, channels: usize) -> Vec<f32> {
        let [left, top, right, bottom] = self.outer;
        let rows = (top..bottom).map(|row| &source[(row * width + left) * channels..(row * width + right) * channels]);
        let mut out = Vec::with_capacity(self.width() * self.height() * channels);
        rows.for_each(|row| out.extend_from_slice(row));
        out
    }
}

/// Calls `work` for every tile of `out`, a picture of `width` x `height` pixels with `channels` values
/// each. `work` gives the values of the pixels that the tile reads, or none to leave the tile as it is.
pub(super) fn in_tiles(
    out: &mut [f32],
    (width, height): (usize, usize),
    channels: usize,
    reach: usize,
    work: impl Fn(&Tile) -> Option<Vec<f32>> + Sync,
) {
    out.par_chunks_mut((TILE * width * channels).max(1)).enumerate().for_each(|(band, rows)| {
        let top = band * TILE;
        let bottom = (top + TILE).min(height);
        for left in (0..width).step_by(TILE) {
            let right = (left + TILE).min(width);
            let outer = [
                left.saturating_sub(reach),
                top.saturating_sub(reach),
                (right + reach).min(width),
                (bottom + reach).min(height),
            ];
            let tile = Tile { inner: [left, top, right, bottom], outer };
            let Some(values) = work(&tile) else { continue };
            let (columns, stride) = (tile.columns(), tile.width() * channels);
            for (row, from) in tile.rows().enumerate() {
                let target = &mut rows[(row * width + left) * channels..(row * width + right) * channels];
                target.copy_from_slice(&values[from * stride..][columns.start * channels..columns.end * channels]);
            }
        }
    });
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

    #[test]
    fn tiles_cover_everything_once() {
        let (width, height) = (2 * TILE + 7, TILE + 3);
        let mut out = vec![0.0; width * height];
        in_tiles(&mut out, (width, height), 1, 5, |tile| {
            let [left, top, ..] = tile.outer;
            let pixel = |at: usize| ((top + at / tile.width()) * width + left + at % tile.width()) as f32;
            Some((0..tile.width() * tile.height()).map(pixel).collect())
        });
        assert!(out.iter().enumerate().all(|(at, value)| (value - at as f32).abs() < 0.5));
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
