//! Names of folders and files: safe on every file system, different for different items even
//! where names are compared without case, and the same in every process.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ports::Preparer;
use crate::{
    content_hash::ContentHash,
    ident::slug,
    plan::{ItemIx, Plan},
};

/// Longest stem without its hash, in bytes.
const LONGEST: usize = 96;

/// The names of a run's folders and files.
#[derive(Debug)]
pub(super) struct Names {
    /// Folder of each task.
    pub(super) folders: Vec<String>,
    /// Items whose plain stem another item of the task has as well.
    ambiguous: BTreeSet<u32>,
}

impl Names {
    /// The names for `plan`.
    pub(super) fn new(plan: &Plan, preparer: &dyn Preparer) -> Self {
        let mut ambiguous = BTreeSet::new();
        for task in &plan.tasks {
            let mut first: BTreeMap<ContentHash, u32> = BTreeMap::new();
            for item in task.items.clone() {
                let hash = ContentHash::of_bytes(plain_stem(&task.name, preparer, ItemIx(item)).as_bytes());
                if let Some(other) = first.insert(hash, item) {
                    ambiguous.extend([other, item]);
                }
            }
        }
        Self { folders: folders(plan), ambiguous }
    }

    /// The start of the names of the item's files, without a dot.
    pub(super) fn stem(&self, plan: &Plan, preparer: &dyn Preparer, item: ItemIx) -> String {
        let task = &plan.tasks[plan.items.task[item.0 as usize].0 as usize].name;
        let stem = plain_stem(task, preparer, item);
        if !self.ambiguous.contains(&item.0) {
            return stem;
        }
        format!("{stem}-{}", &ContentHash::of_bytes(preparer.address(item).as_bytes()).to_string()[..8])
    }
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
