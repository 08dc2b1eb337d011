//! What things inside a document may be called.

use super::Source;
use crate::{
    diagnostic::Diagnostic,
    files::{Path, Table},
    ident::is_identifier,
    model::document::Kind,
    path,
};

/// Tables whose keys are names, by kind: the way to the table and what the names name.
const NAMED: &[(Kind, &[&str], &str)] = &[
    (Kind::Preset, &["params"], "a parameter"),
    (Kind::Preset, &["node"], "a node"),
    (Kind::Preset, &["outputs"], "an output"),
    (Kind::Template, &["params"], "a parameter"),
    (Kind::AbTest, &["variations"], "a variation"),
    (Kind::AbTest, &["blocks"], "a block"),
    (Kind::Chain, &["vars"], "a variable"),
    (Kind::Chain, &["task"], "a task"),
    (Kind::Chain, &["task", "*", "foreach"], "a foreach key"),
    (Kind::Chain, &["task", "*", "node"], "a node"),
    (Kind::Chain, &["task", "*", "outputs"], "an output"),
];

/// Checks every name of a document of `kind`.
pub(super) fn check(source: &Source<'_>, kind: Kind, diagnostics: &mut Vec<Diagnostic>) {
    for (_, way, what) in NAMED.iter().filter(|(named, ..)| *named == kind) {
        for node in super::values::matches(source.tree, way) {
            diagnostics.extend(node.as_table().into_iter().flat_map(|table| check_keys(source, table, what)));
        }
    }
    let layers: &[&str] = if kind == Kind::Mask { &["layer", "*"] } else { &["task", "*", "layer", "*"] };
    if matches!(kind, Kind::Mask | Kind::Chain) {
        check_layer_names(source, layers, diagnostics);
    }
}

fn check_keys(source: &Source<'_>, table: &Table, what: &str) -> Vec<Diagnostic> {
    let wrong = table.entries.iter().filter(|(name, _)| !is_identifier(name));
    wrong.map(|(name, entry)| invalid(source, name, entry.key_span, what)).collect()
}

/// Layers have names that are values, and no two of a mask the same.
fn check_layer_names(source: &Source<'_>, way: &[&str], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: Vec<(Path, String)> = Vec::new();
    for (layer_path, layer) in super::values::matches_with_paths(source.tree, way) {
        let Some(node) = layer.get(&path!["name"]) else { continue };
        let Some(name) = node.as_str() else { continue };
        if !is_identifier(name) {
            diagnostics.push(invalid(source, name, node.span, "a layer"));
        }
        let owner = Path(layer_path.0[..layer_path.0.len() - 1].to_vec());
        if seen.contains(&(owner.clone(), name.to_owned())) {
            diagnostics.push(source.error(
                "duplicate-name",
                node.span,
                format!("there is another layer `{name}` above"),
            ));
        }
        seen.push((owner, name.to_owned()));
    }
}

fn invalid(source: &Source<'_>, name: &str, span: crate::diagnostic::Span, what: &str) -> Diagnostic {
    let message = format!("`{name}` cannot be the name of {what}: letters, digits and `_`, not beginning with a digit");
    let diagnostic = source.error("invalid-identifier", span, message);
    match identifier_like(name) {
        Some(better) => diagnostic.with_hint(format!("`{better}` would be one")),
        None => diagnostic,
    }
}

/// An identifier that reads like `name`.
fn identifier_like(name: &str) -> Option<String> {
    let mut better: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if better.starts_with(|c: char| c.is_ascii_digit()) {
        better.insert(0, '_');
    }
    (is_identifier(&better) && better.contains(|c: char| c.is_ascii_alphanumeric())).then_some(better)
}
