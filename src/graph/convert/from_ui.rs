//! The conversion as others call it.

use std::sync::Arc;

use super::{emit::emit, fault::Fault, load::load};
use crate::{
    diagnostic::{Diagnostic, Severity, Span},
    graph::{
        ir::Graph,
        object_info::NodeSet,
        ui_format::{FaultPlace, FileFault, Place, read, span_of},
    },
};

/// How to convert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UiOptions {
    /// Whether bypassed nodes stay in the graph, linked as they are drawn, instead of being taken out
    /// as the editor does before it sends a graph.
    pub keep_bypassed: bool,
}

/// A converted workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UiGraph {
    /// The graph: titles are those of the editor, ids those that it sends (`29:5` for node 5 in the
    /// subgraph of node 29).
    pub graph: Graph,
    /// Ids of nodes that are bypassed. Empty unless they were to be kept.
    pub bypassed: Vec<String>,
    /// What the editor would send otherwise, or what it would not send at all.
    pub warnings: Vec<Diagnostic>,
}

/// The graph that ComfyUI's editor sends for the workflow `text`, which it saved: a JSON text in the
/// editor's own format. `nodes` are the classes of the server. `file` is what diagnostics call the
/// text.
///
/// # Errors
/// What is wrong with the text, all of it, with places in it.
pub fn from_ui(file: &Arc<str>, text: &str, nodes: &NodeSet, options: UiOptions) -> Result<UiGraph, Vec<Diagnostic>> {
    let raw = read(text).map_err(|fault| vec![file_diagnostic(file, text, fault)])?;
    let diagnostics = |faults: Vec<Fault>| faults.into_iter().map(|fault| diagnostic(file, text, fault)).collect();
    let mut editor = load(raw, nodes).map_err(diagnostics)?;
    editor.settle();
    editor.apply_primitives();
    let emitted = emit(&editor, options.keep_bypassed);
    let mut faults = emitted.faults;
    faults.dedup();
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(diagnostics(faults));
    }
    Ok(UiGraph { graph: emitted.graph, bypassed: emitted.bypassed, warnings: diagnostics(faults) })
}

/// The graph alone, or the first thing that is wrong.
pub(super) fn convert(text: &str, nodes: &NodeSet, keep_bypassed: bool) -> Result<Graph, String> {
    let converted = from_ui(&Arc::from(""), text, nodes, UiOptions { keep_bypassed });
    let first = |found: Vec<Diagnostic>| found.into_iter().next().map(|found| found.message).unwrap_or_default();
    converted.map(|converted| converted.graph).map_err(first)
}

fn diagnostic(file: &Arc<str>, text: &str, fault: Fault) -> Diagnostic {
    let span = place_of(text, fault.place);
    let plain = Diagnostic::error(fault.code, file, span, fault.message);
    Diagnostic { severity: fault.severity, hint: fault.hint, ..plain }
}

fn file_diagnostic(file: &Arc<str>, text: &str, fault: FileFault) -> Diagnostic {
    let span = match fault.at {
        FaultPlace::Bytes(span) => Some(span),
        FaultPlace::Part(place) => place_of(text, place),
    };
    let plain = Diagnostic::error(fault.code, file, span, fault.message);
    Diagnostic { hint: fault.hint.map(str::to_owned), ..plain }
}

/// Where something stands: its beginning is enough, for a node has many lines.
fn place_of(text: &str, place: Place) -> Option<Span> {
    let span = span_of(text, place)?;
    let line = text[span.range()].find('\n').unwrap_or(span.end - span.start);
    Some(Span::new(span.start, span.start + line))
}
