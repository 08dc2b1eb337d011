//! Ids of nodes are made unique in the whole file, for values are kept by id: the outermost graph
//! keeps its own, then each subgraph in order, and a repeated one becomes the next free one.

use serde_json::Value;

use crate::{
    graph::ui_format::{NodeId, RawNode, RawSubgraph},
    ident::IndexMap,
};

/// Renames nodes of subgraphs whose ids are taken, with the links and lists that name them.
/// `last` is the largest id that was given so far.
pub(super) fn make_unique<'a>(root: &mut [RawNode<'a>], subgraphs: &mut [RawSubgraph<'a>], last: &mut i64) {
    let mut used: IndexMap<NodeId, ()> = IndexMap::default();
    // Ids that are texts do not count here.
    used.extend(root.iter().filter_map(|node| node.id.clone().filter(|id| id.number().is_some()).map(|id| (id, ()))));
    let mut renamed: IndexMap<String, IndexMap<NodeId, NodeId>> = IndexMap::default();
    for subgraph in subgraphs.iter_mut() {
        let names = rename(&mut subgraph.nodes, &mut used, last);
        if names.is_empty() {
            continue;
        }
        for link in &mut subgraph.links {
            for end in [&mut link.origin, &mut link.target] {
                if let Some(new) = names.get(end) {
                    *end = new.clone();
                }
            }
        }
        renamed.insert(subgraph.id().to_owned(), names);
    }
    if renamed.is_empty() {
        return;
    }
    for node in subgraphs.iter_mut().flat_map(|subgraph| &mut subgraph.nodes).chain(root) {
        if let Some(names) = node.class().and_then(|class| renamed.get(class)) {
            rename_listed(node.properties.proxy_widgets.as_mut(), names);
        }
    }
}

fn rename(nodes: &mut [RawNode<'_>], used: &mut IndexMap<NodeId, ()>, last: &mut i64) -> IndexMap<NodeId, NodeId> {
    let mut names = IndexMap::default();
    for node in nodes {
        let Some(id) = node.id.clone() else { continue };
        if used.contains_key(&id) {
            let new = free_id(used, last);
            names.insert(id, new.clone());
            used.insert(new.clone(), ());
            node.id = Some(new);
        } else {
            if let Some(number) = id.number() {
                *last = (*last).max(number);
            }
            used.insert(id, ());
        }
    }
    names
}

fn free_id(used: &IndexMap<NodeId, ()>, last: &mut i64) -> NodeId {
    loop {
        *last = last.saturating_add(1);
        let id = NodeId::Number(*last);
        if !used.contains_key(&id) || *last == i64::MAX {
            return id;
        }
    }
}

fn rename_listed(list: Option<&mut Value>, names: &IndexMap<NodeId, NodeId>) {
    for entry in list.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_array_mut) {
        let Some(first) = entry.first_mut() else { continue };
        let id = first.as_str().map(NodeId::of_text).or_else(|| first.as_i64().map(NodeId::Number));
        if let Some(new) = id.and_then(|id| names.get(&id)) {
            *first = Value::String(new.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ui_format::read;

    #[test]
    fn a_repeated_id_becomes_the_next_free_one() {
        let text = r#"{"nodes": [{"id": 3, "type": "x", "properties": {"proxyWidgets": [["3", "seed"], ["9", "seed"]]}}],
            "last_node_id": 3, "definitions": {"subgraphs": [
                {"id": "x", "nodes": [{"id": 3, "type": "a"}, {"id": 4, "type": "b"}], "links": [[1, 3, 0, 4, 0]]},
                {"id": "y", "nodes": [{"id": 4, "type": "a"}, {"id": 20, "type": "a"}, {"id": 20, "type": "a"}]}]}}"#;
        let mut workflow = read(text).map_err(|f| f.message).unwrap_or_default();
        let mut last = workflow.last_node_id();
        let mut subgraphs = workflow.take_subgraphs();
        make_unique(workflow.nodes_mut(), &mut subgraphs, &mut last);
        let ids = |subgraph: &RawSubgraph<'_>| -> Vec<String> {
            subgraph.nodes.iter().filter_map(|node| node.id.as_ref().map(ToString::to_string)).collect()
        };
        assert_eq!(ids(&subgraphs[0]), ["4", "5"]);
        assert_eq!(ids(&subgraphs[1]), ["6", "20", "21"]);
        let link = &subgraphs[0].links[0];
        assert_eq!((link.origin.to_string(), link.target.to_string()), ("4".to_owned(), "5".to_owned()));
        let listed = workflow.nodes_mut()[0].properties.proxy_widgets.take();
        assert_eq!(listed, Some(serde_json::json!([["4", "seed"], ["9", "seed"]])));
    }
}
