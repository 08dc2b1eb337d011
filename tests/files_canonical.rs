//! Every directory of `fixtures/files/canonical` holds one document in both formats, each in its
//! canonical layout.

mod files_support;

use std::{fs, path::Path, sync::Arc};

use comfywright::files::{Node, Shape, kdl, toml};
use files_support::shape_of;

fn read(case: &Path, name: &str) -> String {
    fs::read_to_string(case.join(name)).unwrap()
}

fn from_toml(text: &str) -> Node {
    let (node, diagnostics) = toml::parse(text, &Arc::from("document.toml"));
    assert_eq!(diagnostics, [], "{text}");
    node.unwrap()
}

fn from_kdl(text: &str) -> Node {
    let (node, diagnostics) = kdl::parse(text, &Arc::from("document.kdl"), &shape_of);
    assert_eq!(diagnostics, [], "{text}");
    node.unwrap()
}

fn shape(node: &Node) -> Shape {
    let json = node.to_json();
    shape_of(json.get("kind").and_then(|k| k.as_str())).unwrap()
}

fn cases() -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/files/canonical");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 6);
    cases
}

#[test]
fn both_formats_say_the_same() {
    for case in cases() {
        let (toml, kdl) = (from_toml(&read(&case, "document.toml")), from_kdl(&read(&case, "document.kdl")));
        let pretty = |node: &Node| serde_json::to_string_pretty(&node.to_json()).unwrap();
        assert_eq!(toml.to_json(), kdl.to_json(), "{}\n{}\n{}", case.display(), pretty(&toml), pretty(&kdl));
    }
}
