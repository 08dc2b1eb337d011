//! A graph kept as a preset that a team can review.

use serde_json::Value;

use super::{
    AppError, Session,
    client_files::{ClientFiles, Written},
};
use crate::{
    content_hash::ContentHash,
    files::{Node, toml},
    graph::from_api,
    ident::{is_document_name, is_identifier},
    import::{self, PresetRequest},
    model::{DOCUMENTS_FOLDER, Kind, shape_of},
};

/// Where a preset goes.
#[derive(Clone, Debug, Default)]
pub struct PresetFile {
    /// Path below `pipelines/`; after the preset's name without it.
    pub path: Option<String>,
    /// Hash of what the file holds now; none for a new file.
    pub expected: Option<ContentHash>,
}

/// Writes the preset that `request` makes of `graph`, in API format, as canonical TOML. Gives the
/// text, too.
pub fn save_preset(
    session: &Session,
    graph: &Value,
    request: &PresetRequest,
    file: &PresetFile,
) -> Result<(Written, String), AppError> {
    check_names(request)?;
    let graph = from_api(graph).map_err(|e| AppError::usage(format!("failed to {e}")))?;
    let document = import::preset(&graph, &session.nodes, request).map_err(|error| {
        let failed = AppError::usage(format!("failed to {error}"));
        error.hint().into_iter().fold(failed, AppError::with_hint)
    })?;
    let tree = Node::from_json(&document.to_json())
        .ok_or_else(|| AppError::usage("failed to make a preset: a value of the graph cannot stand in a document"))?;
    let text = toml::print(&tree, shape_of(Kind::Preset));
    let path = file.path.clone().unwrap_or_else(|| format!("{DOCUMENTS_FOLDER}/{}.toml", request.name));
    if !path.to_ascii_lowercase().ends_with(".toml") {
        return Err(AppError::usage(format!("a preset is saved as TOML, not as `{path}`")));
    }
    let written = ClientFiles::open(session)?.write(&path, &text, file.expected)?;
    Ok((written, text))
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
