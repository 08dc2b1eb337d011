//! Statements into the tree: headers, dotted keys and arrays of tables find their table, in order
//! of appearance.

use std::sync::Arc;

use indexmap::map::Entry;

use super::syntax::{self, Header, Key, Pair, Statement, Value, ValueKind};
use crate::{
    diagnostic::{Diagnostic, Span, position},
    files::{
        MAX_DEPTH,
        comments::split_first_row,
        findings::too_deep,
        tree::{self, Comments, Element, Node, NodeKind, Table},
    },
};

/// Reads a TOML text. All errors are reported; with an error of syntax there is no tree, with
/// any other the tree holds what could be read.
pub fn parse(text: &str, file: &Arc<str>) -> (Option<Node>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let outline = syntax::read(text, file, &mut diagnostics);
    let broken = diagnostics.iter().any(|d| matches!(d.code, "toml-syntax" | "too-deep"));
    let mut builder =
        Builder { text, file, root: Building::new(Origin::Header, Span::new(0, text.len())), diagnostics };
    let mut section = Some(Vec::new());
    for statement in outline.statements {
        match statement {
            Statement::Header(header) => section = builder.header(header),
            Statement::Pair(pair) => {
                if let Some(section) = &section {
                    builder.pair(section, pair);
                }
            }
        }
    }
    let too_deep = builder.diagnostics.iter().any(|d| d.code == "too-deep");
    let mut root = builder.root.into_table();
    root.dangling = outline.dangling;
    let node = Node { span: Span::new(0, text.len()), kind: root.into() };
    let mut diagnostics = builder.diagnostics;
    diagnostics.sort_by_key(|d| d.span);
    ((!broken && !too_deep).then_some(node), diagnostics)
}

/// How a table came to be, which decides what may still be added to it.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// Named only as the way to a deeper header.
    Implicit,
    /// By its own header.
    Header,
    /// By a dotted key.
    Dotted,
}

/// A table that is not finished yet: its entries, and apart the tables within it, which stand for
/// nothing in the entries until they are finished.
struct Building {
    origin: Origin,
    span: Span,
    table: Table,
    /// By position among the entries, ascending.
    open: Vec<(usize, Open)>,
}

enum Open {
    Table(Building),
    Rows(Vec<(Building, Comments)>),
}

impl Building {
    fn new(origin: Origin, span: Span) -> Self {
        Self { origin, span, table: Table::default(), open: Vec::new() }
    }

    /// The unfinished tables of a key, with the place of the key.
    fn open_at(&mut self, key: &str) -> Option<(Span, Option<&mut Open>)> {
        let (index, _, entry) = self.table.entries.get_full(key)?;
        let found = self.open.binary_search_by_key(&index, |(at, _)| *at);
        Some((entry.key_span, found.ok().map(|at| &mut self.open[at].1)))
    }

    fn insert_open(&mut self, key: &Key, comments: Comments, open: Open) {
        let unfinished = Node::from(NodeKind::Bool(false));
        let entry = tree::Entry { key_span: key.span, node: unfinished, comments };
        let (index, _) = self.table.entries.insert_full(key.text.clone(), entry);
        self.open.push((index, open));
    }

    fn into_table(self) -> Table {
        let Self { mut table, open, .. } = self;
        for (index, open) in open {
            let entry = &mut table.entries[index];
            match open {
                Open::Table(inner) => entry.node = inner.into_node(),
                Open::Rows(mut rows) => {
                    let span = rows.first().map_or(entry.key_span, |(row, _)| row.span);
                    if let Some((_, first)) = rows.first_mut() {
                        entry.comments = split_first_row(&mut first.above);
                    }
                    let element = |(row, comments): (Building, Comments)| Element { node: row.into_node(), comments };
                    entry.node = Node { span, kind: NodeKind::List(rows.into_iter().map(element).collect()) };
                }
            }
        }
        table
    }

    fn into_node(self) -> Node {
        Node { span: self.span, kind: self.into_table().into() }
    }
}

struct Builder<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    root: Building,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    /// Enters the table of a header; none when it cannot be.
    fn header(&mut self, header: Header) -> Option<Vec<String>> {
        let Header { keys, array, span, comments } = header;
        if self.is_too_deep(keys.len(), span) {
            return None;
        }
        let (last, parents) = keys.split_last()?;
        let outcome = descend(&mut self.root, parents, span, Origin::Implicit)
            .and_then(|parent| open_table(parent, last, array, span, comments));
        if let Err(conflict) = outcome {
            self.report(last, &conflict);
            return None;
        }
        Some(keys.into_iter().map(|k| k.text).collect())
    }

    /// Adds a pair to the table of `section`.
    fn pair(&mut self, section: &[String], pair: Pair) {
        if self.is_too_deep(section.len() + pair.keys.len(), pair.span()) {
            return;
        }
        let Pair { keys, value, comments } = pair;
        let span = Span::new(keys.first().map_or(value.span.start, |k| k.span.start), value.span.end);
        let Some((last, parents)) = keys.split_last() else { return };
        let node = self.node(value);
        let table = section.iter().try_fold(&mut self.root, |table, key| existing_table(table, key));
        let Some(table) = table else { return };
        let outcome =
            descend(table, parents, span, Origin::Dotted).and_then(|parent| insert_value(parent, last, comments, node));
        if let Err(conflict) = outcome {
            self.report(last, &conflict);
        }
    }

    fn node(&mut self, value: Value) -> Node {
        let Value { span, kind } = value;
        let kind = match kind {
            ValueKind::Scalar(kind) => kind,
            ValueKind::Array(items) => {
                let element = |(value, comments)| Element { node: self.node(value), comments };
                NodeKind::List(items.into_iter().map(element).collect())
            }
            ValueKind::Inline(pairs, dangling) => Table { dangling, ..self.inline_table(pairs, span) }.into(),
        };
        Node { span, kind }
    }

    fn inline_table(&mut self, pairs: Vec<Pair>, span: Span) -> Table {
        let mut table = Building::new(Origin::Header, span);
        for Pair { keys, value, comments } in pairs {
            let Some((last, parents)) = keys.split_last() else { continue };
            if self.is_too_deep(parents.len(), last.span) {
                continue;
            }
            let pair_span = Span::new(keys[0].span.start, value.span.end);
            let node = self.node(value);
            let outcome = descend(&mut table, parents, pair_span, Origin::Dotted)
                .and_then(|parent| insert_value(parent, last, comments, node));
            if let Err(conflict) = outcome {
                self.report(last, &conflict);
            }
        }
        table.into_table()
    }

    fn is_too_deep(&mut self, depth: usize, span: Span) -> bool {
        if depth > MAX_DEPTH && !self.diagnostics.iter().any(|d| d.code == "too-deep") {
            self.diagnostics.push(too_deep(span, self.file));
        }
        depth > MAX_DEPTH
    }

    fn report(&mut self, key: &Key, conflict: &Conflict) {
        let (span, key, earlier, message) = match conflict {
            Conflict::Defined(earlier) => (key.span, &key.text, earlier, "is already defined"),
            Conflict::NotATable(key, earlier) => (key.span, &key.text, earlier, "is not a table that can be added to"),
        };
        let line = position(self.text, earlier.start).line;
        let diagnostic = Diagnostic::error("duplicate-key", self.file, span, format!("`{key}` {message}"))
            .with_hint(format!("it was first written on line {line}"));
        self.diagnostics.push(diagnostic);
    }
}

/// Why a statement has no place; with the earlier key in its way.
enum Conflict {
    Defined(Span),
    NotATable(Key, Span),
}

/// Goes along `keys`, making tables of `origin` where there are none.
fn descend<'t>(
    table: &'t mut Building,
    keys: &[Key],
    span: Span,
    origin: Origin,
) -> Result<&'t mut Building, Conflict> {
    let mut table = table;
    for key in keys {
        if !table.table.entries.contains_key(&key.text) {
            table.insert_open(key, Comments::default(), Open::Table(Building::new(origin, span)));
        }
        let Some((earlier, open)) = table.open_at(&key.text) else { unreachable!("it was just inserted") };
        table = match open {
            Some(Open::Table(inner)) if origin == Origin::Implicit || inner.origin == Origin::Dotted => inner,
            Some(Open::Rows(rows)) if origin == Origin::Implicit => match rows.last_mut() {
                Some((row, _)) => row,
                None => return Err(Conflict::NotATable(key.clone(), earlier)),
            },
            _ => return Err(Conflict::NotATable(key.clone(), earlier)),
        };
    }
    Ok(table)
}

/// Makes the table that a header names.
fn open_table(parent: &mut Building, key: &Key, array: bool, span: Span, comments: Comments) -> Result<(), Conflict> {
    let table = Building::new(Origin::Header, span);
    match parent.open_at(&key.text) {
        None if array => parent.insert_open(key, Comments::default(), Open::Rows(vec![(table, comments)])),
        None => parent.insert_open(key, comments, Open::Table(table)),
        Some((_, Some(Open::Rows(rows)))) if array => rows.push((table, comments)),
        Some((_, Some(Open::Table(implicit)))) if implicit.origin == Origin::Implicit && !array => {
            (implicit.origin, implicit.span) = (Origin::Header, span);
            if let Some(entry) = parent.table.entries.get_mut(&key.text) {
                (entry.key_span, entry.comments) = (key.span, comments);
            }
        }
        Some((earlier, _)) => return Err(Conflict::Defined(earlier)),
    }
    Ok(())
}

fn insert_value(parent: &mut Building, key: &Key, comments: Comments, node: Node) -> Result<(), Conflict> {
    match parent.table.entries.entry(key.text.clone()) {
        Entry::Occupied(earlier) => Err(Conflict::Defined(earlier.get().key_span)),
        Entry::Vacant(place) => {
            place.insert(tree::Entry { key_span: key.span, node, comments });
            Ok(())
        }
    }
}

fn existing_table<'t>(table: &'t mut Building, key: &str) -> Option<&'t mut Building> {
    match table.open_at(key)?.1? {
        Open::Table(table) => Some(table),
        Open::Rows(rows) => rows.last_mut().map(|(row, _)| row),
    }
}
