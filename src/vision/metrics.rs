//! Metrics of one picture that need no model. Every one is a pure function of the pixels: the same
//! picture gives the same number on every machine.
//!
//! Colours count wherever they are, also under full transparency. Only the first frame is measured.

use super::quality::{blur, quality};
use crate::raster::Image;

/// What is known of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricInfo {
    /// Its name in rules and scores.
    pub name: &'static str,
    /// Smallest and largest value; infinity where there is no bound.
    pub range: (f64, f64),
    /// Whether less of it is better.
    pub less_is_better: bool,
    /// Unit and meaning.
    pub description: &'static str,
}

/// All metrics, in alphabetical order.
pub const KNOWN: &[MetricInfo] = &[
    MetricInfo {
        name: "alpha_coverage",
        range: (0.0, 1.0),
        less_is_better: false,
        description: "mean of the alpha channel; 1 without one",
    },
    MetricInfo {
        name: "blockiness",
        range: (0.0, 1.0),
        less_is_better: true,
        description: "how much larger steps are at borders of 8 x 8 blocks than elsewhere, as JPEG leaves them; 0 is none",
    },
    MetricInfo {
        name: "blur",
        range: (0.0, 1.0),
        less_is_better: true,
        description: "how little it loses when it is blurred once more (Crete and others); 1 is blurred",
    },
    MetricInfo {
        name: "clipping",
        range: (0.0, 1.0),
        less_is_better: true,
        description: "share of pixels that are pure black or pure white (within 1/255)",
    },
    MetricInfo {
        name: "colorfulness",
        range: (0.0, 200.0),
        less_is_better: false,
        description: "Hasler and Süsstrunk's M: 0 grey, 15 slightly, 33 moderately, 59 quite, 109 extremely colourful",
    },
    MetricInfo {
        name: "contrast",
        range: (0.0, 1.0),
        less_is_better: false,
        description: "RMS contrast: twice the standard deviation of the luma; 1 is half black, half white",
    },
    MetricInfo { name: "height", range: (1.0, f64::INFINITY), less_is_better: false, description: "rows, in pixels" },
    MetricInfo {
        name: "noise",
        range: (0.0, f64::INFINITY),
        less_is_better: true,
        description: "standard deviation of the noise (Immerkær's estimate), in steps of 1/255",
    },
    MetricInfo {
        name: "quality",
        range: (0.0, 1.0),
        less_is_better: false,
        description: "how well it is preserved: not blurred, noisy or coarsely compressed; above 0.8 is good",
    },
    MetricInfo {
        name: "sharpness",
        range: (0.0, 1.0),
        less_is_better: false,
        description: "variance v of the luma's Laplacian in steps of 1/255, as v / (v + 100): below 0.5 is blurred",
    },
    MetricInfo { name: "width", range: (1.0, f64::INFINITY), less_is_better: false, description: "columns, in pixels" },
];

/// Metric `name` of the first frame of `image`; none when there is no such metric.
pub fn measure(name: &str, image: &Image) -> Option<f64> {
    Some(match name {
        "alpha_coverage" => alpha_coverage(image),
        "blockiness" => blockiness(image),
        "blur" => blur(image),
        "clipping" => clipping(image),
        "colorfulness" => colorfulness(image),
        "contrast" => contrast(image),
        "height" => image.height as f64,
        "noise" => noise(image),
        "quality" => quality(image),
        "sharpness" => sharpness(image),
        "width" => image.width as f64,
        _ => return None,
    })
}

/// Luma of the first frame, 0 to 1: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); grey as it is.
pub fn luma(image: &Image) -> Vec<f32> {
    first_frame(image).map(|p| if p.len() < 3 { p[0] } else { 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] }).collect()
}

/// v / (v + 100), where v is the variance of the luma's Laplacian (kernel 0 1 0, 1 -4 1, 0 1 0;
/// inner pixels only) in steps of 1/255. 0 to 1; 0 below 3 x 3 pixels.
///
/// Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy" (ICPR 2000); 100 is
/// the threshold under which pictures are customarily called blurred, so that it becomes 0.5.
pub fn sharpness(image: &Image) -> f64 {
    let variance = variance(inner(image, |n| n.up + n.down + n.left + n.right - 4.0 * n.here));
    variance / (variance + 100.0)
}

/// Twice the standard deviation of the luma. 0 to 1. Source: RMS contrast, Peli, "Contrast in
/// complex images" (JOSA A, 1990), scaled so that half black, half white gives 1.
pub fn contrast(image: &Image) -> f64 {
    2.0 * variance(luma(image).into_iter().map(f64::from)).sqrt()
}

/// `M = sqrt(s_rg^2 + s_yb^2) + 0.3 sqrt(m_rg^2 + m_yb^2)` with rg = R - G, yb = (R + G) / 2 - B in
/// steps of 1/255, s standard deviations, m means. 0 (grey) to about 200.
///
/// Source: Hasler and Süsstrunk, "Measuring colourfulness in natural images" (SPIE 2003).
pub fn colorfulness(image: &Image) -> f64 {
    if image.channels < 3 {
        return 0.0;
    }
    let opponents = || first_frame(image).map(|p| [p[0], p[1], p[2]].map(|v| f64::from(v) * 255.0));
    let (rg_mean, rg_variance) = moments(opponents().map(|[r, g, _]| r - g));
    let (yb_mean, yb_variance) = moments(opponents().map(|[r, g, b]| f64::midpoint(r, g) - b));
    (rg_variance + yb_variance).sqrt() + 0.3 * rg_mean.hypot(yb_mean)
}

/// Share of pixels whose channels are all at most 1/255 or all at least 254/255. 0 to 1.
pub fn clipping(image: &Image) -> f64 {
    let colors = if image.channels < 3 { 1 } else { 3 };
    let clipped = first_frame(image).filter(|p| {
        let p = &p[..colors];
        p.iter().all(|v| *v <= 1.0 / 255.0 + 1e-6) || p.iter().all(|v| *v >= 254.0 / 255.0 - 1e-6)
    });
    clipped.count() as f64 / pixels(image)
}

/// sqrt(pi / 2) / (6 (w - 2) (h - 2)) times the sum of |luma * N| with N = 1 -2 1, -2 4 -2, 1 -2 1:
/// the standard deviation of the noise, in steps of 1/255; fine texture counts as noise. 0 below
/// 3 x 3 pixels.
///
/// Source: Immerkær, "Fast noise variance estimation" (CVIU 64, 1996).
pub fn noise(image: &Image) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u64);
    for response in inner(image, |n| 4.0 * n.here - 2.0 * (n.up + n.down + n.left + n.right) + n.corners) {
        sum += response.abs();
        count += 1;
    }
    if count == 0 { 0.0 } else { std::f64::consts::FRAC_PI_2.sqrt() * sum / (6.0 * count as f64) }
}

/// (B - A) / (B + A), at least 0: B is the mean step of the luma across borders of the 8 x 8 grid,
/// A the mean step elsewhere; mean of both directions. 0 (no blocks) to 1; 0 below 16 pixels.
///
/// Source: B and A as in Wang, Sheikh and Bovik, "No-reference perceptual quality assessment of
/// JPEG compressed images" (ICIP 2002); put into one number here.
pub fn blockiness(image: &Image) -> f64 {
    let luma = luma(image);
    let at = |x: usize, y: usize| f64::from(luma[y * image.width + x]);
    let across = grid_excess(image.width, image.height, |along, other| (at(along, other) - at(along - 1, other)).abs());
    let down = grid_excess(image.height, image.width, |along, other| (at(other, along) - at(other, along - 1)).abs());
    f64::midpoint(across, down)
}

fn grid_excess(length: usize, others: usize, step: impl Fn(usize, usize) -> f64) -> f64 {
    if length < 16 {
        return 0.0;
    }
    let (mut border, mut borders, mut inside, mut insides) = (0.0, 0_u64, 0.0, 0_u64);
    for other in 0..others {
        for along in 1..length {
            if along % 8 == 0 {
                border += step(along, other);
                borders += 1;
            } else {
                inside += step(along, other);
                insides += 1;
            }
        }
    }
    let (border, inside) = (border / borders as f64, inside / insides as f64);
    if border > inside { (border - inside) / (border + inside) } else { 0.0 }
}

/// Mean of the alpha channel; 1 without one. 0 to 1.
pub fn alpha_coverage(image: &Image) -> f64 {
    if image.channels != 4 {
        return 1.0;
    }
    first_frame(image).map(|p| f64::from(p[3])).sum::<f64>() / pixels(image)
}

fn pixels(image: &Image) -> f64 {
    (image.width * image.height) as f64
}

fn first_frame(image: &Image) -> impl Iterator<Item = &[f32]> + Clone {
    image.data.chunks_exact(image.channels.max(1)).take(image.width * image.height)
}

/// A pixel's luma and that of its neighbours, in steps of 1/255.
struct Neighbours {
    here: f64,
    up: f64,
    down: f64,
    left: f64,
    right: f64,
    /// Sum of the four diagonal neighbours.
    corners: f64,
}

/// `filter` at every pixel that has all neighbours.
fn inner(image: &Image, filter: impl Fn(&Neighbours) -> f64) -> impl Iterator<Item = f64> + Clone {
    let values: Vec<f64> = if image.width < 3 || image.height < 3 {
        Vec::new()
    } else {
        let luma: Vec<f64> = luma(image).into_iter().map(|v| f64::from(v) * 255.0).collect();
        let rows: Vec<_> = luma.chunks_exact(image.width).collect();
        rows.windows(3)
            .flat_map(|r| (1..image.width - 1).map(move |x| (r, x)))
            .map(|(r, x)| {
                filter(&Neighbours {
                    here: r[1][x],
                    up: r[0][x],
                    down: r[2][x],
                    left: r[1][x - 1],
                    right: r[1][x + 1],
                    corners: r[0][x - 1] + r[0][x + 1] + r[2][x - 1] + r[2][x + 1],
                })
            })
            .collect()
    };
    values.into_iter()
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    moments(values).1
}

/// Mean and (population) variance, in two passes; zeros when there are no values.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (count, sum) = values.clone().fold((0_u64, 0.0), |(count, sum), v| (count + 1, sum + v));
    if count == 0 {
        return (0.0, 0.0);
    }
    let mean = sum / count as f64;
    (mean, values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [f32; 3]) -> Image {
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
        Image { batch: 1, height, width, channels: 3, data }
    }

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{found}, not {wanted}");
    }

    /// Values of a fixed sequence without visible order, -1 to 1.
    fn scatter(x: usize, y: usize) -> f32 {
        let mixed = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D);
        ((mixed ^ (mixed >> 12)) & 0xFFFF) as f32 / 32_767.5 - 1.0
    }

    #[test]
    fn a_plain_picture_has_nothing() {
        let plain = image(32, 32, |_, _| [0.5; 3]);
        for name in ["sharpness", "contrast", "colorfulness", "clipping", "noise", "blockiness"] {
            near(measure(name, &plain).unwrap(), 0.0);
        }
        assert_eq!((measure("width", &plain), measure("beauty", &plain)), (Some(32.0), None));
        near(measure("alpha_coverage", &plain).unwrap(), 1.0);
    }

    /// A checkerboard: the Laplacian is 4 x 255 up and down, its variance the square of that.
    #[test]
    fn values_that_can_be_worked_out() {
        let board = image(16, 16, |x, y| [((x + y) % 2) as f32; 3]);
        let variance = (4.0_f64 * 255.0).powi(2);
        near(sharpness(&board), variance / (variance + 100.0));
        near(contrast(&board), 1.0);
        near(clipping(&board), 1.0);
        // Half red, half green: rg is 255 and -255, yb 127.5 everywhere.
        let halves = image(16, 16, |x, _| if x < 8 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] });
        near(colorfulness(&halves), 255.0 + 0.3 * 127.5);
        near(clipping(&halves), 0.0);
        let quarter = image(16, 16, |x, y| if x < 8 && y < 8 { [1.0; 3] } else { [0.5; 3] });
        near(clipping(&quarter), 0.25);
    }

    #[test]
    fn blur_is_less_sharp() {
        let sharp = image(64, 64, |x, _| [if x < 32 { 0.2 } else { 0.8 }; 3]);
        let soft = image(64, 64, |x, _| [(0.2 + 0.6 * (x as f32 - 16.0) / 32.0).clamp(0.2, 0.8); 3]);
        assert!(sharpness(&sharp) > 10.0 * sharpness(&soft));
    }

    /// Noise of a known deviation on a slope is found again; the slope itself is not noise.
    #[test]
    fn noise_is_measured_in_steps() {
        let slope = |x: usize, y: usize| (x + y) as f32 / 512.0;
        near(noise(&image(128, 128, |x, y| [slope(x, y); 3])), 0.0);
        // A uniform spread of 12 steps to both sides has a deviation of 12 / sqrt(3).
        let noisy = image(128, 128, |x, y| [0.2 + slope(x, y) / 2.0 + scatter(x, y) * 12.0 / 255.0; 3]);
        let found = noise(&noisy);
        assert!((found / (12.0 / 3.0_f64.sqrt()) - 1.0).abs() < 0.1, "{found}");
    }

    #[test]
    fn blocks_are_seen_only_on_their_grid() {
        let blocks =
            |offset: usize| image(64, 64, move |x, y| [0.4 + 0.1 * scatter((x + offset) / 8, (y + offset) / 8); 3]);
        assert!(blockiness(&blocks(0)) > 0.9);
        near(blockiness(&blocks(4)), 0.0);
        assert!(blockiness(&image(64, 64, |x, y| [0.5 + 0.1 * scatter(x, y); 3])) < 0.1);
    }

    #[test]
    fn alpha_is_averaged() {
        let half =
            Image { batch: 1, height: 1, width: 2, channels: 4, data: vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0] };
        near(alpha_coverage(&half), 0.5);
    }

    #[test]
    fn small_and_grey_pictures_are_fine() {
        for (width, height, channels) in [(1, 1, 1), (2, 2, 3), (1, 40, 4), (17, 3, 1)] {
            let small = Image::filled(1, height, width, channels, 0.3);
            for metric in KNOWN {
                let value = measure(metric.name, &small).unwrap();
                assert!(value.is_finite() && value >= metric.range.0, "{} of {width} x {height}", metric.name);
            }
        }
        assert!(KNOWN.is_sorted_by_key(|metric| metric.name));
    }
}
