//! Links: whether they lead to an output, and whether its type fits.

use std::{borrow::Cow, collections::BTreeMap};

use super::GraphProblem;
use crate::{
    graph::{
        class::{ClassInfo, InputInfo, InputKind, OutputInfo, Types},
        ir::{Graph, GraphNode, Input, Link},
        object_info::NodeSet,
    },
    ident::did_you_mean,
};

/// Longest chain of nodes through which the type of an output is followed.
const DEEPEST: usize = 64;

/// The class that turns the first type into the second.
const CONVERSIONS: [(&str, &str, &str); 2] = [("MASK", "IMAGE", "MaskToImage"), ("IMAGE", "MASK", "ImageToMask")];

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

    /// Whether `text` begins with the id of a node, as a link does that lost its `@`.
    pub(super) fn begins_with_node(&self, text: &str) -> bool {
        self.graph.nodes.contains_key(text.split('.').next().unwrap_or_default())
    }

    /// The types that `link` brings; anything when they are not known.
    pub fn of_link(&mut self, link: &Link) -> Types {
        self.of(&link.node, link.output, 0).into_owned()
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

/// What is wrong with `link` as the value of the input `name` of node `id`.
pub(super) fn check_link(
    id: &str,
    name: &str,
    info: &InputInfo,
    link: &Link,
    types: &mut OutputTypes<'_>,
) -> Option<GraphProblem> {
    let Some(source) = types.graph.nodes.get(&link.node) else {
        let message = format!("input \"{name}\" is linked to node \"{}\", which does not exist", link.node);
        let near = did_you_mean(&link.node, types.graph.nodes.keys().map(String::as_str).filter(|other| *other != id));
        return Some(GraphProblem::new(id, Some(name), "bad-link", message).suggest(near.map(str::to_owned)));
    };
    // A class that is not known is reported at its node.
    let class = types.nodes.class(&source.class)?;
    let Some(output) = class.outputs.get(link.output) else {
        return Some(no_such_output(id, name, link, class));
    };
    let (wanted, received) = (info.kind.link_types(), types.of(&link.node, link.output, 0));
    if wanted.accepts(&received) {
        return None;
    }
    let message = format!(
        "input \"{name}\" takes {wanted}, but output \"{}\" of node \"{}\" is {received}",
        label(output, link.output),
        link.node
    );
    let (hint, suggestion) = mend_mismatch(link, class, &wanted, &received);
    Some(GraphProblem { hint, suggestion, ..GraphProblem::new(id, Some(name), "link-type-mismatch", message) })
}

fn label(output: &OutputInfo, index: usize) -> String {
    if output.name.is_empty() { index.to_string() } else { output.name.clone() }
}

fn no_such_output(id: &str, name: &str, link: &Link, class: &ClassInfo) -> GraphProblem {
    let message = format!(
        "input \"{name}\" is linked to output {} of node \"{}\", which it does not have",
        link.output, link.node
    );
    let names: Vec<&str> = class.outputs.iter().map(|o| o.name.as_str()).collect();
    let hint = match names.len() {
        0 => format!("{} has no outputs", class.name),
        _ => format!("{} has {}, counted from 0", class.name, names.join(", ")),
    };
    GraphProblem::new(id, Some(name), "bad-link", message).hint(hint)
}

/// Another output of the same node that fits, or a class that converts.
fn mend_mismatch(link: &Link, class: &ClassInfo, wanted: &Types, received: &Types) -> (Option<String>, Option<String>) {
    let fitting = |output: &OutputInfo| output.match_template.is_none() && wanted.accepts(&output.types);
    let mut others = class.outputs.iter().enumerate().filter(|(_, output)| fitting(output));
    if let (Some((index, output)), None) = (others.next(), others.next()) {
        let unique = class.outputs.iter().filter(|o| o.name == output.name).count() == 1;
        let part = if unique && !output.name.is_empty() { output.name.clone() } else { index.to_string() };
        let text = format!("@{}.{part}", link.node);
        return (Some(format!("did you mean \"{text}\"?")), Some(text));
    }
    let converts = |(from, to, _): &&(&str, &str, &str)| received.contains(from) && wanted.contains(to);
    let conversion = CONVERSIONS.iter().find(converts);
    (conversion.map(|(_, to, class)| format!("put {class} between them, which makes {to} of it")), None)
}
