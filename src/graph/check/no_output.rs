//! `no-output`: a graph in which nothing is saved or shown.

use super::{GraphProblem, inspection::Inspection};

pub(super) const CODE: &str = "no-output";

pub(super) fn look(inspection: &Inspection<'_>, problems: &mut Vec<GraphProblem>) {
    // A node of a class that is not known may save something.
    let ends = |number| inspection.class(number).is_none_or(|info| info.output_node);
    if !inspection.is_whole || (0..inspection.graph.nodes.len()).any(ends) {
        return;
    }
    let problem = GraphProblem::new("", None, CODE, "no node of the graph saves or shows anything");
    problems.push(problem.hint("add an output node, such as SaveImage".to_owned()));
}
