//! The types of outputs, which for some depend on what is linked to their node.

use std::{borrow::Cow, collections::BTreeMap};

use crate::graph::{
    class::{ClassInfo, InputKind, Types},
    ir::{Graph, GraphNode, Input, Link},
    object_info::NodeSet,
};

/// Longest chain of nodes through which the type of an output is followed.
const DEEPEST: usize = 64;

/// The types of outputs, which for some depend on what is linked to their node.
pub struct OutputTypes<'g> {
    graph: &'g Graph,
    nodes: &'g NodeSet,
    known: BTreeMap<(&'g str, usize), Types>,
}

impl<'g> OutputTypes<'g> {
    /// The types of the outputs of `graph`, as the classes of `nodes` say.
    pub fn new(graph: &'g Graph, nodes: &'g NodeSet) -> Self {
        Self { graph, nodes, known: BTreeMap::new() }
    }

    /// The types that `link` brings; anything when they are not known.
    pub fn of_link(&mut self, link: &Link) -> Cow<'g, Types> {
        self.of(&link.node, link.output, 0)
    }

    /// The types of output `index` of node `id`; anything when it is not known.
    fn of(&mut self, id: &str, index: usize, depth: usize) -> Cow<'g, Types> {
        let Some((id, node)) = self.graph.nodes.get_key_value(id) else { return Cow::Owned(Types::any()) };
        let class = self.nodes.class(&node.class);
        let Some((class, output)) = class.and_then(|c| Some((c, c.outputs.get(index)?))) else {
            return Cow::Owned(Types::any());
        };
        let Some(template) = &output.match_template else { return Cow::Borrowed(&output.types) };
        if depth > DEEPEST {
            return Cow::Owned(Types::any());
        }
        if let Some(types) = self.known.get(&(id.as_str(), index)) {
            return Cow::Owned(types.clone());
        }
        // In a cycle of such nodes anything fits; the cycle itself is reported elsewhere.
        self.known.insert((id, index), Types::any());
        let types = self.matched(node, class, template, depth);
        self.known.insert((id, index), types.clone());
        Cow::Owned(types)
    }

    /// The union of what is linked to the inputs of `template`.
    fn matched(&mut self, node: &GraphNode, class: &ClassInfo, template: &str, depth: usize) -> Types {
        let mut allowed = None;
        let mut linked: Option<Types> = None;
        for info in &class.inputs {
            let (kind, group) = match &info.kind {
                InputKind::Autogrow { template, .. } => (&template.kind, true),
                kind => (kind, false),
            };
            let InputKind::MatchType { template: name, allowed: types } = kind else { continue };
            if name != template {
                continue;
            }
            allowed.get_or_insert(types);
            for (name, input) in &node.inputs {
                let below = name.strip_prefix(&info.name);
                if !below.is_some_and(|rest| rest.is_empty() || (group && rest.starts_with('.'))) {
                    continue;
                }
                let types = match input {
                    Input::Link(link) => self.of(&link.node, link.output, depth + 1),
                    Input::Value(_) | Input::Files(_) => Cow::Owned(Types::any()),
                };
                linked = Some(match linked {
                    Some(union) => union.union(&types),
                    None => types.into_owned(),
                });
            }
        }
        linked.or_else(|| allowed.cloned()).unwrap_or_else(Types::any)
    }
}
