//! `import`.

use serde_json::{Value, json};

use super::support::{Folder, repository};

const SERVER: &str = "fixtures/graph/server-0.33.0.json";

fn fixture(case: &str) -> String {
    repository().join("fixtures/import").join(case).to_str().unwrap().to_owned()
}

fn server() -> String {
    repository().join(SERVER).to_str().unwrap().to_owned()
}

/// A picture, softened: a preset that runs here.
const SOFT: &str = r#"kind = "preset"
format = 1
name = "soft"
version = "2.1.0"
title = "A picture, softened"

[params.photo]
type = "image"
required = true
help = "What is softened."

[params.radius]
type = "int"
default = 2
min = 1
max = 31

[node.load.LoadImage]
image = "{photo}"

[node.blur]
title = "Soft {one}"

[node.blur.ImageBlur]
image = "@load.IMAGE"
blur_radius = "{radius}"
sigma = 1.0

[outputs]
image = "@blur.IMAGE"
"#;

#[test]
fn a_graph_becomes_a_preset_of_the_workspace() {
    let folder = Folder::with(&[]);
    let import = |more: &[&str]| {
        let file = fixture("text-to-image/in.json");
        folder.run(&[&["import", &file, "--name", "bottle", "--object-info", &server()], more].concat())
    };
    let answer = import(&[]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    for told in ["pipelines/bottle.toml", "nodes       7", "parameters  prompt, negative, checkpoint, seed", "image"] {
        assert!(answer.stdout.contains(told), "{told}: {answer:?}");
    }
    let text = folder.read("pipelines/bottle.toml");
    assert_eq!(folder.run(&["fmt", "--check"]).code, 0, "it is in the canonical layout");
    let checked = folder.run(&["check", "--object-info", &server()]);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{checked:?}");

    let again = import(&[]);
    assert!(again.code == 2 && again.stderr.contains("--force"), "{again:?}");
    folder.write("pipelines/bottle.toml", "x");
    assert_eq!(import(&["--force"]).code, 0);
    assert_eq!(folder.read("pipelines/bottle.toml"), text);
    let other = import(&["--format", "kdl"]);
    assert!(other.code == 2 && other.stderr.contains("already"), "the name is taken: {other:?}");
}

#[test]
fn to_where_and_in_which_format() {
    let folder = Folder::with(&[]);
    let file = fixture("text-to-image/in.json");
    let shown = folder.run(&["import", &file, "--stdout", "--name", "x", "--format", "kdl"]);
    assert!(shown.code == 0 && shown.stdout.starts_with("kind preset\n"), "{shown:?}");
    assert!(shown.stderr.contains("--object-info"), "what is not known is said: {shown:?}");
    assert!(!folder.path("pipelines").exists());
    let answer = folder.run(&["import", &file, "--out", "deep/er/x.kdl", "--json"]).json();
    let preset = &answer["data"]["presets"][0];
    assert_eq!((&preset["name"], &preset["format"]), (&json!("in"), &json!("kdl")));
    assert_eq!(preset["text"], folder.read("deep/er/x.kdl"));
    assert_eq!(answer["diagnostics"][0]["code"], "not-examined");
    for wrong in
        [&["--out", "x.txt"][..], &["--out", "x.toml", "--format", "kdl"], &["--name", "A b"], &["--server", "gpu"]]
    {
        let answer = folder.run(&[&["import", &file], wrong].concat());
        assert_eq!(answer.code, 2, "{wrong:?}: {answer:?}");
    }
    assert_eq!(folder.run(&["import", "nothing.json"]).code, 2);
    assert_eq!(folder.run(&["import", "pipelines"]).code, 2, "a folder is no file");
}

#[test]
fn several_files_at_once() {
    let folder = Folder::with(&[]);
    let files = ["controlnet", "two-passes"].map(|case| {
        let name = format!("{case}.json");
        folder.write(&name, std::fs::read(fixture(&format!("{case}/in.json"))).unwrap());
        name
    });
    folder.write("broken.json", "{\n  \"3\": [\n");
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let answer = folder.run(&[&["import", "broken.json", "--json"], &files[..]].concat());
    let found = answer.json();
    assert_eq!(answer.code, 2, "one of them was wrong");
    let names: Vec<&Value> = found["data"]["presets"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["controlnet", "two-passes"], "the others were made");
    let wrong = &found["diagnostics"][0];
    assert_eq!(
        (&wrong["code"], &wrong["file"], &wrong["line"]),
        (&json!("json-syntax"), &json!("broken.json"), &json!(3))
    );
    for wrong in [["--name", "x"], ["--out", "x.toml"]] {
        assert_eq!(folder.run(&[&["import"], &wrong[..], &files].concat()).code, 2);
    }
}

#[test]
fn a_kept_workflow_goes_beside_its_preset() {
    let folder = Folder::with(&[]);
    let file = fixture("controlnet/in.json");
    let arguments = ["import", &file, "--name", "fox", "--keep-workflow", "--object-info", &server()];
    let answer = folder.run(&arguments);
    assert!(answer.code == 0 && answer.stdout.contains("graphs/fox.json"), "{answer:?}");
    let kept: Value = serde_json::from_str(&folder.read("pipelines/graphs/fox.json")).unwrap();
    assert_eq!(kept, serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()).unwrap());
    let checked = folder.run(&["check", "--object-info", &server()]);
    assert!(checked.code == 2 && checked.stdout.contains("details.safetensors"), "the server lacks it: {checked:?}");
    assert_eq!(checked.stdout.matches("error[").count(), 1, "but for a model: {checked:?}");
    std::fs::remove_file(folder.path("pipelines/fox.toml")).unwrap();
    let before = folder.snapshot("pipelines");
    assert_eq!(folder.run(&arguments).code, 2, "the workflow is there already");
    assert_eq!(folder.snapshot("pipelines"), before, "nothing was written");
}

#[test]
fn hostile_names_stay_inside() {
    let folder = Folder::with(&[]);
    let graph = std::fs::read(fixture("strings/in.json")).unwrap();
    folder.write("inner/..%2f..%2fetc%2fpasswd .json", &graph);
    folder.write("inner/日本.json", &graph);
    for (file, written) in
        [("inner/..%2f..%2fetc%2fpasswd .json", "2f-2fetc-2fpasswd"), ("inner/日本.json", "imported")]
    {
        let answer = folder.run(&["import", file]);
        assert_eq!(answer.code, 0, "{answer:?}");
        assert!(folder.path(&format!("pipelines/{written}.toml")).is_file(), "{answer:?}");
    }
    for name in ["../x", "/etc/x", "a/b", "", "-"] {
        let answer = folder.run(&["import", "inner/日本.json", &format!("--name={name}")]);
        assert_eq!(answer.code, 2, "{name}: {answer:?}");
    }
    assert_eq!(folder.snapshot("pipelines").len(), 2);
}

/// Savers that are linked to themselves.
fn circles(count: usize) -> String {
    let node = |i| format!("\"{i}\":{{\"class_type\":\"SaveImage\",\"inputs\":{{\"images\":[\"{i}\",0]}}}}");
    format!("{{{}}}", (0..count).map(node).collect::<Vec<_>>().join(","))
}

#[test]
fn a_graph_of_a_hundred_thousand_nodes_is_refused() {
    let folder = Folder::with(&[]);
    folder.write("large.json", circles(100_000));
    let answer = folder.run(&["import", "large.json"]);
    assert!(answer.code == 2 && answer.stderr.contains("100000 nodes"), "{answer:?}");
    assert!(!folder.path("pipelines").exists());
    folder.write("long.json", circles(11_000));
    let kept = folder.run(&["import", "long.json", "--keep-workflow", "--json"]);
    assert_eq!(kept.code, 0);
    assert_eq!(kept.json()["diagnostics"].as_array().unwrap().len(), 21, "the circles, and how many more");
}

#[test]
fn a_picture_gives_its_preset_back() {
    let folder = Folder::with(&[("soft.toml", SOFT)]);
    folder.copy("fixtures/images", "images");
    let ran = folder.run(&["run", "soft", "--set", "photo=../images/rgba.png", "--set", "radius=3"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let picture = only_picture(&folder, "outputs/soft");
    let shown = folder.run(&["import", &picture, "--stdout"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (0, SOFT), "{shown:?}");

    // Anywhere, under another name and in the other format.
    let elsewhere = Folder::with(&[]);
    elsewhere.write("made.png", std::fs::read(folder.path(&picture)).unwrap());
    let answer = elsewhere.run(&["import", "made.png", "--format", "kdl", "--name", "softer"]);
    assert!(answer.stdout.contains("made with   photo = \"../images/rgba.png\", radius = 3"), "{answer:?}");
    let back = elsewhere.run(&["convert", "pipelines/softer.kdl", "-o", "-"]).stdout;
    assert_eq!(back, SOFT.replace("\"soft\"", "\"softer\""));
    let show = folder.run(&["show", &picture]).stdout;
    assert!(show.contains("fingerprint") && !show.contains("LoadImage"), "a record is read in lines: {show}");
}

#[test]
fn a_picture_gives_a_kept_workflow_back() {
    let folder = Folder::with(&[]);
    folder.copy("fixtures/images", "images");
    let graph = json!({
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    });
    folder.write("invert.json", graph.to_string());
    assert_eq!(folder.run(&["import", "invert.json", "--keep-workflow"]).code, 0);
    let preset = folder.read("pipelines/invert.toml");
    let ran = folder.run(&["run", "invert", "--set", "image=../images/rgba.png"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let picture = only_picture(&folder, "outputs/invert");
    let elsewhere = Folder::with(&[]);
    elsewhere.write("made.png", std::fs::read(folder.path(&picture)).unwrap());
    assert_eq!(elsewhere.run(&["import", "made.png"]).code, 0);
    assert_eq!(elsewhere.read("pipelines/invert.toml"), preset);
    let kept: Value = serde_json::from_str(&elsewhere.read("pipelines/graphs/invert.json")).unwrap();
    assert_eq!(kept, graph);
}

fn only_picture(folder: &Folder, below: &str) -> String {
    let mut pictures = folder.snapshot(below).into_iter().map(|(path, _)| path);
    let picture = pictures.next().expect("a picture");
    assert_eq!(pictures.next(), None);
    picture.to_str().unwrap().to_owned()
}
