//! Diagnostics as JSON: places as lines and columns, whole-command errors beside findings in files.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{AppError, Session};
use crate::{
    diagnostic::{Diagnostic, Fix, Severity, position},
    files::World,
    model::{CONFIG_FILE, MAX_DOCUMENT_BYTES},
};

/// The texts that diagnostics are about.
#[derive(Clone, Default)]
pub struct Sources {
    texts: BTreeMap<Arc<str>, Arc<str>>,
    world: Option<Arc<dyn World>>,
}

impl Sources {
    /// The documents and the configuration of an opened workspace; other files are read when they
    /// are asked for.
    pub fn of(session: &Session) -> Self {
        let read = if session.workspace.is_read() { session.workspace.documents() } else { &[] };
        let documents = read.iter().map(|d| (d.path.clone(), d.text.clone()));
        let config = session.workspace.config_text.clone().map(|text| (Arc::from(CONFIG_FILE), text));
        Self { texts: documents.chain(config).collect(), world: Some(session.world.clone()) }
    }

    /// Adds the text of `file`, or replaces it.
    #[must_use]
    pub fn with(mut self, file: Arc<str>, text: Arc<str>) -> Self {
        self.texts.insert(file, text);
        self
    }

    /// The text of `file`, as it was read.
    pub fn text(&self, file: &str) -> Option<Arc<str>> {
        if let Some(text) = self.texts.get(file) {
            return Some(text.clone());
        }
        let bytes = self.world.as_ref()?.read(file, MAX_DOCUMENT_BYTES).ok()?;
        String::from_utf8(bytes).ok().map(Arc::from)
    }
}

/// A diagnostic as every command gives it with `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// Path relative to the workspace; none when the command as a whole is meant.
    pub file: Option<String>,
    /// First line, from 1.
    pub line: Option<usize>,
    /// First column in characters, from 1.
    pub column: Option<usize>,
    /// Line of the end, from 1.
    pub end_line: Option<usize>,
    /// Column behind the last character, from 1.
    pub end_column: Option<usize>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The same as edits of the file's bytes.
    pub fix: Option<FindingFix>,
}

/// Edits that remove the cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingFix {
    /// What they do.
    pub title: String,
    /// Edits that do not overlap, by position.
    pub edits: Vec<FindingEdit>,
}

/// Replaces bytes `start..end` of the file by `text`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingEdit {
    /// First byte, from 0.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What comes in their place.
    pub text: String,
}

/// `diagnostics` with their lines and columns.
pub fn findings(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<Finding> {
    diagnostics.iter().map(|diagnostic| finding(diagnostic, sources)).collect()
}

fn finding(diagnostic: &Diagnostic, sources: &Sources) -> Finding {
    let places = diagnostic.span.and_then(|span| {
        let text = sources.text(&diagnostic.file)?;
        Some((position(&text, span.start), position(&text, span.end.max(span.start))))
    });
    Finding {
        code: diagnostic.code.to_owned(),
        severity: diagnostic.severity,
        message: diagnostic.message.clone(),
        file: Some(diagnostic.file.to_string()),
        line: places.map(|(start, _)| start.line),
        column: places.map(|(start, _)| start.column),
        end_line: places.map(|(_, end)| end.line),
        end_column: places.map(|(_, end)| end.column),
        hint: diagnostic.hint.clone(),
        fix: diagnostic.fix.as_ref().map(finding_fix),
    }
}

fn finding_fix(fix: &Fix) -> FindingFix {
    let edits = fix.edits.iter();
    let edits = edits.map(|e| FindingEdit { start: e.span.start, end: e.span.end, text: e.text.clone() }).collect();
    FindingFix { title: fix.title.clone(), edits }
}

/// What an error of the whole command says.
pub fn error_findings(error: &AppError, sources: &Sources) -> Vec<Finding> {
    let (code, message, hint) = match error {
        AppError::Wrong(diagnostics) | AppError::Drifted(diagnostics) => return findings(diagnostics, sources),
        AppError::Usage { message, hint } => ("usage", message, hint),
        AppError::Environment { message, hint } => ("environment", message, hint),
    };
    vec![Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        message: message.clone(),
        file: None,
        line: None,
        column: None,
        end_line: None,
        end_column: None,
        hint: hint.clone(),
        fix: None,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    #[test]
    fn columns_are_characters() {
        let file: Arc<str> = Arc::from("a.toml");
        let sources = Sources::default().with(file.clone(), Arc::from("é = 1\nä = 2\n"));
        let diagnostic = Diagnostic::error("x", &file, Span::new(7, 9), "m").with_fix("t", Span::new(7, 9), "b");
        let json = serde_json::to_value(&findings(&[diagnostic], &sources)[0]).unwrap();
        let expected = serde_json::json!({
            "code": "x", "severity": "error", "message": "m", "file": "a.toml", "line": 2, "column": 1,
            "end_line": 2, "end_column": 2, "hint": null,
            "fix": {"title": "t", "edits": [{"start": 7, "end": 9, "text": "b"}]},
        });
        assert_eq!(json, expected);
    }
}
