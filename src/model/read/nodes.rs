//! Nodes of inline graphs: exactly one class each.

use super::{Source, values::matches};
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{Entry, Node, NodeKind},
    ident::did_you_mean,
};

const METADATA: [&str; 3] = ["title", "bypass", "pos"];

/// Checks the nodes of presets and of `graph` tasks.
pub(super) fn check(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for way in [&["node"][..], &["task", "*", "node"]] {
        for (id, node) in
            matches(source.tree, way).into_iter().filter_map(Node::as_table).flat_map(|nodes| &nodes.entries)
        {
            check_node(source, id, node, diagnostics);
        }
    }
}

fn check_node(source: &Source<'_>, id: &str, node: &Entry, diagnostics: &mut Vec<Diagnostic>) {
    let Some(table) = node.node.as_table() else { return };
    let others = || table.entries.iter().filter(|(key, _)| !METADATA.contains(&key.as_str()));
    for (key, entry) in others().filter(|(_, entry)| entry.node.as_table().is_none()) {
        diagnostics.push(not_metadata(source, key, entry));
    }
    let classes: Vec<_> = others().filter(|(_, entry)| matches!(entry.node.kind, NodeKind::Table(_))).collect();
    match &classes[..] {
        [] if others().next().is_none() => {
            let hint = "write [node.ID.Class] with the inputs below it, or `node ID Class { … }` in KDL";
            let message = format!("node `{id}` has no class");
            diagnostics.push(source.error("missing-class", node.key_span, message).with_hint(hint));
        }
        [(first, _), rest @ ..] => {
            for (class, entry) in rest {
                let message = format!("node `{id}` is a `{first}` already and cannot be a `{class}` too");
                diagnostics.push(
                    source.error("two-classes", entry.key_span, message).with_hint("give one of them another id"),
                );
            }
        }
        [] => {}
    }
}

fn not_metadata(source: &Source<'_>, key: &str, entry: &Entry) -> Diagnostic {
    let message =
        format!("`{key}` is {}: beside its class a node has title, bypass and pos only", entry.node.describe());
    let span = Span::new(entry.key_span.start, entry.node.span.end.max(entry.key_span.end));
    let diagnostic = source.error("unknown-key", span, message);
    match did_you_mean(key, METADATA) {
        Some(meant) => diagnostic.with_hint(format!("did you mean `{meant}`?")).with_fix(
            format!("rename to `{meant}`"),
            entry.key_span,
            meant,
        ),
        None => diagnostic.with_hint("inputs stand below the class: [node.ID.Class]"),
    }
}
