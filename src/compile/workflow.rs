//! Workflows that presets keep in files of their own.

use std::sync::Arc;

use serde_json::Value;

use super::lower::LowerError;
use crate::{
    diagnostic::{Diagnostic, position},
    files::{World, join_relative},
    graph::{Graph, NodeSet, UiOptions, from_ui, to_api},
    model::Bind,
};

/// Largest workflow, in bytes.
const LARGEST: u64 = 64 << 20;

/// The graph in API format of the workflow that the document at `document` calls `path`: as it
/// stands there, or as the editor sends what it saved there to a server with the classes `nodes`.
pub fn read_workflow(world: &dyn World, document: &str, path: &str, nodes: &NodeSet) -> Result<Value, LowerError> {
    let inside = join_relative(document, path).map_err(|e| LowerError::new(e.code(), e.to_string()))?;
    let bytes = world
        .read(&inside, LARGEST)
        .map_err(|e| LowerError::new(e.code(), format!("failed to {e}")).hint("paths are relative to the document"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| LowerError::new("not-utf8", format!("the workflow \"{path}\" is not UTF-8")))?;
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = serde_json::from_str(text)
        .map_err(|e| LowerError::new("bad-workflow", format!("the workflow \"{path}\" is not JSON: {e}")))?;
    if value["nodes"].is_array() { converted(path, text, nodes) } else { Ok(value) }
}

/// What the editor sends. Which values are whose it knows from the classes, so all must be known.
fn converted(path: &str, text: &str, nodes: &NodeSet) -> Result<Value, LowerError> {
    let file = Arc::from(path);
    let found = from_ui(&file, text, nodes, UiOptions::default()).map_err(|faults| cannot(path, text, &faults))?;
    match found.graph.nodes.values().find(|node| !nodes.contains(&node.class)) {
        Some(node) => {
            let class = &node.class;
            let message = format!("the workflow \"{path}\" has nodes of the class \"{class}\", which is not known");
            let hint = "give a snapshot that has the class, --object-info FILE, or save it with \"Export (API)\"";
            Err(LowerError::new("unknown-class", message).hint(hint))
        }
        None => Ok(to_api(&found.graph, &mut |_| Value::Null)),
    }
}

fn cannot(path: &str, text: &str, faults: &[Diagnostic]) -> LowerError {
    let Some(first) = faults.first() else {
        return LowerError::new("bad-workflow", format!("the workflow \"{path}\" cannot be converted"));
    };
    let line = first.span.map(|span| format!(", line {}", position(text, span.start).line)).unwrap_or_default();
    let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
    let error = LowerError::new("bad-workflow", format!("the workflow \"{path}\"{line}: {}{more}", first.message));
    first.hint.iter().fold(error, |error, hint| error.hint(hint.clone()))
}

/// The id of the one node of `graph` that `bind` finds, or why it finds none or several.
pub fn bound_node(graph: &Graph, bind: &Bind) -> Result<String, String> {
    let matches: Vec<&str> = graph
        .nodes
        .iter()
        .filter(|(id, node)| {
            bind.node.as_ref().is_none_or(|n| n == *id)
                && bind.title.as_ref().is_none_or(|t| node.title.as_ref() == Some(t))
                && bind.class.as_ref().is_none_or(|c| *c == node.class)
                && node.inputs.contains_key(&bind.input)
        })
        .map(|(id, _)| id.as_str())
        .collect();
    match matches.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(format!("no node with the input `{}` matches", bind.input)),
        several => Err(format!("{} nodes match: {}", several.len(), several.join(", "))),
    }
}
