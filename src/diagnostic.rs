//! What is wrong with a file, where, and how to mend it.
//!
//! Plain data. Nothing here prints; `cli` renders diagnostics and `app` turns them into JSON.

use std::{ops::Range, sync::Arc};

use serde::Serialize;

/// A range of bytes in a source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The span of `range`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The same bytes as a range, for slicing.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document cannot run.
    #[default]
    Error,
    /// The document runs, probably not as meant.
    Warning,
}

/// Replaces the bytes of `span` by `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    /// The bytes that go.
    pub span: Span,
    /// What comes in their place.
    pub text: String,
}

/// Edits of one file that remove the cause of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the edits do, as an imperative: `rename to "depends_on"`.
    pub title: String,
    /// Edits that do not overlap, in order of position.
    pub edits: Vec<TextEdit>,
}

/// One finding about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, lower case with hyphens: `unknown-key`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence without a full stop, beginning in lower case.
    pub message: String,
    /// Path of the file, relative to the workspace, with `/`.
    pub file: Arc<str>,
    /// The text that is meant; none when the whole file is.
    pub span: Option<Span>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The same as an edit, where it is certain.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at `span` of `file`.
    pub fn error(
        code: &'static str,
        file: &Arc<str>,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            file: file.clone(),
            span: span.into(),
            hint: None,
            fix: None,
        }
    }

    /// A warning at `span` of `file`.
    pub fn warning(
        code: &'static str,
        file: &Arc<str>,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, file, span, message) }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a fix of one edit.
    #[must_use]
    pub fn with_fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits: vec![TextEdit { span, text: text.into() }] });
        self
    }
}

/// A position for people: both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column in Unicode scalar values.
    pub column: usize,
}

/// The position of byte `offset` in `text`. A leading byte order mark has no width.
pub fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let column = before[line_start..].chars().filter(|c| *c != '\u{feff}').count() + 1;
    Position { line: before.bytes().filter(|b| *b == b'\n').count() + 1, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        let text = "\u{feff}aé\r\nb";
        assert_eq!(position(text, 3), Position { line: 1, column: 1 });
        assert_eq!(position(text, 6), Position { line: 1, column: 3 });
        assert_eq!(position(text, 8), Position { line: 2, column: 1 });
        assert_eq!(position(text, 99), Position { line: 2, column: 2 });
    }
}
