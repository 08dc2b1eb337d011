//! `diff`: what differs between two documents, graphs or snapshots, or between two commits.

mod commits;
mod files;
mod pairs;

use std::path::PathBuf;

use super::{AppError, Session, Sources};
use crate::diff::Report;

/// What to compare.
#[derive(Clone, Debug)]
pub enum DiffRequest {
    /// Two files or documents.
    Files {
        /// The first: a file, or a reference such as `product-photo@1.2.0`.
        before: String,
        /// The second.
        after: String,
    },
    /// Two commits.
    Commits {
        /// `BASE..HEAD`, `BASE...HEAD`, or `BASE` for what has changed since.
        range: String,
        /// Documents and folders; the whole workspace when there are none.
        paths: Vec<PathBuf>,
    },
}

/// What differs, with the texts that its faults are about.
pub struct Compared {
    /// What differs.
    pub report: Report,
    /// The texts.
    pub sources: Sources,
}

/// Compares what `request` names.
pub fn diff(session: &Session, request: &DiffRequest) -> Result<Compared, AppError> {
    let mut report = match request {
        DiffRequest::Files { before, after } => files::compare(session, before, after)?,
        DiffRequest::Commits { range, paths } => commits::compare(session, range, paths)?,
    };
    report.sum_up();
    Ok(Compared { report, sources: Sources::of(session) })
}
