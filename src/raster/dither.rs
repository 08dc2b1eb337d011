//! Mapping pixels to a palette, with and without dithering, as Pillow and ComfyUI do.

use super::palette::Color;

/// Finds palette entries. Like Pillow's cache it looks at the upper 6 bits of each channel only:
/// all colours that share them get the entry nearest to the lowest of them.
pub(super) struct Nearest<'a> {
    palette: &'a [Color],
    known: Vec<Option<u8>>,
}

impl<'a> Nearest<'a> {
    /// Finds entries of `palette`, which has 1 to 256 colours.
    pub(super) fn new(palette: &'a [Color]) -> Self {
        Self { palette, known: vec![None; 1 << 18] }
    }

    /// The entry for `color`; the first of several that are as near.
    pub(super) fn find(&mut self, color: Color) -> Color {
        let slot = color.iter().fold(0, |slot, &value| slot << 6 | usize::from(value >> 2));
        let index = match self.known[slot] {
            Some(index) => index,
            None => *self.known[slot].insert(nearest(self.palette, color.map(|value| value & 0xfc))),
        };
        self.palette[usize::from(index)]
    }
}

fn nearest(palette: &[Color], color: Color) -> u8 {
    let distance =
        |entry: &Color| -> i32 { entry.iter().zip(&color).map(|(&a, &b)| (i32::from(a) - i32::from(b)).pow(2)).sum() };
    let best = palette.iter().enumerate().min_by_key(|(_, entry)| distance(entry));
    best.map_or(0, |(index, _)| index as u8)
}

/// Every pixel becomes its palette entry.
pub(super) fn plain(pixels: &mut [Color], palette: &[Color]) {
    let mut nearest = Nearest::new(palette);
    for pixel in pixels {
        *pixel = nearest.find(*pixel);
    }
}

/// Floyd-Steinberg error diffusion, row by row from left to right, in sixteenths.
///
/// Pillow keeps at the end of a row the errors of blue for all three channels; that slot belongs
/// to the last pixel of the next row.
pub(super) fn floyd_steinberg(pixels: &mut [Color], width: usize, palette: &[Color]) {
    let mut nearest = Nearest::new(palette);
    let mut below = vec![[0i32; 3]; width + 1];
    for row in pixels.chunks_exact_mut(width) {
        let mut right = [0i32; 3];
        let mut below_here = [0i32; 3];
        let mut below_right = [0i32; 3];
        for (x, pixel) in row.iter_mut().enumerate() {
            let wanted: [i32; 3] = std::array::from_fn(|channel| {
                (i32::from(pixel[channel]) + (right[channel] + below[x + 1][channel]) / 16).clamp(0, 255)
            });
            *pixel = nearest.find(wanted.map(|value| value as u8));
            for channel in 0..3 {
                let error = wanted[channel] - i32::from(pixel[channel]);
                below[x][channel] = 3 * error + below_here[channel];
                below_here[channel] = 5 * error + below_right[channel];
                below_right[channel] = error;
                right[channel] = 7 * error;
            }
        }
        below[width] = [below_here[2], below_right[2], below_right[2]];
    }
}

/// Ordered dithering with a Bayer matrix of `order` x `order` (a power of 2).
pub(super) fn bayer(pixels: &mut [Color], width: usize, palette: &[Color], order: usize) {
    let spread = 512.0 / palette.len() as f32;
    let matrix: Vec<Vec<f32>> = bayer_matrix(order)
        .into_iter()
        .map(|row| row.into_iter().map(|value| spread * value + 0.5).collect())
        .collect();
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let offset = matrix[y % order][x % order];
            *pixel = pixel.map(|value| (f32::from(value) + offset).clamp(0.0, 255.0) as u8);
        }
    }
    plain(pixels, palette);
}

/// The Bayer matrix of `order` x `order`, with mean 0 and values between -0.5 and 0.5: each step
/// puts four copies of the smaller matrix side by side, displaced by a quarter of its finest step.
fn bayer_matrix(order: usize) -> Vec<Vec<f32>> {
    if order <= 1 {
        return vec![vec![0.0]];
    }
    let half = order / 2;
    let smaller = bayer_matrix(half);
    let steps = (order * order) as f32;
    let displaced = |x: usize, y: usize| match (y / half, x / half) {
        (0, 0) => -1.5,
        (0, _) => 0.5,
        (_, 0) => 1.5,
        _ => -0.5,
    };
    let value = |x: usize, y: usize| (steps * smaller[y % half][x % half] + displaced(x, y)) / steps;
    (0..order).map(|y| (0..order).map(|x| value(x, y)).collect()).collect()
}
