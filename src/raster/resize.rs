//! Resizing as `comfy.utils.common_upscale` does it: torch's interpolation, or Pillow's lanczos,
//! optionally after cropping to the new aspect ratio.

use super::{Image, Mask, RasterError, crop, lanczos::resize_lanczos, taps};

/// How pixels are interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMethod {
    /// Torch's `nearest-exact`: the pixel below the centre.
    NearestExact,
    /// Torch's `bilinear`, `align_corners=False`, no antialiasing.
    Bilinear,
    /// Torch's `area`: the mean of the covered pixels.
    Area,
    /// Torch's `bicubic`, a = -0.75, no antialiasing, replicated border. May leave 0 to 1.
    Bicubic,
    /// Pillow's `LANCZOS` on 8-bit values, with alpha premultiplied meanwhile.
    Lanczos,
}

/// Resizes every image to `width` x `height` pixels.
pub fn resize(image: &Image, width: usize, height: usize, method: ResizeMethod) -> Result<Image, RasterError> {
    if width == 0 || height == 0 {
        return Err(RasterError::Empty { width, height });
    }
    match method {
        ResizeMethod::NearestExact => Ok(nearest_exact(image, width, height)),
        ResizeMethod::Bilinear => Ok(separable(image, width, height, taps::bilinear)),
        ResizeMethod::Area => Ok(separable(image, width, height, taps::area)),
        ResizeMethod::Bicubic => Ok(separable(image, width, height, taps::bicubic)),
        ResizeMethod::Lanczos => resize_lanczos(image, width, height),
    }
}

/// Crops the centre to the aspect ratio of `width` x `height`, then resizes to that.
pub fn resize_center(image: &Image, width: usize, height: usize, method: ResizeMethod) -> Result<Image, RasterError> {
    if width == 0 || height == 0 {
        return Err(RasterError::Empty { width, height });
    }
    match center_crop(image.width, image.height, width, height) {
        (0, 0) => resize(image, width, height, method),
        (x, y) => {
            let nothing = RasterError::NothingLeft { width: image.width, height: image.height };
            let inner_width = image.width.checked_sub(2 * x).ok_or(nothing.clone())?;
            let inner_height = image.height.checked_sub(2 * y).ok_or(nothing)?;
            // Pillow makes black out of nothing; torch refuses.
            if (inner_width == 0 || inner_height == 0) && method == ResizeMethod::Lanczos {
                return Ok(Image::filled(image.batch, height, width, image.channels, 0.0));
            }
            resize(&crop(image, x, y, inner_width, inner_height)?, width, height, method)
        }
    }
}

/// Resizes every mask to `width` x `height` pixels.
pub fn resize_mask(mask: Mask, width: usize, height: usize, method: ResizeMethod) -> Result<Mask, RasterError> {
    if (width, height) == (mask.width, mask.height) {
        return Ok(mask);
    }
    let Image { batch, height, width, data, .. } = resize(&mask.into_image(), width, height, method)?;
    Ok(Mask { batch, height, width, data })
}

/// Columns and rows that are cut off on both sides of an image of `old_width` x `old_height`
/// pixels to give it the aspect ratio of `width` x `height`; halves round to even, like Python.
pub fn center_crop(old_width: usize, old_height: usize, width: usize, height: usize) -> (usize, usize) {
    let old_aspect = old_width as f64 / old_height as f64;
    let new_aspect = width as f64 / height as f64;
    let margin = |size: usize, kept: f64| ((size as f64 - size as f64 * kept) / 2.0).round_ties_even() as usize;
    if old_aspect > new_aspect {
        (margin(old_width, new_aspect / old_aspect), 0)
    } else if old_aspect < new_aspect {
        (0, margin(old_height, old_aspect / new_aspect))
    } else {
        (0, 0)
    }
}

fn separable(image: &Image, width: usize, height: usize, weights: fn(usize, usize) -> Vec<taps::Taps>) -> Image {
    if (width, height) == (image.width, image.height) {
        return image.clone();
    }
    let (columns, rows) = (weights(image.width, width), weights(image.height, height));
    let mut data = vec![0.0; image.batch * width * height * image.channels];
    for (frame, out) in image.frames().zip(data.chunks_exact_mut(width * height * image.channels)) {
        taps::apply(frame, image.width, image.channels, (&columns, &rows), out);
    }
    resized(image, width, height, data)
}

fn nearest_exact(image: &Image, width: usize, height: usize) -> Image {
    let nearest = |input: usize, output: usize| -> Vec<usize> {
        (0..output).map(|position| nearest_position(position, input, output)).collect()
    };
    let (columns, rows) = (nearest(image.width, width), nearest(image.height, height));
    let channels = image.channels;
    let mut data = Vec::with_capacity(image.batch * width * height * channels);
    for frame in image.frames() {
        for &row in &rows {
            let line = &frame[row * image.width * channels..][..image.width * channels];
            for &column in &columns {
                data.extend_from_slice(&line[column * channels..][..channels]);
            }
        }
    }
    resized(image, width, height, data)
}

fn nearest_position(position: usize, input: usize, output: usize) -> usize {
    let source = taps::source_position(position, input, output).max(0.0);
    ((source + 0.5).floor() as usize).min(input - 1)
}

fn resized(image: &Image, width: usize, height: usize, data: Vec<f32>) -> Image {
    Image { height, width, data, ..image.shape() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_is_cropped_on_the_longer_side_only() {
        assert_eq!(center_crop(13, 8, 8, 8), (2, 0));
        assert_eq!(center_crop(8, 13, 8, 8), (0, 2));
        assert_eq!(center_crop(6, 4, 3, 2), (0, 0));
    }

    #[test]
    fn a_size_without_pixels_is_refused() {
        let image = Image::filled(1, 2, 2, 3, 0.5);
        assert_eq!(resize(&image, 0, 3, ResizeMethod::Area), Err(RasterError::Empty { width: 0, height: 3 }));
        assert_eq!(
            resize_center(&image, 1, 9, ResizeMethod::Bicubic),
            Err(RasterError::NothingLeft { width: 2, height: 2 })
        );
    }
}
