//! An object cut out of a picture from its box, and from what else is known of where it is.
//!
//! Source: Rother, Kolmogorov and Blake, "`GrabCut`: interactive foreground extraction using iterated graph cuts" (2004),
//! with colours in `OKLab` and, besides the colours, what is known beforehand of each pixel.

mod flow;
mod mixture;
mod tidy;

use self::{
    flow::{Grid, STEPS},
    mixture::Mixture,
};
use super::{Bounds, Target, color::oklab, refine_edges};
use crate::raster::{self, Image, Mask, ResizeMethod};

/// An object that was cut out of a picture, at a reduced size.
#[derive(Clone, Debug)]
pub struct Cutout {
    /// What of the picture was looked at, `[left, top, right, bottom]` in its pixels.
    pixels: [usize; 4],
    width: usize,
    /// Which pixels of the crop belong to the object, in rows of `width`.
    inside: Vec<bool>,
}

/// Longest side of the crop that is cut, in pixels: edges are found in it and refined at full size.
const LONGEST: usize = 288;

/// What of its surroundings is looked at, as a share of the box.
const SURROUNDINGS: f64 = 0.3;

/// Rounds of learning colours and cutting.
const ROUNDS: usize = 5;

/// How much a difference between neighbours weighs beside colours.
const SMOOTHNESS: f64 = 8.0;

/// How much of what is known beforehand counts, beside colours.
const PRIOR: f64 = 1.5;

/// Costs are whole numbers of this share.
const STEP: f64 = 0.01;

/// A cost that nothing outweighs.
const CERTAIN: f64 = 1e5;

/// Radius of a point that was given, in pixels of the crop.
const POINT: f64 = 3.0;

impl Cutout {
    /// The object of frame `index` of `image` that `target` shows, by its colours and by `likely`: how likely each pixel of
    /// the image belongs to it, 0 to 1, where a model says so. It is empty where the target leaves no place.
    pub fn of(image: &Image, index: usize, target: &Target, likely: Option<&Mask>) -> Self {
        let bounds = target.bounds.unwrap_or(Bounds::of_size(image.width, image.height));
        let around = bounds.padded(SURROUNDINGS * bounds.width().max(bounds.height()) + 2.0);
        let pixels = |bounds: &Bounds| bounds.pixels(image.width, image.height);
        let crop = pixels(&bounds).and_then(|_| Crop::of(image, index, pixels(&around)?));
        let Some(crop) = crop else { return Self { pixels: [0; 4], width: 0, inside: Vec::new() } };
        let known = Known::of(&crop, &bounds, target, likely);
        let inside = tidy::tidied(crop.divided(&known), crop.width, &known.certain);
        Self { pixels: crop.pixels, width: crop.width, inside }
    }

    /// Whether this pixel of the picture belongs to the object.
    pub fn has(&self, x: usize, y: usize) -> bool {
        let [left, top, right, bottom] = self.pixels;
        (left..right).contains(&x) && (top..bottom).contains(&y) && {
            let (width, height) = (self.width, self.height());
            self.inside[(y - top) * height / (bottom - top) * width + (x - left) * width / (right - left)]
        }
    }

    /// The box around the object, in pixels of the picture; none where it is empty.
    pub fn bounds(&self) -> Option<Bounds> {
        let [left, top, right, bottom] = self.pixels.map(|side| side as f64);
        let places = || self.inside.iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| at);
        let (first, last) = (places().next()? / self.width, places().next_back()? / self.width + 1);
        let columns = || places().map(|at| at % self.width);
        let found = Bounds::new(columns().min()? as f64, first as f64, columns().max()? as f64 + 1.0, last as f64);
        let (x, y) = ((right - left) / self.width as f64, (bottom - top) / self.height() as f64);
        Some(found.scaled(x, y).moved(left, top))
    }

    /// The mask of the object, of the size of the image that it was cut out of, its edges laid along those of the image.
    pub fn mask(&self, image: &Image, index: usize) -> Mask {
        let mut mask = Mask::filled(1, image.height, image.width, 0.0);
        if self.inside.is_empty() {
            return mask;
        }
        let ([left, top, ..], Some(part)) = (self.pixels, self.refined(image, index)) else { return mask };
        for (y, row) in part.data.chunks_exact(part.width).enumerate() {
            for (target, value) in mask.data[(top + y) * image.width + left..].iter_mut().zip(row) {
                // A filter leaves traces where nothing is.
                *target = ((value - 0.02) / 0.96).clamp(0.0, 1.0);
            }
        }
        mask
    }

    /// The crop, which has pixels, at its size in the image.
    fn refined(&self, image: &Image, index: usize) -> Option<Mask> {
        let [left, top, right, bottom] = self.pixels;
        let data = self.inside.iter().map(|is| f32::from(u8::from(*is))).collect();
        let small = Mask { batch: 1, height: self.height(), width: self.width, data };
        let (width, height) = (right - left, bottom - top);
        let part = raster::resize_mask(small, width, height, ResizeMethod::Bilinear).ok()?;
        let colors = cropped(image.frame(index), image.width, image.channels, self.pixels);
        let colors = Image { batch: 1, height, width, channels: image.channels, data: colors };
        let radius = (2.0 * width as f64 / self.width as f64).round().clamp(2.0, 32.0) as usize;
        Some(refine_edges(&colors, 0, part, radius, 1e-4))
    }

    fn height(&self) -> usize {
        self.inside.len() / self.width.max(1)
    }
}

/// The part of the picture around the object, reduced.
struct Crop {
    /// `[left, top, right, bottom]` in the image.
    pixels: [usize; 4],
    width: usize,
    height: usize,
    /// In `OKLab`.
    colors: Vec<[f64; 3]>,
}

/// What is known of each pixel of a crop.
struct Known {
    /// Some when it is certain whether a pixel is inside.
    certain: Vec<Option<bool>>,
    /// How likely it is inside, 0 to 1, where that is not certain.
    likely: Vec<f64>,
}

impl Crop {
    fn of(image: &Image, index: usize, pixels: [usize; 4]) -> Option<Self> {
        let part = cropped(image.frame(index), image.width, image.channels, pixels);
        let (part_width, part_height) = (pixels[2] - pixels[0], pixels[3] - pixels[1]);
        let part = Image { batch: 1, height: part_height, width: part_width, channels: image.channels, data: part };
        let factor = (LONGEST as f64 / part_width.max(part_height) as f64).min(1.0);
        let side = |length: usize| ((length as f64 * factor).round() as usize).max(1);
        let (width, height) = (side(part_width), side(part_height));
        let small = raster::resize(&part, width, height, ResizeMethod::Area).ok()?;
        let color = |pixel: &[f32]| oklab([0, 1, 2].map(|c| pixel[if pixel.len() < 3 { 0 } else { c }]));
        let colors = small.data.chunks_exact(small.channels.max(1)).map(color).collect();
        Some(Self { pixels, width, height, colors })
    }

    /// Pixels of the crop for one of the image, along both axes.
    fn scale(&self) -> (f64, f64) {
        let [left, top, right, bottom] = self.pixels;
        (self.width as f64 / (right - left) as f64, self.height as f64 / (bottom - top) as f64)
    }

    /// A place of the image in the crop.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let (sx, sy) = self.scale();
        ((x - self.pixels[0] as f64) * sx, (y - self.pixels[1] as f64) * sy)
    }

    /// Which pixels are inside: colours of both sides are learnt from the division before, and the cheapest division by
    /// them is made, again and again.
    fn divided(&self, known: &Known) -> Vec<bool> {
        let mut inside: Vec<bool> = known
            .certain
            .iter()
            .zip(&known.likely)
            .map(|(certain, likely)| certain.unwrap_or(*likely >= 0.5))
            .collect();
        let ties = self.ties();
        let mut mixtures: Option<[Mixture; 2]> = None;
        for _ in 0..ROUNDS {
            let of = |side: bool| -> Vec<[f64; 3]> {
                self.colors.iter().zip(&inside).filter(|(_, is)| **is == side).map(|(color, _)| *color).collect()
            };
            let (within, without) = (of(true), of(false));
            let learnt = match &mixtures {
                None => Mixture::of(&within).zip(Mixture::of(&without)),
                Some([a, b]) => a.improved(&within).zip(b.improved(&without)),
            };
            // One side alone has no edge to look for.
            let Some((within, without)) = learnt else { break };
            let next = self.cut(known, &ties, &within, &without);
            mixtures = Some([within, without]);
            if next == inside {
                break;
            }
            inside = next;
        }
        inside
    }

    fn cut(&self, known: &Known, ties: &[[f64; 4]], within: &Mixture, without: &Mixture) -> Vec<bool> {
        let mut grid = Grid::new(self.width, self.height);
        let whole = |cost: f64| (cost / STEP).round() as i32;
        for (at, (color, ties)) in self.colors.iter().zip(ties).enumerate() {
            let (x, y) = (at % self.width, at / self.width);
            let (outside_costs, inside_costs) = match known.certain[at] {
                Some(true) => (CERTAIN, 0.0),
                Some(false) => (0.0, CERTAIN),
                None => {
                    let likely = known.likely[at].clamp(0.01, 0.99);
                    let odds = PRIOR * (likely / (1.0 - likely)).ln();
                    (without.cost(color) + odds, within.cost(color))
                }
            };
            grid.set_terminal(x, y, whole(outside_costs), whole(inside_costs));
            for (direction, tie) in (4..8).zip(ties) {
                if *tie > 0.0 {
                    grid.set_tie(x, y, direction, whole(*tie));
                }
            }
        }
        grid.cut()
    }

    /// What it costs to part each pixel from its neighbours to the right and below: much where they are alike.
    fn ties(&self) -> Vec<[f64; 4]> {
        let neighbour = |at: usize, direction: usize| {
            let (dx, dy) = STEPS[direction];
            let x = (at % self.width).checked_add_signed(dx).filter(|x| *x < self.width)?;
            let y = (at / self.width).checked_add_signed(dy).filter(|y| *y < self.height)?;
            Some(y * self.width + x)
        };
        let difference = |a: usize, b: usize| -> f64 {
            self.colors[a].iter().zip(self.colors[b]).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let pairs = || (0..self.colors.len()).flat_map(|at| (4..8).filter_map(move |d| Some((at, neighbour(at, d)?))));
        let (sum, count) = pairs().fold((0.0, 0.0), |(sum, count), (a, b)| (sum + difference(a, b), count + 1.0));
        let contrast = if sum > 0.0 { count / (2.0 * sum) } else { 0.0 };
        let tie = |at: usize, direction: usize| {
            let Some(other) = neighbour(at, direction) else { return 0.0 };
            let (dx, dy) = STEPS[direction];
            let length = if dx != 0 && dy != 0 { std::f64::consts::SQRT_2 } else { 1.0 };
            SMOOTHNESS * (-contrast * difference(at, other)).exp() / length
        };
        (0..self.colors.len()).map(|at| [4, 5, 6, 7].map(|direction| tie(at, direction))).collect()
    }
}

impl Known {
    fn of(crop: &Crop, bounds: &Bounds, target: &Target, likely: Option<&Mask>) -> Self {
        let (left, top) = crop.place(bounds.left, bounds.top);
        let (right, bottom) = crop.place(bounds.right, bounds.bottom);
        let inner = Bounds::new(left, top, right, bottom);
        let likely = likely.and_then(|mask| likely_in(crop, mask, &inner));
        let (x0, y0) = inner.middle();
        let place = |at: usize| ((at % crop.width) as f64 + 0.5, (at / crop.width) as f64 + 0.5);
        let is_in = |x: f64, y: f64| x > left && x < right && y > top && y < bottom;
        let by_shape = |x: f64, y: f64| {
            // An object fills the middle of its box more often than its corners.
            let (dx, dy) = ((x - x0) / (0.5 * inner.width()).max(0.5), (y - y0) / (0.5 * inner.height()).max(0.5));
            let far = dx.abs().powf(2.5) + dy.abs().powf(2.5);
            (0.8 - 0.5 * far).clamp(0.2, 0.8)
        };
        let wanted: Vec<(f64, f64)> =
            target.points.iter().filter(|(.., belongs)| *belongs).map(|(x, y, _)| crop.place(*x, *y)).collect();
        let by_points = |x: f64, y: f64| {
            // What is meant is around its points; how far is not known.
            let nearest = wanted.iter().map(|(px, py)| (x - px).hypot(y - py)).fold(f64::INFINITY, f64::min);
            (0.75 - 0.6 * nearest / (0.35 * crop.width.min(crop.height) as f64)).clamp(0.2, 0.75)
        };
        let is_boxed = target.bounds.is_some() || wanted.is_empty();
        let mut known = Self { certain: Vec::with_capacity(crop.colors.len()), likely: Vec::new() };
        for at in 0..crop.colors.len() {
            let (x, y) = place(at);
            known.certain.push((!is_in(x, y)).then_some(false));
            known.likely.push(match &likely {
                Some(likely) => 0.85 * likely[at] + 0.15 * by_shape(x, y),
                None if is_boxed => by_shape(x, y),
                None => by_points(x, y),
            });
        }
        for (x, y, belongs) in &target.points {
            let (px, py) = crop.place(*x, *y);
            for at in 0..crop.colors.len() {
                let (x, y) = place(at);
                if (x - px).hypot(y - py) <= POINT {
                    known.certain[at] = Some(*belongs);
                }
            }
        }
        known
    }
}

/// What a model says of the crop's pixels; none where it says next to nothing, or everything, of the box.
fn likely_in(crop: &Crop, mask: &Mask, inner: &Bounds) -> Option<Vec<f64>> {
    let [left, top, right, bottom] = crop.pixels;
    let part = cropped(mask.frame(0), mask.width, 1, crop.pixels);
    let part = Mask { batch: 1, height: bottom - top, width: right - left, data: part };
    let small = raster::resize_mask(part, crop.width, crop.height, ResizeMethod::Area).ok()?;
    let [left, top, right, bottom] = inner.pixels(crop.width, crop.height)?;
    let rows = small.data.chunks_exact(crop.width).take(bottom).skip(top);
    let sum: f64 = rows.flat_map(|row| &row[left..right]).map(|value| f64::from(*value)).sum();
    let share = sum / ((right - left) * (bottom - top)).max(1) as f64;
    (0.08..0.97).contains(&share).then(|| small.data.iter().map(|value| f64::from(*value)).collect())
}

/// The values of `[left, top, right, bottom]` of a frame.
fn cropped(frame: &[f32], width: usize, channels: usize, [left, top, right, bottom]: [usize; 4]) -> Vec<f32> {
    let rows = frame.chunks_exact((width * channels).max(1)).take(bottom).skip(top);
    rows.flat_map(|row| row[left * channels..right * channels].iter().copied()).collect()
}

#[cfg(test)]
mod tests;
