//! The graph as the text that travels in output files: ComfyUI's API format (`prompt`) and a
//! minimal UI format (`workflow`), so that ComfyUI opens the file.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    api::to_api,
    ir::{BoundFile, Graph, GraphNode, Input},
};
use crate::ident::IndexMap;

/// JSON text in ASCII, as Python's `json.dumps` writes it: ComfyUI's editor reads text chunks
/// byte by byte.
pub fn ascii_json(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// The graph in API format. Files stand by their names alone: their folders change from run to run.
pub fn api_format(graph: &Graph) -> Value {
    to_api(graph, &mut file_names)
}

fn file_names(files: &[BoundFile]) -> Value {
    let name = |path: &str| Value::from(path.rsplit('/').next().unwrap_or(path));
    match files {
        [file] => name(&file.path),
        files => files.iter().map(|file| name(&file.path)).collect(),
    }
}

/// The graph in UI format: nodes in columns by their distance from the sources, in the order of
/// appearance. Sockets are of any type; widgets are in the order in which the graph has them.
pub fn ui_format(graph: &Graph) -> Value {
    let numbers: IndexMap<&str, usize> = graph.nodes.keys().enumerate().map(|(i, id)| (id.as_str(), i + 1)).collect();
    let columns = columns(graph);
    let mut rows: IndexMap<usize, usize> = IndexMap::default();
    let mut links = Vec::new();
    let mut outgoing: IndexMap<(usize, usize), Vec<usize>> = IndexMap::default();
    let mut nodes = Vec::new();
    for (id, node) in &graph.nodes {
        let number = numbers[id.as_str()];
        let mut sockets = Vec::new();
        for (name, input) in &node.inputs {
            let Input::Link(link) = input else { continue };
            let Some(source) = numbers.get(link.node.as_str()) else { continue };
            let link_id = links.len() + 1;
            links.push(json!([link_id, source, link.output, number, sockets.len(), "*"]));
            outgoing.entry((*source, link.output)).or_default().push(link_id);
            sockets.push(json!({ "name": name, "type": "*", "link": link_id }));
        }
        let column = columns[id.as_str()];
        let row = rows.entry(column).or_default();
        let pos = [60 + 340 * column, 60 + 240 * *row];
        *row += 1;
        nodes.push(ui_node(number, node, pos, &sockets));
    }
    for (at, node) in nodes.iter_mut().enumerate() {
        let slots =
            outgoing.keys().filter(|(source, _)| *source == at + 1).map(|(_, slot)| slot + 1).max().unwrap_or(0);
        let outputs: Vec<_> = (0..slots)
            .map(|slot| json!({ "name": slot.to_string(), "type": "*", "slot_index": slot, "links": outgoing.get(&(at + 1, slot)) }))
            .collect();
        node["outputs"] = Value::from(outputs);
    }
    json!({
        "last_node_id": nodes.len(), "last_link_id": links.len(), "nodes": nodes, "links": links,
        "groups": [], "config": {}, "extra": {}, "version": 0.4
    })
}

fn ui_node(number: usize, node: &GraphNode, pos: [usize; 2], sockets: &[Value]) -> Value {
    let widgets: Vec<_> = node
        .inputs
        .values()
        .filter_map(|input| match input {
            Input::Value(value) => Some(value.clone()),
            Input::Files(files) => Some(file_names(files)),
            Input::Link(_) => None,
        })
        .collect();
    let mut out = json!({
        "id": number, "type": node.class, "pos": pos, "size": [300, 200], "flags": {}, "order": number - 1, "mode": 0,
        "inputs": sockets, "outputs": [], "properties": { "Node name for S&R": node.class }, "widgets_values": widgets
    });
    if let Some(title) = &node.title {
        out["title"] = Value::from(title.as_str());
    }
    out
}

/// For each node how many links it is away from a node without links, at most.
fn columns(graph: &Graph) -> IndexMap<&str, usize> {
    let mut columns: IndexMap<&str, usize> = graph.nodes.keys().map(|id| (id.as_str(), 0)).collect();
    // As many rounds as there are nodes settle every graph without cycles.
    for _ in 0..graph.nodes.len() {
        let mut settled = true;
        for (id, node) in &graph.nodes {
            let sources = node.inputs.values().filter_map(|input| match input {
                Input::Link(link) => columns.get(link.node.as_str()).map(|column| column + 1),
                _ => None,
            });
            let column = sources.max().unwrap_or(0);
            if columns.insert(id.as_str(), column) != Some(column) {
                settled = false;
            }
        }
        if settled {
            break;
        }
    }
    columns
}
