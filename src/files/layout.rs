//! What the canonical layouts of both formats have in common: line width, comments beside and
//! above lines, and rows whose columns stand below each other.

use super::tree::{Comments, Node, NodeKind, Table};

/// Columns after which a value goes on lines of its own.
pub(super) const MAX_COLUMNS: usize = 100;

/// One line of the output, or a value on several lines, with the comment behind it.
pub(super) struct Line {
    /// The text without the comment.
    pub(super) text: String,
    /// The comment.
    pub(super) trailing: Option<String>,
}

impl Line {
    /// A line without a comment.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), trailing: None }
    }
}

/// The width of a text in characters.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Writes lines; comments behind neighbouring lines stand below each other.
pub(super) fn write_lines(out: &mut String, lines: &[Line], marker: &str) {
    let mut at = 0;
    while at < lines.len() {
        let run = lines[at..].iter().take_while(|l| l.trailing.is_some() && !l.text.contains('\n')).count();
        let column = lines[at..at + run].iter().map(|l| width(&l.text)).filter(|w| *w <= 80).max().unwrap_or(0);
        for line in &lines[at..at + run.max(1)] {
            out.push_str(&line.text);
            if let Some(trailing) = &line.trailing {
                let gap = column.saturating_sub(width(&line.text)) + 2;
                out.extend(std::iter::repeat_n(' ', gap));
                out.push_str(marker);
                out.push_str(clean(trailing).trim_end());
            }
            out.push('\n');
        }
        at += run.max(1);
    }
}

/// The comment lines above a place, each with its marker; blank lines stay.
///
/// A comment of several blocks gets a blank line before it, unless it comes first.
pub(super) fn above_lines(above: &[String], marker: &str, indent: &str, is_first: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    if !is_first && above.iter().any(String::is_empty) {
        lines.push(Line::plain(""));
    }
    for comment in above {
        if comment.is_empty() {
            lines.push(Line::plain(""));
            continue;
        }
        for text in comment.split('\n') {
            lines.push(Line::plain(format!("{indent}{marker}{}", clean(text)).trim_end()));
        }
    }
    lines
}

/// A comment without characters that a format may refuse.
fn clean(text: &str) -> String {
    let refused = |c: char| {
        c.is_control() && c != '\t'
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if refused(c) { ' ' } else { c }).collect()
}

/// Joins the cells of each row so that columns stand below each other; the last cell of a row is
/// not padded. Rows that would become too wide are not padded at all.
pub(super) fn align_rows(rows: &[Vec<String>], separator: &str, room: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| rows.iter().filter(|r| r.len() > column + 1).map(|r| width(&r[column])).max();
    let widths: Vec<usize> = (0..columns).map(|column| widest(column).unwrap_or(0)).collect();
    let join = |row: &Vec<String>, padded: bool| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                line.push_str(separator);
                let gap = if padded { widths[column].saturating_sub(width(cell)) } else { 0 };
                line.extend(std::iter::repeat_n(' ', gap + 1));
            }
        }
        line
    };
    let padded: Vec<String> = rows.iter().map(|row| join(row, true)).collect();
    if padded.iter().all(|line| width(line) <= room) {
        return padded;
    }
    rows.iter().map(|row| join(row, false)).collect()
}

/// Whether there are comments beside a value.
pub(super) fn is_commented(comments: &Comments) -> bool {
    !comments.above.is_empty() || comments.trailing.is_some()
}

/// Whether there are comments anywhere within a value.
pub(super) fn has_inner_comments(node: &Node) -> bool {
    match &node.kind {
        NodeKind::List(elements) => elements.iter().any(|e| is_commented(&e.comments) || has_inner_comments(&e.node)),
        NodeKind::Table(table) => {
            !table.dangling.is_empty()
                || table.entries.values().any(|e| is_commented(&e.comments) || has_inner_comments(&e.node))
        }
        _ => false,
    }
}

/// All comments within a value, in order.
pub(super) fn inner_comments(node: &Node) -> Vec<String> {
    let mut lines = Vec::new();
    match &node.kind {
        NodeKind::List(elements) => {
            for element in elements {
                lines.extend(comment_lines(&element.comments));
                lines.extend(inner_comments(&element.node));
            }
        }
        NodeKind::Table(table) => lines.extend(table_comments(table)),
        _ => {}
    }
    lines
}

fn table_comments(table: &Table) -> Vec<String> {
    let entries = table.entries.values().flat_map(|entry| {
        let mut lines = comment_lines(&entry.comments);
        lines.extend(inner_comments(&entry.node));
        lines
    });
    entries.chain(table.dangling.iter().cloned()).collect()
}

/// The comments beside a value, as lines above it.
pub(super) fn comment_lines(comments: &Comments) -> Vec<String> {
    comments.above.iter().chain(&comments.trailing).cloned().collect()
}

/// Puts `before` above what is there, as a block of its own.
pub(super) fn prepend_block(before: &[String], above: &mut Vec<String>) {
    if before.is_empty() {
        return;
    }
    let mut lines = before.to_vec();
    if lines.last().is_some_and(|l| !l.is_empty()) {
        lines.push(String::new());
    }
    lines.append(above);
    *above = lines;
}
