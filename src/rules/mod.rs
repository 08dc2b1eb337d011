//! Routing expressions: rhai expressions with declared variables that give a bool.

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Rule {
    /// As written.
    pub text: String,
}
