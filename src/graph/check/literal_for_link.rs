//! `literal-for-link`: a value where only another node's output will do. Servers accept it, and the
//! node breaks off on it.

use serde_json::Value;

use super::{GraphProblem, inspection::Inspection, sites::Site, values::ValueFault};
use crate::{
    diagnostic::Severity,
    graph::{
        class::{InputInfo, Types},
        coerce::{CoerceError, describe},
    },
};

pub(super) const CODE: &str = "literal-for-link";

pub(super) fn look(inspection: &Inspection<'_>, site: &Site<'_>, fault: &ValueFault) -> Option<GraphProblem> {
    let (id, name) = (site.at.id, Some(site.name.as_ref()));
    match fault {
        ValueFault::Wrong(CoerceError::OnlyLinks { types, given }) => {
            let place = site.place();
            let message = format!("{place} takes the output of a node, of type {types}, not {}", describe(given));
            let (hint, suggestion) = mend(types, given, inspection);
            let severity = if is_unread(site, types) { Severity::Warning } else { Severity::Error };
            Some(GraphProblem { severity, suggestion, ..GraphProblem::new(id, name, CODE, message).hint(hint) })
        }
        ValueFault::Unchecked(CoerceError::OnlyLinks { given, types }) => {
            let problem = GraphProblem::warning(id, name, CODE, format!("{} is {}", site.place(), describe(given)));
            let instead = if given.is_null() { "leave it out instead".to_owned() } else { nothing(types) };
            Some(problem.hint(instead))
        }
        _ => None,
    }
}

/// Whether the node may not look at what it gets: a VAE is there to encode pictures, and a node that gets
/// none of those that it can do without has nothing to encode.
fn is_unread(site: &Site<'_>, types: &Types) -> bool {
    let is_picture = |info: &&InputInfo| info.kind.link_types().contains("IMAGE");
    let mut pictures = site.at.class.inputs.iter().filter(is_picture).peekable();
    let has_none = |info: &InputInfo| !info.required && !site.at.node.inputs.contains_key(&info.name);
    types.contains("VAE") && pictures.peek().is_some() && pictures.all(has_none)
}

/// What to do about an empty text.
fn nothing(types: &Types) -> String {
    format!("samplers take it for no {types} at all: link it to the output of a node")
}

/// What to do, and the link that was meant.
fn mend(types: &Types, given: &Value, inspection: &Inspection<'_>) -> (String, Option<String>) {
    match given.as_str().filter(|text| inspection.begins_with_node(text)) {
        Some(text) => (format!("a link begins with @: \"@{text}\""), Some(format!("@{text}"))),
        None => (format!("link it to an output of type {types}: \"@node.OUTPUT\""), None),
    }
}
