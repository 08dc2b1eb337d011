//! Subgraphs of early versions list the inner widgets that they show (`proxyWidgets`). Each becomes
//! an input of the subgraph, as in later versions.

use serde_json::Value;

use super::{
    host::{Source, WidgetRef},
    js,
    primitive::is_widget_type,
    spec::Name,
    state::{Editor, Io, Kind, Link, NetIx, NodeIx},
};
use crate::graph::ui_format::{NodeId, RawValues};

/// A widget that a host shows.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    /// As it is written: node, widget.
    written: (String, String),
    /// The node inside and its widget.
    source: Source,
    /// The node whose widget is meant where several have that name.
    which: Option<NodeId>,
    /// The value that the host has for it.
    value: Option<Value>,
}

/// What becomes of it.
enum Plan {
    /// The value goes to this input, which is there already.
    Linked(Name),
    /// A new input.
    NewInput,
    /// A new input takes the place of a primitive inside.
    InsteadOf(NodeIx),
    /// Nothing.
    Leave,
}

impl Editor<'_> {
    /// Makes inputs of the widgets that a host lists.
    pub(super) fn migrate_proxies(&mut self, host: NodeIx, values: &RawValues) {
        let listed = self.nodes[host].properties.proxy_widgets.take();
        let Kind::Host(net) = self.nodes[host].kind else { return };
        let shown: Vec<Shown> = listed_widgets(listed.as_ref())
            .into_iter()
            .enumerate()
            .map(|(at, entry)| self.shown(host, entry, value_at(values, at)))
            .collect();
        let plans: Vec<Plan> = shown.iter().map(|entry| self.plan(host, net, entry, &shown)).collect();
        let mut instead: Vec<(NodeIx, Vec<&Shown>)> = Vec::new();
        for (entry, plan) in shown.iter().zip(plans) {
            match plan {
                Plan::Linked(name) => self.give_to_input(host, &name, entry),
                Plan::NewInput => self.new_input(host, net, entry),
                Plan::InsteadOf(primitive) => match instead.iter_mut().find(|(known, _)| *known == primitive) {
                    Some((_, entries)) => entries.push(entry),
                    None => instead.push((primitive, vec![entry])),
                },
                Plan::Leave => {}
            }
        }
        for (primitive, entries) in instead {
            self.replace_primitive(host, net, primitive, &entries);
        }
        self.give_to_named_inputs(host, &shown);
    }

    fn shown(
        &self,
        host: NodeIx,
        (node, widget, which): (String, String, Option<String>),
        value: Option<Value>,
    ) -> Shown {
        let id = NodeId::of_text(&node);
        let mut source = Source { node: id, widget: Name::from(widget.as_str()) };
        let mut which = which.as_deref().map(NodeId::of_text);
        if self.concrete_widget(host, &source.node, &source.widget).is_none() {
            let (name, prefix) = without_prefixes(&widget);
            source.widget = Name::from(name);
            which = prefix.map(NodeId::of_text).or(which);
        }
        Shown { written: (node, widget), source, which, value }
    }

    fn plan(&self, host: NodeIx, net: NetIx, entry: &Shown, all: &[Shown]) -> Plan {
        if let Some(name) = self.input_for(host, net, &entry.source) {
            return Plan::Linked(name);
        }
        let Some(node) = self.node_by_id(net, &entry.source.node) else { return Plan::Leave };
        if matches!(self.nodes[node].kind, Kind::Primitive) {
            return self.plan_for_primitive(host, node, entry, all);
        }
        match self.source_widget(node, entry) {
            Some((widget, _)) if !is_preview(&entry.source.widget, &widget) => Plan::NewInput,
            _ => Plan::Leave,
        }
    }

    fn plan_for_primitive(&self, host: NodeIx, primitive: NodeIx, entry: &Shown, all: &[Shown]) -> Plan {
        let taken = self.nodes[primitive].properties.bypassed_to.as_deref();
        let input = taken.and_then(|taken| self.nodes[host].inputs.iter().find(|input| &*input.name == taken));
        if let Some(input) = input {
            return Plan::Linked(input.name.clone());
        }
        let repeated = all.iter().filter(|other| other.source.node == entry.source.node).count() >= 2;
        if repeated || !self.primitive_targets(primitive).is_empty() { Plan::InsteadOf(primitive) } else { Plan::Leave }
    }

    /// The input of the host that leads to `source`.
    fn input_for(&self, host: NodeIx, net: NetIx, source: &Source) -> Option<Name> {
        let leads_there = |uid: &u32| {
            let io = self.nets[net].inputs.iter().find(|io| io.uid == *uid);
            io.and_then(|io| io.links.iter().find_map(|id| self.source_at(net, *id))).as_ref() == Some(source)
        };
        let found = self.nodes[host].inputs.iter().find(|input| input.io.as_ref().is_some_and(leads_there));
        found.map(|input| input.name.clone())
    }

    /// The widget that is meant, and the input that stands for it.
    fn source_widget(&self, node: NodeIx, entry: &Shown) -> Option<(WidgetRef, Option<usize>)> {
        let name = &entry.source.widget;
        if let Kind::Host(_) = self.nodes[node].kind {
            let is_meant = |input: &Name| {
                let target = self.inner_target(node, input);
                let has_name = target.as_ref().is_some_and(|target| target.widget == *name);
                match &entry.which {
                    Some(which) => has_name && target.is_some_and(|target| target.node == *which),
                    None => input == name || has_name,
                }
            };
            let found = self.nodes[node].inputs.iter().position(|input| is_meant(&input.name));
            if let Some(at) = found.filter(|at| self.nodes[node].inputs[*at].promoted.is_some()) {
                return self.widget_of_input(node, at).map(|widget| (widget, Some(at)));
            }
        }
        let widget = self.widget_by_name(node, name)?;
        let slot = self.nodes[node].inputs.iter().position(|input| input.widget.as_ref() == Some(name));
        Some((widget, slot))
    }

    fn give_to_input(&mut self, host: NodeIx, name: &str, entry: &Shown) {
        let node = &mut self.nodes[host];
        let mut named = node.inputs.iter().filter(|input| &*input.name == name);
        let (Some(input), None) = (named.next(), named.next()) else { return };
        if let (Some(cell), Some(value)) = (input.promoted, &entry.value) {
            node.cells[cell].value = Some(value.clone());
        }
    }

    /// Values that were written for inputs themselves and led nowhere.
    fn give_to_named_inputs(&mut self, host: NodeIx, shown: &[Shown]) {
        for entry in shown.iter().filter(|entry| entry.written.0 == "-1") {
            let node = &mut self.nodes[host];
            let input = node.inputs.iter().find(|input| *input.name == *entry.written.1);
            if let (Some(cell), Some(value)) = (input.and_then(|input| input.promoted), &entry.value) {
                node.cells[cell].value = Some(value.clone());
            }
        }
    }

    fn new_input(&mut self, host: NodeIx, net: NetIx, entry: &Shown) {
        let Some(node) = self.node_by_id(net, &entry.source.node) else { return };
        let Some((widget, Some(slot))) = self.source_widget(node, entry) else { return };
        let kind = self.nodes[node].inputs[slot].kind.clone();
        let io = self.add_socket_inside(net, &entry.source.widget, &kind);
        self.connect_inside(net, io, node, slot, Some(widget));
        let name = self.nets[net].inputs[io].name.clone();
        self.give_to_first(host, &name, entry.value.as_ref());
    }

    fn give_to_first(&mut self, host: NodeIx, name: &Name, value: Option<&Value>) {
        let node = &mut self.nodes[host];
        let cell = node.inputs.iter().find(|input| input.name == *name).and_then(|input| input.promoted);
        if let (Some(cell), Some(value)) = (cell, value) {
            node.cells[cell].value = Some(value.clone());
        }
    }

    /// The links of a primitive, as inputs inside.
    fn primitive_targets(&self, primitive: NodeIx) -> Vec<(i64, NodeId, usize)> {
        let node = &self.nodes[primitive];
        let links = node.outputs.first().map(|output| output.links.as_slice()).unwrap_or_default();
        let net = &self.nets[node.net];
        let found = links.iter().filter_map(|id| net.links.get(id).map(|link| (*id, link)));
        found.map(|(id, link)| (id, link.target.clone(), link.target_slot)).collect()
    }

    /// A new input of the subgraph takes the place of a primitive, if all its targets allow it.
    fn replace_primitive(&mut self, host: NodeIx, net: NetIx, primitive: NodeIx, entries: &[&Shown]) {
        let one_widget = entries.iter().all(|entry| entry.source.widget == entries[0].source.widget);
        let Some(targets) = self.replaceable_targets(net, primitive).filter(|_| one_widget) else { return };
        if !self.are_alike(&targets) {
            self.keep_first_target(net, primitive, &targets);
            return;
        }
        let title = self.nodes[primitive].title.clone();
        let name =
            if title.is_empty() || &*title == "PrimitiveNode" { entries[0].source.widget.clone() } else { title };
        let kind = self.nodes[primitive].outputs[0].kind.clone();
        let io = self.add_socket_inside(net, &name, &kind);
        for (node, slot) in &targets {
            self.disconnect_input(*node, *slot);
        }
        for (node, slot) in targets {
            let widget = self.widget_of_input(node, slot);
            self.connect_inside(net, io, node, slot, widget);
        }
        let name = self.nets[net].inputs[io].name.clone();
        let value = entries.iter().find_map(|entry| entry.value.as_ref());
        self.give_to_first(host, &name, value);
        self.nodes[primitive].properties.bypassed_to = Some(name.to_string());
    }

    /// The inputs that a primitive feeds; none when one of them cannot be fed from outside.
    fn replaceable_targets(&self, net: NetIx, primitive: NodeIx) -> Option<Vec<(NodeIx, usize)>> {
        let node = &self.nodes[primitive];
        let output = node.outputs.first()?;
        let targets = self.primitive_targets(primitive);
        if targets.len() != output.links.len() || targets.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        for (_, id, slot) in targets {
            let target = self.node_by_id(net, &id)?;
            let input = self.nodes[target].inputs.get(slot)?;
            if *input.kind != *output.kind && &*input.kind != "*" && &*output.kind != "*" {
                return None;
            }
            found.push((target, slot));
        }
        Some(found)
    }

    /// Whether one value may stand for all of these inputs.
    fn are_alike(&self, inputs: &[(NodeIx, usize)]) -> bool {
        let mut widgets = inputs.iter().filter_map(|(node, slot)| self.widget_of_input(*node, *slot));
        let Some(first) = widgets.next() else { return true };
        widgets.all(|widget| is_alike(&first, &widget))
    }

    /// The editor notices too late that a primitive cannot be replaced: only one of its links can be
    /// made again.
    fn keep_first_target(&mut self, net: NetIx, primitive: NodeIx, targets: &[(NodeIx, usize)]) {
        for (node, slot) in targets {
            self.disconnect_input(*node, *slot);
        }
        let possible = |(node, slot): &&(NodeIx, usize)| {
            let input = &self.nodes[*node].inputs[*slot];
            input.widget.is_some() || is_widget_type(&input.kind)
        };
        let Some((node, slot)) = targets.iter().find(possible).copied() else { return };
        self.last_link_id += 1;
        let id = self.last_link_id;
        let (origin, target) = (self.nodes[primitive].id.clone(), self.nodes[node].id.clone());
        self.nets[net].links.insert(id, Link { origin, origin_slot: 0, target, target_slot: slot });
        self.nodes[primitive].outputs[0].links.push(id);
        self.nodes[node].inputs[slot].link = Some(id);
        self.link_changed(node, slot, true);
    }

    /// A new socket of a subgraph, which all its hosts get as an input.
    fn add_socket_inside(&mut self, net: NetIx, name: &str, kind: &Name) -> usize {
        let name = self.free_name(net, name);
        let uid = self.uid();
        self.nets[net].inputs.push(Io { uid, name: name.clone(), kind: kind.clone(), links: Vec::new() });
        for host in self.nets[net].hosts.clone() {
            self.push_input(host, &name, kind, None);
            if let Some(input) = self.nodes[host].inputs.last_mut() {
                input.io = Some(uid);
            }
        }
        self.nets[net].inputs.len() - 1
    }

    fn free_name(&self, net: NetIx, name: &str) -> Name {
        let is_taken = |name: &str| self.nets[net].inputs.iter().any(|io| &*io.name == name);
        let mut free = name.to_owned();
        let mut number = 0;
        while is_taken(&free) {
            number += 1;
            free = format!("{name}_{number}");
        }
        Name::from(free)
    }

    /// Links a socket of a subgraph to an input inside.
    fn connect_inside(&mut self, net: NetIx, io: usize, node: NodeIx, slot: usize, widget: Option<WidgetRef>) {
        if let Some(old) = self.nodes[node].inputs[slot].link.take() {
            self.let_link_go(net, old, node, slot);
        }
        let uid = self.nets[net].inputs[io].uid;
        if let Some(widget) = widget {
            for host in self.nets[net].hosts.clone() {
                let at = self.nodes[host].inputs.iter().position(|input| input.io == Some(uid));
                at.into_iter().for_each(|at| self.show_widget(host, at, widget.clone()));
            }
        }
        self.last_link_id += 1;
        let id = self.last_link_id;
        let target = self.nodes[node].id.clone();
        let link = Link { origin: NodeId::SUBGRAPH_INPUT, origin_slot: io, target, target_slot: slot };
        self.nets[net].links.insert(id, link);
        self.nets[net].inputs[io].links.push(id);
        self.nodes[node].inputs[slot].link = Some(id);
        self.link_changed(node, slot, true);
    }

    /// Forgets a link that an input had. The editor takes its origin for a socket of the subgraph.
    fn let_link_go(&mut self, net: NetIx, id: i64, node: NodeIx, slot: usize) {
        let Some(link) = self.nets[net].links.swap_remove(&id) else { return };
        let Some(io) = self.nets[net].inputs.get_mut(link.origin_slot) else { return };
        io.links.retain(|known| *known != id);
        let uid = io.uid;
        self.io_was_disconnected(net, uid);
        self.link_changed(node, slot, false);
    }
}

/// The list as it is written: node, widget, and which node where several are possible.
fn listed_widgets(list: Option<&Value>) -> Vec<(String, String, Option<String>)> {
    let Some(list) = list else { return Vec::new() };
    let parsed = list.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let entries = parsed.as_ref().unwrap_or(list).as_array().cloned().unwrap_or_default();
    let read = |entry: &Value| -> Option<(String, String, Option<String>)> {
        let parts: Vec<String> =
            entry.as_array()?.iter().map(|part| part.as_str().map(str::to_owned)).collect::<Option<_>>()?;
        match parts.as_slice() {
            [node, widget] => Some((node.clone(), widget.clone(), None)),
            [node, widget, which] => Some((node.clone(), widget.clone(), Some(which.clone()))),
            _ => None,
        }
    };
    // One that cannot be read makes the whole list void.
    entries.iter().map(read).collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn value_at(values: &RawValues, at: usize) -> Option<Value> {
    match values {
        RawValues::List(values) => values.get(at).filter(|value| !value.is_null()).cloned(),
        RawValues::None | RawValues::Map(_) => None,
    }
}

/// `"7: 12: text"` is the text of node 12 in node 7.
fn without_prefixes(widget: &str) -> (&str, Option<&str>) {
    let mut rest = widget;
    let mut deepest = None;
    while let Some((before, after)) = rest.split_once(':') {
        let (number, after) = (before.trim(), after.trim_start());
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) || after.is_empty() {
            break;
        }
        deepest = Some(number);
        rest = after;
    }
    (rest, deepest)
}

/// Whether a widget only shows something.
fn is_preview(name: &str, widget: &WidgetRef) -> bool {
    name.starts_with("$$") || widget.kind == "audioUI"
}

/// Whether one value may stand for both.
fn is_alike(a: &WidgetRef, b: &WidgetRef) -> bool {
    let limits = |widget: &WidgetRef| {
        let limits = &widget.limits;
        [limits.min, limits.max, limits.step, limits.precision].map(|limit| limit.map(js::value_of))
    };
    a.kind == b.kind && limits(a) == limits(b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_widgets() {
        let list = json!([["5", "text"], ["6", "seed", "7"]]);
        let expected =
            [("5".to_owned(), "text".to_owned(), None), ("6".to_owned(), "seed".to_owned(), Some("7".to_owned()))];
        assert_eq!(listed_widgets(Some(&list)), expected);
        assert_eq!(listed_widgets(Some(&json!(list.to_string()))), expected);
        assert_eq!(listed_widgets(Some(&json!([["5", "text"], [6, "x"]]))), []);
        assert_eq!(without_prefixes("7: 12 :text: x"), ("text: x", Some("12")));
        assert_eq!(without_prefixes("a: b"), ("a: b", None));
    }
}
