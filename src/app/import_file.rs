//! Importing files of the machine into a workspace.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AppError, ImportOptions, Imported, JudgedBy, Knowledge, Session, connect, import,
    write::{WriteError, write_text},
};
use crate::{
    files::Format,
    graph::NodeSet,
    model::{DOCUMENTS_FOLDER, Kind},
};

/// The largest file that is read.
const LARGEST: u64 = 1 << 30;

/// Where a preset goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImportTarget {
    /// To `pipelines/`, after its name.
    #[default]
    Workspace,
    /// To this file, or into this folder after its name.
    Path(PathBuf),
    /// Nowhere: the text is the answer.
    Text,
}

/// A file that became a preset.
#[derive(Clone, Debug)]
pub struct ImportedFile {
    /// The preset.
    pub imported: Imported,
    /// The files that were written: the preset, and the workflow that it keeps.
    pub written: Vec<PathBuf>,
}

/// The classes to judge by: those of a server, else those of the session; and whether they are a
/// server's.
pub fn classes_of(session: &Session, server: Option<&str>) -> Result<(Arc<NodeSet>, bool), AppError> {
    let Some(server) = server else { return Ok((session.nodes.clone(), session.has_snapshot)) };
    Ok((connect(session, &[server.to_owned()], Knowledge::Kept)?.nodes, true))
}

/// Makes a preset of the file at `path` and writes it; nothing that is there is replaced without
/// `force`.
pub fn import_file(
    session: &Session,
    path: &Path,
    by: JudgedBy<'_>,
    options: &ImportOptions,
    target: &ImportTarget,
    force: bool,
) -> Result<ImportedFile, AppError> {
    let format = match target {
        ImportTarget::Path(path) if !is_folder(path) => format_of(path, options.format)?,
        _ => options.format.unwrap_or(Format::Toml),
    };
    let options = ImportOptions { format: Some(format), ..options.clone() };
    let imported = import(&path.display().to_string(), &read(path)?, by, &options)?;
    let name = &imported.preset.document.header.name;
    let file = format!("{name}.{}", format.extension());
    let to = match target {
        ImportTarget::Text => return Ok(ImportedFile { imported, written: Vec::new() }),
        ImportTarget::Workspace => session.root.join(DOCUMENTS_FOLDER).join(file),
        ImportTarget::Path(path) if is_folder(path) => path.join(file),
        ImportTarget::Path(path) => path.clone(),
    };
    check_name(session, name, &to)?;
    let written = write(&imported, &to, force)?;
    Ok(ImportedFile { imported, written })
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with(['/', '\\'])
}

/// The format that the ending of a file says, which must not be another one than was asked for.
fn format_of(path: &Path, wanted: Option<Format>) -> Result<Format, AppError> {
    let found = path.to_str().and_then(Format::of_path);
    match (found, wanted) {
        (Some(found), None) => Ok(found),
        (Some(found), Some(wanted)) if found == wanted => Ok(found),
        _ => Err(AppError::usage(format!(
            "{} does not end in {}",
            path.display(),
            match wanted {
                Some(wanted) => format!(".{}", wanted.extension()),
                None => ".toml or .kdl".to_owned(),
            }
        ))),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, AppError> {
    let failed = |error: &io::Error| format!("failed to read {}: {error}", path.display());
    let found = fs::metadata(path).map_err(|e| AppError::usage(failed(&e)))?;
    if !found.is_file() {
        return Err(AppError::usage(format!("failed to read {}: it is no file", path.display())));
    }
    if found.len() > LARGEST {
        return Err(AppError::usage(format!("{} is larger than {} MiB", path.display(), LARGEST >> 20)));
    }
    fs::read(path).map_err(|e| AppError::environment(failed(&e)))
}

/// Refuses a name that another document of the workspace has already.
fn check_name(session: &Session, name: &str, to: &Path) -> Result<(), AppError> {
    let folder = to.parent().and_then(|folder| folder.canonicalize().ok());
    if !folder.is_some_and(|folder| folder.starts_with(session.root.join(DOCUMENTS_FOLDER))) {
        return Ok(());
    }
    let is_named = |identity: &crate::model::Identity| identity.kind == Kind::Preset && identity.name == name;
    let same = session.workspace.documents().iter().find(|d| d.identity.as_ref().is_some_and(is_named));
    match same.filter(|other| session.root.join(&*other.path).canonicalize().ok() != to.canonicalize().ok()) {
        Some(other) => Err(AppError::usage(format!("the preset {name} is in {} already", other.path))
            .with_hint("give this one another name: --name")),
        None => Ok(()),
    }
}

/// Writes the workflow, then the preset that names it: both or none.
fn write(imported: &Imported, to: &Path, force: bool) -> Result<Vec<PathBuf>, AppError> {
    let folder = to.parent().unwrap_or(Path::new(""));
    let workflow = imported.workflow.as_ref().map(|(path, text)| (folder.join(path), text));
    let files: Vec<(PathBuf, &String)> =
        workflow.into_iter().chain([(to.to_path_buf(), &imported.preset.text)]).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| !force && path.symlink_metadata().is_ok()) {
        return Err(AppError::from(WriteError::Exists { path: path.clone() }).with_hint("--force replaces it"));
    }
    for (path, text) in &files {
        let folder = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder)
            .map_err(|e| AppError::environment(format!("failed to make the folder {}: {e}", folder.display())))?;
        write_text(path, text, force)?;
    }
    Ok(files.into_iter().rev().map(|(path, _)| path).collect())
}
