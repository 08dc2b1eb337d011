//! Workspaces in temporary folders, and the program run in them.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// What the program answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// The one JSON value on standard output, whose common keys are checked.
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["format", "command", "ok", "data", "diagnostics"]);
        assert_eq!(value["format"], 1);
        assert_eq!(value["ok"], self.code == 0, "{self:?}");
        for diagnostic in value["diagnostics"].as_array().unwrap() {
            let keys: Vec<&str> = diagnostic.as_object().unwrap().keys().map(String::as_str).collect();
            let expected =
                ["code", "severity", "message", "file", "line", "column", "end_line", "end_column", "hint", "fix"];
            assert_eq!(keys, expected);
        }
        assert_eq!(self.stderr, "", "with --json nothing else is said");
        value
    }
}

/// A folder that goes away.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A workspace with these documents in `pipelines/`.
    pub fn with(documents: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        folder.write("comfywright.toml", "");
        for (name, text) in documents {
            folder.write(&format!("pipelines/{name}"), text);
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Copies the files of a folder of the project, with the folders in it.
    pub fn copy(&self, from: &str, to: &str) {
        copy_folder(&repository().join(from), &self.path(to));
    }

    /// Runs the program here.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, b"")
    }

    /// Runs the program here with this standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut child = Command::new(env!("CARGO_BIN_EXE_comfywright"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Every file below `name` with its bytes, by path.
    pub fn snapshot(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path(name), &mut files);
        files.sort();
        files
    }
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A template without faults.
pub const TEMPLATE: &str =
    "kind = \"template\"\nformat = 1\nname = \"greeting\"\nversion = \"1.0.0\"\ntext = \"hello\"\n";

/// A template with a misspelt key in line 6, column 1.
pub const MISSPELT: &str = "kind = \"template\"\nformat = 1\nname = \"gruss\"\nversion = \"1.0.0\"\ntext = \"hello\"\ndescripton = \"grüße\"\n";
