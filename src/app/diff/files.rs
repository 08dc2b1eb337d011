//! Two files, or documents by their references.

use std::{path::Path, sync::Arc};

use serde_json::Value;

use super::{
    super::{AppError, Session, run::existing_ledger, survey::Servers},
    pairs::{How, Side, compare as compare_document, graph},
};
use crate::{
    diff::{DocumentReport, DocumentState, Report, SnapshotReport, classes, graphs},
    files::Format,
    graph::Snapshot,
    model::{Kind, Loaded, MAX_DOCUMENT_BYTES, Origin, Reference, ReferenceError, loaded, read_bytes},
};

/// Something that can be compared.
enum Subject {
    Document(Arc<Loaded>),
    Graph(String, Value),
    Snapshot(String, Box<Snapshot>),
}

impl Subject {
    fn describe(&self) -> String {
        match self {
            Self::Document(loaded) => {
                let kind = loaded.identity.as_ref().map_or("document", |identity| identity.kind.as_str());
                format!("{} is a {kind}", loaded.path)
            }
            Self::Graph(path, _) => format!("{path} is a graph"),
            Self::Snapshot(path, _) => format!("{path} is a snapshot of a server"),
        }
    }
}

/// Compares what `before` and `after` name.
pub(super) fn compare(session: &Session, before: &str, after: &str) -> Result<Report, AppError> {
    let (old, new) = (subject(session, before)?, subject(session, after)?);
    let mut report =
        Report { before: before.to_owned(), after: after.to_owned(), no_ledger: true, ..Report::default() };
    match (&old, &new) {
        (Subject::Document(old), Subject::Document(new)) if is_same_kind(old, new) => {
            let ledger = existing_ledger(session)?;
            report.no_ledger = ledger.is_none();
            let how = How { ledger: ledger.as_deref(), servers: Servers::MayBeAsked, may_be_affected: false };
            let side = |loaded| Side { session, loaded: Some(loaded) };
            let compared = compare_document(side(old), side(new), how);
            // Two files were asked for: that they are two is no news.
            report
                .documents
                .extend(compared.filter(|report| !matches!(report.state, DocumentState::Moved) && !report.is_empty()));
        }
        (Subject::Graph(path_before, old), Subject::Graph(path, new)) => {
            let read = |path: &str, value: &Value| {
                graph(value, &session.nodes).map_err(|e| AppError::usage(format!("{path}: {e}")))
            };
            let changes = graphs(&read(path_before, old)?, &read(path, new)?, &session.nodes);
            if !changes.is_empty() {
                report.documents.push(DocumentReport {
                    name: path.clone(),
                    kind: "graph".to_owned(),
                    state: DocumentState::Changed,
                    path: path.clone(),
                    path_before: Some(path_before.clone()).filter(|before| before != path),
                    version_before: None,
                    version: None,
                    changes,
                    work: None,
                    notes: Vec::new(),
                });
            }
        }
        (Subject::Snapshot(_, old), Subject::Snapshot(path, new)) => {
            let difference = classes(old, new);
            if !difference.is_empty() {
                report.snapshots.push(SnapshotReport { path: path.clone(), difference });
            }
        }
        _ => {
            let message = format!("cannot be compared: {}, {}", old.describe(), new.describe());
            return Err(
                AppError::usage(message).with_hint("name two documents of one kind, two graphs, or two snapshots")
            );
        }
    }
    Ok(report)
}

fn is_same_kind(old: &Loaded, new: &Loaded) -> bool {
    let kind = |loaded: &Loaded| loaded.identity.as_ref().map(|identity| identity.kind);
    kind(old).is_none() || kind(new).is_none() || kind(old) == kind(new)
}

fn subject(session: &Session, text: &str) -> Result<Subject, AppError> {
    if text.to_ascii_lowercase().ends_with(".json") {
        return json_subject(session, text);
    }
    if let Some(loaded) = referred(session, text)? {
        return Ok(Subject::Document(loaded));
    }
    let document = match outside(session, text) {
        Some(loaded) => loaded?,
        None => session.document(text)?,
    };
    match document.parsed.value {
        Some(_) => Ok(Subject::Document(document)),
        None => Err(AppError::Wrong(document.parsed.diagnostics.clone())),
    }
}

/// The document that a reference with a version means, whatever its kind.
fn referred(session: &Session, text: &str) -> Result<Option<Arc<Loaded>>, AppError> {
    let Ok(reference) = Reference::parse(text) else { return Ok(None) };
    let mut failed = None;
    for kind in Kind::ALL {
        match session.workspace.catalog().resolve(&reference, kind) {
            Ok(loaded) => return Ok(Some(loaded)),
            Err(ReferenceError::Unknown { .. } | ReferenceError::WrongKind { .. }) => {}
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) => {
            let usage = AppError::usage(error.to_string());
            Err(error.hint().into_iter().fold(usage, AppError::with_hint))
        }
        None => Ok(None),
    }
}

/// A document that is not in the workspace; a client has none.
fn outside(session: &Session, text: &str) -> Option<Result<Arc<Loaded>, AppError>> {
    let path = Path::new(text);
    let format = Format::of_path(text)?;
    if session.is_confined() || session.relative(path).is_some() || !path.is_file() {
        return None;
    }
    let failed = |e: String| AppError::usage(format!("failed to read {text}: {e}"));
    let file: Arc<str> = Arc::from(text);
    let read = || {
        let bytes = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
        if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
            return Err(failed("it is too large".to_owned()));
        }
        let text = read_bytes(&bytes, &file).map_err(|diagnostic| AppError::Wrong(vec![*diagnostic]))?;
        Ok(Arc::new(loaded(file.clone(), format, text, Origin::Workspace)))
    };
    Some(read())
}

/// A graph or a snapshot.
fn json_subject(session: &Session, text: &str) -> Result<Subject, AppError> {
    const MOST_BYTES: u64 = 256 << 20;
    let failed = |e: String| AppError::usage(format!("failed to read {text}: {e}"));
    let bytes = match session.relative(Path::new(text)) {
        Some(inside) => {
            session.world.read(&inside, MOST_BYTES).map_err(|e| AppError::usage(format!("failed to {e}")))?
        }
        None if session.is_confined() => return Err(failed("it is not in the workspace".to_owned())),
        None => std::fs::read(text).map_err(|e| failed(e.to_string()))?,
    };
    let content = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    let value: Value = serde_json::from_str(content.trim_start_matches('\u{feff}'))
        .map_err(|e| failed(format!("it is not JSON: {e}")))?;
    let is_snapshot = value.get("comfywright_snapshot").is_some()
        || value.as_object().is_some_and(|map| map.values().next().is_some_and(|class| class["input"].is_object()));
    if is_snapshot {
        let snapshot = Snapshot::parse(content).map_err(|e| failed(e.to_string()))?;
        return Ok(Subject::Snapshot(text.to_owned(), Box::new(snapshot)));
    }
    Ok(Subject::Graph(text.to_owned(), value))
}
