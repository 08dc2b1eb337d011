//! What is wrong with a workflow, or worth saying about its conversion.

use crate::{diagnostic::Severity, graph::ui_format::Place};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Error: there is no graph; warning: the graph may not be what the editor would send.
    pub(super) severity: Severity,
    /// Stable code.
    pub(super) code: &'static str,
    /// One sentence without a full stop, beginning in lower case.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// Where.
    pub(super) place: Place,
}

impl Fault {
    /// There is no graph.
    pub(super) fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), hint: None, place }
    }

    /// The graph may not be what the editor would send.
    pub(super) fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
