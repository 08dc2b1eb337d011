//! Workflows of ComfyUI's editor as the graphs that it sends.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rayon::prelude::*;
use serde_json::Value;

use super::{AppError, Sources, atomic_write, snapshots::classes};
use crate::{
    diagnostic::{Diagnostic, Severity},
    graph::{BoundFile, NodeSet, UiOptions, from_ui, to_api},
    model::decoded,
};

/// What to convert.
#[derive(Clone, Debug, Default)]
pub struct GraphApiOptions {
    /// Files that the editor saved.
    pub files: Vec<PathBuf>,
    /// The classes of the server, as its `object_info` has them; the built-in ones without it.
    pub object_info: Option<PathBuf>,
    /// The folder to write to; nothing is written without it.
    pub out: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Default)]
pub struct GraphApiReport {
    /// Files and their graphs in API format, those that could be converted, in the order given.
    pub graphs: Vec<(PathBuf, Value)>,
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// What is wrong with the files, or worth saying of their conversion.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that diagnostics are about.
    pub sources: Sources,
}

/// One file, read and converted.
struct Converted {
    file: Arc<str>,
    text: Arc<str>,
    graph: Option<Value>,
    diagnostics: Vec<Diagnostic>,
}

impl GraphApiReport {
    /// Whether a file could not be converted.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Converts files to the API format. What is wrong with one file does not keep the others from being
/// converted.
pub fn graph_api(options: &GraphApiOptions) -> Result<GraphApiReport, AppError> {
    let nodes = classes(options.object_info.as_deref())?;
    let targets = targets(options)?;
    let converted: Vec<Converted> =
        options.files.par_iter().map(|path| read_and_convert(path, &nodes)).collect::<Result<_, _>>()?;
    let mut report = GraphApiReport::default();
    for ((path, target), converted) in options.files.iter().zip(targets).zip(converted) {
        if !converted.diagnostics.is_empty() {
            report.sources = report.sources.with(converted.file, converted.text);
            report.diagnostics.extend(converted.diagnostics);
        }
        let Some(graph) = converted.graph else { continue };
        if let Some(target) = target {
            atomic_write(&target, pretty(&graph).as_bytes(), None)?;
            report.written.push(target);
        }
        report.graphs.push((path.clone(), graph));
    }
    Ok(report)
}

/// A graph as a file: as the editor exports it.
pub fn pretty(graph: &Value) -> String {
    format!("{graph:#}\n")
}

fn read_and_convert(path: &Path, nodes: &NodeSet) -> Result<Converted, AppError> {
    let bytes = fs::read(path).map_err(|e| AppError::usage(format!("failed to read {}: {e}", path.display())))?;
    let file: Arc<str> = Arc::from(path.display().to_string());
    let text = match decoded(&bytes, &file) {
        Ok(text) => text,
        Err(diagnostic) => {
            return Ok(Converted { file, text: Arc::from(""), graph: None, diagnostics: vec![*diagnostic] });
        }
    };
    let (graph, diagnostics) = match from_ui(&file, &text, nodes, UiOptions::default()) {
        Ok(converted) => {
            let graph = to_api(&converted.graph, &mut |_: &[BoundFile]| Value::Null);
            (Some(graph), converted.warnings)
        }
        Err(diagnostics) => (None, diagnostics),
    };
    Ok(Converted { file, text, graph, diagnostics })
}

/// Where each graph goes: beside each other in one folder, so their names must differ.
fn targets(options: &GraphApiOptions) -> Result<Vec<Option<PathBuf>>, AppError> {
    let Some(folder) = &options.out else { return Ok(vec![None; options.files.len()]) };
    fs::create_dir_all(folder)
        .map_err(|e| AppError::environment(format!("failed to make the folder {}: {e}", folder.display())))?;
    let mut targets: Vec<Option<PathBuf>> = Vec::with_capacity(options.files.len());
    for file in &options.files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        let stem = stem.strip_suffix(".workflow").unwrap_or(stem);
        let target = Some(folder.join(format!("{stem}.api.json")));
        if targets.contains(&target) {
            let message = format!("two of the files would be written to {stem}.api.json");
            return Err(AppError::usage(message).with_hint("convert them to different folders"));
        }
        targets.push(target);
    }
    Ok(targets)
}
