//! Texts with a form of their own: durations, references, versions, hashes, expressions of length.

use super::{Source, header::check_version};
use crate::{
    diagnostic::Diagnostic,
    files::{Node, NodeKind, Path, Step},
    model::{
        document::Kind,
        duration::{parse_backoff, parse_duration},
        reference::{HashAlgorithm, Reference},
    },
    path,
};

/// The values that `way` leads to; `*` is every key or element.
pub(super) fn matches<'a>(tree: &'a Node, way: &[&str]) -> Vec<&'a Node> {
    fn follow<'a>(node: &'a Node, way: &[&str], found: &mut Vec<&'a Node>) {
        match (way, &node.kind) {
            ([], _) => found.push(node),
            (["*", rest @ ..], NodeKind::Table(table)) => {
                table.entries.values().for_each(|entry| follow(&entry.node, rest, found));
            }
            (["*", rest @ ..], NodeKind::List(list)) => {
                list.iter().for_each(|element| follow(&element.node, rest, found));
            }
            ([key, rest @ ..], NodeKind::Table(table)) => {
                if let Some(entry) = table.entries.get(*key) {
                    follow(&entry.node, rest, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    follow(tree, way, &mut found);
    found
}

/// The values that `way` leads to, each with its path.
pub(super) fn matches_with_paths<'a>(tree: &'a Node, way: &[&str]) -> Vec<(Path, &'a Node)> {
    let mut found = vec![(Path::default(), tree)];
    for step in way {
        found = found.into_iter().flat_map(|(path, node)| steps_into(&path, node, step)).collect();
    }
    found
}

fn steps_into<'a>(path: &Path, node: &'a Node, step: &str) -> Vec<(Path, &'a Node)> {
    match &node.kind {
        NodeKind::Table(table) if step == "*" => {
            table.entries.iter().map(|(key, entry)| (path.join(key), &entry.node)).collect()
        }
        NodeKind::Table(table) => {
            table.entries.get(step).map(|entry| (path.join(step), &entry.node)).into_iter().collect()
        }
        NodeKind::List(list) if step == "*" => {
            list.iter().enumerate().map(|(index, element)| (path.join(Step::Index(index)), &element.node)).collect()
        }
        _ => Vec::new(),
    }
}

const TIMEOUTS: &[&[&str]] = &[
    &["defaults", "timeout"],
    &["task", "*", "timeout"],
    &["scorer", "*", "timeout"],
    &["server", "*", "dead_after"],
    &["server", "*", "grace"],
];
const BACKOFFS: &[&[&str]] = &[&["defaults", "retry", "backoff"], &["task", "*", "retry", "backoff"]];
const PRESETS: &[&[&str]] = &[&["defaults", "preset"], &["task", "*", "preset"]];

/// Lists of a fixed length: the way, fewest and most elements, and what they are.
const LENGTHS: &[(&[&str], usize, usize, &str)] = &[
    (&["node", "*", "pos"], 2, 2, "[x, y]"),
    (&["task", "*", "node", "*", "pos"], 2, 2, "[x, y]"),
    (&["layer", "*", "points", "*"], 2, 3, "[x, y] or [x, y, 0]"),
    (&["layer", "*", "box"], 4, 4, "[left, top, right, bottom]"),
    (&["layer", "*", "shape", "points", "*"], 2, 2, "[x, y]"),
];

/// Checks the texts of a document of `kind`.
pub(super) fn check_document(source: &Source<'_>, kind: Kind, diagnostics: &mut Vec<Diagnostic>) {
    check_durations(source, diagnostics);
    check_lengths(source, source.tree, diagnostics);
    match kind {
        Kind::Preset => {
            each(source, &["lineage", "parent"], diagnostics, check_reference);
            each(source, &["lineage", "base"], diagnostics, check_hash);
            each(source, &["changelog", "*", "version"], diagnostics, check_version);
        }
        Kind::AbTest => {
            each(source, &["preset"], diagnostics, check_reference);
            each(source, &["template"], diagnostics, check_reference);
        }
        Kind::Chain => PRESETS.iter().for_each(|way| each(source, way, diagnostics, check_reference)),
        Kind::Template | Kind::Mask => {}
    }
}

/// Checks timeouts and waits, in documents and in the configuration.
pub(super) fn check_durations(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for way in TIMEOUTS {
        each(source, way, diagnostics, check_timeout);
    }
    for way in BACKOFFS {
        each(source, way, diagnostics, check_backoff);
    }
}

/// Checks the lengths of lists below `tree`, which is a document or looks like one.
pub(super) fn check_lengths(source: &Source<'_>, tree: &Node, diagnostics: &mut Vec<Diagnostic>) {
    for (way, fewest, most, form) in LENGTHS {
        for node in matches(tree, way) {
            diagnostics.extend(check_length(source, node, *fewest, *most, form));
        }
    }
}

/// The finding that the list `node` has another length; none when it is no list.
pub(super) fn check_length(
    source: &Source<'_>,
    node: &Node,
    fewest: usize,
    most: usize,
    form: &str,
) -> Option<Diagnostic> {
    let NodeKind::List(list) = &node.kind else { return None };
    let message = format!("a list of {} stands where {form} is meant", list.len());
    (!(fewest..=most).contains(&list.len())).then(|| source.error("wrong-length", node.span, message))
}

pub(super) fn each(
    source: &Source<'_>,
    way: &[&str],
    diagnostics: &mut Vec<Diagnostic>,
    check: impl Fn(&Source<'_>, &Node) -> Option<Diagnostic>,
) {
    diagnostics.extend(matches(source.tree, way).into_iter().filter_map(|node| check(source, node)));
}

fn check_timeout(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let hint = "a number with a unit (d, h, m, s, ms): \"90s\", \"1h30m\"";
    match parse_duration(node.as_str()?) {
        Ok(duration) if duration.is_zero() => {
            Some(source.error("invalid-duration", node.span, "no time at all lets nothing finish"))
        }
        Ok(_) => None,
        Err(message) => Some(source.error("invalid-duration", node.span, message).with_hint(hint)),
    }
}

fn check_backoff(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let message = parse_backoff(node.as_str()?).err()?;
    let hint = "the first wait and the longest: \"5s..2m\"";
    Some(source.error("invalid-duration", node.span, message).with_hint(hint))
}

/// The finding that the text of `node` is not a reference.
pub(super) fn check_reference(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let text = node.as_str()?;
    let error = Reference::parse(text).err()?;
    let hint = if text.contains('{') {
        "a reference is never interpolated; write one task for each document"
    } else {
        "\"name\", \"name@2\", \"name@2.1.0\" or \"name@blake3:…\""
    };
    Some(source.error("invalid-reference", node.span, error.to_string()).with_hint(hint))
}

fn check_hash(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let text = node.as_str()?;
    let is_hash =
        HashAlgorithm::split(text).is_some_and(|(_, d)| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    let message = format!("`{text}` is not a hash");
    (!is_hash).then(|| {
        source
            .error("invalid-hash", node.span, message)
            .with_hint("\"blake3:\" or \"sha256:\" and 64 hexadecimal digits")
    })
}

/// The finding that the text of `node` is a secret itself, where only its place may be named.
pub(super) fn check_secret(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let text = node.as_str()?;
    let is_place = ["env:", "file:"].iter().any(|p| text.strip_prefix(p).is_some_and(|rest| !rest.is_empty()));
    (!is_place).then(|| {
        source
            .error("plain-secret", node.span, "a secret does not stand in a file that is shared")
            .with_hint("name its place: \"env:NAME\" or \"file:PATH\"")
    })
}

/// The finding that the text of `node` is not the address of a server.
pub(super) fn check_url(source: &Source<'_>, node: &Node) -> Option<Diagnostic> {
    let text = node.as_str()?;
    let host = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_address = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains([' ', '@']));
    let message = format!("`{text}` is not an address such as \"http://127.0.0.1:8188\"");
    (!is_address).then(|| source.error("invalid-url", node.span, message))
}

/// The path of setting `name` of task `task`, wherever it stands: in `with` or on the task.
pub fn setting_path(tree: &Node, task: &str, name: &str) -> Path {
    let on_task = path!["task", task, name];
    if name != "title" && tree.get(&on_task).is_some() { on_task } else { path!["task", task, "with", name] }
}
