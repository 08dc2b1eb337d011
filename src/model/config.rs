//! `comfywright.toml`: servers, models, scorers and limits of a workspace.

use std::time::Duration;

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{chain::Retry, duration::parse_duration};

/// The configuration of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Config {
    /// ComfyUI servers by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub server: IndexMap<String, Server>,
    /// Which models are used where a document names none, and what they may use.
    #[serde(default)]
    pub models: ModelDefaults,
    /// Registries of presets by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub registry: IndexMap<String, Registry>,
    /// What one run of a node class costs, by class, in the currency of `cost_per_hour`: partner nodes are paid for
    /// each run.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub prices: IndexMap<String, f64>,
    /// External scorers by name. A command may be named only here, never in a document.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub scorer: IndexMap<String, ExternalScorer>,
    /// Where results live.
    #[serde(default)]
    pub store: Store,
    /// Bounds on what a run may use.
    #[serde(default)]
    pub limits: Limits,
    /// What holds where a document says nothing.
    #[serde(default)]
    pub defaults: ConfigDefaults,
}

/// One ComfyUI server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Server {
    /// Address, such as `http://127.0.0.1:8188`.
    pub url: String,
    /// Items that run there at the same time.
    #[serde(default = "Server::default_slots")]
    #[schemars(range(min = 1, max = 64))]
    pub slots: u32,
    /// Items submitted ahead, the running ones included.
    #[serde(default = "Server::default_prefetch")]
    #[schemars(range(min = 1, max = 64))]
    pub prefetch: u32,
    /// Price of an hour, in any currency you like.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub cost_per_hour: f64,
    /// File with a snapshot of what it can do, relative to the workspace; `snapshots/NAME.json` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Words by which a task may choose it: `on = "tag:gpu24"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How long it may be out of reach before its items move to other servers, such as "90s"; "3m" without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_after: Option<String>,
    /// How long a submission that cannot be found there may still be on its way, such as "20s": longer than it
    /// takes to validate the largest graph; "5s" without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<String>,
    /// Key for partner nodes: `env:NAME` or `file:PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Headers sent with every request; values may be `env:NAME` or `file:PATH`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, String>,
}

impl Server {
    fn default_slots() -> u32 {
        1
    }

    fn default_prefetch() -> u32 {
        2
    }
}

/// A registry of presets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Registry {
    /// Address.
    pub url: String,
    /// Access token: `env:NAME` or `file:PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A program that scores images: JSON lines in, JSON lines out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExternalScorer {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The metrics it gives.
    pub metrics: Vec<String>,
    /// Longest time for one image, such as "30s", the start of the program included; "1m" without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How many of it may run at the same time.
    #[serde(default = "ExternalScorer::default_processes")]
    #[schemars(range(min = 1, max = 64))]
    pub processes: u32,
}

impl ExternalScorer {
    fn default_processes() -> u32 {
        1
    }

    /// Longest time for one image.
    pub fn patience(&self) -> Duration {
        let written = self.timeout.as_deref().and_then(|timeout| parse_duration(timeout).ok());
        written.unwrap_or(Duration::from_mins(1))
    }
}

/// Where results live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Store {
    /// Folder of the ledger; ".comfywright" without it. It must be on a local disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// Folder of outputs; "outputs" without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<String>,
    /// Folder of models that were fetched, shared by all workspaces; the user's cache folder without it. A
    /// relative one is in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<String>,
}

/// Which models are used where a document names none, and what they may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelDefaults {
    /// The model that finds the salient object; "u2net" without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salient: Option<String>,
    /// The model behind the metric `nsfw`, a classifier with a label of that name; "open-nsfw" without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nsfw: Option<String>,
    /// The model that finds things by words, a detector or a segmenter. Without it one that is there: a detector of any
    /// word, else one of its own labels, else a segmenter; of several the first by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// The model that finds outlines in boxes and at points: a promptable one, or one of what stands out. Without it a
    /// promptable one that is there, the first by name of several, else the salient one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outliner: Option<String>,
    /// Most memory of models that stay loaded between pictures, in MiB; 1024 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Threads of one inference in a program built with `parallel-inference`; the number of cores without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub threads: Option<u32>,
}

impl ModelDefaults {
    /// The model that finds the salient object.
    pub fn salient(&self) -> &str {
        self.salient.as_deref().unwrap_or("u2net")
    }

    /// The model behind the metric `nsfw`.
    pub fn nsfw(&self) -> &str {
        self.nsfw.as_deref().unwrap_or("open-nsfw")
    }
}

/// Bounds on what a run may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Most memory that native image work may use, in MiB; half of the machine's without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64))]
    pub memory_mib: Option<u32>,
    /// Native items at the same time; the number of cores without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub native_slots: Option<u32>,
    /// Largest side of an image, in pixels; 16384 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub image_side: Option<u32>,
    /// Most rows of a CSV file that gives the values of a foreach key; 100000 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub csv_rows: Option<u32>,
    /// Most items with partner nodes in one run: they cost money. Without it they run only with
    /// `--allow-spend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_items: Option<u32>,
    /// Cost of an A/B test, by `cost_per_hour` of its servers, above which a person is asked before it
    /// begins. Without it nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub ask_above_cost: Option<f64>,
}

/// What holds where a document says nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigDefaults {
    /// The preset of tests and `generate` tasks that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Repetition after errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest time for one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}
