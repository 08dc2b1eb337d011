//! A graph as the editor would save it: drawn, with the values of its widgets in their places.
//!
//! Nodes are made as the editor makes them, so that choices have brought their inputs and groups have
//! grown before values and links are written down.

use serde_json::{Map, Value, json};

use super::{
    from_ui::convert,
    spec::{AutogrowSpec, Name},
    state::{Editor, Kind, Link, Mode, NodeIx, Role, Sends},
    text,
    widgets::is_control,
};
use crate::{
    graph::{
        check::GraphProblem,
        ir::{BoundFile, Graph, GraphNode, Input},
        layout,
        object_info::NodeSet,
        ui_format::NodeId,
    },
    ident::IndexMap,
};

/// Pixels of a row of a node.
const ROW: f64 = 24.0;

/// Pixels of a text of several lines.
const AREA: f64 = 120.0;

/// Pixels of a letter.
const LETTER: f64 = 7.5;

/// A graph that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DrawnGraph {
    /// The workflow, in the editor's own format, schema 0.4.
    pub workflow: Value,
    /// The id of each node in the drawing: its own where that is a number.
    pub ids: IndexMap<String, i64>,
}

/// Draws `graph`. Nodes that `bypassed` names are there and do not run. `files` says what stands for
/// files.
pub fn to_ui(
    graph: &Graph,
    nodes: &NodeSet,
    bypassed: &[String],
    files: &mut dyn FnMut(&[BoundFile]) -> Value,
) -> DrawnGraph {
    let mut drawing = Drawing { editor: Editor::new(nodes), ids: numbers(graph), literals: Vec::new() };
    for (id, node) in &graph.nodes {
        let mode = if bypassed.contains(id) { Mode::Bypassed } else { Mode::Active };
        drawing.add(id, node, mode, files);
    }
    drawing.link(graph);
    DrawnGraph { workflow: drawing.workflow(), ids: drawing.ids }
}

/// What the editor would send otherwise than `graph` says when it opens `drawn`: inputs that it has no
/// widget for, values that it changes, values that it fills in.
pub fn lost_in_drawing(graph: &Graph, drawn: &DrawnGraph, nodes: &NodeSet, bypassed: &[String]) -> Vec<GraphProblem> {
    let text = drawn.workflow.to_string();
    let again = match convert(&text, nodes, true) {
        Ok(again) => again,
        Err(message) => return vec![problem("", None, &format!("the drawing cannot be read again: {message}"))],
    };
    let mut problems = Vec::new();
    let number = |id: &str| drawn.ids.get(id).map_or_else(|| id.to_owned(), ToString::to_string);
    for (id, node) in graph.nodes.iter().filter(|(id, _)| !bypassed.contains(id)) {
        let Some(other) = again.nodes.get(&number(id)) else {
            problems.push(problem(id, None, "the editor would not send the node"));
            continue;
        };
        for (name, input) in &node.inputs {
            let expected = match input {
                Input::Link(link) => Input::link(number(&link.node), link.output),
                Input::Files(_) => continue,
                Input::Value(value) => {
                    let written = super::js::written(value.clone());
                    if (value.is_u64() || value.is_i64()) && written != *value {
                        problems.push(problem(id, Some(name), &format!("the editor rounds {value} to {written}")));
                    }
                    Input::Value(written)
                }
            };
            match other.inputs.get(name) {
                Some(found) if *found == expected => {}
                Some(found) => {
                    let message = format!("the editor would send {} for input \"{name}\"", shown(found));
                    problems.push(problem(id, Some(name), &message));
                }
                None => {
                    let message = format!("the editor has no widget for input \"{name}\" and would not send it");
                    problems.push(problem(id, Some(name), &message));
                }
            }
        }
    }
    problems
}

fn shown(input: &Input) -> String {
    let text = match input {
        Input::Value(value) => value.to_string(),
        Input::Link(link) => format!("a link to {}", link.node),
        Input::Files(_) => "files".to_owned(),
    };
    if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
}

fn problem(node: &str, input: Option<&str>, message: &str) -> GraphProblem {
    GraphProblem {
        node: node.to_owned(),
        input: input.map(str::to_owned),
        code: "lost-in-drawing",
        message: message.to_owned(),
        ..GraphProblem::default()
    }
}

/// A number for each node: its own id where that is one, else the next free one.
fn numbers(graph: &Graph) -> IndexMap<String, i64> {
    let own = |id: &String| NodeId::of_text(id).number().filter(|number| (1..1_000_000_000).contains(number));
    let taken: IndexMap<i64, ()> = graph.nodes.keys().filter_map(own).map(|number| (number, ())).collect();
    let mut next = 0;
    let mut free = || loop {
        next += 1;
        if !taken.contains_key(&next) {
            return next;
        }
    };
    graph.nodes.keys().map(|id| (id.clone(), own(id).unwrap_or_else(&mut free))).collect()
}

struct Drawing<'a> {
    editor: Editor<'a>,
    ids: IndexMap<String, i64>,
    /// For nodes of unknown classes, the values that are written.
    literals: Vec<Vec<(String, Value)>>,
}

impl Drawing<'_> {
    fn add(&mut self, id: &str, node: &GraphNode, mode: Mode, files: &mut dyn FnMut(&[BoundFile]) -> Value) {
        let number = self.ids.get(id).copied().unwrap_or_default();
        let title = node.title.as_deref();
        let ix = self.editor.new_node(0, NodeId::Number(number), &node.class, title, mode, (None, 0));
        let mut values: IndexMap<&str, Value> = IndexMap::default();
        for (name, input) in &node.inputs {
            match input {
                Input::Value(value) => values.insert(name, unwrapped(value)),
                Input::Files(bound) => values.insert(name, files(bound)),
                Input::Link(_) => None,
            };
        }
        let literals = match self.editor.nodes[ix].kind {
            Kind::Class(_) => {
                self.set_values(ix, &mut values);
                for name in node.inputs.keys() {
                    self.grow_for(ix, name);
                }
                self.set_values(ix, &mut values);
                Vec::new()
            }
            _ => values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        self.literals.push(literals);
    }

    /// Sets the widgets that `values` has something for, and takes it out there.
    fn set_values(&mut self, ix: NodeIx, values: &mut IndexMap<&str, Value>) {
        let mut at = 0;
        while at < self.editor.nodes[ix].widgets.len() {
            let widget = &self.editor.nodes[ix].widgets[at];
            if is_control(widget) {
                // A file says its seed: the editor is not to draw another one after a run.
                self.editor.set_value(ix, at, Some(Value::from("fixed")));
            } else if let Some(value) = values.shift_remove(&*widget.name) {
                let value = match (&widget.sends, value) {
                    (Sends::Prompt, Value::String(text)) => Value::String(text::escaped(&text)),
                    (_, value) => value,
                };
                self.editor.set_value(ix, at, Some(value));
            }
            at += 1;
        }
    }

    /// Lets a group grow until it has the input `name`.
    fn grow_for(&mut self, ix: NodeIx, name: &str) {
        let is_there = self.editor.nodes[ix].inputs.iter().any(|input| &*input.name == name);
        if is_there {
            return;
        }
        let Some((group_name, group)) = self.editor.group_of(ix, name) else { return };
        let Some(place) = super::dynamic::place_of(name, &group_name, &group) else { return };
        for ordinal in 0..=place.min(group.max) {
            self.grow_to(ix, &group_name, &group, ordinal);
        }
    }

    fn grow_to(&mut self, ix: NodeIx, name: &Name, group: &std::sync::Arc<AutogrowSpec>, ordinal: usize) {
        let first =
            super::dynamic::place_name(name, group, Some(ordinal), group.inputs.first().map_or("", |spec| &*spec.name));
        if !self.editor.nodes[ix].inputs.iter().any(|input| *input.name == *first) {
            self.editor.grow(ix, name, group, ordinal);
        }
    }

    /// Draws the links.
    fn link(&mut self, graph: &Graph) {
        for (target, node) in graph.nodes.values().enumerate() {
            for (name, input) in &node.inputs {
                let Input::Link(link) = input else { continue };
                let Some(origin) = graph.nodes.get_index_of(&link.node) else { continue };
                self.add_link(origin, link.output, target, name);
            }
        }
    }

    fn add_link(&mut self, origin: NodeIx, output: usize, target: NodeIx, name: &str) {
        let found = self.editor.nodes[target].inputs.iter().position(|input| &*input.name == name);
        let slot = found.unwrap_or_else(|| {
            self.editor.push_input(target, &Name::from(name), &Name::from("*"), None);
            self.editor.nodes[target].inputs.len() - 1
        });
        self.editor.last_link_id += 1;
        let id = self.editor.last_link_id;
        let link = Link {
            origin: self.editor.nodes[origin].id.clone(),
            origin_slot: output,
            target: self.editor.nodes[target].id.clone(),
            target_slot: slot,
        };
        // An output far beyond those of any class would only fill the file.
        let outputs = &mut self.editor.nodes[origin].outputs;
        if outputs.len() <= output && output < 1000 {
            outputs.resize(output + 1, super::load::any_output());
        }
        if let Some(output) = outputs.get_mut(output) {
            output.links.push(id);
            self.editor.nodes[target].inputs[slot].link = Some(id);
            self.editor.nets[0].links.insert(id, link);
        }
    }

    fn workflow(&self) -> Value {
        let sizes: Vec<(f64, f64)> = (0..self.editor.nodes.len()).map(|ix| self.size(ix)).collect();
        let index: IndexMap<&NodeId, usize> =
            self.editor.nodes.iter().enumerate().map(|(ix, node)| (&node.id, ix)).collect();
        let ends: Vec<(usize, usize)> = self.editor.nets[0]
            .links
            .values()
            .filter_map(|link| Some((*index.get(&link.origin)?, *index.get(&link.target)?)))
            .collect();
        let places = layout::place(&sizes, &ends);
        let nodes: Vec<Value> = (0..sizes.len()).map(|ix| self.node(ix, places[ix], sizes[ix])).collect();
        let links: Vec<Value> = self.editor.nets[0]
            .links
            .iter()
            .map(|(id, link)| {
                let kind = index.get(&link.origin).and_then(|ix| self.editor.nodes[*ix].outputs.get(link.origin_slot));
                let kind = kind.map_or("*", |output| &*output.kind);
                let (origin, target) = (link.origin.number(), link.target.number());
                json!([id, origin, link.origin_slot, target, link.target_slot, kind])
            })
            .collect();
        json!({
            "last_node_id": self.ids.values().max().copied().unwrap_or(0), "last_link_id": self.editor.last_link_id,
            "nodes": nodes, "links": links, "groups": [], "config": {}, "extra": {}, "version": 0.4
        })
    }

    fn node(&self, ix: NodeIx, (x, y): (f64, f64), (width, height): (f64, f64)) -> Value {
        let node = &self.editor.nodes[ix];
        let mut inputs: Vec<Value> = node
            .inputs
            .iter()
            .map(|input| {
                let mut socket = json!({ "name": &*input.name, "type": &*input.kind, "link": input.link });
                if let Some(widget) = &input.widget {
                    socket["widget"] = json!({ "name": &**widget });
                }
                socket
            })
            .collect();
        inputs.extend(
            self.literals[ix]
                .iter()
                .map(|(name, _)| json!({ "name": name, "type": "*", "link": null, "widget": { "name": name } })),
        );
        let saved = node.widgets.iter().filter(|widget| widget.saved);
        let mut values: Vec<Value> = saved.map(|widget| node.value(widget).unwrap_or_default()).collect();
        values.extend(self.literals[ix].iter().map(|(_, value)| value.clone()));
        let mut out = json!({
            "id": node.id.number(), "type": &*node.class, "pos": [x, y], "size": [width, height], "flags": {}, "order": ix,
            "mode": if node.mode == Mode::Bypassed { 4 } else { 0 }, "inputs": inputs, "outputs": self.outputs(ix),
            "properties": { "Node name for S&R": &*node.class }, "widgets_values": values
        });
        if let Kind::Class(class) = node.kind {
            if node.title != class.title {
                out["title"] = json!(&*node.title);
            }
        } else if node.title != node.class {
            out["title"] = json!(&*node.title);
        }
        out
    }

    fn outputs(&self, ix: NodeIx) -> Vec<Value> {
        let node = &self.editor.nodes[ix];
        let class = self.editor.classes.class(&node.class);
        let name = |slot: usize| class.and_then(|class| class.outputs.get(slot)).map(|output| output.name.clone());
        let output = |(slot, output): (usize, &super::state::Output)| {
            let links = (!output.links.is_empty()).then_some(&output.links);
            json!({ "name": name(slot).unwrap_or_else(|| slot.to_string()), "type": &*output.kind, "slot_index": slot, "links": links })
        };
        node.outputs.iter().enumerate().map(output).collect()
    }

    /// Room for the title, the sockets beside each other, and the widgets below.
    fn size(&self, ix: NodeIx) -> (f64, f64) {
        let node = &self.editor.nodes[ix];
        let letters = |text: &str| text.chars().count() as f64 * LETTER;
        let sockets: Vec<&str> =
            node.inputs.iter().filter(|input| input.widget.is_none()).map(|input| &*input.name).collect();
        let outputs: Vec<String> =
            self.outputs(ix).iter().map(|o| o["name"].as_str().unwrap_or_default().to_owned()).collect();
        let rows = sockets.len().max(outputs.len());
        let left = sockets.iter().map(|name| letters(name)).fold(0.0, f64::max);
        let right = outputs.iter().map(|name| letters(name)).fold(0.0, f64::max);
        let widgets = node.widgets.iter().map(|widget| if matches!(widget.role, Role::Area) { AREA } else { ROW });
        let own: f64 = widgets.sum::<f64>() + self.literals[ix].len() as f64 * ROW;
        let is_wide = node.widgets.iter().any(|widget| matches!(widget.role, Role::Area));
        let least = if is_wide { 400.0 } else { 270.0 };
        let width = (left + right + 60.0).max(letters(&node.title) + 60.0).clamp(least, 600.0);
        (width.round(), (rows as f64 * 20.0 + own + 20.0).max(46.0).round())
    }
}

/// A value without what only protects it on the way to the server.
fn unwrapped(value: &Value) -> Value {
    match value {
        Value::Object(map) if is_typed_list(map) => map.get("__value__").cloned().unwrap_or_default(),
        value => value.clone(),
    }
}

fn is_typed_list(map: &Map<String, Value>) -> bool {
    map.len() == 2 && map.contains_key("__type__") && map.get("__value__").is_some_and(Value::is_array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::builtin;

    #[test]
    fn numbers_that_the_editor_cannot_hold_are_told() {
        let mut graph = Graph::default();
        graph.add("1", "PrimitiveInt", [("value", Input::value(9_007_199_254_740_993_i64))]);
        let drawn = to_ui(&graph, builtin(), &[], &mut |_| Value::Null);
        let lost = lost_in_drawing(&graph, &drawn, builtin(), &[]);
        let told: Vec<&str> = lost.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(told, ["the editor rounds 9007199254740993 to 9007199254740992"]);
    }
}
