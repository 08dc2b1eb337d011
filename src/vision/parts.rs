//! The separate things that a mask covers.

use super::{Bounds, areas::areas};
use crate::raster::Mask;

/// Most parts of a mask.
const MOST: usize = 64;

/// Parts smaller than this share of the mask are specks.
const SPECK: f64 = 5e-4;

/// A connected part of a mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The part alone, of the size of the whole; 0.5 is its edge.
    pub mask: Mask,
    /// The box around it, in pixels of the mask.
    pub bounds: Bounds,
    /// The mean of the values in it.
    pub score: f64,
}

/// The connected parts of the first frame of `mask` where it is at least `threshold`, the largest first.
pub fn parts(mask: &Mask, threshold: f64) -> Vec<Part> {
    let (values, threshold) = (mask.frame(0), threshold as f32);
    let inside: Vec<bool> = values.iter().map(|value| *value >= threshold).collect();
    let mut found = areas(&inside, mask.width.max(1), true);
    found.retain(|area| area.len() as f64 >= SPECK * values.len() as f64);
    found.sort_by_key(|area| std::cmp::Reverse(area.len()));
    found.truncate(MOST);
    found.iter().map(|area| part(mask, area, &inside, threshold)).collect()
}

fn part(mask: &Mask, area: &[usize], inside: &[bool], threshold: f32) -> Part {
    let (width, height) = (mask.width, mask.height);
    let values = mask.frame(0);
    let level = |value: f32| match value {
        value if value < threshold => 0.5 * value / threshold,
        value => 0.5 + 0.5 * (value - threshold) / (1.0 - threshold).max(f32::EPSILON),
    };
    let mut alone = Mask::filled(1, height, width, 0.0);
    let mut bounds = Bounds::new(f64::INFINITY, f64::INFINITY, 0.0, 0.0);
    let mut sum = 0.0;
    for at in area {
        let (x, y) = (at % width, at / width);
        // What surrounds it goes along, so that its edge lies between pixels.
        for near_y in y.saturating_sub(1)..(y + 2).min(height) {
            for near_x in x.saturating_sub(1)..(x + 2).min(width) {
                let near = near_y * width + near_x;
                if near == *at || !inside[near] {
                    alone.data[near] = level(values[near]);
                }
            }
        }
        let (x, y) = (x as f64, y as f64);
        bounds.left = bounds.left.min(x);
        bounds.top = bounds.top.min(y);
        bounds.right = bounds.right.max(x + 1.0);
        bounds.bottom = bounds.bottom.max(y + 1.0);
        sum += f64::from(values[*at]);
    }
    Part { mask: alone, bounds, score: sum / area.len().max(1) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_touch_is_apart() {
        let mut mask = Mask::filled(1, 20, 30, 0.1);
        for (left, width, value) in [(2, 6, 0.9), (15, 10, 0.6)] {
            for y in 4..12 {
                mask.data[y * 30 + left..][..width].fill(value);
            }
        }
        let found = parts(&mask, 0.4);
        let bounds: Vec<Bounds> = found.iter().map(|part| part.bounds).collect();
        assert_eq!(bounds, [Bounds::new(15.0, 4.0, 25.0, 12.0), Bounds::new(2.0, 4.0, 8.0, 12.0)]);
        assert!((found[0].score - 0.6).abs() < 1e-6 && (found[1].score - 0.9).abs() < 1e-6);
        for (at, value) in [((16, 5), 0.5 + 0.5 * 0.2 / 0.6), ((14, 5), 0.125), ((3, 5), 0.0), ((0, 0), 0.0)] {
            let (x, y) = at;
            assert!((found[0].mask.data[y * 30 + x] - value).abs() < 1e-6, "{at:?}");
        }
        assert_eq!(parts(&mask, 0.95), []);
        assert_eq!(parts(&Mask::default(), 0.5), []);
    }
}
