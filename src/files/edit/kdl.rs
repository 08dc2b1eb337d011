//! Where edits of KDL go: how each value of the tree is written, as the reader by shape saw it.

use std::sync::Arc;

use super::{EditError, Source, lines};
use crate::{
    diagnostic::{Span, TextEdit},
    files::{
        Format,
        kdl::{Form, Place, Reader, print_entry, syntax},
        literal::{key_literal, scalar_literal},
        shape::Shape,
        tree::{Comments, Element, Node, NodeKind, Path, Step, Table},
    },
};

/// The places of a text.
struct Places(Vec<(Path, Place)>);

impl Places {
    fn read(source: &Source<'_>) -> Self {
        let file: Arc<str> = Arc::from("");
        let block = syntax::read(source.text, &file, &mut Vec::new());
        let mut reader = Reader::new(source.text, &file);
        reader.document(&block, source.shape);
        Self(reader.places)
    }

    fn at(&self, path: &Path) -> Option<&Place> {
        self.0.iter().find(|(at, _)| at == path).map(|(_, place)| place)
    }

    /// The nodes that make a map of tables or a list of rows, when it has no node of its own.
    fn members<'p>(&'p self, path: &'p Path) -> impl DoubleEndedIterator<Item = &'p Place> {
        self.0.iter().filter_map(move |(at, place)| {
            let is_member = at.0.len() == path.0.len() + 1 && at.0.starts_with(&path.0);
            let is_own_node = place.form == Form::MapEntry || (place.form == Form::Node && place.key.is_none());
            (is_member && is_own_node).then_some(place)
        })
    }
}

/// Replaces the value at `path`.
pub(super) fn set(source: &Source<'_>, tree: &Node, path: &Path, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let places = Places::read(source);
    let not_in_place = || EditError::NotInPlace(path.clone());
    let place = places.at(path).ok_or_else(not_in_place)?;
    let old = tree.get(path).ok_or_else(not_in_place)?;
    let literal = scalar_literal(&value.kind, Format::Kdl);
    if let (true, Some(literal)) = (old.is_scalar() && place.form != Form::Class, literal) {
        return Ok(vec![TextEdit { span: old.span, text: literal }]);
    }
    let (Form::Node | Form::MapEntry, Some((last, parent))) = (place.form, path.0.split_last()) else {
        return Err(not_in_place());
    };
    let printed = match last {
        Step::Key(key) => Some(printed_node(source, &Path(parent.to_vec()), key, value)),
        Step::Index(_) => printed_row(source, &Path(parent.to_vec()), value),
    };
    let printed = printed.ok_or_else(not_in_place)?;
    let indent = lines::indent(source.text, place.whole.start);
    let text = lines::indented(&printed, indent).replace('\n', lines::line_ending(source.text));
    Ok(vec![TextEdit { span: place.whole, text }])
}

/// Adds a key to the table at `parent`.
pub(super) fn insert(source: &Source<'_>, parent: &Path, key: &str, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let places = Places::read(source);
    let not_in_place = || EditError::NotInPlace(parent.join(key));
    let printed = printed_node(source, parent, key, value);
    let text = source.text;
    if parent.0.is_empty() {
        return Ok(vec![insert_at_root(text, &places, &printed, value)]);
    }
    let Some(place) = places.at(parent) else {
        let last = places.members(parent).next_back().ok_or_else(not_in_place)?;
        let indent = lines::indent(text, last.whole.start);
        return Ok(vec![insert_node_below(text, last.whole, &printed, indent)]);
    };
    let has_class = place.form == Form::MapEntry
        && places.0.iter().any(|(at, p)| p.form == Form::Class && at.0.starts_with(&parent.0));
    if let Some(block) = place.block.filter(|_| !has_class) {
        return Ok(vec![insert_in_block(text, block, place.whole, &printed)]);
    }
    let property = scalar_literal(&value.kind, Format::Kdl).filter(|_| place.form != Form::Class);
    let head_end = Span::new(place.head_end, place.head_end);
    if let Some(literal) = property {
        let text = format!(" {}={literal}", key_literal(key, Format::Kdl));
        return Ok(vec![TextEdit { span: head_end, text }]);
    }
    if has_class {
        return Err(not_in_place());
    }
    let (ending, outer) = (lines::line_ending(text), lines::indent(text, place.whole.start));
    let inner = format!("{outer}    ");
    let node = lines::indented(&printed, &inner).replace('\n', ending);
    Ok(vec![TextEdit { span: head_end, text: format!(" {{{ending}{inner}{node}{ending}{outer}}}") }])
}

/// Removes the value at `path`.
pub(super) fn remove(source: &Source<'_>, tree: &Node, path: &Path) -> Result<Vec<TextEdit>, EditError> {
    let places = Places::read(source);
    let text = source.text;
    let Some(place) = places.at(path) else {
        let edits: Vec<TextEdit> = places.members(path).map(|p| remove_node(text, p.whole)).collect();
        return if edits.is_empty() { Err(EditError::NotInPlace(path.clone())) } else { Ok(merged(edits)) };
    };
    let parent = Path(path.0[..path.0.len().saturating_sub(1)].to_vec());
    match place.form {
        Form::Node | Form::MapEntry => Ok(vec![remove_node(text, place.whole)]),
        Form::Class => {
            let argument = place.key.into_iter().chain(place.block);
            Ok(argument.map(|span| remove_part(text, span)).collect())
        }
        Form::Property => {
            let owner = places.at(&parent);
            let is_only =
                matches!(tree.get(&parent).map(|n| &n.kind), Some(NodeKind::Table(t)) if t.entries.len() == 1);
            if owner.is_some_and(|o| o.form == Form::Node && o.block.is_none()) && is_only {
                return Ok(vec![TextEdit { span: place.whole, text: "{}".to_owned() }]);
            }
            Ok(vec![remove_part(text, place.whole)])
        }
        Form::Argument => {
            let mut edits = vec![remove_part(text, place.whole)];
            let length = match tree.get(&parent).map(|n| &n.kind) {
                Some(NodeKind::List(list)) => list.len(),
                _ => 0,
            };
            let shape = shape_at(source.shape, &parent);
            let by_shape = shape.takes_list() && !shape.takes_scalar();
            if let (Some(owner), true) = (places.at(&parent), length == 2 && !by_shape)
                && let Some(name) = owner.name
                && owner.whole.start == name.start
            {
                edits.insert(0, TextEdit { span: Span::new(name.start, name.start), text: "(list)".to_owned() });
            }
            Ok(edits)
        }
    }
}

/// Every place where the last key of `path` is spelled.
pub(super) fn key_spans(source: &Source<'_>, path: &Path) -> Vec<Span> {
    let places = Places::read(source);
    match places.at(path) {
        Some(place) => place.key.into_iter().collect(),
        None => places.members(path).filter_map(|p| p.name).collect(),
    }
}

/// The shape at `path`.
fn shape_at<'s>(shape: &'s Shape, path: &Path) -> &'s Shape {
    path.0.iter().fold(shape, |shape, step| match step {
        Step::Key(key) => shape.at_key(key).unwrap_or(&Shape::Any),
        Step::Index(_) => shape.element(),
    })
}

/// A key as the node that says it, without indentation.
fn printed_node(source: &Source<'_>, parent: &Path, key: &str, value: &Node) -> String {
    let level = usize::from(!parent.0.is_empty());
    let shape = shape_at(source.shape, parent);
    let printed = match (parent.0.split_last(), shape.map_of_tables()) {
        (Some((Step::Key(map_name), outer)), Some(_)) => {
            let outer_shape = shape_at(source.shape, &Path(outer.to_vec()));
            print_entry(map_name, &table_of(key, value), outer_shape, level)
        }
        _ => print_entry(key, value, shape, level),
    };
    dedented(&printed, level)
}

/// A row of a list of tables, or an element of a list, as the node that says it.
fn printed_row(source: &Source<'_>, list: &Path, value: &Node) -> Option<String> {
    let (Step::Key(name), parent) = list.0.split_last()? else { return None };
    let shape = shape_at(source.shape, &Path(parent.to_vec()));
    shape.at_key(name)?.list_of_tables()?;
    let element = Element { node: value.clone(), comments: Comments::default() };
    let rows = Node { span: value.span, kind: NodeKind::List(vec![element]) };
    Some(dedented(&print_entry(name, &rows, shape, 1), 1))
}

fn table_of(key: &str, value: &Node) -> Node {
    let mut table = Table::default();
    table.insert(key, value.clone());
    NodeKind::from(table).into()
}

/// Takes one level of indentation off.
fn dedented(printed: &str, level: usize) -> String {
    let indent = "    ".repeat(level);
    let lines = printed.split('\n').map(|line| line.strip_prefix(indent.as_str()).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Plain values go behind the plain values at the beginning, tables to the end.
fn insert_at_root(text: &str, places: &Places, printed: &str, value: &Node) -> TextEdit {
    let is_root_node = |(path, place): &&(Path, Place)| {
        matches!(path.0.len(), 1 | 2)
            && matches!(place.form, Form::Node | Form::MapEntry)
            && (path.0.len() == 1 || place.form == Form::MapEntry || place.key.is_none())
    };
    let mut nodes: Vec<&Place> = places.0.iter().filter(is_root_node).map(|(_, place)| place).collect();
    nodes.sort_by_key(|place| place.whole);
    let plain = nodes.iter().take_while(|p| p.form == Form::Node && p.block.is_none() && p.key.is_some()).last();
    let is_table = matches!(value.kind, NodeKind::Table(_));
    match plain.filter(|_| !is_table).or(nodes.last()) {
        Some(anchor) => insert_node_below(text, anchor.whole, printed, lines::indent(text, anchor.whole.start)),
        None => lines::append(text, printed, false),
    }
}

/// Inserts a node behind another: on the next line, or behind `;` when more follows on the line.
fn insert_node_below(text: &str, after: Span, printed: &str, indent: &str) -> TextEdit {
    let ending = lines::line_ending(text);
    let rest = text[after.end..lines::text_end(text, after.end)].trim_start().trim_start_matches(';').trim_start();
    if rest.is_empty() || rest.starts_with("//") {
        return lines::insert_below(text, after.end, &format!("{indent}{}", lines::indented(printed, indent)));
    }
    let node = lines::indented(printed, indent).replace('\n', ending);
    TextEdit { span: Span::new(after.end, after.end), text: format!("; {node}") }
}

/// Inserts a node as the last of a block.
fn insert_in_block(text: &str, block: Span, owner: Span, printed: &str) -> TextEdit {
    let ending = lines::line_ending(text);
    let close = block.end - 1;
    let inside = &text[block.start + 1..close];
    let outer = lines::indent(text, owner.start);
    let content_end = block.start + 1 + inside.trim_end().len();
    if inside.contains('\n') && lines::begins_line(text, close) {
        let at = lines::line_start(text, close);
        let deeper = || format!("{outer}    ");
        let indent = first_indent(text, block).unwrap_or_else(deeper);
        let node = lines::indented(printed, &indent).replace('\n', ending);
        return TextEdit { span: Span::new(at, at), text: format!("{indent}{node}{ending}") };
    }
    let separator = if inside.trim_end().is_empty() || inside.trim_end().ends_with(';') { " " } else { "; " };
    let node = lines::indented(printed, outer).replace('\n', ending);
    let tail = if content_end == close { "; " } else { ";" };
    TextEdit { span: Span::new(content_end, content_end), text: format!("{separator}{node}{tail}") }
}

/// The indentation of the first line in a block that has text.
fn first_indent(text: &str, block: Span) -> Option<String> {
    let start = lines::line_end(text, block.start);
    let line = text.get(start..block.end - 1)?.lines().find(|line| !line.trim().is_empty())?;
    Some(line[..line.len() - line.trim_start().len()].to_owned())
}

/// Removes a node: its lines with the comments above, or only it when it shares its line.
fn remove_node(text: &str, span: Span) -> TextEdit {
    let line_rest = &text[span.end..lines::text_end(text, span.end)];
    let rest = line_rest.trim_start();
    let after_semicolon = rest.strip_prefix(';').unwrap_or(rest).trim();
    if lines::begins_line(text, span.start) && (after_semicolon.is_empty() || after_semicolon.starts_with("//")) {
        let start = lines::with_comments_above(text, span.start, "//");
        return lines::remove_lines(text, start, lines::line_end(text, span.end));
    }
    let mut end = span.end;
    if rest.starts_with(';') {
        end += line_rest.len() - rest.len() + 1;
        let blanks = text[end..].len() - text[end..].trim_start_matches(' ').len();
        end += blanks;
    }
    TextEdit { span: Span::new(span.start, end), text: String::new() }
}

/// Removes a part of a node with the blanks before it.
fn remove_part(text: &str, span: Span) -> TextEdit {
    let before = text[..span.start].trim_end_matches([' ', '\t']).len();
    TextEdit { span: Span::new(before, span.end), text: String::new() }
}

/// Edits that touch become one.
fn merged(mut edits: Vec<TextEdit>) -> Vec<TextEdit> {
    edits.sort_by_key(|e| e.span);
    let mut merged: Vec<TextEdit> = Vec::new();
    for edit in edits {
        match merged.last_mut() {
            Some(last) if last.span.end >= edit.span.start => last.span.end = last.span.end.max(edit.span.end),
            _ => merged.push(edit),
        }
    }
    merged
}
