//! `deprecated-node`: a node of a class that its authors advise against.

use super::{
    GraphProblem,
    inspection::{ClassedNode, Inspection},
};

pub(super) const CODE: &str = "deprecated-node";

pub(super) fn look(_: &Inspection<'_>, at: ClassedNode<'_>) -> Option<GraphProblem> {
    at.class.deprecated.then(|| {
        let problem = GraphProblem::warning(at.id, None, CODE, format!("{} is deprecated", at.class.name));
        problem.hint("it may be gone in a later version; look for its successor in the editor's menu".to_owned())
    })
}
