//! Gaussian blur, and sharpening with it.
//!
//! ComfyUI convolves with a square kernel `exp(-(x² + y²) / 2σ²)` on -1..1, normalised to sum 1,
//! over a reflected border. That kernel is a product of two lines, so that two passes do.

use super::{
    Image, RasterError,
    lines::{Lines, mix},
};

/// Blurs every channel; `sigma` is in units of `radius`, not of pixels. `radius` must be smaller
/// than both sides of the image.
pub fn blur(image: &Image, radius: usize, sigma: f64) -> Result<Image, RasterError> {
    if radius == 0 {
        return Ok(image.clone());
    }
    if radius >= image.width || radius >= image.height {
        return Err(RasterError::RadiusTooLarge { radius, width: image.width, height: image.height });
    }
    let kernel = gaussian(radius, sigma);
    let mut data = vec![0.0; image.data.len()];
    for (frame, out) in image.frames().zip(data.chunks_exact_mut(image.frame_len())) {
        blur_frame(image, frame, &kernel, out);
    }
    Ok(image.with_data(data))
}

/// `image + 10 * alpha * (image - blurred)`, clamped to 0..1; parameters as for [`blur`].
pub fn sharpen(image: &Image, radius: usize, sigma: f64, alpha: f64) -> Result<Image, RasterError> {
    if radius == 0 {
        return Ok(image.clone());
    }
    let blurred = blur(image, radius, sigma)?;
    let amount = (alpha * 10.0) as f32;
    let pairs = image.data.iter().zip(&blurred.data);
    Ok(image.with_data(pairs.map(|(value, soft)| (value + amount * (value - soft)).clamp(0.0, 1.0)).collect()))
}

fn gaussian(radius: usize, sigma: f64) -> Vec<f32> {
    let weights: Vec<f64> = (0..=2 * radius)
        .map(|position| {
            let distance = position as f64 / radius as f64 - 1.0;
            (-distance * distance / (2.0 * sigma * sigma)).exp()
        })
        .collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| (weight / total) as f32).collect()
}

fn blur_frame(image: &Image, frame: &[f32], kernel: &[f32], out: &mut [f32]) {
    let (radius, channels) = (kernel.len() / 2, image.channels);
    let stride = image.width * channels;
    let mut padded = vec![0.0; stride + 2 * radius * channels];
    let mut lines = Lines::new(stride, kernel.len(), |number, line| {
        pad(&frame[number * stride..][..stride], radius, channels, &mut padded);
        mix(line, |offset| &padded[offset * channels..], kernel);
    });
    let rows: Vec<usize> = reflected(radius, image.height).collect();
    for (y, line) in out.chunks_exact_mut(stride).enumerate() {
        lines.make(0, (y + radius + 1).min(image.height));
        mix(line, |offset| lines.line(rows[y + offset]), kernel);
    }
}

/// Writes `row` to `padded`, with `radius` pixels mirrored at both ends.
fn pad(row: &[f32], radius: usize, channels: usize, padded: &mut [f32]) {
    let (start, end) = (radius * channels, radius * channels + row.len());
    padded[start..end].copy_from_slice(row);
    for step in 1..=radius {
        let pixel = |from: usize| from..from + channels;
        padded.copy_within(pixel(start + step * channels), start - step * channels);
        padded.copy_within(pixel(end - (step + 1) * channels), end + (step - 1) * channels);
    }
}

/// Source positions of `-radius .. size + radius`, mirrored at the first and the last.
fn reflected(radius: usize, size: usize) -> impl Iterator<Item = usize> {
    let (radius, last) = (radius as isize, size as isize - 1);
    (-radius..size as isize + radius).map(move |position| (last - (last - position.abs()).abs()) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_is_mirrored_without_repeating_the_edge() {
        assert_eq!(reflected(2, 4).collect::<Vec<_>>(), [2, 1, 0, 1, 2, 3, 2, 1]);
    }

    #[test]
    fn an_even_image_stays_even() {
        let image = Image::filled(2, 5, 4, 3, 0.5);
        let blurred = blur(&image, 3, 0.4).expect("the radius fits");
        assert!(blurred.data.iter().all(|value| (value - 0.5).abs() < 1e-6));
        let sharp = sharpen(&image, 3, 0.4, 5.0).expect("the radius fits");
        assert!(sharp.data.iter().all(|value| (value - 0.5).abs() < 1e-4));
    }

    #[test]
    fn a_radius_as_large_as_the_image_is_refused() {
        let error = RasterError::RadiusTooLarge { radius: 4, width: 4, height: 5 };
        assert_eq!(blur(&Image::filled(1, 5, 4, 3, 0.5), 4, 1.0), Err(error));
    }
}
