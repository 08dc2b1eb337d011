//! A graph as import looks at it: what every output is and who takes it, and a reading order.

use std::{
    borrow::Cow,
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use serde_json::Value;

use super::ImportError;
use crate::{
    graph::{
        ClassInfo, ComboSource, Graph, GraphNode, Input, InputInfo, InputKind, Link, NodeSet, OutputTypes, Types,
        is_model_file,
    },
    ident::IndexMap,
};

/// An input of a node: the node's id and the input's name.
pub(super) type Place<'a> = (&'a str, &'a str);

/// A graph whose links all lead to nodes of it.
pub(super) struct View<'a> {
    pub(super) graph: &'a Graph,
    pub(super) nodes: &'a NodeSet,
    /// Nodes that are passed by.
    bypassed: &'a BTreeSet<String>,
    /// For each node that takes an output: the output's node and index, and where it is taken.
    takers: HashMap<&'a str, Vec<(usize, Place<'a>)>>,
    types: RefCell<OutputTypes<'a>>,
}

impl<'a> View<'a> {
    /// Fails at a link that leads nowhere.
    pub(super) fn new(
        graph: &'a Graph,
        nodes: &'a NodeSet,
        bypassed: &'a BTreeSet<String>,
    ) -> Result<Self, ImportError> {
        let mut takers: HashMap<&str, Vec<(usize, Place<'_>)>> = HashMap::new();
        for (id, node) in &graph.nodes {
            for (input, link) in links(node) {
                let Some((source, _)) = graph.nodes.get_key_value(&link.node) else {
                    let [node, input, target] = [id, input, &link.node].map(String::clone);
                    return Err(ImportError::Dangling { node, input, target });
                };
                takers.entry(source).or_default().push((link.output, (id, input)));
            }
        }
        Ok(Self { graph, nodes, bypassed, takers, types: RefCell::new(OutputTypes::new(graph, nodes)) })
    }

    pub(super) fn node(&self, id: &str) -> &'a GraphNode {
        &self.graph.nodes[id]
    }

    pub(super) fn class(&self, id: &str) -> Option<&'a ClassInfo> {
        self.nodes.class(&self.node(id).class)
    }

    /// The signature of an input.
    pub(super) fn input(&self, (id, input): Place<'_>) -> Option<&'a InputInfo> {
        self.nodes.input_of(self.node(id), input)
    }

    /// The literal that an input holds.
    pub(super) fn literal(&self, (id, input): Place<'_>) -> Option<&'a Value> {
        match self.node(id).inputs.get(input)? {
            Input::Value(value) => Some(value),
            Input::Link(_) | Input::Files(_) => None,
        }
    }

    /// The links of a node, with the inputs that hold them.
    pub(super) fn links(&self, id: &str) -> impl Iterator<Item = (&'a str, &'a Link)> + use<'a> {
        links(self.node(id)).map(|(input, link)| (input.as_str(), link))
    }

    /// The id of the node that a link leads to.
    pub(super) fn source(&self, link: &Link) -> &'a str {
        self.graph.nodes.get_key_value(&link.node).map_or("", |(id, _)| id)
    }

    /// Who takes an output of the node: which output, and where.
    pub(super) fn takers(&self, id: &str) -> &[(usize, Place<'a>)] {
        self.takers.get(id).map_or(&[], Vec::as_slice)
    }

    /// The types that a link brings; anything when they are not known.
    pub(super) fn types(&self, link: &Link) -> Cow<'a, Types> {
        self.types.borrow_mut().of_link(link)
    }

    /// Whether the node gives an output of type `wanted`, as far as it is known.
    pub(super) fn gives(&self, id: &str, wanted: &str) -> bool {
        self.class(id).is_some_and(|class| class.outputs.iter().any(|output| output.types.contains(wanted)))
    }

    /// Whether the node is passed by.
    pub(super) fn is_bypassed(&self, id: &str) -> bool {
        self.bypassed.contains(id)
    }

    /// Whether the node saves or shows something.
    pub(super) fn ends(&self, id: &str) -> bool {
        if self.is_bypassed(id) {
            return false;
        }
        let by_name = || {
            let class = &self.node(id).class;
            ["Save", "Preview", "VideoCombine"].iter().any(|word| class.contains(word)) && self.takers(id).is_empty()
        };
        self.class(id).map_or_else(by_name, |class| class.output_node)
    }

    /// Whether the node only reads files of models.
    fn loads_model(&self, id: &str) -> bool {
        let is_file = |input: &String| match self.input((id, input)).map(|info| &info.kind) {
            Some(InputKind::Combo { source: ComboSource::ModelFiles, .. }) => true,
            _ => self.literal((id, input)).is_some_and(is_model_file),
        };
        self.links(id).next().is_none() && self.node(id).inputs.keys().any(is_file)
    }

    /// All nodes so that they read from loaders to savers: what reads the files of models first,
    /// then everything after what it takes, what only saves or shows last.
    pub(super) fn reading_order(&self) -> Vec<&'a str> {
        let rank = |id: &&str| match (self.loads_model(id), self.ends(id) && self.takers(id).is_empty()) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        let mut order = self.sources_first();
        order.sort_by_key(rank);
        order
    }

    /// All nodes, each behind what it takes, beginning with what leads to the first saver. Of what a
    /// node takes, that with most before it comes first: the first pass before what refines it.
    fn sources_first(&self) -> Vec<&'a str> {
        let mut depths: HashMap<&str, usize> = HashMap::new();
        for id in self.walk(&|_| 0) {
            let before = self.links(id).filter_map(|(_, link)| depths.get(self.source(link)));
            let depth = before.max().map_or(0, |depth| depth + 1);
            depths.insert(id, depth);
        }
        self.walk(&|id| depths.get(id).copied().unwrap_or_default())
    }

    /// All nodes, each behind what it takes, the deepest first.
    fn walk(&self, depth: &dyn Fn(&str) -> usize) -> Vec<&'a str> {
        let all = || self.graph.nodes.keys().map(String::as_str);
        let savers = all().filter(|id| self.ends(id));
        let last = all().filter(|id| self.takers(id).is_empty());
        let (mut seen, mut order) = (BTreeSet::new(), Vec::with_capacity(self.graph.nodes.len()));
        // Whatever is left is on a cycle.
        for start in savers.chain(last).chain(all()) {
            let mut stack = vec![(start, false)];
            while let Some((id, is_done)) = stack.pop() {
                if is_done {
                    order.push(id);
                } else if seen.insert(id) {
                    stack.push((id, true));
                    let mut sources: Vec<&str> = self.links(id).map(|(_, link)| self.source(link)).collect();
                    sources.sort_by_key(|id| Reverse(depth(id)));
                    stack.extend(sources.into_iter().rev().map(|source| (source, false)));
                }
            }
        }
        order
    }
}

fn links(node: &GraphNode) -> impl Iterator<Item = (&String, &Link)> {
    node.inputs.iter().filter_map(|(input, value)| match value {
        Input::Link(link) => Some((input, link)),
        Input::Value(_) | Input::Files(_) => None,
    })
}

/// `items` by what `key` says of each, in order of first appearance.
pub(super) fn grouped<K: std::hash::Hash + Eq, T>(items: impl IntoIterator<Item = (K, T)>) -> IndexMap<K, Vec<T>> {
    let mut groups: IndexMap<K, Vec<T>> = IndexMap::default();
    for (key, item) in items {
        groups.entry(key).or_default().push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{builtin, from_api};

    #[test]
    fn nodes_are_read_from_loaders_to_savers() {
        let api = json!({
            "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
            "3": {"class_type": "KSampler", "inputs": {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.ckpt"}},
            "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 8}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["10", 0]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["4", 1]}},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["4", 1]}},
            "10": {"class_type": "VAELoader", "inputs": {"vae_name": "a.pt"}},
            "11": {"class_type": "PreviewImage", "inputs": {"images": ["12", 0]}},
            "12": {"class_type": "ImageInvert", "inputs": {"image": ["8", 0]}},
            "20": {"class_type": "ImageInvert", "inputs": {"image": ["21", 0]}},
            "21": {"class_type": "ImageInvert", "inputs": {"image": ["20", 0]}},
        });
        let graph = from_api(&api).unwrap();
        let none = BTreeSet::new();
        let view = View::new(&graph, builtin(), &none).unwrap();
        assert_eq!(view.reading_order(), ["4", "10", "6", "7", "5", "3", "8", "12", "21", "20", "9", "11"]);
    }

    #[test]
    fn a_link_to_nothing_is_refused() {
        let graph = from_api(&json!({"1": {"class_type": "X", "inputs": {"a": ["2", 0]}}})).unwrap();
        let error = View::new(&graph, builtin(), &BTreeSet::new()).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "make a preset: input `a` of node `1` is linked to node `2`, which is not there");
    }
}
