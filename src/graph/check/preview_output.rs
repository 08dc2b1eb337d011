//! `preview-output`: a graph that shows its results and keeps none. What previews write is gone when
//! the server starts again.

use super::{GraphProblem, inspection::Inspection};

pub(super) const CODE: &str = "preview-output";

/// Whether nodes of this class show something without keeping it.
pub fn is_preview(class: &str) -> bool {
    class.starts_with("Preview") || class.ends_with("Preview")
}

pub(super) fn look(inspection: &Inspection<'_>, problems: &mut Vec<GraphProblem>) {
    let outputs: Vec<_> = inspection.output_nodes().collect();
    if !inspection.is_whole || outputs.iter().any(|n| !is_preview(&n.class.name)) {
        return;
    }
    let knows_all = inspection.graph.nodes.values().all(|node| inspection.nodes.contains(&node.class));
    for at in outputs.into_iter().filter(|_| knows_all) {
        let message = format!("{} shows its input and keeps nothing, and no other node saves anything", at.class.name);
        let problem = GraphProblem::warning(at.id, None, CODE, message);
        problems.push(problem.hint("save what is wanted, with SaveImage for example".to_owned()));
    }
}
