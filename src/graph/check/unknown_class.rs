//! `unknown-class`: a node of a class that the server does not have.

use super::{GraphProblem, inspection::Inspection};
use crate::graph::ir::GraphNode;

pub(super) const CODE: &str = "unknown-class";

pub(super) fn look(inspection: &Inspection<'_>, number: usize, id: &str, node: &GraphNode) -> Option<GraphProblem> {
    if inspection.class(number).is_some() {
        return None;
    }
    let (class, nodes) = (node.class.as_str(), inspection.nodes);
    let problem = GraphProblem::new(id, None, CODE, format!("there is no node class \"{class}\""));
    // Letters alone first: the name of the class as people see it is a common mistake.
    let by_title = || nodes.classes().find(|c| c.display_name.eq_ignore_ascii_case(class)).map(|c| c.name.as_str());
    let same_letters = nodes.names().find(|name| name.eq_ignore_ascii_case(class)).or_else(by_title);
    let Some(near) = same_letters.or_else(|| inspection.near(class, nodes.names(), nodes.len())) else {
        return Some(problem.hint("install the custom nodes that have it, or check by a server that does".to_owned()));
    };
    let pack = nodes.class(near).and_then(|c| c.pack()).map(|pack| format!(" of the custom nodes {pack}"));
    let hint = format!("did you mean \"{near}\"{}?", pack.unwrap_or_default());
    Some(problem.hint(hint).suggest(Some(near.to_owned())))
}
