//! `mask`: files, scores and boxes.

use serde_json::json;

use super::models::{red_workspace, square};

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
