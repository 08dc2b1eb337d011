//! Importing files of a workspace for a client, which sees and writes only what is open to it.

use super::{
    AppError, ImportOptions, Imported, JudgedBy, PresetFile, Session,
    client_files::{ClientFiles, Written},
    import,
    import_file::classes_of,
};
use crate::{
    files::{Format, join_relative},
    model::DOCUMENTS_FOLDER,
};

/// Makes a preset of the file `source` of the workspace and writes it, with the workflow that it
/// keeps. Judged by a server of the configuration, or by what is built in.
pub fn import_for_client(
    session: &Session,
    source: &str,
    server: Option<&str>,
    options: &ImportOptions,
    target: &PresetFile,
) -> Result<(Written, Imported), AppError> {
    let files = ClientFiles::open(session)?;
    let found = files.read(source)?;
    let named = target.path.as_deref().map(|path| {
        Format::of_path(path).ok_or_else(|| AppError::usage(format!("a preset is TOML or KDL, not `{path}`")))
    });
    let options = ImportOptions { format: named.transpose()?.or(options.format), ..options.clone() };
    let (nodes, of_server) = classes_of(session, server)?;
    let imported = import(&found.path, &found.bytes, JudgedBy { nodes: &nodes, of_server }, &options)?;
    let preset = &imported.preset;
    let path = target
        .path
        .clone()
        .unwrap_or_else(|| format!("{DOCUMENTS_FOLDER}/{}.{}", preset.document.header.name, preset.format.extension()));
    if let Some((workflow, text)) = &imported.workflow {
        // Nothing is written where the preset cannot be.
        let before = files.read(&path).ok().map(|file| file.hash);
        if before != target.expected {
            return Err(AppError::usage(format!("`{path}` is there already, or is not what was expected"))
                .with_hint("read it, and give its hash as expected_hash"));
        }
        let workflow = join_relative(&path, workflow).map_err(|e| AppError::usage(e.to_string()))?;
        let replaced = before.and_then(|_| files.read(&workflow).ok()).map(|file| file.hash);
        files.write(&workflow, text, replaced)?;
    }
    let written = files.write(&path, &preset.text, target.expected)?;
    Ok((written, imported))
}
