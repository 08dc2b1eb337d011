//! The fix that moves a key out of `foreach` to its task, as edits of whole lines.

use super::Source;
use crate::{
    diagnostic::{Fix, Span, TextEdit},
    files::{Entry, Format, Node, NodeKind, Table},
};

/// Moves `entry`, which stands below `foreach`, to the task `table` at `node`; none where the
/// text is laid out so that lines cannot be moved.
pub(super) fn move_to_task(source: &Source<'_>, node: &Node, table: &Table, entry: &Entry) -> Option<Fix> {
    let foreach = table.entries.get("foreach")?;
    let pair = Span::new(entry.key_span.start, entry.node.span.end);
    if pair.start >= pair.end || matches!(entry.node.kind, NodeKind::Table(_)) {
        return None;
    }
    let written = source.text.get(pair.range())?;
    let (insert_at, text) = match source.format {
        Format::Toml => place_in_toml(source, node, table, &foreach.node, written)?,
        Format::Kdl => place_in_kdl(source, foreach, entry, written)?,
    };
    let insert = TextEdit { span: Span::new(insert_at, insert_at), text };
    let remove = TextEdit { span: removal(source.text, pair), text: String::new() };
    let mut edits = vec![insert, remove];
    edits.sort_by_key(|edit| edit.span);
    Some(Fix { title: "move it to the task".to_owned(), edits })
}

/// After the last plain line below the header `[task.x]`.
fn place_in_toml(
    source: &Source<'_>,
    task: &Node,
    table: &Table,
    foreach: &Node,
    written: &str,
) -> Option<(usize, String)> {
    let has_header = |node: &Node| source.text[node.span.start..].starts_with('[');
    if !has_header(task) || !has_header(foreach) || written.contains('\n') {
        return None;
    }
    let is_plain = |node: &Node| !matches!(node.kind, NodeKind::Table(_) | NodeKind::List(_));
    let plain = table.entries.values().filter(|e| is_plain(&e.node) && e.key_span.start > task.span.end);
    let after = plain.map(|e| e.node.span.end).max().unwrap_or(task.span.end);
    let line_break = line_break(source.text);
    let line_end = source.text[after..].find('\n').map_or(source.text.len(), |i| after + i + 1);
    let missing_break = if source.text[..line_end].ends_with('\n') { "" } else { line_break };
    Some((line_end, format!("{missing_break}{written}{line_break}")))
}

/// Before the node `foreach`, on a line of its own where `foreach` has one.
fn place_in_kdl(source: &Source<'_>, foreach: &Entry, entry: &Entry, written: &str) -> Option<(usize, String)> {
    let between = source.text.get(entry.key_span.end..entry.node.span.start)?;
    if between.contains('=') {
        return None;
    }
    let start = foreach.key_span.start;
    let line_start = source.text[..start].rfind('\n').map_or(0, |i| i + 1);
    let indent = &source.text[line_start..start];
    let separator =
        if indent.trim().is_empty() { format!("{}{indent}", line_break(source.text)) } else { "; ".to_owned() };
    Some((start, format!("{written}{separator}")))
}

/// The pair and what separates it from the rest: its line when it stands alone.
fn removal(text: &str, pair: Span) -> Span {
    let line_start = text[..pair.start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = text[pair.end..].find('\n').map_or(text.len(), |i| pair.end + i + 1);
    let before = &text[line_start..pair.start];
    let after = text[pair.end..line_end].trim();
    if before.trim().is_empty() && (after.is_empty() || after == ";") {
        return Span::new(line_start, line_end);
    }
    let rest = &text[pair.end..];
    let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let semicolon = usize::from(rest[spaces..].starts_with(';'));
    let end = pair.end + if semicolon == 1 { spaces + 1 } else { 0 };
    let trailing = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
    Span::new(pair.start, end + trailing)
}

fn line_break(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}
