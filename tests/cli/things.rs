//! Masks by words, boxes and points: a detector of coloured squares, and `NanoDet` where it is.

use std::io::Cursor;

use serde_json::{Value, json};

use super::{
    models::{sha256_of, workspace},
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

/// The manifest of `colors.onnx`, a segmenter that knows the words of a few colours.
fn colors(text: &str) -> String {
    let folder = repository().join("fixtures/models");
    let file = |name: &str| {
        let (path, source) = (folder.join(name), format!("file:{name}"));
        let (size, sha256) = (std::fs::metadata(&path).unwrap().len(), sha256_of(&path));
        format!("[[file]]\nname = \"{name}\"\nsize = {size}\nsha256 = \"{sha256}\"\nsource = [\"{source}\"]\n")
    };
    format!(
        "format = 1\nname = \"colors\"\nrole = \"segmenter\"\nlicence = {{ spdx = \"MIT\" }}\n{text}{}{}[input]\n\
         name = \"picture\"\nshape = [1, 3, 64, 64]\n[output]\nshape = [1, 1, 64, 64]\nthen = [\"sigmoid\"]\n\
         [text]\ninput = \"ids\"\nattention = \"attention\"\nlength = 6\n",
        file("colors.onnx"),
        file("colors.json"),
    )
}

/// A workspace with the segmenter, asked as `text` says, and a picture of squares.
fn with_colors(head: &str, text: &str) -> Folder {
    let folder = workspace();
    for name in ["colors.onnx", "colors.json"] {
        std::fs::copy(repository().join("fixtures/models").join(name), folder.path(name)).unwrap();
    }
    folder.write("models/colors.toml", colors(head) + text);
    folder.write("squares.png", squares());
    let pulled = folder.run(&["models", "pull", "colors", "--yes"]);
    assert_eq!(pulled.code, 0, "{pulled:?}");
    folder
}

#[test]
fn a_segmenter_gives_candidates_that_the_query_chooses_among() {
    let folder = with_colors("", "tokenizer = \"colors.json\"\n");
    for (words, wanted) in [
        ("the red block on the left side", &[LEFT][..]),
        ("the blue block", &[BLUE]),
        ("all red blocks", &[LEFT, BELOW]),
        ("all blocks except the blue one", &[LEFT, BELOW]),
        ("the block below the blue block", &[BELOW]),
        ("the largest block at the bottom", &[BELOW]),
    ] {
        let found = layers(&folder, words);
        assert_eq!(found.len(), wanted.len(), "{words}: {found:?}");
        for place in wanted {
            let best = found.iter().map(|layer| overlap(&folder, layer, *place)).fold(0.0, f64::max);
            assert!(best > 0.9, "{words}: {best}");
        }
        assert!(
            found.iter().all(|layer| layer["label"] == "block" && layer["factors"]["detector"].as_f64() > Some(0.9))
        );
    }
    let nothing = folder.run(&["mask", "squares.png", "the green block", "--out", "out", "--json"]);
    assert_eq!((nothing.code, nothing.json()["diagnostics"][0]["code"].clone()), (1, json!("nothing-found")));
    let unnamed = folder.run(&["mask", "squares.png", "the red one", "--out", "out"]);
    assert!(unnamed.code == 2 && unnamed.stderr.contains("it names no thing"), "{unnamed:?}");

    // In a document, and with a promptable model that cuts out what is found.
    let document = "kind = \"mask\"\nformat = 1\nname = \"blocks\"\nversion = \"1.0.0\"\nimage = \"../squares.png\"\n\
                    [[layer]]\nname = \"left\"\nsemantic = \"the red block on the left\"\n";
    folder.write("pipelines/blocks.toml", document);
    assert_eq!(folder.run(&["check"]).code, 0);
    let made = folder.run(&["mask", "squares.png", "--document", "blocks", "--out", "m", "--json"]).json();
    assert!(overlap(&folder, &made["data"]["layers"][0], LEFT) > 0.9, "{made}");
    assert_eq!(folder.run(&["run", "pipelines/blocks.toml"]).code, 0);
}

#[test]
fn a_segmenter_may_be_asked_the_whole_sentence() {
    let text = "asks = \"query\"\nwords = [\"the\", \"thing\", \"red\", \"blue\", \"square\", \"and\"]\n";
    let folder = with_colors("only_by_name = true\n", text);
    // It is asked by its name alone.
    let unasked = folder.run(&["mask", "squares.png", "the red square", "--out", "out", "--json"]);
    assert_eq!(
        (unasked.code, unasked.stderr.contains("no-detector") || unasked.stdout.contains("comfywright models add")),
        (2, true)
    );
    let asked =
        |words: &str| folder.run(&["mask", "squares.png", words, "--model", "colors", "--out", "out", "--json"]);
    let made = asked("the red square");
    let found = made.json()["data"]["layers"].as_array().unwrap().clone();
    assert_eq!(found.len(), 2, "{made:?}");
    for place in [LEFT, BELOW] {
        let best = found.iter().map(|layer| overlap(&folder, layer, place)).fold(0.0, f64::max);
        assert!(best > 0.9, "{best}");
    }
    assert!(found[0]["file"].as_str().unwrap().ends_with("squares-the-red-square-1.png"), "{found:?}");
    let unknown = asked("the red squares");
    assert!(unknown.code == 2 && unknown.stdout.contains("near are square"), "{unknown:?}");
    let nothing = asked("the");
    assert_eq!((nothing.code, nothing.json()["diagnostics"][0]["code"].clone()), (1, json!("nothing-found")));
}
