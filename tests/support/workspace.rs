//! Workspaces with the shipped documents, in temporary folders, and the program run in them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

/// A copy of the shipped documents with a few photographs.
pub struct Workspace(TempDir);

/// Where the program is built.
const PROGRAM: &str = env!("CARGO_BIN_EXE_comfywright");

impl Workspace {
    /// A workspace with these photographs, whose server `local` is at `server`.
    pub fn new(photos: &[&str], server: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&project.join("pipelines"), &folder.path().join("pipelines"));
        let target = folder.path().join("fixtures/photos");
        fs::create_dir_all(&target).expect("made");
        for photo in photos {
            fs::copy(project.join("fixtures/photos").join(photo), target.join(photo)).expect("copied");
        }
        let config = format!("[server.local]\nurl = \"{server}\"\n");
        fs::write(folder.path().join("comfywright.toml"), config).expect("written");
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command and gives its exit code and its JSON.
    pub fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .arg("--json")
            .current_dir(self.0.path())
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let answer = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{e}: {text:?} {:?}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().expect("it ends by itself"), answer)
    }

    /// Runs a document to its end; gives the folder of its outputs and the numbers of items by state.
    pub fn carry_out(&self, arguments: &[&str]) -> (PathBuf, Value) {
        let (code, answer) = self.run(&[&["run"], arguments].concat());
        assert_eq!(code, 0, "{arguments:?}: {answer:#}");
        let folder = answer["data"]["folder"].as_str().expect("a folder of outputs");
        (self.path(folder), answer["data"]["counts"].clone())
    }
}

/// Every file below `folder`, relative to it, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(folder, folder, &mut files);
    files.sort();
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).expect("below it").to_owned());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("named"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}
