//! `fmt`.

use super::support::{Folder, TEMPLATE};

const UNTIDY: &str = "kind   = \"template\"\nformat=1\nname='greeting'\nversion = \"1.0.0\" # why\ntext = \"hello\"";
const TIDY: &str =
    "kind = \"template\"\nformat = 1\nname = \"greeting\"\nversion = \"1.0.0\"  # why\ntext = \"hello\"\n";

#[test]
fn formats_in_place() {
    let folder = Folder::with(&[("a.toml", UNTIDY), ("b.toml", TEMPLATE)]);
    let answer = folder.run(&["fmt", "--check"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stdout.contains("would format pipelines/a.toml"), "{answer:?}");
    assert_eq!(folder.read("pipelines/a.toml"), UNTIDY, "--check writes nothing");
    let json = folder.run(&["fmt", "--check", "--json"]).json();
    assert_eq!(json["data"]["changed"], serde_json::json!(["pipelines/a.toml"]));
    let answer = folder.run(&["fmt"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(folder.read("pipelines/a.toml"), TIDY);
    assert_eq!(folder.run(&["fmt", "--check"]).code, 0);
}

#[test]
fn files_with_errors_stay_as_they_are() {
    let folder = Folder::with(&[("a.toml", UNTIDY), ("broken.toml", "kind = \n"), ("twice.toml", "a=1\na=2\n")]);
    folder.write("pipelines/old.kdl", "kind template\nname \"x\" true\n");
    let before = ["broken.toml", "twice.toml", "old.kdl"].map(|name| folder.read(&format!("pipelines/{name}")));
    let answer = folder.run(&["fmt"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    for name in ["broken.toml:1:", "twice.toml:2:", "old.kdl:2:"] {
        assert!(answer.stderr.contains(name), "{name}: {}", answer.stderr);
    }
    let after = ["broken.toml", "twice.toml", "old.kdl"].map(|name| folder.read(&format!("pipelines/{name}")));
    assert_eq!(before, after);
    assert_eq!(folder.read("pipelines/a.toml"), TIDY, "the others are formatted");
}

#[test]
fn line_ends_stay() {
    let folder = Folder::with(&[("a.toml", &UNTIDY.replace('\n', "\r\n"))]);
    assert_eq!(folder.run(&["fmt"]).code, 0);
    assert_eq!(folder.read("pipelines/a.toml"), TIDY.replace('\n', "\r\n"));
    assert_eq!(folder.run(&["fmt", "--check"]).code, 0);
}

#[test]
fn standard_input() {
    let folder = Folder::new();
    let answer = folder.run_with(&["fmt", "-", "--format", "toml"], UNTIDY.as_bytes());
    assert_eq!((answer.code, answer.stdout.as_str()), (0, TIDY), "{answer:?}");
    let answer = folder.run_with(&["fmt", "--check", "-", "--format", "toml"], UNTIDY.as_bytes());
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer:?}");
    let answer = folder.run_with(&["fmt", "-", "--format", "kdl"], b"kind   template\n");
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "kind template\n"), "{answer:?}");
    let answer = folder.run_with(&["fmt", "-", "--format", "toml"], b"kind = \n");
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("<stdin>:1:"), "{answer:?}");
    assert_eq!(folder.run_with(&["fmt", "-"], b"").code, 2, "the format must be said");
    assert_eq!(folder.run_with(&["fmt", "-", "--format", "toml"], &[0xff]).code, 2);
}

#[test]
fn shipped_documents_are_formatted() {
    let folder = Folder::with(&[]);
    folder.copy("pipelines", "pipelines");
    folder.copy("fixtures/files/canonical", "pipelines/canonical");
    let answer = folder.run(&["fmt", "--check"]);
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn formatting_twice_is_formatting_once() {
    let folder = Folder::with(&[]);
    folder.copy("fixtures/invalid/pipelines", "pipelines/invalid");
    folder.copy("fixtures/files/canonical", "pipelines/canonical");
    let first = folder.run(&["fmt", "--json"]).json();
    assert!(!first["data"]["changed"].as_array().unwrap().is_empty());
    let files = folder.snapshot("pipelines");
    let second = folder.run(&["fmt", "--json"]).json();
    assert_eq!(second["data"]["changed"], serde_json::json!([]));
    assert!(folder.snapshot("pipelines") == files);
    let never = |d: &serde_json::Value| d["code"] == "no-layout";
    assert!(!first["diagnostics"].as_array().unwrap().iter().any(never), "{first:#}");
}
