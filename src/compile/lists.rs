//! Lists in files: `wildcards/NAME.txt` of the workspace, an alternative on each line.

use std::collections::BTreeMap;

use super::choices::{Alternative, DEEPEST, lists_of, never_drawn, parse_line};
use crate::{
    content_hash::ContentHash,
    files::{World, WorldError},
    ident::did_you_mean,
};

/// The folder of lists, relative to the workspace.
pub const LISTS_FOLDER: &str = "wildcards";

/// Largest list, in bytes.
const LARGEST: u64 = 4 << 20;

/// Lists by name.
pub(super) type Lists = BTreeMap<String, List>;

/// One list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List {
    pub(super) alternatives: Vec<Alternative>,
    /// Of its file.
    pub(super) hash: ContentHash,
}

/// Why a list cannot be drawn from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(super) struct ListError {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Adds the list `name` and the lists that it draws from to `lists`.
pub(super) fn load(world: &dyn World, name: &str, lists: &mut Lists) -> Result<(), ListError> {
    load_within(world, name, lists, &mut Vec::new())
}

fn load_within(world: &dyn World, name: &str, lists: &mut Lists, within: &mut Vec<String>) -> Result<(), ListError> {
    let wrong = |message: String| ListError { code: "bad-choice", message, hint: None };
    if within.iter().any(|outer| outer == name) {
        return Err(wrong(format!("the list `{name}` draws from itself: {} -> {name}", within.join(" -> "))));
    }
    if within.len() >= DEEPEST {
        return Err(wrong(format!("lists draw from lists at most {DEEPEST} deep")));
    }
    if lists.contains_key(name) {
        return Ok(());
    }
    let path = format!("{LISTS_FOLDER}/{name}.txt");
    let text = read(world, name, &path)?;
    let mut alternatives = Vec::new();
    let mut drawn_from = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| is_alternative(line)) {
        let alternative = parse_line(line.trim()).map_err(|e| wrong(format!("{path}, line {number}: {e}")))?;
        drawn_from.extend(lists_of(&alternative.pieces).into_iter().map(|(name, _)| name.to_owned()));
        alternatives.push(alternative);
    }
    if never_drawn(&alternatives) {
        return Err(wrong(format!("{path} has no line to draw")));
    }
    within.push(name.to_owned());
    drawn_from.iter().try_for_each(|inner| load_within(world, inner, lists, within))?;
    within.pop();
    lists.insert(name.to_owned(), List { alternatives, hash: ContentHash::of_bytes(text.as_bytes()) });
    Ok(())
}

/// Lines that begin with `#` are remarks.
fn is_alternative(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn read(world: &dyn World, name: &str, path: &str) -> Result<String, ListError> {
    let bytes = world.read(path, LARGEST).map_err(|error| match error {
        WorldError::NotFound { .. } => {
            let all = names(world);
            let near = did_you_mean(name, all.iter().map(String::as_str));
            let hint = near.map_or_else(
                || "write one alternative a line there".to_owned(),
                |near| format!("did you mean `__{near}__`?"),
            );
            ListError { code: "bad-choice", message: format!("there is no list {path}"), hint: Some(hint) }
        }
        error => ListError { code: error.code(), message: format!("failed to {error}"), hint: None },
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let hint = Some("save it as UTF-8".to_owned());
        ListError { code: "not-utf8", message: format!("{path} is not UTF-8"), hint }
    })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// The names of the lists that lie in the folder itself or one folder deeper.
fn names(world: &dyn World) -> Vec<String> {
    let pattern = |pattern: &str| world.glob(pattern).unwrap_or_default();
    let files =
        pattern(&format!("{LISTS_FOLDER}/*.txt")).into_iter().chain(pattern(&format!("{LISTS_FOLDER}/*/*.txt")));
    files
        .filter_map(|path| {
            Some(path.strip_prefix(LISTS_FOLDER)?.trim_start_matches('/').strip_suffix(".txt")?.to_owned())
        })
        .collect()
}
