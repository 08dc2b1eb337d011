//! Operations that only move pixels: crop, pad, flip, rotate, and batches.

use super::{Image, Mask, RasterError};

/// The part of every image from column `x` and row `y` on, at most `width` x `height` pixels: what
/// lies outside is left out.
pub fn crop(image: &Image, x: usize, y: usize, width: usize, height: usize) -> Result<Image, RasterError> {
    let width = width.min(image.width.saturating_sub(x));
    let height = height.min(image.height.saturating_sub(y));
    if width == 0 || height == 0 {
        return Err(RasterError::NothingLeft { width: image.width, height: image.height });
    }
    let channels = image.channels;
    let mut data = Vec::with_capacity(image.batch * height * width * channels);
    for frame in image.frames() {
        for row in frame.chunks_exact(image.width * channels).skip(y).take(height) {
            data.extend_from_slice(&row[x * channels..(x + width) * channels]);
        }
    }
    Ok(Image { height, width, data, ..image.shape() })
}

/// Every image within a grey (0.5) frame of `margins` (left, top, right, bottom), and the mask of
/// the frame: 1 in it, 0 in the image, with a quadratic ramp of `feathering` pixels inwards from
/// the sides that grew; no ramp when two of them would not fit into the image.
pub fn pad_for_outpaint(image: &Image, margins: [usize; 4], feathering: usize) -> (Image, Mask) {
    let [left, top, right, bottom] = margins;
    let (width, height) = (image.width + left + right, image.height + top + bottom);
    let mut padded = Image::filled(image.batch, height, width, image.channels, 0.5);
    let (inner_stride, stride) = (image.width * image.channels, width * image.channels);
    for (index, frame) in image.frames().enumerate() {
        for (y, row) in frame.chunks_exact(inner_stride).enumerate() {
            let start = (index * height + top + y) * stride + left * image.channels;
            padded.data[start..start + inner_stride].copy_from_slice(row);
        }
    }
    let mut mask = Mask::filled(1, height, width, 1.0);
    for y in 0..image.height {
        for x in 0..image.width {
            mask.data[(top + y) * width + left + x] = feather_value(image, margins, feathering, x, y);
        }
    }
    (padded, mask)
}

fn feather_value(image: &Image, margins: [usize; 4], feathering: usize, x: usize, y: usize) -> f32 {
    let (width, height) = (image.width, image.height);
    if feathering == 0 || feathering * 2 >= height || feathering * 2 >= width {
        return 0.0;
    }
    let [left, top, right, bottom] = margins;
    let vertical = (if top == 0 { height } else { y }).min(if bottom == 0 { height } else { height - y });
    let horizontal = (if left == 0 { width } else { x }).min(if right == 0 { width } else { width - x });
    let distance = vertical.min(horizontal);
    if distance >= feathering {
        return 0.0;
    }
    let value = (feathering - distance) as f64 / feathering as f64;
    (value * value) as f32
}

/// The top row becomes the bottom row.
pub fn flip_rows(image: &Image) -> Image {
    let stride = image.width * image.channels;
    let rows = image.frames().flat_map(|frame| frame.chunks_exact(stride).rev());
    image.with_data(rows.collect::<Vec<_>>().concat())
}

/// The left column becomes the right column.
pub fn flip_columns(image: &Image) -> Image {
    let rows = image.data.chunks_exact(image.width * image.channels);
    let pixels = rows.flat_map(|row| row.chunks_exact(image.channels).rev());
    image.with_data(pixels.flatten().copied().collect())
}

/// Rotates clockwise by `quarters` quarter turns.
pub fn rotate(image: &Image, quarters: usize) -> Image {
    match quarters % 4 {
        0 => image.clone(),
        1 => flip_columns(&transpose(image)),
        2 => flip_rows(&flip_columns(image)),
        _ => flip_rows(&transpose(image)),
    }
}

fn transpose(image: &Image) -> Image {
    let mut data = Vec::with_capacity(image.data.len());
    for frame in image.frames() {
        for x in 0..image.width {
            for y in 0..image.height {
                data.extend_from_slice(&frame[(y * image.width + x) * image.channels..][..image.channels]);
            }
        }
    }
    Image { height: image.width, width: image.height, data, ..image.shape() }
}

/// The whole batch `times` times in a row.
pub fn repeat(image: &Image, times: usize) -> Image {
    Image { batch: image.batch * times, data: image.data.repeat(times), ..image.shape() }
}

/// `length` images of the batch from number `first` on; both are reduced to what there is.
pub fn select(image: &Image, first: usize, length: usize) -> Image {
    let first = first.min(image.batch - 1);
    let batch = length.min(image.batch - first);
    let data = image.data[first * image.frame_len()..(first + batch) * image.frame_len()].to_vec();
    Image { batch, data, ..image.shape() }
}

/// The images of `first`, then those of `second`, resized (bilinear, centre crop) to the size of
/// `first` where they differ. An image without alpha becomes opaque when the other has alpha.
pub fn append(first: &Image, second: &Image) -> Result<Image, RasterError> {
    let channels = first.channels.max(second.channels);
    let (first, mut second) = (with_channels(first, channels)?, with_channels(second, channels)?);
    if (first.height, first.width) != (second.height, second.width) {
        let method = super::ResizeMethod::Bilinear;
        second = super::resize_center(&second, first.width, first.height, method)?;
    }
    let batch = first.batch + second.batch;
    let mut data = first.data;
    data.extend_from_slice(&second.data);
    Ok(Image { batch, data, height: first.height, width: first.width, channels })
}

/// The image with `channels` channels: the same, or one more that is 1 everywhere.
pub(super) fn with_channels(image: &Image, channels: usize) -> Result<Image, RasterError> {
    if image.channels == channels {
        return Ok(image.clone());
    }
    if image.channels + 1 != channels {
        return Err(RasterError::Channels { expected: channels.to_string(), found: image.channels });
    }
    let pixels = image.data.chunks_exact(image.channels);
    let data = pixels.flat_map(|pixel| pixel.iter().copied().chain([1.0])).collect();
    Ok(Image { channels, data, ..image.shape() })
}

/// The image with only the first `channels` of its channels.
pub(super) fn first_channels(image: &Image, channels: usize) -> Image {
    if image.channels <= channels {
        return image.clone();
    }
    let pixels = image.data.chunks_exact(image.channels);
    let data = pixels.flat_map(|pixel| pixel[..channels].iter().copied()).collect();
    Image { channels, data, ..image.shape() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn images() -> impl Strategy<Value = Image> {
        (1usize..3, 1usize..6, 1usize..6, prop_oneof![Just(1usize), Just(3), Just(4)]).prop_map(
            |(batch, height, width, channels)| {
                let shape = Image::filled(batch, height, width, channels, 0.0);
                shape.with_data((0..shape.data.len()).map(|value| value as f32).collect())
            },
        )
    }

    proptest! {
        #[test]
        fn turning_and_flipping_back_gives_the_image(image in images(), quarters in 0usize..4) {
            prop_assert_eq!(&rotate(&rotate(&image, quarters), 4 - quarters), &image);
            prop_assert_eq!(&flip_rows(&flip_rows(&image)), &image);
            prop_assert_eq!(&flip_columns(&flip_columns(&image)), &image);
            prop_assert_eq!(rotate(&image, 2), flip_rows(&flip_columns(&image)));
        }

        #[test]
        fn the_parts_of_a_batch_make_the_batch(image in images(), at in 1usize..3) {
            let (first, rest) = (select(&image, 0, at), select(&image, at, 9));
            if at < image.batch {
                prop_assert_eq!(&append(&first, &rest), &Ok(image.clone()));
            }
            prop_assert_eq!(select(&repeat(&image, 3), image.batch, image.batch), image);
        }
    }
}
