//! Types that follow from what is linked: of inputs and outputs that must match, and of reroutes.
//!
//! Links that no longer fit are taken away, as the editor does.

use super::{
    links::{common_type, fits},
    spec::Name,
    state::{Config, Editor, Kind, NodeIx},
};
use crate::{graph::ui_format::NodeId, ident::IndexMap};

/// Where a link goes.
enum End {
    /// To an input of a node.
    Input(NodeIx, usize),
    /// To a socket of the subgraph.
    Output(usize),
}

/// A chain of reroutes that does not lead to its beginning.
struct Broken;

impl Editor<'_> {
    /// Gives the inputs that share a template with input `slot` the types that are left to them, and
    /// the outputs theirs. False when they cannot match.
    pub(super) fn match_types(&mut self, ix: NodeIx, slot: usize) -> bool {
        let node = &self.nodes[ix];
        if self.configuring {
            return true;
        }
        let Some(input) = node.inputs.get(slot) else { return true };
        let Some((template, ..)) = node.matching.iter().find(|(_, name, _)| *name == input.name).cloned() else {
            return true;
        };
        let fellows: Vec<(usize, Name)> = (0..node.inputs.len())
            .filter_map(|at| {
                let name = &node.inputs[at].name;
                let known = node.matching.iter().rev().find(|(t, n, _)| *t == template && n == name);
                known.map(|(.., allowed)| (at, allowed.clone()))
            })
            .collect();
        let linked: Vec<Name> = fellows.iter().map(|(at, _)| self.linked_type(ix, *at)).collect();
        for (index, (at, allowed)) in fellows.iter().enumerate() {
            let others = linked.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, kind)| &**kind);
            let Some(kind) = common_type(others.chain([&**allowed])) else { return false };
            self.nodes[ix].inputs[*at].kind = kind;
        }
        let Some(output) = common_type(linked.iter().map(|kind| &**kind)) else { return false };
        self.retype_outputs(ix, &template, &output);
        true
    }

    fn linked_type(&self, ix: NodeIx, slot: usize) -> Name {
        let node = &self.nodes[ix];
        let kind = node.inputs[slot].link.and_then(|id| self.origin_type(node.net, id));
        kind.unwrap_or_else(|| Name::from("*"))
    }

    fn retype_outputs(&mut self, ix: NodeIx, template: &Name, kind: &Name) {
        let Kind::Class(class) = self.nodes[ix].kind else { return };
        for at in 0..self.nodes[ix].outputs.len() {
            let follows = class.output_templates.get(at).is_some_and(|known| known.as_ref() == Some(template));
            if !follows || self.nodes[ix].outputs[at].kind == *kind {
                continue;
            }
            self.nodes[ix].outputs[at].kind = kind.clone();
            for id in self.nodes[ix].outputs[at].links.clone() {
                self.check_target(ix, id, kind);
            }
        }
    }

    /// Takes link `id` away when an output of type `kind` does not fit its end, and tells that end.
    fn check_target(&mut self, ix: NodeIx, id: i64, kind: &Name) {
        match self.end_of(ix, id) {
            Some(End::Output(slot)) => {
                let net = self.nodes[ix].net;
                if !fits(kind, &self.nets[net].outputs[slot].kind) {
                    self.disconnect_output_socket(net, slot);
                }
            }
            Some(End::Input(target, slot)) => {
                let keep = fits(kind, &self.nodes[target].inputs[slot].kind);
                if !keep {
                    self.disconnect_input(target, slot);
                }
                self.link_changed(target, slot, keep);
            }
            None => {}
        }
    }

    fn end_of(&self, ix: NodeIx, id: i64) -> Option<End> {
        let net = self.nodes[ix].net;
        let link = self.nets[net].links.get(&id)?;
        if link.target == NodeId::SUBGRAPH_OUTPUT && net != 0 {
            return (link.target_slot < self.nets[net].outputs.len()).then_some(End::Output(link.target_slot));
        }
        let target = self.node_by_id(net, &link.target)?;
        (link.target_slot < self.nodes[target].inputs.len()).then_some(End::Input(target, link.target_slot))
    }

    fn disconnect_output_socket(&mut self, net: usize, slot: usize) {
        for id in std::mem::take(&mut self.nets[net].outputs[slot].links) {
            let Some(link) = self.nets[net].links.swap_remove(&id) else { continue };
            let origin = self.node_by_id(net, &link.origin);
            let output = origin.and_then(|origin| self.nodes[origin].outputs.get_mut(link.origin_slot));
            output.into_iter().for_each(|output| output.links.retain(|known| *known != id));
        }
    }

    /// Gives a reroute, and all that are joined to it, the type of what they pass on. Begins with the
    /// first of them, so that a chain is gone through once.
    pub(super) fn settle_reroute(&mut self, ix: NodeIx) {
        self.settled.resize(self.nodes.len(), false);
        if self.settled[ix] {
            return;
        }
        let mut joined = Vec::new();
        let source = self.source_of(ix, &mut joined);
        let first = joined.last().copied().unwrap_or(ix);
        let Ok(input_kind) = source else {
            joined.iter().for_each(|at| self.settled[*at] = true);
            return;
        };
        let mut output_kind = None;
        let mut seen: IndexMap<NodeIx, ()> = IndexMap::default();
        let mut open = vec![first];
        while let Some(at) = open.pop() {
            self.settled[at] = true;
            if seen.insert(at, ()).is_some() {
                continue;
            }
            for id in self.nodes[at].outputs.first().map(|output| output.links.clone()).unwrap_or_default() {
                let Some(End::Input(target, slot)) = self.end_of(at, id) else { continue };
                if matches!(self.nodes[target].kind, Kind::Reroute) {
                    open.push(target);
                    continue;
                }
                let keep = input_kind.as_ref().is_none_or(|kind| fits(kind, &self.nodes[target].inputs[slot].kind));
                if !keep {
                    self.disconnect_input(target, slot);
                    continue;
                }
                self.link_changed(target, slot, true);
                output_kind = self.nodes[target].inputs.get(slot).map(|input| input.kind.clone());
            }
        }
        let joined: Vec<NodeIx> = seen.into_keys().collect();
        self.retype_reroutes(&joined, input_kind.as_ref(), output_kind.as_ref());
    }

    /// The type of what comes into a chain of reroutes, if anything does. Adds the reroutes from `ix` to the first to `joined`.
    fn source_of(&self, ix: NodeIx, joined: &mut Vec<NodeIx>) -> Result<Option<Name>, Broken> {
        let mut seen: IndexMap<NodeIx, ()> = IndexMap::default();
        let mut at = ix;
        loop {
            if seen.insert(at, ()).is_some() {
                return Ok(None);
            }
            joined.push(at);
            let Some(id) = self.nodes[at].inputs.first().ok_or(Broken)?.link else { return Ok(None) };
            let net = self.nodes[at].net;
            let link = self.nets[net].links.get(&id).ok_or(Broken)?;
            let origin = self.node_by_id(net, &link.origin).ok_or(Broken)?;
            if !matches!(self.nodes[origin].kind, Kind::Reroute) {
                return Ok(self.nodes[origin].outputs.get(link.origin_slot).map(|output| output.kind.clone()));
            }
            at = origin;
        }
    }

    fn retype_reroutes(&mut self, joined: &[NodeIx], input: Option<&Name>, output: Option<&Name>) {
        let mut config: Option<Config> = None;
        for ix in joined {
            if let Some(socket) = self.nodes[*ix].outputs.first_mut() {
                socket.kind = input.cloned().unwrap_or_else(|| Name::from("*"));
            }
            for id in self.nodes[*ix].outputs.first().map(|output| output.links.clone()).unwrap_or_default() {
                let Some(End::Input(target, slot)) = self.end_of(*ix, id) else { continue };
                if let Some(found) = self.config_of(target, slot) {
                    config = Some(config.map_or_else(|| found.clone(), |known| found.joined_with(&known)));
                }
            }
        }
        for ix in joined {
            let is_widget = config.is_some() && output.is_some();
            let Some(socket) = self.nodes[*ix].inputs.first_mut() else { continue };
            let was_widget = socket.widget.is_some();
            socket.widget = is_widget.then(|| Name::from("value"));
            socket.config = config.clone().filter(|_| is_widget);
            match self.primitive_before(*ix) {
                Some(primitive) if is_widget => self.draw_again(primitive),
                Some(primitive) if was_widget => self.let_targets_go(primitive),
                _ => {}
            }
        }
    }

    /// The primitive that a reroute passes on, if it does.
    fn primitive_before(&self, reroute: NodeIx) -> Option<NodeIx> {
        let link = self.input_link(reroute, 0)?;
        let origin = self.node_by_id(self.nodes[reroute].net, &link.origin)?;
        matches!(self.nodes[origin].kind, Kind::Primitive).then_some(origin)
    }

    /// A primitive that feeds a reroute without widgets behind it has nothing to be the value of.
    fn let_targets_go(&mut self, primitive: NodeIx) {
        for id in self.nodes[primitive].outputs.first().map(|output| output.links.clone()).unwrap_or_default() {
            if let Some(End::Input(target, slot)) = self.end_of(primitive, id) {
                self.disconnect_input(target, slot);
            }
        }
        self.primitive_let_go(primitive);
    }
}
