//! Lines of a text as byte ranges.

use crate::diagnostic::{Span, TextEdit};

/// The line ending of a text: that of its first line.
pub(super) fn line_ending(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// Where the line of `at` begins, after a byte order mark.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind(['\n', '\r']).map_or(0, |i| i + 1);
    if start == 0 && text.starts_with('\u{feff}') { 3 } else { start }
}

/// Where the text of the line of `at` ends, before its line ending.
pub(super) fn text_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |i| at + i)
}

/// Where the line of `at` ends, behind its line ending.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text_end(text, at);
    let rest = &text[end..];
    end + if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) }
}

/// The blanks at the beginning of the line of `at`.
pub(super) fn indent(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether nothing but blanks stands before `at` on its line.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].trim().is_empty()
}

/// Where the block of comment lines directly above the line of `at` begins; the line itself when
/// there is none.
pub(super) fn with_comments_above(text: &str, at: usize, marker: &str) -> usize {
    let mut start = line_start(text, at);
    while let Some(above) = line_above(text, start) {
        if !text[above..start].trim_start().starts_with(marker) {
            break;
        }
        start = above;
    }
    start
}

/// Where the line above the line that begins at `start` begins.
fn line_above(text: &str, start: usize) -> Option<usize> {
    let before = text[..start].strip_suffix("\r\n").or_else(|| text[..start].strip_suffix(['\n', '\r']))?;
    Some(line_start(text, before.len()))
}

/// Removes whole lines; when they are the last of a text without a final line ending, the line
/// ending before them goes instead.
pub(super) fn remove_lines(text: &str, start: usize, end: usize) -> TextEdit {
    let mut span = Span::new(start, end);
    if end == text.len() && !text[..end].ends_with(['\n', '\r']) {
        let before = &text[..start];
        let kept = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r']));
        span.start = kept.map_or(start, str::len);
    }
    TextEdit { span, text: String::new() }
}

/// Inserts `lines` as lines of their own behind the line of `at`.
pub(super) fn insert_below(text: &str, at: usize, lines: &str) -> TextEdit {
    let (ending, end) = (line_ending(text), line_end(text, at));
    let lines = lines.trim_end_matches('\n').replace('\n', ending);
    let has_ending = text[..end].ends_with(['\n', '\r']) && end > text_end(text, at);
    let text = if has_ending { format!("{lines}{ending}") } else { format!("{ending}{lines}") };
    TextEdit { span: Span::new(end, end), text }
}

/// Inserts `lines` at the very end, after a blank line when `apart`.
pub(super) fn append(text: &str, lines: &str, apart: bool) -> TextEdit {
    let ending = line_ending(text);
    let body = text.trim_start_matches('\u{feff}');
    let is_blank = body.trim().is_empty();
    let has_ending = body.is_empty() || body.ends_with(['\n', '\r']);
    let mut added = String::new();
    if !has_ending {
        added.push_str(ending);
    }
    if apart && !is_blank {
        added.push_str(ending);
    }
    added.push_str(&lines.trim_end_matches('\n').replace('\n', ending));
    if has_ending {
        added.push_str(ending);
    }
    TextEdit { span: Span::new(text.len(), text.len()), text: added }
}

/// `lines` with `indent` before every line but the first and empty ones.
pub(super) fn indented(lines: &str, indent: &str) -> String {
    let mut out = String::new();
    for (index, line) in lines.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
            if !line.is_empty() {
                out.push_str(indent);
            }
        }
        out.push_str(line);
    }
    out
}
