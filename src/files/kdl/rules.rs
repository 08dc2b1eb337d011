//! What KDL nodes mean, by shape: a map of tables is written once for each entry with its key or
//! keys as arguments, a list of tables once for each row, a table as a block or as properties,
//! and the shape says whether one argument is a scalar or a list.
//!
//! In free-form places one argument is a scalar, several are a list, a list of none or one is
//! `(list)key …`, and nested lists and tables are children named `-`.

use std::sync::Arc;

use super::syntax::{Block, RawEntry, RawNode, Word};
use crate::{
    diagnostic::{Diagnostic, Span, position},
    files::{
        comments::split_first_row,
        shape::Shape,
        tree::{Comments, Element, Entry, KeyText, Node, NodeKind, Path, Table},
    },
    ident::did_you_mean,
};

/// How a value of the tree is written; edits begin here.
#[derive(Clone, Debug)]
pub(in crate::files) struct Place {
    /// What the value is written as.
    pub(in crate::files) form: Form,
    /// All bytes that go when the value goes: a node, a property, an argument.
    pub(in crate::files) whole: Span,
    /// The name of the node.
    pub(in crate::files) name: Option<Span>,
    /// The key where it is spelled here.
    pub(in crate::files) key: Option<Span>,
    /// The block of a node from brace to brace.
    pub(in crate::files) block: Option<Span>,
    /// Where the head of the node ends: behind its name, arguments and properties.
    pub(in crate::files) head_end: usize,
}

/// What a value is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::files) enum Form {
    /// A node of its own.
    Node,
    /// A node whose first argument is the key.
    MapEntry,
    /// A node whose second argument is the key.
    Class,
    /// A property.
    Property,
    /// An argument.
    Argument,
}

/// Reads nodes by shape.
pub(in crate::files) struct Reader<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    /// What was found wrong.
    pub(in crate::files) diagnostics: Vec<Diagnostic>,
    /// Every value with how it is written.
    pub(in crate::files) places: Vec<(Path, Place)>,
}

impl<'a> Reader<'a> {
    /// A reader of the nodes of `text`.
    pub(in crate::files) fn new(text: &'a str, file: &'a Arc<str>) -> Self {
        Self { text, file, diagnostics: Vec::new(), places: Vec::new() }
    }

    /// Reads a whole document.
    pub(in crate::files) fn document(&mut self, block: &Block, shape: &Shape) -> Table {
        let mut table = Table { dangling: block.dangling.clone(), ..Table::default() };
        self.nodes_into(&mut table, &block.nodes, shape, &Path::default());
        table
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, hint: &str) {
        let diagnostic = Diagnostic::error(code, self.file, span, message);
        self.diagnostics.push(if hint.is_empty() { diagnostic } else { diagnostic.with_hint(hint) });
    }

    fn place(&mut self, path: &Path, form: Form, whole: Span, key: Option<Span>, node: Option<&RawNode>) {
        let place = Place {
            form,
            whole,
            name: node.map(|n| n.name.span),
            key,
            block: node.and_then(|n| n.block.as_ref()).map(|b| b.span),
            head_end: node.map_or(whole.end, head_end),
        };
        self.places.push((path.clone(), place));
    }

    /// Reads each node as one or more keys of `table`.
    fn nodes_into(&mut self, table: &mut Table, nodes: &[RawNode], shape: &Shape, path: &Path) {
        for node in nodes {
            let key_shape = shape_at(shape, &node.name.text);
            let at = path.join(&node.name.text);
            if let Some(entry_shape) = key_shape.map_of_tables()
                && node.arguments().next().is_some()
            {
                self.map_entry(table, node, entry_shape, &at);
            } else if let Some(row_shape) = key_shape.list_of_tables()
                && !is_list_written_out(node)
            {
                self.row(table, node, row_shape, &at);
            } else {
                self.place(&at, Form::Node, node.span, Some(node.name.span), Some(node));
                let mut comments = node.comments.clone();
                let value = self.value(node, key_shape, &at, &mut comments);
                self.insert(table, &node.name, value, comments);
            }
        }
        let split = |(key, entry): (&KeyText, &mut Entry)| {
            let is_rows = shape_at(shape, key).list_of_tables().is_some();
            if let NodeKind::List(rows) = &mut entry.node.kind
                && let Some(first) = rows.first_mut()
                && is_rows
                && entry.comments == Comments::default()
            {
                entry.comments = split_first_row(&mut first.comments.above);
            }
        };
        table.entries.iter_mut().for_each(split);
    }

    /// Adds a key; a key that is there already is an error.
    fn insert(&mut self, table: &mut Table, key: &Word, node: Node, comments: Comments) {
        if let Some(earlier) = table.entries.get(&key.text) {
            let line = position(self.text, earlier.key_span.start).line;
            let message = format!("`{}` is already defined", key.text);
            self.error("duplicate-key", key.span, message, &format!("it was first written on line {line}"));
            return;
        }
        table.entries.insert(key.text.clone(), Entry { key_span: key.span, node, comments });
    }

    /// Reads `task generate {…}` or `node positive CLIPTextEncode title="…" {…}`.
    fn map_entry(&mut self, table: &mut Table, node: &RawNode, entry_shape: &Shape, at: &Path) {
        let arguments: Vec<&RawEntry> = node.arguments().collect();
        let keys: Vec<Word> = arguments.iter().filter_map(|a| self.key_argument(a)).collect();
        let class_shape = entry_shape.rest_table();
        let most = if class_shape.is_some() { 2 } else { 1 };
        if let Some(surplus) = arguments.get(most) {
            let message = format!("`{}` takes {}", node.name.text, if most == 2 { "two names" } else { "one name" });
            self.error("kdl-argument", surplus.span, message, "write what belongs to it as properties or in its block");
        }
        let Some(key) = keys.first() else { return };
        let entry_path = at.join(&key.text);
        self.place(&entry_path, Form::MapEntry, node.span, Some(key.span), Some(node));
        let mut entry = Table::default();
        self.properties_into(&mut entry, node, entry_shape, &entry_path);
        match (keys.get(1), class_shape) {
            (Some(class), Some(class_shape)) => {
                let class_path = entry_path.join(&class.text);
                self.place(&class_path, Form::Class, node.span, Some(class.span), Some(node));
                let mut inputs = Table::default();
                self.block_into(&mut inputs, node, class_shape, &class_path);
                let inputs = Node { span: node.span, kind: inputs.into() };
                self.insert(&mut entry, class, inputs, Comments::default());
            }
            _ => self.block_into(&mut entry, node, entry_shape, &entry_path),
        }
        let map = table.entries.entry(node.name.text.clone()).or_insert_with(|| Entry {
            key_span: node.name.span,
            node: Node { span: node.span, kind: Table::default().into() },
            comments: Comments::default(),
        });
        let mut entries = std::mem::replace(&mut map.node.kind, NodeKind::Bool(false));
        if let NodeKind::Table(map) = &mut entries {
            let entry = Node { span: node.span, kind: entry.into() };
            self.insert(map, key, entry, node.comments.clone());
        }
        if let Some(map) = table.entries.get_mut(&node.name.text) {
            map.node.kind = entries;
        }
    }

    /// The argument as the key of an entry.
    fn key_argument(&mut self, argument: &RawEntry) -> Option<Word> {
        if let NodeKind::String(text) = &argument.value {
            let bare = !self.text[argument.value_span.range()].starts_with(['"', '#']);
            return Some(Word { text: text.into(), span: argument.value_span, bare });
        }
        self.error("kdl-argument", argument.span, "a name must be text", "names begin with a letter or `_`");
        None
    }

    /// Reads one row of a list of tables.
    fn row(&mut self, table: &mut Table, node: &RawNode, row_shape: &Shape, at: &Path) {
        if let Some(argument) = node.arguments().next() {
            let message = format!("a row of `{}` is written with properties or a block", node.name.text);
            self.error("kdl-argument", argument.span, message, "put the name of the key before the value: `key=value`");
        }
        let list = table.entries.entry(node.name.text.clone()).or_insert_with(|| Entry {
            key_span: node.name.span,
            node: Node { span: node.span, kind: NodeKind::List(Vec::new()) },
            comments: Comments::default(),
        });
        let NodeKind::List(rows) = &mut list.node.kind else { return };
        let row_path = at.join(rows.len());
        self.place(&row_path, Form::Node, node.span, None, Some(node));
        let mut row = Table::default();
        self.properties_into(&mut row, node, row_shape, &row_path);
        self.block_into(&mut row, node, row_shape, &row_path);
        let node_of_row = Node { span: node.span, kind: row.into() };
        rows.push(Element { node: node_of_row, comments: node.comments.clone() });
    }

    fn properties_into(&mut self, table: &mut Table, node: &RawNode, shape: &Shape, path: &Path) {
        for (key, entry) in node.properties() {
            let at = path.join(&key.text);
            self.place(&at, Form::Property, entry.span, Some(key.span), None);
            let scalar = Node { span: entry.value_span, kind: entry.value.clone() };
            let value = match &shape_at(shape, &key.text) {
                list if list.takes_list() && !list.takes_scalar() => {
                    let element = Element { node: scalar, comments: Comments::default() };
                    Node { span: entry.value_span, kind: NodeKind::List(vec![element]) }
                }
                _ => scalar,
            };
            self.insert(table, key, value, Comments::default());
        }
    }

    fn block_into(&mut self, table: &mut Table, node: &RawNode, shape: &Shape, path: &Path) {
        if let Some(block) = &node.block {
            self.nodes_into(table, &block.nodes, shape, path);
            table.dangling.clone_from(&block.dangling);
        }
    }

    /// Reads the value of a node: its arguments, its properties and its block. Comments that the
    /// value has no place for are added to `comments`.
    fn value(&mut self, node: &RawNode, shape: &Shape, at: &Path, comments: &mut Comments) -> Node {
        let is_list = self.is_annotated_list(node);
        let children = node.block.as_ref().map_or(&[][..], |b| &b.nodes);
        let arguments = node.arguments().count();
        let kind = if !children.is_empty() && children.iter().all(is_dash) {
            if let Some(surplus) = node.entries.first() {
                let message = "a list is written as arguments or as children named `-`, not both";
                self.error("kdl-mixed", surplus.span, message, "move the value into the block: `- value`");
            }
            comments.above.extend(node.block.as_ref().into_iter().flat_map(|b| b.dangling.clone()));
            self.dashes(children, shape, at)
        } else if self.is_braced_text(node, shape) {
            NodeKind::String(self.text[span_after_name(node).range()].to_owned())
        } else if node.block.is_some() || node.properties().next().is_some() {
            self.table(node, shape, at)
        } else if is_list || arguments > 1 || (shape.takes_list() && !shape.takes_scalar() && !shape.is_free_form()) {
            self.arguments(node, at)
        } else if let Some(argument) = node.arguments().next() {
            return Node { span: argument.value_span, kind: argument.value.clone() };
        } else {
            let hint = "write the value behind the key, `{}` for an empty table, or `(list)` before the key";
            self.error("kdl-no-value", node.name.span, format!("`{}` has no value", node.name.text), hint);
            NodeKind::String(String::new())
        };
        let span = match (&kind, node.entries.first(), node.entries.last()) {
            (NodeKind::List(_), Some(first), Some(last)) => Span::new(first.span.start, last.span.end),
            _ => node.span,
        };
        Node { span, kind }
    }

    fn is_annotated_list(&mut self, node: &RawNode) -> bool {
        match &node.annotation {
            Some(word) if word.text == "list" => true,
            Some(word) => {
                let message = format!("`({})` has no meaning; only `(list)` has", word.text);
                let diagnostic = Diagnostic::error("kdl-annotation", self.file, word.span, message);
                self.diagnostics.push(diagnostic.with_fix("remove it", word.span, ""));
                false
            }
            None => false,
        }
    }

    fn dashes(&mut self, children: &[RawNode], shape: &Shape, at: &Path) -> NodeKind {
        let mut elements = Vec::new();
        for (index, child) in children.iter().enumerate() {
            let element_path = at.join(index);
            self.place(&element_path, Form::Node, child.span, None, Some(child));
            let mut comments = child.comments.clone();
            let node = self.value(child, shape.element(), &element_path, &mut comments);
            elements.push(Element { node, comments });
        }
        NodeKind::List(elements)
    }

    fn table(&mut self, node: &RawNode, shape: &Shape, at: &Path) -> NodeKind {
        if let Some(surplus) = node.arguments().next() {
            let message = format!("`{}` has both a value and {}", node.name.text, table_form(node));
            self.error(
                "kdl-mixed",
                surplus.span,
                message,
                "a table takes no values of its own; quote text with blanks",
            );
        }
        let mut table = Table::default();
        self.properties_into(&mut table, node, shape, at);
        self.block_into(&mut table, node, shape, at);
        table.into()
    }

    fn arguments(&mut self, node: &RawNode, at: &Path) -> NodeKind {
        let mut elements = Vec::new();
        for (index, argument) in node.arguments().enumerate() {
            self.place(&at.join(index), Form::Argument, argument.span, None, None);
            let value = Node { span: argument.value_span, kind: argument.value.clone() };
            elements.push(Element { node: value, comments: Comments::default() });
        }
        NodeKind::List(elements)
    }

    /// Whether the node is text with braces that lost its quotes, as `text {subject}` or
    /// `text portrait of {subject}`; reports it.
    fn is_braced_text(&mut self, node: &RawNode, shape: &Shape) -> bool {
        let Some(block) = &node.block else { return false };
        let has_words = node.arguments().next().is_some();
        let looks_like_text = !block.nodes.is_empty()
            && block.nodes.iter().all(|n| n.entries.is_empty() && n.block.is_none() && n.annotation.is_none());
        let text_expected = shape.takes_scalar() && !shape.is_free_form() && !shape.takes_table();
        let one_line = !self.text[block.span.range()].contains('\n');
        if node.properties().next().is_some() || !one_line || !(looks_like_text || text_expected) {
            return false;
        }
        if !(has_words || text_expected || (shape.is_free_form() && block.nodes.len() == 1)) || shape.is_table_only() {
            return false;
        }
        let span = span_after_name(node);
        let raw = &self.text[span.range()];
        let message =
            format!("text with braces must be quoted: `{}` is read as a block", &self.text[block.span.range()]);
        let diagnostic = Diagnostic::error("kdl-bare-brace", self.file, span, message);
        self.diagnostics.push(if raw.contains(['"', '\\', '\n', '#']) {
            diagnostic.with_hint("put the whole text in quotes")
        } else {
            diagnostic.with_fix("quote it", span, format!("\"{raw}\""))
        });
        true
    }
}

/// The shape of a key; for an unknown key that of the key it resembles, so that a slip of the pen
/// does not change how the rest is read.
fn shape_at<'s>(shape: &'s Shape, key: &str) -> &'s Shape {
    shape
        .at_key(key)
        .or_else(|| did_you_mean(key, shape.known_keys()).and_then(|meant| shape.at_key(meant)))
        .unwrap_or(&Shape::Any)
}

/// Whether a list of tables is written as one node: `(list)key`, or with children named `-`.
fn is_list_written_out(node: &RawNode) -> bool {
    let dashes = node.block.as_ref().is_some_and(|b| !b.nodes.is_empty() && b.nodes.iter().all(is_dash));
    node.annotation.as_ref().is_some_and(|a| a.text == "list") || dashes
}

fn is_dash(node: &RawNode) -> bool {
    node.name.bare && node.name.text == "-"
}

fn table_form(node: &RawNode) -> &'static str {
    if node.block.is_some() { "a block" } else { "properties" }
}

/// Where the name, the arguments and the properties of a node end.
fn head_end(node: &RawNode) -> usize {
    node.entries.last().map_or(node.name.span.end, |e| e.span.end)
}

/// All that stands behind the name of a node.
fn span_after_name(node: &RawNode) -> Span {
    let start = match (node.entries.first(), &node.block) {
        (Some(entry), _) => entry.span.start,
        (None, Some(block)) => block.span.start,
        (None, None) => node.span.end,
    };
    Span::new(start, node.span.end)
}
