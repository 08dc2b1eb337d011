//! Names of folders and files: safe on every file system, different for different items even
//! where names are compared without case, and the same in every process.

use std::{
    collections::{BTreeSet, hash_map::Entry},
    sync::OnceLock,
};

use serde_json::Value;

use super::ports::Preparer;
use crate::{
    content_hash::ContentHash,
    ident::{HashMap, slug},
    plan::{ItemIx, Plan, PlanTask},
};

/// Longest stem without its hash, in bytes.
const LONGEST: usize = 96;

/// The names of a run's folders and files.
#[derive(Debug)]
pub(super) struct Names {
    /// Folder of each task.
    pub(super) folders: Vec<String>,
    /// Of each task the items whose plain stem another item has as well, as soon as somebody asks.
    ambiguous: Vec<OnceLock<BTreeSet<u32>>>,
}

impl Names {
    /// The names for `plan`.
    pub(super) fn new(plan: &Plan) -> Self {
        Self { folders: folders(plan), ambiguous: vec![OnceLock::new(); plan.tasks.len()] }
    }

    /// The start of the names of the item's files, without a dot.
    pub(super) fn stem(&self, plan: &Plan, preparer: &dyn Preparer, item: ItemIx) -> String {
        let number = plan.items.task[item.0 as usize].0 as usize;
        let task = &plan.tasks[number];
        let stem = plain_stem(&task.name, preparer, item);
        if !self.ambiguous[number].get_or_init(|| ambiguous(task, preparer)).contains(&item.0) {
            return stem;
        }
        format!("{stem}-{}", &ContentHash::of_bytes(preparer.address(item).as_bytes()).to_string()[..8])
    }
}

/// The items of `task` whose plain stem another one has as well.
fn ambiguous(task: &PlanTask, preparer: &dyn Preparer) -> BTreeSet<u32> {
    let mut ambiguous = BTreeSet::new();
    let mut first: HashMap<String, u32> = HashMap::default();
    for item in task.items.clone() {
        match first.entry(plain_stem(&task.name, preparer, ItemIx(item))) {
            Entry::Occupied(other) => ambiguous.extend([*other.get(), item]),
            Entry::Vacant(free) => drop(free.insert(item)),
        }
    }
    ambiguous
}

fn folders(plan: &Plan) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let free_name = |name: &str| {
        let base = unreserved(name);
        let mut folder = base.clone();
        for number in 2.. {
            if taken.insert(folder.to_lowercase()) {
                break;
            }
            folder = format!("{base}-{number}");
        }
        folder
    };
    plan.tasks.iter().map(|task| task.name.as_str()).map(free_name).collect()
}

fn plain_stem(task: &str, preparer: &dyn Preparer, item: ItemIx) -> String {
    let parts: Vec<String> = preparer.keys(item).iter().map(|(_, value)| slug(&text(value))).collect();
    let mut stem = if parts.is_empty() { task.to_owned() } else { parts.join("-") };
    stem.truncate(LONGEST);
    unreserved(&stem)
}

/// A key's value for people. Of a row the first field that is no table, for it identifies the row.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => fields.values().find(|field| !field.is_object()).map(text).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// `name`, changed if Windows keeps it for a device.
fn unreserved(name: &str) -> String {
    let lower = name.to_lowercase();
    let numbered = |device: &str| {
        lower.strip_prefix(device).is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let reserved = ["con", "prn", "aux", "nul"].contains(&lower.as_str()) || numbered("com") || numbered("lpt");
    if reserved { format!("{name}_") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_avoided() {
        let names = ["con", "AUX", "lpt1", "com", "com10", "front"].map(unreserved);
        assert_eq!(names, ["con_", "AUX_", "lpt1_", "com", "com10", "front"]);
    }

    #[test]
    fn keys_become_text() {
        assert_eq!(text(&serde_json::json!({"sku": "A1", "name": "Cup"})), "A1");
        assert_eq!(text(&serde_json::json!(1.5)), "1.5");
    }
}
