//! Workflows that presets keep in files of their own.

use serde_json::Value;

use super::lower::LowerError;
use crate::{
    files::{World, join_relative},
    graph::Graph,
    model::Bind,
};

/// Largest workflow, in bytes.
const LARGEST: u64 = 64 << 20;

/// The JSON of the workflow that the document at `document` calls `path`.
pub fn read_workflow(world: &dyn World, document: &str, path: &str) -> Result<Value, LowerError> {
    let inside = join_relative(document, path).map_err(|e| LowerError::new(e.code(), e.to_string()))?;
    let bytes = world
        .read(&inside, LARGEST)
        .map_err(|e| LowerError::new(e.code(), format!("failed to {e}")).hint("paths are relative to the document"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| LowerError::new("not-utf8", format!("the workflow \"{path}\" is not UTF-8")))?;
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|e| LowerError::new("bad-workflow", format!("the workflow \"{path}\" is not JSON: {e}")))
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
