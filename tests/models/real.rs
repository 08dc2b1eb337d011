//! U²-Net and `open_nsfw` on the photographs: against what ONNX Runtime gave for the same files, where the
//! models are pulled. `COMFYWRIGHT_TEST_MODELS` names another cache than the user's.

use std::{path::PathBuf, sync::Arc};

use comfywright::{
    model::KnownModels,
    models::{ModelCache, ModelStore, Presence, StoreSettings},
};
use serde_json::Value;

use super::support::{differences, fixtures, kept_mask, picture};

const PHOTOS: [&str; 5] = ["astronaut.jpg", "chelsea.jpg", "coffee.jpg", "rocket.jpg", "camera.png"];

/// The models, when `name` is here; says so when it is not.
fn store(name: &str) -> Option<ModelStore> {
    let of_user = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/comfywright/models");
    let folder = std::env::var_os("COMFYWRIGHT_TEST_MODELS").map_or_else(of_user, PathBuf::from);
    let (cache, known) = (ModelCache::new(folder), KnownModels::built_in().clone());
    if cache.presence(&known.get(name).unwrap().manifest) != Presence::Here {
        eprintln!("left out: {name} is not here (comfywright models pull {name} --yes)");
        return None;
    }
    Some(ModelStore::new(cache, Arc::new(known), StoreSettings::default()))
}

/// Intersection over union of what is at least half inside.
fn overlap(found: &[f32], wanted: &[f32]) -> f64 {
    let pairs = || found.iter().zip(wanted).map(|(a, b)| (*a >= 0.5, *b >= 0.5));
    pairs().filter(|(a, b)| *a && *b).count() as f64 / pairs().filter(|(a, b)| *a || *b).count().max(1) as f64
}

fn masks_agree(name: &str) {
    let Some(store) = store(name) else { return };
    for photo in PHOTOS {
        let stem = photo.split('.').next().unwrap();
        let found = store.coarse(name, &picture(&format!("models/inputs/{stem}.png")), 0).unwrap();
        let wanted = kept_mask(&format!("models/masks/{name}-{stem}.png"));
        let (iou, (_, mean)) = (overlap(&found.data, &wanted.data), differences(&found.data, &wanted.data));
        println!("{name} {photo}: IoU {iou:.4}, mean difference {:.3}/255", mean * 255.0);
        assert!(iou >= 0.99 && mean < 1.0 / 255.0, "{name} {photo}: IoU {iou}, mean difference {mean}");
    }
}

#[test]
fn u2net_agrees_with_onnx_runtime() {
    masks_agree("u2net");
}

#[test]
fn u2netp_agrees_with_onnx_runtime() {
    masks_agree("u2netp");
}

#[test]
fn open_nsfw_agrees_with_onnx_runtime() {
    let Some(store) = store("open-nsfw") else { return };
    let text = std::fs::read_to_string(fixtures().join("models/nsfw.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    for photo in PHOTOS {
        let (found, wanted) =
            (store.nsfw(&picture(&format!("photos/{photo}"))).unwrap(), expected[photo].as_f64().unwrap());
        println!("{photo}: {found:.5}, {wanted:.5} expected");
        assert!((found - wanted).abs() < 0.01, "{photo}: {found}, not {wanted}");
    }
}
