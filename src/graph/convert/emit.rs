//! The graph is read off: every node that runs, with the values of its widgets and its links.

use serde_json::{Map, Value};

use super::{
    fault::Fault,
    js,
    resolve::{Instance, InstanceIx, Origin, Resolver},
    state::{Editor, Kind, Mode, NetIx, NodeIx, Sends, Widget},
    text,
};
use crate::{
    graph::{
        ir::{Graph, GraphNode, Input, Link},
        ui_format::RawValues,
    },
    ident::IndexMap,
};

/// Most nodes once all subgraphs are in their places.
const MOST_NODES: usize = 100_000;

/// What is read off.
pub(super) struct Emitted {
    /// The graph.
    pub(super) graph: Graph,
    /// Ids of nodes that are in it although they are bypassed.
    pub(super) bypassed: Vec<String>,
    /// What is wrong, or worth saying.
    pub(super) faults: Vec<Fault>,
}

impl Editor<'_> {
    /// Primitives give their values to the widgets that take them, as before every run.
    pub(super) fn apply_primitives(&mut self) {
        let mut seen = vec![false; self.nets.len()];
        let mut open = vec![0];
        while let Some(net) = open.pop() {
            if std::mem::replace(&mut seen[net], true) {
                continue;
            }
            for ix in self.nets[net].nodes.clone() {
                match self.nodes[ix].kind {
                    Kind::Primitive => self.give_value(ix),
                    Kind::Host(inner) => open.push(inner),
                    _ => {}
                }
            }
        }
    }
}

/// Reads the graph off.
pub(super) fn emit(editor: &Editor<'_>, keep_bypassed: bool) -> Emitted {
    let root = Instance { net: 0, host: None, path: String::new() };
    let mut resolver =
        Resolver { editor, instances: vec![root], inner: IndexMap::default(), keep_bypassed, faults: Vec::new() };
    let nodes = match resolver.place_subgraphs() {
        Ok(nodes) => nodes,
        Err(fault) => return Emitted { graph: Graph::default(), bypassed: Vec::new(), faults: vec![fault] },
    };
    // Of two nodes with one id the later one counts.
    let by_id: IndexMap<String, (InstanceIx, NodeIx)> = nodes
        .into_iter()
        .map(|(instance, node)| {
            (format!("{}{}", resolver.instances[instance].path, editor.nodes[node].id), (instance, node))
        })
        .collect();
    let mut ids: Vec<(String, (InstanceIx, NodeIx))> = by_id.into_iter().collect();
    ids.sort_by_key(|(id, _)| js::index_key(id).unwrap_or(u64::MAX));
    let mut graph = Graph::default();
    let mut bypassed = Vec::new();
    for (id, (instance, ix)) in ids {
        let node = &editor.nodes[ix];
        let stays = node.mode == Mode::Active || (keep_bypassed && node.mode == Mode::Bypassed);
        if node.is_virtual() || !stays {
            continue;
        }
        if node.mode == Mode::Bypassed {
            bypassed.push(id.clone());
        }
        let inputs = resolver.inputs(instance, ix);
        let title = Some(node.title.to_string()).filter(|title| !title.is_empty());
        graph.nodes.insert(id, GraphNode { class: node.class.to_string(), title, inputs });
    }
    drop_links_to_nothing(&mut graph);
    Emitted { graph, bypassed, faults: resolver.faults }
}

fn drop_links_to_nothing(graph: &mut Graph) {
    let ids: IndexMap<String, ()> = graph.nodes.keys().map(|id| (id.clone(), ())).collect();
    for node in graph.nodes.values_mut() {
        node.inputs.retain(|_, input| !matches!(input, Input::Link(link) if !ids.contains_key(&link.node)));
    }
}

impl Resolver<'_, '_> {
    /// Puts the subgraphs in the places of the nodes that stand for them. All nodes, outer ones first.
    fn place_subgraphs(&mut self) -> Result<Vec<(InstanceIx, NodeIx)>, Fault> {
        let mut nodes = Vec::new();
        let mut next = 0;
        while next < self.instances.len() {
            let net: NetIx = self.instances[next].net;
            for ix in &self.editor.nets[net].nodes {
                let node = &self.editor.nodes[*ix];
                nodes.push((next, *ix));
                // In the outermost graph a subgraph that does not run is not there at all.
                let is_there = next > 0 || node.mode == Mode::Active;
                if let Kind::Host(inner) = node.kind
                    && is_there
                {
                    let path = format!("{}{}:", self.instances[next].path, node.id);
                    self.inner.insert((next, *ix), self.instances.len());
                    self.instances.push(Instance { net: inner, host: Some((next, *ix)), path });
                }
                if nodes.len() > MOST_NODES || self.instances.len() > MOST_NODES {
                    let message =
                        format!("with all subgraphs in their places the graph has more than {MOST_NODES} nodes");
                    return Err(Fault::error("too-many-nodes", self.place(*ix, None), message));
                }
            }
            next += 1;
        }
        Ok(nodes)
    }

    fn inputs(&mut self, instance: InstanceIx, ix: NodeIx) -> IndexMap<String, Input> {
        let node = &self.editor.nodes[ix];
        let mut inputs: IndexMap<String, Input> = IndexMap::default();
        match node.kind {
            Kind::Unknown => self.unknown_values(ix, &mut inputs),
            _ => {
                for widget in node.widgets.iter().filter(|widget| widget.sent && !widget.name.is_empty()) {
                    if let Some(value) = self.sent_value(ix, widget) {
                        inputs.insert(widget.name.to_string(), Input::Value(value));
                    } else {
                        inputs.shift_remove(&*widget.name);
                    }
                }
            }
        }
        for (slot, input) in node.inputs.iter().enumerate() {
            let sent = match self.origin(instance, ix, slot) {
                None => continue,
                Some(Origin::Output(instance, node, output)) => {
                    let id = format!("{}{}", self.instances[instance].path, self.editor.nodes[node].id);
                    Input::Link(Link { node: id, output })
                }
                Some(Origin::Value(Some(value))) => Input::Value(sent(value)),
                Some(Origin::Value(None)) => {
                    inputs.shift_remove(&*input.name);
                    continue;
                }
            };
            inputs.insert(input.name.to_string(), sent);
        }
        inputs
    }

    fn sent_value(&mut self, ix: NodeIx, widget: &Widget) -> Option<Value> {
        let node = &self.editor.nodes[ix];
        let value = node.value(widget);
        let value = match (&widget.sends, value) {
            (Sends::Nothing, _) => return None,
            (Sends::Prompt, Some(Value::String(text))) => Some(Value::String(self.prompt(ix, &text))),
            (Sends::FileName, Some(Value::String(text))) => Some(Value::String(self.file_name(ix, &text))),
            (Sends::Unknown, value) => {
                let message = format!("the editor makes input \"{}\" of {} while it runs", widget.name, node.class);
                let fault = Fault::warning("made-by-the-editor", self.place(ix, None), message);
                self.faults.push(fault.hint("what is sent for it here is an empty text"));
                value
            }
            (_, value) => value,
        };
        let value = value?;
        if let Value::String(text) = &value
            && (widget.kind == "combo" || widget.sends == Sends::FileName)
            && leads_outside(text)
        {
            let message =
                format!("input \"{}\" of {} names a file outside of the server's folders", widget.name, node.class);
            let fault = Fault::warning("path-outside", self.place(ix, None), message);
            self.faults.push(fault.hint("ComfyUI refuses such names; it is kept as it is written"));
        }
        if widget.kind == "curve" && value.is_array() {
            return Some(serde_json::json!({"__type__": "CURVE", "__value__": js::written(value)}));
        }
        Some(sent(value))
    }

    fn prompt(&mut self, ix: NodeIx, written: &str) -> String {
        text::prompt(written).unwrap_or_else(|| {
            let message = "the editor chooses one of several texts in the prompt by chance at every run";
            let fault = Fault::warning("random-prompt", self.place(ix, None), message);
            self.faults.push(fault.hint("the prompt is kept as it is written"));
            written.to_owned()
        })
    }

    fn file_name(&mut self, ix: NodeIx, written: &str) -> String {
        let (name, has_date) = text::quoted(self.editor, 0, written);
        if has_date {
            let message = "the editor puts the date of the run into the file name";
            let fault = Fault::warning("date-in-file-name", self.place(ix, None), message);
            self.faults.push(fault.hint("the file name is kept as it is written"));
        }
        name
    }

    /// Values of a class that nobody knows: by name where they are written so, else in the order of
    /// the inputs that stand for widgets, if there are as many of these.
    fn unknown_values(&mut self, ix: NodeIx, inputs: &mut IndexMap<String, Input>) {
        let node = &self.editor.nodes[ix];
        let mut message = format!("there is no node class \"{}\"", node.class);
        let mut put = |name: &str, value: &Value| {
            inputs.insert(name.to_owned(), Input::Value(sent(value.clone())));
        };
        match &node.saved {
            RawValues::None => {}
            RawValues::Map(values) => values.iter().for_each(|(name, value)| put(name, value)),
            RawValues::List(values) => {
                let names: Vec<&str> = node.inputs.iter().filter_map(|input| input.widget.as_deref()).collect();
                let kept = without_controls(&names, values);
                if kept.len() == names.len() {
                    names.iter().zip(kept).for_each(|(name, value)| put(name, value));
                } else if !values.is_empty() {
                    message += "; its values are left out, for their inputs are not known";
                }
            }
        }
        let fault = Fault::warning("unknown-class", self.place(ix, None), message);
        let near = self.editor.classes.suggest(&node.class);
        self.faults.push(match near {
            Some(near) => fault.hint(format!("did you mean \"{near}\"?")),
            None => fault,
        });
    }
}

/// Without the values of widgets that say how the one before them changes after a run.
fn without_controls<'v>(names: &[&str], values: &'v [Value]) -> Vec<&'v Value> {
    if values.len() <= names.len() {
        return values.iter().collect();
    }
    let is_control = |value: &Value| {
        value.as_str().is_some_and(|text| ["fixed", "increment", "decrement", "randomize"].contains(&text))
    };
    let mut kept: Vec<&Value> = Vec::new();
    for value in values {
        let after_number = kept.last().is_some_and(|last| last.is_number());
        let is_seed = kept.len().checked_sub(1).and_then(|at| names.get(at)).is_some_and(|name| name.contains("seed"));
        if !(is_control(value) && after_number && is_seed) {
            kept.push(value);
        }
    }
    kept
}

/// Whether a path is absolute, or leaves the folder that it is in.
fn leads_outside(path: &str) -> bool {
    let drive = path.as_bytes().get(..2).is_some_and(|start| start[0].is_ascii_alphabetic() && start[1] == b':');
    drive || path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part == "..")
}

/// A value as it is sent. One that is wrapped already stays what it is.
fn sent(value: Value) -> Value {
    match js::written(value) {
        Value::Object(map) if map.len() == 1 && map.contains_key("__value__") => unwrapped(map),
        value => value,
    }
}

fn unwrapped(mut map: Map<String, Value>) -> Value {
    map.remove("__value__").unwrap_or_default()
}
