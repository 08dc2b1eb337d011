//! `mask`: files, scores and boxes.

use std::{collections::BTreeMap, fs, io::Read as _};

use image::AnimationDecoder as _;
use serde_json::{Value, json};

use super::{
    models::{red_workspace, square},
    support::Folder,
};

#[test]
fn what_stands_out() {
    let folder = red_workspace();
    folder.write("square.png", square());
    let refused = folder.run(&["mask", "square.png", "--salient"]);
    assert!(refused.code == 3 && refused.stderr.contains("comfywright models pull red"), "{refused:?}");
    assert!(!folder.path("masks").exists());
    assert_eq!(folder.run(&["models", "pull", "red", "--yes"]).code, 0);
    let made = folder.run(&["mask", "square.png", "--salient", "--out", "out", "--json"]).json();
    let layer = &made["data"]["layers"][0];
    assert_eq!((&layer["file"], &layer["label"]), (&json!("out/square-salient.png"), &json!("salient")));
    assert!(layer["score"].as_f64().unwrap() > 0.85, "{layer}");
    assert!((layer["factors"]["area"].as_f64().unwrap() - 0.25).abs() < 0.02, "{layer}");
    let bbox: Vec<i64> = layer["bbox"].as_array().unwrap().iter().map(|side| side.as_i64().unwrap()).collect();
    assert!(bbox.iter().zip([24, 16, 72, 48]).all(|(found, wanted)| (found - wanted).abs() <= 1), "{bbox:?}");
    let mask = image::open(folder.path("out/square-salient.png")).unwrap();
    assert_eq!((mask.width(), mask.height(), mask.color()), (96, 64, image::ColorType::L8));
    assert_eq!(image::open(folder.path("out/square-overlay.png")).unwrap().width(), 96);
}

#[test]
fn colours_documents_and_what_is_none() {
    let folder = red_workspace();
    folder.write("square.png", square());
    let made = folder.run(&["mask", "square.png", "--near", "#14a028", "--invert", "--json"]).json();
    assert_eq!(made["data"]["layers"][0]["bbox"], json!([24, 16, 72, 48]));
    let empty = folder.run(&["mask", "square.png", "--near", "#0000ff", "--json"]).json();
    assert_eq!(
        (&empty["data"]["layers"][0]["bbox"], &empty["diagnostics"][0]["code"]),
        (&json!(null), &json!("empty-mask"))
    );
    folder.write(
        "pipelines/two.toml",
        "kind = \"mask\"\nformat = 1\nname = \"two\"\nversion = \"1.0.0\"\n\
         [[layer]]\nname = \"left\"\nshape = { type = \"rectangle\", width = 0.5 }\n\
         [[layer]]\nname = \"red\"\ncolor = \"#e6141e\"\nblend = \"intersect\"\n",
    );
    let made = folder.run(&["mask", "square.png", "--document", "two", "--json"]).json();
    let labels: Vec<_> =
        made["data"]["layers"].as_array().unwrap().iter().map(|layer| layer["label"].clone()).collect();
    assert_eq!(labels, [json!("left"), json!("red")]);
    // All layers in one: what is red and left.
    let merged = image::open(folder.path("masks/square-merged.png")).unwrap().into_luma8();
    assert_eq!([(30, 30), (60, 30), (10, 30)].map(|(x, y)| merged.get_pixel(x, y).0[0]), [255, 0, 0]);
    for (arguments, said) in [
        (&["mask", "nowhere.png", "--near", "#000000"][..], "nowhere.png"),
        (&["mask", "comfywright.toml", "--near", "#000000"], "it is not a PNG"),
        (&["mask", "square.png", "--near", "red"], "is not a colour"),
        (&["mask", "square.png"], "required"),
        (&["mask", "square.png", "--salient", "--model", "open-nsfw"], "is a classifier"),
        (&["mask", "square.png", "--document", "three"], "there is no document"),
    ] {
        let answer = folder.run(arguments);
        assert!(answer.code == 2 && answer.stderr.contains(said), "{arguments:?}: {answer:?}");
    }
}

/// Files of every kind: each gives a mask of its size, or says what is wrong.
#[test]
fn odd_images() {
    let folder = red_workspace();
    assert_eq!(folder.run(&["models", "pull", "red", "--yes"]).code, 0);
    folder.copy("fixtures/images", "images");
    for name in ["animated.gif", "cmyk.jpg", "grey16.png", "rgba.tiff", "palette-transparent.png", "orientation-6.png"]
    {
        let made = folder.run(&["mask", &format!("images/{name}"), "--salient", "--json"]);
        assert_eq!(made.code, 0, "{name}: {made:?}");
        let data = made.json()["data"].clone();
        let mask = image::open(folder.path(data["layers"][0]["file"].as_str().unwrap())).unwrap();
        assert_eq!(
            (json!(mask.width()), json!(mask.height())),
            (data["width"].clone(), data["height"].clone()),
            "{name}"
        );
    }
    for name in ["bomb.png", "bomb-header-only.png", "empty.png", "truncated.png", "not-an-image.png"] {
        let refused = folder.run(&["mask", &format!("images/{name}"), "--salient"]);
        assert_eq!(refused.code, 2, "{name}: {refused:?}");
    }
}

/// Two layers over a size, and what they are exported as.
fn layered(export: &str) -> String {
    format!(
        "kind = \"mask\"\nformat = 1\nname = \"two\"\nversion = \"1.0.0\"\nsize = [96, 64]\n\
         [[layer]]\nname = \"window\"\nopacity = 0.75\nfeather = 4\n\
         shape = {{ type = \"rectangle\", x = 0.25, y = 0.25, width = 0.5, height = 0.5 }}\n\
         [[layer]]\nname = \"hole\"\nblend = \"subtract\"\nopacity = 0.5\nshape = {{ type = \"ellipse\", width = 0.5 }}\n\
         [export]\n{export}\n"
    )
}

/// The frames of an animated file, grey.
fn frames(folder: &Folder, path: &str) -> Vec<Vec<u8>> {
    let bytes = std::io::Cursor::new(fs::read(folder.path(path)).unwrap());
    let frames = match path.rsplit('.').next() {
        Some("gif") => image::codecs::gif::GifDecoder::new(bytes).unwrap().into_frames(),
        Some("webp") => image::codecs::webp::WebPDecoder::new(bytes).unwrap().into_frames(),
        _ => image::codecs::png::PngDecoder::new(bytes).unwrap().apng().unwrap().into_frames(),
    };
    frames.map(|frame| image::DynamicImage::from(frame.unwrap().into_buffer()).into_luma8().into_raw()).collect()
}

/// A mask document runs by itself: the mask is among the outputs, and its layers are in the file that it names.
#[test]
fn documents_run_and_export_their_layers() {
    let folder = Folder::with(&[]);
    for (name, export) in [
        ("folder", "format = \"layered\"\npath = \"../out/layers/\"\nbits = 16"),
        ("ora", "format = \"layered\"\npath = \"../out/two.ora\""),
        ("psd", "format = \"layered\"\npath = \"../out/two.psd\""),
        ("tiff", "format = \"layered\"\npath = \"../out/two.tiff\"\nbits = 16"),
        ("png", "format = \"merged\"\npath = \"../out/merged.png\"\nbits = 16"),
    ] {
        folder.write(&format!("pipelines/{name}.toml"), layered(export).replace("\"two\"", &format!("\"{name}\"")));
        let ran = folder.run(&["run", &format!("pipelines/{name}.toml"), "--json"]);
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        assert_eq!(folder.run(&["check", &format!("pipelines/{name}.toml")]).code, 0, "{name}");
    }
    let list: Value = serde_json::from_str(&folder.read("out/layers/manifest.json")).unwrap();
    assert_eq!((&list["width"], &list["layers"][1]["blend"]), (&json!(96), &json!("subtract")));
    let files = ["00-window.png", "01-hole.png", "merged.png"];
    let pngs: BTreeMap<&str, Vec<u16>> = files.map(|file| (file, words(&folder, &format!("out/layers/{file}")))).into();
    assert_eq!(words(&folder, "out/merged.png"), pngs["merged.png"]);
    // window at three quarters, less half the hole: by hand, in the middle of each and where they meet.
    let at = |file: &str, x: usize, y: usize| f64::from(pngs[file][y * 96 + x]) / 65_535.0;
    for (x, y) in [(60, 32), (24, 32), (10, 32), (90, 5), (40, 18), (24, 30)] {
        let below = 0.75 * at(files[0], x, y);
        let wanted = below + 0.5 * ((below - at(files[1], x, y)).max(0.0) - below);
        assert!((at(files[2], x, y) - wanted).abs() < 1e-4, "{x} {y}");
    }
    assert_eq!(
        read_pages(&folder),
        vec![
            ("background".to_owned(), vec![0; 96 * 64]),
            ("window".to_owned(), pngs[files[0]].clone()),
            ("hole".to_owned(), pngs[files[1]].clone()),
            ("merged".to_owned(), pngs[files[2]].clone()),
        ]
    );
    check_openraster(&folder, &pngs[files[1]]);
    assert!(fs::read(folder.path("out/two.psd")).unwrap().starts_with(b"8BPS\0\x01"));
}

fn words(folder: &Folder, path: &str) -> Vec<u16> {
    image::open(folder.path(path)).unwrap().into_luma16().into_raw()
}

/// Names and pixels of the pages of `out/two.tiff`.
fn read_pages(folder: &Folder) -> Vec<(String, Vec<u16>)> {
    let mut decoder = tiff::decoder::Decoder::new(fs::File::open(folder.path("out/two.tiff")).unwrap()).unwrap();
    let mut pages = Vec::new();
    loop {
        let name = decoder.get_tag_ascii_string(tiff::tags::Tag::Unknown(285)).unwrap();
        let tiff::decoder::DecodingResult::U16(pixels) = decoder.read_image().unwrap() else { panic!("16 bits") };
        pages.push((name, pixels));
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().unwrap();
    }
}

/// The first file says what it is and is not packed; the layers are listed from the top.
fn check_openraster(folder: &Folder, hole: &[u16]) {
    let bytes = fs::read(folder.path("out/two.ora")).unwrap();
    assert_eq!(&bytes[30..54], b"mimetypeimage/openraster");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut read = |name: &str| {
        let mut out = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut out).unwrap();
        out
    };
    let stack = String::from_utf8(read("stack.xml")).unwrap();
    let rows: Vec<&str> = stack.lines().filter(|line| line.contains("<layer ")).collect();
    assert!(rows[0].contains("name=\"hole\"") && rows[0].contains("opacity=\"0.5\""), "{stack}");
    assert!(rows[1].contains("name=\"window\"") && rows[2].contains("name=\"background\""), "{stack}");
    let top = image::load_from_memory(&read("data/layer2.png")).unwrap().into_luma8().into_raw();
    assert!(top.iter().zip(hole).all(|(byte, word)| (i32::from(*byte) * 257 - i32::from(*word)).abs() <= 129));
    assert_eq!(image::load_from_memory(&read("Thumbnails/thumbnail.png")).unwrap().width(), 96);
    assert_eq!(image::load_from_memory(&read("mergedimage.png")).unwrap().height(), 64);
}

const MOVING: &str = "kind = \"mask\"\nformat = 1\nname = \"NAME\"\nversion = \"1.0.0\"\nsize = [80, 40]\n\
    [[layer]]\nname = \"dot\"\nshape = { type = \"rectangle\", y = 0.25, width = 0.25, height = 0.5 }\n\
    keyframes = [{ frame = 0, x = 0.0 }, { frame = 3, x = 0.75, ease = \"linear\" }]\n\
    [export]\nformat = \"frames\"\nfps = 10\npath = \"../out/PATH\"\n";

/// A quarter of the width further at each frame, in every kind of file.
#[test]
fn keyframes_are_frames() {
    let folder = Folder::with(&[]);
    for (name, path) in [("a", "a.png"), ("b", "b.gif"), ("c", "c.webp"), ("d", "d/")] {
        folder.write(&format!("pipelines/{name}.toml"), MOVING.replace("NAME", name).replace("PATH", path));
        let ran = folder.run(&["run", &format!("pipelines/{name}.toml"), "--json"]);
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        let frames: Vec<Vec<u8>> = if path.ends_with('/') {
            let list: Value = serde_json::from_str(&folder.read("out/d/manifest.json")).unwrap();
            assert_eq!(list["fps"], 10.0);
            let names = list["frames"].as_array().unwrap().clone();
            let open = |name: &Value| image::open(folder.path(&format!("out/d/{}", name.as_str().unwrap())));
            names.iter().map(|name| open(name).unwrap().into_luma8().into_raw()).collect()
        } else {
            frames(&folder, &format!("out/{path}"))
        };
        assert_eq!(frames.len(), 4, "{name}");
        for (number, frame) in frames.iter().enumerate() {
            for (at, pixel) in frame.iter().enumerate() {
                let inside = (10..30).contains(&(at / 80)) && (at % 80) / 20 == number;
                assert_eq!(*pixel, if inside { 255 } else { 0 }, "{name} {number} {at}");
            }
        }
    }
}

/// For an image: named in the document, or on the command line; and as its transparency.
#[test]
fn documents_for_an_image() {
    let folder = red_workspace();
    folder.write("square.png", square());
    let document = "kind = \"mask\"\nformat = 1\nname = \"red\"\nversion = \"1.0.0\"\n\
        [[layer]]\nname = \"red\"\ncolor = \"#e6141e\"\n\
        [export]\nformat = \"merged\"\npath = \"../out/cut.png\"\nalpha = true\n";
    folder.write("pipelines/red.toml", document);
    let refused = folder.run(&["run", "pipelines/red.toml"]);
    assert!(refused.code == 2 && refused.stderr.contains("--set image="), "{refused:?}");
    let ran = folder.run(&["run", "pipelines/red.toml", "--set", "image=../square.png", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let cut = image::open(folder.path("out/cut.png")).unwrap().into_rgba8();
    assert_eq!((cut.get_pixel(48, 32).0, cut.get_pixel(2, 2).0[3]), ([230, 20, 30, 255], 0));
    let made = folder.run(&["mask", "square.png", "--document", "red", "--out", "m", "--json"]).json();
    assert_eq!(made["data"]["exported"], json!(["m/cut.png"]));
    assert_eq!(image::open(folder.path("m/cut.png")).unwrap().into_rgba8(), cut);
}
