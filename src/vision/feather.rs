//! Soft edges by distance: the exact Euclidean distance of every pixel to the edge of a mask.
//!
//! Two passes in linear time, after Felzenszwalb and Huttenlocher, "Distance transforms of sampled
//! functions" (2012): along the columns to the next pixel on the other side of the edge, then along
//! the rows the lower envelope of the parabolas that stand on what was found. Distances beyond the
//! radius change nothing and are not followed. Rows are worked on in parallel.

use rayon::prelude::*;

use crate::raster::Mask;

/// Where the edge runs: pixels of at least this are inside.
const EDGE: f32 = 0.5;

/// Rows that one thread works on at a time, at least.
const BAND: usize = 128;

/// Softens `mask` by distance: its edge, where it crosses one half, becomes a ramp from 0 to 1 that begins and
/// ends `radius` pixels from it, linear in the Euclidean distance. What was soft before is as soft as that
/// afterwards. Beyond its edges the mask goes on as it ends. A radius of 0 or less changes nothing.
pub fn feather(mask: &Mask, radius: f64) -> Mask {
    if radius.is_nan() || radius <= 0.0 || mask.data.is_empty() {
        return mask.clone();
    }
    let mut out = Mask { data: vec![0.0; mask.data.len()], ..*mask };
    for (source, target) in mask.frames().zip(out.data.chunks_exact_mut(mask.frame_len())) {
        feather_frame(source, mask.width, radius as f32, target);
    }
    out
}

/// The same for one frame of `width` columns, into `target`.
fn feather_frame(source: &[f32], width: usize, radius: f32, target: &mut [f32]) {
    let height = source.len() / width;
    let reach = (radius.ceil() as i16 + 2).min(i16::MAX - 2);
    let inside: Vec<u8> = source.par_iter().map(|value| u8::from(*value >= EDGE)).collect();
    let across = column_distances(&inside, width, reach);
    target.par_chunks_exact_mut(width).enumerate().for_each_init(Envelope::default, |envelope, (y, row)| {
        let view = View { source, inside: &inside, across: &across, width, height, y, reach, radius };
        let classes = &inside[y * width..][..width];
        let mut start = 0;
        while start < width {
            let class = classes[start];
            let end = classes[start..].iter().position(|other| *other != class).map_or(width, |at| start + at);
            view.fill_run(envelope, (start, end), class, &mut row[start..end]);
            start = end;
        }
    });
}

/// For every pixel how many rows away the next pixel of the other side is in its column, negative when that is
/// above; anything of `reach` or more when there is none so near.
fn column_distances(inside: &[u8], width: usize, reach: i16) -> Vec<i16> {
    let height = inside.len() / width;
    let band = BAND.max(4 * reach as usize).min(height.max(1));
    let row = |y: usize| &inside[y * width..][..width];
    let mut out = vec![reach; inside.len()];
    out.par_chunks_mut(band * width).enumerate().for_each(|(index, rows)| {
        let (top, bottom) = (index * band, index * band + rows.len() / width);
        let mut run = vec![reach; width];
        for y in top.saturating_sub(reach as usize) + 1..bottom {
            step(&mut run, row(y - 1), row(y), reach);
            if y >= top {
                let out = &mut rows[(y - top) * width..][..width];
                out.iter_mut().zip(&run).for_each(|(out, run)| *out = -*run);
            }
        }
        if top == 0 {
            rows[..width].fill(-reach);
        }
        run.fill(reach);
        for y in (top..(bottom + reach as usize).min(height).saturating_sub(1)).rev() {
            step(&mut run, row(y + 1), row(y), reach);
            if y < bottom {
                let out = &mut rows[(y - top) * width..][..width];
                out.iter_mut().zip(&run).for_each(|(out, run)| *out = if *run < -*out { *run } else { *out });
            }
        }
    });
    out
}

/// One row further: a pixel on the other side than the one before is one row from it.
fn step(run: &mut [i16], before: &[u8], here: &[u8], reach: i16) {
    for ((run, before), here) in run.iter_mut().zip(before).zip(here) {
        *run = if before == here { (*run + 1).min(reach) } else { 1 };
    }
}

/// The lower envelope of parabolas: columns, and from where on each is the lowest.
#[derive(Default)]
struct Envelope {
    columns: Vec<i32>,
    heights: Vec<f32>,
    from: Vec<f32>,
}

impl Envelope {
    fn clear(&mut self) {
        self.columns.clear();
        self.heights.clear();
        self.from.clear();
    }

    /// Adds the parabola (x - column)² + height; columns come in order.
    fn push(&mut self, column: i32, height: f32) {
        let mut from = f32::NEG_INFINITY;
        while let (Some(last), Some(below), Some(start)) = (self.columns.last(), self.heights.last(), self.from.last())
        {
            // Relative to the last column, so that nothing large is squared.
            let apart = (column - last) as f32;
            let crossing = *last as f32 + (height - below + apart * apart) / (2.0 * apart);
            if crossing > *start {
                from = crossing;
                break;
            }
            self.columns.pop();
            self.heights.pop();
            self.from.pop();
        }
        self.columns.push(column);
        self.heights.push(height);
        self.from.push(from);
    }
}

/// One row and what is known around it.
struct View<'a> {
    source: &'a [f32],
    inside: &'a [u8],
    across: &'a [i16],
    width: usize,
    height: usize,
    y: usize,
    reach: i16,
    radius: f32,
}

impl View<'_> {
    /// The values of a run of pixels on one side of the edge. What ends the run is on the other side and nearer
    /// than everything beyond it, so that no run needs more than itself.
    fn fill_run(&self, envelope: &mut Envelope, (start, end): (usize, usize), class: u8, out: &mut [f32]) {
        let far = f32::from(class);
        out.fill(far);
        envelope.clear();
        if start > 0 {
            envelope.push(start as i32 - 1, 0.0);
        }
        for x in start..end {
            let across = self.across[self.y * self.width + x];
            if across.unsigned_abs() < self.reach.unsigned_abs() {
                let across = f32::from(across);
                envelope.push(x as i32, across * across);
            }
        }
        if end < self.width {
            envelope.push(end as i32, 0.0);
        }
        for at in 0..envelope.columns.len() {
            let (column, height) = (envelope.columns[at], envelope.heights[at]);
            let until = envelope.from.get(at + 1).map_or(end as i32, |next| (next.ceil() as i32).min(end as i32));
            let from = (envelope.from[at].max(start as f32).ceil() as i32).max(column - i32::from(self.reach));
            for x in from..until.min(column + i32::from(self.reach) + 1) {
                let apart = (x - column) as f32;
                let distance = (apart * apart + height).sqrt();
                if distance < self.radius + 1.0 {
                    let beyond = distance - self.past_edge(x, column, class);
                    let ramp = (0.5 * beyond / self.radius).min(0.5);
                    out[x as usize - start] = if class == 1 { 0.5 + ramp } else { 0.5 - ramp };
                }
            }
        }
    }

    /// How far the edge is from the nearest pixel of the other side, which is in `column`, towards column `x`
    /// of this row: half a pixel for hard edges, by the values on both sides for others.
    fn past_edge(&self, x: i32, column: i32, class: u8) -> f32 {
        let index = self.y * self.width + column as usize;
        // The ends of the run stand in this row.
        let across = if self.inside[index] == class { i32::from(self.across[index]) } else { 0 };
        let row = self.y as i32 + across;
        let (dx, dy) = (x - column, -across);
        let (near_x, near_y) =
            if dx.abs() >= dy.abs() { (column + dx.signum(), row) } else { (column, row + dy.signum()) };
        let at = |x: i32, y: i32| {
            let (x, y) = (x.clamp(0, self.width as i32 - 1), y.clamp(0, self.height as i32 - 1));
            self.source[y as usize * self.width + x as usize]
        };
        let (other, near) = (at(column, row), at(near_x, near_y));
        if (near >= EDGE) == (class == 1) && (near - other).abs() > 1e-6 {
            ((EDGE - other) / (near - other)).clamp(0.0, 1.0)
        } else {
            0.5
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edge(width: usize, height: usize, at: usize) -> Mask {
        let data = (0..width * height).map(|i| if i % width < at { 1.0 } else { 0.0 }).collect();
        Mask { batch: 1, height, width, data }
    }

    #[test]
    fn an_edge_becomes_a_ramp_of_twice_the_radius() {
        for radius in [1.0, 2.5, 12.0, 30.0_f64] {
            let soft = feather(&edge(100, 4, 50), radius);
            for (x, value) in soft.data[100..200].iter().enumerate() {
                let ramp = (0.5 + (50.0 - (x as f64 + 0.5)) / (2.0 * radius)).clamp(0.0, 1.0);
                assert!((f64::from(*value) - ramp).abs() < 1e-5, "{radius} {x}: {value} {ramp}");
            }
        }
        let hard = edge(100, 4, 50);
        assert_eq!(feather(&hard, 0.0), hard);
        assert_eq!(feather(&Mask::filled(2, 8, 8, 1.0), 500.0), Mask::filled(2, 8, 8, 1.0));
        assert_eq!(feather(&Mask::filled(1, 8, 8, 0.0), 500.0), Mask::filled(1, 8, 8, 0.0));
    }

    /// An edge that runs through pixels stays where it is, to a tenth of a pixel.
    #[test]
    fn edges_between_pixels_stay_there() {
        for share in [0.0_f32, 0.25, 0.5, 0.75] {
            let mut mask = edge(40, 3, 20);
            (0..3).for_each(|y| mask.data[y * 40 + 20] = share);
            let soft = feather(&mask, 4.0);
            let row = &soft.data[40..80];
            let area: f32 = row.iter().sum();
            assert!((area - 20.0 - share).abs() < 0.15, "{share}: {area}");
        }
    }

    /// Distances of a tall picture, whose columns are worked on in bands, are those without bands.
    #[test]
    fn bands_do_not_show() {
        let (width, height) = (3, 5 * BAND + 7);
        let mut mask = Mask::filled(1, height, width, 0.0);
        for y in [0, BAND - 1, BAND + 40, 3 * BAND, height - 1] {
            mask.data[y * width + 1] = 1.0;
        }
        assert_close(&feather(&mask, 6.0), &slow(&mask, 6.0));
        assert_close(&feather(&mask, 200.0), &slow(&mask, 200.0));
    }

    /// By looking at all pixels; for hard masks.
    fn slow(mask: &Mask, radius: f64) -> Mask {
        let (width, height) = (mask.width as i64, mask.height as i64);
        let inside = |x: i64, y: i64| mask.data[(y * width + x) as usize] >= EDGE;
        let value = |x: i64, y: i64| {
            let here = inside(x, y);
            let others =
                (0..height).flat_map(|v| (0..width).map(move |u| (u, v))).filter(|(u, v)| inside(*u, *v) != here);
            let nearest = others.map(|(u, v)| (u - x).pow(2) + (v - y).pow(2)).min();
            let ramp = nearest.map_or(0.5, |n| (((n as f64).sqrt() - 0.5) / (2.0 * radius)).min(0.5));
            (if here { 0.5 + ramp } else { 0.5 - ramp }) as f32
        };
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
        Mask { data, ..*mask }
    }

    fn assert_close(found: &Mask, wanted: &Mask) {
        for (at, (found, wanted)) in found.data.iter().zip(&wanted.data).enumerate() {
            assert!((found - wanted).abs() < 1e-5, "{at}: {found} {wanted}");
        }
    }

    proptest! {
        #[test]
        fn distances_are_exact(
            bits in prop::collection::vec(prop::bool::weighted(0.2), 13 * 11), radius in 0.5_f64..9.0,
        ) {
            let data = bits.iter().map(|bit| f32::from(u8::from(*bit))).collect();
            let mask = Mask { batch: 1, height: 13, width: 11, data };
            assert_close(&feather(&mask, radius), &slow(&mask, radius));
        }
    }
}
