//! `not-in-list`: a value that is not among those of a list.

use serde_json::Value;

use super::{GraphProblem, inspection::Inspection, sites::Site, values::ValueFault};
use crate::{
    diagnostic::Severity,
    graph::coerce::{CoerceError, describe},
};

pub(super) const CODE: &str = "not-in-list";

/// Most values that a hint lists.
const LISTED: usize = 12;

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>, fault: &ValueFault) -> Option<GraphProblem> {
    let (error, severity) = match fault {
        ValueFault::Wrong(error) => (error, Severity::Error),
        ValueFault::Unchecked(error) | ValueFault::Odd(error, _) => (error, Severity::Warning),
    };
    let CoerceError::NotInList { given, options, of_files: false, suggestion } = error else { return None };
    let is_of_another_type = suggestion.as_ref().is_some_and(|near| !options.contains(&Value::from(near.as_str())));
    let hint = match (suggestion, list_hint(options)) {
        (Some(near), _) if is_of_another_type => Some(format!("write it as {near}")),
        (Some(near), Some(list)) => Some(format!("did you mean \"{near}\"? it takes {list}")),
        (_, list) => list.map(|list| format!("it takes {list}")),
    };
    let message = format!("{} does not take {}", site.place(), describe(given));
    let problem = GraphProblem::new(site.at.id, Some(&site.name), CODE, message).hint(hint);
    let suggestion = suggestion.clone().filter(|_| !is_of_another_type);
    Some(GraphProblem { severity, ..problem.suggest(suggestion) })
}

/// `one of "a", "b" and 7 more`; none for an empty list.
pub(super) fn list_hint(options: &[Value]) -> Option<String> {
    let shown: Vec<String> = options.iter().take(LISTED).map(Value::to_string).collect();
    let more = options.len().saturating_sub(LISTED);
    match (shown.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("one of {}", shown.join(", "))),
        (false, more) => Some(format!("one of {} and {more} more", shown.join(", "))),
    }
}
