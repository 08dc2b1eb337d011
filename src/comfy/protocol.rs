//! What goes to a server and what comes back, as types. Unknown fields are ignored: every version
//! of ComfyUI adds some.

use crate::ident::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::run::FaultDetail;

/// Answer to `GET /system_stats`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct SystemStats {
    /// The computer and the programs.
    pub system: System,
    /// What computes.
    pub devices: Vec<Device>,
}

/// The computer and the programs on it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct System {
    /// Such as `posix`.
    pub os: String,
    /// Version of ComfyUI; empty when it does not say.
    #[serde(deserialize_with = "text_or_null")]
    pub comfyui_version: String,
    /// Version of Python and how it was built.
    pub python_version: String,
    /// Version of `PyTorch`.
    #[serde(deserialize_with = "text_or_null")]
    pub pytorch_version: String,
    /// Bytes of memory.
    pub ram_total: u64,
    /// Bytes of memory that are free.
    pub ram_free: u64,
    /// How it was started.
    pub argv: Vec<String>,
}

/// One device of a server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// `cuda`, `cpu`, `mps`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes of its memory.
    pub vram_total: u64,
    /// Bytes of its memory that are free.
    pub vram_free: u64,
}

fn text_or_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

/// Body of `POST /prompt`.
#[derive(Clone, Debug, Serialize)]
pub struct Submission<'a> {
    /// The graph in API format.
    pub prompt: &'a Value,
    /// Id that we choose, canonical and in lower case.
    pub prompt_id: Uuid,
    /// Id of our WebSocket.
    pub client_id: &'a str,
    /// Output nodes that are to run.
    pub partial_execution_targets: &'a [&'a str],
    /// What travels with it.
    pub extra_data: Value,
}

/// Answer to a submission that was queued.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Submitted {
    /// The id under which the server knows it; another than ours on servers of before 2025.
    pub prompt_id: Uuid,
    /// Its place in the order of all submissions since the server's start.
    #[serde(default)]
    pub number: f64,
    /// What is wrong with outputs that will not run.
    #[serde(default)]
    pub node_errors: NodeErrors,
}

/// What is wrong with the nodes of a graph, by their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeErrors(pub IndexMap<String, NodeError>);

impl<'de> Deserialize<'de> for NodeErrors {
    /// Some versions write `[]` for none.
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        if !value.is_object() {
            return Ok(Self::default());
        }
        serde_json::from_value(value).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What is wrong with one node.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NodeError {
    /// Everything that is.
    pub errors: Vec<Problem>,
    /// Its class.
    pub class_type: String,
}

/// One mistake, in the server's words.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// `value_not_in_list`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence.
    pub message: String,
    /// More of it; of any length.
    pub details: String,
    /// The same as data; `input_name` says which input.
    #[serde(deserialize_with = "object_or_nothing")]
    pub extra_info: Map<String, Value>,
}

fn object_or_nothing<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
    match Value::deserialize(from)? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Body of a 400.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// What is wrong with the whole.
    pub error: Problem,
    /// What is wrong with its nodes.
    pub node_errors: NodeErrors,
}

/// Answer to `GET /queue`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Queue {
    /// What runs; the id is the second of each list.
    queue_running: Vec<QueueRow>,
    /// What waits.
    queue_pending: Vec<QueueRow>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Vec<Value>")]
struct QueueRow(Option<Uuid>);

impl From<Vec<Value>> for QueueRow {
    fn from(row: Vec<Value>) -> Self {
        Self(row.get(1).and_then(Value::as_str).and_then(|id| id.parse().ok()))
    }
}

impl Queue {
    /// Whether `id` is running.
    pub fn is_running(&self, id: Uuid) -> bool {
        self.queue_running.iter().any(|row| row.0 == Some(id))
    }

    /// Whether `id` waits for its turn.
    pub fn is_pending(&self, id: Uuid) -> bool {
        self.queue_pending.iter().any(|row| row.0 == Some(id))
    }

    /// How many prompts run, whoever submitted them.
    pub fn running(&self) -> usize {
        self.queue_running.len()
    }

    /// How many prompts wait, whoever submitted them.
    pub fn pending(&self) -> usize {
        self.queue_pending.len()
    }

    /// How many prompts run or wait, whoever submitted them.
    pub fn len(&self) -> usize {
        self.running() + self.pending()
    }

    /// Whether the server has nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a server remembers of a prompt that has ended.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HistoryEntry {
    /// What its output nodes left, by id.
    pub outputs: IndexMap<String, Value>,
    /// How it ended.
    pub status: Option<HistoryStatus>,
}

/// How a prompt ended.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HistoryStatus {
    /// `success` or `error`.
    pub status_str: String,
    /// Whether it came to its end.
    pub completed: bool,
    /// What was said on the WebSocket: name and data.
    pub messages: Vec<(String, Value)>,
}

/// A file that an output node left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct OutputRef {
    /// Its name.
    pub filename: String,
    /// Folder below the server's folder of this type.
    pub subfolder: String,
    /// `output`, `temp` or `input`.
    #[serde(rename = "type")]
    pub folder: String,
}

impl OutputRef {
    /// All files that `left`, the value of one output node, names: images, gifs, video, audio and
    /// whatever else has a file name, in their order.
    pub fn all(left: &Value) -> Vec<Self> {
        let lists = left.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_array).flatten();
        let files = lists.filter(|row| row.get("filename").is_some_and(Value::is_string));
        files.filter_map(|row| serde_json::from_value(row.clone()).ok()).collect()
    }
}

/// Answer to `POST /upload/image`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Upload {
    /// Its name.
    pub name: String,
    /// The folder it is in.
    #[serde(default)]
    pub subfolder: String,
}

/// Why a node broke off: data of `execution_error`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExecutionError {
    /// The node.
    pub node_id: String,
    /// Its class.
    pub node_type: String,
    /// What Python said.
    pub exception_message: String,
    /// The class of the exception.
    pub exception_type: String,
}

impl NodeErrors {
    /// The same as details of a fault.
    pub fn details(&self) -> Vec<FaultDetail> {
        let nodes = self.0.iter();
        nodes.flat_map(|(id, node)| node.errors.iter().map(|p| p.detail(Some(id), Some(&node.class_type)))).collect()
    }
}

impl Problem {
    /// The same as a detail of a fault, at `node` of `class`, or where the problem itself says.
    pub fn detail(&self, node: Option<&str>, class: Option<&str>) -> FaultDetail {
        let text = |key: &str| self.extra_info.get(key).and_then(Value::as_str);
        FaultDetail {
            node: node.or(text("node_id")).map(str::to_owned),
            class: class.filter(|c| !c.is_empty()).or(text("class_type")).map(str::to_owned),
            input: text("input_name").map(str::to_owned),
            kind: self.kind.clone(),
            message: self.message.clone(),
            details: self.details.clone(),
        }
    }
}
