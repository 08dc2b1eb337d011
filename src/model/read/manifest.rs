//! Manifests of models: sources, axes, labels.

use super::{
    Source,
    values::{each, matches},
};
use crate::{
    diagnostic::Diagnostic,
    files::Node,
    model::{ModelManifest, ModelRole, ModelSource},
    path,
};

/// Checks what the schema cannot say.
pub(super) fn check(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    each(source, &["file", "*", "source", "*"], diagnostics, |source, node| {
        let error = ModelSource::parse(node.as_str()?).err()?;
        Some(source.error("invalid-source", node.span, error))
    });
    let mut seen = Vec::new();
    for name in matches(source.tree, &["file", "*", "name"]) {
        if let Some(text) = name.as_str() {
            if seen.contains(&text) {
                diagnostics.push(source.error("duplicate-name", name.span, format!("another file is called `{text}`")));
            }
            seen.push(text);
        }
    }
}

/// What is wrong with a manifest that could be read.
pub(super) fn check_typed(source: &Source<'_>, manifest: &ModelManifest) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut error = |code, path: crate::files::Path, message: String| {
        found.push(source.error(code, source.tree.span_of(&path), message));
    };
    let shape = &manifest.input.shape;
    if shape.get(1) != Some(&3) && shape.get(3) != Some(&3) {
        let message = "an input has three colours: [1, 3, height, width] or [1, height, width, 3]".to_owned();
        error("invalid-shape", path!["input", "shape"], message);
    }
    if shape.first() != Some(&1) {
        error("invalid-shape", path!["input", "shape"], "the first axis, the batch, is 1".to_owned());
    }
    let values: u64 = manifest.output.shape.iter().map(|side| u64::from(*side)).product();
    match manifest.role {
        ModelRole::Classifier if values != manifest.output.labels.len() as u64 => {
            let message = format!("{values} values need as many labels, not {}", manifest.output.labels.len());
            error("invalid-labels", path!["output"], message);
        }
        ModelRole::Detector if manifest.detect.is_none() => {
            let message = "a detector says how its outputs become boxes".to_owned();
            error("missing-key", path!["role"], message);
        }
        ModelRole::Detector if manifest.output.labels.is_empty() && manifest.text.is_none() => {
            error("invalid-labels", path!["output"], "a detector has names for what it finds: `labels`".to_owned());
        }
        ModelRole::Salient | ModelRole::Segmenter if !is_mask(&manifest.output.shape) => {
            let message = "a mask is [1, 1, height, width], [1, height, width] or [height, width]".to_owned();
            error("invalid-shape", path!["output", "shape"], message);
        }
        _ => {}
    }
    if let Some((key, message)) = manifest.detect_problem() {
        error("invalid-shape", path!["detect", key], message);
    }
    if let Some((key, message)) = manifest.text_problem() {
        match key {
            Some(key) => error("invalid-text", path!["text", key], message),
            None => error("missing-key", path!["role"], message),
        }
    }
    if let Some(message) = manifest.decoder_problem() {
        match manifest.decoder {
            Some(_) => error("invalid-decoder", path!["decoder", "file"], message),
            None => error("missing-key", path!["role"], message),
        }
    }
    found
}

fn is_mask(shape: &[u32]) -> bool {
    shape.len() >= 2 && shape[..shape.len() - 2].iter().all(|side| *side == 1)
}

/// The name that the file of a manifest must have.
pub(super) fn check_name(source: &Source<'_>, name: Option<&Node>) -> Option<Diagnostic> {
    let node = name?;
    let text = node.as_str()?;
    let stem = source.file.rsplit('/').next()?.strip_suffix(".toml")?;
    (text != stem).then(|| {
        source
            .error("wrong-name", node.span, format!("the file is called {stem}.toml, and the model `{text}`"))
            .with_hint("give both one name")
    })
}
