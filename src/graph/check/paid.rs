//! `costs-money`: a node whose work a partner of ComfyUI does, for money.

use super::{
    GraphProblem,
    inspection::{ClassedNode, Inspection},
};

pub(super) const CODE: &str = "costs-money";

pub(super) fn look(_: &Inspection<'_>, at: ClassedNode<'_>) -> Option<GraphProblem> {
    at.class.api_node.then(|| {
        let message = format!("{} is done by a partner's service, which costs money each time", at.class.name);
        let problem = GraphProblem::warning(at.id, None, CODE, message);
        problem.hint("it runs only with --allow-spend, or up to [limits] partner_items".to_owned())
    })
}
