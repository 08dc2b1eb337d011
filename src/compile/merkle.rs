//! Hashes of nodes and of all that reaches them.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::{
    content_hash::ContentHash,
    graph::{Graph, GraphNode, Input},
};

/// For each node the hash of what `own` says of it and of the nodes that reach it. A link of a cycle counts
/// as nothing.
pub(super) fn merkle<'a>(graph: &'a Graph, own: &dyn Fn(&GraphNode) -> Value) -> BTreeMap<&'a str, String> {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for id in graph.nodes.keys() {
        let mut open = HashSet::new();
        let mut stack = vec![id.as_str()];
        while let Some(at) = stack.last().copied() {
            let Some(node) = graph.nodes.get(at).filter(|_| !seen.contains_key(at)) else {
                stack.pop();
                continue;
            };
            if open.insert(at) {
                let sources = links(node).map(|(_, source, _)| source);
                stack.extend(sources.filter(|source| !seen.contains_key(source) && !open.contains(source)));
            } else {
                let above: Vec<Value> =
                    links(node).map(|(name, source, output)| json!([name, seen.get(source), output])).collect();
                seen.insert(at, ContentHash::of_json(&json!([own(node), above])).to_string());
                stack.pop();
            }
        }
    }
    seen
}

/// The links of a node: input, source and output.
pub(super) fn links(node: &GraphNode) -> impl Iterator<Item = (&str, &str, usize)> {
    node.inputs.iter().filter_map(|(name, input)| match input {
        Input::Link(link) => Some((name.as_str(), link.node.as_str(), link.output)),
        Input::Value(_) | Input::Files(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_do_not_count_and_what_is_above_does() {
        let graph = |color: u32, id: &str| {
            let mut graph = Graph::default();
            let made = graph.add(id, "EmptyImage", [("color", Input::value(color))]);
            graph.add("blur", "ImageBlur", [("image", Input::link(made, 0))]);
            graph
        };
        let own = |node: &GraphNode| json!([node.class, node.inputs.get("color").map(|_| "a color")]);
        let values = |node: &GraphNode| match node.inputs.get("color") {
            Some(Input::Value(color)) => json!([node.class, color]),
            _ => json!(node.class),
        };
        let (one, two) = (graph(1, "a"), graph(2, "b"));
        assert_eq!(merkle(&one, &own)["blur"], merkle(&two, &own)["blur"]);
        assert_ne!(merkle(&one, &values)["blur"], merkle(&two, &values)["blur"]);
        let mut cycle = graph(1, "a");
        cycle.nodes["a"].inputs.insert("image".to_owned(), Input::link("blur", 0));
        assert_eq!(merkle(&cycle, &own).len(), 2);
    }
}
