//! `convert`.

use super::support::{Folder, TEMPLATE, repository};

#[test]
fn there_and_back() {
    let folder = Folder::with(&[]);
    folder.copy("pipelines", "pipelines");
    folder.copy("fixtures/photos", "fixtures/photos");
    let original = folder.read("pipelines/product-catalog.toml");
    let hash = |folder: &Folder, file: &str| {
        let answer = folder.run(&["convert", file, "--output", "-", "--json"]);
        answer.json()["data"]["text"].as_str().unwrap().to_owned()
    };
    let kdl = hash(&folder, "pipelines/product-catalog.toml");
    folder.write("pipelines/again.kdl", &kdl);
    let toml = hash(&folder, "pipelines/again.kdl");
    assert_eq!(toml, original, "the shipped chain survives the way through KDL, comments included");
}

#[test]
fn writes_beside_the_document() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    let answer = folder.run(&["convert", "pipelines/a.toml"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("a.kdl"), "{answer:?}");
    assert_eq!(folder.read("pipelines/a.toml"), TEMPLATE, "the document stays");
    assert_eq!(folder.run(&["check"]).code, 0, "both say the same");
    let answer = folder.run(&["convert", "pipelines/a.toml", "--to", "kdl"]);
    assert_eq!(answer.code, 2, "a file that is there is not replaced: {answer:?}");
    assert!(answer.stderr.contains("--force"), "{answer:?}");
    assert_eq!(folder.run(&["convert", "pipelines/a.toml", "--force"]).code, 0);
}

#[test]
fn named_targets() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    let answer = folder.run(&["convert", "greeting", "-o", "b.kdl", "--json"]);
    assert_eq!(answer.json()["data"]["format"], "kdl");
    assert!(folder.read("b.kdl").starts_with("kind template\n"));
    for wrong in [
        &["convert", "pipelines/a.toml", "-o", "b.toml"][..],
        &["convert", "pipelines/a.toml", "--to", "toml"],
        &["convert", "comfywright.toml"],
        &["convert", "nobody"],
    ] {
        let answer = folder.run(wrong);
        assert_eq!(answer.code, 2, "{answer:?}");
    }
}

#[test]
fn a_broken_document_is_not_converted() {
    let folder = Folder::with(&[("a.toml", "kind = \n")]);
    let answer = folder.run(&["convert", "pipelines/a.toml"]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("pipelines/a.toml:1:"), "{answer:?}");
    assert!(!folder.path("pipelines/a.kdl").exists());
}

#[test]
fn every_canonical_document() {
    let folder = Folder::with(&[]);
    for case in std::fs::read_dir(repository().join("fixtures/files/canonical")).unwrap() {
        let case = case.unwrap();
        let name = case.file_name().into_string().unwrap();
        let toml = std::fs::read_to_string(case.path().join("document.toml")).unwrap();
        let kdl = std::fs::read_to_string(case.path().join("document.kdl")).unwrap();
        folder.write(&format!("{name}.toml"), &toml);
        let answer = folder.run(&["convert", &format!("{name}.toml"), "-o", "-"]);
        assert_eq!(answer.stdout, kdl, "{name}");
    }
}
