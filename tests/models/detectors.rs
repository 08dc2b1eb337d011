//! Detectors: coloured squares in pictures that are made here, and `NanoDet`, where `../shared/models` has it.

use comfywright::{
    model::{DetectStyle, ModelDetect},
    raster::Image,
    vision::Bounds,
};
use serde_json::Value;

use super::support::{Cached, described, fixtures, head, picture};

/// A manifest with the interface of `things.onnx` and of `NanoDet`, after its `head`.
fn manifest(head: &str, side: u32, outputs: &str) -> String {
    let labels: Vec<String> = comfywright::vision::query::coco_labels().map(|label| format!("\"{label}\"")).collect();
    format!(
        "{head}[input]\nshape = [1, 3, {side}, {side}]\ncolors = \"bgr\"\nfilter = \"bilinear\"\nscale = \"none\"\n\
         mean = [103.53, 116.28, 123.675]\nstd = [57.375, 57.12, 58.395]\n[output]\nlabels = [{}]\n\
         [detect]\nstyle = \"nanodet\"\nstrides = [8, 16, 32]\nbins = 11\n{outputs}",
        labels.join(", ")
    )
}

const NAMED: &str =
    "scores = [\"scores_8\", \"scores_16\", \"scores_32\"]\nboxes = [\"boxes_8\", \"boxes_16\", \"boxes_32\"]\n";

/// Grey, with a red square and a blue one of 96 pixels.
fn squares() -> Image {
    let color = |x: usize, y: usize| match (x, y) {
        (32..128, 64..160) => [230.0, 20.0, 30.0],
        (160..256, 128..224) => [20.0, 40.0, 230.0],
        _ => [128.0, 128.0, 128.0],
    };
    let data = (0..256 * 256).flat_map(|at| color(at % 256, at / 256).map(|value| value / 255.0)).collect();
    Image { batch: 1, height: 256, width: 256, channels: 3, data }
}

#[test]
fn squares_are_found_where_they_are() {
    for outputs in ["", NAMED] {
        let cached = Cached::new(&manifest(&head("things", "detector", &["things.onnx"]), 64, outputs));
        // Loaded from the file, and from what was kept of it.
        for both_ways in [false, false, true] {
            let store = cached.store();
            let found = if both_ways {
                store.detect_both_ways("things", &squares(), 0, 0.9)
            } else {
                store.detect("things", &squares(), 0, 0.9)
            };
            let found = found.unwrap();
            let found: Vec<(usize, Bounds)> = found.iter().map(|one| (one.label, one.bounds)).collect();
            let wanted = [(73, Bounds::new(144.0, 112.0, 256.0, 240.0)), (47, Bounds::new(16.0, 48.0, 144.0, 176.0))];
            assert_eq!(found.len(), 2, "{found:?}");
            for (label, bounds) in wanted {
                let near = found.iter().find(|one| one.0 == label).unwrap().1;
                assert!(near.overlap(&bounds) > 0.99, "{near:?}, wanted {bounds:?}");
            }
        }
    }
}

#[test]
fn a_detector_of_another_interface_is_refused() {
    let wrong = |outputs: &str, side: u32| {
        let cached = Cached::new(&manifest(&head("things", "detector", &["things.onnx"]), side, outputs));
        cached.store().detect("things", &squares(), 0, 0.5).unwrap_err().to_string()
    };
    let named = NAMED.replace("scores_16", "scores_17");
    assert!(wrong(&named, 64).contains("it has no output `scores_17`"), "{}", wrong(&named, 64));
    assert!(wrong("", 128).contains("[1, 3, 64, 64]"), "{}", wrong("", 128));
    let cached = Cached::new(&manifest(&head("things", "detector", &["red.onnx"]), 32, ""));
    let few = cached.store().detect("things", &squares(), 0, 0.5).unwrap_err().to_string();
    assert!(few.contains("it has 1 outputs (`mask`), and 6 are expected"), "{few}");
}

#[test]
fn nanodet_finds_what_onnx_runtime_and_numpy_find() {
    let path = fixtures().join("../../../shared/models/nanodet_coco.onnx");
    let path = std::env::var_os("COMFYWRIGHT_TEST_NANODET").map_or(path, Into::into);
    if !path.exists() {
        eprintln!("left out: {} is not here (COMFYWRIGHT_TEST_NANODET names another place)", path.display());
        return;
    }
    let file = described(&path);
    let head = format!(
        "format = 1\nname = \"nanodet\"\nrole = \"detector\"\nlicence = {{ spdx = \"MIT\" }}\n\
         [[file]]\nname = \"{}\"\nsize = {}\nsha256 = \"{}\"\n",
        file.name, file.size, file.sha256
    );
    let cached = Cached::with_files_of(&manifest(&head, 416, ""), path.parent().unwrap());
    let text = std::fs::read_to_string(fixtures().join("models/nanodet.json")).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    let store = cached.store();
    for (name, wanted) in known.as_object().unwrap() {
        let found = store.detect("nanodet", &picture(&format!("models/inputs/{name}.png")), 0, 0.4).unwrap();
        let wanted = wanted.as_array().unwrap();
        assert_eq!(found.len(), wanted.len(), "{name}: {found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            let side = |at: usize| wanted[2][at].as_f64().unwrap();
            let bounds = Bounds::new(side(0), side(1), side(2), side(3));
            assert_eq!(found.label as u64, wanted[0].as_u64().unwrap(), "{name}");
            assert!((found.score - wanted[1].as_f64().unwrap()).abs() < 2e-3, "{name}: {found:?}");
            assert!(found.bounds.overlap(&bounds) > 0.98, "{name}: {found:?}, wanted {bounds:?}");
        }
    }
}

#[test]
fn cells_cover_the_input() {
    assert_eq!([8, 16, 32].map(|stride| ModelDetect::cells(stride, (416, 416))), [2704, 676, 169]);
    assert_eq!(serde_json::to_value(DetectStyle::Nanodet).unwrap(), "nanodet");
}
