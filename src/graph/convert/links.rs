//! Links while nodes change: what is let go, what is put right.

use super::{
    spec::Name,
    state::{Editor, Input, Kind, Later, NetIx, NodeIx, Watcher},
};
use crate::{graph::ui_format::NodeId, ident::IndexMap};

/// Changes of types go on from node to node this deep; what is further on is left as it is.
const DEEPEST: usize = 200;

impl Editor<'_> {
    /// Takes the link of an input away on both sides.
    pub(super) fn disconnect_input(&mut self, ix: NodeIx, slot: usize) {
        let Some(id) = self.nodes[ix].inputs.get_mut(slot).and_then(|input| input.link.take()) else { return };
        let net = self.nodes[ix].net;
        let Some(link) = self.nets[net].links.get(&id).cloned() else { return };
        if link.origin == NodeId::SUBGRAPH_INPUT && net != 0 {
            self.nets[net].links.swap_remove(&id);
            if let Some(io) = self.nets[net].inputs.get_mut(link.origin_slot) {
                io.links.retain(|known| *known != id);
                let uid = io.uid;
                self.io_was_disconnected(net, uid);
            }
            self.link_changed(ix, slot, false);
            return;
        }
        let Some(origin) = self.node_by_id(net, &link.origin) else { return };
        let Some(output) = self.nodes[origin].outputs.get_mut(link.origin_slot) else { return };
        if output.links.is_empty() {
            return;
        }
        if let Some(at) = output.links.iter().position(|known| *known == id) {
            output.links.remove(at);
        }
        self.nets[net].links.swap_remove(&id);
        self.link_changed(ix, slot, false);
        self.output_changed(origin, false);
    }

    /// Takes an input away with its link.
    pub(super) fn remove_input(&mut self, ix: NodeIx, slot: usize) {
        self.disconnect_input(ix, slot);
        if slot >= self.nodes[ix].inputs.len() {
            return;
        }
        self.nodes[ix].inputs.remove(slot);
        self.renumber(ix, slot);
    }

    /// Tells the links of the inputs from `start` on where they end now.
    pub(super) fn renumber(&mut self, ix: NodeIx, start: usize) {
        let node = &self.nodes[ix];
        let links = &mut self.nets[node.net].links;
        for (slot, input) in node.inputs.iter().enumerate().skip(start) {
            if let Some(link) = input.link.and_then(|id| links.get_mut(&id)) {
                link.target_slot = slot;
            }
        }
    }

    /// Puts inputs in at `at`.
    pub(super) fn insert_inputs(&mut self, ix: NodeIx, at: usize, inputs: Vec<Input>) {
        let node = &mut self.nodes[ix];
        let at = at.min(node.inputs.len());
        node.inputs.splice(at..at, inputs);
        self.renumber(ix, at);
    }

    /// Tells a node that the link of an input came or went.
    pub(super) fn link_changed(&mut self, ix: NodeIx, slot: usize, linked: bool) {
        self.unsettle(ix);
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        for at in 0..self.nodes[ix].watchers.len() {
            let goes_on = match self.nodes[ix].watchers[at] {
                Watcher::Autogrow => {
                    self.group_link_changed(ix, slot, linked);
                    true
                }
                Watcher::MatchType => self.match_types(ix, slot),
            };
            if !goes_on {
                break;
            }
        }
        self.depth -= 1;
    }

    /// A reroute whose links changed takes its type again.
    fn unsettle(&mut self, ix: NodeIx) {
        if !self.configuring && matches!(self.nodes[ix].kind, Kind::Reroute) && self.settled.get(ix) == Some(&true) {
            self.settled[ix] = false;
            self.later.push_back(Later::Reroute(ix));
        }
    }

    /// Tells a node that a link of its first output came or went.
    pub(super) fn output_changed(&mut self, ix: NodeIx, linked: bool) {
        self.unsettle(ix);
        if matches!(self.nodes[ix].kind, Kind::Primitive) && !self.configuring {
            self.primitive_output_changed(ix, linked);
        }
    }

    /// The type of what a link comes from.
    pub(super) fn origin_type(&self, net: NetIx, id: i64) -> Option<Name> {
        let link = self.nets[net].links.get(&id)?;
        if link.origin == NodeId::SUBGRAPH_INPUT && net != 0 {
            return self.nets[net].inputs.get(link.origin_slot).map(|io| io.kind.clone());
        }
        let origin = self.node_by_id(net, &link.origin)?;
        self.nodes[origin].outputs.get(link.origin_slot).map(|output| output.kind.clone())
    }

    /// Of several links between the same sockets, keeps the one that the input names.
    pub(super) fn drop_repeated_links(&mut self, net: NetIx) {
        let mut groups: IndexMap<(NodeId, usize, NodeId, usize), Vec<i64>> = IndexMap::default();
        for (id, link) in &self.nets[net].links {
            let key = (link.origin.clone(), link.origin_slot, link.target.clone(), link.target_slot);
            groups.entry(key).or_default().push(*id);
        }
        for ((origin, origin_slot, target, _), ids) in groups {
            if ids.len() < 2 {
                continue;
            }
            let target = self.node_by_id(net, &target);
            let named = target.and_then(|target| {
                self.nodes[target].inputs.iter().filter_map(|input| input.link).find(|id| ids.contains(id))
            });
            let kept = named.unwrap_or(ids[0]);
            let origin = self.node_by_id(net, &origin);
            for id in ids.iter().filter(|id| **id != kept) {
                let output = origin.and_then(|origin| self.nodes[origin].outputs.get_mut(origin_slot));
                output.into_iter().for_each(|output| output.links.retain(|known| known != id));
                self.nets[net].links.swap_remove(id);
            }
            let Some(target) = target else { continue };
            for input in &mut self.nodes[target].inputs {
                if input.link.is_some_and(|id| ids.contains(&id)) {
                    input.link = Some(kept);
                }
            }
        }
    }
}

/// Whether an output of type `a` may be linked to an input of type `b`.
pub(super) fn fits(a: &str, b: &str) -> bool {
    let any = |kind: &str| kind.is_empty() || kind == "*" || kind == "0";
    if any(a) || any(b) || a == b {
        return true;
    }
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    a.split(',').any(|a| b.split(',').any(|b| any(a) || any(b) || a == b))
}

/// The types that all of `kinds` have in common; none when there is no such type.
pub(super) fn common_type<'k>(kinds: impl Iterator<Item = &'k str> + Clone) -> Option<Name> {
    let stated = kinds.filter(|kind| *kind != "*");
    let Some(first) = stated.clone().next() else { return Some(Name::from("*")) };
    let mut common: Vec<&str> = Vec::new();
    for part in first.split(',') {
        if !common.contains(&part) && stated.clone().all(|kind| kind.split(',').any(|other| other == part)) {
            common.push(part);
        }
    }
    (!common.is_empty()).then(|| Name::from(common.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for (a, b) in [("IMAGE", "image"), ("IMAGE,MASK", "MASK"), ("*", "X"), ("", "X"), ("A,*", "B")] {
            assert!(fits(a, b) && fits(b, a), "{a} {b}");
        }
        assert!(!fits("IMAGE", "MASK") && !fits("A,B", "C,D"));
        let common = |kinds: &[&str]| common_type(kinds.iter().copied()).map(|kind| kind.to_string());
        assert_eq!(common(&["*", "*"]).as_deref(), Some("*"));
        assert_eq!(common(&["A,B,C", "*", "C,B"]).as_deref(), Some("B,C"));
        assert_eq!(common(&["A", "B"]), None);
    }
}
