//! What a rule may read, and the values it then has.

use crate::ident::IndexMap;
use std::collections::BTreeMap;

/// The type of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any finite number: a metric, `seconds`.
    Number,
    /// A whole number: `width`, `attempt`.
    Integer,
    /// Text: a key of the item, `error`.
    Text,
    /// True or false.
    Bool,
}

impl Kind {
    /// The kind for people, with its article.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Integer => "a whole number",
            Self::Text => "text",
            Self::Bool => "true or false",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Integer)
    }
}

/// The variables that a rule may read, in the order in which they were declared. A name with a dot,
/// such as `cutout.quality`, is a member of a group and read as such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(IndexMap<String, Kind>);

impl Variables {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares `name`; the last declaration of a name counts.
    pub fn declare(&mut self, name: impl Into<String>, kind: Kind) {
        self.0.insert(name.into(), kind);
    }

    /// Declares `name` and returns all.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.declare(name, kind);
        self
    }

    /// The kind of `name`, if it is declared.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.0.get(name).copied()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether names begin with `group` and a dot.
    pub(super) fn is_group(&self, group: &str) -> bool {
        self.names().any(|name| name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.')))
    }
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// The values of variables by name.
pub type Values = BTreeMap<String, Value>;
