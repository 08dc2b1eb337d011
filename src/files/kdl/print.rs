//! The canonical layout of KDL, by shape: a node for each entry of a map of tables and for each
//! row of a list of tables, small tables as properties, the others as blocks.

use super::syntax;
use crate::files::{
    Format,
    layout::{
        Line, MAX_COLUMNS, above_lines, align_rows, comment_lines, is_commented, prepend_block, width, write_lines,
    },
    literal::{key_literal, long_text_literal, scalar_literal},
    shape::Shape,
    tree::{Comments, Element, Entry, Node, NodeKind, Table},
};

const INDENT: &str = "    ";

/// Prints a document. Order of appearance is kept, but for known keys of a table: its properties
/// come before its block.
pub fn print(node: &Node, shape: &Shape) -> String {
    let NodeKind::Table(table) = &node.kind else { return String::new() };
    let mut lines = Vec::new();
    for printed in table_nodes(table, shape, true) {
        printed.write(&mut lines, 0);
    }
    if !table.dangling.is_empty() && !lines.is_empty() {
        lines.push(Line::plain(""));
    }
    lines.extend(comment_block(&table.dangling, "", true));
    let mut out = String::new();
    write_lines(&mut out, &lines, "//");
    out
}

/// A node on its own, `level` indentations deep, without the indentation of its first line.
pub(in crate::files) fn print_entry(key: &str, node: &Node, shape: &Shape, level: usize) -> String {
    let mut table = Table::default();
    table.insert(key, node.clone());
    let mut lines = Vec::new();
    for printed in table_nodes(&table, shape, level == 0) {
        printed.write(&mut lines, level);
    }
    let mut out = String::new();
    write_lines(&mut out, &lines, "//");
    out.trim().to_owned()
}

/// A node that is ready to be written.
struct Printed {
    comments: Comments,
    head: String,
    /// A text of several lines behind the head, which needs the indentation to be written.
    text: Option<String>,
    block: Option<Vec<Printed>>,
    dangling: Vec<String>,
}

impl Printed {
    fn new(head: String, comments: Comments) -> Self {
        Self { comments, head, text: None, block: None, dangling: Vec::new() }
    }

    fn write(&self, lines: &mut Vec<Line>, level: usize) {
        let indent = INDENT.repeat(level);
        lines.extend(comment_block(&self.comments.above, &indent, lines.is_empty()));
        let trailing = self.comments.trailing.clone();
        if let Some(text) = &self.text {
            let inner = INDENT.repeat(level + 1);
            let literal = long_text_literal(text, Format::Kdl, if level == 0 { "" } else { &inner });
            let literal = literal.or_else(|| scalar_literal(&NodeKind::String(text.clone()), Format::Kdl));
            let text = format!("{indent}{} {}", self.head, literal.unwrap_or_default());
            lines.push(Line { text, trailing });
            return;
        }
        let Some(block) = &self.block else {
            lines.push(Line { text: format!("{indent}{}", self.head), trailing });
            return;
        };
        if block.is_empty() && self.dangling.is_empty() {
            lines.push(Line { text: format!("{indent}{} {{}}", self.head), trailing });
            return;
        }
        if let Some(text) = self.on_one_line(block, &indent) {
            lines.push(Line { text, trailing });
            return;
        }
        lines.push(Line { text: format!("{indent}{} {{", self.head), trailing });
        let mut inner = Vec::new();
        for node in block {
            node.write(&mut inner, level + 1);
        }
        inner.extend(comment_block(&self.dangling, &INDENT.repeat(level + 1), inner.is_empty()));
        lines.append(&mut inner);
        lines.push(Line::plain(format!("{indent}}}")));
    }

    fn on_one_line(&self, block: &[Self], indent: &str) -> Option<String> {
        let [only] = block else { return None };
        if only.block.is_some() || only.text.is_some() || is_commented(&only.comments) || !self.dangling.is_empty() {
            return None;
        }
        let line = format!("{indent}{} {{ {}; }}", self.head, only.head);
        (width(&line) <= MAX_COLUMNS).then_some(line)
    }
}

/// Comment lines; what was commented out with `/-` stays so.
fn comment_block(above: &[String], indent: &str, is_first: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for comment in above {
        if comment.starts_with("/-") && syntax::is_only_comment(comment) {
            lines.push(Line::plain(format!("{indent}{comment}")));
        } else {
            lines.extend(above_lines(std::slice::from_ref(comment), "//", indent, true));
        }
    }
    if !is_first && above.iter().any(String::is_empty) {
        lines.insert(0, Line::plain(""));
    }
    lines
}

fn word(key: &str) -> String {
    key_literal(key, Format::Kdl)
}

/// The nodes that say what a table holds.
fn table_nodes(table: &Table, shape: &Shape, is_root: bool) -> Vec<Printed> {
    let mut printed = Vec::new();
    for (key, entry) in &table.entries {
        let shape = shape.at_key(key).unwrap_or(&Shape::Any);
        match (&entry.node.kind, shape.map_of_tables(), shape.list_of_tables()) {
            (NodeKind::Table(map), Some(inner), _) if !map.entries.is_empty() && all_tables(map) => {
                printed.extend(map_nodes(key, map, inner, entry));
            }
            (NodeKind::List(rows), _, Some(inner))
                if !rows.is_empty() && rows.iter().all(|r| r.node.as_table().is_some()) =>
            {
                printed.extend(row_nodes(key, rows, inner, entry));
            }
            _ => printed.push(value_node(word(key), &entry.node, shape, entry.comments.clone(), is_root)),
        }
    }
    printed
}

fn all_tables(map: &Table) -> bool {
    map.entries.values().all(|e| e.node.as_table().is_some())
}

/// `task generate {…}`: one node for each entry.
fn map_nodes(name: &str, map: &Table, shape: &Shape, entry: &Entry) -> Vec<Printed> {
    let mut printed = Vec::new();
    for (key, inner) in &map.entries {
        let mut comments = inner.comments.clone();
        if printed.is_empty() {
            let mut before = comment_lines(&entry.comments);
            before.extend(map.dangling.iter().cloned());
            prepend_block(&before, &mut comments.above);
        }
        let head = format!("{} {}", word(name), word(key));
        let with_class = inner.node.as_table().and_then(|t| class_node(&head, t, shape, &comments));
        printed.push(with_class.unwrap_or_else(|| {
            if is_rich(shape) {
                block_node(head, &inner.node, shape, comments)
            } else {
                value_node(head, &inner.node, shape, comments, false)
            }
        }));
    }
    printed
}

/// `node positive CLIPTextEncode title="…" {…}`; none when the entry is not one class with plain
/// metadata.
fn class_node(head: &str, entry: &Table, shape: &Shape, comments: &Comments) -> Option<Printed> {
    let class_shape = shape.rest_table()?;
    let known = shape.known_keys();
    let mut classes = entry.entries.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    let (class, inputs) = classes.next()?;
    let metadata: Option<Vec<String>> =
        entry.entries.iter().filter(|(key, _)| *key != class).map(|(key, e)| property(key, e)).collect();
    let (metadata, table) = (metadata?, inputs.node.as_table()?);
    if classes.next().is_some() || is_commented(&inputs.comments) || !entry.dangling.is_empty() {
        return None;
    }
    let mut cells = vec![format!("{head} {}", word(class))];
    cells.extend(metadata);
    let mut printed = Printed::new(cells.join(" "), comments.clone());
    if width(&printed.head) > MAX_COLUMNS {
        return None;
    }
    printed.block = (!table.entries.is_empty()).then(|| table_nodes(table, class_shape, false));
    printed.dangling.clone_from(&table.dangling);
    if !printed.dangling.is_empty() {
        printed.block.get_or_insert_default();
    }
    Some(printed)
}

/// Whether the entries of a map are always written as blocks: what they may hold is written as
/// nodes of its own (the `route`s of a `task`).
fn is_rich(shape: &Shape) -> bool {
    matches!(shape, Shape::Table(table) if table.fields.values().any(|f| {
        f.shape.list_of_tables().is_some() || f.shape.map_of_tables().is_some()
    }))
}

/// `route if="…" to=…`: one node for each row; properties stand below each other.
fn row_nodes(name: &str, rows: &[Element], shape: &Shape, entry: &Entry) -> Vec<Printed> {
    let mut printed: Vec<Printed> =
        rows.iter().map(|row| value_node(word(name), &row.node, shape, row.comments.clone(), false)).collect();
    let cells: Option<Vec<Vec<String>>> = rows.iter().map(|row| row.node.as_table().and_then(all_properties)).collect();
    if let Some(cells) = cells
        && printed.iter().all(|p| p.block.is_none())
    {
        for (node, row) in printed.iter_mut().zip(align_rows(&cells, "", MAX_COLUMNS)) {
            node.head = format!("{} {row}", word(name));
        }
    }
    if let Some(first) = printed.first_mut() {
        prepend_block(&comment_lines(&entry.comments), &mut first.comments.above);
    }
    printed
}

fn all_properties(table: &Table) -> Option<Vec<String>> {
    table.entries.iter().map(|(key, entry)| property(key, entry)).collect()
}

/// `key=value`; none for what cannot be a property.
fn property(key: &str, entry: &Entry) -> Option<String> {
    let is_long = matches!(&entry.node.kind, NodeKind::String(text) if text.contains('\n'));
    if is_long || is_commented(&entry.comments) {
        return None;
    }
    scalar_literal(&entry.node.kind, Format::Kdl).map(|value| format!("{}={value}", word(key)))
}

/// A node with any value behind `head`.
fn value_node(head: String, node: &Node, shape: &Shape, comments: Comments, is_root: bool) -> Printed {
    match &node.kind {
        NodeKind::Table(_) if is_root => block_node(head, node, shape, comments),
        NodeKind::Table(table) => table_node(head, node, table, shape, comments),
        NodeKind::List(elements) => list_node(&head, elements, shape, comments),
        NodeKind::String(text) if text.contains('\n') => {
            Printed { text: Some(text.clone()), ..Printed::new(head, comments) }
        }
        scalar => {
            let value = scalar_literal(scalar, Format::Kdl).unwrap_or_default();
            Printed::new(format!("{head} {value}"), comments)
        }
    }
}

fn block_node(head: String, node: &Node, shape: &Shape, comments: Comments) -> Printed {
    let Some(table) = node.as_table() else { return Printed::new(head, comments) };
    let block = table_nodes(table, shape, false);
    Printed { block: Some(block), dangling: table.dangling.clone(), ..Printed::new(head, comments) }
}

/// A table with its plain values as properties and the others in a block.
fn table_node(head: String, node: &Node, table: &Table, shape: &Shape, comments: Comments) -> Printed {
    let properties: Vec<Option<String>> = table.entries.iter().map(|(key, e)| property(key, e)).collect();
    let order_matters = shape.known_keys().is_empty();
    let first_other = properties.iter().position(Option::is_none).unwrap_or(properties.len());
    let mixed_up = order_matters && properties[first_other..].iter().any(Option::is_some);
    let commented = |e: &Entry| is_commented(&e.comments) && e.node.is_scalar();
    let mut cells = vec![head.clone()];
    cells.extend(properties.iter().flatten().cloned());
    let line = cells.join(" ");
    if mixed_up
        || table.entries.values().any(commented)
        || cells.len() == 1
        || width(&line) > MAX_COLUMNS - INDENT.len() * 2
    {
        return block_node(head, node, shape, comments);
    }
    let mut others = Table { dangling: table.dangling.clone(), ..Table::default() };
    let in_block = table.entries.iter().zip(&properties).filter(|(_, property)| property.is_none());
    others.entries.extend(in_block.map(|((key, entry), _)| (key.clone(), entry.clone())));
    let mut printed = Printed::new(line, comments);
    if first_other < properties.len() || !others.dangling.is_empty() {
        printed.block = Some(table_nodes(&others, shape, false));
        printed.dangling = others.dangling;
    }
    printed
}

fn list_node(head: &str, elements: &[Element], shape: &Shape, comments: Comments) -> Printed {
    let literals: Option<Vec<String>> = elements
        .iter()
        .map(|e| (!is_commented(&e.comments)).then(|| scalar_literal(&e.node.kind, Format::Kdl)).flatten())
        .collect();
    let is_list_by_shape = shape.takes_list() && !shape.takes_scalar();
    if let Some(literals) = literals {
        let mark = if elements.is_empty() || (elements.len() == 1 && !is_list_by_shape) { "(list)" } else { "" };
        let line = std::iter::once(format!("{mark}{head}")).chain(literals).collect::<Vec<_>>().join(" ");
        if elements.is_empty() || width(&line) <= MAX_COLUMNS {
            return Printed::new(line, comments);
        }
    }
    let element_shape = shape.element();
    let dash = |element: &Element| {
        let commented = element.comments.clone();
        value_node("-".to_owned(), &element.node, element_shape, commented, false)
    };
    let block = elements.iter().map(dash).collect();
    Printed { block: Some(block), ..Printed::new(head.to_owned(), comments) }
}
