//! The nodes of a preset: parameters put in, links resolved, everything judged by the signatures
//! of the classes.

use super::{
    judge::Visit,
    node_graph::{NodeGraph, Unlinked},
    stand_ins::StandIns,
};
use crate::{
    compile::{Templates, Told, may_use_templates},
    diagnostic::Diagnostic,
    model::{Body, Preset},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Preset(preset) = &visit.subject.document.body else { return };
    if preset.graph.is_some() {
        if let Some((id, _)) = preset.node.first() {
            let message = "a preset has nodes of its own or a workflow file, not both";
            visit.report.error_at_key("two-graphs", &path!["node", id], message);
        }
        return;
    }
    if preset.node.is_empty() {
        visit.report.error_at_key("no-graph", &path!["node"], "the preset has no nodes").hint =
            Some("write [node.ID.Class] with the inputs below it, or name a file: [graph] workflow = \"…\"".to_owned());
        return;
    }
    let values = StandIns::new(&preset.params).with_templates(templates(visit, preset));
    let mut nodes = NodeGraph::new(
        visit,
        (&preset.node, &preset.outputs),
        path!["node"],
        &preset.params,
        &values,
        Unlinked::IsWrong,
    );
    nodes.check();
    let Some(used) = nodes.used() else { return };
    for name in preset.params.keys().filter(|name| !used.contains(*name)) {
        let span = visit.subject.tree.key_span_of(&path!["params", name]);
        let message = format!("no node takes the parameter `{name}`");
        let warning = Diagnostic::warning("unused-parameter", visit.subject.file, span, message);
        visit.report.push(warning.with_hint(format!("insert it into an input: \"{{{name}}}\"")));
    }
}

/// The templates that the nodes use.
fn templates(visit: &mut Visit<'_>, preset: &Preset) -> Templates {
    let mut templates = Templates::default();
    for (id, node) in &preset.node {
        for (name, value) in node.inputs.iter().filter(|(_, value)| may_use_templates(value)) {
            let place = path!["node", id, &node.class, name];
            templates.find(value, Told::Within(&place), visit.context, &mut visit.report);
        }
    }
    templates
}
