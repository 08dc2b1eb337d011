//! One document before and after: what it says, and what it does.

use std::sync::Arc;

use serde_json::Value;

use super::super::{
    AppError, Session,
    survey::{Servers, survey},
};
use crate::{
    compile::read_workflow,
    diagnostic::Severity,
    diff::{Change, DocumentReport, DocumentState, DocumentWork, WorkDiff, documents, graphs, work},
    graph::{Graph, NodeSet, from_api},
    ident::IndexMap,
    ledger::Ledger,
    model::{Body, Document, Kind, Loaded},
};

/// One side of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    /// Its workspace.
    pub(super) session: &'a Session,
    /// The document there, if it is there.
    pub(super) loaded: Option<&'a Arc<Loaded>>,
}

/// How to compare.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// Where results of earlier runs are.
    pub(super) ledger: Option<&'a Ledger>,
    /// Whether servers may be asked.
    pub(super) servers: Servers,
    /// Whether what the document uses may have changed, though it has not.
    pub(super) may_be_affected: bool,
}

/// Compares a document that is on at least one side.
pub(super) fn compare(before: Side<'_>, after: Side<'_>, how: How<'_>) -> Option<DocumentReport> {
    let shown = after.loaded.or(before.loaded)?;
    let moved = before.loaded.filter(|old| after.loaded.is_some_and(|new| new.path != old.path));
    let version = |side: Side<'_>| Some(side.loaded?.identity.as_ref()?.version.to_string());
    let mut report = DocumentReport {
        name: shown.identity.as_ref().map_or_else(|| shown.path.to_string(), |identity| identity.name.clone()),
        kind: shown.identity.as_ref().map_or("document", |identity| identity.kind.as_str()).to_owned(),
        state: DocumentState::Same,
        path: shown.path.to_string(),
        path_before: moved.map(|old| old.path.to_string()),
        version_before: version(before),
        version: version(after),
        changes: Vec::new(),
        work: None,
        notes: Vec::new(),
    };
    for side in [before, after] {
        report.notes.extend(side.loaded.and_then(|loaded| broken(loaded)));
    }
    let renamed = report.compare_words(before, after);
    report.state = match (before.loaded, after.loaded) {
        (None, _) => DocumentState::New,
        (_, None) => DocumentState::Deleted,
        _ if !report.changes.is_empty() => DocumentState::Changed,
        (Some(_), Some(_)) if report.path_before.is_some() => DocumentState::Moved,
        _ => DocumentState::Same,
    };
    if report.notes.is_empty() && (report.state != DocumentState::Same || how.may_be_affected) {
        report.compare_work(before, after, &renamed, how);
    }
    Some(report)
}

/// Why a document cannot be compared.
fn broken(loaded: &Loaded) -> Option<String> {
    if loaded.parsed.value.is_some() {
        return None;
    }
    let first = loaded.parsed.diagnostics.iter().find(|d| d.severity == Severity::Error);
    let first = first.map_or_else(String::new, |d| format!(": {}", d.message));
    Some(format!("{} cannot be read{first}", loaded.path))
}

impl DocumentReport {
    /// What the document says; gives tasks with another name.
    fn compare_words(&mut self, before: Side<'_>, after: Side<'_>) -> IndexMap<String, String> {
        let document = |side: Side<'_>| side.loaded.and_then(|loaded| loaded.parsed.value.clone());
        let (Some(old), Some(new)) = (document(before), document(after)) else { return IndexMap::default() };
        let (changes, renamed) = documents(&old, &new, &after.session.nodes);
        self.changes = changes;
        match kept_graphs(before, &old, after, &new) {
            Ok(changes) => self.changes.extend(changes),
            Err(note) => self.notes.push(note),
        }
        renamed
    }

    /// What the document does.
    fn compare_work(&mut self, before: Side<'_>, after: Side<'_>, renamed: &IndexMap<String, String>, how: How<'_>) {
        let old = surveyed(before, None, how.servers);
        let new = surveyed(after, how.ledger, how.servers);
        let (old, new) = match (old, new) {
            (Ok(old), Ok(new)) => (old, new),
            (old, new) => {
                self.notes.extend([(before, old.err()), (after, new.err())].into_iter().filter_map(|(side, error)| {
                    Some(format!("the work of {} is not known: {}", side.loaded?.path, first_words(&error?)))
                }));
                return;
            }
        };
        if old.is_none() && new.is_none() {
            return;
        }
        let mut found = work(&old.unwrap_or_default(), &new.unwrap_or_default(), renamed);
        if self.kind == Kind::Preset.as_str() {
            // Whoever runs a preset gives it parameters, and it has as many items as they say.
            found = WorkDiff {
                models_added: found.models_added,
                models_removed: found.models_removed,
                seeds_before: found.seeds_before,
                seeds_after: found.seeds_after,
                nodes_before: found.nodes_before,
                nodes_after: found.nodes_after,
                ..WorkDiff::default()
            };
        }
        if self.state == DocumentState::Same && !found.is_empty() {
            self.state = DocumentState::Affected;
        }
        if self.state != DocumentState::Same {
            self.work = Some(found);
        }
    }
}

fn surveyed(side: Side<'_>, ledger: Option<&Ledger>, servers: Servers) -> Result<Option<DocumentWork>, AppError> {
    side.loaded.map_or(Ok(None), |loaded| survey(side.session, loaded, ledger, servers))
}

/// What an error says first.
fn first_words(error: &AppError) -> String {
    match error {
        AppError::Wrong(diagnostics) | AppError::Drifted(diagnostics) => {
            let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
            let first = errors.first().map_or_else(String::new, |d| d.message.clone());
            let more = errors.len().saturating_sub(1);
            if more == 0 { first } else { format!("{first}, and {more} more errors") }
        }
        other => other.to_string(),
    }
}

/// What differs between the workflows that two versions of a preset keep.
fn kept_graphs(before: Side<'_>, old: &Document, after: Side<'_>, new: &Document) -> Result<Vec<Change>, String> {
    let kept = |document: &Document| match &document.body {
        Body::Preset(preset) => preset.graph.as_ref().map(|graph| graph.workflow.clone()),
        _ => None,
    };
    let (Some(old), Some(new)) = (kept(old), kept(new)) else { return Ok(Vec::new()) };
    let read = |side: Side<'_>, workflow: &str| {
        let path = side.loaded.map(|loaded| loaded.path.clone()).unwrap_or_default();
        read_workflow(side.session.world.as_ref(), &path, workflow, &side.session.nodes)
            .map_err(|e| format!("{workflow}: {}", e.message))
    };
    let (old, new) = (read(before, &old)?, read(after, &new)?);
    if old == new {
        return Ok(Vec::new());
    }
    let nodes = &after.session.nodes;
    let (old, new) = (graph(&old, nodes)?, graph(&new, nodes)?);
    let mut changes = graphs(&old, &new, nodes);
    changes.iter_mut().for_each(|change| change.path = format!("graph.{}", change.path));
    Ok(changes)
}

/// The graph of a workflow.
pub(super) fn graph(workflow: &Value, _: &NodeSet) -> Result<Graph, String> {
    from_api(workflow).map_err(|e| format!("failed to {e}"))
}
