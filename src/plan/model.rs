//! A plan: the tasks and items of one document, and which items each waits for.
//!
//! Items are stored in columns, so that hundreds of thousands of them fit: an item is a number,
//! its keys are numbers into tables of values, its parents are ranges.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{kind::Kinds, trial::Trial};
use crate::{
    compile::OutputSpec,
    content_hash::ContentHash,
    graph::Graph,
    model::{ErrorClass, Mode, Prefer, TaskType, ValueMap},
    rules::Rule,
};

/// Index of a task in [`Plan::tasks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskIx(pub u32);

/// Index of an item; the items of a task are consecutive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemIx(pub u32);

/// What a run does.
#[derive(Debug)]
pub struct Plan {
    /// Name of the document.
    pub document: String,
    /// Version of the document.
    pub version: String,
    /// Canonical hash of the document with the values that `--set` gave.
    pub hash: ContentHash,
    /// Order of ready items.
    pub mode: Mode,
    /// What matters beside the time of the whole.
    pub prefer: Option<Prefer>,
    /// Most items at the same time.
    pub parallel: Option<u32>,
    /// The tasks, each after the tasks it depends on or is routed to from.
    pub tasks: Vec<PlanTask>,
    /// For each item its parents.
    pub items: ItemTable,
    /// What items have in common.
    pub kinds: Kinds,
    /// Of an A/B test, how its samples are taken.
    pub trial: Option<Trial>,
}

/// One task of a plan.
#[derive(Debug)]
pub struct PlanTask {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: TaskType,
    /// Its items.
    pub items: Range<u32>,
    /// Names of the keys of its items, in the order of addresses.
    pub keys: Vec<String>,
    /// What it waits for: every entry (AND) by one of its alternatives (OR, in written order).
    pub depends_on: Vec<DependsEntry>,
    /// Tasks with a rule whose target is this one, in order of appearance.
    pub routed_from: Vec<TaskIx>,
    /// Whether it runs only for items routed to it: it has routers and no `depends_on`, or a
    /// router among its dependencies.
    pub conditional: bool,
    /// Whether it gathers although some items failed.
    pub allow_failed: bool,
    /// Its rules in order.
    pub rules: Vec<PlanRule>,
    /// Repetition after errors.
    pub retry: Option<RetryPolicy>,
    /// Longest time for one attempt.
    pub timeout: Option<Duration>,
    /// Most visits of an item; 1 when no route leads back.
    pub max_visits: u32,
    /// Metrics that its rules and other tasks' rules read.
    pub scores: Vec<String>,
    /// Higher runs earlier.
    pub priority: i64,
    /// Where it runs.
    pub placement: Placement,
}

/// One entry of `depends_on`: `"a|b"` has two alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependsEntry {
    /// The alternatives in written order.
    pub alternatives: Vec<TaskIx>,
    /// Whether keys were gathered, so that each alternative is a list of parents.
    pub gathered: bool,
}

/// Where a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// In this process.
    Native,
    /// On any of these servers, called by name or by `tag:` and a tag; on all of them when the list is empty.
    Comfy(Vec<String>),
}

/// A rule with its target resolved.
#[derive(Debug)]
pub struct PlanRule {
    /// As it stands in the file, for people: `if quality < 0.8 -> enhance`.
    pub text: String,
    /// The class of errors that it matches; none when it matches results only.
    pub on: Option<ErrorClass>,
    /// The condition.
    pub condition: Option<Rule>,
    /// Where the item goes.
    pub target: Target,
    /// `@retry`: most further attempts.
    pub times: u32,
    /// `@retry`: inputs that the next attempt changes, not yet interpolated.
    pub with: ValueMap,
}

/// Where a rule sends an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Another task; the flag says that it stands earlier, so that the route is a loop.
    Task(TaskIx, bool),
    /// On to the dependents.
    Continue,
    /// `skipped`, with everything that needs it.
    Skip,
    /// `failed`.
    Fail,
    /// Wait for a person.
    Hold,
    /// Another attempt.
    Retry,
}

/// How errors are repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Most further attempts.
    pub max: u32,
    /// Which errors.
    pub on: ErrorClass,
    /// The first wait; doubled each time.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

/// The parents of every item, in columns.
#[derive(Debug, Default)]
pub struct ItemTable {
    /// Task of each item.
    pub task: Vec<TaskIx>,
    /// For each item, where its rows in `groups` begin; one more than there are items. An item has
    /// one group for each alternative of each entry of its task, in written order.
    pub first_group: Vec<u32>,
    /// Where each group's parents begin in `parents`; one more than there are groups.
    pub groups: Vec<u32>,
    /// Parents, in foreach order within a group.
    pub parents: Vec<ItemIx>,
}

impl ItemTable {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.task.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.task.is_empty()
    }

    /// Parents of `item` in group `group` (entries and alternatives counted through).
    pub fn parents(&self, item: ItemIx, group: usize) -> &[ItemIx] {
        let row = self.first_group[item.0 as usize] as usize + group;
        &self.parents[self.groups[row] as usize..self.groups[row + 1] as usize]
    }
}

/// What an item needs to know of its parents when it is about to run.
pub trait Upstream {
    /// The result of `item`, once it is `done` or `reused`.
    fn result(&self, item: ItemIx) -> Option<Arc<ItemResult>>;
}

/// What a finished item left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemResult {
    /// What was done, as a hash (hex).
    pub fingerprint: String,
    /// Its files, by output in the order of the outputs, then by index.
    pub files: Vec<OutputFile>,
    /// Its metrics: everything its rules and others' rules may read.
    pub metrics: BTreeMap<String, f64>,
}

/// One file that an item made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Name of the output: `image`, `mask`.
    pub output: String,
    /// Position among the output's files.
    pub index: u32,
    /// Path relative to the workspace, with `/`.
    pub path: String,
    /// Content hash, hex.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Number of the file on its file system; 0 where there is none.
    pub inode: u64,
    /// Pixels; 0 when it is not an image.
    pub width: u32,
    /// Pixels; 0 when it is not an image.
    pub height: u32,
}

/// One visit of one item, about to run.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Which attempt this is, from 1, counting the retries that rules asked for.
    pub attempt: u32,
    /// How many times the item has passed its task, this time included.
    pub visits: u32,
    /// The item that routed here, when its output is to be the primary input.
    pub routed_from: Option<ItemIx>,
    /// For every entry of `depends_on`, which alternative was chosen.
    pub chosen: Vec<usize>,
    /// Parents that were gathered and have no result (skipped, or failed under `allow_failed`).
    pub absent: Vec<ItemIx>,
    /// What the rule that asked for this attempt changes, not yet interpolated.
    pub with: ValueMap,
}

/// An item ready to be executed.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What will be done, as a hash: an earlier result with the same fingerprint may be reused.
    pub fingerprint: ContentHash,
    /// The parts of the fingerprint by name, for `explain`.
    pub parts: BTreeMap<String, String>,
    /// The bound graph.
    pub graph: Graph,
    /// What to keep of it.
    pub outputs: Vec<OutputSpec>,
    /// Name of the output that comes first.
    pub primary: String,
    /// Files of the item's inputs that are outputs, too, as they are.
    pub passed_on: Vec<OutputFile>,
    /// Where it runs.
    pub placement: Placement,
    /// Metrics to measure on the primary output.
    pub scores: Vec<String>,
    /// What every file carries: document, version, task, item, fingerprint, seed.
    pub provenance: Value,
    /// Whether an earlier result may be used in its place; not when something is exported.
    pub reusable: bool,
}
