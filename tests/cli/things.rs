//! Masks by words, boxes and points: a detector of coloured squares, and `NanoDet` where it is.

use std::io::Cursor;

use serde_json::{Value, json};

use super::{
    models::workspace,
    support::{Folder, repository},
};

/// A red square on the left, a blue one on the right, a red one at the bottom right, of 96 pixels.
fn squares() -> Vec<u8> {
    let mut image = image::RgbImage::from_pixel(256, 256, image::Rgb([128, 128, 128]));
    for (left, top, color) in [(0, 32, [230, 20, 30]), (160, 0, [20, 40, 230]), (160, 128, [228, 24, 34])] {
        (top..top + 96).for_each(|y| (left..left + 96).for_each(|x| image.put_pixel(x, y, image::Rgb(color))));
    }
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// A workspace with the detector `things`, and a picture of squares.
fn with_things() -> Folder {
    let folder = workspace();
    let file = repository().join("fixtures/models/things.onnx");
    let file = file.to_str().unwrap();
    let added = folder.run(&["models", "add", file, "--like", "nanodet", "--size", "64", "--licence", "MIT"]);
    assert_eq!(added.code, 0, "{added:?}");
    folder.write("squares.png", squares());
    folder
}

fn layers(folder: &Folder, words: &str) -> Vec<Value> {
    let made = folder.run(&["mask", "squares.png", words, "--out", "out", "--json"]);
    assert_eq!(made.code, 0, "{words}: {made:?}");
    made.json()["data"]["layers"].as_array().unwrap().clone()
}

/// Intersection over union with a box.
fn overlap(folder: &Folder, layer: &Value, [left, top, right, bottom]: [u32; 4]) -> f64 {
    let mask = image::open(folder.path(layer["file"].as_str().unwrap())).unwrap();
    assert_eq!((mask.width(), mask.height(), mask.color()), (256, 256, image::ColorType::L8));
    let mask = mask.into_luma8();
    let is_in = |x: u32, y: u32| (left..right).contains(&x) && (top..bottom).contains(&y);
    let counts = mask.enumerate_pixels().map(|(x, y, value)| (value.0[0] >= 128, is_in(x, y)));
    let (both, any) = counts.fold((0, 0), |(both, any), (a, b)| (both + u32::from(a && b), any + u32::from(a || b)));
    f64::from(both) / f64::from(any)
}

const LEFT: [u32; 4] = [0, 32, 96, 128];
const BLUE: [u32; 4] = [160, 0, 256, 96];
const BELOW: [u32; 4] = [160, 128, 256, 224];

#[test]
fn words_find_things() {
    let folder = with_things();
    for (words, wanted) in [
        ("the red apple on the left side", &[("apple", LEFT)][..]),
        ("the blue book", &[("book", BLUE)]),
        ("all apples except the one on the left", &[("apple", BELOW)]),
        ("the second apple from the left", &[("apple", BELOW)]),
        ("the apple below the book", &[("apple", BELOW)]),
        ("the book and the left apple", &[("book", BLUE), ("apple", LEFT)]),
        ("everything except the apples", &[("book", BLUE)]),
    ] {
        let layers = layers(&folder, words);
        assert_eq!(layers.len(), wanted.len(), "{words}: {layers:?}");
        for (layer, (label, bounds)) in layers.iter().zip(wanted) {
            assert_eq!(layer["label"], json!(label), "{words}");
            let iou = overlap(&folder, layer, *bounds);
            assert!(iou > 0.93, "{words}: {iou}");
        }
    }
    let both = layers(&folder, "two apples");
    let files: Vec<&str> = both.iter().map(|layer| layer["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["out/squares-apple-1.png", "out/squares-apple-2.png"]);
    let factors = layers(&folder, "the red apple on the left")[0]["factors"].clone();
    let names: Vec<&String> = factors.as_object().unwrap().keys().collect();
    assert_eq!(names, ["detector", "red", "on the left", "outline", "area"]);
    assert!(folder.path("out/squares-overlay.png").exists());
}

#[test]
fn what_is_not_there_or_not_known() {
    let folder = with_things();
    let none = folder.run(&["mask", "squares.png", "the yellow apple", "--json"]);
    assert_eq!(none.code, 1, "{none:?}");
    let none = none.json();
    let found = &none["diagnostics"][0];
    assert_eq!((&found["code"], &none["data"]["layers"]), (&json!("nothing-found"), &json!([])));
    assert!(found["hint"].as_str().unwrap().contains("yellow 0.02"), "{found}");
    let absent = folder.run(&["mask", "squares.png", "the zebra"]);
    assert!(absent.code == 1 && absent.stderr.contains("the zebra is not in the picture"), "{absent:?}");
    let few = folder.run(&["mask", "squares.png", "three apples", "--json"]).json();
    assert_eq!(few["diagnostics"][0]["code"], "partly-found");
    for (arguments, said) in [
        (&["mask", "squares.png", "the unicorn"][..], "\"unicorn\" is no known thing"),
        (&["mask", "squares.png", "the red cra"], "\"cra\" is no known thing; near are car"),
        (&["mask", "squares.png", ""], "the query is empty"),
        (&["mask", "squares.png", "the large small apple"], "it contradicts itself: large and small"),
        (&["mask", "squares.png", "the apple", "--confidence", "1.5"], "must be 0 to 1"),
        (&["mask", "squares.png", "the apple", "--model", "u2net"], "is a salient"),
        (&["mask", "squares.png", "the apple", "--salient"], "cannot be used with"),
        (&["mask", "nowhere.png", "the apple"], "nowhere.png"),
        (&["mask", "squares.png", "--box", "1,2,3"], "a box has four numbers"),
        (&["mask", "squares.png", "--box", "90,20,30,40"], "a box is LEFT,TOP,RIGHT,BOTTOM"),
        (&["mask", "squares.png", "--points", "300,20"], "is not in the image of 256 x 256"),
    ] {
        let refused = folder.run(arguments);
        assert!(refused.code == 2 && refused.stderr.contains(said), "{arguments:?}: {refused:?}");
    }
    let bare = workspace();
    bare.write("squares.png", squares());
    let refused = bare.run(&["mask", "squares.png", "the apple"]);
    assert!(refused.code == 2 && refused.stderr.contains("comfywright models add"), "{refused:?}");
}

#[test]
fn boxes_and_points() {
    let folder = workspace();
    folder.write("squares.png", squares());
    for arguments in [["--box", "140,110,256,240"], ["--box", "0.55,0.43,1,0.94"], ["--points", "200,180"]] {
        let made = folder.run(&[&["mask", "squares.png", "--json"], &arguments[..]].concat());
        assert_eq!(made.code, 0, "{made:?}");
        let iou = overlap(&folder, &made.json()["data"]["layers"][0], BELOW);
        assert!(iou > 0.9 || arguments[0] == "--points", "{arguments:?}: {iou}");
    }
    for size in [(1, 1), (2, 1), (3, 9)] {
        let mut bytes = Vec::new();
        let image = image::RgbImage::from_pixel(size.0, size.1, image::Rgb([9, 9, 9]));
        image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        folder.write("small.png", bytes);
        assert_eq!(folder.run(&["mask", "small.png", "--box", "0,0,1,1"]).code, 0, "{size:?}");
        assert_eq!(folder.run(&["mask", "small.png", "--points", "0.5,0.5"]).code, 0, "{size:?}");
    }
}

/// A document with words is checked, planned and run; without its detector it says how to get it.
#[test]
fn documents_find_things() {
    let document = "kind = \"mask\"\nformat = 1\nname = \"fruit\"\nversion = \"1.0.0\"\nimage = \"../squares.png\"\n\
                    [[layer]]\nname = \"apples\"\nsemantic = \"all apples\"\n\
                    [[layer]]\nname = \"left\"\nsemantic = \"the left apple\"\nconfidence = 0.2\nblend = \"subtract\"\n\
                    [[layer]]\nname = \"box\"\nbox = [0.6, 0.0, 1.0, 0.4]\n";
    let folder = with_things();
    folder.write("pipelines/fruit.toml", document);
    let checked = folder.run(&["check", "--json"]);
    assert_eq!((checked.code, checked.json()["diagnostics"].clone()), (0, json!([])));
    let ran = folder.run(&["run", "pipelines/fruit.toml", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let made = folder.run(&["mask", "squares.png", "--document", "fruit", "--out", "m", "--json"]).json();
    let merged = image::open(folder.path("m/squares-merged.png")).unwrap().into_luma8();
    assert_eq!(
        [(48, 80), (200, 180), (200, 40), (20, 200)].map(|(x, y)| merged.get_pixel(x, y).0[0]),
        [0, 255, 255, 0]
    );
    assert_eq!(made["data"]["layers"].as_array().map(Vec::len), Some(3));

    folder.write("pipelines/fruit.toml", document.replace("the left apple", "the left aple"));
    let wrong = folder.run(&["check", "--json"]);
    let found = wrong.json()["diagnostics"][0].clone();
    assert_eq!((wrong.code, &found["code"], &found["line"]), (2, &json!("bad-query"), &json!(11)), "{found}");
    assert!(found["message"].as_str().unwrap().contains("near are apple"), "{found}");

    folder.write("pipelines/fruit.toml", document);
    assert_eq!(folder.run(&["models", "remove", "things"]).code, 0);
    let absent = folder.run(&["check", "--json"]);
    assert_eq!((absent.code, absent.json()["diagnostics"][0]["code"].clone()), (0, json!("absent-model")));
    assert_eq!(folder.run(&["run", "pipelines/fruit.toml"]).code, 3);
    std::fs::remove_file(folder.path("models/things.toml")).unwrap();
    let unknown = folder.run(&["check", "--json"]);
    assert_eq!((unknown.code, unknown.json()["diagnostics"][0]["code"].clone()), (2, json!("no-detector")));
}
