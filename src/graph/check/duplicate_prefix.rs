//! `duplicate-prefix`: two nodes that save under the same names, so that nobody can tell whose file
//! is whose.

use super::{GraphProblem, inspection::Inspection};
use crate::{graph::ir::Input, ident::IndexMap};

pub(super) const CODE: &str = "duplicate-prefix";

/// The input that begins the names of files.
const PREFIX: &str = "filename_prefix";

pub(super) fn look(inspection: &Inspection<'_>, problems: &mut Vec<GraphProblem>) {
    let mut first: IndexMap<(&str, &str), &str> = IndexMap::default();
    for at in inspection.output_nodes() {
        let Some(Input::Value(value)) = at.node.inputs.get(PREFIX) else { continue };
        let Some(prefix) = value.as_str() else { continue };
        let known = *first.entry((&at.class.name, prefix)).or_insert(at.id);
        if known == at.id {
            continue;
        }
        let message = format!("nodes \"{known}\" and \"{}\" both save as \"{prefix}\"", at.id);
        let problem = GraphProblem::warning(at.id, Some(PREFIX), CODE, message);
        problems.push(problem.hint("give each a prefix of its own".to_owned()));
    }
}
