//! Where edits of TOML go: every statement with the path it defines, every value inside them.

use std::{collections::BTreeMap, sync::Arc};

use super::{EditError, Source, lines};
use crate::{
    diagnostic::{Span, TextEdit},
    files::{
        Format,
        literal::{key_literal, long_text_literal},
        toml::{
            self as format,
            syntax::{self, Header, Key, Pair, Statement, Value, ValueKind},
        },
        tree::{Comments, Node, NodeKind, Path, Step, Table},
    },
};

/// A statement with its place in the tree.
struct Site {
    /// The table of a header, the value of a pair.
    path: Path,
    /// The paths of all keys it spells.
    keys: Vec<(Path, Span)>,
    /// The table whose section it stands in.
    section: Path,
    statement: Statement,
}

impl Site {
    fn span(&self) -> Span {
        match &self.statement {
            Statement::Header(header) => header.span,
            Statement::Pair(pair) => pair.span(),
        }
    }

    fn pair(&self) -> Option<&Pair> {
        if let Statement::Pair(pair) = &self.statement { Some(pair) } else { None }
    }
}

/// Replaces the value at `path`.
pub(super) fn set(source: &Source<'_>, path: &Path, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let sites = sites(source.text);
    let found = find(&sites, path).ok_or_else(|| EditError::NotInPlace(path.clone()))?;
    let text = literal(source, value, matches!(found, Found::Statement(_)));
    Ok(vec![TextEdit { span: found.value_span(), text }])
}

/// Adds a key to the table at `parent`.
pub(super) fn insert(source: &Source<'_>, parent: &Path, key: &str, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let sites = sites(source.text);
    let key_text = key_literal(key, Format::Toml);
    if let Some(found) = find(&sites, parent) {
        let Some(Value { kind: ValueKind::Inline(pairs, _), span }) = found.value() else {
            return Err(EditError::NotATable(parent.clone()));
        };
        let pair = format!("{key_text} = {}", literal(source, value, false));
        return Ok(vec![insert_inline(pairs, *span, &pair)]);
    }
    let is_section_value = matches!(&value.kind, NodeKind::Table(t) if !t.entries.is_empty())
        || matches!(&value.kind, NodeKind::List(rows) if !rows.is_empty() && rows.iter().all(|r| r.node.as_table().is_some()));
    let is_open = parent.0.is_empty() || header_of(&sites, parent).is_none();
    let in_dotted = sites.iter().any(|s| s.pair().is_some() && s.keys.iter().any(|(p, _)| p == parent));
    if is_section_value && is_open && !in_dotted {
        return append_section(source, parent, key, value);
    }
    let pair = format!("{key_text} = {}", literal(source, value, true));
    if parent.0.is_empty() || header_of(&sites, parent).is_some() {
        return Ok(vec![insert_in_section(source.text, &sites, parent, &pair)]);
    }
    if in_dotted {
        return insert_dotted(source.text, &sites, parent, &pair);
    }
    append_section(source, parent, key, value)
}

/// Removes all that defines `path`.
pub(super) fn remove(source: &Source<'_>, path: &Path) -> Result<Vec<TextEdit>, EditError> {
    let sites = sites(source.text);
    match find(&sites, path) {
        Some(Found::Item(items, index)) => {
            let spans: Vec<Span> = items.iter().map(|(value, _)| value.span).collect();
            return Ok(vec![remove_part(source.text, &spans, index)]);
        }
        Some(Found::Inline(pairs, index)) => {
            let spans: Vec<Span> = pairs.iter().map(Pair::span).collect();
            return Ok(vec![remove_part(source.text, &spans, index)]);
        }
        _ => {}
    }
    let gone: Vec<&Site> = sites.iter().filter(|s| s.path.0.starts_with(&path.0)).collect();
    if gone.is_empty() {
        return Err(EditError::NotInPlace(path.clone()));
    }
    let mut edits: Vec<TextEdit> = Vec::new();
    for site in gone {
        let edit = remove_statement(source.text, site);
        match edits.last_mut() {
            Some(last) if last.span.end >= edit.span.start => last.span.end = last.span.end.max(edit.span.end),
            _ => edits.push(edit),
        }
    }
    Ok(edits)
}

/// Every place where the last key of `path` is spelled.
pub(super) fn key_spans(source: &Source<'_>, path: &Path) -> Vec<Span> {
    let sites = sites(source.text);
    let mut spans: Vec<Span> =
        sites.iter().flat_map(|s| &s.keys).filter(|(key, _)| key == path).map(|(_, span)| *span).collect();
    for site in &sites {
        if let Some(pair) = site.pair()
            && path.0.starts_with(&site.path.0)
            && path != &site.path
        {
            collect_keys(&pair.value, &site.path, path, &mut spans);
        }
    }
    spans
}

fn collect_keys(value: &Value, at: &Path, path: &Path, spans: &mut Vec<Span>) {
    match &value.kind {
        ValueKind::Scalar(_) => {}
        ValueKind::Array(items) => {
            for (index, (item, _)) in items.iter().enumerate() {
                collect_keys(item, &at.join(index), path, spans);
            }
        }
        ValueKind::Inline(pairs, _) => {
            for pair in pairs {
                let mut at = at.clone();
                for key in &pair.keys {
                    at = at.join(&key.text);
                    if &at == path {
                        spans.push(key.span);
                    }
                }
                collect_keys(&pair.value, &at, path, spans);
            }
        }
    }
}

/// All statements with their paths.
fn sites(text: &str) -> Vec<Site> {
    let outline = syntax::read(text, &Arc::from(""), &mut Vec::new());
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    let mut section = Path::default();
    let mut sites = Vec::new();
    for statement in outline.statements {
        let mut keys = Vec::new();
        let path = match &statement {
            Statement::Header(Header { keys: parts, array, .. }) => {
                let mut path = key_paths(&Path::default(), parts, &rows, &mut keys);
                if *array {
                    let name = path.to_string();
                    let count = rows.entry(name).or_insert(0);
                    path = path.join(*count);
                    *count += 1;
                } else {
                    path = in_last_row(path, &rows);
                }
                section = path.clone();
                path
            }
            Statement::Pair(pair) => key_paths(&section, &pair.keys, &BTreeMap::new(), &mut keys),
        };
        sites.push(Site { path, keys, section: section.clone(), statement });
    }
    sites
}

/// The path of the last of `parts`; those before go into the last row of arrays of tables.
fn key_paths(base: &Path, parts: &[Key], rows: &BTreeMap<String, usize>, keys: &mut Vec<(Path, Span)>) -> Path {
    let mut path = base.clone();
    for (index, key) in parts.iter().enumerate() {
        path = path.join(&key.text);
        keys.push((path.clone(), key.span));
        if index + 1 < parts.len() {
            path = in_last_row(path, rows);
        }
    }
    path
}

fn in_last_row(path: Path, rows: &BTreeMap<String, usize>) -> Path {
    match rows.get(&path.to_string()) {
        Some(count) if *count > 0 => path.join(count - 1),
        _ => path,
    }
}

/// A value in the text.
enum Found<'s> {
    Statement(&'s Pair),
    Item(&'s [(Value, Comments)], usize),
    Inline(&'s [Pair], usize),
}

impl<'s> Found<'s> {
    fn value(&self) -> Option<&'s Value> {
        match self {
            Self::Statement(pair) => Some(&pair.value),
            Self::Item(items, index) => items.get(*index).map(|(value, _)| value),
            Self::Inline(pairs, index) => pairs.get(*index).map(|pair| &pair.value),
        }
    }

    fn value_span(&self) -> Span {
        self.value().map_or_else(Span::default, |v| v.span)
    }
}

/// Finds the value at `path`, if it is written as one.
fn find<'s>(sites: &'s [Site], path: &Path) -> Option<Found<'s>> {
    sites.iter().find_map(|site| {
        let pair = site.pair()?;
        let rest = path.0.strip_prefix(site.path.0.as_slice())?;
        if rest.is_empty() { Some(Found::Statement(pair)) } else { find_inside(&pair.value, rest) }
    })
}

fn find_inside<'s>(value: &'s Value, rest: &[Step]) -> Option<Found<'s>> {
    let (found, rest) = match (&value.kind, rest.first()?) {
        (ValueKind::Array(items), Step::Index(index)) => (Found::Item(items, *index), &rest[1..]),
        (ValueKind::Inline(pairs, _), Step::Key(_)) => {
            let matches = |pair: &Pair| {
                pair.keys.len() <= rest.len()
                    && pair
                        .keys
                        .iter()
                        .zip(rest)
                        .all(|(key, step)| matches!(step, Step::Key(name) if *name == key.text))
            };
            let index = pairs.iter().position(matches)?;
            (Found::Inline(pairs, index), &rest[pairs[index].keys.len()..])
        }
        _ => return None,
    };
    if rest.is_empty() { found.value().map(|_| found) } else { find_inside(found.value()?, rest) }
}

fn header_of<'s>(sites: &'s [Site], path: &Path) -> Option<&'s Site> {
    sites.iter().find(|s| s.pair().is_none() && &s.path == path)
}

/// A value as it is written; a text of several lines only where it may be.
fn literal(source: &Source<'_>, value: &Node, may_be_long: bool) -> String {
    if let NodeKind::String(text) = &value.kind
        && may_be_long
        && lines::line_ending(source.text) == "\n"
        && let Some(long) = long_text_literal(text, Format::Toml, "")
    {
        return long;
    }
    format::inline(value)
}

fn insert_inline(pairs: &[Pair], span: Span, pair: &str) -> TextEdit {
    match pairs.last() {
        Some(last) => {
            let at = last.value.span.end;
            TextEdit { span: Span::new(at, at), text: format!(", {pair}") }
        }
        None => TextEdit { span: Span::new(span.start + 1, span.start + 1), text: format!(" {pair} ") },
    }
}

/// Inserts a line behind the last pair of a section, or behind its header.
fn insert_in_section(text: &str, sites: &[Site], section: &Path, pair: &str) -> TextEdit {
    let last_pair = sites.iter().rfind(|s| s.pair().is_some() && &s.section == section);
    let anchor = last_pair.or_else(|| header_of(sites, section));
    if let Some(anchor) = anchor {
        let indent = lines::indent(text, anchor.span().start);
        return lines::insert_below(text, anchor.span().end, &format!("{indent}{pair}"));
    }
    let Some(first) = sites.first() else { return lines::append(text, pair, false) };
    let at = lines::with_comments_above(text, first.span().start, "#");
    let ending = lines::line_ending(text);
    TextEdit { span: Span::new(at, at), text: format!("{}{ending}{ending}", pair.replace('\n', ending)) }
}

/// Inserts a line `parent.key = …` behind the last that spells the parent.
fn insert_dotted(text: &str, sites: &[Site], parent: &Path, pair: &str) -> Result<Vec<TextEdit>, EditError> {
    let spelled = |site: &&Site| site.pair().is_some() && site.keys.iter().any(|(path, _)| path == parent);
    let anchor = sites.iter().rfind(spelled).ok_or_else(|| EditError::NotInPlace(parent.clone()))?;
    let prefix_end = anchor.keys.iter().find(|(path, _)| path == parent).map_or(0, |(_, span)| span.end);
    let prefix = &text[anchor.span().start..prefix_end];
    let indent = lines::indent(text, anchor.span().start);
    Ok(vec![lines::insert_below(text, anchor.span().end, &format!("{indent}{prefix}.{pair}"))])
}

/// Appends `[parent.key]`, or `[parent]` with the key, at the end of the text.
fn append_section(source: &Source<'_>, parent: &Path, key: &str, value: &Node) -> Result<Vec<TextEdit>, EditError> {
    let mut keys: Vec<&str> = Vec::new();
    for step in &parent.0 {
        let Step::Key(key) = step else { return Err(EditError::NotInPlace(parent.clone())) };
        keys.push(key);
    }
    keys.push(key);
    let mut node = value.clone();
    for key in keys.into_iter().rev() {
        let mut table = Table::default();
        table.insert(key, node);
        node = NodeKind::from(table).into();
    }
    let printed = format::print(&node, source.shape);
    Ok(vec![lines::append(source.text, &printed, true)])
}

/// Removes the lines of a statement with the comments above them; before a header also a blank
/// line.
fn remove_statement(text: &str, site: &Site) -> TextEdit {
    let span = site.span();
    let mut start = lines::with_comments_above(text, span.start, "#");
    if site.pair().is_none() {
        let before = text[..start].trim_end_matches([' ', '\t']);
        let blank = before.ends_with("\n\n") || before.ends_with("\r\n\r\n");
        if blank {
            start = lines::line_start(text, before.len() - if before.ends_with("\r\n") { 2 } else { 1 });
        }
    }
    lines::remove_lines(text, start, lines::line_end(text, span.end))
}

/// Removes one part of a list or inline table with its comma.
fn remove_part(text: &str, spans: &[Span], index: usize) -> TextEdit {
    let span = spans[index];
    let comma = comma_after(text, span.end);
    let line_rest = &text[comma..lines::text_end(text, comma)];
    let is_alone = lines::begins_line(text, span.start)
        && (line_rest.trim().is_empty() || line_rest.trim_start().starts_with('#'));
    if is_alone {
        let start = lines::with_comments_above(text, span.start, "#");
        return TextEdit { span: Span::new(start, lines::line_end(text, comma)), text: String::new() };
    }
    let gap = |from: usize, to: usize| !text[from..to].contains('\n');
    let before = index.checked_sub(1).and_then(|i| spans.get(i));
    let span = match (spans.get(index + 1), before) {
        (Some(next), _) if gap(span.end, next.start) => Span::new(span.start, next.start),
        (None, Some(before)) if gap(before.end, span.start) => Span::new(before.end, span.end),
        _ => Span::new(span.start, comma),
    };
    TextEdit { span, text: String::new() }
}

/// Behind the comma that follows `at`, or `at`.
fn comma_after(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let trimmed = rest.trim_start_matches([' ', '\t']);
    if trimmed.starts_with(',') { at + rest.len() - trimmed.len() + 1 } else { at }
}
