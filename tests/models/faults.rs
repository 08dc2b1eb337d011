//! Models that are not what they should be: each says what is wrong with it, and nothing is half done.

use std::fs;

use comfywright::models::{ModelError, Presence};

use super::support::{Cached, fixtures, head, mask_manifest, picture};

fn message(text: &str) -> String {
    let cached = Cached::new(text);
    let name = &cached.manifest.name;
    let found = cached.store().verify(name, true).expect_err(text);
    assert!(cached.store().salient(name, &picture("models/picture.png"), true).is_err());
    assert!(!cached.folder.path().join("optimised").exists(), "nothing is kept of a wrong model");
    found.to_string()
}

#[test]
fn operators_that_are_missing_are_named() {
    let found = message(&mask_manifest("unknown-operators", &["unknown-operators.onnx"]));
    assert_eq!(found, "load the model `unknown-operators`: tract has no operator DeformConv, org.example.Frobnicate");
}

#[test]
fn another_interface_is_told() {
    let found = message(&mask_manifest("three-channels", &["three-channels.onnx"]));
    let wanted =
        "load the model `three-channels`: its output `mask` is [1, 3, 32, 32], and the manifest says [1, 1, 32, 32]";
    assert_eq!(found, wanted);
    let found = message(&mask_manifest("two-inputs", &["two-inputs.onnx"]));
    assert!(found.contains("it has 2 inputs (`picture`, `other`)"), "{found}");
    let found = message(&mask_manifest("red", &["red.onnx"]).replace("name = \"mask\"", "name = \"alpha\""));
    assert!(found.contains("it has no output `alpha`; it has `mask`"), "{found}");
    let found = message(&mask_manifest("red", &["red.onnx"]).replace("name = \"picture\"", "name = \"image\""));
    assert!(found.contains("it has no input `image`; it has `picture`"), "{found}");
    let found = message(&mask_manifest("red", &["red.onnx"]).replace("32, 32", "64, 64"));
    assert!(found.contains("its input `picture` is [?, 3, 32, 32], and the manifest says [1, 3, 64, 64]"), "{found}");
}

#[test]
fn external_data_is_found_among_the_files_of_the_manifest_only() {
    let found = message(&mask_manifest("network-external", &["network-external.onnx"]));
    assert!(found.contains("`network-external.data`, which the manifest does not name"), "{found}");
}

#[test]
fn what_is_no_model_is_told() {
    let text = head("notes", "salient", &["make.py"]);
    let found = message(&(text + "[input]\nshape = [1, 3, 8, 8]\n[output]\nshape = [1, 1, 8, 8]\n"));
    assert!(found.contains("make.py is not an ONNX model"), "{found}");
}

#[test]
fn truncated_and_swapped_files_are_found() {
    let cached = Cached::new(&mask_manifest("red", &["red.onnx"]));
    let (cache, file) = (cached.cache(), &cached.manifest.file[0]);
    assert_eq!(cache.presence(&cached.manifest), Presence::Here);
    let path = cache.path(&file.sha256);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(cache.presence(&cached.manifest), Presence::Partly);
    let found = cached.store().load("red").unwrap_err();
    assert!(matches!(found, ModelError::Altered { .. }), "{found}");
    assert!(found.to_string().contains("313 bytes instead of 314"), "{found}");
    // Of the right size, but another content.
    let mut swapped = whole.clone();
    swapped[200] ^= 1;
    fs::write(&path, swapped).unwrap();
    let found = cached.store().load("red").unwrap_err().to_string();
    assert!(found.contains("red.onnx is not what its manifest says (its SHA-256 is "), "{found}");
    assert!(found.ends_with("fetch it anew: comfywright models pull red"), "{found}");
    fs::write(&path, whole).unwrap();
    cached.store().load("red").unwrap();
    fs::remove_file(path).unwrap();
    assert!(matches!(cached.store().load("red"), Err(ModelError::NotHere { .. })));
}

/// What was kept of a model may be broken at any time: the ONNX file is read again.
#[test]
fn a_broken_optimised_model_does_not_matter() {
    let cached = Cached::new(&mask_manifest("network", &["network.onnx"]));
    let image = picture("models/picture.png");
    let first = cached.store().coarse("network", &image, 0).unwrap();
    let kept = fs::read_dir(cached.folder.path().join("optimised")).unwrap().next().unwrap().unwrap().path();
    for broken in [Vec::new(), b"no archive".repeat(100), fs::read(&kept).unwrap()[..3000].to_vec()] {
        fs::write(&kept, broken).unwrap();
        assert_eq!(cached.store().coarse("network", &image, 0).unwrap(), first);
        assert!(fs::metadata(&kept).unwrap().len() > 3000, "it was kept anew");
    }
    assert!(fixtures().join("models/network.onnx").exists());
}
