//! What differs between two versions of a document.

use serde_json::{Map, Value};

use super::{
    change::{Change, ChangeKind, Place},
    normal::normal,
    rename::{rename_nodes, rename_tasks},
    values::maps,
};
use crate::{graph::NodeSet, ident::IndexMap, model::Document};

/// What differs, and which tasks have another name: old to new.
pub fn documents(before: &Document, after: &Document, nodes: &NodeSet) -> (Vec<Change>, IndexMap<String, String>) {
    let (mut old, new) = (normal(before, nodes), normal(after, nodes));
    let root = Place::default();
    let mut changes = Vec::new();
    rename_nodes(&root, &mut old, &new, &mut changes);
    let renamed = rename_tasks(&mut old, &new, &mut changes);
    for (name, task) in old.get_mut("task").and_then(Value::as_object_mut).into_iter().flatten() {
        if let (Value::Object(task), Some(Value::Object(other))) = (task, new.get("task").and_then(|t| t.get(name))) {
            rename_nodes(&root.key("task").key(name), task, other, &mut changes);
        }
    }
    maps(&root, &old, &new, &mut changes);
    changes.extend(primary_output(&old, &new));
    changes.extend(order_of_tasks(&old, &new));
    (changes, renamed)
}

/// The output that comes first is what a task passes on, unless one is called `image`.
fn primary_output(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Change> {
    let primary = |of: &Map<String, Value>| {
        let names = of.get("outputs")?.as_object()?;
        names.keys().find(|name| *name == "image").or_else(|| names.keys().next()).cloned()
    };
    let (old, new) = (primary(old)?, primary(new)?);
    let place = Place::default().key("outputs");
    (old != new).then(|| Change::of(&place, ChangeKind::Moved, old, new))
}

/// Where items run as they stand in the file, the order of tasks means something.
fn order_of_tasks(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Change> {
    if old.get("mode")? != "fifo" || new.get("mode")? != "fifo" {
        return None;
    }
    let (old, new) = (old.get("task")?.as_object()?, new.get("task")?.as_object()?);
    let common = |of: &Map<String, Value>, other: &Map<String, Value>| {
        of.keys().filter(|name| other.contains_key(*name)).map(|name| Value::from(name.as_str())).collect::<Vec<_>>()
    };
    let (old, new) = (common(old, new), common(new, old));
    (old != new).then(|| Change::of(&Place::default().key("task"), ChangeKind::Moved, old, new))
}
