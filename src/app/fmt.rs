//! Putting documents in the canonical layout.

use std::{path::PathBuf, sync::Arc};

use rayon::prelude::*;

use super::{AppError, ExitCode, Session, Sources, atomic_write, canonical_text, selection::select};
use crate::{
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Severity},
    files::Format,
    model::{CONFIG_FILE, Loaded},
};

/// What came of formatting.
pub struct FmtReport {
    /// Files that were looked at.
    pub files: usize,
    /// Files whose layout is not the canonical one, or was not; relative to the workspace.
    pub changed: Vec<String>,
    /// Whether they were written.
    pub written: bool,
    /// Why other files stay as they are.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that the diagnostics are about.
    pub sources: Sources,
}

impl FmtReport {
    /// How the command ends.
    pub fn exit_code(&self) -> ExitCode {
        if self.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            ExitCode::WrongFiles
        } else if self.files == 0 {
            ExitCode::NothingExamined
        } else if !self.written && !self.changed.is_empty() {
            ExitCode::Failures
        } else {
            ExitCode::Done
        }
    }
}

/// A file to format.
struct File {
    path: Arc<str>,
    format: Format,
    text: Arc<str>,
}

/// Formats the files that `paths` name, the whole workspace without any; with `write`, in place.
pub fn fmt(session: &Session, paths: &[PathBuf], write: bool) -> Result<FmtReport, AppError> {
    let selection = select(session, paths)?;
    let mut sources = Sources::of(session);
    let mut diagnostics: Vec<Diagnostic> = selection.documents.iter().filter_map(|d| unreadable(d)).collect();
    let readable = selection.documents.iter().filter(|d| unreadable(d).is_none());
    let mut files: Vec<File> =
        readable.map(|d| File { path: d.path.clone(), format: d.format, text: d.text.clone() }).collect();
    if let Some(text) = session.workspace.config_text.as_ref().filter(|_| selection.config) {
        files.push(File { path: Arc::from(CONFIG_FILE), format: Format::Toml, text: text.clone() });
    }
    let formatted: Vec<_> = files.par_iter().map(|f| canonical_text(&f.text, &f.path, f.format, f.format)).collect();
    let mut changed = Vec::new();
    for (file, formatted) in files.iter().zip(formatted) {
        sources = sources.with(file.path.clone(), file.text.clone());
        match formatted {
            Err(found) => diagnostics.extend(found),
            Ok(text) if *text == *file.text => {}
            Ok(text) => {
                if write {
                    let read = ContentHash::of_bytes(file.text.as_bytes());
                    atomic_write(&session.root.join(&*file.path), text.as_bytes(), Some(read))?;
                }
                changed.push(file.path.to_string());
            }
        }
    }
    Ok(FmtReport {
        files: selection.documents.len() + usize::from(selection.config),
        changed,
        written: write,
        diagnostics,
        sources,
    })
}

/// Why there is no text to format: the file could not be read.
fn unreadable(loaded: &Loaded) -> Option<Diagnostic> {
    let first = loaded.parsed.diagnostics.first()?;
    (loaded.text.is_empty() && first.span.is_none() && loaded.parsed.tree.is_none()).then(|| first.clone())
}
