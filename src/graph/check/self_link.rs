//! `self-link`: a node that takes its own output.

use super::{GraphProblem, inspection::Inspection};
use crate::graph::ir::Link;

pub(super) const CODE: &str = "self-link";

pub(super) fn look(_: &Inspection<'_>, id: &str, name: &str, link: &Link) -> Option<GraphProblem> {
    (link.node == id).then(|| {
        let message = format!("input \"{name}\" is linked to an output of its own node");
        GraphProblem::new(id, Some(name), CODE, message).hint("link it to another node".to_owned())
    })
}
