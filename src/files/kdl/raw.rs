//! The parts of a KDL text with their places.

use crate::{
    diagnostic::Span,
    files::tree::{Comments, KeyText, NodeKind},
};

/// Nodes in order, with the comments after the last.
#[derive(Debug, Default)]
pub(in crate::files) struct Block {
    /// From brace to brace; the whole text for a document.
    pub(in crate::files) span: Span,
    /// The nodes.
    pub(in crate::files) nodes: Vec<RawNode>,
    /// Comments after the last node.
    pub(in crate::files) dangling: Vec<String>,
}

/// One node.
#[derive(Debug)]
pub(in crate::files) struct RawNode {
    /// From the annotation or name to the last argument or closing brace.
    pub(in crate::files) span: Span,
    /// `(list)`
    pub(in crate::files) annotation: Option<Word>,
    /// Its name.
    pub(in crate::files) name: Word,
    /// Arguments and properties in order.
    pub(in crate::files) entries: Vec<RawEntry>,
    /// `{…}`
    pub(in crate::files) block: Option<Block>,
    /// Comments beside it.
    pub(in crate::files) comments: Comments,
}

/// A bare or quoted string that is a name.
#[derive(Clone, Debug)]
pub(in crate::files) struct Word {
    /// What it says.
    pub(in crate::files) text: KeyText,
    /// Its bytes, quotes included.
    pub(in crate::files) span: Span,
    /// Whether it is without quotes.
    pub(in crate::files) bare: bool,
}

/// An argument or a property.
#[derive(Debug)]
pub(in crate::files) struct RawEntry {
    /// The name of a property.
    pub(in crate::files) key: Option<Word>,
    /// From the key or annotation to the end of the value.
    pub(in crate::files) span: Span,
    /// The value's bytes.
    pub(in crate::files) value_span: Span,
    /// The value.
    pub(in crate::files) value: NodeKind,
}

impl RawNode {
    /// The arguments.
    pub(in crate::files) fn arguments(&self) -> impl Iterator<Item = &RawEntry> {
        self.entries.iter().filter(|e| e.key.is_none())
    }

    /// The properties with their names.
    pub(in crate::files) fn properties(&self) -> impl Iterator<Item = (&Word, &RawEntry)> {
        self.entries.iter().filter_map(|e| e.key.as_ref().map(|key| (key, e)))
    }
}
