//! `wrong-input-type`: a literal of another type than the input takes.

use serde_json::Value;

use super::{GraphProblem, inspection::Inspection, sites::Site, values::ValueFault};
use crate::graph::{
    class::InputKind,
    coerce::{CoerceError, describe},
    ir::Input,
};

pub(super) const CODE: &str = "wrong-input-type";

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    let (id, name) = (site.at.id, Some(site.name.as_ref()));
    if matches!(site.input, Some(Input::Files(_))) && !site.info.takes_files {
        let problem = GraphProblem::new(id, name, CODE, format!("{} takes no files", site.place()));
        return Some(problem.hint("load them with a LoadImage node and link its output".to_owned()));
    }
    let (error, made) = match site.fault.as_deref()? {
        ValueFault::Wrong(error) | ValueFault::Unchecked(error) => (error, None),
        ValueFault::Odd(error, made) => (error, Some(made)),
    };
    let CoerceError::WrongType { expected, given, suggestion } = error else { return None };
    let place = site.place();
    if let (Value::Object(table), InputKind::DynamicCombo { .. }) = (given, &site.info.kind) {
        let below = table.keys().next().map_or("…", String::as_str);
        let hint =
            format!("write what belongs to a choice under its full name, in quotes: \"{}.{below}\" = …", site.name);
        let problem = GraphProblem::new(id, name, CODE, format!("{place} takes one of its choices, not a table"));
        return Some(problem.hint(hint));
    }
    let message = format!("{place} takes {expected}, not {}", describe(given));
    let hint = suggestion.as_ref().map(|s| format!("did you mean {s}?"));
    let problem = match (made, site.fault.as_deref()) {
        (Some(made), _) => GraphProblem::warning(id, name, CODE, format!("{message}; a server makes {made} of it")),
        (None, Some(ValueFault::Unchecked(_))) => GraphProblem::warning(id, name, CODE, message),
        (None, _) => GraphProblem::new(id, name, CODE, message),
    };
    Some(problem.hint(hint).suggest(suggestion.clone()))
}
