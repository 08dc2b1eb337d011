//! Upright boxes.

/// An upright box in pixels: y goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "they say what they are")]
pub struct Bounds {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Bounds {
    /// The box between these edges.
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    /// A whole picture.
    pub fn of_size(width: usize, height: usize) -> Self {
        Self::new(0.0, 0.0, width as f64, height as f64)
    }

    /// Its width, at least 0.
    pub fn width(&self) -> f64 {
        (self.right - self.left).max(0.0)
    }

    /// Its height, at least 0.
    pub fn height(&self) -> f64 {
        (self.bottom - self.top).max(0.0)
    }

    /// Its area.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }

    /// Its middle.
    pub fn middle(&self) -> (f64, f64) {
        (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }

    /// What both cover.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let (left, top) = (self.left.max(other.left), self.top.max(other.top));
        Self::new(left, top, self.right.min(other.right), self.bottom.min(other.bottom))
    }

    /// Intersection over union.
    pub fn overlap(&self, other: &Self) -> f64 {
        let common = self.common(other).area();
        let all = self.area() + other.area() - common;
        if all > 0.0 { common / all } else { 0.0 }
    }

    /// The share of this box that is in `other`.
    pub fn share_in(&self, other: &Self) -> f64 {
        if self.area() > 0.0 { self.common(other).area() / self.area() } else { 0.0 }
    }

    /// Larger by so many pixels on every side.
    #[must_use]
    pub fn padded(&self, by: f64) -> Self {
        Self::new(self.left - by, self.top - by, self.right + by, self.bottom + by)
    }

    /// Moved to the right and down by so many pixels.
    #[must_use]
    pub fn moved(&self, x: f64, y: f64) -> Self {
        Self::new(self.left + x, self.top + y, self.right + x, self.bottom + y)
    }

    /// In the mirror image of a picture of this width.
    #[must_use]
    pub fn mirrored(&self, width: f64) -> Self {
        Self::new(width - self.right, self.top, width - self.left, self.bottom)
    }

    /// Stretched by these factors.
    #[must_use]
    pub fn scaled(&self, x: f64, y: f64) -> Self {
        Self::new(self.left * x, self.top * y, self.right * x, self.bottom * y)
    }

    /// The pixels that it touches, `[left, top, right, bottom]`, within `width` x `height`; none where it touches
    /// nothing.
    pub fn pixels(&self, width: usize, height: usize) -> Option<[usize; 4]> {
        let inside = self.common(&Self::of_size(width, height));
        let is_box = [inside.left, inside.top, inside.right, inside.bottom].iter().all(|side| side.is_finite());
        (is_box && inside.width() > 0.0 && inside.height() > 0.0).then(|| {
            let (left, top) = (inside.left.floor() as usize, inside.top.floor() as usize);
            [left, top, (inside.right.ceil() as usize).min(width), (inside.bottom.ceil() as usize).min(height)]
        })
    }
}
