//! Metrics and edges against independent implementations (`fixtures/metrics/make.py`: `OpenCV`, scikit-image, `NumPy`),
//! and quality under degradation of the photographs.

use std::{fs, path::Path};

use comfywright::{
    imagefile,
    raster::{self, Image, Mask},
    vision,
};
use serde_json::Value;

use super::PHOTOS;

fn read(path: &str) -> Image {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    let image = imagefile::decode(&fs::read(path).unwrap(), &imagefile::Limits::default()).unwrap().image;
    Image { batch: 1, data: image.data[..image.frame_len()].to_vec(), ..image }
}

fn json(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[test]
fn metrics_are_those_of_other_implementations() {
    for (name, wanted) in json("metrics/expected.json").as_object().unwrap() {
        let image = read(&format!("metrics/{name}.png"));
        for (metric, wanted) in wanted.as_object().unwrap() {
            let (found, wanted) = (vision::measure(metric, &image).unwrap(), wanted.as_f64().unwrap());
            assert!(
                (found - wanted).abs() <= 2e-5 * wanted.abs().max(1.0),
                "{metric} of {name}: {found}, not {wanted}"
            );
        }
    }
}

#[test]
fn edges_are_those_of_another_implementation() {
    let expected = json("metrics/edges.json");
    let [left, top, width, height] = [0, 1, 2, 3].map(|at| expected["crop"][at].as_u64().unwrap() as usize);
    let image = raster::crop(&read("metrics/fur.png"), left, top, width, height).unwrap();
    let mask = Mask { batch: 1, height, width, data: numbers(&expected["mask"]) };
    let largest =
        |found: &[f32], wanted: &[f32]| found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let refined = vision::refine_edges(&image, 0, mask.clone(), 5, 4e-4);
    let difference = largest(&refined.data, &numbers(&expected["guided"]));
    assert!(difference < 1e-3, "guided filter: {difference}");
    let clean = vision::decontaminate(image, &mask);
    let difference = largest(&clean.data, &numbers(&expected["decontaminated"]));
    assert!(difference < 1e-3, "decontamination: {difference}");
}

/// A Gaussian blur of any width.
fn blurred(image: &Image, sigma: f64) -> Image {
    let reach = (3.0 * sigma).ceil() as isize;
    let weights: Vec<f64> = (-reach..=reach).map(|at| (-(at * at) as f64 / (2.0 * sigma * sigma)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let (width, height, channels) = (image.width as isize, image.height as isize, image.channels);
    let pass = |data: &[f32], columns: bool| -> Vec<f32> {
        let mut out = Vec::with_capacity(data.len());
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    let value = |offset: isize| {
                        let (x, y) = if columns { (x + offset, y) } else { (x, y + offset) };
                        let (x, y) = (x.clamp(0, width - 1), y.clamp(0, height - 1));
                        f64::from(data[(y * width + x) as usize * channels + c])
                    };
                    let total: f64 = (-reach..=reach).zip(&weights).map(|(at, weight)| weight * value(at)).sum();
                    out.push((total / sum) as f32);
                }
            }
        }
        out
    };
    let data = pass(&pass(&image.data, true), false);
    Image { data, ..image.clone() }
}

/// Noise of a normal distribution of this deviation, in steps of 1/255; the same every time.
fn noisy(image: &Image, deviation: f64) -> Image {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as f64 + 0.5) / (1_u64 << 31) as f64
    };
    let mut normal = || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    let add = |value: &f32| (f64::from(*value) * 255.0 + deviation * normal()).clamp(0.0, 255.0).round() / 255.0;
    let data = image.data.iter().map(add).map(|value| value as f32).collect();
    Image { data, ..image.clone() }
}

fn compressed(image: &Image, quality: u8) -> Image {
    let bytes = imagefile::encode_jpeg(image, 0, quality, &[]).unwrap();
    imagefile::decode(&bytes, &imagefile::Limits::default()).unwrap().image
}

fn falls(photo: &str, kind: &str, qualities: &[f64]) {
    println!("{photo} {kind}: {qualities:.3?}");
    assert!(qualities.windows(2).all(|pair| pair[0] > pair[1]), "{photo} {kind}: {qualities:?}");
    assert!(qualities.iter().all(|quality| (0.0..=1.0).contains(quality)));
}

#[test]
fn quality_falls_with_every_degradation() {
    std::thread::scope(|scope| {
        for photo in PHOTOS {
            scope.spawn(move || quality_of_one_falls(photo));
        }
    });
}

fn quality_of_one_falls(photo: &str) {
    let image = read(&format!("photos/{photo}"));
    let own = vision::quality(&image);
    let of =
        |images: [Image; 3]| -> Vec<f64> { std::iter::once(own).chain(images.iter().map(vision::quality)).collect() };
    falls(photo, "blur", &of([2.0, 4.0, 8.0].map(|sigma| blurred(&image, sigma))));
    falls(photo, "noise", &of([12.0, 25.0, 50.0].map(|deviation| noisy(&image, deviation))));
    falls(photo, "compression", &of([50, 30, 10].map(|quality| compressed(&image, quality))));
}
