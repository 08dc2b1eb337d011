//! Several processes on one ledger: one of them works on a run, the others are refused; other runs go on
//! beside it.

use std::{
    path::Path,
    process::{Child, Output, Stdio},
};

use serde_json::Value;

use super::round::{program, state};

/// Items of which each takes a while.
fn slow(name: &str, items: u32) -> String {
    format!(
        "kind = \"chain\"\nformat = 1\nname = \"{name}\"\nversion = \"1.0.0\"\nparallel = 1\n\
         [task.make]\ntype = \"graph\"\n[task.make.foreach]\nn = {{ from = 1, to = {items} }}\n\
         [task.make.node.empty.EmptyImage]\nwidth = 500\nheight = 500\nbatch_size = 1\ncolor = \"{{n}}\"\n\
         [task.make.node.blur.ImageBlur]\nimage = \"@empty.IMAGE\"\nblur_radius = 12\nsigma = 6.0\n\
         [task.make.outputs]\nimage = \"@blur.IMAGE\"\n"
    )
}

fn workspace(documents: &[(&str, u32)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    std::fs::write(folder.path().join("comfywright.toml"), "").unwrap();
    for (name, items) in documents {
        std::fs::write(folder.path().join(format!("pipelines/{name}.toml")), slow(name, *items)).unwrap();
    }
    folder
}

fn start(folder: &Path, document: &str) -> Child {
    program(folder, &["run", document, "--json"]).stdout(Stdio::piped()).spawn().unwrap()
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn runs(folder: &Path) -> Vec<Value> {
    let told = answer(&program(folder, &["runs", "--json"]).output().unwrap());
    told["data"]["runs"].as_array().unwrap().clone()
}

fn assert_sound(folder: &Path) {
    let ledger = rusqlite::Connection::open(folder.join(".comfywright/ledger.db")).unwrap();
    let sound: String = ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn of_processes_that_begin_the_same_work_one_does_it() {
    let folder = workspace(&[("slow", 6)]);
    let children: Vec<Child> = (0..6).map(|_| start(folder.path(), "slow")).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let worked = outputs.iter().filter(|output| output.status.success()).count();
    assert_eq!(worked, 1, "{outputs:#?}");
    for refused in outputs.iter().filter(|output| !output.status.success()) {
        assert_eq!(refused.status.code(), Some(3));
        let answer = answer(refused);
        let message = answer["diagnostics"][0]["message"].as_str().unwrap();
        assert!(message.contains("is working on it"), "{message}");
    }
    assert_eq!(runs(folder.path()).len(), 1, "the same work is done once");
    assert_eq!(state(folder.path()).as_deref(), Some("complete"));
    assert_sound(folder.path());
}

#[test]
fn runs_of_other_documents_go_on_side_by_side() {
    let documents = [("one", 2), ("two", 2), ("three", 2), ("four", 2)];
    let folder = workspace(&documents);
    let children: Vec<Child> = documents.iter().map(|(name, _)| start(folder.path(), name)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let answer = answer(&output);
        assert_eq!((output.status.code(), &answer["data"]["counts"]["done"]), (Some(0), &Value::from(2)), "{answer:#}");
    }
    assert_eq!(runs(folder.path()).len(), 4);
    assert_sound(folder.path());
}
