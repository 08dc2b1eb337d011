//! Pasting one image into another through a mask.

use std::borrow::Cow;

use super::{
    Image, Mask, RasterError, ResizeMethod,
    geometry::first_channels,
    resize, resize_mask,
};

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
        Some(mask) => resize_mask(mask, source.width, source.height, ResizeMethod::Bilinear)?,
        None => Mask::filled(1, source.height, source.width, 1.0),
    };
    let width = source.width.min(destination.width.saturating_sub(x));
    let height = source.height.min(destination.height.saturating_sub(y));
    let channels = destination.channels;
    let mut out = destination.clone();
    for (index, target) in out.data.chunks_exact_mut(destination.frame_len()).enumerate() {
        let paste = source.frame(index % source.batch);
        let shown = mask.frame(index % mask.batch);
        for row in 0..height {
            let start = ((y + row) * destination.width + x.min(destination.width)) * channels;
            let target = &mut target[start..start + width * channels];
            let paste = &paste[row * source.width * channels..][..width * channels];
            mix_row(target, paste, &shown[row * source.width..][..width], channels);
        }
    }
    Ok(out)
}

fn mix_row(target: &mut [f32], paste: &[f32], shown: &[f32], channels: usize) {
    let pixels = target.chunks_exact_mut(channels).zip(paste.chunks_exact(channels));
    for ((target, paste), shown) in pixels.zip(shown) {
        for (value, new) in target.iter_mut().zip(paste) {
            *value = shown * new + (1.0 - shown) * *value;
        }
    }
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
