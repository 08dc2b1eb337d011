//! The documents that the project ships: right, in the canonical layout, the same in both formats,
//! and able to run.

use std::{path::Path, process::Command};

use serde_json::Value;

fn comfywright(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_comfywright"))
        .args(arguments)
        .arg("--json")
        .current_dir(folder)
        .output()
        .expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let answer = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?} {:?}", output.stderr));
    (output.status.code().expect("it ends by itself"), answer)
}

/// What was found, but for models that nobody has fetched here.
fn findings(answer: &Value) -> Vec<&Value> {
    let found = answer["diagnostics"].as_array().expect("a list");
    found.iter().filter(|found| found["code"] != "absent-model").collect()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Signatures of a server's classes, with the model files that the presets name.
const SERVER: &str = "fixtures/graph/server-0.33.0.json";

#[test]
fn shipped_documents_are_right_and_in_layout() {
    let (code, answer) = comfywright(project(), &["check", "--object-info", SERVER]);
    assert_eq!((code, findings(&answer)), (0, Vec::new()), "{answer:#}");
    assert_eq!(answer["data"]["unexamined"], Value::from(Vec::<Value>::new()), "{answer:#}");
    let (code, answer) = comfywright(project(), &["fmt", "--check"]);
    assert_eq!(code, 0, "{answer:#}");
}

/// Without a server's classes, what runs on a server is not examined, and nothing worse is said.
#[test]
fn without_a_server_presets_are_not_examined() {
    let (code, answer) = comfywright(project(), &["check"]);
    assert_eq!(code, 0, "{answer:#}");
    let found = findings(&answer);
    assert!(!found.is_empty() && found.iter().all(|d| d["code"] == "not-examined"), "{answer:#}");
}

/// Every document names its schema, as `.ci/run` demands of the TOML ones.
#[test]
fn shipped_documents_name_their_schema() {
    let mut kinds = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(project().join("pipelines")).expect("readable") {
        let path = entry.expect("readable").path();
        let Some(extension) = path.extension().filter(|_| path.is_file()) else { continue };
        let text = std::fs::read_to_string(&path).expect("readable");
        let comment = if extension == "kdl" { "//" } else { "#" };
        let first = text.lines().next().unwrap_or_default();
        let schema =
            first.strip_prefix(&format!("{comment}:schema ../")).unwrap_or_else(|| panic!("{path:?}: {first}"));
        assert!(project().join(schema).is_file(), "{path:?}: there is no {schema}");
        kinds.insert(extension.to_owned());
    }
    assert_eq!(kinds.len(), 2, "documents in both formats");
}

#[test]
fn both_formats_of_the_catalog_give_one_plan() {
    let plan = |file: &str| {
        let (code, answer) = comfywright(project(), &["plan", file]);
        assert_eq!(code, 0, "{answer:#}");
        answer["data"].clone()
    };
    let toml = plan("pipelines/product-catalog.toml");
    assert_eq!(toml, plan("pipelines/product-catalog.kdl"));
    assert_eq!(toml["items"], 181);
}

/// Some of the photographs: an unoptimised build takes its time for all of them.
const PHOTOS: [&str; 3] = ["chelsea.jpg", "clock.png", "coffee.jpg"];

/// A copy of what the catalog needs, so that the project's own folders stay as they are.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&project().join("pipelines"), &folder.path().join("pipelines"));
    let photos = folder.path().join("fixtures/photos");
    std::fs::create_dir_all(&photos).expect("made");
    for photo in PHOTOS {
        std::fs::copy(project().join("fixtures/photos").join(photo), photos.join(photo)).expect("copied");
    }
    std::fs::copy(project().join("comfywright.toml"), folder.path().join("comfywright.toml")).expect("copied");
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("named"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

#[test]
fn the_catalog_runs_and_makes_nothing_twice() {
    let folder = copied();
    let (code, first) = comfywright(folder.path(), &["run", "pipelines/product-catalog.toml"]);
    assert_eq!(code, 0, "{first:#}");
    let counts = &first["data"]["counts"];
    let number = |counts: &Value, state: &str| counts[state].as_u64().unwrap_or(0);
    assert_eq!(number(counts, "done") + number(counts, "skipped"), 61, "{counts}");
    let routed = 9 - number(counts, "skipped");
    assert!(routed > 0 && routed < 9, "some of the photographs are soft: {routed}");
    let out = folder.path().join(first["data"]["folder"].as_str().expect("a folder"));
    let sheet = out.join("overview/overview.png");
    let size = image::image_dimensions(&sheet).expect("a picture");
    assert!(size.0 > 1000 && size.1 > 200, "{size:?}");

    let bytes = std::fs::read(&sheet).expect("readable");
    let texts = comfywright::imagefile::text_chunks(&bytes);
    let text = |key: &str| -> Value {
        let found = texts.iter().find(|(name, _)| name == key).unwrap_or_else(|| panic!("no chunk {key}"));
        serde_json::from_str(&found.1).expect("JSON")
    };
    assert!(text("prompt").as_object().is_some_and(|nodes| nodes.values().any(|n| n["class_type"] == "SaveImage")));
    assert!(text("workflow")["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty()));
    assert_eq!(text("comfywright")["document"], "product-catalog");

    // A score makes no files: it is measured, or looked up, each time.
    let (_, second) = comfywright(folder.path(), &["run", "pipelines/product-catalog.kdl"]);
    assert_eq!(number(&second["data"]["counts"], "done"), 9, "{second:#}");
    let (_, changed) = {
        let data = folder.path().join("pipelines/data/backdrops.csv");
        let text = std::fs::read_to_string(&data).expect("readable").replace("#46525e", "#305070");
        std::fs::write(&data, text).expect("written");
        comfywright(folder.path(), &["run", "pipelines/product-catalog.toml"])
    };
    let done = number(&changed["data"]["counts"], "done");
    assert!(done > 9 && done < 35, "only what the colour reaches is made again: {done}");
    let item = "scene[photo=../fixtures/photos/coffee.jpg,backdrop=slate]";
    let (_, why) = comfywright(folder.path(), &["explain", "last", item]);
    let changes = why["data"]["changes"].as_array().expect("a list");
    assert!(changes.iter().any(|c| c["part"] == "canvas.color"), "{why:#}");
    let (_, same) = comfywright(folder.path(), &["explain", "last", "cutout[photo=../fixtures/photos/coffee.jpg]"]);
    assert_eq!(same["data"]["changes"], Value::from(Vec::<Value>::new()));
}
