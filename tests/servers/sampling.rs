//! The shipped presets really sample on a real ComfyUI, with a checkpoint that is tiny and whose pictures are noise:
//! text to image, image to image, inside a mask, and a chain that uses one of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::RgbImage;
use serde_json::Value;

use super::{
    comfyui::{self, CHECKPOINT},
    workspace::{Workspace, files_below},
};

/// Arguments that make sampling quick.
fn quick(document: &str, more: &[&str]) -> Vec<String> {
    let checkpoint = format!("checkpoint={CHECKPOINT}");
    let fixed = [document, "--server", "local", "--set", &checkpoint, "--set", "steps=2"];
    fixed.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

fn sample(workspace: &Workspace, document: &str, more: &[&str]) -> (PathBuf, Value) {
    let arguments = quick(document, more);
    workspace.carry_out(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

const TXT2IMG: [&str; 6] = ["--set", "subject=a red bicycle", "--set", "width=64", "--set", "height=64"];

/// The only picture in a folder of outputs.
fn picture(folder: &Path) -> RgbImage {
    let files = files_below(folder);
    let [file] = files.as_slice() else { panic!("one picture, not {files:?}") };
    open(&folder.join(file))
}

fn open(path: &Path) -> RgbImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_rgb8()
}

/// A JSON text that a picture carries.
fn carried(path: &Path, key: &str) -> Value {
    let bytes = fs::read(path).expect("readable");
    let chunks = comfywright::imagefile::text_chunks(&bytes);
    let found = chunks.iter().find(|(name, _)| name == key).unwrap_or_else(|| panic!("no chunk {key}"));
    serde_json::from_str(&found.1).expect("JSON")
}

fn class<'a>(prompt: &'a Value, name: &str) -> &'a Value {
    let mut nodes = prompt.as_object().expect("nodes").values();
    &nodes.find(|node| node["class_type"] == name).unwrap_or_else(|| panic!("no {name}"))["inputs"]
}

#[test]
fn a_text_becomes_pictures_that_say_what_made_them() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&[], &server);
    let seeds = [&TXT2IMG[..], &["--seeds", "1..3"]].concat();
    let (folder, counts) = sample(&workspace, "pipelines/sd15.toml", &seeds);
    assert_eq!(counts["done"], 3, "{counts}");
    let files = files_below(&folder);
    assert_eq!(files.len(), 3, "{files:?}");
    for (file, seed) in files.iter().zip(1..) {
        let path = folder.join(file);
        let prompt = carried(&path, "prompt");
        assert_eq!(class(&prompt, "KSampler")["seed"], seed);
        assert_eq!(class(&prompt, "KSampler")["steps"], 2);
        assert_eq!(class(&prompt, "CheckpointLoaderSimple")["ckpt_name"], CHECKPOINT);
        let text = class(&prompt, "CLIPTextEncode")["text"].as_str().expect("a text");
        assert!(text.starts_with("a red bicycle, "), "{text}");
        let types: Vec<String> = carried(&path, "workflow")["nodes"]
            .as_array()
            .expect("nodes of the editor")
            .iter()
            .map(|node| node["type"].to_string())
            .collect();
        assert!(types.contains(&"\"KSampler\"".to_owned()), "{types:?}");
        let workflow = carried(&path, "workflow");
        let mut nodes = workflow["nodes"].as_array().expect("nodes").iter();
        let sampler = nodes.find(|node| node["type"] == "KSampler").expect("a sampler");
        let widgets = serde_json::json!([seed, "fixed", 2, 7.0, "dpmpp_2m", "karras", 1.0]);
        assert_eq!(sampler["widgets_values"], widgets, "the editor takes them by their places");
        let record = carried(&path, "comfywright");
        assert_eq!((&record["document"], &record["version"]), (&"sd15".into(), &"1.0.0".into()));
        assert_eq!((&record["seed"], &record["item"]), (&seed.into(), &format!("generate[seed={seed}]").into()));
        assert_eq!((&record["preset"]["name"], &record["with"]["subject"]), (&"sd15".into(), &"a red bicycle".into()));
        assert!(record["fingerprint"].as_str().is_some_and(|f| f.len() == 64), "{record}");
        assert_eq!(open(&path).dimensions(), (64, 64));
    }
    let pictures: Vec<RgbImage> = files.iter().map(|file| open(&folder.join(file))).collect();
    assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2], "seeds make a difference");

    let (again, counts) = sample(&workspace, "pipelines/sd15.toml", &seeds);
    assert_eq!(counts["reused"], 3, "nothing is sampled twice: {counts}");
    let reused: Vec<RgbImage> = files_below(&again).iter().map(|file| open(&again.join(file))).collect();
    assert_eq!(pictures, reused);
}

#[test]
fn the_same_seed_gives_the_same_picture() {
    let Some(server) = comfyui::server() else { return };
    let of = |seed: &str| {
        // A workspace of its own has nothing to reuse, and another seed in between empties the server's cache.
        let workspace = Workspace::new(&[], &server);
        picture(&sample(&workspace, "sd15", &[&TXT2IMG[..], &["--set", seed]].concat()).0)
    };
    let (first, other, second) = (of("seed=7"), of("seed=18446744073709551615"), of("seed=7"));
    assert!(first == second, "the same seed, the same picture");
    assert!(first != other, "another seed, another picture");
}

#[test]
fn a_picture_is_painted_again() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&["camera.png", "coffee.jpg"], &server);
    let of = |photo: &str, strength: &str| {
        let image = format!("image=../fixtures/photos/{photo}");
        let more =
            ["--set", &image, "--set", "width=64", "--set", "height=80", "--set", strength, "--set", "subject=x"];
        picture(&sample(&workspace, "sd15-img2img", &more).0)
    };
    let (camera, coffee) = (of("camera.png", "strength=0.5"), of("coffee.jpg", "strength=0.5"));
    assert_eq!((camera.dimensions(), coffee.dimensions()), ((64, 80), (64, 80)));
    assert!(camera != coffee, "the picture that it begins with makes a difference");
    assert!(camera != of("camera.png", "strength=1.0"), "and so does the strength");
}

#[test]
fn only_what_is_masked_is_painted() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&[], &server);
    // Nothing that decoding could change, and a mask of the left half.
    let photo = RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, 128]));
    let mask = RgbImage::from_fn(64, 64, |x, _| image::Rgb([if x < 32 { 255 } else { 0 }; 3]));
    photo.save(workspace.path("photo.png")).expect("written");
    mask.save(workspace.path("mask.png")).expect("written");
    let more = [
        "--set",
        "image=../photo.png",
        "--set",
        "mask=../mask.png",
        "--set",
        "subject=x",
        "--set",
        "strength=1.0",
        "--set",
        "grow=2",
        "--set",
        "feather=4",
    ];
    let painted = picture(&sample(&workspace, "sd15-inpaint", &more).0);
    assert_eq!(painted.dimensions(), (64, 64));
    let changed = |from: u32, to: u32| {
        let pixels = (0..64).flat_map(|y| (from..to).map(move |x| (x, y)));
        pixels.filter(|(x, y)| painted.get_pixel(*x, *y) != photo.get_pixel(*x, *y)).count()
    };
    assert_eq!(changed(32 + 2 + 4, 64), 0, "outside the mask every pixel is as it was");
    assert!(changed(0, 24) > 24 * 64 / 2, "inside it is another picture: {}", changed(0, 24));
}

#[test]
fn a_chain_paints_with_files_of_other_tasks() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&["astronaut.jpg", "rocket.jpg"], &server);
    let (folder, counts) = sample(&workspace, "pipelines/retouch.toml", &["--set", "size=64"]);
    assert_eq!(counts["done"], 13, "{counts}");
    let name = "fixtures-photos-rocket-jpg.png";
    let (fit, painted) = (open(&folder.join("fit").join(name)), open(&folder.join("paint").join(name)));
    assert_eq!(painted.dimensions(), (64, 64));
    // The mask covers the upper third, grown by 6 pixels and faded over 8.
    let row_changed = |y: u32| (0..64).any(|x| fit.get_pixel(x, y) != painted.get_pixel(x, y));
    assert!((0..16).all(row_changed), "the sky is new");
    assert!(!(48..64).any(row_changed), "the ground is as it was");
    assert_eq!(open(&folder.join("large").join(name)).dimensions(), (128, 128));
    assert!(folder.join("sheet/sheet.png").is_file());

    let (_, counts) = sample(&workspace, "pipelines/retouch.toml", &["--set", "size=64"]);
    assert_eq!((&counts["reused"], &counts["done"]), (&11.into(), &2.into()), "only scores are looked up: {counts}");
}
