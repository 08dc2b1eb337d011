//! Where a choice must be made exactly once: the source of a layer, of a mask, of what is loaded.

use super::{Source, values::matches};
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{Path, Table},
    model::chain::TaskType,
};

/// The sources of a layer.
const LAYER_SOURCES: &[&str] = &["semantic", "salient", "points", "box", "file", "color", "shape"];

/// The sources of a `mask` task.
const MASK_SOURCES: &[&str] = &["mask", "layer", "semantic", "salient", "points", "box", "file", "color", "shape"];

/// The sources of a `load` task.
const LOAD_SOURCES: &[&str] = &["path", "files"];

/// Checks that every layer that `way` leads to has one source.
pub(super) fn check_layers(source: &Source<'_>, way: &[&str], diagnostics: &mut Vec<Diagnostic>) {
    for node in matches(source.tree, way) {
        if let Some(table) = node.as_table() {
            diagnostics.extend(check_one(source, "a layer", LAYER_SOURCES, &[table], node.span));
        }
    }
}

/// Checks that the task at `path` has one source, if tasks of type `kind` have one.
pub(super) fn check_task_sources(source: &Source<'_>, path: &Path, task: &Table, kind: TaskType) -> Option<Diagnostic> {
    let (what, sources) = match kind {
        TaskType::Mask => ("a `mask` task", MASK_SOURCES),
        TaskType::Load => ("a `load` task", LOAD_SOURCES),
        TaskType::Export => ("an `export` task", &["path"][..]),
        _ => return None,
    };
    let with = task.entries.get("with").and_then(|entry| entry.node.as_table());
    let places: Vec<&Table> = std::iter::once(task).chain(with).collect();
    check_one(source, what, sources, &places, source.tree.key_span_of(path))
}

fn check_one(source: &Source<'_>, what: &str, sources: &[&str], places: &[&Table], span: Span) -> Option<Diagnostic> {
    let mut found: Vec<(&str, Span)> = Vec::new();
    for (key, entry) in places.iter().flat_map(|table| &table.entries) {
        let known = sources.iter().find(|s| *s == key).filter(|s| found.iter().all(|(name, _)| name != *s));
        found.extend(known.map(|s| (*s, entry.key_span)));
    }
    match found[..] {
        [_] => None,
        [] if sources.len() == 1 => {
            Some(source.error("missing-source", span, format!("{what} needs `{}`", sources[0])))
        }
        [] => Some(
            source
                .error("missing-source", span, format!("{what} needs a source"))
                .with_hint(format!("one of {}", sources.join(", "))),
        ),
        [(first, _), (second, second_span), ..] => Some(
            source
                .error("two-sources", second_span, format!("{what} has one source, and `{first}` is one already"))
                .with_hint(format!("leave out `{first}` or `{second}`")),
        ),
    }
}
