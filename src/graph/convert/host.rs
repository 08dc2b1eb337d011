//! Nodes that stand for subgraphs. Their inputs are the subgraph's; where one leads to a widget
//! inside, the node has a value of its own for it, which goes in when nothing is linked.

use serde_json::Value;

use super::{
    spec::Name,
    state::{Cell, Editor, Input, Kind, Limits, NetIx, NodeIx, Output},
};
use crate::graph::ui_format::{NodeId, RawNode, RawValues};

/// Subgraphs in subgraphs that are looked into for the widget behind an input.
const DEEPEST: usize = 100;

/// A widget of some node.
#[derive(Clone, Debug)]
pub(super) struct WidgetRef {
    /// Its name.
    pub(super) name: Name,
    /// What the editor calls its kind.
    pub(super) kind: &'static str,
    /// Its value.
    pub(super) value: Option<Value>,
    /// Its limits.
    pub(super) limits: Limits,
}

/// What a node that stands for a subgraph was told about an input in an early version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The node inside.
    pub(super) node: NodeId,
    /// The widget of that node.
    pub(super) widget: Name,
}

impl Editor<'_> {
    /// Gives a node the sockets of the subgraph that it stands for.
    pub(super) fn build_host(&mut self, ix: NodeIx, net: NetIx) {
        let sockets: Vec<_> =
            self.nets[net].inputs.iter().map(|io| (io.uid, io.name.clone(), io.kind.clone())).collect();
        for (io, name, kind) in sockets {
            self.push_input(ix, &name, &kind, None);
            if let Some(input) = self.nodes[ix].inputs.last_mut() {
                input.io = Some(io);
            }
        }
        let output = |kind: &Name| Output { kind: kind.clone(), links: Vec::new() };
        self.nodes[ix].outputs = self.nets[net].outputs.iter().map(|io| output(&io.kind)).collect();
    }

    /// Reads what the file says of it.
    pub(super) fn configure_host(&mut self, ix: NodeIx, net: NetIx, raw: RawNode<'_>) {
        for slot in 0..self.nodes[ix].inputs.len() {
            let name = self.nodes[ix].inputs[slot].name.clone();
            let written = raw.inputs.iter().rev().find(|input| input.name() == &*name);
            if let Some(written) = written {
                self.nodes[ix].inputs[slot].link = written.link();
            }
        }
        super::configure::read_outputs(&mut self.nodes[ix].outputs, &raw.outputs);
        self.nodes[ix].properties = raw.properties;
        self.nets[net].hosts.push(ix);
        for slot in 0..self.nodes[ix].inputs.len() {
            self.promote(ix, slot);
        }
        match raw.values {
            RawValues::None => self.set_promoted(ix, &mut std::iter::empty()),
            RawValues::List(values) => self.set_promoted(ix, &mut values.into_iter()),
            RawValues::Map(mut values) => {
                let node = &mut self.nodes[ix];
                for input in &node.inputs {
                    if let (Some(cell), Some(value)) = (input.promoted, values.remove(&*input.name)) {
                        node.cells[cell].value = Some(value);
                    }
                }
            }
        }
    }

    /// Values for those inputs that have one, in their order.
    fn set_promoted(&mut self, ix: NodeIx, values: &mut dyn Iterator<Item = Value>) {
        let kept = kept_values(self.nodes[ix].properties.quarantine.as_ref());
        let node = &mut self.nodes[ix];
        for input in &node.inputs {
            let Some(cell) = input.promoted else { continue };
            let value = values.next();
            let kept = kept.iter().find(|(name, _)| *name == *input.name).map(|(_, value)| value.clone());
            if let Some(value) = kept.or(value) {
                node.cells[cell].value = Some(value);
            }
        }
    }

    /// Gives an input of a host the value of the widget that it leads to, if it leads to one.
    pub(super) fn promote(&mut self, ix: NodeIx, slot: usize) {
        let Kind::Host(net) = self.nodes[ix].kind else { return };
        let Some(uid) = self.nodes[ix].inputs[slot].io else { return };
        let Some(io) = self.nets[net].inputs.iter().find(|io| io.uid == uid) else { return };
        for id in io.links.clone() {
            let Some((target, at)) = self.inner_end(net, id) else { continue };
            let widget = self.widget_of_input(target, at).or_else(|| {
                let name = self.nodes[target].inputs[at].name.clone();
                let source = self.inner_target(target, &name)?;
                self.concrete_widget(target, &source.node, &source.widget)
            });
            if let Some(widget) = widget {
                self.show_widget(ix, slot, widget);
                return;
            }
        }
    }

    /// Gives an input of a host a value of its own.
    pub(super) fn show_widget(&mut self, ix: NodeIx, slot: usize, widget: WidgetRef) {
        let Kind::Host(net) = self.nodes[ix].kind else { return };
        let uid = self.nodes[ix].inputs[slot].io;
        let Some(name) = self.nets[net].inputs.iter().find(|io| Some(io.uid) == uid).map(|io| io.name.clone()) else {
            return;
        };
        let node = &mut self.nodes[ix];
        let cell = Cell { kind: widget.kind, value: widget.value, limits: widget.limits };
        let cell = node.register(&name, cell);
        node.inputs[slot].widget = Some(name);
        node.inputs[slot].promoted = Some(cell);
    }

    /// The input of a node inside at which link `id` ends.
    pub(super) fn inner_end(&self, net: NetIx, id: i64) -> Option<(NodeIx, usize)> {
        let link = self.nets[net].links.get(&id)?;
        let target = self.node_by_id(net, &link.target)?;
        let at = self.nodes[target].inputs.iter().position(|input| input.link == Some(id))?;
        Some((target, at))
    }

    /// The widget that an input of a node stands for.
    pub(super) fn widget_of_input(&self, ix: NodeIx, slot: usize) -> Option<WidgetRef> {
        let node = &self.nodes[ix];
        let input = node.inputs.get(slot)?;
        if let Kind::Host(_) = node.kind {
            let name = input.widget.clone();
            let by_name = |input: &&Input| input.promoted.is_some() && input.widget == name;
            let cell = input.promoted.or_else(|| node.inputs.iter().find(by_name).and_then(|input| input.promoted))?;
            return self.host_widget(ix, input.name.clone(), cell);
        }
        self.widget_by_name(ix, input.widget.as_ref()?)
    }

    /// The widget of a node that has this name.
    pub(super) fn widget_by_name(&self, ix: NodeIx, name: &str) -> Option<WidgetRef> {
        let node = &self.nodes[ix];
        if let Kind::Host(_) = node.kind {
            let input = node.inputs.iter().find(|input| &*input.name == name && input.promoted.is_some())?;
            return self.host_widget(ix, input.name.clone(), input.promoted?);
        }
        let widget = node.widgets.iter().find(|widget| &*widget.name == name)?;
        Some(WidgetRef {
            name: widget.name.clone(),
            kind: widget.kind,
            value: node.value(widget),
            limits: widget.limits.clone(),
        })
    }

    fn host_widget(&self, ix: NodeIx, name: Name, cell: usize) -> Option<WidgetRef> {
        let cell = self.nodes[ix].cells.get(cell)?;
        Some(WidgetRef { name, kind: cell.kind, value: cell.value.clone(), limits: cell.limits.clone() })
    }

    /// What an input of a host leads to first: a node inside and its widget, or its input where that
    /// is a host, too.
    pub(super) fn inner_target(&self, host: NodeIx, input: &str) -> Option<Source> {
        let Kind::Host(net) = self.nodes[host].kind else { return None };
        let io = self.nets[net].inputs.iter().find(|io| &*io.name == input)?;
        io.links.iter().find_map(|id| self.source_at(net, *id))
    }

    /// The widget at the end of a link inside, or the input where it ends at a host.
    pub(super) fn source_at(&self, net: NetIx, id: i64) -> Option<Source> {
        let (target, at) = self.inner_end(net, id)?;
        let node = &self.nodes[target];
        let widget = match node.kind {
            Kind::Host(_) => node.inputs[at].name.clone(),
            _ => self.widget_of_input(target, at)?.name,
        };
        Some(Source { node: node.id.clone(), widget })
    }

    /// The widget behind a node inside a host, however deep.
    pub(super) fn concrete_widget(&self, host: NodeIx, id: &NodeId, widget: &str) -> Option<WidgetRef> {
        let (mut host, mut id, mut name) = (host, id.clone(), Name::from(widget));
        for _ in 0..DEEPEST {
            let Kind::Host(net) = self.nodes[host].kind else { return None };
            let node = self.node_by_id(net, &id)?;
            if let Kind::Host(_) = self.nodes[node].kind {
                let source = self.inner_target(node, &name)?;
                (host, id, name) = (node, source.node, source.widget);
                continue;
            }
            return self.widget_by_name(node, &name);
        }
        None
    }

    /// Hosts that were read before the subgraph itself learn what its sockets lead to: their inputs
    /// get the values that are inside. Those that the file has for them are lost by then.
    pub(super) fn tell_hosts(&mut self, net: NetIx) {
        for at in 0..self.nets[net].inputs.len() {
            let io = &self.nets[net].inputs[at];
            let (uid, first) = (io.uid, io.links.first().copied());
            let Some(link) = first.and_then(|id| self.nets[net].links.get(&id)) else { continue };
            let slot = link.target_slot;
            let Some(target) = self.node_by_id(net, &link.target) else { continue };
            let Some(widget) = self.widget_of_input(target, slot) else { continue };
            for host in self.nets[net].hosts.clone() {
                if let Some(slot) = self.nodes[host].inputs.iter().position(|input| input.io == Some(uid)) {
                    self.show_widget(host, slot, widget.clone());
                }
            }
        }
    }

    /// A socket of a subgraph lost a link inside: the hosts' values follow.
    pub(super) fn io_was_disconnected(&mut self, net: NetIx, uid: u32) {
        let Some(io) = self.nets[net].inputs.iter().find(|io| io.uid == uid).cloned() else { return };
        let still_shown = io.links.iter().any(|id| {
            self.nets[net].links.get(id).is_some_and(|link| {
                let target = self.node_by_id(net, &link.target);
                target.is_some_and(|target| self.widget_of_input(target, link.target_slot).is_some())
            })
        });
        for host in self.nets[net].hosts.clone() {
            let Some(slot) = self.nodes[host].inputs.iter().position(|input| input.io == Some(uid)) else { continue };
            if still_shown {
                self.promote(host, slot);
            } else {
                let node = &mut self.nodes[host];
                node.inputs[slot].widget = None;
                node.inputs[slot].promoted = None;
                node.unregister(&io.name);
            }
        }
    }
}

/// Values that could not be given to inputs when they were last migrated, by the input's name.
fn kept_values(quarantine: Option<&Value>) -> Vec<(String, Value)> {
    let Some(quarantine) = quarantine else { return Vec::new() };
    let parsed = quarantine.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let entries = parsed.as_ref().unwrap_or(quarantine).as_array().cloned().unwrap_or_default();
    let well_formed = |entry: &Value| {
        let original = entry["originalEntry"].as_array();
        entry["attemptedAtVersion"] == 1
            && original.is_some_and(|list| (2..=3).contains(&list.len()) && list.iter().all(Value::is_string))
    };
    if !entries.iter().all(well_formed) {
        return Vec::new();
    }
    let kept = entries.iter().filter(|entry| entry["originalEntry"][0] == "-1" && !entry["hostValue"].is_null());
    kept.map(|entry| {
        let name = entry["originalEntry"][1].as_str().unwrap_or_default().to_owned();
        (name, entry["hostValue"].clone())
    })
    .collect()
}
