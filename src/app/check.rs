//! Checking documents, and mending what has a certain fix.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use rayon::prelude::*;
use serde::Serialize;

use super::{AppError, ExitCode, Session, SessionOptions, Sources, atomic_write, count, selection::select};
use crate::{
    check::{self, Subject},
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Fix, Severity, Span, TextEdit},
    files::{Format, edit},
    graph::GraphNeeds,
    model::{CONFIG_FILE, Loaded, read_config, read_document},
};

/// Most rounds of mending and checking again.
const MAX_ROUNDS: usize = 10;

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// Documents and folders; the whole workspace when there are none.
    pub paths: Vec<PathBuf>,
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
    /// Files of the documents in which nothing could be examined.
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
        if self.documents == 0 && self.diagnostics.is_empty() {
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
        let mut text = format!("{found}; checked {} against {}", count(self.documents, "document"), self.against);
        if !self.unexamined.is_empty() {
            let some = if self.unexamined.len() == self.documents { "nothing was" } else { "not" };
            text = format!("{text}; {some} examined in {}", count(self.unexamined.len(), "document"));
        }
        text
    }

    /// How the command ends.
    pub fn exit_code(&self) -> ExitCode {
        if self.errors() > 0 {
            ExitCode::WrongFiles
        } else if self.unexamined.len() == self.documents && !self.configured {
            ExitCode::NothingExamined
        } else {
            ExitCode::Done
        }
    }
}

/// Checks what `options` names.
pub fn check(session: &Session, options: &CheckOptions) -> Result<CheckReport, AppError> {
    let selection = select(session, &options.paths)?;
    let outcomes: Vec<_> = selection.documents.par_iter().map(|loaded| check_document(session, loaded)).collect();
    let mut sources = Sources::of(session);
    let mut report = CheckReport {
        documents: selection.documents.len(),
        unexamined: Vec::new(),
        unknown_classes: BTreeSet::new(),
        against: session.against.clone(),
        diagnostics: Vec::new(),
        fixed: Vec::new(),
        sources: Sources::default(),
        configured: selection.config_named || !selection.manifests.is_empty(),
    };
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
fn check_document(session: &Session, loaded: &Loaded) -> check::Outcome {
    let mut outcome = check::Outcome {
        diagnostics: loaded.parsed.diagnostics.clone(),
        examined: true,
        unknown_classes: BTreeSet::new(),
        needs: GraphNeeds::default(),
        program: None,
    };
    if let (Some(document), Some(tree)) = (&loaded.parsed.value, &loaded.parsed.tree) {
        let subject = Subject { file: &loaded.path, text: &loaded.text, tree, document };
        let found = check::check(subject, session.context());
        outcome.diagnostics.extend(found.diagnostics);
        outcome.examined = found.examined;
        outcome.unknown_classes = found.unknown_classes;
    }
    outcome
}

/// Applies fixes and checks again, until there are none left; what remains is reported.
pub fn check_and_fix(session: &SessionOptions, options: &CheckOptions) -> Result<CheckReport, AppError> {
    let mut fixed: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for _ in 0..MAX_ROUNDS {
        let opened = Session::open(session)?;
        let report = check(&opened, options)?;
        let mended = fix_files(&opened, &report)?;
        if mended.is_empty() {
            return Ok(with_fixed(report, fixed));
        }
        for (file, count) in mended {
            *fixed.entry(file).or_default() += count;
        }
    }
    let report = check(&Session::open(session)?, options)?;
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
        None => false,
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
