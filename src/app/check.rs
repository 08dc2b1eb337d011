//! Checking documents, and mending what has a certain fix.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    AppError, ExitCode, Session, SessionOptions, Sources, atomic_write, count, lock::Locked, selection::select,
    servers::judge_by,
};
use crate::{
    check::{self, Subject},
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Fix, Severity, Span, TextEdit},
    files::{Format, edit},
    graph::GraphNeeds,
    model::{CONFIG_FILE, FEW, Loaded, read_bytes, read_config, read_document},
};

/// Largest graph, in bytes.
const LARGEST_GRAPH: u64 = 64 << 20;

/// Most rounds of mending and checking again.
const MAX_ROUNDS: usize = 10;

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// Documents, folders, and graphs as JSON; all documents of the workspace when there are none.
    pub paths: Vec<PathBuf>,
    /// Whether everything must be as it is locked.
    pub locked: bool,
    /// Servers to judge by, instead of the session's snapshot.
    pub servers: Vec<String>,
}

/// How many findings were mended in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// The file, relative to the workspace.
    pub file: String,
    /// Findings that are gone.
    pub fixes: usize,
}

/// What came of checking.
pub struct CheckReport {
    /// Documents that were looked at.
    pub documents: usize,
    /// Graphs that were looked at.
    pub graphs: usize,
    /// Files of the documents and graphs in which nothing could be examined.
    pub unexamined: Vec<String>,
    /// Classes of which nothing is known.
    pub unknown_classes: BTreeSet<String>,
    /// What the documents were checked against.
    pub against: String,
    /// What was found, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// What was mended before that.
    pub fixed: Vec<Fixed>,
    /// The texts that the diagnostics are about.
    pub sources: Sources,
    configured: bool,
}

impl CheckReport {
    /// Errors among the diagnostics.
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Warnings among the diagnostics.
    pub fn warnings(&self) -> usize {
        self.diagnostics.len() - self.errors()
    }

    /// Files about which there are diagnostics.
    pub fn files_with_findings(&self) -> usize {
        self.diagnostics.iter().map(|d| &d.file).collect::<BTreeSet<_>>().len()
    }

    /// What was found and by what it was judged, in one line.
    pub fn summary(&self) -> String {
        if self.files() == 0 && self.diagnostics.is_empty() {
            return "nothing was examined: there are no documents in pipelines/ (comfywright init writes one)"
                .to_owned();
        }
        let found = match (self.errors(), self.warnings()) {
            (0, 0) => "no errors".to_owned(),
            (errors, warnings) => {
                let parts = [(errors, "error"), (warnings, "warning")];
                let parts: Vec<String> =
                    parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| count(*n, word)).collect();
                format!("{} in {}", parts.join(", "), count(self.files_with_findings(), "file"))
            }
        };
        let looked_at = match (self.documents, self.graphs) {
            (documents, 0) => count(documents, "document"),
            (0, graphs) => count(graphs, "graph"),
            (documents, graphs) => format!("{} and {}", count(documents, "document"), count(graphs, "graph")),
        };
        let mut text = format!("{found}; checked {looked_at} against {}", self.against);
        if !self.unexamined.is_empty() {
            let some = if self.unexamined.len() == self.files() { "nothing was" } else { "not" };
            let word = if self.graphs == 0 { "document" } else { "file" };
            text = format!("{text}; {some} examined in {}", count(self.unexamined.len(), word));
        }
        text
    }

    /// Documents and graphs that were looked at.
    fn files(&self) -> usize {
        self.documents + self.graphs
    }

    /// How the command ends.
    pub fn exit_code(&self) -> ExitCode {
        if self.errors() > 0 {
            ExitCode::WrongFiles
        } else if self.unexamined.len() == self.files() && !self.configured {
            ExitCode::NothingExamined
        } else {
            ExitCode::Done
        }
    }
}

/// Checks what `options` names.
pub fn check(session: &Session, options: &CheckOptions) -> Result<CheckReport, AppError> {
    let selection = select(session, &options.paths)?;
    let (lock, mut of_the_lock) = match Locked::read(session) {
        Ok(lock) => (lock, Vec::new()),
        Err(diagnostics) => (None, diagnostics),
    };
    if options.locked && lock.is_none() && of_the_lock.is_empty() {
        return Err(Locked::missing());
    }
    let with_needs = lock.is_some();
    let documents = selection.documents.par_iter().with_max_len(FEW);
    let outcomes: Vec<_> = documents.map(|loaded| check_document(session, loaded, with_needs)).collect();
    if let Some(lock) = lock {
        let mut needs = GraphNeeds::default();
        outcomes.iter().for_each(|outcome| needs.extend(&outcome.needs));
        let mut found = lock.drift_of_snapshots(session, &needs);
        if options.locked {
            found.extend(lock.drift_of_inputs(session, &selection.documents, &session.nodes)?);
        }
        of_the_lock.extend(found.into_iter().map(|drift| drift.diagnostic));
        let severity = if options.locked { Severity::Error } else { Severity::Warning };
        of_the_lock.iter_mut().for_each(|diagnostic| diagnostic.severity = severity);
    }
    let mut sources = Sources::of(session);
    let mut report = CheckReport {
        documents: selection.documents.len(),
        graphs: selection.graphs.len(),
        unexamined: Vec::new(),
        unknown_classes: BTreeSet::new(),
        against: session.against.clone(),
        diagnostics: Vec::new(),
        fixed: Vec::new(),
        sources: Sources::default(),
        configured: selection.config_named || !selection.manifests.is_empty(),
    };
    report.diagnostics.extend(session.snapshot_faults.iter().cloned());
    report.diagnostics.extend(of_the_lock);
    if selection.config || session.workspace.config.has_errors() {
        report.diagnostics.extend(session.workspace.config.diagnostics.iter().cloned());
    }
    for (loaded, outcome) in selection.documents.iter().zip(outcomes) {
        sources = sources.with(loaded.path.clone(), loaded.text.clone());
        if !outcome.examined {
            report.unexamined.push(loaded.path.to_string());
        }
        report.unknown_classes.extend(outcome.unknown_classes);
        report.diagnostics.extend(outcome.diagnostics);
    }
    for path in &selection.graphs {
        let (outcome, text) = check_graph(session, path)?;
        sources = sources.with(path.as_str().into(), text);
        if !outcome.examined {
            report.unexamined.push(path.clone());
        }
        report.unknown_classes.extend(outcome.unknown_classes);
        report.diagnostics.extend(outcome.diagnostics);
    }
    let of_all = if session.workspace.is_read() { session.workspace.diagnostics() } else { &[] };
    let of_the_workspace = of_all.iter().filter(|d| selection.contains(&d.file));
    report.diagnostics.extend(of_the_workspace.cloned());
    let of_models = session.models.diagnostics.iter().filter(|d| selection.contains_manifest(&d.file));
    report.diagnostics.extend(of_models.cloned());
    report.diagnostics.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
    report.sources = sources;
    Ok(report)
}

/// What is wrong with one document: its form first; what it means when its form is right.
fn check_document(session: &Session, loaded: &Loaded, with_needs: bool) -> check::Outcome {
    let mut outcome = check::Outcome {
        diagnostics: loaded.parsed.diagnostics.clone(),
        examined: true,
        unknown_classes: BTreeSet::new(),
        needs: GraphNeeds::default(),
        program: None,
    };
    if let Some(subject) = Subject::of(loaded) {
        let judge = if with_needs { check::check_with_needs } else { check::check };
        let found = judge(subject, session.context());
        outcome.diagnostics.extend(found.diagnostics);
        outcome.examined = found.examined;
        outcome.unknown_classes = found.unknown_classes;
        if with_needs {
            outcome.needs = found.needs;
            found.program.iter().for_each(|program| outcome.needs.extend(&program.needs(session.context())));
        }
    }
    outcome
}

/// What is wrong with the graph at `path`, and its text.
fn check_graph(session: &Session, path: &str) -> Result<(check::GraphFileOutcome, Arc<str>), AppError> {
    let bytes = session.world.read(path, LARGEST_GRAPH).map_err(|e| AppError::usage(format!("failed to {e}")))?;
    let file: Arc<str> = path.into();
    match read_bytes(&bytes, &file) {
        Ok(text) => Ok((check::check_graph_file(&file, &text, &session.nodes), text)),
        Err(diagnostic) => {
            let outcome =
                check::GraphFileOutcome { diagnostics: vec![*diagnostic], examined: true, ..Default::default() };
            Ok((outcome, String::from_utf8_lossy(&bytes).into()))
        }
    }
}

/// Opens the workspace for a check, with what the check judges by.
pub fn open_to_check(session: &SessionOptions, options: &CheckOptions) -> Result<Session, AppError> {
    let mut opened = if options.paths.is_empty() { Session::open_whole(session) } else { Session::open(session) }?;
    if !options.servers.is_empty() {
        judge_by(&mut opened, &options.servers)?;
    }
    Ok(opened)
}

/// Applies fixes and checks again, until there are none left; what remains is reported.
pub fn check_and_fix(session: &SessionOptions, options: &CheckOptions) -> Result<CheckReport, AppError> {
    let mut fixed: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for _ in 0..MAX_ROUNDS {
        let opened = open_to_check(session, options)?;
        let report = check(&opened, options)?;
        let mended = fix_files(&opened, &report)?;
        if mended.is_empty() {
            return Ok(with_fixed(report, fixed));
        }
        for (file, count) in mended {
            *fixed.entry(file).or_default() += count;
        }
    }
    let report = check(&open_to_check(session, options)?, options)?;
    Ok(with_fixed(report, fixed))
}

fn with_fixed(report: CheckReport, fixed: BTreeMap<Arc<str>, usize>) -> CheckReport {
    let fixed = fixed.into_iter().map(|(file, fixes)| Fixed { file: file.to_string(), fixes }).collect();
    CheckReport { fixed, ..report }
}

/// Writes every file that has fixes; gives how many were applied in each.
fn fix_files(session: &Session, report: &CheckReport) -> Result<Vec<(Arc<str>, usize)>, AppError> {
    let mut by_file: BTreeMap<&Arc<str>, Vec<&Fix>> = BTreeMap::new();
    for diagnostic in &report.diagnostics {
        if let Some(fix) = &diagnostic.fix {
            by_file.entry(&diagnostic.file).or_default().push(fix);
        }
    }
    let mut mended = Vec::new();
    for (file, fixes) in by_file {
        let Some(text) = report.sources.text(file) else { continue };
        let Some((new, count)) = apply_fixes(&text, file, &fixes) else { continue };
        atomic_write(&session.root.join(&**file), new.as_bytes(), Some(ContentHash::of_bytes(text.as_bytes())))?;
        mended.push((file.clone(), count));
    }
    Ok(mended)
}

/// The text with all fixes that do not touch each other, the earlier first, and how many they
/// are. A fix after which the text could no longer be read is left out.
fn apply_fixes(text: &str, file: &Arc<str>, fixes: &[&Fix]) -> Option<(String, usize)> {
    let mut edits: Vec<TextEdit> = Vec::new();
    let mut count = 0;
    for fix in fixes {
        if fix.edits.iter().all(|edit| edits.iter().any(|other| other == edit)) {
            // Another finding has the same fix, or there is nothing to do.
            continue;
        }
        if fix.edits.iter().any(|edit| edits.iter().any(|other| touch(edit.span, other.span))) {
            continue;
        }
        edits.extend(fix.edits.iter().cloned());
        count += 1;
    }
    let all = edit::apply(text, &edits).ok().filter(|new| new != text);
    if let Some(new) = all.filter(|new| is_readable(new, file) || !is_readable(text, file)) {
        return Some((new, count));
    }
    let single = fixes.iter().filter_map(|fix| edit::apply(text, &fix.edits).ok());
    single.filter(|new| new != text && is_readable(new, file)).map(|new| (new, 1)).next()
}

fn touch(a: Span, b: Span) -> bool {
    a == b || a.start < b.end && b.start < a.end
}

fn is_readable(text: &str, file: &Arc<str>) -> bool {
    match Format::of_path(file) {
        _ if &**file == CONFIG_FILE => read_config(text, file).tree.is_some(),
        Some(format) => read_document(text, file, format).tree.is_some(),
        None => file.ends_with(".json") && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(edits: &[(usize, usize, &str)]) -> Fix {
        let edits = edits.iter().map(|(a, b, t)| TextEdit { span: Span::new(*a, *b), text: (*t).to_owned() });
        Fix { title: "x".to_owned(), edits: edits.collect() }
    }

    fn applied(text: &str, fixes: &[Fix]) -> Option<(String, usize)> {
        apply_fixes(text, &Arc::from("a.toml"), &fixes.iter().collect::<Vec<_>>())
    }

    #[test]
    fn the_first_of_two_fixes_for_one_place_wins() {
        let fixes = [fix(&[(0, 1, "b")]), fix(&[(0, 1, "c")]), fix(&[(4, 5, "2")]), fix(&[(4, 5, "2")])];
        assert_eq!(applied("a = 1\n", &fixes), Some(("b = 2\n".to_owned(), 2)));
    }

    #[test]
    fn fixes_that_break_the_file_are_left_out() {
        let fixes = [fix(&[(0, 1, "= =")]), fix(&[(4, 5, "2")])];
        assert_eq!(applied("a = 1\n", &fixes), Some(("a = 2\n".to_owned(), 1)));
        assert_eq!(applied("a = 1\n", &fixes[..1]), None);
    }
}
