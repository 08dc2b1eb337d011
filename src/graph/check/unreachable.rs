//! `unreachable-node`: a node that nothing needs which is saved or shown. Servers do not run it, nor
//! look at its inputs.

use super::{GraphProblem, inspection::Inspection};
use crate::graph::ir::GraphNode;

pub(super) const CODE: &str = "unreachable-node";

pub(super) fn look(inspection: &Inspection<'_>, number: usize, id: &str, _: &GraphNode) -> Option<GraphProblem> {
    if inspection.is_needed(number) {
        return None;
    }
    let message = format!("nothing that is saved or shown needs node \"{id}\"");
    Some(GraphProblem::warning(id, None, CODE, message).hint("remove it, or save what it makes".to_owned()))
}
