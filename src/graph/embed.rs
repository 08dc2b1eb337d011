//! The graph as the text that travels in output files: ComfyUI's API format (`prompt`) and a
//! minimal UI format (`workflow`), so that ComfyUI opens the file.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    api::to_api,
    class::{ClassInfo, InputInfo, InputKind},
    ir::{BoundFile, Graph, GraphNode, Input},
    object_info::NodeSet,
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
/// appearance. Of a class that `nodes` does not know, sockets are of any type and widgets in the
/// order in which the graph has them.
pub fn ui_format(graph: &Graph, nodes: &NodeSet) -> Value {
    let classes: Vec<Option<&ClassInfo>> = graph.nodes.values().map(|node| nodes.class(&node.class)).collect();
    let numbers: IndexMap<&str, usize> = graph.nodes.keys().enumerate().map(|(i, id)| (id.as_str(), i + 1)).collect();
    let columns = columns(graph);
    let mut rows: IndexMap<usize, usize> = IndexMap::default();
    let mut links = Vec::new();
    let mut outgoing: IndexMap<(usize, usize), Vec<usize>> = IndexMap::default();
    let mut drawn = Vec::new();
    for (id, node) in &graph.nodes {
        let number = numbers[id.as_str()];
        let mut sockets = Vec::new();
        for (name, input) in &node.inputs {
            let Input::Link(link) = input else { continue };
            let Some(source) = numbers.get(link.node.as_str()) else { continue };
            let link_id = links.len() + 1;
            let kind = output_type(classes[source - 1], link.output);
            links.push(json!([link_id, source, link.output, number, sockets.len(), kind]));
            outgoing.entry((*source, link.output)).or_default().push(link_id);
            sockets.push(socket(name, classes[number - 1], link_id));
        }
        let column = columns[id.as_str()];
        let row = rows.entry(column).or_default();
        let pos = [60 + 340 * column, 60 + 240 * *row];
        *row += 1;
        drawn.push(ui_node(number, node, classes[number - 1], pos, &sockets));
    }
    for (at, node) in drawn.iter_mut().enumerate() {
        let linked = outgoing.keys().filter(|(source, _)| *source == at + 1).map(|(_, slot)| slot + 1).max();
        let slots = linked.unwrap_or(0).max(classes[at].map_or(0, |class| class.outputs.len()));
        let name =
            |slot: usize| classes[at].and_then(|class| class.outputs.get(slot)).map(|output| output.name.clone());
        let output = |slot: usize| {
            json!({
                "name": name(slot).unwrap_or_else(|| slot.to_string()), "type": output_type(classes[at], slot),
                "slot_index": slot, "links": outgoing.get(&(at + 1, slot))
            })
        };
        node["outputs"] = (0..slots).map(output).collect();
    }
    json!({
        "last_node_id": drawn.len(), "last_link_id": links.len(), "nodes": drawn, "links": links,
        "groups": [], "config": {}, "extra": {}, "version": 0.4
    })
}

fn output_type(class: Option<&ClassInfo>, slot: usize) -> String {
    class.and_then(|class| class.outputs.get(slot)).map_or_else(|| "*".to_owned(), |output| output.types.to_string())
}

fn socket(name: &str, class: Option<&ClassInfo>, link: usize) -> Value {
    let info = class.and_then(|class| class.input(name));
    let kind = match info.map(|info| &info.kind) {
        Some(InputKind::Link { types, .. } | InputKind::MatchType { allowed: types, .. }) => types.to_string(),
        _ => "*".to_owned(),
    };
    let mut socket = json!({ "name": name, "type": kind, "link": link });
    if info.is_some_and(has_widget) {
        socket["widget"] = json!({ "name": name });
    }
    socket
}

/// Whether the editor shows a widget for an input. Its values stand by place, not by name.
fn has_widget(info: &InputInfo) -> bool {
    let shown = match &info.kind {
        InputKind::Link { widget, .. } => *widget,
        InputKind::MatchType { .. } | InputKind::Autogrow { .. } | InputKind::Opaque { .. } => false,
        _ => true,
    };
    shown && !info.force_input
}

fn literal(input: &Input) -> Option<Value> {
    match input {
        Input::Value(value) => Some(value.clone()),
        Input::Files(files) => Some(file_names(files)),
        Input::Link(_) => None,
    }
}

/// Values of widgets in the order in which the class has them; what it does not have comes last.
fn widgets(node: &GraphNode, class: Option<&ClassInfo>) -> Vec<Value> {
    let Some(class) = class else { return node.inputs.values().filter_map(literal).collect() };
    let mut values = Vec::new();
    for info in class.inputs.iter().filter(|info| has_widget(info)) {
        let written = node.inputs.get(&info.name).and_then(literal);
        values.push(written.or_else(|| info.default.clone()).unwrap_or_else(|| first_option(info)));
        if info.control_after_generate {
            values.push(Value::from("fixed"));
        }
        let below = node.inputs.iter().filter(|(name, _)| is_below(name, &info.name));
        values.extend(below.filter_map(|(_, input)| literal(input)));
    }
    let is_known = |name: &str| class.inputs.iter().any(|info| info.name == name || is_below(name, &info.name));
    let others = node.inputs.iter().filter(|(name, _)| !is_known(name));
    values.extend(others.filter_map(|(_, input)| literal(input)));
    values
}

/// Whether `name` is an input that a choice brings: `format.codec` below `format`.
fn is_below(name: &str, choice: &str) -> bool {
    name.strip_prefix(choice).is_some_and(|rest| rest.starts_with('.'))
}

fn first_option(info: &InputInfo) -> Value {
    match &info.kind {
        InputKind::Combo { options, .. } => options.first().cloned().unwrap_or_default(),
        _ => Value::Null,
    }
}

fn ui_node(number: usize, node: &GraphNode, class: Option<&ClassInfo>, pos: [usize; 2], sockets: &[Value]) -> Value {
    let mut out = json!({
        "id": number, "type": node.class, "pos": pos, "size": [300, 200], "flags": {}, "order": number - 1, "mode": 0,
        "inputs": sockets, "outputs": [], "properties": { "Node name for S&R": node.class }, "widgets_values": widgets(node, class)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::builtin;

    fn graph(sampler: &str) -> Graph {
        let mut graph = Graph::default();
        graph.add("loader", "Loader", [("name", Input::value("a.ckpt"))]);
        let inputs = [
            ("cfg", Input::value(7.5)),
            ("seed", Input::value(3)),
            ("model", Input::link("loader", 1)),
            ("extra.depth", Input::value(8)),
            ("extra", Input::value("deep")),
            ("unheard", Input::value("of")),
        ];
        graph.add("sampler", sampler, inputs);
        graph
    }

    fn nodes() -> NodeSet {
        let seed = r#"["INT", {"control_after_generate": true}]"#;
        let extra =
            r#"["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "deep", "inputs": {"required": {"depth": ["INT"]}}}]}]"#;
        NodeSet::parse(format!(
            r#"{{"Loader": {{"input": {{"required": {{"name": [["a.ckpt"]]}}}}, "output": ["CLIP", "MODEL"], "output_name": ["clip", "model"]}},
                "Sampler": {{"input": {{"required": {{"model": ["MODEL"], "seed": {seed}, "steps": ["INT", {{"default": 20}}],
                             "cfg": ["FLOAT"], "mode": [["fast", "slow"]], "extra": {extra}}}}}, "output": ["LATENT"]}}}}"#
        ))
        .unwrap_or_default()
    }

    #[test]
    fn widgets_stand_where_the_editor_looks_for_them() {
        let drawn = ui_format(&graph("Sampler"), &nodes());
        let sampler = &drawn["nodes"][1];
        assert_eq!(sampler["widgets_values"], json!([3, "fixed", 20, 7.5, "fast", "deep", 8, "of"]));
        assert_eq!(sampler["inputs"], json!([{ "name": "model", "type": "MODEL", "link": 1 }]));
        assert_eq!(drawn["links"], json!([[1, 1, 1, 2, 0, "MODEL"]]));
        let outputs = &drawn["nodes"][0]["outputs"];
        assert_eq!((&outputs[0]["name"], &outputs[1]["name"]), (&json!("clip"), &json!("model")));
        assert_eq!((&outputs[0]["links"], &outputs[1]["links"]), (&Value::Null, &json!([1])));
    }

    #[test]
    fn what_is_not_known_is_drawn_as_it_is_written() {
        let drawn = ui_format(&graph("Unheard"), builtin());
        assert_eq!(drawn["nodes"][1]["widgets_values"], json!([7.5, 3, 8, "deep", "of"]));
        assert_eq!(drawn["links"], json!([[1, 1, 1, 2, 0, "*"]]));
        assert_eq!(drawn["nodes"][0]["outputs"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_widget_that_is_linked_keeps_its_place() {
        let mut graph = Graph::default();
        graph.add("size", "PrimitiveInt", [("value", Input::value(64))]);
        let inputs = [
            ("batch_size", Input::value(1)),
            ("width", Input::link("size", 0)),
            ("height", Input::value(32)),
            ("color", Input::value(0)),
        ];
        graph.add("canvas", "EmptyImage", inputs);
        let canvas = &ui_format(&graph, builtin())["nodes"][1];
        let values = canvas["widgets_values"].as_array().cloned().unwrap_or_default();
        assert_eq!(values[1..], [json!(32), json!(1), json!(0)]);
        assert_eq!(canvas["inputs"][0]["widget"], json!({ "name": "width" }));
    }
}
