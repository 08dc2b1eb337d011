//! What is meant, shown in a picture.

use super::Bounds;

/// Where what is meant is: in a box, at points, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// The box that it is in, in pixels of the image; anywhere without one.
    pub bounds: Option<Bounds>,
    /// Places x, y in pixels of the image, and whether they belong to it.
    pub points: Vec<(f64, f64, bool)>,
}

impl Target {
    /// What is in a box.
    pub fn within(bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), points: Vec::new() }
    }
}
