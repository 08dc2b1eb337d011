//! Routing expressions: rhai expressions over declared variables that are true or false.
//!
//! rhai parses; what it parsed is then checked against the declared types and turned into a small
//! typed expression, and only that is ever evaluated. So there is no engine that could loop, call
//! out or grow text, however a rule is written.
//!
//! A rule may use: numbers, `true`, `false`, text in `"…"` or `` `…` ``; `+ - * / % **` on numbers
//! (two whole numbers stay whole: `7 / 2` is 3); `== != < <= > >=` on two numbers (equal when they
//! differ only by rounding) or two texts, `==` and `!=` also on two truths; `&& || !`; parentheses; `in` (`"a" in name`); and the functions
//! `abs(n)`, `min(n, n)`, `max(n, n)`, `floor(n)`, `ceiling(n)`, `round(n)`, `len(text)`,
//! `contains(text, part)`, `starts_with(text, part)`, `ends_with(text, part)`, each also as a
//! method: `name.starts_with("a")`.
//!
//! **Absent is an error.** A rule has an answer only when every variable it names has a value,
//! also one that would not matter: `a > 1 || b > 1` is an error without `b`, even if `a` is 2.
//! Otherwise a metric that was never measured would show only on the day when `a` is small.
//!
//! Knows no tasks, items or files.

mod compile;
mod error;
mod expression;
mod functions;
mod syntax;
mod variables;

pub use error::{EvaluationError, RuleError, RuleErrorKind};
pub use variables::{Kind, Value, Values, Variables};

use expression::Expression;

/// A compiled condition. Cheap to clone and to evaluate.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    expression: Expression,
    names: Vec<String>,
    kinds: Vec<Kind>,
}

impl Rule {
    /// Compiles `text`, which may read `variables`.
    ///
    /// # Errors
    /// The first fault, with its place, when `text` is no expression, reads or calls what does not
    /// exist, mixes types, or is not true or false.
    pub fn compile(text: &str, variables: &Variables) -> Result<Self, RuleError> {
        let compiled = compile::compile(text, variables)?;
        Ok(Self {
            text: text.to_owned(),
            expression: compiled.expression,
            names: compiled.names,
            kinds: compiled.kinds,
        })
    }

    /// The rule as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The variables it reads, each once, in the order of appearance; `cutout.quality` is one.
    pub fn variables(&self) -> &[String] {
        &self.names
    }

    /// Whether the rule is true of `values`. What it does not read is ignored.
    ///
    /// # Errors
    /// When a variable that the rule reads has no value, a value of another type than declared, or
    /// one that is not finite; or when the arithmetic has no result.
    pub fn evaluate(&self, values: &Values) -> Result<bool, EvaluationError> {
        let read = self.names.iter().zip(&self.kinds).map(|(name, kind)| self.read(name, *kind, values));
        let read: Vec<Value> = read.collect::<Result<_, _>>()?;
        self.expression.truth(&read).map_err(|_| EvaluationError::NoResult { rule: self.text.clone() })
    }

    fn read(&self, name: &str, kind: Kind, values: &Values) -> Result<Value, EvaluationError> {
        let absent = || EvaluationError::MetricAbsent { rule: self.text.clone(), name: name.to_owned() };
        match (kind, values.get(name).ok_or_else(absent)?) {
            (Kind::Number, Value::Number(number)) if number.is_finite() => Ok(Value::Number(*number)),
            (Kind::Number, Value::Integer(number)) => Ok(Value::Number(*number as f64)),
            (Kind::Integer, value @ Value::Integer(_))
            | (Kind::Text, value @ Value::Text(_))
            | (Kind::Bool, value @ Value::Bool(_)) => Ok(value.clone()),
            _ => Err(EvaluationError::WrongValue {
                rule: self.text.clone(),
                name: name.to_owned(),
                expected: kind.describe(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
