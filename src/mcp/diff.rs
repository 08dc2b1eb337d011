//! `diff_files` and `explain`: what differs between documents, and why an item was made again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    findings::Refusal,
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::{
    app::{self, DiffRequest, client_files::ClientFiles, existing_ledger, history, run_view::RunView},
    diff::{Change, DocumentState, Report, WorkDiff, text},
};

/// Most changes of a document in one answer.
const MOST_CHANGES: usize = 60;

/// Most documents in one answer.
const MOST_DOCUMENTS: usize = 40;

pub(super) fn tools() -> Vec<Callable> {
    vec![
        blocking(
            &About {
                name: "diff_files",
                title: "Compare documents",
                description: "Says what differs in meaning between two documents, graphs or commits: nodes, parameters, \
                              tasks; and which items, models and seeds of runs that changes, what of it is made already, \
                              and how long the rest takes.",
                effect: Effect::Reads,
            },
            diff_files,
        ),
        blocking(
            &About {
                name: "explain",
                title: "Explain an item",
                description: "Says why an item of a run was made again: what changed since the run before.",
                effect: Effect::Reads,
            },
            explain,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DiffFiles {
    /// A document: its path, or a reference such as name@1.2.0
    before: Option<String>,
    /// The document to compare it with
    after: Option<String>,
    /// Instead of both: BASE..HEAD, or BASE for what has changed since
    git: Option<String>,
    /// With git: only these documents or folders
    #[serde(default)]
    paths: Vec<String>,
}

/// What differs.
#[derive(Serialize, JsonSchema)]
struct Difference {
    differs: bool,
    documents: Vec<DocumentDifference>,
    /// Items of runs that are new or do something else.
    items_to_make: usize,
    to_run: usize,
    already_made: usize,
    /// By earlier runs; none without history.
    seconds: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
struct DocumentDifference {
    document: String,
    path: String,
    /// new, deleted, changed, moved, or affected by what it uses.
    state: DocumentState,
    changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<WorkDiff>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

fn diff_files(shared: &Shared, arguments: &DiffFiles) -> Result<Answer<Difference>, Refusal> {
    let DiffFiles { before, after, git, paths } = arguments;
    let compared = match (before, after, git) {
        (Some(before), Some(after), None) => shared.with(|session| {
            let files = ClientFiles::open(session)?;
            let checked = |text: &String| {
                if text.to_ascii_lowercase().ends_with(".json") { files.readable(text) } else { files.document(text) }
            };
            let request = DiffRequest::Files { before: checked(before)?, after: checked(after)? };
            app::diff(session, &request)
        })?,
        (None, None, Some(range)) => {
            let paths = paths.iter().map(Into::into).collect();
            shared.with(|session| app::diff(session, &DiffRequest::Commits { range: range.clone(), paths }))?
        }
        _ => return Err(Refusal("give `before` and `after`, or `git` alone".to_owned())),
    };
    let report = compared.report;
    Ok(Answer::new(text(&report).join("\n"), difference(report)))
}

fn difference(report: Report) -> Difference {
    Difference {
        differs: !report.is_empty(),
        items_to_make: report.totals.items_to_make,
        to_run: report.totals.to_run,
        already_made: report.totals.reused,
        seconds: report.totals.seconds,
        documents: report
            .documents
            .into_iter()
            .take(MOST_DOCUMENTS)
            .map(|document| DocumentDifference {
                document: document.name,
                path: document.path,
                state: document.state,
                changes: document.changes.into_iter().take(MOST_CHANGES).collect(),
                work: document.work,
                notes: document.notes,
            })
            .collect(),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Explain {
    /// As `run_file` gave it, or last
    run_id: String,
    /// An item of it, such as generate[sku=A1]
    item: String,
}

#[derive(Serialize, JsonSchema)]
struct Explained {
    item: String,
    state: String,
    /// The run before in which it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier_run: Option<String>,
    changes: Vec<ExplainedPart>,
}

/// A part of what an item does.
#[derive(Serialize, JsonSchema)]
struct ExplainedPart {
    part: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
}

fn explain(shared: &Shared, arguments: &Explain) -> Result<Answer<Explained>, Refusal> {
    let explained = shared.with(|session| {
        let ledger = existing_ledger(session)?.ok_or_else(|| app::AppError::usage("nothing has been run here yet"))?;
        let run = history::find_run(&ledger, &arguments.run_id)?;
        let (item, _) = history::item(&ledger, &run, &arguments.item)?;
        let found = history::explain(&ledger, &run, &item)?;
        let changes = found.changes.into_iter().map(|(part, before, now)| ExplainedPart { part, before, now });
        Ok(Explained {
            item: item.address,
            state: item.state.name().to_owned(),
            earlier_run: found.earlier.as_ref().map(|run| RunView::of(run).run),
            changes: changes.collect(),
        })
    })?;
    Ok(Answer::new(explanation(&explained), explained))
}

fn explanation(explained: &Explained) -> String {
    let Some(earlier) = &explained.earlier_run else {
        return format!("{} was made for the first time", explained.item);
    };
    if explained.changes.is_empty() {
        return format!("{}: nothing changed since run {earlier}", explained.item);
    }
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not there)".to_owned());
    let parts = explained.changes.iter().map(|p| format!("{}: {} -> {}", p.part, shown(&p.before), shown(&p.now)));
    let head = format!("{}: changed since run {earlier}", explained.item);
    std::iter::once(head).chain(parts).collect::<Vec<_>>().join("\n")
}
