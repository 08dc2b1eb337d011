//! `literal-for-link`: a value where only another node's output will do. Servers accept it, and the
//! node breaks off on it.

use serde_json::Value;

use super::{GraphProblem, inspection::Inspection, sites::Site, values::ValueFault};
use crate::graph::{
    class::Types,
    coerce::{CoerceError, describe},
};

pub(super) const CODE: &str = "literal-for-link";

pub(super) fn look(inspection: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    let (id, name) = (site.at.id, Some(site.name.as_ref()));
    match site.fault.as_ref()? {
        ValueFault::Wrong(CoerceError::OnlyLinks { types, given }) => {
            let place = site.place();
            let message = format!("{place} takes the output of a node, of type {types}, not {}", describe(given));
            let (hint, suggestion) = mend(types, given, inspection);
            Some(GraphProblem { suggestion, ..GraphProblem::new(id, name, CODE, message).hint(hint) })
        }
        ValueFault::Unchecked(CoerceError::OnlyLinks { .. }) => {
            let problem = GraphProblem::warning(id, name, CODE, format!("{} is null", site.place()));
            Some(problem.hint("leave it out instead".to_owned()))
        }
        _ => None,
    }
}

/// What to do, and the link that was meant.
fn mend(types: &Types, given: &Value, inspection: &Inspection<'_>) -> (String, Option<String>) {
    match given.as_str().filter(|text| inspection.begins_with_node(text)) {
        Some(text) => (format!("a link begins with @: \"@{text}\""), Some(format!("@{text}"))),
        None => (format!("link it to an output of type {types}: \"@node.OUTPUT\""), None),
    }
}
