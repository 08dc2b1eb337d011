//! Why a rule cannot be used, and why it gave no answer.

/// What sort of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleErrorKind {
    /// It cannot be read.
    Syntax,
    /// It is a statement, not an expression: `if`, `let`, an assignment.
    Statement,
    /// It uses what expressions elsewhere have and rules do not: inserted text, tables, bit operations.
    Forbidden,
    /// It reads a variable that is not declared.
    UnknownVariable,
    /// It calls a function that is not in the list.
    UnknownFunction,
    /// An operator or function gets a value of the wrong type.
    WrongType,
    /// It is not true or false.
    NotBool,
    /// It is too long or nested too deep.
    TooComplex,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    /// What sort of fault it is.
    pub kind: RuleErrorKind,
    /// One sentence without a full stop, beginning in lower case.
    pub message: String,
    /// The byte of the text where the fault is, if it is at one place.
    pub offset: Option<usize>,
    /// What to write instead at that place.
    pub suggestion: Option<String>,
}

impl RuleError {
    pub(super) fn new(kind: RuleErrorKind, offset: impl Into<Option<usize>>, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), offset: offset.into(), suggestion: None }
    }

    pub(super) fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }
}

/// Why a rule gave no answer. Never the same as false: the item has an error then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A variable that the rule reads has no value.
    #[error("evaluate \"{rule}\": \"{name}\" was not measured")]
    MetricAbsent {
        /// The rule.
        rule: String,
        /// The variable.
        name: String,
    },
    /// A variable has a value of another type than declared, or a number that is not finite.
    #[error("evaluate \"{rule}\": \"{name}\" is not {expected}")]
    WrongValue {
        /// The rule.
        rule: String,
        /// The variable.
        name: String,
        /// What was declared, with its article.
        expected: &'static str,
    },
    /// Arithmetic without a result: division by zero, or a number too large.
    #[error("evaluate \"{rule}\": the calculation has no result (division by zero, or a number too large)")]
    NoResult {
        /// The rule.
        rule: String,
    },
}
