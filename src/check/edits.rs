//! Fixes: edits of the document's text that mend what was found.

use serde_json::Value;

use super::judge::Subject;
use crate::{
    diagnostic::{Diagnostic, Fix, Span, TextEdit},
    files::{Format, Node, NodeKind, Path, edit},
    model::shape_of,
};

/// Lets `diagnostic` replace the key at the end of `path` by `name`.
pub(super) fn rename_key(diagnostic: &mut Diagnostic, tree: &Node, path: &Path, name: &str) {
    replace(diagnostic, tree.key_span_of(path), format!("rename to `{name}`"), key(name));
}

/// Lets `diagnostic` replace the text at `path` by `text`; nothing where no text stands there.
pub(super) fn replace_text(diagnostic: &mut Diagnostic, tree: &Node, path: &Path, text: &str) {
    let Some(node) = tree.get(path).filter(|n| matches!(n.kind, NodeKind::String(_))) else { return };
    replace(diagnostic, node.span, format!("replace it by \"{text}\""), quoted(text));
}

/// Lets `diagnostic` replace the bytes of `span`, in a JSON text, by `text` in quotes.
pub(super) fn replace_json(diagnostic: &mut Diagnostic, span: Span, text: &str) {
    replace(diagnostic, span, format!("replace it by \"{text}\""), Value::from(text).to_string());
}

/// Lets `diagnostic` set the value at `path`, which is added where it is not there. Nothing where the
/// document cannot be edited in place.
pub(super) fn set_value(diagnostic: &mut Diagnostic, subject: Subject<'_>, path: &Path, value: &Value) {
    let (Some(format), Some(node)) = (Format::of_path(subject.file), Node::from_json(value)) else { return };
    let source = edit::Source { text: subject.text, format, shape: shape_of(subject.document.header.kind) };
    if let Ok(edits) = edit::set(&source, path, &node) {
        diagnostic.fix = Some(Fix { title: format!("set it to {value}"), edits });
    }
}

fn replace(diagnostic: &mut Diagnostic, span: Span, title: String, text: String) {
    diagnostic.fix = Some(Fix { title, edits: vec![TextEdit { span, text }] });
}

/// A key as both formats write it.
fn key(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_bare = starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A text in quotes as both formats write it; names and values of classes have no control
/// characters, the only ones that the formats escape differently.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
