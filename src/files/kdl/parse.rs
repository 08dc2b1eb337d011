//! KDL text to the tree: the document's kind chooses the shape, the shape reads the nodes.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    rules::Reader,
    syntax::{self, Block},
};
use crate::{
    diagnostic::{Diagnostic, Span, position},
    files::{
        shape::Shape,
        tree::{Node, NodeKind},
    },
};

/// Reads a KDL text. `shape_of` gives the shape for the document's `kind`, or, without one, for
/// the workspace's configuration; where it has none everything is free-form.
///
/// All errors are reported; with an error of syntax there is no tree, with any other the tree
/// holds what could be read.
pub fn parse(
    text: &str,
    file: &Arc<str>,
    shape_of: &dyn Fn(Option<&str>) -> Option<Shape>,
) -> (Option<Node>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let block = syntax::read(text, file, &mut diagnostics);
    let broken = diagnostics.iter().any(|d| matches!(d.code, "kdl-syntax" | "too-deep"));
    let shape = shape_of(kind_of(&block)).unwrap_or(Shape::Any);
    let mut reader = Reader::new(text, file);
    let table = reader.document(&block, &shape);
    let broken_lines: BTreeSet<usize> = diagnostics.iter().filter_map(|d| line_of(text, d)).collect();
    let is_new =
        |d: &Diagnostic| broken_lines.is_empty() || line_of(text, d).is_none_or(|line| !broken_lines.contains(&line));
    diagnostics.extend(reader.diagnostics.into_iter().filter(is_new));
    diagnostics.sort_by_key(|d| d.span);
    let node = Node { span: Span::new(0, text.len()), kind: table.into() };
    ((!broken).then_some(node), diagnostics)
}

/// The line of a diagnostic. What the rules say about a line whose syntax is wrong only follows
/// from that.
fn line_of(text: &str, diagnostic: &Diagnostic) -> Option<usize> {
    diagnostic.span.map(|span| position(text, span.start).line)
}

/// What the first node `kind` says.
fn kind_of(block: &Block) -> Option<&str> {
    let node = block.nodes.iter().find(|n| n.name.text == "kind")?;
    match &node.arguments().next()?.value {
        NodeKind::String(kind) => Some(kind),
        _ => None,
    }
}
