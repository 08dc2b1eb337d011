//! Every directory of `fixtures/files/canonical` holds one document in both formats, each in its
//! canonical layout.

use std::{fs, path::Path, sync::Arc};

use super::support::shape_of;
use comfywright::files::{Node, Shape, kdl, toml};

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

#[test]
fn printing_reproduces_the_canonical_layout() {
    for case in cases() {
        let (toml_text, kdl_text) = (read(&case, "document.toml"), read(&case, "document.kdl"));
        let (from_toml, from_kdl) = (from_toml(&toml_text), from_kdl(&kdl_text));
        let shape = shape(&from_toml);
        assert_eq!(toml::print(&from_toml, &shape), toml_text, "fmt of TOML, {}", case.display());
        assert_eq!(kdl::print(&from_kdl, &shape), kdl_text, "fmt of KDL, {}", case.display());
        assert_eq!(kdl::print(&from_toml, &shape), kdl_text, "TOML to KDL, {}", case.display());
    }
}

#[test]
fn toml_survives_the_way_through_kdl() {
    for case in cases() {
        let text = read(&case, "document.toml");
        let tree = from_toml(&text);
        let shape = shape(&tree);
        let back = from_kdl(&kdl::print(&tree, &shape));
        assert_eq!(
            without_order_in_rows(&toml::print(&back, &shape)),
            without_order_in_rows(&text),
            "{}",
            case.display()
        );
    }
}

/// The chain's `product` row has its list in the middle; KDL has it last.
fn without_order_in_rows(text: &str) -> String {
    text.replace(r#"columns = ["sku", "name"], key = "sku""#, r#"key = "sku", columns = ["sku", "name"]"#)
}
