//! A batch as a Mermaid flowchart.

use std::fmt::Write as _;

use serde_json::Value;

use crate::app::{BatchTask, Shape, ShapedTask};

/// Draws the tasks with their items and what they wait for; the critical path is thick, routes are
/// dashed.
pub(super) fn mermaid(tasks: &[BatchTask], shaped: &[ShapedTask], shape: &Shape) -> String {
    let mut out = String::from("flowchart LR\n");
    // Some names mean something in Mermaid.
    let number = |id: &str| tasks.iter().position(|task| task.id == id).unwrap_or(tasks.len());
    for (at, task) in tasks.iter().enumerate() {
        let items = shaped.iter().find(|shaped| shaped.id == task.id).map_or(1, |shaped| shaped.items);
        let _ = writeln!(out, "  t{at}[\"{} x{items}<br>{}\"]", task.id, task.kind);
    }
    let is_critical =
        |from: &str, to: &str| shape.critical_path.windows(2).any(|pair| pair[0] == from && pair[1] == to);
    for (at, task) in tasks.iter().enumerate() {
        for need in task.depends_on.iter().flat_map(|entry| entry.split('|')) {
            let arrow = if is_critical(need, &task.id) { "==>" } else { "-->" };
            let _ = writeln!(out, "  t{} {arrow} t{at}", number(need));
        }
        let rows = task.settings.get("route").and_then(Value::as_array).into_iter().flatten();
        for row in rows.filter(|row| row["to"].as_str().is_some_and(|to| !to.starts_with('@'))) {
            let condition = row["if"].as_str().or(row["on"].as_str()).unwrap_or_default().replace('"', "'");
            let to = number(row["to"].as_str().unwrap_or_default());
            let _ = writeln!(out, "  t{at} -.->|\"{condition}\"| t{to}");
        }
    }
    out
}
