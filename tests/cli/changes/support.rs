//! A workspace in a temporary folder, the program in it, and its repository.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

/// A workspace.
pub struct Workspace(TempDir);

/// What a command said.
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub error: String,
}

impl Said {
    /// The JSON that it answered.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.error))
    }
}

impl Workspace {
    /// A workspace with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let workspace = Self(tempfile::tempdir().expect("a temporary folder"));
        files.iter().for_each(|(path, text)| workspace.write(path, text));
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Replaces a text that must be there.
    pub fn replace(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} has no {old:?}:\n{text}");
        self.write(name, &text.replace(old, new));
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_comfywright"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .output()
            .expect("the program starts");
        Said {
            code: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            error: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs the program and gives its exit code and its JSON.
    pub fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let said = self.run(&[arguments, &["--json"]].concat());
        (said.code, said.json())
    }

    /// Runs git.
    pub fn git(&self, arguments: &[&str]) {
        git(self.0.path(), arguments);
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"];
    let output = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(options)
        .args(arguments)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The codes of diagnostics.
pub fn codes(answer: &Value) -> Vec<&str> {
    answer["diagnostics"].as_array().expect("a list").iter().filter_map(|d| d["code"].as_str()).collect()
}

/// A preset that samples, for the tiny checkpoint of the test server.
pub const SAMPLE: &str = r#"kind = "preset"
format = 1
name = "sample"
version = "1.0.0"

[params.subject]
type = "string"
role = "prompt"
default = "a lighthouse"

[params.seed]
type = "seed"
role = "seed"
default = 7

[node.checkpoint.CheckpointLoaderSimple]
ckpt_name = "tiny-sd15.ckpt"

[node.positive.CLIPTextEncode]
clip = "@checkpoint.CLIP"
text = "a photo of {subject}"

[node.negative.CLIPTextEncode]
clip = "@checkpoint.CLIP"
text = "blurry"

[node.empty.EmptyLatentImage]
width = 64
height = 64
batch_size = 1

[node.sampler.KSampler]
model = "@checkpoint.MODEL"
positive = "@positive.CONDITIONING"
negative = "@negative.CONDITIONING"
latent_image = "@empty.LATENT"
seed = "{seed}"
steps = 1
cfg = 7.0
sampler_name = "euler"
scheduler = "normal"
denoise = 1.0

[node.decode.VAEDecode]
samples = "@sampler.LATENT"
vae = "@checkpoint.VAE"

[outputs]
image = "@decode.IMAGE"
"#;

/// A chain that runs in-process: cards of two colours on one sheet.
pub const CARDS: &str = r##"kind = "chain"
format = 1
name = "cards"
version = "1.0.0"

[task.tile]
type = "graph"
outputs = { image = "@paper.IMAGE" }

[task.tile.node.paper.EmptyImage]
width = 64
height = 64
batch_size = 1
color = 255

[task.card]
type = "composite"
depends_on = ["tile"]
with.bg = "{color}"
with.scale = 0.5

[task.card.foreach]
color = ["#e07a5f", "#3d405b"]

[task.sheet]
type = "contact_sheet"
depends_on = ["card"]
gather = ["color"]
"##;
