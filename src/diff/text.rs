//! A report as lines for a terminal, and the words that Markdown uses, too.

use serde_json::Value;

use super::{
    change::{Change, ChangeKind},
    classes::ClassDifference,
    report::{DocumentReport, DocumentState, Report},
    work::{TaskDiff, WorkDiff},
};

/// Longest value that is told whole, in characters.
const LONGEST: usize = 72;

/// Characters around a difference within a long text.
const AROUND: usize = 24;

/// Most lines of one kind.
const MOST: usize = 40;

/// The report as lines.
pub fn text(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.notes.iter().map(|note| format!("note: {note}")).collect();
    if report.is_empty() {
        lines.push(format!("no difference between {} and {}", report.before, report.after));
        return lines;
    }
    for document in &report.documents {
        lines.push(heading(document));
        lines.extend(document.changes.iter().take(MOST).map(|change| format!("  {}", change_text(change))));
        lines.extend(more(document.changes.len(), "changes"));
        lines.extend(
            document.work.iter().filter(|work| !work.is_empty()).flat_map(|work| work_lines(work, report.no_ledger)),
        );
        lines.extend(document.notes.iter().map(|note| format!("  note: {note}")));
        lines.push(String::new());
    }
    for snapshot in &report.snapshots {
        lines.push(format!("snapshot {}", snapshot.path));
        for (what, all) in parts(&snapshot.difference) {
            lines.extend(all.iter().take(MOST).map(|one| format!("  {what} {one}")));
            lines.extend(more(all.len(), what));
        }
        lines.push(String::new());
    }
    lines.push(summary(report));
    lines
}

fn more(number: usize, what: &str) -> Option<String> {
    (number > MOST).then(|| format!("  … {} more {what}", number - MOST))
}

/// The lists of a difference between snapshots, each with a word.
pub(super) fn parts(difference: &ClassDifference) -> Vec<(&'static str, &[String])> {
    let all = [
        ("version", &difference.versions),
        ("node gone:", &difference.classes_removed),
        ("new node:", &difference.classes_added),
        ("changed:", &difference.changed),
        ("model gone:", &difference.models_removed),
        ("new model:", &difference.models_added),
    ];
    all.into_iter().filter(|(_, list)| !list.is_empty()).map(|(word, list)| (word, list.as_slice())).collect()
}

/// `chain catalog 1.0.0 → 1.1.0 (pipelines/catalog.toml): changed`.
fn heading(document: &DocumentReport) -> String {
    let from = document.path_before.as_ref().map_or_else(String::new, |path| format!(", before {path}"));
    format!("{} {} ({}{from}): {}", document.kind, document.title(), document.path, state(document.state))
}

/// What became of a document, in words.
pub(super) fn state(state: DocumentState) -> &'static str {
    match state {
        DocumentState::New => "new",
        DocumentState::Deleted => "deleted",
        DocumentState::Changed => "changed",
        DocumentState::Moved => "moved",
        DocumentState::Affected => "unchanged, but its work changes",
        DocumentState::Same => "the same",
    }
}

/// A change in one line: `~ node.sampler.steps: 20 → 30`.
pub fn change_text(change: &Change) -> String {
    let (before, after) = sides(change);
    let path = &change.path;
    match change.kind {
        ChangeKind::Added => format!("+ {path}: {after}"),
        ChangeKind::Removed => format!("- {path}: {before}"),
        ChangeKind::Changed if before.is_empty() || after.is_empty() => format!("~ {path}: {before}{after}"),
        ChangeKind::Changed => format!("~ {path}: {before} → {after}"),
        ChangeKind::Renamed => format!("~ {path}: renamed, was {before}"),
        ChangeKind::Moved => format!("~ {path}: order {before} → {after}"),
    }
}

/// Both values, short enough for a line: long texts only around what differs.
pub(super) fn sides(change: &Change) -> (String, String) {
    if let (ChangeKind::Renamed, Some(Value::String(before)), Some(Value::String(after))) =
        (change.kind, &change.before, &change.after)
    {
        return (before.clone(), after.clone());
    }
    if let (Some(Value::String(before)), Some(Value::String(after))) = (&change.before, &change.after)
        && before.chars().count().max(after.chars().count()) > LONGEST
    {
        return excerpts(before, after);
    }
    if let (ChangeKind::Changed, Some(Value::Array(before)), Some(Value::Array(after))) =
        (change.kind, &change.before, &change.after)
        && let Some(sides) = members(before, after)
    {
        return sides;
    }
    let told = |value: &Option<Value>| value.as_ref().map_or_else(String::new, value_text);
    (told(&change.before), told(&change.after))
}

/// What two lists do not have in common: `- "top"` and `+ "side"`; none when it is their order, or all of them.
fn members(before: &[Value], after: &[Value]) -> Option<(String, String)> {
    let only = |list: &[Value], other: &[Value], sign: &str| {
        let values: Vec<String> =
            list.iter().filter(|value| !other.contains(value)).map(|value| format!("{sign} {value}")).collect();
        (values.len(), shortened(&values.join(", ")))
    };
    let ((gone, before_text), (new, after_text)) = (only(before, after, "-"), only(after, before, "+"));
    let is_part = gone + new > 0 && (gone < before.len() || new < after.len()) && before.len() > 1;
    is_part.then_some((before_text, after_text))
}

/// A value in one line.
fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Object(map) if map.get("class").is_some_and(Value::is_string) && map.contains_key("inputs") => {
            // A node.
            let inputs = map["inputs"].as_object().into_iter().flatten();
            let inputs: Vec<String> = inputs.map(|(name, value)| format!("{name} = {value}")).collect();
            format!("{} ({})", map["class"].as_str().unwrap_or_default(), inputs.join(", "))
        }
        other => other.to_string(),
    };
    shortened(&text)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Two long texts around what differs between them.
fn excerpts(before: &str, after: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let shorter = a.len().min(b.len());
    let end = a.iter().rev().zip(b.iter().rev()).take(shorter - start).take_while(|(x, y)| x == y).count();
    let cut = |text: &[char]| {
        let (from, to) = (start.saturating_sub(AROUND), (text.len() - end + AROUND).min(text.len()));
        let middle: String = text[from..to].iter().collect();
        let middle = shortened_middle(&middle);
        let (open, close) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        format!("\"{open}{}{close}\"", middle.escape_debug().to_string().replace("\\'", "'"))
    };
    (cut(&a), cut(&b))
}

fn shortened_middle(text: &str) -> String {
    const MOST_OF_A_TEXT: usize = 200;
    let length = text.chars().count();
    if length <= MOST_OF_A_TEXT {
        return text.to_owned();
    }
    let half = MOST_OF_A_TEXT / 2;
    let (first, last): (String, String) =
        (text.chars().take(half).collect(), text.chars().skip(length - half).collect());
    format!("{first} … {last}")
}

fn work_lines(work: &WorkDiff, no_ledger: bool) -> Vec<String> {
    let mut lines = vec!["  work:".to_owned()];
    if work.has_items() {
        lines = vec![format!("  work: {}", work_text(work, no_ledger))];
    }
    lines.extend(work.tasks.iter().map(|task| format!("    {}: {}", task.task, task_text(task))));
    lines.extend(facts(work).into_iter().map(|(what, fact)| format!("    {what}: {fact}")));
    lines
}

/// `12 items → 15; 3 to run, 12 reused; about 40 s`.
fn work_text(work: &WorkDiff, no_ledger: bool) -> String {
    let items = if work.items_before == work.items_after {
        format!("{} items", work.items_after)
    } else {
        format!("{} items → {}", work.items_before, work.items_after)
    };
    let other = format!("{} new or different", work.items_to_make);
    if no_ledger {
        return format!("{items}, {other}");
    }
    let mut counts = vec![format!("{} to run", work.to_run), format!("{} already made", work.reused)];
    if work.depends_on_routing > 0 {
        counts.push(format!("{} depend on routing", work.depends_on_routing));
    }
    format!("{items}, {other}; {}; {}", counts.join(", "), work.forecast())
}

/// `4 → 6 items: 2 new, 1 changed, 3 the same`.
fn task_text(task: &TaskDiff) -> String {
    let counts = [
        (task.added, "new"),
        (task.removed, "gone"),
        (task.changed, "changed"),
        (task.unchanged, "the same"),
        (task.unknown, "not known yet"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let examples = if task.examples.is_empty() { String::new() } else { format!(" ({})", examples(task)) };
    format!("{} → {} items: {}{examples}", task.before, task.after, counts.join(", "))
}

fn examples(task: &TaskDiff) -> String {
    let told = task.examples.join(", ");
    if task.added + task.changed > task.examples.len() { format!("{told}, …") } else { told }
}

/// Models, seeds and nodes that differ, each with a word.
pub(super) fn facts(work: &WorkDiff) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let models =
        work.models_added.iter().map(|m| format!("+ {m}")).chain(work.models_removed.iter().map(|m| format!("- {m}")));
    let models: Vec<String> = models.collect();
    if !models.is_empty() {
        facts.push(("models", models.join(", ")));
    }
    let or_none = |text: &String| if text.is_empty() { "none".to_owned() } else { text.clone() };
    if work.seeds_before != work.seeds_after {
        facts.push(("seeds", format!("{} → {}", or_none(&work.seeds_before), or_none(&work.seeds_after))));
    }
    if work.nodes_before != work.nodes_after {
        facts.push(("nodes in all graphs", format!("{} → {}", work.nodes_before, work.nodes_after)));
    }
    if work.seconds.is_some() && !work.without_history.is_empty() {
        facts.push(("no history", work.without_history.join(", ")));
    }
    facts
}

fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let documents = report.documents.len();
    let mut parts = vec![format!("{documents} {}", if documents == 1 { "document" } else { "documents" })];
    parts.push(format!("{} {}", totals.changes, if totals.changes == 1 { "change" } else { "changes" }));
    if totals.items_before + totals.items_after > 0 {
        parts.push(format!("{} items new or different", totals.items_to_make));
        if report.no_ledger {
            parts.push("no ledger here: what is made already is not known".to_owned());
        } else {
            parts.push(format!("{} to run, {} already made, {}", totals.to_run, totals.reused, totals.forecast()));
        }
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &str, after: &str) -> Change {
        Change {
            path: "x".to_owned(),
            kind: ChangeKind::Changed,
            before: Some(before.into()),
            after: Some(after.into()),
        }
    }

    #[test]
    fn long_texts_are_shown_around_what_differs() {
        let long =
            "a product photograph of a ceramic mug on a wooden table, softbox from the left, shallow depth of field";
        let (before, after) = sides(&change(long, &long.replace("ceramic", "glass")));
        assert_eq!(before, "\"…product photograph of a ceramic mug on a wooden table, …\"");
        assert_eq!(after, "\"…product photograph of a glass mug on a wooden table, …\"");
        let (before, after) = sides(&change("short", &"x".repeat(400)));
        assert!(before.starts_with("\"short") && after.contains(" … "), "{before} {after}");
        assert_eq!(sides(&change("a", "b")), ("\"a\"".to_owned(), "\"b\"".to_owned()));
    }

    #[test]
    fn lists_are_shown_by_what_is_new_and_gone() {
        let list = |before: Value, after: Value| {
            let kind = ChangeKind::Changed;
            change_text(&Change { path: "x".to_owned(), kind, before: Some(before), after: Some(after) })
        };
        let json = serde_json::json!(["front", "top"]);
        assert_eq!(list(json.clone(), serde_json::json!(["front", "top", "side"])), "~ x: + \"side\"");
        assert_eq!(list(json.clone(), serde_json::json!(["front", "side"])), "~ x: - \"top\" → + \"side\"");
        assert_eq!(
            list(json.clone(), serde_json::json!(["top", "front"])),
            "~ x: [\"front\",\"top\"] → [\"top\",\"front\"]"
        );
        assert_eq!(list(json, serde_json::json!([1])), "~ x: [\"front\",\"top\"] → [1]");
    }
}
