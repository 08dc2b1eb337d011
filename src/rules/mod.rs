//! Routing expressions: rhai expressions with declared variables that give a bool.

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Rule {
    /// As written.
    pub text: String,
}
mod variables;
pub use variables::{Kind, Value, Values, Variables};
/// e
#[derive(Debug)]
pub struct RuleError {
    pub message: String,
    pub offset: Option<usize>,
    pub suggestion: Option<String>,
}
impl Rule {
    /// c
    pub fn compile(text: &str, _: &Variables) -> Result<Self, RuleError> {
        Ok(Self { text: text.to_owned() })
    }
}
