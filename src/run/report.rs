//! What a run tells while it works: for progress bars, and for `--events` as JSON lines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    event::{ServerCondition, Values},
    ports::{Fault, RunState},
    state::ItemState,
};
use crate::stats::Outcome;

/// Something to tell. Names and fields are stable: programs read them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The run begins or continues.
    RunStarted {
        /// Its id.
        run: String,
        /// Name of the document.
        document: String,
        /// Version of the document.
        version: String,
        /// How many items it has.
        items: u32,
        /// How many items are final already.
        settled: u32,
        /// The tasks in order, each with its number of items.
        tasks: Vec<TaskSize>,
    },
    /// An item is submitted.
    ItemStarted {
        /// Its address.
        item: String,
        /// Its task.
        task: String,
        /// `native`, or the name of a server.
        executor: String,
        /// Attempts that rules asked for, from 1.
        attempt: u16,
        /// How many times it passes its task, from 1.
        visits: u16,
    },
    /// An item is on its way.
    ItemProgress {
        /// Its address.
        item: String,
        /// 0 to 1.
        progress: f32,
    },
    /// An item failed and is tried again.
    ItemRetried {
        /// Its address.
        item: String,
        /// Why it failed.
        error: Fault,
    },
    /// The rules of a task decided about an item.
    ItemRouted {
        /// Its address.
        item: String,
        /// The rule as it stands in the file; empty when none matched.
        rule: String,
        /// Where it goes: a task, or `@continue` and so on.
        target: String,
        /// What the rules read.
        inputs: Values,
    },
    /// An item waits for a person.
    ItemHeld {
        /// Its address.
        item: String,
        /// Its task.
        task: String,
        /// The rule.
        reason: Option<String>,
        /// Its files, relative to the workspace.
        files: Vec<String>,
    },
    /// A loop came back: an item that was final starts anew.
    ItemRepeated {
        /// Its address.
        item: String,
        /// Its task.
        task: String,
    },
    /// An item is final.
    ItemFinished {
        /// Its address.
        item: String,
        /// Its task.
        task: String,
        /// Its final state.
        state: ItemState,
        /// Why, where the state does not say it all.
        reason: Option<String>,
        /// Its error.
        error: Option<Fault>,
        /// Its files, relative to the workspace.
        files: Vec<String>,
        /// Its metrics.
        metrics: BTreeMap<String, f64>,
        /// Seconds until the end of the run, as far as durations are known; none of what was told later.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<f64>,
    },
    /// A test was looked at.
    TestLooked {
        /// After which block.
        block: u32,
        /// The look, from 1.
        look: u32,
        /// How the test stands.
        outcome: Outcome,
        /// The variation that leads.
        leader: String,
        /// The variations that were dropped.
        dropped: Vec<String>,
    },
    /// What became of a server.
    Server {
        /// Its name.
        server: String,
        /// How it is now.
        condition: ServerCondition,
    },
    /// A person lets the run wait: what runs is finished, and nothing new begins.
    RunPaused,
    /// A person lets it go on.
    RunContinued,
    /// This process leaves the run.
    RunFinished {
        /// Its id.
        run: String,
        /// In which state.
        state: RunState,
        /// Items by state.
        counts: BTreeMap<ItemState, u32>,
    },
}

/// A task and how many items it has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskSize {
    /// Name of the task.
    pub task: String,
    /// How many items it has.
    pub items: u32,
}
