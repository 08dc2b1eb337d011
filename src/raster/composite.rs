//! Pasting one image into another through a mask.

use std::borrow::Cow;

use super::{Image, Mask, RasterError, ResizeMethod, geometry::first_channels, resize, resize_mask};

/// `destination` with `source` pasted at column `x`, row `y`, through `mask` (1 shows the source;
/// resized bilinearly to the source). With `resize_source` the source is first resized (bilinear)
/// to the destination. The source and the mask are repeated or cut to the batch of the
/// destination. Alpha of the source is dropped when the destination has none.
pub fn composite_masked(
    destination: &Image,
    source: &Image,
    mask: Option<&Mask>,
    (x, y): (usize, usize),
    resize_source: bool,
) -> Result<Image, RasterError> {
    let mut source = match_channels(source, destination.channels)?;
    if resize_source {
        source = Cow::Owned(resize(&source, destination.width, destination.height, ResizeMethod::Bilinear)?);
    }
    let mask = match mask {
        Some(mask) if (mask.width, mask.height) != (source.width, source.height) => {
            Some(Cow::Owned(resize_mask(mask.clone(), source.width, source.height, ResizeMethod::Bilinear)?))
        }
        mask => mask.map(Cow::Borrowed),
    };
    let left = x.min(destination.width) * destination.channels;
    let width = source.width.min(destination.width.saturating_sub(x));
    let stride = destination.width * destination.channels;
    let mut data = Vec::with_capacity(destination.data.len());
    for (index, frame) in destination.frames().enumerate() {
        let paste = source.frame(index % source.batch);
        let shown = mask.as_ref().map(|mask| mask.frame(index % mask.batch));
        for (row, old) in frame.chunks_exact(stride).enumerate() {
            let Some(row) = row.checked_sub(y).filter(|row| *row < source.height) else {
                data.extend_from_slice(old);
                continue;
            };
            let right = left + width * destination.channels;
            let new = &paste[row * source.width * source.channels..][..right - left];
            data.extend_from_slice(&old[..left]);
            match shown {
                Some(shown) => mix_row(&old[left..right], new, &shown[row * source.width..][..width], &mut data),
                None => data.extend_from_slice(new),
            }
            data.extend_from_slice(&old[right..]);
        }
    }
    Ok(destination.with_data(data))
}

/// Appends `new` where `shown` is 1 and `old` where it is 0; `shown` has one value for each pixel.
fn mix_row(old: &[f32], new: &[f32], shown: &[f32], out: &mut Vec<f32>) {
    let mix = |((old, new), shown): ((&f32, &f32), f32)| shown * new + (1.0 - shown) * old;
    let pairs = old.iter().zip(new);
    match old.len() / shown.len().max(1) {
        3 => out.extend(pairs.zip(spread::<3>(shown)).map(mix)),
        4 => out.extend(pairs.zip(spread::<4>(shown)).map(mix)),
        channels => out.extend(pairs.zip(shown.iter().flat_map(|shown| vec![*shown; channels])).map(mix)),
    }
}

/// Every value `TIMES` times.
fn spread<const TIMES: usize>(values: &[f32]) -> Vec<f32> {
    let mut spread = vec![0.0; values.len() * TIMES];
    let (pixels, _) = spread.as_chunks_mut::<TIMES>();
    pixels.iter_mut().zip(values).for_each(|(pixel, value)| *pixel = [*value; TIMES]);
    spread
}

/// `image` with `channels` channels: surplus ones are dropped. As in ComfyUI, an image without
/// alpha does not fit to one that has alpha.
pub(super) fn match_channels(image: &Image, channels: usize) -> Result<Cow<'_, Image>, RasterError> {
    match image.channels {
        same if same == channels => Ok(Cow::Borrowed(image)),
        more if more > channels => Ok(Cow::Owned(first_channels(image, channels))),
        found => Err(RasterError::Channels { expected: channels.to_string(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_outside_of_the_destination_changes_nothing() {
        let (destination, source) = (Image::filled(1, 3, 4, 3, 0.25), Image::filled(1, 2, 2, 3, 1.0));
        for at in [(4, 0), (0, 3), (16384, 16384)] {
            assert_eq!(composite_masked(&destination, &source, None, at, false).as_ref(), Ok(&destination));
        }
    }

    #[test]
    fn an_opaque_source_does_not_fit_into_a_destination_with_alpha() {
        let (destination, source) = (Image::filled(1, 1, 1, 4, 0.25), Image::filled(1, 1, 1, 3, 0.5));
        let expected = Err(RasterError::Channels { expected: "4".to_owned(), found: 3 });
        assert_eq!(composite_masked(&destination, &source, None, (0, 0), false), expected);
        let pasted = composite_masked(&source, &destination, None, (0, 0), false).map(|image| image.data);
        assert_eq!(pasted, Ok(vec![0.25; 3]));
    }
}
