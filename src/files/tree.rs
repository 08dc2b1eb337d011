//! The spanned tree: what a TOML or KDL file says, with the place of every key and value and the
//! comments beside them.
//!
//! One tree for both formats; nothing here knows which of them it came from, nor any document.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use compact_str::CompactString;
use serde_json::Value;

use crate::{diagnostic::Span, ident::IndexMap};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value's bytes (for a table: its header or braces; for a KDL table, the whole node).
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// The values both formats can say. There are no nulls, dates, infinities or NaNs.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Text.
    String(String),
    /// A whole number.
    Int(i64),
    /// A finite number written with a point or exponent.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A list; each element with its comments.
    List(Vec<Element>),
    /// A table; apart, since most values are none.
    Table(Box<Table>),
}

impl From<Table> for NodeKind {
    fn from(table: Table) -> Self {
        Self::Table(Box::new(table))
    }
}

/// One element of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// The value.
    pub node: Node,
    /// Comments beside it.
    pub comments: Comments,
}

/// One key of a table with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's bytes.
    pub key_span: Span,
    /// The value.
    pub node: Node,
    /// Comments beside it.
    pub comments: Comments,
}

/// The comments beside a value. Most values have none, so they stand apart.
#[derive(Clone, Debug, Default)]
pub struct Comments(Option<Box<CommentLines>>);

/// Comments, each a line of text without its marker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommentLines {
    /// Lines above; an empty string is a blank line between comment blocks.
    pub above: Vec<String>,
    /// The comment at the end of the same line.
    pub trailing: Option<String>,
}

impl Comments {
    /// Lines above a value.
    pub fn above(lines: Vec<String>) -> Self {
        if lines.is_empty() { Self(None) } else { Self(Some(Box::new(CommentLines { above: lines, trailing: None }))) }
    }
}

impl Deref for Comments {
    type Target = CommentLines;

    fn deref(&self) -> &CommentLines {
        static NONE: CommentLines = CommentLines { above: Vec::new(), trailing: None };
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Comments {
    fn deref_mut(&mut self) -> &mut CommentLines {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Comments {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// The key of a table. Most are short, and such ones need no memory of their own.
pub type KeyText = CompactString;

/// Keys with values, in order of appearance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The entries.
    pub entries: IndexMap<KeyText, Entry>,
    /// Comments after the last entry.
    pub dangling: Vec<String>,
}

impl Table {
    /// Puts a value that stands nowhere at `key`.
    pub fn insert(&mut self, key: &str, node: Node) {
        let entry = Entry { key_span: node.span, node, comments: Comments::default() };
        self.entries.insert(key.into(), entry);
    }
}

/// A step into a tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into the value of a key.
    Key(KeyText),
    /// Into an element of a list.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(key.into())
    }
}

impl From<&KeyText> for Step {
    fn from(key: &KeyText) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A way from the root of a tree to one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// This path and one step more.
    #[must_use]
    pub fn join(&self, step: impl Into<Step>) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step.into());
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Builds a [`Path`]: `path!["task", name, "depends_on", 0]`.
#[macro_export]
macro_rules! path {
    ($($step:expr),* $(,)?) => {
        $crate::files::Path(vec![$($crate::files::Step::from($step)),*])
    };
}

impl From<NodeKind> for Node {
    /// A value that stands nowhere.
    fn from(kind: NodeKind) -> Self {
        Self { span: Span::default(), kind }
    }
}

impl Node {
    /// The value of a JSON text; none when it holds a null, or a number that is neither a whole
    /// number of 64 bits nor finite.
    pub fn from_json(value: &Value) -> Option<Self> {
        let kind = match value {
            Value::Null => return None,
            Value::Bool(b) => NodeKind::Bool(*b),
            Value::String(s) => NodeKind::String(s.clone()),
            Value::Number(n) if n.is_f64() => NodeKind::Float(n.as_f64()?),
            Value::Number(n) => NodeKind::Int(n.as_i64()?),
            Value::Array(values) => {
                let element = |v| Some(Element { node: Self::from_json(v)?, comments: Comments::default() });
                NodeKind::List(values.iter().map(element).collect::<Option<_>>()?)
            }
            Value::Object(map) => {
                let mut table = Table::default();
                for (key, value) in map {
                    table.insert(key, Self::from_json(value)?);
                }
                table.into()
            }
        };
        Some(kind.into())
    }

    /// The value at `path`, if there is one.
    pub fn get(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, step| match (&node.kind, step) {
            (NodeKind::Table(table), Step::Key(key)) => table.entries.get(key.as_str()).map(|e| &e.node),
            (NodeKind::List(list), Step::Index(index)) => list.get(*index).map(|e| &e.node),
            _ => None,
        })
    }

    /// The span of the value at `path`, or of its nearest ancestor that exists.
    pub fn span_of(&self, path: &Path) -> Span {
        (0..=path.0.len()).rev().find_map(|n| self.get(&Path(path.0[..n].to_vec()))).map_or(self.span, |node| node.span)
    }

    /// The span of the last key of `path`; falls back as [`Node::span_of`] does.
    pub fn key_span_of(&self, path: &Path) -> Span {
        let Some((Step::Key(key), parent)) = path.0.split_last() else { return self.span_of(path) };
        match self.get(&Path(parent.to_vec())).map(|n| &n.kind) {
            Some(NodeKind::Table(table)) if table.entries.contains_key(key.as_str()) => {
                table.entries[key.as_str()].key_span
            }
            _ => self.span_of(path),
        }
    }

    /// The table, if this is one.
    pub fn as_table(&self) -> Option<&Table> {
        if let NodeKind::Table(table) = &self.kind { Some(table) } else { None }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let NodeKind::String(text) = &self.kind { Some(text) } else { None }
    }

    /// Whether this is text, a number, true or false.
    pub fn is_scalar(&self) -> bool {
        !matches!(self.kind, NodeKind::List(_) | NodeKind::Table(_))
    }

    /// The same value as JSON, without places and comments.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::String(s) => Value::from(s.as_str()),
            NodeKind::Int(i) => Value::from(*i),
            NodeKind::Float(f) => Value::from(*f),
            NodeKind::Bool(b) => Value::from(*b),
            NodeKind::List(list) => list.iter().map(|e| e.node.to_json()).collect(),
            NodeKind::Table(table) => {
                Value::Object(table.entries.iter().map(|(k, e)| (k.to_string(), e.node.to_json())).collect())
            }
        }
    }

    /// What this is, for people: "a string", "a list".
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::String(_) => "a string",
            NodeKind::Int(_) => "a whole number",
            NodeKind::Float(_) => "a number",
            NodeKind::Bool(_) => "true or false",
            NodeKind::List(_) => "a list",
            NodeKind::Table(_) => "a table",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_comes_back() {
        let value = json!({ "a": [1, 2.5, true, "x"], "b": { "c": {} } });
        let node = Node::from_json(&value).unwrap();
        assert_eq!(node.to_json(), value);
        assert_eq!(node.get(&crate::path!["a", 1]).unwrap().kind, NodeKind::Float(2.5));
        assert_eq!(Node::from_json(&json!({ "a": null })), None);
        assert_eq!(Node::from_json(&json!(18_446_744_073_709_551_615_u64)), None);
    }

    #[test]
    fn places_fall_back_to_what_is_there() {
        let mut table = Table::default();
        table.insert("a", Node { span: Span::new(4, 5), kind: NodeKind::Int(1) });
        let root = Node { span: Span::new(0, 9), kind: table.into() };
        assert_eq!(root.span_of(&crate::path!["a"]), Span::new(4, 5));
        assert_eq!(root.span_of(&crate::path!["a", "b"]), Span::new(4, 5));
        assert_eq!(root.span_of(&crate::path!["c"]), Span::new(0, 9));
        assert_eq!(crate::path!["task", "a", 0, "to"].to_string(), "task.a[0].to");
    }
}
