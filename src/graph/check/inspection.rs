//! What the rules look at: the graph, the classes, and which nodes are needed for what comes out.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
};

use super::{GraphProblem, output_types::OutputTypes};
use crate::{
    graph::{
        class::{ClassInfo, OutputInfo, Types},
        ir::{Graph, GraphNode, Input, Link},
        object_info::NodeSet,
    },
    ident::{IndexMap, did_you_mean},
};

/// Most names that are compared for hints: a graph of a hundred thousand wrong nodes is to be refused,
/// not understood.
const MOST_COMPARED: usize = 1_000_000;

/// A graph under inspection.
pub(super) struct Inspection<'g> {
    pub(super) graph: &'g Graph,
    pub(super) nodes: &'g NodeSet,
    /// Whether the graph is all there is; otherwise savers are still to be added.
    pub(super) is_whole: bool,
    /// What is wrong with the form of nodes, some of which may not be in the graph for it.
    pub(super) malformed: IndexMap<String, Vec<GraphProblem>>,
    /// The class of each node, if it is known.
    classes: Vec<Option<&'g ClassInfo>>,
    /// For each node, whether something that is kept or shown needs it.
    needed: Vec<bool>,
    types: RefCell<OutputTypes<'g>>,
    compared: Cell<usize>,
}

/// A node with its class.
#[derive(Clone, Copy)]
pub(super) struct ClassedNode<'g> {
    pub(super) id: &'g str,
    pub(super) node: &'g GraphNode,
    pub(super) class: &'g ClassInfo,
}

impl<'g> Inspection<'g> {
    /// `kept` are nodes whose outputs are kept though no node of the graph saves them; none says
    /// that the graph is whole.
    pub(super) fn new(graph: &'g Graph, nodes: &'g NodeSet, kept: Option<&[&str]>) -> Self {
        let classes: Vec<_> = graph.nodes.values().map(|node| nodes.class(&node.class)).collect();
        let needed = needed(graph, &classes, kept.unwrap_or_default());
        let types = RefCell::new(OutputTypes::new(graph, nodes));
        let (is_whole, malformed, compared) = (kept.is_none(), IndexMap::default(), Cell::new(0));
        Self { graph, nodes, is_whole, malformed, classes, needed, types, compared }
    }

    /// A whole graph, about whose form something was found already.
    pub(super) fn of_form(
        graph: &'g Graph,
        nodes: &'g NodeSet,
        malformed: IndexMap<String, Vec<GraphProblem>>,
    ) -> Self {
        Self { malformed, ..Self::new(graph, nodes, None) }
    }

    /// Whether something that is kept or shown needs the node with this number.
    pub(super) fn is_needed(&self, number: usize) -> bool {
        self.needed.get(number).copied().unwrap_or(true)
    }

    /// The class of the node with this number, if it is known.
    pub(super) fn class(&self, number: usize) -> Option<&'g ClassInfo> {
        self.classes.get(number).copied().flatten()
    }

    /// The types that `link` brings, which goes out from `output`; anything when they are not known.
    pub(super) fn types_of(&self, link: &Link, output: &'g OutputInfo) -> Cow<'g, Types> {
        match output.match_template {
            Some(_) => self.types.borrow_mut().of_link(link),
            None => Cow::Borrowed(&output.types),
        }
    }

    /// The one of `count` candidates that was probably meant by `given`; none when enough names were
    /// compared already.
    pub(super) fn near<'c>(
        &self,
        given: &str,
        candidates: impl Iterator<Item = &'c str>,
        count: usize,
    ) -> Option<&'c str> {
        self.compared.set(self.compared.get().saturating_add(count));
        if self.compared.get() > MOST_COMPARED { None } else { did_you_mean(given, candidates) }
    }

    /// The class of the node from which `link` comes, if there is such a node and its class is known.
    pub(super) fn source_class(&self, link: &Link) -> Option<&'g ClassInfo> {
        self.class(self.graph.nodes.get_index_of(&link.node)?)
    }

    /// Whether `text` begins with the id of a node, as a link does that lost its `@`.
    pub(super) fn begins_with_node(&self, text: &str) -> bool {
        self.graph.nodes.contains_key(text.split('.').next().unwrap_or_default())
    }

    /// Nodes that save or show something.
    pub(super) fn output_nodes(&self) -> impl Iterator<Item = ClassedNode<'g>> {
        let nodes = self.graph.nodes.iter().zip(&self.classes);
        let classed = nodes.filter_map(|((id, node), class)| Some(ClassedNode { id, node, class: (*class)? }));
        classed.filter(|n| n.class.output_node)
    }
}

/// What links of a node lead to, as numbers of nodes.
pub(super) fn sources<'g>(graph: &'g Graph, node: &'g GraphNode) -> impl Iterator<Item = (usize, &'g str)> {
    node.inputs.iter().filter_map(|(name, input)| match input {
        Input::Link(link) => Some((graph.nodes.get_index_of(&link.node)?, name.as_str())),
        Input::Value(_) | Input::Files(_) => None,
    })
}

/// A server looks only at what its output nodes need. A node of a class that is not known may be
/// one of these; where nothing comes out at all, or what is kept is not there, everything was meant
/// to be needed.
fn needed(graph: &Graph, classes: &[Option<&ClassInfo>], kept: &[&str]) -> Vec<bool> {
    let ends = |class: Option<&ClassInfo>| class.is_none_or(|info| info.output_node);
    let nodes = graph.nodes.keys().zip(classes).enumerate();
    let are_ends = nodes.filter(|(_, (id, class))| kept.contains(&id.as_str()) || ends(**class));
    let mut open: Vec<usize> = are_ends.map(|(number, _)| number).collect();
    if open.is_empty() || kept.iter().any(|id| !graph.nodes.contains_key(*id)) {
        return vec![true; graph.nodes.len()];
    }
    let mut needed = vec![false; graph.nodes.len()];
    while let Some(number) = open.pop() {
        if std::mem::replace(&mut needed[number], true) {
            continue;
        }
        if let Some((_, node)) = graph.nodes.get_index(number) {
            open.extend(sources(graph, node).map(|(source, _)| source));
        }
    }
    needed
}
