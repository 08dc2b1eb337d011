//! A new workspace: configuration, a chain that runs at once, schemas, and what git leaves out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{AppError, atomic_write, schema::schema_files, write_new};
use crate::{content_hash::ContentHash, model::CONFIG_FILE};

/// The chain that a new workspace begins with.
pub const FIRST_DOCUMENT: &str = "color-cards";

const CONFIG: &str = include_str!("init/comfywright.toml");
const CHAIN: &str = include_str!("init/color-cards.toml");

/// What git leaves out: the ledger and what runs make.
const IGNORED: [&str; 2] = [".comfywright/", "outputs/"];

/// What `init` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitReport {
    /// The folder of the workspace.
    pub root: PathBuf,
    /// Files that were written, relative to it.
    pub written: Vec<String>,
    /// Files that were there already, with the same content.
    pub kept: Vec<String>,
}

/// Makes `folder` a workspace; refuses when a file of another content is in the way.
pub fn init(folder: &Path) -> Result<InitReport, AppError> {
    let files = files();
    let there = |name: &str| fs::read(folder.join(name)).ok();
    let in_the_way: Vec<&str> = files
        .iter()
        .filter(|(name, text)| there(name).is_some_and(|bytes| bytes != text.as_bytes()))
        .map(|(name, _)| name.as_str())
        .collect();
    if !in_the_way.is_empty() {
        let message = format!("{} has other files called so: {}", folder.display(), in_the_way.join(", "));
        return Err(AppError::usage(message).with_hint("move them away, or choose another folder"));
    }
    let mut report = InitReport { root: folder.to_path_buf(), written: Vec::new(), kept: Vec::new() };
    create_folder(folder)?;
    ignore(folder, &mut report)?;
    // The configuration comes last: only with it is the folder a workspace.
    for (name, text) in files {
        if there(&name).is_some() {
            report.kept.push(name);
            continue;
        }
        let path = folder.join(&name);
        create_folder(path.parent().unwrap_or(folder))?;
        write_new(&path, text.as_bytes())?;
        report.written.push(name);
    }
    report.root = folder.canonicalize().unwrap_or(report.root);
    Ok(report)
}

fn files() -> Vec<(String, String)> {
    let schemas = schema_files().into_iter().map(|(name, text)| (format!("schemas/{name}"), text));
    let rest =
        [(format!("pipelines/{FIRST_DOCUMENT}.toml"), CHAIN.to_owned()), (CONFIG_FILE.to_owned(), CONFIG.to_owned())];
    schemas.chain(rest).collect()
}

/// Adds to `.gitignore` what it does not say yet.
fn ignore(folder: &Path, report: &mut InitReport) -> Result<(), AppError> {
    let path = folder.join(".gitignore");
    let old = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(AppError::environment(format!("failed to read {}: {error}", path.display()))),
    };
    let text = old.clone().unwrap_or_default();
    let says = |entry: &str| text.lines().any(|line| line.trim().trim_matches('/') == entry.trim_matches('/'));
    let missing: Vec<&str> = IGNORED.into_iter().filter(|entry| !says(entry)).collect();
    if missing.is_empty() {
        report.kept.push(".gitignore".to_owned());
        return Ok(());
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut new = text.clone();
    if !new.is_empty() && !new.ends_with('\n') {
        new.push_str(newline);
    }
    for entry in missing {
        new.push_str(entry);
        new.push_str(newline);
    }
    match old {
        Some(_) => atomic_write(&path, new.as_bytes(), Some(ContentHash::of_bytes(text.as_bytes())))?,
        None => write_new(&path, new.as_bytes())?,
    }
    report.written.push(".gitignore".to_owned());
    Ok(())
}

fn create_folder(folder: &Path) -> Result<(), AppError> {
    fs::create_dir_all(folder)
        .map_err(|e| AppError::environment(format!("failed to make the folder {}: {e}", folder.display())))
}
