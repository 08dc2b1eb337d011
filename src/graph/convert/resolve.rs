//! Where the value of an input comes from: through subgraphs, bypassed nodes, reroutes and names.

use serde_json::Value;

use super::{
    fault::Fault,
    links::fits,
    spec::Name,
    state::{Editor, Kind, Link, Mode, NodeIx},
};
use crate::{
    graph::ui_format::{NodeId, Place},
    ident::IndexMap,
};

/// Links that are followed before circles are looked for.
const UNWATCHED: usize = 64;

/// Index of an instance.
pub(super) type InstanceIx = usize;

/// A graph where it is used: the outermost one, or a subgraph in the place of one node.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    /// The graph.
    pub(super) net: usize,
    /// The node that stands for it, and where that node is used.
    pub(super) host: Option<(InstanceIx, NodeIx)>,
    /// The ids on the way to it, each with a colon after it.
    pub(super) path: String,
}

/// All graphs where they are used.
pub(super) struct Resolver<'e, 'a> {
    pub(super) editor: &'e Editor<'a>,
    pub(super) instances: Vec<Instance>,
    /// Instances by the instance and node they stand in.
    pub(super) inner: IndexMap<(InstanceIx, NodeIx), InstanceIx>,
    /// Whether bypassed nodes stay in the graph.
    pub(super) keep_bypassed: bool,
    pub(super) faults: Vec<Fault>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// An output of a node.
    Output(InstanceIx, NodeIx, usize),
    /// A value that stands in for a link; none is not even nothing.
    Value(Option<Value>),
}

/// A place on the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stop {
    Input(InstanceIx, NodeIx, usize),
    Output(InstanceIx, NodeIx, usize),
}

impl<'e> Resolver<'e, '_> {
    /// Where the value of input `slot` comes from, if from anywhere.
    pub(super) fn origin(&mut self, instance: InstanceIx, node: NodeIx, slot: usize) -> Option<Origin> {
        let mut stop = Stop::Input(instance, node, slot);
        let mut kind: Option<Name> = None;
        let mut seen: IndexMap<Stop, ()> = IndexMap::default();
        for step in 0.. {
            if step > UNWATCHED && seen.insert(stop.clone(), ()).is_some() {
                let message = "the links go round in a circle";
                self.faults.push(Fault::error("link-circle", self.place(node, Some(slot)), message));
                return None;
            }
            let next = match stop {
                Stop::Input(instance, node, slot) => {
                    if kind.is_none() {
                        kind = self.editor.nodes[node].inputs.get(slot).map(|input| input.kind.clone());
                    }
                    self.follow_input(instance, node, slot, &mut kind)
                }
                Stop::Output(instance, node, slot) => {
                    if self.is_end(node) {
                        return Some(Origin::Output(instance, node, slot));
                    }
                    self.follow_output(instance, node, slot, &mut kind)
                }
            };
            stop = match next? {
                Next::Stop(stop) => stop,
                Next::Value(value) => return Some(Origin::Value(value)),
            };
        }
        None
    }

    /// Whether links end here: at a node that runs, or that stays in the graph although it does not.
    fn is_end(&self, node: NodeIx) -> bool {
        let node = &self.editor.nodes[node];
        let stays = node.mode == Mode::Active || (self.keep_bypassed && node.mode == Mode::Bypassed);
        stays && !node.is_virtual()
    }

    fn follow_input(
        &mut self,
        instance: InstanceIx,
        node: NodeIx,
        slot: usize,
        kind: &mut Option<Name>,
    ) -> Option<Next> {
        let editor = self.editor;
        let id = editor.nodes[node].inputs.get(slot)?.link?;
        let link = self.link_into(node, slot, id)?;
        if link.origin == NodeId::SUBGRAPH_INPUT
            && let Some((outer, host)) = self.instances[instance].host
        {
            *kind = None;
            return self.follow_outside(outer, host, link, node, slot);
        }
        let Some(origin) = editor.node_by_id(editor.nodes[node].net, &link.origin) else {
            let message = format!("the input is linked to node {}, and there is no such node", link.origin);
            self.faults.push(Fault::error("dangling-link", self.place(node, Some(slot)), message));
            return None;
        };
        // Of two nodes with one id the later one counts.
        Some(Next::Stop(Stop::Output(instance, origin, link.origin_slot)))
    }

    /// The link `id` that leads into input `slot` of `node`.
    fn link_into(&mut self, node: NodeIx, slot: usize, id: i64) -> Option<&'e Link> {
        let editor = self.editor;
        let link = editor.nets[editor.nodes[node].net].links.get(&id);
        if link.is_none() {
            let message = format!("the input is linked by {id}, and there is no such link");
            self.faults.push(Fault::error("dangling-link", self.place(node, Some(slot)), message));
        }
        link
    }

    /// What comes into a subgraph at the socket that `link` begins at.
    fn follow_outside(
        &mut self,
        outer: InstanceIx,
        host: NodeIx,
        link: &Link,
        node: NodeIx,
        slot: usize,
    ) -> Option<Next> {
        let editor = self.editor;
        let Some(input) = editor.nodes[host].inputs.get(link.origin_slot) else {
            let message =
                format!("the input is linked to input {} of the subgraph, which it does not have", link.origin_slot);
            self.faults.push(Fault::error("dangling-link", self.place(node, Some(slot)), message));
            return None;
        };
        let Some(id) = input.link else {
            let cell = input.promoted?;
            return Some(Next::Value(editor.nodes[host].cells[cell].value.clone()));
        };
        let outer_link = self.link_into(host, link.origin_slot, id)?;
        Some(Next::Stop(Stop::Input(outer, host, outer_link.target_slot)))
    }

    fn follow_output(
        &mut self,
        instance: InstanceIx,
        node: NodeIx,
        slot: usize,
        kind: &mut Option<Name>,
    ) -> Option<Next> {
        let editor = self.editor;
        let at = &editor.nodes[node];
        match at.mode {
            Mode::Muted => return None,
            Mode::Bypassed => {
                let kind = kind.take().unwrap_or_else(|| Name::from("*"));
                let input = self.passed_by(node, slot, &kind)?;
                return Some(Next::Stop(Stop::Input(instance, node, input)));
            }
            Mode::Active => {}
        }
        match at.kind {
            Kind::Host(net) => self.follow_inside(instance, node, net, slot),
            Kind::Get => {
                let (instance, setter) = self.setter(instance, node)?;
                Some(Next::Stop(Stop::Input(instance, setter, 0)))
            }
            Kind::Reroute | Kind::Set | Kind::Primitive | Kind::Note => {
                let link = editor.input_link(node, slot)?;
                Some(Next::Stop(Stop::Input(instance, node, link.target_slot)))
            }
            Kind::Class(_) | Kind::Unknown => None,
        }
    }

    /// What goes out of a subgraph at output `slot`.
    fn follow_inside(&mut self, instance: InstanceIx, host: NodeIx, net: usize, slot: usize) -> Option<Next> {
        let editor = self.editor;
        let Some(io) = editor.nets[net].outputs.get(slot).filter(|_| slot < editor.nodes[host].outputs.len()) else {
            let message = format!("a link begins at output {slot} of the subgraph, which it does not have");
            self.faults.push(Fault::error("dangling-link", self.place(host, None), message));
            return None;
        };
        let link = io.links.iter().find_map(|id| editor.nets[net].links.get(id))?;
        if link.origin == NodeId::SUBGRAPH_INPUT {
            return Some(Next::Stop(Stop::Input(instance, host, link.origin_slot)));
        }
        let inner = *self.inner.get(&(instance, host))?;
        let Some(origin) = editor.node_by_id(net, &link.origin) else {
            let message =
                format!("output {slot} of the subgraph is linked to node {}, which it does not have", link.origin);
            self.faults.push(Fault::error("dangling-link", self.place(host, None), message));
            return None;
        };
        Some(Next::Stop(Stop::Output(inner, origin, link.origin_slot)))
    }

    /// The input that a bypassed node passes on at output `slot`, for a socket of type `kind`.
    fn passed_by(&mut self, node: NodeIx, slot: usize, kind: &str) -> Option<usize> {
        let at = &self.editor.nodes[node];
        let inputs = &at.inputs;
        let Some(output) = at.outputs.get(slot).map(|output| &*output.kind) else {
            let message = format!("a link begins at output {slot} of the node, which it does not have");
            self.faults.push(Fault::error("dangling-link", self.place(node, None), message));
            return None;
        };
        if kind == "*" || kind.is_empty() {
            return (!inputs.is_empty()).then_some(if inputs.len() > slot { slot } else { 0 });
        }
        let passes = |input: &super::state::Input| fits(&input.kind, output) && fits(&input.kind, kind);
        if inputs.get(slot).is_some_and(passes) {
            return Some(slot);
        }
        inputs.iter().position(|input| &*input.kind == kind).or_else(|| inputs.iter().position(passes))
    }

    /// The node that gives a link the name that `getter` asks for: in the same graph, or around it.
    fn setter(&self, instance: InstanceIx, getter: NodeIx) -> Option<(InstanceIx, NodeIx)> {
        let name = self.editor.nodes[getter].given_name()?;
        let mut instance = Some(instance);
        while let Some(at) = instance {
            let net = &self.editor.nets[self.instances[at].net];
            let is_meant = |ix: &&NodeIx| {
                let node = &self.editor.nodes[**ix];
                matches!(node.kind, Kind::Set) && node.given_name() == Some(name)
            };
            if let Some(found) = net.nodes.iter().find(is_meant) {
                return Some((at, *found));
            }
            instance = self.instances[at].host.map(|(outer, _)| outer);
        }
        None
    }

    /// Where a node, or an input of it, stands in the file.
    pub(super) fn place(&self, node: NodeIx, slot: Option<usize>) -> Place {
        let node = &self.editor.nodes[node];
        let (graph, at) = node.place;
        match slot {
            Some(slot) if slot < node.inputs.len() => Place::Input(graph, at, slot),
            _ => Place::Node(graph, at),
        }
    }
}

enum Next {
    Stop(Stop),
    Value(Option<Value>),
}
