//! A workspace in a temporary folder, the program in it, and its repository.

use std::{ops::Deref, process::Command};

use serde_json::Value;

use crate::support::Folder;

/// A workspace.
pub struct Workspace(Folder);

impl Deref for Workspace {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.0
    }
}

impl Workspace {
    /// A workspace with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        files.iter().for_each(|(path, text)| folder.write(path, text));
        Self(folder)
    }

    /// Replaces a text that must be there.
    pub fn replace(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} has no {old:?}:\n{text}");
        self.write(name, text.replace(old, new));
    }

    /// Runs the program and gives its exit code and its JSON.
    pub fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let answer = self.run(&[arguments, &["--json"]].concat());
        (answer.code, answer.json())
    }

    /// Runs git.
    pub fn git(&self, arguments: &[&str]) {
        let options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"];
        let output = Command::new("git")
            .current_dir(self.path(""))
            .env("GIT_CONFIG_GLOBAL", "")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(options)
            .args(arguments)
            .output()
            .expect("git starts");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }
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
