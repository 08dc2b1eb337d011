//! `fixtures/model/documents/<case>/document.toml` and `.kdl` say the same, have no faults, and
//! fit the schema of their kind.

use std::{fs, path::PathBuf, sync::Arc};

use comfywright::{
    content_hash::canonical_json,
    files::Format,
    model::{Document, Kind, Parsed, read_config, read_document, schema},
};
use serde_json::Value;

fn fixtures(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/model").join(folder)
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(fixtures("documents")).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    cases
}

fn read(case: &std::path::Path, format: Format) -> (String, Parsed<std::sync::Arc<Document>>) {
    let name = format!("document.{}", format.extension());
    let text = fs::read_to_string(case.join(&name)).unwrap();
    let parsed = read_document(&text, &Arc::from(name.as_str()), format);
    assert_eq!(parsed.diagnostics, [], "{}/{name}", case.display());
    (text, parsed)
}

fn as_json(parsed: &Parsed<std::sync::Arc<Document>>) -> Value {
    parsed.tree.as_ref().unwrap().to_json()
}

#[test]
fn both_formats_give_the_same_model() {
    for case in cases() {
        let toml = read(&case, Format::Toml).1.value.unwrap();
        let kdl = read(&case, Format::Kdl).1.value.unwrap();
        assert_eq!(lines(&toml), lines(&kdl), "{}", case.display());
        assert_eq!(toml.canonical_hash(), kdl.canonical_hash(), "{}", case.display());
        assert_eq!(toml.canonical_sha256(), kdl.canonical_sha256(), "{}", case.display());
    }
}

/// The canonical form, one value a line, so that a failure can be read.
fn lines(document: &Document) -> Vec<String> {
    canonical_json(&document.to_json()).split(',').map(str::to_owned).collect()
}

#[test]
fn there_is_a_case_for_every_kind() {
    for kind in Kind::ALL {
        let is_of_kind = |case: &PathBuf| read(case, Format::Toml).1.value.unwrap().kind() == kind;
        assert!(cases().iter().any(is_of_kind), "{kind:?}");
    }
}

#[test]
fn documents_fit_the_schemas() {
    let combined = jsonschema::validator_for(&schema::combined()).unwrap();
    for case in cases() {
        for format in [Format::Toml, Format::Kdl] {
            let parsed = read(&case, format).1;
            let json = as_json(&parsed);
            let own = jsonschema::validator_for(&schema::for_kind(parsed.value.unwrap().kind())).unwrap();
            let errors: Vec<_> = own.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new(), "{} {format:?}", case.display());
            assert!(combined.is_valid(&json), "{}", case.display());
        }
    }
}

#[test]
fn schemas_refuse_unknown_keys_everywhere() {
    for case in cases() {
        let parsed = read(&case, Format::Toml).1;
        let own = jsonschema::validator_for(&schema::for_kind(parsed.value.as_ref().unwrap().kind())).unwrap();
        let mut json = as_json(&parsed);
        json["nonsense"] = Value::from(1);
        assert!(!own.is_valid(&json), "{}", case.display());
    }
}

#[test]
fn the_configuration() {
    let text = fs::read_to_string(fixtures("config").join("comfywright.toml")).unwrap();
    let parsed = read_config(&text, &Arc::from("comfywright.toml"));
    assert_eq!(parsed.diagnostics, []);
    let validator = jsonschema::validator_for(&schema::for_config()).unwrap();
    let json = parsed.tree.unwrap().to_json();
    assert!(validator.is_valid(&json), "{:?}", validator.iter_errors(&json).map(|e| e.to_string()).collect::<Vec<_>>());
    let config = parsed.value.unwrap();
    assert_eq!(config.server["local"].tags, ["fast"]);
    assert_eq!((config.server["farm-2"].slots, config.server["farm-2"].prefetch), (1, 2));
}

#[test]
fn the_hash_knows_meaning_only() {
    let hash = |text: &str| {
        let parsed = read_document(text, &Arc::from("t.toml"), Format::Toml);
        assert_eq!(parsed.diagnostics, [], "{text}");
        parsed.value.unwrap().canonical_hash()
    };
    let head = "kind = \"chain\"\nformat = 1\nname = \"a\"\nversion = \"1.0.0\"\n";
    let base = hash(&format!("{head}[task.a]\ntype = \"upscale\"\nwith.scale = 2\nwith.image = \"a.png\"\n"));
    for same in [
        "[task.a] # a comment\nwith = { image = \"a.png\", scale = 2.0 }\ntype = 'upscale'\n",
        "mode = \"smart\"\n[task]\na.type = \"upscale\"\na.scale = 2\na.with.image = \"a.png\"\n",
    ] {
        assert_eq!(hash(&format!("{head}{same}")), base, "{same}");
    }
    for other in [
        "[task.a]\ntype = \"upscale\"\nwith.scale = 3\nwith.image = \"a.png\"\n",
        "[task.b]\ntype = \"upscale\"\nwith.scale = 2\nwith.image = \"a.png\"\n",
        "[task.a]\ntype = \"upscale\"\nwith.scale = 2\nwith.image = \"a.png\"\neach = true\n",
    ] {
        assert_ne!(hash(&format!("{head}{other}")), base, "{other}");
    }
}
