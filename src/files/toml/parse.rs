//! Statements into the tree: headers, dotted keys and arrays of tables find their table, in order
//! of appearance.

use std::{mem, sync::Arc};

use indexmap::map::Entry;

use super::syntax::{self, Header, Key, Keys, Pair, Statement, Value, ValueKind};
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
    let mut builder = Builder { text, file, diagnostics };
    let mut root = Building::new(Origin::Header, Span::new(0, text.len()));
    let mut statements = outline.statements.into_iter();
    root.expect(pairs_ahead(statements.as_slice()));
    let mut section = Some(Section { table: &mut root, depth: 0 });
    while let Some(statement) = statements.next() {
        match (statement, &mut section) {
            (Statement::Header(header), _) => {
                section = builder.header(&mut root, header);
                if let Some(section) = &mut section {
                    section.table.expect(pairs_ahead(statements.as_slice()));
                }
            }
            (Statement::Pair(pair), Some(section)) => builder.pair(section, pair),
            (Statement::Pair(_), None) => {}
        }
    }
    let too_deep = builder.diagnostics.iter().any(|d| d.code == "too-deep");
    let mut root = root.into_table();
    root.dangling = outline.dangling;
    let node = Node { span: Span::new(0, text.len()), kind: root.into() };
    let mut diagnostics = builder.diagnostics;
    diagnostics.sort_by_key(|d| d.span);
    ((!broken && !too_deep).then_some(node), diagnostics)
}

/// How many pairs come before the next header.
fn pairs_ahead(statements: &[Statement]) -> usize {
    statements.iter().take_while(|statement| matches!(statement, Statement::Pair(_))).count()
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
    Rows(Rows),
}

/// The elements of an array of tables.
struct Rows {
    before: Vec<(Building, Comments)>,
    last: (Building, Comments),
}

impl Rows {
    fn push(&mut self, row: (Building, Comments)) -> &mut Building {
        self.before.push(mem::replace(&mut self.last, row));
        &mut self.last.0
    }

    fn into_list(self, comments: &mut Comments) -> Node {
        let mut rows = self.before;
        rows.push(self.last);
        let span = rows[0].0.span;
        *comments = split_first_row(&mut rows[0].1.above);
        let element = |(row, comments): (Building, Comments)| Element { node: row.into_node(), comments };
        Node { span, kind: NodeKind::List(rows.into_iter().map(element).collect()) }
    }
}

impl Building {
    fn new(origin: Origin, span: Span) -> Self {
        Self { origin, span, table: Table::default(), open: Vec::new() }
    }

    /// Makes room for so many pairs.
    fn expect(&mut self, pairs: usize) {
        self.table.entries.reserve(pairs);
    }

    /// The place of a key, and where its unfinished tables stand.
    fn place_of(&self, key: &str) -> Option<(Span, Option<usize>)> {
        let (index, _, entry) = self.table.entries.get_full(key)?;
        Some((entry.key_span, self.open.binary_search_by_key(&index, |(at, _)| *at).ok()))
    }

    fn insert_open(&mut self, key: Key, comments: Comments, open: Open) -> &mut Building {
        let unfinished = Node { span: Span::new(0, 0), kind: NodeKind::Bool(false) };
        let entry = tree::Entry { key_span: key.span, node: unfinished, comments };
        let (index, _) = self.table.entries.insert_full(key.text, entry);
        match &mut self.open.push_mut((index, open)).1 {
            Open::Table(table) => table,
            Open::Rows(rows) => &mut rows.last.0,
        }
    }

    fn into_table(self) -> Table {
        let Self { mut table, open, .. } = self;
        for (index, open) in open {
            let entry = &mut table.entries[index];
            match open {
                Open::Table(inner) => entry.node = inner.into_node(),
                Open::Rows(rows) => entry.node = rows.into_list(&mut entry.comments),
            }
        }
        table
    }

    fn into_node(self) -> Node {
        Node { span: self.span, kind: self.into_table().into() }
    }
}

/// The table that pairs go into, and how deep it lies.
struct Section<'t> {
    table: &'t mut Building,
    depth: usize,
}

struct Builder<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    /// Enters the table of a header; none when it cannot be.
    fn header<'t>(&mut self, root: &'t mut Building, header: Header) -> Option<Section<'t>> {
        let Header { mut keys, array, span, comments } = header;
        let depth = keys.len();
        if self.is_too_deep(depth, span) {
            return None;
        }
        let last = keys.pop()?;
        let outcome = descend(root, keys, span, Origin::Implicit)
            .and_then(|parent| open_table(parent, last, array, span, comments));
        match outcome {
            Ok(table) => Some(Section { table, depth }),
            Err(conflict) => {
                self.report(&conflict);
                None
            }
        }
    }

    /// Adds a pair to the table of `section`.
    fn pair(&mut self, section: &mut Section<'_>, pair: Pair) {
        if self.is_too_deep(section.depth + pair.keys.len(), pair.span()) {
            return;
        }
        self.insert(section.table, pair);
    }

    fn insert(&mut self, table: &mut Building, pair: Pair) {
        let span = pair.span();
        let Pair { mut keys, value, comments } = pair;
        let Some(last) = keys.pop() else { return };
        let node = self.node(value);
        let outcome =
            descend(table, keys, span, Origin::Dotted).and_then(|parent| insert_value(parent, last, comments, node));
        if let Err(conflict) = outcome {
            self.report(&conflict);
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
        for pair in pairs {
            let span = pair.keys.last().map_or(span, |key| key.span);
            if !self.is_too_deep(pair.keys.len().saturating_sub(1), span) {
                self.insert(&mut table, pair);
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

    fn report(&mut self, conflict: &Conflict) {
        let Conflict { key, earlier, kind } = conflict;
        let (span, key) = (key.span, &key.text);
        let message = match kind {
            ConflictKind::Defined => "is already defined",
            ConflictKind::NotATable => "is not a table that can be added to",
        };
        let line = position(self.text, earlier.start).line;
        let diagnostic = Diagnostic::error("duplicate-key", self.file, span, format!("`{key}` {message}"))
            .with_hint(format!("it was first written on line {line}"));
        self.diagnostics.push(diagnostic);
    }
}

/// Why a statement has no place.
struct Conflict {
    /// The key of the statement that cannot be.
    key: Key,
    /// The earlier key in its way.
    earlier: Span,
    kind: ConflictKind,
}

enum ConflictKind {
    Defined,
    NotATable,
}

/// Goes along `keys`, making tables of `origin` where there are none.
fn descend(table: &mut Building, keys: Keys, span: Span, origin: Origin) -> Result<&mut Building, Conflict> {
    if keys.is_empty() {
        return Ok(table);
    }
    keys.into_iter().try_fold(table, |table, key| step(table, key, span, origin))
}

fn step(table: &mut Building, key: Key, span: Span, origin: Origin) -> Result<&mut Building, Conflict> {
    let Some((earlier, open)) = table.place_of(&key.text) else {
        let mut new = Building::new(origin, span);
        new.expect(1);
        return Ok(table.insert_open(key, Comments::default(), Open::Table(new)));
    };
    let conflict = Conflict { key, earlier, kind: ConflictKind::NotATable };
    match open.map(|at| &mut table.open[at].1) {
        Some(Open::Table(inner)) if origin == Origin::Implicit || inner.origin == Origin::Dotted => Ok(inner),
        Some(Open::Rows(rows)) if origin == Origin::Implicit => Ok(&mut rows.last.0),
        _ => Err(conflict),
    }
}

/// Makes the table that a header names.
fn open_table(
    parent: &mut Building,
    key: Key,
    array: bool,
    span: Span,
    comments: Comments,
) -> Result<&mut Building, Conflict> {
    let new = Building::new(Origin::Header, span);
    let Some((earlier, open)) = parent.place_of(&key.text) else {
        return Ok(if array {
            let rows = Rows { before: Vec::new(), last: (new, comments) };
            parent.insert_open(key, Comments::default(), Open::Rows(rows))
        } else {
            parent.insert_open(key, comments, Open::Table(new))
        });
    };
    match open.map(|at| &mut parent.open[at].1) {
        Some(Open::Rows(rows)) if array => Ok(rows.push((new, comments))),
        Some(Open::Table(implicit)) if implicit.origin == Origin::Implicit && !array => {
            (implicit.origin, implicit.span) = (Origin::Header, span);
            if let Some(entry) = parent.table.entries.get_mut(&key.text) {
                (entry.key_span, entry.comments) = (key.span, comments);
            }
            Ok(implicit)
        }
        _ => Err(Conflict { key, earlier, kind: ConflictKind::Defined }),
    }
}

fn insert_value(parent: &mut Building, key: Key, comments: Comments, node: Node) -> Result<(), Conflict> {
    match parent.table.entries.entry(key.text) {
        Entry::Occupied(earlier) => {
            let key = Key { text: earlier.key().clone(), span: key.span };
            Err(Conflict { key, earlier: earlier.get().key_span, kind: ConflictKind::Defined })
        }
        Entry::Vacant(place) => {
            place.insert(tree::Entry { key_span: key.span, node, comments });
            Ok(())
        }
    }
}
