//! `missing-input`: a node does not give an input that its class requires. Servers fill in no
//! defaults; the editor does.

use serde_json::Value;

use super::{GraphProblem, inspection::Inspection, not_in_list::list_hint, sites::Site};
use crate::graph::class::InputKind;

pub(super) const CODE: &str = "missing-input";

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    if site.input.is_some() || !site.required {
        return None;
    }
    let info = site.info;
    let hint = match (&info.default, &info.kind) {
        (Some(default), _) => Some(format!("the editor would set it to {default}")),
        (None, InputKind::Link { types, .. } | InputKind::MatchType { allowed: types, .. }) => {
            Some(format!("link it to an output of type {types}"))
        }
        (None, InputKind::Combo { options, .. }) => list_hint(options),
        (None, InputKind::DynamicCombo { options }) => {
            list_hint(&options.iter().map(|o| Value::from(o.key.as_str())).collect::<Vec<_>>())
        }
        (None, _) => None,
    };
    let suggestion = info.default.as_ref().map(Value::to_string);
    let problem = GraphProblem::new(site.at.id, Some(&site.name), CODE, format!("{} is missing", site.place()));
    Some(problem.hint(hint).suggest(suggestion))
}
