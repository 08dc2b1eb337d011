//! Replays `fixtures/fuzz/<target>/*`, the small corpus of the fuzz targets, without a fuzzer.

use std::{fs, panic, path::Path};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Gives every file of a target's corpus to `target`; names all that make it panic.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "only {} inputs for {name}", files.len());
    let failing = files.iter().filter(|file| {
        let bytes = fs::read(file).unwrap();
        panic::catch_unwind(|| target(&bytes)).is_err()
    });
    let failing: Vec<_> = failing.map(|file| file.file_name().unwrap()).collect();
    assert!(failing.is_empty(), "{name} panics on {failing:?}");
}

#[test]
fn toml() {
    replay("toml", targets::toml);
}

#[test]
fn kdl() {
    replay("kdl", targets::kdl);
}

#[test]
fn rules() {
    replay("rules", targets::rules);
}

#[test]
fn workflow() {
    replay("workflow", targets::workflow);
}

#[test]
fn image() {
    replay("image", targets::image);
}

#[test]
fn import() {
    replay("import", targets::import);
}
