//! A preset as the text of a file.

use std::sync::Arc;

use serde_json::Value;

use super::AppError;
use crate::{
    diagnostic::Diagnostic,
    files::{Format, Node},
    model::{Body, Document, Kind, MAX_DOCUMENT_BYTES, Origin, Param, Preset, loaded, shape_of},
};

/// A preset and its text.
#[derive(Clone, Debug)]
pub struct PresetText {
    /// What it says.
    pub document: Document,
    /// Its format.
    pub format: Format,
    /// Its text in the canonical layout.
    pub text: String,
}

impl PresetText {
    /// Writes `document`. What is written is read again: it must say the same.
    pub fn of(document: Document, format: Format) -> Result<Self, AppError> {
        let mut json = document.to_exact_json();
        whole_bounds(json.get_mut("params"));
        let tree = Node::from_json(&json);
        let text = tree.map(|tree| format.print(&tree, shape_of(Kind::Preset))).ok_or_else(|| {
            AppError::usage("failed to write the preset: it has a number or a null that no document can hold")
        })?;
        if text.len() as u64 > MAX_DOCUMENT_BYTES {
            let most = MAX_DOCUMENT_BYTES >> 20;
            return Err(AppError::usage(format!("failed to write the preset: it is longer than {most} MiB"))
                .with_hint("keep the graph as a workflow file"));
        }
        let again = Self::read(&text, format).map_err(AppError::Wrong)?;
        if again.to_exact_json() != document.to_exact_json() {
            return Err(AppError::usage(format!(
                "failed to write the preset: it would say something else as {}",
                format.extension().to_uppercase()
            )));
        }
        Ok(Self { document, format, text })
    }

    /// The preset that a text holds.
    pub(super) fn read(text: &str, format: Format) -> Result<Document, Vec<Diagnostic>> {
        let file = Arc::from(format!("preset.{}", format.extension()));
        let parsed = loaded(file, format, Arc::from(text), Origin::Workspace).parsed;
        parsed.value.map(Arc::unwrap_or_clone).ok_or(parsed.diagnostics)
    }

    /// What it says as a preset.
    pub fn preset(&self) -> Option<&Preset> {
        if let Body::Preset(preset) = &self.document.body { Some(preset) } else { None }
    }

    /// Its parameters.
    pub fn params(&self) -> impl Iterator<Item = (&String, &Param)> {
        self.preset().into_iter().flat_map(|preset| &preset.params)
    }
}

/// Bounds without a fraction as people write them.
fn whole_bounds(params: Option<&mut Value>) {
    let params = params.and_then(Value::as_object_mut).into_iter().flat_map(|params| params.values_mut());
    for param in params {
        for key in ["min", "max", "step"] {
            if let Some(bound) = param.get_mut(key) {
                crate::model::canonical_numbers(bound);
            }
        }
    }
}
