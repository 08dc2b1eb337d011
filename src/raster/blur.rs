//! Gaussian blur, and sharpening with it.
//!
//! ComfyUI convolves with a square kernel `exp(-(x² + y²) / 2σ²)` on -1..1, normalised to sum 1,
//! over a reflected border. That kernel is a product of two lines, so that two passes do.

use super::{Image, RasterError};

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
    let frames = image.frames().map(|frame| blur_frame(image, frame, &kernel));
    Ok(image.with_data(frames.collect::<Vec<_>>().concat()))
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

fn blur_frame(image: &Image, frame: &[f32], kernel: &[f32]) -> Vec<f32> {
    let (radius, channels) = (kernel.len() / 2, image.channels);
    let stride = image.width * channels;
    let mut between = Vec::with_capacity(frame.len());
    let mut padded = Vec::with_capacity((image.width + 2 * radius) * channels);
    let mut line = vec![0.0; stride];
    for row in frame.chunks_exact(stride) {
        padded.clear();
        for x in reflected(radius, image.width) {
            padded.extend_from_slice(&row[x * channels..][..channels]);
        }
        line.fill(0.0);
        for (offset, weight) in kernel.iter().enumerate() {
            add_scaled(&mut line, &padded[offset * channels..], *weight);
        }
        between.extend_from_slice(&line);
    }
    let rows: Vec<usize> = reflected(radius, image.height).collect();
    let mut out = vec![0.0; frame.len()];
    for (y, line) in out.chunks_exact_mut(stride).enumerate() {
        for (row, weight) in rows[y..].iter().zip(kernel) {
            add_scaled(line, &between[row * stride..], *weight);
        }
    }
    out
}

/// Source positions of `-radius .. size + radius`, mirrored at the first and the last.
fn reflected(radius: usize, size: usize) -> impl Iterator<Item = usize> {
    let (radius, last) = (radius as isize, size as isize - 1);
    (-radius..size as isize + radius).map(move |position| (last - (last - position.abs()).abs()) as usize)
}

fn add_scaled(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value * weight;
    }
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
