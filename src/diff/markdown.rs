//! A report as a comment of a pull request: short tables, the long lists folded.

use std::fmt::Write as _;

use super::{
    change::{Change, ChangeKind},
    report::{DocumentReport, DocumentState, Report},
    text::{facts, parts, sides, state},
    work::{TaskDiff, WorkDiff},
};

/// The first line, by which a later run finds its own comment.
const MARK: &str = "<!-- comfywright diff -->";

/// Changes of a document that are shown unfolded.
const OPEN: usize = 12;

/// Most changes of a document.
const MOST: usize = 200;

/// Most documents and most characters: a comment holds 65,536.
const MOST_DOCUMENTS: usize = 60;
const MOST_CHARACTERS: usize = 60_000;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut out = format!("{MARK}\n## Pipelines: {} → {}\n\n", code(&report.before), code(&report.after));
    for note in &report.notes {
        let _ = writeln!(out, "> {}\n", cell(note));
    }
    if report.is_empty() {
        out.push_str("No differences in what documents say or do.\n");
        return out;
    }
    out.push_str(&summary(report));
    let mut left = 0;
    for (number, document) in report.documents.iter().enumerate() {
        let section = section(document, report.no_ledger);
        if number >= MOST_DOCUMENTS || out.len() + section.len() > MOST_CHARACTERS {
            left += 1;
            continue;
        }
        out.push_str(&section);
    }
    if left > 0 {
        let _ = writeln!(out, "\n… and {left} more documents: `comfywright diff` shows them all.");
    }
    for snapshot in &report.snapshots {
        let mut section = format!("\n### Server: {}\n\n", code(&snapshot.path));
        for (what, all) in parts(&snapshot.difference) {
            let list: Vec<String> = all.iter().take(MOST).map(|one| format!("- {} {}", what, code(one))).collect();
            let title = format!("{} {}", what.trim_end_matches(':'), count(all.len()));
            section.push_str(&if all.len() > OPEN { folded(&title, &list.join("\n")) } else { list.join("\n") + "\n" });
        }
        if out.len() + section.len() < MOST_CHARACTERS {
            out.push_str(&section);
        }
    }
    out
}

fn count(number: usize) -> String {
    format!("({number})")
}

/// One row a document, and what all of it takes.
fn summary(report: &Report) -> String {
    let ledger = !report.no_ledger;
    let mut out = String::from("| document | | changes | items | new or different |");
    out.push_str(if ledger { " to run | already made | time |\n" } else { "\n" });
    out.push_str(if ledger { "|---|---|--:|--:|--:|--:|--:|---|\n" } else { "|---|---|--:|--:|--:|\n" });
    for document in report.documents.iter().take(MOST_DOCUMENTS) {
        let work = document.work.as_ref().filter(|work| work.has_items());
        let number = |pick: fn(&WorkDiff) -> String| work.map(pick).unwrap_or_default();
        let mut cells = vec![
            format!("{} {}", document.kind, cell(&document.title())),
            state(document.state).to_owned(),
            document.changes.len().to_string(),
            number(|w| from_to(w.items_before, w.items_after)),
            number(|w| w.items_to_make.to_string()),
        ];
        if ledger {
            cells.extend([
                number(|w| w.to_run.to_string()),
                number(|w| w.reused.to_string()),
                number(WorkDiff::forecast),
            ]);
        }
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    let totals = &report.totals;
    if ledger && totals.items_after > 0 {
        let _ =
            write!(out, "\n**{} items to run, {} already made: {}.**", totals.to_run, totals.reused, totals.forecast());
        out.push_str(if totals.seconds_are_partial && totals.to_run > 0 {
            " Some tasks have no history yet.\n"
        } else {
            "\n"
        });
    } else if totals.items_before + totals.items_after > 0 {
        out.push_str("\nThere is no ledger here, so what is made already and how long the rest takes is not known.\n");
    }
    out
}

fn section(document: &DocumentReport, no_ledger: bool) -> String {
    let mut out = format!("\n### {} {}\n\n", document.kind, cell(&document.title()));
    let _ = write!(out, "{}", code(&document.path));
    if let Some(before) = &document.path_before {
        let _ = write!(out, " (was {})", code(before));
    }
    out.push_str(match document.state {
        DocumentState::New => " is new.\n",
        DocumentState::Deleted => " is deleted.\n",
        DocumentState::Affected => " says what it said; something that it uses has changed.\n",
        _ => "\n",
    });
    for note in &document.notes {
        let _ = writeln!(out, "\n> {}", cell(note));
    }
    if !document.changes.is_empty() {
        let table = changes(&document.changes);
        out.push('\n');
        let title = format!("{} changes", document.changes.len());
        out.push_str(&if document.changes.len() > OPEN { folded(&title, &table) } else { table });
    }
    if let Some(work) = document.work.as_ref().filter(|work| !work.is_empty()) {
        out.push_str(&work_section(work, no_ledger));
    }
    out
}

fn changes(changes: &[Change]) -> String {
    let mut out = String::from("| | what | before | after |\n|---|---|---|---|\n");
    for change in changes.iter().take(MOST) {
        let (before, after) = sides(change);
        let sign = match change.kind {
            ChangeKind::Added => "new",
            ChangeKind::Removed => "gone",
            ChangeKind::Changed => "changed",
            ChangeKind::Renamed => "renamed",
            ChangeKind::Moved => "order",
        };
        let _ = writeln!(out, "| {sign} | {} | {} | {} |", code(&change.path), code(&before), code(&after));
    }
    if changes.len() > MOST {
        let _ = writeln!(out, "\n… and {} more.", changes.len() - MOST);
    }
    out
}

fn work_section(work: &WorkDiff, no_ledger: bool) -> String {
    let mut out = task_table(work, no_ledger);
    let facts: Vec<String> = facts(work).into_iter().map(|(what, fact)| format!("- {what}: {}", code(&fact))).collect();
    if !facts.is_empty() {
        let _ = writeln!(out, "\n{}", facts.join("\n"));
    }
    let examples: Vec<String> = work.tasks.iter().filter_map(examples).collect();
    if !examples.is_empty() {
        out.push('\n');
        out.push_str(&folded("which items", &examples.join("\n")));
    }
    out
}

fn task_table(work: &WorkDiff, no_ledger: bool) -> String {
    if work.tasks.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n| task | items | new | changed | gone | the same |");
    out.push_str(if no_ledger { "\n" } else { " to run | already made |\n" });
    out.push_str(if no_ledger { "|---|--:|--:|--:|--:|--:|\n" } else { "|---|--:|--:|--:|--:|--:|--:|--:|\n" });
    for task in &work.tasks {
        let mut cells = vec![
            code(&task.task),
            from_to(task.before, task.after),
            task.added.to_string(),
            task.changed.to_string(),
            task.removed.to_string(),
            task.unchanged.to_string(),
        ];
        if !no_ledger {
            cells.extend([task.to_run.to_string(), task.reused.to_string()]);
        }
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

fn examples(task: &TaskDiff) -> Option<String> {
    let told: Vec<String> = task.examples.iter().map(|item| code(item)).collect();
    let more = (task.added + task.changed).saturating_sub(told.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!told.is_empty()).then(|| format!("- {}{more}", told.join(", ")))
}

fn from_to(before: usize, after: usize) -> String {
    if before == after { after.to_string() } else { format!("{before} → {after}") }
}

fn folded(title: &str, inside: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n", inside.trim_end())
}

/// Text as code within a cell of a table: what files say is shown, never read as Markdown or HTML.
fn code(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    if line.trim().is_empty() {
        return String::new();
    }
    // A fence longer than any in the text.
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

/// Plain text within a cell.
fn cell(text: &str) -> String {
    let escaped = text.replace(['\n', '\r'], " ").replace('&', "&amp;").replace('<', "&lt;");
    let special = |c: char| matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '@' | '!');
    escaped.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_say_is_never_markup() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("use `x` here"), "``use `x` here``");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code("a\n<!-- b"), "`a <!-- b`");
        assert_eq!(code(""), "");
        assert_eq!(cell("<img src=x> @team [a](b) 1.0 | x"), "&lt;img src=x> \\@team \\[a\\](b) 1.0 \\| x");
    }
}
