//! The files that a command is about.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{AppError, Session};
use crate::model::{CONFIG_FILE, Loaded, Origin, load_document};

/// The files that a command is about.
pub(super) struct Selection {
    /// Documents, by path.
    pub(super) documents: Vec<Arc<Loaded>>,
    /// Graphs that were named, by path.
    pub(super) graphs: Vec<String>,
    /// Whether `comfywright.toml` was named or belongs to what was named.
    pub(super) config: bool,
    /// Whether `comfywright.toml` was named itself.
    pub(super) config_named: bool,
    /// Whether the whole workspace is meant.
    pub(super) everything: bool,
}

impl Selection {
    /// Whether it contains the document at `path`.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.everything || self.documents.binary_search_by(|document| (*document.path).cmp(path)).is_ok()
    }
}

/// What `paths` mean: files, folders with all documents below them, or, without any, everything.
pub(super) fn select(session: &Session, paths: &[PathBuf]) -> Result<Selection, AppError> {
    let mut selection = Selection {
        documents: Vec::new(),
        graphs: Vec::new(),
        config: false,
        config_named: false,
        everything: paths.is_empty(),
    };
    for path in paths {
        select_path(session, path, &mut selection)?;
    }
    if selection.everything {
        selection.documents.extend(session.workspace.documents().iter().cloned());
        selection.config = session.workspace.config_text.is_some();
    }
    selection.documents.sort_by(|a, b| a.path.cmp(&b.path));
    selection.documents.dedup_by(|a, b| a.path == b.path);
    selection.graphs.sort();
    selection.graphs.dedup();
    Ok(selection)
}

fn select_path(session: &Session, path: &Path, selection: &mut Selection) -> Result<(), AppError> {
    let Some(inside) = session.inside(path) else {
        return Err(missing(session, path));
    };
    if inside == CONFIG_FILE {
        selection.config = true;
        selection.config_named = true;
    } else if inside.is_empty() {
        selection.everything = true;
    } else if session.world.is_file(&inside) && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        selection.graphs.push(inside);
    } else if session.world.is_file(&inside) {
        let loaded = document(session, &inside);
        selection.documents.push(
            loaded.ok_or_else(|| AppError::usage(format!("{} is neither a .toml nor a .kdl file", path.display())))?,
        );
    } else {
        let pattern = format!("{}/**/*.{{toml,kdl}}", escaped(&inside));
        let found = session.world.glob(&pattern).map_err(|e| AppError::environment(format!("failed to {e}")))?;
        selection.documents.extend(found.iter().filter_map(|file| document(session, file)));
    }
    Ok(())
}

/// The document at `path`, which need not lie below `pipelines/`.
fn document(session: &Session, path: &str) -> Option<Arc<Loaded>> {
    let known = session.workspace.document(path);
    known.or_else(|| load_document(&*session.world, path, Origin::Workspace).map(Arc::new))
}

/// A path as a glob that matches only it.
fn escaped(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}') {
            out.extend(['[', c, ']']);
        } else {
            out.push(c);
        }
    }
    out
}

fn missing(session: &Session, path: &Path) -> AppError {
    if path.exists() {
        let message = format!("{} is not in the workspace {}", path.display(), session.root.display());
        return AppError::usage(message).with_hint("name files of one workspace at a time");
    }
    AppError::usage(format!("there is no file or folder {}", path.display()))
}
