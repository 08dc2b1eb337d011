//! Masks by words with the model that is part of the program, on drawn scenes whose masks are known.

use std::fs;

use serde_json::{Value, json};

use super::support::{Folder, repository};

/// A folder with the scenes; nothing was fetched for it.
fn scenes() -> Folder {
    let folder = Folder::new();
    folder.write("comfywright.toml", "[store]\nmodels = \"cache\"\n");
    folder.copy("fixtures/shapes", ".");
    folder
}

fn queries() -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(repository().join("fixtures/shapes/queries.json")).unwrap()).unwrap()
}

/// Where the things of a query are, and where all layers together are, pixel by pixel.
fn wanted_and_found(folder: &Folder, query: &Value, layers: &[Value]) -> Vec<(bool, bool)> {
    let things = image::open(folder.path(&format!("things-{}.png", query["scene"]))).unwrap().into_luma8();
    let masks: Vec<image::GrayImage> = layers
        .iter()
        .map(|layer| image::open(folder.path(layer["file"].as_str().unwrap())).unwrap().into_luma8())
        .collect();
    let meant = |thing: u8| query["things"].as_array().unwrap().contains(&json!(thing));
    let pixels = things.enumerate_pixels();
    pixels.map(|(x, y, thing)| (meant(thing.0[0]), masks.iter().any(|mask| mask.get_pixel(x, y).0[0] >= 128))).collect()
}

fn overlap(pixels: &[(bool, bool)]) -> f64 {
    let both = pixels.iter().filter(|(a, b)| *a && *b).count();
    let any = pixels.iter().filter(|(a, b)| *a || *b).count();
    if any == 0 { 1.0 } else { both as f64 / any as f64 }
}

/// The right masks, through the whole program; nothing where nothing is meant.
#[test]
fn scenes_are_masked_by_words() {
    let folder = scenes();
    let mut overlaps = Vec::new();
    for query in queries() {
        let (words, scene) = (query["words"].as_str().unwrap(), format!("scene-{}.png", query["scene"]));
        let made = folder.run(&["mask", &scene, words, "--model", "shapes", "--out", "out", "--json"]);
        let answer = made.json();
        let layers = answer["data"]["layers"].as_array().unwrap();
        if layers.is_empty() {
            let found = &answer["diagnostics"][0];
            assert_eq!((made.code, &found["code"]), (1, &json!("nothing-found")), "{words}: {answer}");
        }
        overlaps.push((overlap(&wanted_and_found(&folder, &query, layers)), scene, words.to_owned()));
    }
    let mean = overlaps.iter().map(|(overlap, ..)| overlap).sum::<f64>() / overlaps.len() as f64;
    assert!(overlaps.len() > 30 && mean > 0.8, "{mean}: {overlaps:?}");
}

/// It is a demonstration: photographs are never looked at with it unless it is asked for.
#[test]
fn it_is_used_only_where_it_is_named() {
    let folder = scenes();
    let refused = folder.run(&["mask", "scene-1.png", "the red circle"]);
    assert!(refused.code == 2 && refused.stderr.contains("no model here finds things"), "{refused:?}");
    let layers = "kind = \"mask\"\nformat = 1\nname = \"shapes\"\nversion = \"1.0.0\"\nimage = \"../scene-1.png\"\n\
                  [[layer]]\nname = \"all\"\nsemantic = \"all things\"\nmodel = \"shapes\"\n";
    folder.write("pipelines/shapes.toml", layers);
    let checked = folder.run(&["check", "--json"]);
    assert_eq!((checked.code, checked.json()["diagnostics"].clone()), (0, json!([])), "{checked:?}");
    let made = folder.run(&["mask", "scene-1.png", "--document", "shapes", "--out", "out", "--json"]).json();
    let all: Vec<u64> = (1..10).collect();
    let query = json!({ "scene": 1, "things": all });
    let found = wanted_and_found(&folder, &query, made["data"]["layers"].as_array().unwrap());
    assert!(overlap(&found) > 0.8, "{}", overlap(&found));
    assert_eq!(folder.run(&["run", "pipelines/shapes.toml"]).code, 0);

    for (old, new, code, line) in [
        ("\"shapes\"\n[[", "\"shapes\"\n[[", None, 0),
        ("all things", "all dogs", Some("bad-query"), 8),
        ("all things", "all wooden things", Some("bad-query"), 8),
        ("model = \"shapes\"", "model = \"shape\"", Some("unknown-model"), 9),
        ("model = \"shapes\"", "model = \"u2net\"", Some("wrong-model"), 9),
        ("\nmodel = \"shapes\"", "", Some("no-detector"), 8),
    ] {
        folder.write("pipelines/shapes.toml", layers.replace(old, new));
        let checked = folder.run(&["check", "--json"]).json();
        let found = checked["diagnostics"].get(0).cloned();
        let found = found.map(|found| (found["code"].as_str().unwrap().to_owned(), found["line"].as_i64().unwrap()));
        assert_eq!(found, code.map(|code| (code.to_owned(), line)), "{new}: {checked}");
    }
}

#[test]
fn words_that_it_was_not_taught_are_told() {
    let folder = scenes();
    for (words, said) in [
        ("the red circel", "\"circel\" is no known thing; near are circle"),
        ("the wooden star", "the model was not taught the word \"wooden\""),
        ("the dog", "the model shapes knows circle, square"),
        ("the red blue star", "it contradicts itself"),
    ] {
        let refused = folder.run(&["mask", "scene-1.png", words, "--model", "shapes"]);
        assert!(refused.code == 2 && refused.stderr.contains(said), "{words}: {refused:?}");
    }
    assert!(!folder.path("masks").exists(), "nothing was written");
}

#[test]
fn it_is_always_here() {
    let folder = scenes();
    let rows = folder.run(&["models", "list", "--json"]).json();
    let row = rows["data"]["models"].as_array().unwrap().iter().find(|row| row["name"] == "shapes").cloned().unwrap();
    assert_eq!((&row["state"], &row["role"], &row["manifest"]), (&json!("here"), &json!("segmenter"), &Value::Null));
    assert_eq!(folder.run(&["models", "verify", "shapes"]).code, 0);
    assert_eq!(folder.run(&["models", "pull", "shapes", "--yes"]).code, 0);
    let refused = folder.run(&["models", "remove", "shapes"]);
    assert!(refused.code == 2 && refused.stderr.contains("is part of the program"), "{refused:?}");
}
