//! The keys that come first in every document: `kind`, `format`, `name`, `version`.

use semver::Version;

use super::Source;
use crate::{
    diagnostic::Diagnostic,
    files::{Entry, Node, NodeKind},
    ident::{did_you_mean, is_document_name, slug},
    model::document::Kind,
};

/// Checks the header; gives the kind when there is one.
pub(super) fn check(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Kind> {
    let entry = |key: &str| source.tree.as_table().and_then(|table| table.entries.get(key));
    diagnostics.extend(entry("format").and_then(|entry| check_format(source, entry)));
    diagnostics.extend(entry("name").and_then(|entry| check_name(source, entry)));
    diagnostics.extend(entry("version").and_then(|entry| check_version(source, &entry.node)));
    let kind = kind_of(source.tree);
    if kind.is_none() {
        diagnostics.push(entry("kind").map_or_else(|| missing_kind(source), |entry| wrong_kind(source, entry)));
    }
    kind
}

/// The kind that a tree names.
fn kind_of(tree: &Node) -> Option<Kind> {
    let name = tree.as_table()?.entries.get("kind")?.node.as_str()?;
    Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
}

fn missing_kind(source: &Source<'_>) -> Diagnostic {
    let hint = format!("begin with `{}`, or template, ab_test, chain, mask", source.write_pair("kind", "preset"));
    Diagnostic::error("missing-kind", source.file, None, "the document does not say its `kind`").with_hint(hint)
}

fn wrong_kind(source: &Source<'_>, entry: &Entry) -> Diagnostic {
    let kinds = || Kind::ALL.into_iter().map(Kind::as_str);
    let span = entry.node.span;
    let Some(given) = entry.node.as_str() else {
        let message = format!("`kind` is {}, not a kind of document", entry.node.describe());
        return source.error("wrong-kind", span, message).with_hint("one of preset, template, ab_test, chain, mask");
    };
    let diagnostic = source.error("wrong-kind", span, format!("`{given}` is not a kind of document"));
    match did_you_mean(&given.replace('-', "_"), kinds()) {
        Some(kind) => diagnostic.with_hint(format!("did you mean `{kind}`?")).with_fix(
            format!("replace it by \"{kind}\""),
            span,
            format!("\"{kind}\""),
        ),
        None => diagnostic.with_hint("one of preset, template, ab_test, chain, mask"),
    }
}

fn check_format(source: &Source<'_>, entry: &Entry) -> Option<Diagnostic> {
    let NodeKind::Int(format) = entry.node.kind else { return None };
    let error = |message: String| source.error("unsupported-format", entry.node.span, message);
    match format {
        1 => None,
        2.. => Some(
            error(format!("format {format} is newer than this comfywright, which reads format 1"))
                .with_hint("use a newer comfywright"),
        ),
        _ => Some(error(format!("there is no format {format}")).with_fix("replace it by 1", entry.node.span, "1")),
    }
}

fn check_name(source: &Source<'_>, entry: &Entry) -> Option<Diagnostic> {
    let name = entry.node.as_str().filter(|name| !is_document_name(name))?;
    let message = format!("`{name}` is not the name of a document: lower case letters, digits and inner hyphens");
    let diagnostic = source.error("invalid-name", entry.node.span, message);
    let better = slug(&name.replace('_', "-"));
    if !is_document_name(&better) || !name.contains(|c: char| c.is_ascii_alphanumeric()) {
        return Some(diagnostic);
    }
    let hint = format!("`{better}` would be one");
    Some(diagnostic.with_hint(hint).with_fix(
        format!("replace it by \"{better}\""),
        entry.node.span,
        format!("\"{better}\""),
    ))
}

/// The finding that `node` is not a semantic version; none when it is one, or no text at all.
pub(super) fn check_version(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let Some(text) = node.as_str() else {
        let (NodeKind::Float(_) | NodeKind::Int(_)) = node.kind else { return None };
        let written = &source.text[node.span.range()];
        let diagnostic =
            source.error("invalid-version", node.span, format!("the version {written} is a number, not a text"));
        return Some(suggest_version(diagnostic, written, node));
    };
    let error = Version::parse(text).err()?;
    let diagnostic = source.error("invalid-version", node.span, format!("`{text}` is not a semantic version: {error}"));
    Some(suggest_version(diagnostic, text, node))
}

fn suggest_version(diagnostic: Diagnostic, text: &str, node: &Node) -> Diagnostic {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let padded = [plain.to_owned(), format!("{plain}.0"), format!("{plain}.0.0")];
    match padded.into_iter().find(|candidate| Version::parse(candidate).is_ok()) {
        Some(better) => diagnostic.with_hint(format!("write \"{better}\"")).with_fix(
            format!("replace it by \"{better}\""),
            node.span,
            format!("\"{better}\""),
        ),
        None => diagnostic.with_hint("three numbers, such as \"1.2.0\""),
    }
}
