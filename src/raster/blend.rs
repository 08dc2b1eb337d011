//! Blending two images value by value.

use std::borrow::Cow;

use super::{Image, RasterError, ResizeMethod, composite::match_channels, resize_center};

/// How two values become one, before the factor is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlendMode {
    /// The second value.
    Normal,
    /// Their product.
    Multiply,
    /// The product of their complements, complemented.
    Screen,
    /// Multiply where the first is dark, screen where it is light.
    Overlay,
    /// Darker or lighter, as the second value says (the W3C formula).
    SoftLight,
    /// The first minus the second.
    Difference,
}

/// `first * (1 - factor) + mode(first, second) * factor`, clamped to 0..1. `second` is resized
/// (bicubic, centre crop) to the size of `first` and loses its alpha when `first` has none; a
/// batch of one is used for every image of the other.
pub fn blend(first: &Image, second: &Image, factor: f64, mode: BlendMode) -> Result<Image, RasterError> {
    let mut second = match_channels(second, first.channels)?;
    if (first.height, first.width) != (second.height, second.width) {
        second = Cow::Owned(resize_center(&second, first.width, first.height, ResizeMethod::Bicubic)?);
    }
    let batch = common_batch(first.batch, second.batch)?;
    let (keep, take) = ((1.0 - factor) as f32, factor as f32);
    let mut data = Vec::with_capacity(batch * first.frame_len());
    for index in 0..batch {
        let pairs = first.frame(index % first.batch).iter().zip(second.frame(index % second.batch));
        data.extend(pairs.map(|(&a, &b)| (a * keep + mix(a, b, mode) * take).clamp(0.0, 1.0)));
    }
    Ok(Image { batch, data, ..first.shape() })
}

/// The length of two batches when a batch of one is repeated for the other.
pub(super) fn common_batch(left: usize, right: usize) -> Result<usize, RasterError> {
    match (left, right) {
        (1, other) | (other, 1) => Ok(other),
        _ if left == right => Ok(left),
        _ => Err(RasterError::Batches { left, right }),
    }
}

fn mix(a: f32, b: f32, mode: BlendMode) -> f32 {
    match mode {
        BlendMode::Normal => b,
        BlendMode::Multiply => a * b,
        BlendMode::Screen => 1.0 - (1.0 - a) * (1.0 - b),
        BlendMode::Overlay if a <= 0.5 => 2.0 * a * b,
        BlendMode::Overlay => 1.0 - 2.0 * (1.0 - a) * (1.0 - b),
        BlendMode::SoftLight if b <= 0.5 => a - (1.0 - 2.0 * b) * a * (1.0 - a),
        BlendMode::SoftLight => a + (2.0 * b - 1.0) * (lighten(a) - a),
        BlendMode::Difference => a - b,
    }
}

fn lighten(value: f32) -> f32 {
    if value <= 0.25 { ((16.0 * value - 12.0) * value + 4.0) * value } else { value.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_image_blends_with_every_image_of_the_other_batch() {
        let (one, two) = (Image::filled(1, 2, 2, 3, 0.5), Image::filled(2, 2, 2, 3, 0.25));
        assert_eq!(blend(&one, &two, 1.0, BlendMode::Multiply), Ok(Image::filled(2, 2, 2, 3, 0.125)));
        let three = Image::filled(3, 2, 2, 3, 0.0);
        assert_eq!(blend(&two, &three, 1.0, BlendMode::Normal), Err(RasterError::Batches { left: 2, right: 3 }));
    }
}
