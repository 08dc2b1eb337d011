//! The fix that moves a key to where it belongs.

use super::{Source, parse, shape_of};
use crate::{
    diagnostic::Fix,
    files::{Comments, Entry, Node, NodeKind, Path, Step, Table, edit},
    model::document::Kind,
};

/// Moves the value at `from` to `to`, whose table is made when it is not there yet. None where
/// the text cannot be edited in place.
pub(super) fn move_key(source: &Source<'_>, from: &Path, to: &Path, title: String) -> Option<Fix> {
    let text = edit::Source { text: source.text, format: source.format, shape: shape_of(Kind::Chain) };
    let value = source.tree.get(from)?;
    let (Step::Key(key), table) = to.0.split_last()? else { return None };
    let table = Path(table.to_vec());
    let mut edits = if source.tree.get(&table).is_some() {
        edit::insert(&text, &table, key, value).ok()?
    } else {
        let (Step::Key(table_key), parent) = table.0.split_last()? else { return None };
        edit::insert(&text, &Path(parent.to_vec()), table_key, &table_of(key, value)).ok()?
    };
    edits.extend(edit::remove(&text, from).ok()?);
    edits.sort_by_key(|edit| edit.span);
    // Each edit is right by itself; both together are tried here.
    let edited = edit::apply(source.text, &edits).ok()?;
    let (moved, _) = parse(&edited, source.file, source.format);
    let moved = moved.filter(|tree| tree.get(from).is_none())?;
    (moved.get(to)?.to_json() == value.to_json()).then_some(Fix { title, edits })
}

/// A table with one key.
pub(super) fn table_of(key: &str, node: &Node) -> Node {
    let entry = Entry { key_span: node.span, node: node.clone(), comments: Comments::default() };
    let table = Table { entries: [(key.to_owned(), entry)].into_iter().collect(), dangling: Vec::new() };
    Node { span: node.span, kind: NodeKind::Table(table) }
}
