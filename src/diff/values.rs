//! What differs between two values of the same meaning, as deep as it differs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::change::{Change, ChangeKind, Place};

/// Maps whose order means something.
const ORDERED: [&[&str]; 2] = [&["variations"], &["task", "*", "foreach"]];

/// What names a row of a list of tables.
const ROW_NAMES: [&str; 2] = ["name", "version"];

/// Longest lists that are aligned; longer ones differ as a whole.
const LONGEST: usize = 2_000;

/// What differs between two values.
pub fn json(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    values(&Place::default(), before, after, &mut changes);
    changes
}

/// Reports what differs between `before` and `after`, which stand at `place`.
pub(super) fn values(place: &Place, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before, after) {
        _ if before == after => {
            // Maps in another order are equal.
            if let (Value::Object(before), Value::Object(after)) = (before, after) {
                deep_orders(place, before, after, changes);
            }
        }
        (Value::Object(before), Value::Object(after)) => maps(place, before, after, changes),
        (Value::Array(before), Value::Array(after)) if are_rows(before) && are_rows(after) => {
            rows(place, before, after, changes);
        }
        _ => changes.push(Change::of(place, ChangeKind::Changed, before.clone(), after.clone())),
    }
}

/// As [`values`], for maps.
pub(super) fn maps(place: &Place, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<Change>) {
    for (key, old) in before {
        match after.get(key) {
            Some(new) => values(&place.key(key), old, new, changes),
            None => changes.push(Change::removed(&place.key(key), old)),
        }
    }
    let new = after.iter().filter(|(key, _)| !before.contains_key(*key));
    changes.extend(new.map(|(key, value)| Change::added(&place.key(key), value)));
    order(place, before, after, changes);
}

/// Only the orders of equal maps can differ.
fn deep_orders(place: &Place, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<Change>) {
    order(place, before, after, changes);
    for (key, old) in before {
        if let (Value::Object(old), Some(Value::Object(new))) = (old, after.get(key)) {
            deep_orders(&place.key(key), old, new, changes);
        }
    }
}

fn order(place: &Place, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<Change>) {
    if !ORDERED.iter().any(|way| place.is(way)) {
        return;
    }
    let common = |of: &Map<String, Value>, other: &Map<String, Value>| {
        of.keys().filter(|key| other.contains_key(*key)).map(|key| Value::from(key.as_str())).collect::<Vec<_>>()
    };
    let (old, new) = (common(before, after), common(after, before));
    if old != new {
        changes.push(Change::of(place, ChangeKind::Moved, old, new));
    }
}

fn are_rows(list: &[Value]) -> bool {
    list.len() <= LONGEST && list.iter().all(Value::is_object)
}

fn rows(place: &Place, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    let name = ROW_NAMES.into_iter().find(|name| are_named(before, name) && are_named(after, name));
    match name {
        Some(name) => named_rows(place, name, before, after, changes),
        None => numbered_rows(place, before, after, changes),
    }
}

/// Whether every row has a name of its own.
fn are_named(rows: &[Value], key: &str) -> bool {
    let names: BTreeSet<&str> = rows.iter().filter_map(|row| row[key].as_str()).collect();
    names.len() == rows.len()
}

/// Rows with names: layers by `name`, a changelog by `version`.
fn named_rows(place: &Place, key: &str, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    let named = |rows: &[Value]| -> Map<String, Value> {
        let name = |row: &Value| row[key].as_str().unwrap_or_default().to_owned();
        rows.iter().map(|row| (name(row), row.clone())).collect()
    };
    let (before, after) = (named(before), named(after));
    maps(place, &before, &after, changes);
    let kept = |of: &Map<String, Value>, other: &Map<String, Value>| {
        of.keys().filter(|key| other.contains_key(*key)).map(|key| Value::from(key.as_str())).collect::<Vec<_>>()
    };
    let (old, new) = (kept(&before, &after), kept(&after, &before));
    if old != new {
        changes.push(Change::of(place, ChangeKind::Moved, old, new));
    }
}

/// Rows that only their place tells apart: equal ones are found again, the ones between are paired.
fn numbered_rows(place: &Place, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    let (mut old, mut new) = (0, 0);
    let mut equal = common_rows(before, after);
    equal.push((before.len(), after.len()));
    for (next_old, next_new) in equal {
        while old < next_old && new < next_new {
            values(&place.row(new), &before[old], &after[new], changes);
            (old, new) = (old + 1, new + 1);
        }
        changes.extend((old..next_old).map(|at| Change::removed(&place.row(at), &before[at])));
        changes.extend((new..next_new).map(|at| Change::added(&place.row(at), &after[at])));
        (old, new) = (next_old + 1, next_new + 1);
    }
}

/// A longest sequence of equal rows, as pairs of their places.
fn common_rows(before: &[Value], after: &[Value]) -> Vec<(usize, usize)> {
    let width = after.len() + 1;
    let mut longest = vec![0_u32; (before.len() + 1) * width];
    for old in (0..before.len()).rev() {
        for new in (0..after.len()).rev() {
            longest[old * width + new] = if before[old] == after[new] {
                longest[(old + 1) * width + new + 1] + 1
            } else {
                longest[(old + 1) * width + new].max(longest[old * width + new + 1])
            };
        }
    }
    let (mut old, mut new, mut pairs) = (0, 0, Vec::new());
    while old < before.len() && new < after.len() {
        if before[old] == after[new] {
            pairs.push((old, new));
            (old, new) = (old + 1, new + 1);
        } else if longest[(old + 1) * width + new] >= longest[old * width + new + 1] {
            old += 1;
        } else {
            new += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let mut changes = Vec::new();
        values(&Place::default(), before, after, &mut changes);
        let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
        changes.iter().map(|c| format!("{} {} > {}", c.path, value(&c.before), value(&c.after))).collect()
    }

    #[test]
    fn maps_by_key_in_any_order() {
        let before = json!({"a": 1, "b": {"x": [1, 2]}, "c": true});
        assert_eq!(told(&before, &json!({"c": true, "b": {"x": [1, 2]}, "a": 1})), Vec::<String>::new());
        let after = json!({"d": 4, "b": {"x": [2, 1]}, "a": 1});
        assert_eq!(told(&before, &after), ["b.x [1,2] > [2,1]", "c true > -", "d - > 4"]);
        let variations = json!({"variations": {"soft": {"k": 1}, "hard": {"k": 2}}});
        let other = json!({"variations": {"hard": {"k": 2}, "soft": {"k": 1}}});
        assert_eq!(told(&variations, &other), [r#"variations ["soft","hard"] > ["hard","soft"]"#]);
    }

    #[test]
    fn rows_by_place_and_by_name() {
        let rule = |test: &str, to: &str| json!({"if": test, "to": to});
        let before = json!({"route": [rule("a", "x"), rule("b", "y"), rule("c", "z")]});
        let after = json!({"route": [rule("new", "x"), rule("a", "x"), rule("b", "w"), rule("c", "z")]});
        let expected = [r#"route[0] - > {"if":"new","to":"x"}"#, r#"route[2].to "y" > "w""#];
        assert_eq!(told(&before, &after), expected);
        let layer = |name: &str, grow: u32| json!({"name": name, "grow": grow});
        let before = json!({"layer": [layer("sky", 1), layer("car", 2)]});
        let after = json!({"layer": [layer("car", 3), layer("sky", 1), layer("dog", 0)]});
        let expected = [
            "layer.car.grow 2 > 3",
            r#"layer.dog - > {"grow":0,"name":"dog"}"#,
            r#"layer ["sky","car"] > ["car","sky"]"#,
        ];
        let found: Vec<String> = told(&before, &after)
            .iter()
            .map(|t| t.replace(r#"{"name":"dog","grow":0}"#, r#"{"grow":0,"name":"dog"}"#))
            .collect();
        assert_eq!(found, expected);
    }
}
