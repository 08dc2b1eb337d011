//! The fix that moves a key to where it belongs.

use super::{Source, parse, shape_of};
use crate::{
    diagnostic::{Fix, TextEdit},
    files::{Comments, Entry, Format, Node, NodeKind, Path, Step, Table, edit},
    model::document::Kind,
};

/// Moves the value at `from` to `to`, whose table is made when it is not there yet. None where
/// the text cannot be edited in place.
pub(super) fn move_key(source: &Source<'_>, from: &Path, to: &Path, title: String) -> Option<Fix> {
    let text = edit::Source { text: source.text, format: source.format, shape: shape_of(Kind::Chain) };
    let value = &as_written_at(to, source.tree.get(from)?);
    let (Step::Key(key), table) = to.0.split_last()? else { return None };
    let table = Path(table.to_vec());
    let inserted = if source.tree.get(&table).is_some() {
        edit::insert(&text, &table, key, value).ok()?
    } else {
        let (Step::Key(table_key), parent) = table.0.split_last()? else { return None };
        edit::insert(&text, &Path(parent.to_vec()), table_key, &table_of(key, value)).ok()?
    };
    let removed = edit::remove(&text, from).ok()?;
    // Each edit is right by itself; both together are tried here, with the comments if possible.
    let is_right = |edits: &Vec<TextEdit>| {
        let edited = edit::apply(source.text, edits).ok();
        let tree = edited.and_then(|edited| parse(&edited, source.file, source.format).0);
        let moved = tree.as_ref().filter(|tree| tree.get(from).is_none()).and_then(|tree| tree.get(to));
        moved.is_some_and(|moved| moved.to_json() == value.to_json())
    };
    let together = |mut edits: Vec<TextEdit>| {
        edits.extend(removed.iter().cloned());
        edits.sort_by_key(|edit| edit.span);
        edits
    };
    let commented = together(with_comments(source, from, &inserted));
    let edits = if is_right(&commented) { commented } else { Some(together(inserted)).filter(is_right)? };
    Some(Fix { title, edits })
}

/// The insertion with the comments beside the value at `from` above it.
fn with_comments(source: &Source<'_>, from: &Path, inserted: &[TextEdit]) -> Vec<TextEdit> {
    let mut edits = inserted.to_vec();
    let Some((Step::Key(key), parent)) = from.0.split_last() else { return edits };
    let parent = source.tree.get(&Path(parent.to_vec())).and_then(Node::as_table);
    let Some(comments) = parent.and_then(|table| table.entries.get(key.as_str())).map(|entry| &entry.comments) else {
        return edits;
    };
    let marker = if source.format == Format::Toml { "#" } else { "//" };
    let lines = comments.above.iter().chain(&comments.trailing).filter(|line| !line.is_empty());
    if let Some(first) = edits.first_mut() {
        let start = first.text.len() - first.text.trim_start().len();
        let indent = first.text[..start].rsplit(['\n', '\r']).next().unwrap_or_default().to_owned();
        let block: Vec<String> = lines.map(|line| format!("{marker} {}\n{indent}", line.trim_start())).collect();
        first.text.insert_str(start, &block.concat());
    }
    edits
}

/// `node` as the schema has it at `to`: one argument of a KDL node is a list below `foreach`, and
/// a scalar where the task has one.
fn as_written_at(to: &Path, node: &Node) -> Node {
    let shape = to.0.iter().try_fold(shape_of(Kind::Chain), |shape, step| match step {
        Step::Key(key) => shape.at_key(key),
        Step::Index(_) => Some(shape.element()),
    });
    match &node.kind {
        NodeKind::List(list) if list.len() == 1 && shape.is_some_and(|shape| !shape.takes_list()) => {
            list[0].node.clone()
        }
        _ => node.clone(),
    }
}

/// A table with one key.
pub(super) fn table_of(key: &str, node: &Node) -> Node {
    let entry = Entry { key_span: node.span, node: node.clone(), comments: Comments::default() };
    let table = Table { entries: [(key.into(), entry)].into_iter().collect(), dangling: Vec::new() };
    Node { span: node.span, kind: table.into() }
}
