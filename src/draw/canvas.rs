//! An opaque RGB canvas of 8 bits a sample.

use crate::raster::Image;

/// A colour as red, green, blue.
pub type Color = [u8; 3];

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Pixels to draw on.
#[derive(Clone, Debug, PartialEq)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Sides of the squares of the checkerboard under transparent pictures.
const CHECK: usize = 8;

impl Canvas {
    /// A canvas of one colour.
    pub fn new(width: usize, height: usize, color: Color) -> Self {
        Self { width, height, pixels: color.repeat(width * height) }
    }

    /// The samples: rows of RGB.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Mixes `color` into the pixel at (x, y), which may lie outside; `share` is 0 to 1.
    pub fn blend(&mut self, x: i64, y: i64, color: Color, share: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 3;
        for (sample, wanted) in self.pixels[at..at + 3].iter_mut().zip(color) {
            let mixed = f32::from(*sample) + (f32::from(wanted) - f32::from(*sample)) * share.clamp(0.0, 1.0);
            *sample = mixed.round() as u8;
        }
    }

    /// Fills `rect`, cut at the edges, with corners rounded by `radius`.
    pub fn fill(&mut self, rect: Rect, radius: f32, color: Color) {
        let (half_w, half_h) = (rect.width as f32 / 2.0, rect.height as f32 / 2.0);
        let radius = radius.min(half_w).min(half_h);
        for y in 0..rect.height {
            for x in 0..rect.width {
                let dx = ((x as f32 + 0.5 - half_w).abs() - half_w + radius).max(0.0);
                let dy = ((y as f32 + 0.5 - half_h).abs() - half_h + radius).max(0.0);
                let share = if radius > 0.0 { (radius + 0.5 - dx.hypot(dy)).min(1.0) } else { 1.0 };
                self.blend((rect.x + x) as i64, (rect.y + y) as i64, color, share);
            }
        }
    }

    /// Places frame `frame` of `picture` (grey, RGB or RGBA) with its top left corner at (x, y); a
    /// checkerboard shows through what is transparent.
    pub fn place(&mut self, picture: &Image, frame: usize, x: usize, y: usize) {
        let length = picture.width * picture.height * picture.channels;
        let Some(data) = picture.data.get(frame * length..(frame + 1) * length) else { return };
        for (at, pixel) in data.chunks_exact(picture.channels.max(1)).enumerate() {
            let (px, py) = (at % picture.width, at / picture.width);
            let byte = |value: f32| (value * 255.0).clamp(0.0, 255.0).round() as u8;
            let color =
                if pixel.len() < 3 { [byte(pixel[0]); 3] } else { [byte(pixel[0]), byte(pixel[1]), byte(pixel[2])] };
            let alpha = pixel.get(3).copied().unwrap_or(1.0);
            let (to_x, to_y) = ((x + px) as i64, (y + py) as i64);
            if alpha < 1.0 {
                let light = (px / CHECK + py / CHECK).is_multiple_of(2);
                self.blend(to_x, to_y, if light { [242; 3] } else { [220; 3] }, 1.0);
            }
            self.blend(to_x, to_y, color, alpha);
        }
    }

    /// The canvas as a batch of one RGB image.
    pub fn into_image(self) -> Image {
        let data = self.pixels.iter().map(|sample| f32::from(*sample) / 255.0).collect();
        Image { batch: 1, height: self.height, width: self.width, channels: 3, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_corners_leave_the_corner_free() {
        let mut canvas = Canvas::new(20, 20, [255; 3]);
        canvas.fill(Rect { x: 0, y: 0, width: 20, height: 20 }, 6.0, [0; 3]);
        assert_eq!(canvas.pixels()[0], 255);
        assert_eq!(canvas.pixels()[(10 * 20 + 10) * 3], 0);
        assert_eq!(canvas.pixels()[10 * 3], 0);
    }

    #[test]
    fn transparent_pictures_show_a_checkerboard() {
        let mut canvas = Canvas::new(16, 8, [0; 3]);
        let clear = Image { batch: 1, height: 8, width: 16, channels: 4, data: [1.0, 0.0, 0.0, 0.0].repeat(128) };
        canvas.place(&clear, 0, 0, 0);
        assert_eq!(canvas.pixels()[0], 242);
        assert_eq!(canvas.pixels()[8 * 3], 220);
        // Grey pictures, and pictures that hang over the edge.
        canvas.place(&Image::filled(1, 4, 4, 1, 0.5), 0, 14, 6);
        assert_eq!(canvas.pixels()[(7 * 16 + 15) * 3..], [128; 3]);
    }
}
