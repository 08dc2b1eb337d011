//! `check --fix`: every directory of `fixtures/cli/fix` holds a document before and after.

use std::{fs, path::PathBuf};

use super::support::{Folder, MISSPELT, repository};

fn cases() -> Vec<PathBuf> {
    let root = repository().join("fixtures/cli/fix");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 4);
    cases
}

/// The document of a case, with the name that it has in the workspace.
fn document(case: &std::path::Path, stem: &str) -> (&'static str, String) {
    for ending in ["toml", "kdl"] {
        if let Ok(text) = fs::read_to_string(case.join(format!("{stem}.{ending}"))) {
            return (if ending == "toml" { "pipelines/a.toml" } else { "pipelines/a.kdl" }, text);
        }
    }
    panic!("{} has no {stem}", case.display());
}

#[test]
fn fixes_change_only_their_bytes() {
    for case in cases() {
        let ((name, before), (_, after)) = (document(&case, "before"), document(&case, "after"));
        let plain = |text: &str| text.to_owned();
        let crlf = |text: &str| text.replace('\n', "\r\n");
        let bom = |text: &str| format!("\u{feff}{text}");
        let bom_crlf = |text: &str| bom(&crlf(text));
        let unfinished = |text: &str| text.trim_end().to_owned();
        let variants: [&dyn Fn(&str) -> String; 5] = [&plain, &crlf, &bom, &bom_crlf, &unfinished];
        for variant in variants {
            let folder = Folder::with(&[]);
            folder.write(name, variant(&before));
            let answer = folder.run(&["check", "--fix"]);
            assert_eq!(folder.read(name), variant(&after), "{}: {answer:?}", case.display());
            assert_eq!(answer.code, 0, "{}: {answer:?}", case.display());
            assert!(answer.stdout.contains(&format!("in {name}")), "{answer:?}");
            let again = folder.run(&["check", "--fix", "--json"]).json();
            assert_eq!(again["data"]["fixed"], serde_json::json!([]), "a second time nothing is left to do");
        }
    }
}

#[test]
fn what_was_fixed_is_said() {
    let folder = Folder::with(&[("b.toml", MISSPELT)]);
    let json = folder.run(&["check", "--fix", "--json"]).json();
    assert_eq!(json["data"]["fixed"], serde_json::json!([{"file": "pipelines/b.toml", "fixes": 1}]));
    assert_eq!(json["diagnostics"], serde_json::json!([]));
}

#[test]
fn fixing_many_wrong_documents_does_no_harm() {
    let folder = Folder::new();
    folder.copy("fixtures/invalid", "");
    let errors = |arguments: &[&str]| folder.run(arguments).json()["data"]["errors"].as_u64().unwrap();
    let before = errors(&["check", "--json"]);
    let after = errors(&["check", "--fix", "--json"]);
    assert!(before > 50 && after < before, "{before} -> {after}");
    let fixed = folder.snapshot("pipelines");
    assert_eq!(errors(&["check", "--fix", "--json"]), after);
    assert!(folder.snapshot("pipelines") == fixed, "a second time nothing is left to do");
    assert_eq!(fixed.len(), folder.snapshot("pipelines").len(), "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn nothing_is_half_written_in_a_read_only_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let untidy = MISSPELT.replace(" = ", "=");
    let folder = Folder::with(&[("b.toml", &untidy)]);
    let pipelines = folder.path("pipelines");
    fs::set_permissions(&pipelines, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(pipelines.join("probe"), "").is_ok() {
        eprintln!("skipped: this user (root) may write to read-only folders");
        return;
    }
    for arguments in [&["check", "--fix"][..], &["fmt"], &["convert", "pipelines/b.toml"]] {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 3, "{arguments:?}: {answer:?}");
        assert_eq!(folder.read("pipelines/b.toml"), untidy);
        assert_eq!(folder.snapshot("pipelines").len(), 1);
    }
    fs::set_permissions(&pipelines, fs::Permissions::from_mode(0o755)).unwrap();
}
