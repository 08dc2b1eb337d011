//! The workspace itself: its configuration and its documents.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Session, lock::Locked, selection::Selection},
    findings::DoctorFinding,
};
use crate::{
    check::{Subject, check},
    diagnostic::{Diagnostic, Severity},
    model::{CONFIG_FILE, DOCUMENTS_FOLDER},
};

const AREA: &str = "workspace";

/// What findings about models are about.
const MODELS: &str = "models";

/// What there is to say of it and of the models that its documents use, and what is wrong with its files.
pub(super) fn examine(session: &Session, selection: &Selection) -> (Vec<DoctorFinding>, Vec<Diagnostic>) {
    let mut found = vec![configuration(session)];
    let mut models: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong: Vec<Diagnostic> = session.workspace.config.diagnostics.clone();
    for loaded in &selection.documents {
        wrong.extend(loaded.parsed.diagnostics.iter().cloned());
        if let Some(subject) = Subject::of(loaded) {
            let outcome = check(subject, session.context());
            wrong.extend(outcome.diagnostics);
            let used: BTreeSet<&String> =
                outcome.program.iter().flat_map(|p| p.tasks.iter().flat_map(|t| &t.models)).collect();
            for name in used {
                models.entry(name.clone()).or_default().push(loaded.path.to_string());
            }
        }
    }
    if selection.everything {
        wrong.extend(session.workspace.diagnostics().iter().cloned());
        wrong.extend(session.models.diagnostics.iter().cloned());
    }
    wrong.extend(session.snapshot_faults.iter().cloned());
    wrong.extend(Locked::read(session).err().unwrap_or_default());
    wrong.retain(|d| d.severity == Severity::Error);
    wrong.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
    let mut by_file: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in &wrong {
        *by_file.entry(&diagnostic.file).or_default() += 1;
    }
    found.extend(documents(selection, &by_file));
    found.extend(models.into_iter().map(|(name, documents)| model(session, &name, documents)));
    (found, wrong)
}

/// Whether a model that documents use is on this machine.
fn model(session: &Session, name: &str, documents: Vec<String>) -> DoctorFinding {
    let finding = if session.models.get(name).is_some_and(|model| model.is_here) {
        DoctorFinding::ok(MODELS, "model", format!("{name} is on this machine"))
    } else {
        DoctorFinding::warning(MODELS, "absent-model", format!("{name} is not on this machine"))
            .advise(format!("fetch it: comfywright models pull {name}"))
    };
    DoctorFinding { documents, ..finding }
}

fn configuration(session: &Session) -> DoctorFinding {
    let root = session.root.display();
    if session.workspace.config_text.is_none() {
        let message = format!("{root} has no {CONFIG_FILE}");
        return DoctorFinding::warning(AREA, "no-config", message)
            .advise("comfywright init writes one; without it nothing marks where the workspace begins".to_owned());
    }
    DoctorFinding::ok(AREA, "config", format!("{root} has a {CONFIG_FILE}"))
}

fn documents(selection: &Selection, wrong: &BTreeMap<&str, usize>) -> Vec<DoctorFinding> {
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let mut found: Vec<DoctorFinding> = wrong
        .iter()
        .map(|(file, errors)| {
            let finding = DoctorFinding::trouble(AREA, "wrong-file", format!("{file} has {}", count(*errors, "error")));
            let advice = format!("comfywright check {file} shows where");
            DoctorFinding { documents: vec![(*file).to_owned()], ..finding.advise(advice) }
        })
        .collect();
    if selection.documents.is_empty() {
        let message = format!("there are no documents in {DOCUMENTS_FOLDER}/");
        let advice = "comfywright init writes a first one".to_owned();
        found.push(DoctorFinding::warning(AREA, "no-documents", message).advise(advice));
    } else if wrong.is_empty() {
        let message = format!("no errors in {}", count(selection.documents.len(), "document"));
        found.push(DoctorFinding::ok(AREA, "documents", message));
    }
    found
}
