//! What a rule finds.

use crate::diagnostic::Severity;

/// One thing that is wrong with a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphProblem {
    /// Id of the node; empty when the graph as a whole is meant.
    pub node: String,
    /// The input, if it is about one.
    pub input: Option<String>,
    /// Stable code: that of a rule of [`GRAPH_RULES`](super::GRAPH_RULES).
    pub code: &'static str,
    /// Whether a server refuses the graph, or breaks off on it.
    pub severity: Severity,
    /// One sentence without a full stop, beginning in lower case.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What to write instead: the class, the input's name, or the value.
    pub suggestion: Option<String>,
    /// Whether it only says that a file was not on the server when its classes were listed, so
    /// that another server, or the same one today, may accept the graph.
    pub of_files: bool,
}

impl GraphProblem {
    pub(super) fn new(node: &str, input: Option<&str>, code: &'static str, message: impl Into<String>) -> Self {
        let (node, input, message) = (node.to_owned(), input.map(str::to_owned), message.into());
        Self { node, input, code, message, ..Self::default() }
    }

    pub(super) fn warning(node: &str, input: Option<&str>, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(node, input, code, message) }
    }

    pub(super) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds a suggestion and, where there is no hint yet, the question whether it was meant.
    pub(super) fn suggest(mut self, suggestion: Option<String>) -> Self {
        if let (Some(text), None) = (&suggestion, &self.hint) {
            self.hint = Some(format!("did you mean \"{text}\"?"));
        }
        self.suggestion = suggestion;
        self
    }
}
