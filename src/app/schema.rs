//! JSON schemas as files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{AppError, atomic_write};
use crate::model::{Kind, schema};

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// Documents of this kind.
    Kind(Kind),
    /// Documents of every kind.
    Document,
    /// `comfywright.toml`.
    Config,
    /// Manifests of models.
    Model,
}

impl SchemaKind {
    /// Its file in `schemas/`.
    pub fn file_name(self) -> String {
        let stem = match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Document => "document",
            Self::Config => "comfywright",
            Self::Model => "model",
        };
        format!("{stem}.schema.json")
    }

    /// The schema.
    pub fn schema(self) -> Value {
        match self {
            Self::Kind(kind) => schema::for_kind(kind),
            Self::Document => schema::combined(),
            Self::Config => schema::for_config(),
            Self::Model => schema::for_manifest(),
        }
    }
}

/// Every file of `schemas/`: its name and its text.
pub fn schema_files() -> Vec<(String, String)> {
    schema::files().into_iter().map(|(name, schema)| (name, file_text(&schema))).collect()
}

/// The text of a schema's file.
pub fn file_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Writes schemas to `folder`, which is made when it is not there: one, or all of them. Gives the
/// files written.
pub fn write_schemas(folder: &Path, kind: Option<SchemaKind>) -> Result<Vec<PathBuf>, AppError> {
    let files = match kind {
        Some(kind) => vec![(kind.file_name(), file_text(&kind.schema()))],
        None => schema_files(),
    };
    fs::create_dir_all(folder)
        .map_err(|e| AppError::environment(format!("failed to make the folder {}: {e}", folder.display())))?;
    let mut written = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        atomic_write(&path, text.as_bytes(), None)?;
        written.push(path);
    }
    Ok(written)
}
