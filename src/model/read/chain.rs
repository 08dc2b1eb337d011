//! The tasks of a chain: which keys stand where, and what each type of task takes.

use super::{
    Source,
    moves::move_key,
    settings::{check_setting, check_with},
    sources::check_task_sources,
    values::matches_with_paths,
};
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{Entry, NodeKind, Step, Table},
    ident::did_you_mean,
    model::{
        chain::{TASK_KEYS, TaskType},
        settings::{settings_named, task_type, task_type_name, task_types},
    },
    path,
};

/// One task that is being checked.
struct TaskNode<'a> {
    name: &'a str,
    table: &'a Table,
    kind: Option<TaskType>,
}

/// Checks the tasks.
pub(super) fn check(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (path, node) in matches_with_paths(source.tree, &["task", "*"]) {
        let (Some(Step::Key(name)), Some(table)) = (path.0.last(), node.as_table()) else { continue };
        let kind = table.entries.get("type").and_then(|entry| entry.node.as_str());
        let kind = kind.and_then(|name| task_types().find(|kind| task_type_name(*kind) == name));
        let task = TaskNode { name, table, kind };
        check_foreach(source, &task, diagnostics);
        if let Some(kind) = kind {
            check_keys(source, &task, kind, diagnostics);
            check_with(source, table, kind, diagnostics);
            diagnostics.extend(check_task_sources(source, &path, table, kind));
        }
    }
}

/// Keys of the task below `[task.x.foreach]` were meant for the task.
fn check_foreach(source: &Source<'_>, task: &TaskNode<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(foreach) = task.table.entries.get("foreach") else { return };
    for (key, entry) in foreach.node.as_table().into_iter().flat_map(|table| &table.entries) {
        let is_list_of_values = matches!(entry.node.kind, NodeKind::List(_) | NodeKind::Table(_));
        let is_setting = task.kind.is_some_and(|kind| task_type(kind).setting(key).is_some());
        if ["include", "exclude"].contains(&key.as_str()) {
            diagnostics.extend(check_refinement(source, key, entry));
        } else if TASK_KEYS.contains(&key.as_str()) {
            diagnostics.push(misplaced_in_foreach(source, task, key, entry, "is a key of the task, not a foreach key"));
        } else if is_setting && !is_list_of_values {
            diagnostics.push(misplaced_in_foreach(
                source,
                task,
                key,
                entry,
                "is a setting of the task, not a foreach key",
            ));
        }
    }
}

/// `include` and `exclude` hold combinations, so that no key can have these names.
fn check_refinement(source: &Source<'_>, key: &str, entry: &Entry) -> Option<Diagnostic> {
    let is_rows = match &entry.node.kind {
        NodeKind::List(rows) => rows.iter().all(|row| row.node.as_table().is_some()),
        _ => false,
    };
    let message = format!("`{key}` holds combinations of keys and cannot be a foreach key itself");
    let hint = "give the key another name; a combination is a table: { angle = \"top\" }";
    (!is_rows).then(|| source.error("reserved-name", whole(entry), message).with_hint(hint))
}

/// The bytes from the key to the end of the value.
fn whole(entry: &Entry) -> Span {
    Span::new(entry.key_span.start, entry.node.span.end.max(entry.key_span.end))
}

fn misplaced_in_foreach(source: &Source<'_>, task: &TaskNode<'_>, key: &str, entry: &Entry, what: &str) -> Diagnostic {
    let message = format!("`{key}` {what}");
    let mut diagnostic = source.error("misplaced-key", whole(entry), message);
    diagnostic.hint = Some(format!("write it on the task `{}`, above its foreach", task.name));
    let (from, to) = (path!["task", task.name, "foreach", key], path!["task", task.name, key]);
    diagnostic.fix = move_key(source, &from, &to, format!("move `{key}` to the task"));
    diagnostic
}

fn check_keys(source: &Source<'_>, task: &TaskNode<'_>, kind: TaskType, diagnostics: &mut Vec<Diagnostic>) {
    let info = task_type(kind);
    let with = task.table.entries.get("with").and_then(|entry| entry.node.as_table());
    for (key, entry) in &task.table.entries {
        let key = key.as_str();
        if TASK_KEYS.contains(&key) {
            diagnostics.extend(check_task_key(source, kind, key, entry));
        } else if let Some(setting) = info.setting(key) {
            if let Some(twice) = with.and_then(|with| with.entries.get(key)) {
                let message = format!("`{key}` is written twice: on the task and in `with`");
                diagnostics.push(source.error("written-twice", twice.key_span, message).with_hint("keep one of them"));
            }
            check_setting(source, kind, setting, &entry.node, diagnostics);
        } else if info.input(key).is_some() || info.open && is_unlike_any_key(key) {
            let message = format!("`{key}` does not stand on the task itself");
            let hint = format!("inputs stand in `with`: write `{key}` there");
            let mut diagnostic = source.error("misplaced-key", entry.key_span, message).with_hint(hint);
            let (from, to) = (path!["task", task.name, key], path!["task", task.name, "with", key]);
            diagnostic.fix = move_key(source, &from, &to, format!("move `{key}` to `with`"));
            diagnostics.push(diagnostic);
        } else if settings_named(key).next().is_some() {
            diagnostics.push(setting_of_other_type(source, key, entry, kind));
        }
    }
}

/// Whether `key` is no slip of the pen for a key that a task may have.
fn is_unlike_any_key(key: &str) -> bool {
    let settings = task_types().flat_map(|kind| task_type(kind).settings.iter().map(|setting| setting.name));
    did_you_mean(key, TASK_KEYS.iter().copied().chain(settings)).is_none()
}

fn setting_of_other_type(source: &Source<'_>, key: &str, entry: &Entry, kind: TaskType) -> Diagnostic {
    let others: Vec<String> = settings_named(key).map(|(other, _)| format!("`{}`", task_type_name(other))).collect();
    let message = format!("`{key}` is a setting of {}, not of `{}`", others.join(" and "), task_type_name(kind));
    let diagnostic = source.error("unknown-key", entry.key_span, message);
    if task_type(kind).open { diagnostic.with_hint("a parameter of the preset stands in `with`") } else { diagnostic }
}

/// Keys that only some types of task have.
fn check_task_key(source: &Source<'_>, kind: TaskType, key: &str, entry: &Entry) -> Option<Diagnostic> {
    let types: &[TaskType] = match key {
        "preset" => &[TaskType::Generate, TaskType::Enhance],
        "node" | "outputs" => &[TaskType::Graph],
        _ => return None,
    };
    let names: Vec<String> = types.iter().map(|kind| format!("`{}`", task_type_name(*kind))).collect();
    let message = format!("`{key}` is for tasks of type {}, not `{}`", names.join(" and "), task_type_name(kind));
    (!types.contains(&kind)).then(|| source.error("unknown-key", entry.key_span, message))
}
