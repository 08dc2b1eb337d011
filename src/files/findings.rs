//! Diagnostics and fixes that both formats share.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Fix, Span, TextEdit};

/// Levels of lists and tables that a document may have inside one another.
pub const MAX_DEPTH: usize = 64;

/// The diagnostic of what is nested beyond [`MAX_DEPTH`].
pub(super) fn too_deep(span: Span, file: &Arc<str>) -> Diagnostic {
    Diagnostic::error("too-deep", file, span, format!("nested more than {MAX_DEPTH} levels deep"))
        .with_hint("flatten the values")
}

/// Adds the fix that puts quotes around a place.
pub(super) trait WithFixQuoting {
    /// Adds the fix that puts quotes around `span`, whose text needs no escapes.
    #[must_use]
    fn with_fix_quoting(self, span: Span) -> Self;
}

impl WithFixQuoting for Diagnostic {
    fn with_fix_quoting(mut self, span: Span) -> Self {
        let quote = |at| TextEdit { span: Span::new(at, at), text: "\"".to_owned() };
        self.fix = Some(Fix { title: "quote it".to_owned(), edits: vec![quote(span.start), quote(span.end)] });
        self
    }
}
