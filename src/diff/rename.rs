//! Nodes and tasks that have another name: found by their links, and called by the new name on both
//! sides, so that only what else differs is left.

use serde_json::{Map, Value};

use super::{
    change::{Change, ChangeKind, Place},
    matching::{Linked, Names, Side, matching},
};
use crate::{graph::parse_link, ident::IndexMap};

/// Names that have changed: old to new.
type Renamed = IndexMap<String, String>;

/// Gives the nodes of `before` the names that they have in `after`; both own `node` and `outputs`.
pub(super) fn rename_nodes(
    place: &Place,
    before: &mut Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    let renamed = changed_names(&side_of_nodes(before), &side_of_nodes(after));
    if renamed.is_empty() {
        return;
    }
    rename_keys(before.get_mut("node"), &renamed);
    for key in ["node", "outputs"] {
        before.get_mut(key).into_iter().for_each(|value| rename_links(value, &renamed));
    }
    tell(&place.key("node"), &renamed, changes);
}

/// Gives the tasks of `before` the names that they have in `after`; both own `task`.
pub(super) fn rename_tasks(
    before: &mut Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<Change>,
) -> Renamed {
    let renamed = changed_names(&side_of_tasks(before), &side_of_tasks(after));
    if renamed.is_empty() {
        return renamed;
    }
    rename_keys(before.get_mut("task"), &renamed);
    for task in before.get_mut("task").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        rename_in_task(task, &renamed);
    }
    for row in before.get_mut("routing_test").and_then(Value::as_array_mut).into_iter().flatten() {
        for key in ["task", "expect"] {
            rename_text(row.get_mut(key), &renamed);
        }
    }
    tell(&Place::default().key("task"), &renamed, changes);
    renamed
}

fn changed_names(before: &Side, after: &Side) -> Renamed {
    let pairs = matching(before, after, Names::Chosen);
    pairs.into_iter().filter(|(old, new)| old != new).collect()
}

fn tell(place: &Place, renamed: &Renamed, changes: &mut Vec<Change>) {
    changes.extend(
        renamed.iter().map(|(old, new)| Change::of(&place.key(new), ChangeKind::Renamed, old.as_str(), new.as_str())),
    );
}

fn side_of_nodes(owner: &Map<String, Value>) -> Side {
    let mut side = Side::default();
    for (id, node) in owner.get("node").and_then(Value::as_object).into_iter().flatten() {
        let mut linked = Linked { kind: text(&node["class"]), ..Linked::default() };
        for (input, value) in node["inputs"].as_object().into_iter().flatten() {
            linked.add(input, value);
        }
        side.all.insert(id.clone(), linked);
    }
    for (name, value) in owner.get("outputs").and_then(Value::as_object).into_iter().flatten() {
        if let Some(link) = value.as_str().and_then(parse_link) {
            side.outer.push((name.clone(), link.node.to_owned(), link.output.unwrap_or_default().to_owned()));
        }
    }
    side
}

fn side_of_tasks(owner: &Map<String, Value>) -> Side {
    let mut side = Side::default();
    let names = owner.get("task").and_then(Value::as_object);
    for (name, task) in names.into_iter().flatten() {
        let mut linked = Linked { kind: text(&task["type"]), ..Linked::default() };
        for (key, value) in task.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("type", _) => {}
                ("depends_on", Value::Array(entries)) => {
                    for (at, entry) in entries.iter().filter_map(Value::as_str).enumerate() {
                        linked.links.extend(entry.split('|').enumerate().map(|(alternative, task)| {
                            (format!("depends_on {at} {alternative}"), task.trim().to_owned(), String::new())
                        }));
                    }
                }
                ("with", Value::Object(with)) => with.iter().for_each(|(input, value)| linked.add(input, value)),
                ("route", Value::Array(rules)) => {
                    for (at, rule) in rules.iter().enumerate() {
                        linked.links.extend(
                            rule["to"]
                                .as_str()
                                .filter(|to| !to.starts_with('@'))
                                .map(|to| (format!("route {at}"), to.to_owned(), String::new())),
                        );
                    }
                    linked.values.insert(key.clone(), rules.len().into());
                }
                _ => drop(linked.values.insert(key.clone(), value.clone())),
            }
        }
        side.all.insert(name.clone(), linked);
    }
    side
}

impl Linked {
    fn add(&mut self, input: &str, value: &Value) {
        match value.as_str().and_then(parse_link) {
            Some(link) => {
                let output = link.output.unwrap_or_default().to_owned();
                self.links.push((input.to_owned(), link.node.to_owned(), output));
            }
            None => drop(self.values.insert(input.to_owned(), value.clone())),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The same map with new keys, in the same order.
fn rename_keys(map: Option<&mut Value>, renamed: &Renamed) {
    if let Some(map) = map.and_then(Value::as_object_mut) {
        let entries = std::mem::take(map).into_iter();
        *map = entries.map(|(key, value)| (renamed.get(&key).cloned().unwrap_or(key), value)).collect();
    }
}

fn rename_links(value: &mut Value, renamed: &Renamed) {
    match value {
        Value::String(text) => {
            if let Some(link) = parse_link(text)
                && let Some(new) = renamed.get(link.node)
            {
                *text = link.output.map_or_else(|| format!("@{new}"), |output| format!("@{new}.{output}"));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| rename_links(value, renamed)),
        Value::Object(map) => map.values_mut().for_each(|value| rename_links(value, renamed)),
        _ => {}
    }
}

fn rename_in_task(task: &mut Value, renamed: &Renamed) {
    if let Some(Value::Array(entries)) = task.get_mut("depends_on") {
        for entry in entries {
            let alternatives = entry.as_str().unwrap_or_default().split('|').map(str::trim);
            let new = alternatives.map(|name| renamed.get(name).map_or(name, String::as_str)).collect::<Vec<_>>();
            *entry = new.join("|").into();
        }
    }
    for key in ["with", "node"] {
        task.get_mut(key).into_iter().for_each(|value| rename_links(value, renamed));
    }
    for rule in task.get_mut("route").and_then(Value::as_array_mut).into_iter().flatten() {
        rename_text(rule.get_mut("to"), renamed);
        if let Some(Value::String(condition)) = rule.get_mut("if") {
            *condition = renamed.iter().fold(condition.clone(), |text, (old, new)| rename_metric(&text, old, new));
        }
    }
}

fn rename_text(value: Option<&mut Value>, renamed: &Renamed) {
    let Some(value) = value else { return };
    if let Some(new) = value.as_str().and_then(|text| renamed.get(text)) {
        *value = Value::from(new.as_str());
    }
}

/// `old.metric` in an expression.
fn rename_metric(text: &str, old: &str, new: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let is_part = before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
        out.push_str(before);
        out.push_str(if after.starts_with('.') && !is_part { new } else { old });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_task_is_renamed_in_a_rule() {
        let renamed = rename_metric("cut.quality > 0.5 && cutout.quality > x.cut.y && cut > 1", "cut", "mask");
        assert_eq!(renamed, "mask.quality > 0.5 && cutout.quality > x.cut.y && cut > 1");
    }
}
