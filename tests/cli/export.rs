//! `export`: graphs that servers take, and workflows that the editor opens.

use serde_json::{Value, json};

use super::support::Folder;

const PRESET: &str = r#"kind = "preset"
format = 1
name = "picture"
version = "1.0.0"

[params.width]
type = "int"
default = 64

[params.photo]
type = "image"
required = true

[node.photo]
title = "The photograph"
[node.photo.LoadImage]
image = "{photo}"

[node.sharp]
bypass = true
[node.sharp.ImageSharpen]
image = "@photo.IMAGE"
sharpen_radius = 1
sigma = 1.0
alpha = 0.5

[node.fit.ImageScale]
image = "@sharp.IMAGE"
upscale_method = "area"
width = "{width}"
height = 48
crop = "center"

[outputs]
image = "@fit.IMAGE"
"#;

fn folder() -> Folder {
    let folder = Folder::with(&[("picture.toml", PRESET)]);
    let picture = image::RgbImage::new(8, 8);
    picture.save(folder.path("pipelines/a photo.png")).expect("a picture");
    folder
}

fn exported(folder: &Folder, arguments: &[&str]) -> Value {
    let given = ["export", "picture", "--set", "photo=a photo.png", "--json"];
    let answer = folder.run(&[&given[..], arguments].concat());
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.json()
}

#[test]
fn a_preset_becomes_a_graph() {
    let folder = folder();
    let answer = exported(&folder, &["--set", "width=32"]);
    let graph = &answer["data"]["graph"];
    assert_eq!(answer["diagnostics"], json!([]));
    assert_eq!(answer["data"]["inputs"], json!({"a photo.png": "pipelines/a photo.png"}));
    assert_eq!(graph["photo"]["inputs"]["image"], "a photo.png");
    assert_eq!(graph["fit"]["inputs"]["width"], 32);
    assert_eq!(graph["fit"]["inputs"]["image"], json!(["photo", 0]), "what is bypassed is passed by");
    let classes: Vec<&str> = graph.as_object().unwrap().values().filter_map(|n| n["class_type"].as_str()).collect();
    assert_eq!(classes, ["LoadImage", "ImageScale", "SaveImage"]);
    folder.write("graph.json", graph.to_string());
    assert_eq!(folder.run(&["check", "graph.json"]).code, 0);
}

#[test]
fn a_preset_becomes_a_workflow() {
    let folder = folder();
    let answer = exported(&folder, &["--format", "ui"]);
    let workflow = &answer["data"]["graph"];
    let nodes = workflow["nodes"].as_array().unwrap();
    let told: Vec<(&str, i64)> =
        nodes.iter().map(|n| (n["type"].as_str().unwrap(), n["mode"].as_i64().unwrap())).collect();
    assert_eq!(told, [("LoadImage", 0), ("ImageSharpen", 4), ("ImageScale", 0), ("SaveImage", 0)]);
    assert_eq!(nodes[0]["title"], "The photograph");
    assert_eq!(nodes[2]["widgets_values"], json!(["area", 64, 48, "center"]));
    let x = |node: &Value| node["pos"][0].as_f64().unwrap();
    assert!(nodes.windows(2).all(|pair| x(&pair[0]) < x(&pair[1])), "from left to right");
    // The editor sends the graph that is exported as one.
    folder.write("workflow.json", workflow.to_string());
    let sent = folder.run(&["graph", "api", "workflow.json"]);
    let sent: Value = serde_json::from_str(&sent.stdout).unwrap();
    assert_eq!(sent["3"]["inputs"]["image"], json!(["1", 0]), "{sent}");
    // And it becomes a preset again.
    assert_eq!(folder.run(&["import", "workflow.json", "--name", "again"]).code, 0);
    assert!(folder.read("pipelines/again.toml").contains("bypass = true"));
}

#[test]
fn files_are_not_replaced_and_items_are_named() {
    let folder = folder();
    let to_file = ["export", "picture", "--set", "photo=a photo.png", "--out", "out.json"];
    assert!(folder.run(&to_file).stdout.contains("belongs into the input folder"));
    let again = folder.run(&to_file);
    assert!(again.code == 2 && again.stderr.contains("--force"), "{again:?}");
    assert_eq!(folder.run(&[&to_file[..], &["--force"]].concat()).code, 0);
    let chain = r#"kind = "chain"
format = 1
name = "two"
version = "1.0.0"

[task.make]
type = "graph"
[task.make.foreach]
color = [1, 2]
[task.make.node.empty.EmptyImage]
width = 8
height = 8
batch_size = 1
color = "{color}"
[task.make.outputs]
image = "@empty.IMAGE"

[task.small]
type = "resize"
with.image = "@make"
with.width = 4
with.height = 4
"#;
    folder.write("pipelines/two.toml", chain);
    let which = folder.run(&["export", "two"]);
    assert!(which.code == 2 && which.stderr.contains("name one with --item: make, small"), "{which:?}");
    let item = folder.run(&["export", "two", "--item", "make[color=2]", "--json"]).json();
    assert_eq!(item["data"]["graph"]["empty"]["inputs"]["color"], 2, "{item}");
    let none = folder.run(&["export", "two", "--item", "make[color=3]"]);
    assert!(none.code == 2 && none.stderr.contains("there is no item make[color=3]"), "{none:?}");
    let made = folder.run(&["export", "two", "--item", "small", "--json"]).json();
    assert_eq!(made["data"]["made"], json!({"image": "image.png"}), "{made}");
}
