//! Edits of a file as replacements of byte ranges, found through the parser: everything else
//! stays byte for byte, with line endings, byte order mark, comments and layout.
//!
//! An edit is tried before it is given: the text with the edit must read without errors and say
//! what was asked for. Knows no document.

mod kdl;
mod lines;
mod toml;

use std::sync::Arc;

use thiserror::Error;

use super::{
    format::Format,
    shape::Shape,
    tree::{Node, NodeKind, Path, Step},
};
use crate::diagnostic::{Diagnostic, Severity, TextEdit};

/// The text of a file, what it is written in, and the shape of its document.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The text.
    pub text: &'a str,
    /// Its format.
    pub format: Format,
    /// The shape by which KDL is read and new values are written.
    pub shape: &'a Shape,
}

/// Why there is no edit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The text has errors.
    #[error("edit a file that has errors: {0}")]
    Invalid(String),
    /// There is nothing at the path.
    #[error("find `{0}`")]
    NoSuchPath(Path),
    /// The key exists already.
    #[error("add `{0}`, which exists already")]
    Exists(Path),
    /// The path does not lead to a table.
    #[error("add a key to `{0}`, which is not a table")]
    NotATable(Path),
    /// The change cannot be made without writing other parts of the file anew.
    #[error("change `{0}` where it stands; edit the file by hand")]
    NotInPlace(Path),
    /// Edits overlap or lie outside the text.
    #[error("apply edits that overlap or lie outside the text")]
    Overlap,
}

impl Source<'_> {
    fn parse(&self, text: &str) -> Result<Node, EditError> {
        let file: Arc<str> = Arc::from("");
        let (node, diagnostics) = self.format.parse(text, &file, &|_| Some(self.shape.clone()));
        let is_error = |d: &&Diagnostic| d.severity == Severity::Error;
        match (node, diagnostics.iter().find(is_error)) {
            (Some(node), None) => Ok(node),
            (_, error) => Err(EditError::Invalid(error.map_or_else(String::new, |d| d.message.clone()))),
        }
    }

    /// Gives `edits` if the text with them reads well and passes `check`.
    fn tried(
        &self,
        mut edits: Vec<TextEdit>,
        path: &Path,
        check: impl Fn(&Node) -> bool,
    ) -> Result<Vec<TextEdit>, EditError> {
        edits.sort_by_key(|e| e.span);
        let text = apply(self.text, &edits)?;
        match self.parse(&text) {
            Ok(node) if check(&node) => Ok(edits),
            _ => Err(EditError::NotInPlace(path.clone())),
        }
    }
}

/// Sets the value at `path`; a key that is not there yet is inserted.
pub fn set(source: &Source<'_>, path: &Path, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let tree = source.parse(source.text)?;
    let Some(old) = tree.get(path) else {
        let Some((Step::Key(key), parent)) = path.0.split_last() else {
            return Err(EditError::NoSuchPath(path.clone()));
        };
        return insert(source, &Path(parent.to_vec()), key, value);
    };
    if same(old, value) {
        return Ok(Vec::new());
    }
    let edits = match source.format {
        Format::Toml => toml::set(source, path, value),
        Format::Kdl => kdl::set(source, &tree, path, value),
    }?;
    source.tried(edits, path, |node| node.get(path).is_some_and(|now| same(now, value)))
}

/// Adds `key` to the table at `parent`.
pub fn insert(source: &Source<'_>, parent: &Path, key: &str, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let tree = source.parse(source.text)?;
    let path = parent.join(key);
    match tree.get(parent).map(|n| &n.kind) {
        None => return Err(EditError::NoSuchPath(parent.clone())),
        Some(NodeKind::Table(table)) if table.entries.contains_key(key) => return Err(EditError::Exists(path)),
        Some(NodeKind::Table(_)) => {}
        Some(_) => return Err(EditError::NotATable(parent.clone())),
    }
    let edits = match source.format {
        Format::Toml => toml::insert(source, parent, key, value),
        Format::Kdl => kdl::insert(source, parent, key, value),
    }?;
    source.tried(edits, &path, |node| node.get(&path).is_some_and(|now| same(now, value)))
}

/// Removes the value at `path` with its key and the comments beside it.
pub fn remove(source: &Source<'_>, path: &Path) -> Result<Vec<TextEdit>, EditError> {
    let tree = source.parse(source.text)?;
    let Some((last, parent)) = path.0.split_last() else { return Err(EditError::NotInPlace(path.clone())) };
    let parent = Path(parent.to_vec());
    if tree.get(path).is_none() {
        return Err(EditError::NoSuchPath(path.clone()));
    }
    let edits = match source.format {
        Format::Toml => toml::remove(source, path),
        Format::Kdl => kdl::remove(source, &tree, path),
    }?;
    let length = |node: &Node| match node.get(&parent).map(|n| &n.kind) {
        Some(NodeKind::List(elements)) => elements.len(),
        _ => 0,
    };
    let before = length(&tree);
    source.tried(edits, path, |node| match last {
        Step::Key(_) => node.get(path).is_none(),
        Step::Index(_) => length(node) + 1 == before,
    })
}

/// Gives the last key of `path` another name, wherever the file spells it.
pub fn rename(source: &Source<'_>, path: &Path, new_key: &str) -> Result<Vec<TextEdit>, EditError> {
    let tree = source.parse(source.text)?;
    let Some((Step::Key(_), parent)) = path.0.split_last() else { return Err(EditError::NotInPlace(path.clone())) };
    let renamed = Path(parent.to_vec()).join(new_key);
    let Some(old) = tree.get(path) else { return Err(EditError::NoSuchPath(path.clone())) };
    if tree.get(&renamed).is_some() {
        return Err(EditError::Exists(renamed));
    }
    let literal = super::literal::key_literal(new_key, source.format);
    let spans = match source.format {
        Format::Toml => toml::key_spans(source, path),
        Format::Kdl => kdl::key_spans(source, path),
    };
    let edits = spans.into_iter().map(|span| TextEdit { span, text: literal.clone() }).collect();
    source.tried(edits, path, |node| node.get(&renamed).is_some_and(|now| same(now, old)))
}

/// The text with `edits`, which must not overlap. Insertions at the same place keep their order.
pub fn apply(text: &str, edits: &[TextEdit]) -> Result<String, EditError> {
    let mut edits: Vec<&TextEdit> = edits.iter().collect();
    edits.sort_by_key(|e| e.span);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let valid = edit.span.start >= at && edit.span.end >= edit.span.start;
        let kept = text.get(at..edit.span.start).filter(|_| valid && text.is_char_boundary(edit.span.end));
        out.push_str(kept.ok_or(EditError::Overlap)?);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(text.get(at..).ok_or(EditError::Overlap)?);
    Ok(out)
}

/// Whether two values are the same, without places, comments and the order of keys.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (NodeKind::Table(a), NodeKind::Table(b)) => {
            a.entries.len() == b.entries.len()
                && a.entries.iter().all(|(key, e)| b.entries.get(key).is_some_and(|other| same(&e.node, &other.node)))
        }
        (NodeKind::List(a), NodeKind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.node, &b.node))
        }
        (a, b) => a == b,
    }
}
