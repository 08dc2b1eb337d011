//! Collects diagnostics about one document, finding each place by its path.

use std::sync::Arc;

use super::interpolate::InterpolationError;
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{Node, NodeKind, Path},
};

/// A document's text and tree, and what was found wrong with it.
#[derive(Debug)]
pub struct Report<'a> {
    file: Arc<str>,
    text: &'a str,
    tree: &'a Node,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    /// A report on the document at `file`.
    pub fn new(file: &Arc<str>, text: &'a str, tree: &'a Node) -> Self {
        Self { file: file.clone(), text, tree, diagnostics: Vec::new() }
    }

    /// Path of the document.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The document's tree.
    pub fn tree(&self) -> &'a Node {
        self.tree
    }

    /// Adds an error at the value at `path`.
    pub fn error(&mut self, code: &'static str, path: &Path, message: impl Into<String>) -> &mut Diagnostic {
        let span = self.tree.span_of(path);
        self.push(Diagnostic::error(code, &self.file, span, message))
    }

    /// Adds an error at the key that `path` ends with.
    pub fn error_at_key(&mut self, code: &'static str, path: &Path, message: impl Into<String>) -> &mut Diagnostic {
        let span = self.tree.key_span_of(path);
        self.push(Diagnostic::error(code, &self.file, span, message))
    }

    /// Adds a warning at the value at `path`.
    pub fn warning(&mut self, code: &'static str, path: &Path, message: impl Into<String>) -> &mut Diagnostic {
        let span = self.tree.span_of(path);
        self.push(Diagnostic::warning(code, &self.file, span, message))
    }

    /// Adds an error at bytes `within` of the string at `path`.
    pub fn error_within(
        &mut self,
        code: &'static str,
        path: &Path,
        within: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let span = self.span_within(path, within);
        self.push(Diagnostic::error(code, &self.file, span, message))
    }

    /// Adds what is wrong with the interpolated string at `path`.
    pub fn interpolation(&mut self, path: &Path, error: &InterpolationError) -> &mut Diagnostic {
        let diagnostic = self.error_within("bad-interpolation", path, error.span, &error.message);
        diagnostic.hint = error.suggestion.as_ref().map(|name| format!("did you mean `{name}`?"));
        diagnostic
    }

    /// Adds a finished diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.diagnostics.push(diagnostic);
        self.diagnostics.last_mut().unwrap_or_else(|| unreachable!("just pushed"))
    }

    /// How many things were found so far.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether something with this code was found at this place.
    pub fn has(&self, code: &str, span: Option<Span>) -> bool {
        self.diagnostics.iter().any(|d| d.code == code && d.span == span)
    }

    /// Whether errors (not only warnings) were found.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == crate::diagnostic::Severity::Error)
    }

    /// Everything that was found, in order of place, each once.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|d| (d.span, d.code, d.message.clone()));
        self.diagnostics.dedup();
        self.diagnostics
    }

    /// The place of bytes `within` of the string at `path`; the whole string when its literal has
    /// escapes, so that bytes do not correspond.
    pub fn span_within(&self, path: &Path, within: Span) -> Span {
        let whole = self.tree.span_of(path);
        let Some(NodeKind::String(value)) = self.tree.get(path).map(|n| &n.kind) else { return whole };
        let literal = self.text.get(whole.range()).unwrap_or("");
        match literal.find(value.as_str()) {
            Some(offset) if !value.is_empty() && within.end <= value.len() => {
                Span::new(whole.start + offset + within.start, whole.start + offset + within.end)
            }
            _ => whole,
        }
    }
}
