//! Small models give what ONNX Runtime gives, loaded from the ONNX file and from what was kept of it.

use comfywright::raster::Image;
use serde_json::Value;

use super::support::{Cached, differences, fixtures, head, mask_manifest, picture};

fn expected(name: &str) -> Vec<f32> {
    let text = std::fs::read_to_string(fixtures().join("models/expected.json")).unwrap();
    let values: Value = serde_json::from_str(&text).unwrap();
    values[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

#[test]
fn masks_are_those_of_onnx_runtime() {
    let cases: [(&str, &[&str], f32); 4] = [
        ("red", &["red.onnx"], 2e-6),
        ("network", &["network.onnx"], 2e-6),
        ("network-external", &["network-external.onnx", "network-external.data"], 2e-6),
        // Half floats there, floats here.
        ("network-half", &["network-half.onnx"], 2e-3),
    ];
    let image = picture("models/picture.png");
    for (name, files, tolerance) in cases {
        let cached = Cached::new(&mask_manifest(name, files));
        let first = cached.store().coarse(name, &image, 0).unwrap();
        let (largest, _) = differences(&first.data, &expected(name));
        assert!(largest <= tolerance, "{name}: {largest}");
        let kept = std::fs::read_dir(cached.folder.path().join("optimised")).unwrap().count();
        assert_eq!(kept, 1, "{name} was kept");
        let second = cached.store().coarse(name, &image, 0).unwrap();
        let (largest, _) = differences(&second.data, &first.data);
        assert!(largest <= 1e-6, "{name}, loaded again: {largest}");
    }
}

#[test]
fn scores_have_labels() {
    let interface = "[input]\nshape = [1, 8, 8, 3]\nfilter = \"bilinear\"\n\
                     [output]\nshape = [1, 3]\nlabels = [\"red\", \"green\", \"dark\"]\n";
    let cached = Cached::new(&(head("classifier", "classifier", &["classifier.onnx"]) + interface));
    let scores = cached.store().classify("classifier", &picture("models/picture.png")).unwrap();
    let found: Vec<f32> = ["red", "green", "dark"].iter().map(|label| scores[*label] as f32).collect();
    let (largest, _) = differences(&found, &expected("classifier"));
    assert!(largest < 0.01, "{scores:?}");
    let steps = cached_with_softmax().store().classify("classifier", &picture("models/picture.png")).unwrap();
    assert!((steps.values().sum::<f64>() - 1.0).abs() < 1e-6, "{steps:?}");
}

fn cached_with_softmax() -> Cached {
    let interface = "[input]\nshape = [1, 8, 8, 3]\n\
                     [output]\nshape = [1, 3]\nthen = [\"softmax\"]\nlabels = [\"red\", \"green\", \"dark\"]\n";
    Cached::new(&(head("classifier", "classifier", &["classifier.onnx"]) + interface))
}

/// A red square on a green ground, of sizes and channels of all kinds.
#[test]
fn the_mask_has_the_size_of_the_image() {
    let cached = Cached::new(&mask_manifest("red", &["red.onnx"]));
    let store = cached.store();
    for (width, height, channels) in [(1, 1, 3), (1, 40, 3), (640, 480, 3), (33, 17, 4), (20, 20, 1), (2000, 3, 3)] {
        let is_inside = |x: usize, y: usize| {
            (width / 4..width - width / 4).contains(&x) && (height / 4..height - height / 4).contains(&y)
        };
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let color = if is_inside(x, y) { [0.9, 0.1, 0.1, 1.0] } else { [0.1, 0.6, 0.2, 1.0] };
                data.extend_from_slice(&color[..channels]);
            }
        }
        let image = Image { batch: 1, height, width, channels, data };
        for refine in [false, true] {
            let mask = store.salient("red", &image, refine).unwrap();
            assert_eq!((mask.batch, mask.width, mask.height), (1, width, height));
            assert!(mask.data.iter().all(|value| (0.0..=1.0).contains(value)), "{width} x {height}");
            if channels == 3 && width == 640 {
                let at = |x: usize, y: usize| mask.data[y * width + x];
                assert!(at(320, 240) > 0.95 && at(20, 20) < 0.05);
                // Refined, the edge is where the picture has it, two pixels on either side.
                let (inside, outside) = (at(162, 240), at(157, 240));
                assert!(!refine || inside > 0.8 && outside < 0.2, "{outside} {inside}");
            }
        }
    }
    let two =
        Image { batch: 2, height: 32, width: 32, channels: 3, data: picture("models/picture.png").data.repeat(2) };
    let mask = store.salient("red", &two, false).unwrap();
    assert_eq!((mask.batch, mask.frame(0)), (2, mask.frame(1)));
}

/// What is loaded stays while there is room, and makes room for others when there is none.
#[test]
fn memory_is_bounded() {
    let cached = Cached::new(&mask_manifest("red", &["red.onnx"]));
    let store = cached.store();
    store.load("red").unwrap();
    // Once loaded, it no longer needs its file.
    std::fs::remove_dir_all(cached.folder.path()).unwrap();
    store.coarse("red", &picture("models/picture.png"), 0).unwrap();
    assert!(cached.store().load("red").is_err());
    assert!(store.bytes("red").unwrap() > cached.manifest.size());
    assert!(store.bytes("blue").is_err());
}
