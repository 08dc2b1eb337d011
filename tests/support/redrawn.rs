//! Whether a graph that is drawn for the editor is sent by it as it was.

use std::{collections::BTreeSet, sync::Arc};

use comfywright::graph::{BoundFile, NodeSet, UiOptions, from_api, from_ui, lost_in_drawing, to_api, to_ui};
use serde_json::{Value, json};

/// What differs between `recorded`, a graph in API format, and what the editor sends of its drawing;
/// inputs of `known`, pairs of class and name, may differ if `lost_in_drawing` says so.
pub fn differences(recorded: &Value, nodes: &NodeSet, known: &[(&str, &str)]) -> Vec<String> {
    let graph = match from_api(recorded) {
        Ok(graph) => graph,
        Err(error) => return vec![error.to_string()],
    };
    let drawn = to_ui(&graph, nodes, &[], &mut |_: &[BoundFile]| Value::Null);
    let lost = lost_in_drawing(&graph, &drawn, nodes, &[]);
    let is_told = |id: &str, input: &str| lost.iter().any(|p| p.node == id && p.input.as_deref() == Some(input));
    let text = drawn.workflow.to_string();
    let again = match from_ui(&Arc::from("drawn.json"), &text, nodes, UiOptions::default()) {
        Ok(again) => to_api(&again.graph, &mut |_: &[BoundFile]| Value::Null),
        Err(diagnostics) => return vec![format!("{diagnostics:?}")],
    };
    let number = |id: &str| drawn.ids.get(id).map_or_else(|| id.to_owned(), ToString::to_string);
    let mut out = Vec::new();
    for (id, node) in recorded.as_object().into_iter().flatten() {
        let found = &again[number(id)];
        for part in ["class_type", "_meta"] {
            if !node[part].is_null() && found[part] != node[part] {
                out.push(format!("node {id}: {} instead of {}", found[part], node[part]));
            }
        }
        let names = |node: &Value| -> BTreeSet<String> {
            node["inputs"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        for name in names(node).union(&names(found)) {
            let (theirs, ours) = (node["inputs"].get(name), found["inputs"].get(name));
            let theirs = theirs.map(|value| match value.as_array().map(Vec::as_slice) {
                Some([Value::String(origin), slot]) if recorded.get(origin).is_some() => json!([number(origin), slot]),
                _ => value.clone(),
            });
            let is_known = known.contains(&(node["class_type"].as_str().unwrap_or_default(), name))
                && (theirs.is_none() || is_told(id, name));
            if theirs.as_ref() != ours && !is_known {
                out.push(format!("node {id}, {} {name}: {ours:?} instead of {theirs:?}", node["class_type"]));
            }
        }
    }
    let (before, after) = (drawn.ids.len(), again.as_object().map_or(0, serde_json::Map::len));
    if before != after {
        out.push(format!("{before} nodes became {after}"));
    }
    out
}
