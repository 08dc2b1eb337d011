//! `out-of-range`: a number that is smaller or larger than the input takes.

use super::{GraphProblem, inspection::Inspection, sites::Site, values::ValueFault};
use crate::graph::coerce::CoerceError;

pub(super) const CODE: &str = "out-of-range";

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>, fault: &ValueFault) -> Option<GraphProblem> {
    let ValueFault::Wrong(CoerceError::OutOfRange { given, below, bound }) = fault else { return None };
    let (word, limit) = if *below { ("least", "smallest") } else { ("most", "largest") };
    let message = format!("{} is {given}, but may be at {word} {bound}", site.place());
    let problem = GraphProblem::new(site.at.id, Some(&site.name), CODE, message);
    Some(problem.hint(format!("{bound} is the {limit} value")).suggest(Some(bound.clone())))
}
