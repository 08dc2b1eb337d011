//! What differs between the work that two versions of a document make: items, models, seeds, nodes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{content_hash::ContentHash, ident::IndexMap};

/// The work of a document.
#[derive(Clone, Debug, Default)]
pub struct DocumentWork {
    /// Its tasks, in order.
    pub tasks: Vec<TaskWork>,
}

/// The work of one task.
#[derive(Clone, Debug, Default)]
pub struct TaskWork {
    /// Its name.
    pub name: String,
    /// Its items, in order.
    pub items: Vec<WorkItem>,
    /// Nodes of all its graphs.
    pub nodes: usize,
    /// Seeds that its graphs hold.
    pub seeds: BTreeSet<u64>,
    /// Model files that its graphs name.
    pub models: BTreeSet<String>,
    /// Seconds that one of its items took in earlier runs.
    pub seconds: Option<f64>,
}

/// One item.
#[derive(Clone, Debug)]
pub struct WorkItem {
    /// Its keys, as in its address: `[sku=A1]`; empty when it has none.
    pub keys: String,
    /// What it does, as a hash; none when that cannot be said yet.
    pub fingerprint: Option<ContentHash>,
    /// What a run would do with it, if that was asked for.
    pub fate: Option<Fate>,
}

/// What a run would do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A result is there already.
    Reused,
    /// It runs.
    Runs,
    /// Routing decides.
    Routed,
}

/// What differs between two amounts of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct WorkDiff {
    /// Tasks, those that differ in nothing left out.
    pub tasks: Vec<TaskDiff>,
    /// Items before.
    pub items_before: usize,
    /// Items after.
    pub items_after: usize,
    /// Items that are new, or do something else than before.
    pub items_to_make: usize,
    /// Items of the second side whose results are there already.
    pub reused: usize,
    /// Items that a run would make.
    pub to_run: usize,
    /// Items about which routing decides.
    pub depends_on_routing: usize,
    /// Seconds that making them takes, by earlier runs; none when nothing is known of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Tasks with items to run of which no earlier run is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_history: Vec<String>,
    /// Model files that are used newly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models_added: Vec<String>,
    /// Model files that are no longer used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models_removed: Vec<String>,
    /// Seeds before: `1..10, 42`.
    pub seeds_before: String,
    /// Seeds after.
    pub seeds_after: String,
    /// Nodes of all graphs before.
    pub nodes_before: usize,
    /// Nodes of all graphs after.
    pub nodes_after: usize,
}

/// What differs between the work of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct TaskDiff {
    /// Its name.
    pub task: String,
    /// Items before.
    pub before: usize,
    /// Items after.
    pub after: usize,
    /// New items.
    pub added: usize,
    /// Items that are gone.
    pub removed: usize,
    /// Items that do something else.
    pub changed: usize,
    /// Items that do the same as before, under whatever keys.
    pub unchanged: usize,
    /// Items of which it cannot be said yet.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: usize,
    /// Results that are there already.
    pub reused: usize,
    /// Items that a run would make.
    pub to_run: usize,
    /// Some of the items that are new or do something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Most examples of a task.
const EXAMPLES: usize = 5;

impl WorkDiff {
    /// Whether the work is the same.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
            && self.models_added.is_empty()
            && self.models_removed.is_empty()
            && self.seeds_before == self.seeds_after
            && self.nodes_before == self.nodes_after
    }

    /// Whether there are items at all.
    pub fn has_items(&self) -> bool {
        self.items_before + self.items_after > 0
    }
}

/// What differs between `before` and `after`. `renamed` says which tasks have another name: old to new.
pub fn work(before: &DocumentWork, after: &DocumentWork, renamed: &IndexMap<String, String>) -> WorkDiff {
    let nothing = TaskWork::default();
    let called = |name: &String| renamed.get(name).unwrap_or(name).clone();
    let old: IndexMap<String, &TaskWork> = before.tasks.iter().map(|task| (called(&task.name), task)).collect();
    let mut diff = WorkDiff::default();
    for task in &after.tasks {
        let found = task_diff(&task.name, old.get(&task.name).copied().unwrap_or(&nothing), task);
        diff.count_fates(task, &found);
        diff.keep(found);
    }
    for (name, task) in &old {
        if !after.tasks.iter().any(|t| t.name == *name) {
            diff.keep(task_diff(name, task, &nothing));
        }
    }
    diff.totals(before, after);
    diff
}

impl WorkDiff {
    fn keep(&mut self, task: TaskDiff) {
        self.items_to_make += task.added + task.changed;
        if task.added + task.removed + task.changed + task.unknown > 0 {
            self.tasks.push(task);
        }
    }

    fn count_fates(&mut self, task: &TaskWork, found: &TaskDiff) {
        self.reused += found.reused;
        self.to_run += found.to_run;
        self.depends_on_routing += task.items.iter().filter(|item| item.fate == Some(Fate::Routed)).count();
        match task.seconds {
            _ if found.to_run == 0 => {}
            Some(seconds) => *self.seconds.get_or_insert(0.0) += seconds * found.to_run as f64,
            None => self.without_history.push(task.name.clone()),
        }
    }

    fn totals(&mut self, before: &DocumentWork, after: &DocumentWork) {
        let items = |work: &DocumentWork| work.tasks.iter().map(|t| t.items.len()).sum();
        let nodes = |work: &DocumentWork| work.tasks.iter().map(|t| t.nodes).sum();
        let models = |work: &DocumentWork| work.tasks.iter().flat_map(|t| t.models.clone()).collect::<BTreeSet<_>>();
        let seeds = |work: &DocumentWork| ranges(&work.tasks.iter().flat_map(|t| t.seeds.clone()).collect());
        (self.items_before, self.items_after) = (items(before), items(after));
        (self.nodes_before, self.nodes_after) = (nodes(before), nodes(after));
        (self.seeds_before, self.seeds_after) = (seeds(before), seeds(after));
        let (old, new) = (models(before), models(after));
        self.models_added = new.difference(&old).cloned().collect();
        self.models_removed = old.difference(&new).cloned().collect();
    }
}

fn task_diff(name: &str, before: &TaskWork, after: &TaskWork) -> TaskDiff {
    let mut diff =
        TaskDiff { task: name.to_owned(), before: before.items.len(), after: after.items.len(), ..TaskDiff::default() };
    let by_keys: HashMap<&str, &WorkItem> = before.items.iter().map(|item| (item.keys.as_str(), item)).collect();
    let kept: BTreeSet<&str> = after.items.iter().map(|item| item.keys.as_str()).collect();
    // What is gone under its keys may be there under others.
    let mut moved: BTreeMap<ContentHash, usize> = BTreeMap::new();
    for item in before.items.iter().filter(|item| !kept.contains(item.keys.as_str())) {
        diff.removed += 1;
        item.fingerprint.into_iter().for_each(|hash| *moved.entry(hash).or_default() += 1);
    }
    for item in &after.items {
        match item.fate {
            Some(Fate::Reused) => diff.reused += 1,
            Some(Fate::Runs) => diff.to_run += 1,
            Some(Fate::Routed) | None => {}
        }
        match by_keys.get(item.keys.as_str()) {
            Some(old) => match (old.fingerprint, item.fingerprint) {
                (Some(a), Some(b)) if a == b => diff.unchanged += 1,
                (Some(_), Some(_)) => diff.example(item, |d| &mut d.changed),
                _ => diff.unknown += 1,
            },
            None => match item.fingerprint.and_then(|hash| moved.get_mut(&hash)).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    diff.removed -= 1;
                    diff.unchanged += 1;
                }
                None => diff.example(item, |d| &mut d.added),
            },
        }
    }
    diff
}

impl TaskDiff {
    fn example(&mut self, item: &WorkItem, counter: impl Fn(&mut Self) -> &mut usize) {
        *counter(self) += 1;
        if self.examples.len() < EXAMPLES && !item.keys.is_empty() {
            self.examples.push(format!("{}{}", self.task, item.keys));
        }
    }
}

/// Numbers as ranges: `1..10, 42`; at most a few of them.
fn ranges(numbers: &BTreeSet<u64>) -> String {
    const MOST: usize = 6;
    let mut found: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => found.push((*number, *number)),
        }
    }
    let mut told: Vec<String> = found
        .iter()
        .take(MOST)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}..{last}") })
        .collect();
    if found.len() > MOST {
        let told_numbers: u64 = found.iter().take(MOST).map(|(first, last)| last - first + 1).sum();
        told.push(format!("and {} more", numbers.len() as u64 - told_numbers));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(keys: &str, does: &str, fate: Fate) -> WorkItem {
        WorkItem { keys: keys.to_owned(), fingerprint: Some(ContentHash::of_bytes(does.as_bytes())), fate: Some(fate) }
    }

    fn task(name: &str, items: Vec<WorkItem>) -> TaskWork {
        TaskWork { name: name.to_owned(), nodes: items.len() * 3, items, seconds: Some(2.0), ..TaskWork::default() }
    }

    #[test]
    fn items_are_told_apart() {
        let before = DocumentWork {
            tasks: vec![task(
                "a",
                vec![item("[k=1]", "x", Fate::Reused), item("[k=2]", "y", Fate::Runs), item("[k=3]", "z", Fate::Runs)],
            )],
        };
        let mut new = task(
            "b",
            vec![
                item("[k=1]", "x", Fate::Reused),
                item("[k=2]", "other", Fate::Runs),
                item("[k=4]", "z", Fate::Runs),
                item("[k=5]", "w", Fate::Runs),
            ],
        );
        new.seeds = BTreeSet::from([1, 2, 3, 9]);
        new.models = BTreeSet::from(["loras/x".to_owned()]);
        let after = DocumentWork { tasks: vec![new] };
        let renamed = IndexMap::from_iter([("a".to_owned(), "b".to_owned())]);
        let diff = work(&before, &after, &renamed);
        let found = &diff.tasks[0];
        assert_eq!((found.added, found.removed, found.changed, found.unchanged), (1, 0, 1, 2), "k=4 does what k=3 did");
        assert_eq!(found.examples, ["b[k=2]", "b[k=5]"]);
        assert_eq!((diff.reused, diff.to_run, diff.seconds, diff.items_to_make), (1, 3, Some(6.0), 2));
        assert_eq!((diff.seeds_before.as_str(), diff.seeds_after.as_str()), ("", "1..3, 9"));
        assert_eq!((diff.nodes_before, diff.nodes_after, diff.models_added.len()), (9, 12, 1));
        let gone = work(&after, &DocumentWork::default(), &IndexMap::default());
        assert_eq!((gone.tasks[0].removed, gone.items_to_make), (4, 0));
        assert!(work(&before, &before, &IndexMap::default()).is_empty());
    }

    #[test]
    fn what_has_no_history_is_named() {
        let after =
            DocumentWork { tasks: vec![TaskWork { seconds: None, ..task("new", vec![item("", "x", Fate::Runs)]) }] };
        let diff = work(&DocumentWork::default(), &after, &IndexMap::default());
        assert_eq!((diff.seconds, diff.without_history), (None, vec!["new".to_owned()]));
    }

    #[test]
    fn many_seeds_are_few_words() {
        assert_eq!(ranges(&(0..20).map(|n| n * 2).collect()), "0, 2, 4, 6, 8, 10, and 14 more");
        assert_eq!(ranges(&BTreeSet::from([u64::MAX - 1, u64::MAX])), "18446744073709551614..18446744073709551615");
    }
}
