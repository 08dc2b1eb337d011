//! Colours, alpha and masks: turning one into the other.

use super::{Image, Mask, RasterError, ResizeMethod, geometry::first_channels, resize_mask};

/// `1 - value` for every channel, alpha too.
pub fn invert(image: Image) -> Image {
    image.map(|value| 1.0 - value)
}

/// Channel `channel` (0 red, 1 green, 2 blue, 3 alpha) of every image as a mask.
pub fn to_mask(image: &Image, channel: usize) -> Result<Mask, RasterError> {
    if channel >= image.channels {
        return Err(RasterError::Channels { expected: format!("at least {}", channel + 1), found: image.channels });
    }
    let data = image.data.iter().skip(channel).step_by(image.channels).copied().collect();
    Ok(Mask { batch: image.batch, height: image.height, width: image.width, data })
}

/// A grey RGB image of every mask.
pub fn from_mask(mask: &Mask) -> Image {
    let data = mask.data.iter().flat_map(|&value| [value; 3]).collect();
    Image { channels: 3, data, ..mask_shape(mask) }
}

/// 1 where a pixel, rounded to 8 bits, has the colour `color` (0xRRGGBB), else 0.
pub fn color_to_mask(image: &Image, color: u32) -> Result<Mask, RasterError> {
    if image.channels < 3 {
        return Err(RasterError::Channels { expected: "3 or 4".to_owned(), found: image.channels });
    }
    let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round_ties_even() as u32;
    let is_color = |pixel: &[f32]| byte(pixel[0]) << 16 | byte(pixel[1]) << 8 | byte(pixel[2]) == color;
    let data = image.data.chunks_exact(image.channels).map(|pixel| f32::from(u8::from(is_color(pixel)))).collect();
    Ok(Mask { batch: image.batch, height: image.height, width: image.width, data })
}

/// The colours of `image` with `1 - mask` as alpha: a mask says what is transparent. The mask is
/// resized (bilinear) to the image; the result has as many images as the shorter batch.
pub fn join_alpha(mut image: Image, mask: Mask) -> Result<Image, RasterError> {
    let mask = resize_mask(mask, image.width, image.height, ResizeMethod::Bilinear)?;
    let (pixels, old) = (image.batch.min(mask.batch) * mask.frame_len(), image.channels);
    image.batch = image.batch.min(mask.batch);
    image.channels = old.min(3) + 1;
    image.data.truncate(pixels * old);
    image.data.reserve_exact(pixels * (image.channels - old));
    image.data.resize(pixels * image.channels, 0.0);
    // From the end, so that no colour is overwritten that is still to be moved.
    for (at, hidden) in mask.data[..pixels].iter().enumerate().rev() {
        let (from, to) = (at * old, at * image.channels);
        let mut pixel = [1.0 - hidden; 4];
        pixel[..image.channels - 1].copy_from_slice(&image.data[from..from + image.channels - 1]);
        image.data[to..to + image.channels].copy_from_slice(&pixel[..image.channels]);
    }
    Ok(image)
}

/// The colours of every image, and `1 - alpha` as its mask; a mask of 0 when it has no alpha.
pub fn split_alpha(image: &Image) -> (Image, Mask) {
    let mask = match to_mask(image, 3) {
        Ok(alpha) => alpha.map(|value| 1.0 - value),
        Err(_) => Mask::filled(image.batch, image.height, image.width, 0.0),
    };
    (first_channels(image, 3), mask)
}

fn mask_shape(mask: &Mask) -> Image {
    Image { batch: mask.batch, height: mask.height, width: mask.width, channels: 1, data: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_what_was_split_gives_the_image() {
        let image = Image::filled(2, 2, 3, 4, 0.25);
        let (colors, mask) = split_alpha(&image);
        assert_eq!((colors.channels, mask.data[0]), (3, 0.75));
        assert_eq!(join_alpha(colors, mask), Ok(image));
    }

    #[test]
    fn alpha_is_added_where_there_is_room() {
        let mut image = Image { data: Vec::with_capacity(16), ..Image::filled(2, 1, 2, 3, 0.0) };
        image.data.extend((0..12_u8).map(f32::from));
        let place = image.data.as_ptr();
        let joined = join_alpha(image, Mask { batch: 1, height: 1, width: 2, data: vec![0.25, 1.0] });
        let expected = vec![0.0, 1.0, 2.0, 0.75, 3.0, 4.0, 5.0, 0.0];
        assert!(joined.as_ref().is_ok_and(|image| image.data.as_ptr() == place));
        assert_eq!(joined, Ok(Image { batch: 1, height: 1, width: 2, channels: 4, data: expected }));
    }

    #[test]
    fn a_missing_channel_is_refused() {
        let image = Image::filled(1, 1, 1, 3, 0.0);
        assert_eq!(to_mask(&image, 3), Err(RasterError::Channels { expected: "at least 4".to_owned(), found: 3 }));
    }
}
