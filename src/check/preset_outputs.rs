//! The outputs of a preset.

use super::{edits, judge::Visit, node_graph::written};
use crate::{
    compile::can_be_saved,
    files::Path,
    graph::{ClassInfo, OutputError, is_preview, output_index, parse_link},
    ident::did_you_mean,
    model::{Body, Preset},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Preset(preset) = &visit.subject.document.body else { return };
    if preset.graph.is_some() {
        return;
    }
    if preset.outputs.is_empty() {
        visit.report.error_at_key("no-output", &path!["outputs"], "the preset has no outputs").hint =
            Some("declare one: [outputs] image = \"@node.IMAGE\"".to_owned());
    }
    let nodes = preset.node.iter().map(|(id, node)| (id.as_str(), node.class.as_str())).collect::<Vec<_>>();
    for (name, text) in &preset.outputs {
        let path = path!["outputs", name];
        check_output(visit, text, &nodes, &path);
        check_preview(visit, preset, text, &path);
    }
}

/// An output that is only shown: what the node shows can be kept instead.
fn check_preview(visit: &mut Visit<'_>, preset: &Preset, text: &str, path: &Path) {
    let Some(node) = parse_link(text).and_then(|link| preset.node.get(link.node)) else { return };
    let is_shown = visit.context.nodes.class(&node.class).is_some_and(|class| class.output_node);
    if !is_shown || !is_preview(&node.class) {
        return;
    }
    let shown = node.inputs.values().filter_map(|value| value.as_str()).find(|text| parse_link(text).is_some());
    let tree = visit.subject.tree;
    let message = format!("{} shows its input and keeps nothing", node.class);
    let diagnostic = visit.report.warning("preview-output", path, message);
    if let Some(shown) = shown {
        diagnostic.hint = Some(format!("keep what it shows: \"{shown}\""));
        edits::replace_text(diagnostic, tree, path, shown);
    }
}

/// Checks the output that `text`, which stands at `path`, names; `nodes` are ids and classes.
pub(super) fn check_output(visit: &mut Visit<'_>, text: &str, nodes: &[(&str, &str)], path: &Path) {
    let tree = visit.subject.tree;
    let Some(link) = parse_link(text) else {
        let diagnostic = visit.report.error("bad-link", path, "an output reads \"@node.OUTPUT\"");
        if nodes.iter().any(|(id, _)| text.split('.').next() == Some(id)) {
            edits::replace_text(diagnostic, tree, path, &format!("@{text}"));
        }
        return;
    };
    let Some((_, class)) = nodes.iter().find(|(id, _)| *id == link.node) else {
        let near = did_you_mean(link.node, nodes.iter().map(|(id, _)| *id));
        let diagnostic = visit.report.error("bad-link", path, format!("there is no node `{}`", link.node));
        diagnostic.hint = near.map(|near| format!("did you mean `{near}`?"));
        if let Some(near) = near {
            edits::replace_text(diagnostic, tree, path, &written(near, link.output));
        }
        return;
    };
    // A class that is not known is reported at its node.
    let Some(info) = visit.context.nodes.class(class) else { return };
    if info.output_node && (link.output.is_none() || info.outputs.is_empty()) {
        return;
    }
    match output_index(info, link.output.unwrap_or("0")) {
        Ok(index) => check_saver(visit, info, index, path),
        Err(error) => {
            let diagnostic = visit.report.error("bad-link", path, error.to_string());
            diagnostic.hint = error.hint();
            if let OutputError::Unknown { suggestion: Some(near), .. } = &error {
                edits::replace_text(diagnostic, tree, path, &written(link.node, Some(near)));
            }
        }
    }
}

fn check_saver(visit: &mut Visit<'_>, class: &ClassInfo, index: usize, path: &Path) {
    let types = &class.outputs[index].types;
    if !can_be_saved(types) {
        visit.report.error("no-saver", path, format!("nothing saves an output of type {types}")).hint =
            Some("declare an output of type IMAGE, MASK, AUDIO or VIDEO".to_owned());
    }
}
