//! A picture with masks on it.

use crate::raster::{Image, Mask};

/// Colours of the masks.
const TINTS: [[f32; 3]; 6] =
    [[1.0, 0.2, 0.3], [0.1, 0.6, 1.0], [1.0, 0.8, 0.1], [0.2, 0.8, 0.4], [0.7, 0.3, 1.0], [1.0, 0.5, 0.1]];

/// The image, paler outside of all masks, tinted inside of each.
pub(super) fn overlaid(image: &Image, masks: &[&Mask]) -> Image {
    let mut data = Vec::with_capacity(image.data.len());
    for (at, pixel) in image.data.chunks_exact(image.channels.max(1)).enumerate() {
        let inside = masks.iter().map(|mask| mask.data[at]).fold(0.0, f32::max);
        let grey = pixel.iter().sum::<f32>() / pixel.len() as f32;
        for channel in 0..3 {
            let own = pixel[if image.channels < 3 { 0 } else { channel }];
            let mut value = own * inside + (0.6 * grey + 0.3) * (1.0 - inside);
            for (mask, tint) in masks.iter().zip(TINTS.iter().cycle()) {
                let share = 0.35 * mask.data[at];
                value = value * (1.0 - share) + tint[channel] * share;
            }
            data.push(value);
        }
    }
    Image { channels: 3, data, ..image.shape() }
}
