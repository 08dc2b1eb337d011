//! The canonical layout of TOML: the document's own keys first, a header for each table and each
//! entry of a map of tables, small tables inline, one line for each row of a nested list of
//! tables, `[[…]]` for those of the document.
//!
//! Writes TOML 1.0: inline tables never span lines.

use crate::files::{
    Format,
    layout::{
        Line, MAX_COLUMNS, above_lines, align_rows, comment_lines, has_inner_comments, inner_comments, is_commented,
        prepend_block, width, write_lines,
    },
    literal::{key_literal, long_text_literal, scalar_literal},
    shape::{Shape, TableShape},
    tree::{Comments, Element, Entry, KeyText, Node, NodeKind, Table},
};

/// Prints a document.
///
/// Order of appearance is kept, but for known keys: their plain values come before their tables.
pub fn print(node: &Node, shape: &Shape) -> String {
    let NodeKind::Table(table) = &node.kind else { return inline(node) };
    let mut printer = Printer { out: String::new() };
    printer.section(&[], table, shape);
    let dangling = above_lines(&table.dangling, "#", "", true);
    if !dangling.is_empty() && !printer.out.is_empty() {
        printer.out.push('\n');
    }
    write_lines(&mut printer.out, &dangling, "#");
    printer.out
}

/// A value on one line.
pub(in crate::files) fn inline(node: &Node) -> String {
    match &node.kind {
        NodeKind::List(elements) => {
            let items: Vec<String> = elements.iter().map(|e| inline(&e.node)).collect();
            format!("[{}]", items.join(", "))
        }
        NodeKind::Table(table) if table.entries.is_empty() => "{}".to_owned(),
        NodeKind::Table(table) => format!("{{ {} }}", cells(table).join(", ")),
        scalar => scalar_literal(scalar, Format::Toml).unwrap_or_default(),
    }
}

fn cells(table: &Table) -> Vec<String> {
    table.entries.iter().map(|(key, e)| format!("{} = {}", toml_key(key), inline(&e.node))).collect()
}

fn toml_key(key: &str) -> String {
    key_literal(key, Format::Toml)
}

fn dotted_key(keys: &[KeyText]) -> String {
    keys.iter().map(|k| toml_key(k)).collect::<Vec<_>>().join(".")
}

/// How an entry of a table is written.
#[derive(Clone, Copy, PartialEq)]
enum Placement {
    /// `key = value`
    Pair,
    /// `key.inner = value`, one line for each
    Dotted,
    /// `[path.key]`
    Header,
    /// `[[path.key]]`
    Rows,
}

struct Printer {
    out: String,
}

impl Printer {
    /// Prints the pairs of a table, then its tables.
    fn section(&mut self, path: &[KeyText], table: &Table, shape: &Shape) {
        let placements = placements(path, table, shape);
        let mut lines = Vec::new();
        for ((key, entry), placement) in table.entries.iter().zip(&placements) {
            let is_first = lines.is_empty() && (self.out.is_empty() || !path.is_empty());
            match placement {
                Placement::Pair => push_pair(&mut lines, std::slice::from_ref(key), entry, &[], is_first),
                Placement::Dotted => push_dotted(&mut lines, std::slice::from_ref(key), entry, &[]),
                Placement::Header | Placement::Rows => {}
            }
        }
        if !path.is_empty() {
            lines.extend(above_lines(&table.dangling, "#", "", true));
        }
        write_lines(&mut self.out, &lines, "#");
        for ((key, entry), placement) in table.entries.iter().zip(&placements) {
            let mut inner = path.to_vec();
            inner.push(key.clone());
            let shape = shape.at_key(key).unwrap_or(&Shape::Any);
            match (placement, &entry.node.kind) {
                (Placement::Header, NodeKind::Table(table)) => self.table(&inner, table, shape, &entry.comments),
                (Placement::Rows, NodeKind::List(rows)) => self.rows(&inner, rows, shape, &entry.comments),
                _ => {}
            }
        }
    }

    fn table(&mut self, path: &[KeyText], table: &Table, shape: &Shape, comments: &Comments) {
        let needs_header = table.entries.is_empty()
            || is_commented(comments)
            || !table.dangling.is_empty()
            || placements(path, table, shape).iter().any(|p| matches!(p, Placement::Pair | Placement::Dotted));
        if needs_header {
            self.header(format!("[{}]", dotted_key(path)), comments);
        }
        self.section(path, table, shape);
    }

    fn rows(&mut self, path: &[KeyText], rows: &[Element], shape: &Shape, comments: &Comments) {
        for (index, row) in rows.iter().enumerate() {
            let mut own = row.comments.clone();
            if index == 0 {
                prepend_block(&comment_lines(comments), &mut own.above);
            }
            self.header(format!("[[{}]]", dotted_key(path)), &own);
            if let NodeKind::Table(table) = &row.node.kind {
                self.section(path, table, shape.element());
            }
        }
    }

    fn header(&mut self, header: String, comments: &Comments) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let mut lines = above_lines(&comments.above, "#", "", true);
        lines.push(Line { text: header, trailing: comments.trailing.clone() });
        write_lines(&mut self.out, &lines, "#");
    }
}

/// How each entry of a table is written. In a table whose order means something, what comes
/// before a plain value cannot have a header.
fn placements(path: &[KeyText], table: &Table, shape: &Shape) -> Vec<Placement> {
    let rows_fit = table.entries.iter().all(|(key, e)| fits(std::slice::from_ref(key), &e.node));
    let place = |(key, entry): (&KeyText, &Entry)| match &entry.node.kind {
        NodeKind::Table(inner) => place_table(path, key, inner, entry, shape, rows_fit),
        NodeKind::List(rows) => place_list(path, rows, shape.at_key(key)),
        _ => Placement::Pair,
    };
    let mut placements: Vec<Placement> = table.entries.iter().map(place).collect();
    let order_matters = shape.known_keys().is_empty() && !path.is_empty();
    if order_matters {
        let last_plain = placements.iter().rposition(|p| matches!(p, Placement::Pair | Placement::Dotted));
        for placement in &mut placements[..last_plain.unwrap_or(0)] {
            *placement = match *placement {
                Placement::Header => Placement::Dotted,
                Placement::Rows => Placement::Pair,
                other => other,
            };
        }
    }
    placements
}

fn place_table(
    path: &[KeyText],
    key: &KeyText,
    table: &Table,
    entry: &Entry,
    parent: &Shape,
    rows_fit: bool,
) -> Placement {
    let shape = parent.at_key(key).unwrap_or(&Shape::Any);
    let is_root = path.is_empty();
    let is_known = parent.known_keys().contains(&key.as_str());
    let fits_inline = fits(std::slice::from_ref(key), &entry.node);
    let is_class = !is_known && parent.rest_table().is_some() && !parent.known_keys().is_empty();
    if is_root {
        return if is_single_number(table, shape) && fits_inline { Placement::Pair } else { Placement::Header };
    }
    if shape.map_of_tables().is_some() || is_class {
        return Placement::Header;
    }
    if parent.map_of_tables().is_some() {
        let is_row = shape.known_keys().is_empty() && shape.rest_table().is_none();
        return if is_row && rows_fit { Placement::Pair } else { Placement::Header };
    }
    if table.entries.is_empty() && table.dangling.is_empty() {
        return Placement::Pair;
    }
    let inline_or = |other| if fits_inline { Placement::Pair } else { other };
    match shape {
        Shape::Table(TableShape { fields, rest: Some(rest) }) if fields.is_empty() && rest.is_free_form() => {
            Placement::Dotted
        }
        Shape::Table(TableShape { rest: Some(rest), .. }) if !rest.takes_scalar() => Placement::Header,
        Shape::Table(_) if is_known => inline_or(Placement::Header),
        _ => inline_or(Placement::Dotted),
    }
}

fn place_list(path: &[KeyText], rows: &[Element], shape: Option<&Shape>) -> Placement {
    let is_list_of_tables = shape.is_some_and(|s| s.list_of_tables().is_some());
    let all_tables = !rows.is_empty() && rows.iter().all(|r| matches!(r.node.kind, NodeKind::Table(_)));
    if path.is_empty() && is_list_of_tables && all_tables { Placement::Rows } else { Placement::Pair }
}

/// Whether a table is one known key with a number, as `seeds = { from = 1 }`.
fn is_single_number(table: &Table, shape: &Shape) -> bool {
    let mut values = table.entries.values();
    let number = values.next().is_some_and(|e| matches!(e.node.kind, NodeKind::Int(_) | NodeKind::Float(_)));
    number && values.next().is_none() && matches!(shape, Shape::Table(t) if t.fields.len() == 1 && t.rest.is_none())
}

/// Whether `keys = value` has room on one line and no comments inside.
fn fits(keys: &[KeyText], node: &Node) -> bool {
    !has_inner_comments(node) && width(&dotted_key(keys)) + 3 + width(&inline(node)) <= MAX_COLUMNS
}

/// Adds `keys = value` with its comments, and above them `before`.
fn push_pair(lines: &mut Vec<Line>, keys: &[KeyText], entry: &Entry, before: &[String], is_first: bool) {
    let mut above = entry.comments.above.clone();
    if matches!(entry.node.kind, NodeKind::Table(_)) {
        above.extend(inner_comments(&entry.node));
    }
    above.splice(0..0, before.iter().cloned());
    lines.extend(above_lines(&above, "#", "", is_first));
    let text = format!("{} = {}", dotted_key(keys), value(keys, &entry.node));
    lines.push(Line { text, trailing: entry.comments.trailing.clone() });
}

/// Adds a table as one line for each of its keys.
fn push_dotted(lines: &mut Vec<Line>, keys: &[KeyText], entry: &Entry, before: &[String]) {
    let NodeKind::Table(table) = &entry.node.kind else { return push_pair(lines, keys, entry, before, false) };
    let mut before = before.to_vec();
    before.extend(comment_lines(&entry.comments));
    before.extend(table.dangling.iter().cloned());
    for (key, inner) in &table.entries {
        let mut keys = keys.to_vec();
        keys.push(key.clone());
        let is_table = matches!(&inner.node.kind, NodeKind::Table(t) if !t.entries.is_empty());
        let before = std::mem::take(&mut before);
        if is_table && !fits(&keys, &inner.node) {
            push_dotted(lines, &keys, inner, &before);
        } else {
            push_pair(lines, &keys, inner, &before, lines.is_empty());
        }
    }
}

/// A value behind its key: on one line, or a text or list on several.
fn value(keys: &[KeyText], node: &Node) -> String {
    match &node.kind {
        NodeKind::String(text) => long_text_literal(text, Format::Toml, "").unwrap_or_else(|| inline(node)),
        NodeKind::List(elements) if !elements.is_empty() => {
            let are_rows = elements.iter().all(|e| matches!(&e.node.kind, NodeKind::Table(t) if !t.entries.is_empty()));
            if !are_rows && fits(keys, node) { inline(node) } else { long_list(elements) }
        }
        _ => inline(node),
    }
}

/// A list with a line for each element; the columns of rows stand below each other.
fn long_list(elements: &[Element]) -> String {
    let rows: Option<Vec<Vec<String>>> = elements.iter().map(|e| e.node.as_table().map(cells)).collect();
    let texts: Vec<String> = match rows {
        Some(rows) if rows.iter().all(|cells| !cells.is_empty()) => {
            align_rows(&rows, ",", MAX_COLUMNS - 7).into_iter().map(|row| format!("{{ {row} }}")).collect()
        }
        _ => elements.iter().map(|e| inline(&e.node)).collect(),
    };
    let mut lines = Vec::new();
    for (element, text) in elements.iter().zip(texts) {
        let mut above = element.comments.above.clone();
        above.extend(inner_comments(&element.node));
        lines.extend(above_lines(&above, "#", "  ", lines.is_empty()));
        lines.push(Line { text: format!("  {text},"), trailing: element.comments.trailing.clone() });
    }
    let mut out = "[\n".to_owned();
    write_lines(&mut out, &lines, "#");
    out.push(']');
    out
}
