//! `missing-image`: a file that is not in the server's input folder. Anybody can upload one, so a
//! list that was kept says little; what the server says now counts.

use serde_json::Value;

use super::{GraphProblem, files::near_files, inspection::Inspection, sites::Site};
use crate::{
    diagnostic::Severity,
    graph::{
        class::{ComboSource, InputKind},
        ir::Input,
    },
};

pub(super) const CODE: &str = "missing-image";

pub(super) fn look(inspection: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    let Some(Input::Value(Value::String(given))) = site.input else { return None };
    let InputKind::Combo { options, source: ComboSource::Upload, .. } = &site.info.kind else { return None };
    let is_live = inspection.nodes.is_live();
    // Lists name what lies in the input folder itself.
    let name = given.strip_suffix(" [input]").unwrap_or(given);
    let is_elsewhere = name.contains(['/', '\\']) || name.ends_with(" [output]") || name.ends_with(" [temp]");
    let listed: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
    if is_elsewhere || listed.contains(&name) || (listed.is_empty() && !is_live) {
        return None;
    }
    let near = near_files(name, &listed).first().map(|near| format!("; the nearest that is there is \"{near}\""));
    let message = format!("{}: \"{given}\" is not in the server's input folder", site.place());
    let hint = format!("upload it, or make it a parameter of type image{}", near.unwrap_or_default());
    let problem = GraphProblem::new(site.at.id, Some(&site.name), CODE, message).hint(hint);
    let severity = if is_live { Severity::Error } else { Severity::Warning };
    Some(GraphProblem { severity, of_files: true, ..problem })
}
