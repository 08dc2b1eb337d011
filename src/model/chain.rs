//! Chains: tasks, items, routing.

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{NodeDef, ValueMap};

/// A graph of tasks over many items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chain {
    /// In which order ready items run.
    #[serde(default)]
    pub mode: Mode,
    /// Most items that run at the same time; without it, as many as the executors have slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub parallel: Option<u32>,
    /// How often the list of results is brought up to date while the chain runs. Without it there is
    /// none: what is finished is in the ledger at once, either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Values that every task may insert with `{name}`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub vars: ValueMap,
    /// What holds for every task that does not say otherwise.
    #[serde(default)]
    pub defaults: TaskDefaults,
    /// The tasks.
    pub task: IndexMap<String, Task>,
    /// Routing decisions that `check` verifies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routing_test: Vec<RoutingTest>,
}

/// How often the list of results is brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    /// After so many finished items: `results.jsonl` in the folder of the run's outputs.
    #[schemars(range(min = 1))]
    pub every: u32,
}

/// The order of ready items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Fewest model swaps and cache misses, the critical path in mind.
    #[default]
    Smart,
    /// As they stand in the file.
    Fifo,
    /// The longest remaining path first.
    CriticalPath,
}

/// What holds for every task that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskDefaults {
    /// Repetition after errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest time for one attempt, such as "90s" or "10m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Preset of `generate` tasks that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
}

/// Classes of errors that rules and retries may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// Any error.
    Error,
    /// Errors that may pass: a lost connection, a restarted server.
    Transient,
    /// Out of memory.
    Oom,
    /// The attempt took longer than `timeout`.
    Timeout,
}

/// Repetition after errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retry {
    /// Most further attempts.
    #[schemars(range(min = 0, max = 100))]
    pub max: u32,
    /// Which errors are repeated.
    #[serde(default = "Retry::default_on")]
    pub on: ErrorClass,
    /// Waits: the first and the longest, doubling in between, such as "5s..2m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<String>,
}

impl Retry {
    fn default_on() -> ErrorClass {
        ErrorClass::Transient
    }
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    /// Reads images from files.
    Load,
    /// Runs a preset.
    Generate,
    /// Runs an inline graph.
    Graph,
    /// Makes a mask for an image.
    Mask,
    /// Cuts the subject out.
    RemoveBg,
    /// Puts an image on a background.
    Composite,
    /// Changes the size.
    Resize,
    /// Sharpens, blurs, inverts, quantizes.
    Adjust,
    /// Enlarges.
    Upscale,
    /// Improves with an image-to-image preset, or by sharpening.
    Enhance,
    /// Measures.
    Score,
    /// Puts many images on one sheet.
    ContactSheet,
    /// Writes files to a place of your choice.
    Export,
}

/// How items of dependencies with different keys come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// Every combination.
    Product,
    /// Only combinations that exist on all sides.
    Inner,
}

/// The keys of every task, whatever its type. A foreach key cannot have these names.
pub const TASK_KEYS: &[&str] = &[
    "type",
    "title",
    "depends_on",
    "foreach",
    "gather",
    "join",
    "each",
    "allow_failed",
    "retry",
    "timeout",
    "scores",
    "route",
    "max_visits",
    "priority",
    "on",
    "preset",
    "with",
    "node",
    "outputs",
];

/// One task of a chain. Settings of its type may stand here or in `with`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// What the task does.
    #[serde(rename = "type")]
    pub kind: TaskType,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Tasks that must finish first; "a|b" is the first of these that finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Keys and their values: one item for each combination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreach: Option<Foreach>,
    /// Keys to remove: this task's item sees the list of all their items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gather: Vec<String>,
    /// What to do when dependencies have different keys, or items without a counterpart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Run once for each file when an input is a list of several.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
    /// Gather although some items failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_failed: bool,
    /// Repetition after errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest time for one attempt, such as "90s" or "10m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Metrics to measure on this task's primary output, for rules to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<String>,
    /// Rules that decide where an item goes next; the first that matches wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<Route>,
    /// How many times an item may pass through this task when a route leads back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_visits: Option<u32>,
    /// Higher runs earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Where to run: "native", "comfy", or the name of a server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Preset of a `generate` or `enhance` task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Inputs, settings of the type, and parameters of the preset. An input takes a link such as
    /// "@cutout.image" (which implies the dependency) or the path of a file.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: ValueMap,
    /// `graph`: the nodes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub node: IndexMap<String, NodeDef>,
    /// `graph`: what it makes: a name and a link such as "@blur.IMAGE".
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub outputs: IndexMap<String, String>,
    /// Settings of the type that were written on the task itself; the model adds them to `with`.
    #[serde(flatten)]
    #[schemars(skip)]
    pub settings: ValueMap,
}

impl Task {
    /// A task of this type that says nothing else.
    pub fn of(kind: TaskType) -> Self {
        Self {
            kind,
            title: None,
            depends_on: Vec::new(),
            foreach: None,
            gather: Vec::new(),
            join: None,
            each: false,
            allow_failed: false,
            retry: None,
            timeout: None,
            scores: Vec::new(),
            route: Vec::new(),
            max_visits: None,
            priority: None,
            on: None,
            preset: None,
            with: ValueMap::default(),
            node: IndexMap::default(),
            outputs: IndexMap::default(),
            settings: ValueMap::default(),
        }
    }
}

/// The keys of a task and what refines their combinations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Foreach {
    /// Combinations that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<ValueMap>,
    /// Combinations that are left out; a row matches when all its keys do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<ValueMap>,
    /// The keys.
    #[serde(flatten)]
    pub keys: IndexMap<String, Values>,
}

/// The values of a foreach key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Values {
    /// The values themselves.
    List(Vec<Value>),
    /// Numbers from `from` to `to`, both included.
    Range {
        /// First number.
        from: f64,
        /// Last number.
        to: f64,
        /// Distance; 1 without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<f64>,
    },
    /// The rows of a CSV file.
    Csv {
        /// Path, relative to the document.
        csv: String,
        /// The column whose cells are the values.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<String>,
        /// Columns that become fields: `{product.name}`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
        /// The column that identifies a row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Files that match a pattern, sorted by path.
    Glob {
        /// Pattern, relative to the document: `photos/*.jpg`.
        glob: String,
    },
}

/// One rule: where an item goes when it matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// Matches when the item failed with this class of error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<ErrorClass>,
    /// Matches when this expression is true.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// A task, or @continue, @skip, @fail, @hold, @retry.
    pub to: String,
    /// `@retry`: most further attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub times: Option<u32>,
    /// `@retry`: inputs that the next attempt changes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: ValueMap,
}

/// A routing decision that `check` verifies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoutingTest {
    /// The task whose rules are read.
    pub task: String,
    /// Values of the variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub given: ValueMap,
    /// The error, if the item failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorClass>,
    /// The expected target.
    pub expect: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_keys_are_those_of_the_model() {
        let schema = schemars::schema_for!(Task);
        let keys = schema.get("properties").and_then(Value::as_object).map(|p| p.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys.unwrap_or_default(), TASK_KEYS);
    }
}
