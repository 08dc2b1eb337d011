//! A graph kept as a preset that a team can review.

use serde_json::Value;

use super::{
    AppError, PresetText, Session,
    client_files::{ClientFiles, Written},
};
use crate::{
    content_hash::ContentHash,
    files::Format,
    graph::{Graph, NodeSet, from_api},
    ident::{is_document_name, is_identifier},
    import::{self, ImportError, PresetRequest},
    model::DOCUMENTS_FOLDER,
};

/// Where a preset goes.
#[derive(Clone, Debug, Default)]
pub struct PresetFile {
    /// Path below `pipelines/`; after the preset's name without it.
    pub path: Option<String>,
    /// Hash of what the file holds now; none for a new file.
    pub expected: Option<ContentHash>,
}

/// Writes the preset that `request` makes of `graph`, in API format. Gives its text, too.
pub fn save_preset(
    session: &Session,
    graph: &Value,
    request: &PresetRequest,
    file: &PresetFile,
) -> Result<(Written, String), AppError> {
    let graph = from_api(graph).map_err(|e| AppError::usage(format!("failed to {e}")))?;
    let path = file.path.clone().unwrap_or_else(|| format!("{DOCUMENTS_FOLDER}/{}.toml", request.name));
    let format = Format::of_path(&path)
        .ok_or_else(|| AppError::usage(format!("a preset is saved as TOML or KDL, not as `{path}`")))?;
    let preset = made_preset(&graph, &session.nodes, request, format, |error| {
        let failed = AppError::usage(format!("failed to {error}"));
        error.hint().into_iter().fold(failed, AppError::with_hint)
    })?;
    let written = ClientFiles::open(session)?.write(&path, &preset.text, file.expected)?;
    Ok((written, preset.text))
}

/// The preset that `request` makes of `graph`, judged by `nodes`; `wrong` says what is told of a
/// graph of which none can be made.
pub(super) fn made_preset(
    graph: &Graph,
    nodes: &NodeSet,
    request: &PresetRequest,
    format: Format,
    wrong: impl Fn(ImportError) -> AppError,
) -> Result<PresetText, AppError> {
    check_names(request)?;
    PresetText::of(import::preset(graph, nodes, request).map_err(wrong)?, format)
}

fn check_names(request: &PresetRequest) -> Result<(), AppError> {
    if !is_document_name(&request.name) {
        return Err(AppError::usage(format!("`{}` is no name for a document", request.name))
            .with_hint("lower case letters, digits and hyphens"));
    }
    if semver::Version::parse(&request.version).is_err() {
        return Err(AppError::usage(format!("`{}` is no version", request.version)).with_hint("such as 1.0.0"));
    }
    let mut names = request.params.keys().chain(request.outputs.keys());
    match names.find(|name| !is_identifier(name)) {
        Some(name) => Err(AppError::usage(format!("`{name}` is no name for a parameter or an output"))
            .with_hint("letters, digits and underscores")),
        None => Ok(()),
    }
}
