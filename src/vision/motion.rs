//! Masks moved and scaled.

use rayon::prelude::*;

use super::mask_sources::Outline;
use crate::raster::Mask;

/// Where something is in relation to where it was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// How far to the right, in widths of the picture.
    pub x: f64,
    /// How far down, in heights of the picture.
    pub y: f64,
    /// How many times as large, about its own middle; more than 0.
    pub scale: f64,
}

impl Placement {
    /// Where it was drawn.
    pub const STILL: Self = Self { x: 0.0, y: 0.0, scale: 1.0 };
}

impl Outline {
    /// The same outline elsewhere, scaled about the middle of its box.
    #[must_use]
    pub fn placed(&self, placement: Placement) -> Self {
        let Placement { x: dx, y: dy, scale } = placement;
        let boxed = |[x, y, w, h]: [f64; 4]| {
            [x + (w - w * scale) / 2.0 + dx, y + (h - h * scale) / 2.0 + dy, w * scale, h * scale]
        };
        match self {
            Self::Rectangle(bounds, radius) => Self::Rectangle(boxed(*bounds), radius * scale),
            Self::Ellipse(bounds) => Self::Ellipse(boxed(*bounds)),
            Self::Polygon(points) => {
                let middle = [0, 1].map(|axis| {
                    let values = || points.iter().map(|point| point[axis]);
                    f64::midpoint(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
                });
                let moved = |[x, y]: &[f64; 2]| {
                    [middle[0] + (x - middle[0]) * scale + dx, middle[1] + (y - middle[1]) * scale + dy]
                };
                Self::Polygon(points.iter().map(moved).collect())
            }
        }
    }
}

/// `mask` elsewhere: every frame scaled about the middle of the box around what is at least half inside (of the
/// picture where nothing is), then moved. What comes from beyond the edges is outside. Values in between are
/// interpolated linearly; when it becomes smaller, means are taken.
pub fn place(mask: Mask, placement: Placement) -> Mask {
    if placement == Placement::STILL || mask.data.is_empty() {
        return mask;
    }
    let mut out = Mask { data: vec![0.0; mask.data.len()], ..mask };
    for (source, target) in mask.frames().zip(out.data.chunks_exact_mut(mask.frame_len())) {
        place_frame(source, mask.width, placement, target);
    }
    out
}

fn place_frame(source: &[f32], width: usize, placement: Placement, target: &mut [f32]) {
    let height = source.len() / width;
    let middle = middle(source, width);
    let (dx, dy) = (placement.x * width as f64, placement.y * height as f64);
    // Several samples a pixel where a pixel covers several of the source.
    let samples = (1.0 / placement.scale).ceil().clamp(1.0, 32.0) as usize;
    let back = |at: f64, middle: f64, moved: f64| (at - moved - middle) / placement.scale + middle;
    let places = |count: usize, middle: f64, moved: f64| -> Vec<f64> {
        let at = |i: usize| (i as f64 + 0.5) / samples as f64;
        (0..count * samples).map(|i| back(at(i), middle, moved) - 0.5).collect()
    };
    let (columns, rows) = (places(width, middle[0], dx), places(height, middle[1], dy));
    let pixel = |x: i64, y: i64| {
        let inside = x >= 0 && y >= 0 && (x as usize) < width && (y as usize) < height;
        if inside { source[y as usize * width + x as usize] } else { 0.0 }
    };
    let sample = |x: f64, y: f64| {
        let (left, top) = (x.floor(), y.floor());
        let (right, bottom) = ((x - left) as f32, (y - top) as f32);
        let (left, top) = (left as i64, top as i64);
        let upper = pixel(left, top) * (1.0 - right) + pixel(left + 1, top) * right;
        let lower = pixel(left, top + 1) * (1.0 - right) + pixel(left + 1, top + 1) * right;
        upper * (1.0 - bottom) + lower * bottom
    };
    target.par_chunks_exact_mut(width).enumerate().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            let mut sum = 0.0;
            for row in &rows[y * samples..(y + 1) * samples] {
                for column in &columns[x * samples..(x + 1) * samples] {
                    sum += sample(*column, *row);
                }
            }
            *value = sum / (samples * samples) as f32;
        }
    });
}

/// The middle of the box around what is at least half inside, in pixels.
fn middle(source: &[f32], width: usize) -> [f64; 2] {
    let height = source.len() / width;
    let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
    for (y, row) in source.chunks_exact(width).enumerate() {
        let Some(first) = row.iter().position(|value| *value >= 0.5) else { continue };
        let last = row.iter().rposition(|value| *value >= 0.5).unwrap_or(first);
        (left, right) = (left.min(first), right.max(last + 1));
        (top, bottom) = (top.min(y), y + 1);
    }
    if left >= right {
        return [width as f64 / 2.0, height as f64 / 2.0];
    }
    [(left + right) as f64 / 2.0, (top + bottom) as f64 / 2.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::draw_outline;

    fn boxed(bounds: [f64; 4]) -> Mask {
        draw_outline(&Outline::Rectangle(bounds, 0.0), 40, 20)
    }

    #[test]
    fn a_moved_mask_is_the_moved_shape() {
        let cases = [
            (Placement { x: 0.25, y: 0.1, scale: 1.0 }, [0.35, 0.3, 0.2, 0.4]),
            (Placement { x: 0.0, y: 0.0, scale: 2.0 }, [0.0, 0.0, 0.4, 0.8]),
            (Placement { x: 0.0, y: 0.0, scale: 0.5 }, [0.15, 0.3, 0.1, 0.2]),
            (Placement { x: -0.5, y: 0.0, scale: 1.0 }, [-0.4, 0.2, 0.2, 0.4]),
        ];
        let bounds = [0.1, 0.2, 0.2, 0.4];
        for (placement, wanted) in cases {
            let moved = place(boxed(bounds), placement);
            let drawn = boxed(wanted);
            let off = moved.data.iter().zip(&drawn.data).map(|(a, b)| (a - b).abs()).sum::<f32>();
            // Enlarged, an edge is as soft as one pixel was.
            let allowed = if placement.scale > 1.0 { 26.0 } else { 1e-3 };
            assert!(off <= allowed, "{placement:?}: {off}");
            let outline = Outline::Rectangle(bounds, 0.0).placed(placement);
            let redrawn = draw_outline(&outline, 40, 20);
            let off = redrawn.data.iter().zip(&drawn.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-6, "{placement:?}: {off}");
        }
    }

    #[test]
    fn polygons_are_scaled_about_the_middle_of_their_box() {
        let triangle = Outline::Polygon(vec![[0.2, 0.2], [0.6, 0.2], [0.2, 0.6]]);
        let moved = triangle.placed(Placement { x: 0.1, y: 0.0, scale: 0.5 });
        let Outline::Polygon(points) = moved else { panic!("not a polygon") };
        let wanted = [[0.4, 0.3], [0.6, 0.3], [0.4, 0.5]];
        assert!(points.iter().flatten().zip(wanted.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-9), "{points:?}");
    }
}
