//! Reducing the number of colours.

use super::{Image, RasterError, dither, palette};

/// How the error of a colour is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dither {
    /// Not at all.
    None,
    /// To the neighbours not yet seen.
    FloydSteinberg,
    /// By a Bayer matrix of so many rows and columns: 2, 4, 8 or 16.
    Bayer(usize),
}

/// Reduces every image of an RGB batch to at most `colors` (1 to 256) colours, chosen for each
/// image by Pillow's median cut. Values are cut to 8 bits first and clamped to 0..1.
pub fn quantize(image: &Image, colors: usize, dither: Dither) -> Result<Image, RasterError> {
    if image.channels != 3 {
        return Err(RasterError::Channels { expected: "3".to_owned(), found: image.channels });
    }
    let mut data = Vec::with_capacity(image.data.len());
    for frame in image.frames() {
        let (values, _) = frame.as_chunks::<3>();
        let mut pixels: Vec<_> = values.iter().map(|pixel| pixel.map(|value| (value * 255.0) as u8)).collect();
        let palette = palette::median_cut(&pixels, colors);
        match dither {
            Dither::None => dither::plain(&mut pixels, &palette),
            Dither::FloydSteinberg => dither::floyd_steinberg(&mut pixels, image.width, &palette),
            Dither::Bayer(order) => dither::bayer(&mut pixels, image.width, &palette, order),
        }
        data.extend(pixels.into_iter().flatten().map(|value| f32::from(value) / 255.0));
    }
    Ok(image.with_data(data))
}
