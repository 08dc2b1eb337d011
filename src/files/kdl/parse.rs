//! KDL text to the tree: the document's kind chooses the shape, the shape reads the nodes.

use std::sync::Arc;

use super::{
    rules::Reader,
    syntax::{self, Block},
};
use crate::{
    diagnostic::{Diagnostic, Span},
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
    let mut reader = Reader::new(text, file, diagnostics);
    let table = reader.document(&block, &shape);
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort_by_key(|d| d.span);
    let node = Node { span: Span::new(0, text.len()), kind: NodeKind::Table(table) };
    ((!broken).then_some(node), diagnostics)
}

/// What the first node `kind` says.
fn kind_of(block: &Block) -> Option<&str> {
    let node = block.nodes.iter().find(|n| n.name.text == "kind")?;
    match &node.arguments().next()?.value {
        NodeKind::String(kind) => Some(kind),
        _ => None,
    }
}
