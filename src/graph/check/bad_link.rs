//! `bad-link`: a link to a node that is not there, or to an output that its node does not have.

use super::{GraphProblem, inspection::Inspection};
use crate::graph::{class::ClassInfo, ir::Link};

pub(super) const CODE: &str = "bad-link";

pub(super) fn look(inspection: &Inspection<'_>, id: &str, name: &str, link: &Link) -> Option<GraphProblem> {
    let Some(number) = inspection.graph.nodes.get_index_of(&link.node) else {
        let message = format!("input \"{name}\" is linked to node \"{}\", which does not exist", link.node);
        let others = inspection.graph.nodes.keys().map(String::as_str).filter(|other| *other != id);
        let near = inspection.near(&link.node, others, inspection.graph.nodes.len());
        return Some(GraphProblem::new(id, Some(name), CODE, message).suggest(near.map(str::to_owned)));
    };
    // A class that is not known is reported at its node.
    let class = inspection.class(number)?;
    (link.output >= class.outputs.len()).then(|| no_such_output(id, name, link, class))
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
    GraphProblem::new(id, Some(name), CODE, message).hint(hint)
}
