//! Variables of a chain that nothing inserts.

use std::collections::BTreeSet;

use super::judge::Visit;
use crate::{
    compile::Template,
    diagnostic::Diagnostic,
    files::{Node, NodeKind},
    graph::unescape_literal,
    model::Body,
    path,
};

const CODE: &str = "unused-parameter";

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Chain(chain) = &visit.subject.document.body else { return };
    let Some(tasks) = visit.subject.tree.get(&path!["task"]).filter(|_| !chain.vars.is_empty()) else { return };
    let mut used = BTreeSet::new();
    if !collect(tasks, &mut used) {
        return;
    }
    for name in chain.vars.keys().filter(|name| !used.contains(*name)) {
        let span = visit.subject.tree.key_span_of(&path!["vars", name]);
        let warning =
            Diagnostic::warning(CODE, visit.subject.file, span, format!("nothing inserts the variable `{name}`"));
        visit.report.push(warning.with_hint(format!("insert it into a setting of a task: \"{{{name}}}\"")));
    }
}

/// Collects the names that texts within `node` insert; false when a text cannot be read.
fn collect(node: &Node, used: &mut BTreeSet<String>) -> bool {
    match &node.kind {
        NodeKind::String(text) if !text.contains('{') => true,
        NodeKind::String(text) => match Template::parse(unescape_literal(text)) {
            Ok(template) => {
                used.extend(template.paths().iter().filter_map(|(names, _)| names.first().cloned()));
                true
            }
            Err(_) => false,
        },
        NodeKind::List(list) => list.iter().all(|element| collect(&element.node, used)),
        NodeKind::Table(table) => table.entries.values().all(|entry| collect(&entry.node, used)),
        NodeKind::Int(_) | NodeKind::Float(_) | NodeKind::Bool(_) => true,
    }
}
