//! The layout of a snapshot: what changes together stands on one line.

use serde_json::Value;

/// Longest line that holds more than one value.
const WIDTH: usize = 112;

/// Maps down to here have an entry a line: the file, its nodes, a class, its inputs, a section.
const OPEN_DEPTH: usize = 5;

/// `value` as text, with a final newline.
pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, 0, &mut out);
    out.push('\n');
    out
}

/// Writes `value`, before which `column` characters stand on its line.
fn write(value: &Value, depth: usize, column: usize, out: &mut String) {
    let is_open = match value {
        Value::Object(map) => depth < OPEN_DEPTH && !map.is_empty(),
        // The model files of a folder.
        Value::Array(list) => depth == 2 && !list.is_empty(),
        _ => false,
    };
    if !is_open {
        let compact = compact(value);
        // A comma may follow.
        if column + compact.chars().count() < WIDTH || !value.is_array() && !value.is_object() {
            out.push_str(&compact);
            return;
        }
    }
    match value {
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (Some(key.as_str()), value));
            write_entries(entries, ('{', '}'), depth, out);
        }
        Value::Array(list) => write_entries(list.iter().map(|value| (None, value)), ('[', ']'), depth, out),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_entries<'a>(
    entries: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    (open, close): (char, char),
    depth: usize,
    out: &mut String,
) {
    out.push(open);
    for (index, (key, value)) in entries.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        let key = key.map_or_else(String::new, |key| format!("{}: ", Value::from(key)));
        let before = format!("{:indent$}{key}", "", indent = depth + 1);
        out.push_str(&before);
        write(value, depth + 1, before.chars().count(), out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(depth));
    out.push(close);
}

/// One line, with a space after commas and colons.
fn compact(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), compact(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(compact).collect::<Vec<_>>().join(", ")),
        scalar => scalar.to_string(),
    }
}
