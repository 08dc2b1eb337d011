//! `experimental-node`: a node of a class that may still change.

use super::{
    GraphProblem,
    inspection::{ClassedNode, Inspection},
};

pub(super) const CODE: &str = "experimental-node";

pub(super) fn look(_: &Inspection<'_>, at: ClassedNode<'_>) -> Option<GraphProblem> {
    at.class.experimental.then(|| {
        let problem = GraphProblem::warning(at.id, None, CODE, format!("{} is experimental", at.class.name));
        problem.hint("its inputs and results may change with the next version of ComfyUI".to_owned())
    })
}
