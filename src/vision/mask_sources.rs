//! Masks from colours, drawn shapes and luminance.

use rayon::prelude::*;

use crate::raster::{Image, Mask};

/// An outline in fractions of the width and height of a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Outline {
    /// Left, top, width, height; radius of the corners as a fraction of the picture's shorter side.
    Rectangle([f64; 4], f64),
    /// Touches the edges of left, top, width, height.
    Ellipse([f64; 4]),
    /// The corners, in order; filled by the even-odd rule.
    Polygon(Vec<[f64; 2]>),
}

/// 1 where every channel of a pixel is at most `tolerance` (0 to 1) from `color`, else 0. One mask
/// for each frame.
pub fn near_color(image: &Image, color: [f32; 3], tolerance: f32) -> Mask {
    let channels = image.channels.max(1);
    // Half a step of 8 bits, so that a tolerance of n / 255 includes n steps.
    let limit = tolerance + 0.5 / 255.0;
    let near = |pixel: &[f32]| (0..3).all(|c| (pixel[if channels < 3 { 0 } else { c }] - color[c]).abs() <= limit);
    let data = image.data.chunks_exact(channels).map(|pixel| if near(pixel) { 1.0 } else { 0.0 }).collect();
    Mask { batch: image.batch, height: image.height, width: image.width, data }
}

/// The luma of every frame: 0.299 R + 0.587 G + 0.114 B.
pub fn luminance(image: &Image) -> Mask {
    let of = |p: &[f32]| if p.len() < 3 { p[0] } else { 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] };
    let data = image.data.chunks_exact(image.channels.max(1)).map(of).collect();
    Mask { batch: image.batch, height: image.height, width: image.width, data }
}

/// `outline` filled on `width` x `height` pixels, each the share of it that lies inside: signed
/// distances for rectangles and ellipses, exact areas over eight lines a pixel for polygons.
pub fn draw_outline(outline: &Outline, width: usize, height: usize) -> Mask {
    let (w, h) = (width as f64, height as f64);
    match outline {
        Outline::Rectangle([x, y, rw, rh], radius) => {
            let (half_w, half_h) = (rw * w / 2.0, rh * h / 2.0);
            let radius = (radius * w.min(h)).clamp(0.0, half_w.min(half_h).max(0.0));
            let centre = (x * w + half_w, y * h + half_h);
            if radius <= 0.0 {
                return aligned_rectangle([x * w, y * h, (x + rw) * w, (y + rh) * h], width, height);
            }
            covered(width, height, |px, py| {
                let (dx, dy) = ((px - centre.0).abs() - half_w + radius, (py - centre.1).abs() - half_h + radius);
                dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
            })
        }
        Outline::Ellipse([x, y, rw, rh]) => {
            let (half_w, half_h) = (rw * w / 2.0, rh * h / 2.0);
            let centre = (x * w + half_w, y * h + half_h);
            covered(width, height, |px, py| ellipse_distance(px - centre.0, py - centre.1, half_w, half_h))
        }
        Outline::Polygon(points) => {
            let corners: Vec<_> = points.iter().map(|[x, y]| [x * w, y * h]).collect();
            fill_polygon(&corners, width, height)
        }
    }
}

/// A mask from a function that gives the signed distance of a pixel's centre (negative inside).
fn covered(width: usize, height: usize, distance: impl Fn(f64, f64) -> f64 + Sync) -> Mask {
    let mut mask = Mask { batch: 1, height, width, data: vec![0.0; width * height] };
    mask.data.par_chunks_exact_mut(width.max(1)).enumerate().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            *value = (0.5 - distance(x as f64 + 0.5, y as f64 + 0.5)).clamp(0.0, 1.0) as f32;
        }
    });
    mask
}

/// The first-order distance to an ellipse: f / |grad f| of its implicit equation.
fn ellipse_distance(x: f64, y: f64, a: f64, b: f64) -> f64 {
    if a <= 0.0 || b <= 0.0 {
        return f64::INFINITY;
    }
    let value = (x / a).hypot(y / b);
    let gradient = (x / (a * a)).hypot(y / (b * b));
    if gradient == 0.0 { -a.min(b) } else { value * (value - 1.0) / gradient }
}

/// The exact share of every pixel in a rectangle `[left, top, right, bottom]` in pixels.
fn aligned_rectangle([left, top, right, bottom]: [f64; 4], width: usize, height: usize) -> Mask {
    let share = |at: usize, from: f64, to: f64| ((at as f64 + 1.0).min(to) - (at as f64).max(from)).clamp(0.0, 1.0);
    let columns: Vec<f64> = (0..width).map(|x| share(x, left, right)).collect();
    let data = (0..height)
        .flat_map(|y| {
            let row = share(y, top, bottom);
            columns.iter().map(move |column| (row * column) as f32)
        })
        .collect();
    Mask { batch: 1, height, width, data }
}

const LINES_PER_PIXEL: usize = 8;

fn fill_polygon(corners: &[[f64; 2]], width: usize, height: usize) -> Mask {
    let mut mask = Mask { batch: 1, height, width, data: vec![0.0; width * height] };
    mask.data.par_chunks_exact_mut(width.max(1)).enumerate().for_each(|(y, row)| {
        for line in 0..LINES_PER_PIXEL {
            let at = y as f64 + (line as f64 + 0.5) / LINES_PER_PIXEL as f64;
            for span in crossings(corners, at).chunks_exact(2) {
                add_span(row, span[0], span[1]);
            }
        }
        for value in row.iter_mut() {
            *value = value.min(1.0);
        }
    });
    mask
}

/// Where the horizontal line at `y` crosses the edges, from left to right.
fn crossings(corners: &[[f64; 2]], y: f64) -> Vec<f64> {
    let mut found: Vec<f64> = (0..corners.len())
        .filter_map(|i| {
            let ([x0, y0], [x1, y1]) = (corners[i], corners[(i + 1) % corners.len()]);
            ((y0 <= y) != (y1 <= y)).then(|| x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        })
        .collect();
    found.sort_unstable_by(f64::total_cmp);
    found
}

/// Adds to each pixel of `row` the share of it that lies between `left` and `right` on one line.
fn add_span(row: &mut [f32], left: f64, right: f64) {
    let (left, right) = (left.clamp(0.0, row.len() as f64), right.clamp(0.0, row.len() as f64));
    for (x, value) in row.iter_mut().enumerate().take(right.ceil() as usize).skip(left.floor() as usize) {
        let share = (x as f64 + 1.0).min(right) - (x as f64).max(left);
        *value += (share.max(0.0) / LINES_PER_PIXEL as f64) as f32;
    }
}
