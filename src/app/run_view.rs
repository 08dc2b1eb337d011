//! Runs and their items as programs are told about them.

use std::collections::BTreeMap;

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ledger::{ItemRow, RunRow, folder_name},
    plan::OutputFile,
    run::ItemState,
};

/// Items by state, in the order of the states.
pub type StateCounts = IndexMap<String, u32>;

/// A run with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunView {
    /// Its id.
    pub run: String,
    /// Name of the document.
    pub document: String,
    /// Version of the document.
    pub version: String,
    /// Path of the document, relative to the workspace.
    pub path: String,
    /// Where it stands: running, stopped, held, complete or cancelled.
    pub state: String,
    /// Folder of its outputs, relative to the workspace.
    pub folder: String,
    /// How many items it has.
    pub items: u32,
    /// Items by state; those to which nothing has happened yet are missing.
    pub counts: StateCounts,
    /// What the command line gave.
    pub settings: Value,
    /// Nanoseconds since 1970.
    pub started_ns: i64,
    /// Nanoseconds since 1970.
    pub finished_ns: Option<i64>,
    /// When `gc` removed its files, nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collected_ns: Option<i64>,
}

/// An item of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemView {
    /// Its address.
    pub item: String,
    /// Where it stands.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// How many times it passed its task.
    pub visits: u32,
    /// Attempts that rules asked for.
    pub attempt: u32,
    /// `native`, or the name of a server.
    pub executor: Option<String>,
    /// Id of the last submission.
    pub prompt_id: Option<String>,
    /// What was done, as a hash.
    pub fingerprint: Option<String>,
    /// Its files.
    pub files: Option<Vec<OutputFile>>,
    /// Its metrics.
    pub metrics: Option<BTreeMap<String, f64>>,
}

/// One file of a run's results.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ResultFile {
    /// Address of the item that made it, or passed it on.
    pub item: String,
    /// Path relative to the workspace.
    pub path: String,
    /// Pixels across; 0 when it is not an image.
    pub width: u32,
    /// Pixels down; 0 when it is not an image.
    pub height: u32,
    /// What was measured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

impl RunView {
    /// The view of a run.
    pub fn of(run: &RunRow) -> Self {
        Self {
            run: run.id.clone(),
            document: run.document.clone(),
            version: run.version.clone(),
            path: run.path.clone(),
            state: run.state.name().to_owned(),
            folder: run.folder.clone(),
            items: run.items,
            counts: by_name(&run.counts),
            settings: run.settings.clone(),
            started_ns: run.started_ns,
            finished_ns: run.finished_ns,
            collected_ns: run.collected_ns,
        }
    }

    /// The name of its folder, by which people call it.
    pub fn folder_name(&self) -> &str {
        folder_name(&self.folder)
    }

    /// The numbers of items in words: `3 done, 1 failed, 4 not begun`.
    pub fn counts_text(&self) -> String {
        let waiting = self.items.saturating_sub(self.counts.values().sum());
        let not_begun = (waiting > 0).then(|| format!("{waiting} not begun"));
        counts_text(&self.counts).into_iter().chain(not_begun).collect::<Vec<_>>().join(", ")
    }
}

impl ItemView {
    /// The view of an item.
    pub fn of(item: &ItemRow) -> Self {
        Self {
            item: item.address.clone(),
            state: item.state.name().to_owned(),
            reason: item.reason.clone(),
            visits: item.visits,
            attempt: item.attempt,
            executor: item.executor.clone(),
            prompt_id: item.prompt_id.clone(),
            fingerprint: item.fingerprint.clone(),
            files: item.result.as_ref().map(|r| r.files.clone()),
            metrics: item.result.as_ref().map(|r| r.metrics.clone()),
        }
    }
}

/// The task of an item.
pub fn task_of(address: &str) -> &str {
    address.split('[').next().unwrap_or(address)
}

/// The items of each task by state, in the order of the plan.
pub fn by_task(items: &[ItemRow]) -> IndexMap<String, StateCounts> {
    let mut tasks: IndexMap<&str, BTreeMap<ItemState, u32>> = IndexMap::default();
    for item in items {
        *tasks.entry(task_of(&item.address)).or_default().entry(item.state).or_default() += 1;
    }
    tasks.into_iter().map(|(task, counts)| (task.to_owned(), by_name(&counts))).collect()
}

/// The files that the items left, the last tasks first, each file once. With `task`, only those of
/// that task; an address means one item.
pub fn results(items: &[ItemRow], task: Option<&str>) -> Vec<ResultFile> {
    let wanted = |item: &&ItemRow| task.is_none_or(|task| item.address == task || task_of(&item.address) == task);
    let mut tasks: IndexMap<&str, Vec<&ItemRow>> = IndexMap::default();
    for item in items.iter().filter(wanted) {
        tasks.entry(task_of(&item.address)).or_default().push(item);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut files = Vec::new();
    for item in tasks.into_values().rev().flatten() {
        let Some(result) = &item.result else { continue };
        let new = result.files.iter().filter(|file| seen.insert(file.path.clone()));
        files.extend(new.map(|file| ResultFile {
            item: item.address.clone(),
            path: file.path.clone(),
            width: file.width,
            height: file.height,
            metrics: result.metrics.clone(),
        }));
    }
    files
}

/// `3 done`, `1 failed`.
pub fn counts_text(counts: &StateCounts) -> Vec<String> {
    counts.iter().map(|(state, n)| format!("{n} {}", state.replace('_', " "))).collect()
}

fn by_name(counts: &BTreeMap<ItemState, u32>) -> StateCounts {
    counts.iter().map(|(state, n)| (state.name().to_owned(), *n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ItemResult;

    fn item(address: &str, state: ItemState, paths: &[&str]) -> ItemRow {
        let file = |path: &&str| OutputFile {
            output: "image".to_owned(),
            index: 0,
            path: (*path).to_owned(),
            hash: String::new(),
            size: 1,
            mtime_ns: 0,
            inode: 0,
            width: 2,
            height: 3,
        };
        let files: Vec<OutputFile> = paths.iter().map(file).collect();
        ItemRow {
            item: 0,
            address: address.to_owned(),
            state,
            reason: None,
            visits: 1,
            attempt: 1,
            epoch: 0,
            prompt_id: None,
            executor: None,
            fingerprint: None,
            parts: BTreeMap::new(),
            started_ns: None,
            finished_ns: None,
            result: Some(ItemResult { fingerprint: String::new(), files, metrics: BTreeMap::new() }),
        }
    }

    #[test]
    fn the_last_tasks_come_first_and_each_file_once() {
        let items = [
            item("a[k=1]", ItemState::Done, &["a1.png"]),
            item("a[k=2]", ItemState::Failed, &["a2.png"]),
            item("b[k=1]", ItemState::Done, &["a1.png", "b1.png"]),
        ];
        let paths = |task| results(&items, task).into_iter().map(|f| f.path).collect::<Vec<_>>();
        assert_eq!(paths(None), ["a1.png", "b1.png", "a2.png"]);
        assert_eq!(paths(Some("a")), ["a1.png", "a2.png"]);
        assert_eq!(paths(Some("a[k=2]")), ["a2.png"]);
        assert_eq!(paths(Some("c")), Vec::<String>::new());
        let tasks = by_task(&items);
        assert_eq!(counts_text(&tasks["a"]), ["1 done", "1 failed"]);
    }
}
