//! What somebody built in ComfyUI as a preset: from a workflow, a graph, or a picture or film that
//! was made with one.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{AppError, PresetText, save_preset::made_preset};
use crate::{
    compile::pass_by,
    diagnostic::Diagnostic,
    files::{Format, Node},
    graph::{Graph, NodeSet, UiOptions, check_graph, from_api, from_ui},
    ident::{did_you_mean, slug},
    import::{self, ImportError, PresetRequest, Source, SourceError, read_source},
    model::{Body, Kind, shape_of},
};

/// The folder of workflows that presets keep, beside them.
const GRAPHS_FOLDER: &str = "graphs";

/// The most findings about a file.
const MOST_FINDINGS: usize = 20;

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The name of the preset; after the file without it.
    pub name: Option<String>,
    /// Whether the graph stays a file of its own.
    pub keep_workflow: bool,
    /// The format of the preset; TOML without it.
    pub format: Option<Format>,
}

/// By what a graph is judged.
#[derive(Clone, Copy, Debug)]
pub struct JudgedBy<'a> {
    /// Signatures of classes.
    pub nodes: &'a NodeSet,
    /// Whether they are those of a server, so that there are no others.
    pub of_server: bool,
}

/// A preset that was made of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The preset.
    pub preset: PresetText,
    /// A workflow that goes beside it: its path relative to the preset, and its text.
    pub workflow: Option<(String, String)>,
    /// Values of parameters with which the file was made, where it has a record of them.
    pub made_with: Option<Value>,
    /// What could not be known.
    pub diagnostics: Vec<Diagnostic>,
}

/// Makes a preset of the bytes of a file, which is called `file`.
pub fn import(file: &str, bytes: &[u8], by: JudgedBy<'_>, options: &ImportOptions) -> Result<Imported, AppError> {
    let label: Arc<str> = Arc::from(file);
    let source = read_source(bytes).map_err(|error| unreadable(&error, &label))?;
    if let Some(imported) = from_record(&source, options) {
        return imported;
    }
    let Drawn { graph, sent, bypassed, mut diagnostics } = graph_of(&source, &label, by, options.keep_workflow)?;
    let name = options.name.clone().unwrap_or_else(|| name_of(file));
    // A name without spaces says the same.
    let title = options.name.is_none().then(|| stem(file).trim()).filter(|stem| stem.contains(' '));
    let workflow = options.keep_workflow.then(|| format!("{GRAPHS_FOLDER}/{name}.json"));
    let not_a_preset = |error: ImportError| {
        let found = Diagnostic::error(error.code(), &label, None, format!("failed to {error}"));
        AppError::Wrong(vec![error.hint().into_iter().fold(found, Diagnostic::with_hint)])
    };
    let mut request = PresetRequest {
        name,
        version: "1.0.0".to_owned(),
        title: title.map(str::to_owned),
        bypassed,
        workflow: workflow.clone(),
        ..PresetRequest::default()
    };
    request.params = import::likely_params(&graph, by.nodes, &request).map_err(not_a_preset)?;
    let format = options.format.unwrap_or(Format::Toml);
    diagnostics.extend(findings(&graph, &sent, by, &label));
    Ok(Imported {
        preset: made_preset(&graph, by.nodes, &request, format, not_a_preset)?,
        workflow: workflow.map(|path| (path, kept_text(source))),
        made_with: None,
        diagnostics,
    })
}

/// The graph as it was given, as a file of its own.
fn kept_text(source: Source) -> String {
    match (source.prompt, source.workflow) {
        (Some(prompt), _) => format!("{prompt:#}\n"),
        (None, workflow) => workflow.unwrap_or_default(),
    }
}

fn unreadable(error: &SourceError, file: &Arc<str>) -> AppError {
    let span = if let SourceError::Json { span, .. } = error { Some(*span) } else { None };
    let found = Diagnostic::error(error.code(), file, span, error.to_string());
    AppError::Wrong(vec![error.hint().into_iter().fold(found, Diagnostic::with_hint)])
}

/// A graph, and what the editor has beside it.
struct Drawn {
    graph: Graph,
    /// Without the nodes that are passed by.
    sent: Graph,
    bypassed: BTreeSet<String>,
    diagnostics: Vec<Diagnostic>,
}

/// The graph as it was run, else as the editor would send it, with the nodes that it passes by unless
/// the workflow is kept.
fn graph_of(source: &Source, file: &Arc<str>, by: JudgedBy<'_>, is_kept: bool) -> Result<Drawn, AppError> {
    if let Some(prompt) = &source.prompt {
        let wrong = |error| Diagnostic::error("bad-workflow", file, None, format!("failed to {error}"));
        let graph = from_api(prompt).map_err(|error| AppError::Wrong(vec![wrong(error)]))?;
        let sent = graph.clone();
        return Ok(Drawn { graph, sent, bypassed: BTreeSet::new(), diagnostics: Vec::new() });
    }
    let text = source.workflow.as_deref().unwrap_or_default();
    let placed = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
        let of_file =
            |found: Diagnostic| if source.is_workflow_file { found } else { Diagnostic { span: None, ..found } };
        // What is not known is told once, for all of it.
        found.into_iter().filter(|found| found.code != "unknown-class").map(of_file).collect()
    };
    let convert = |keep_bypassed| {
        from_ui(file, text, by.nodes, UiOptions { keep_bypassed }).map_err(|faults| AppError::Wrong(placed(faults)))
    };
    let (sent, drawn) = (convert(false)?, convert(!is_kept)?);
    let mut without = drawn.graph.clone();
    drawn.bypassed.iter().for_each(|id| pass_by(&mut without, id, by.nodes));
    let mut diagnostics = placed(sent.warnings);
    if without == sent.graph {
        let bypassed = drawn.bypassed.into_iter().collect();
        return Ok(Drawn { graph: drawn.graph, sent: sent.graph, bypassed, diagnostics });
    }
    let message = format!("bypassed nodes are left out: {}", drawn.bypassed.join(", "));
    let hint = "what the editor puts in their places, a preset could not say";
    diagnostics.push(Diagnostic::warning("bypass", file, None, message).with_hint(hint));
    Ok(Drawn { graph: sent.graph.clone(), sent: sent.graph, bypassed: BTreeSet::new(), diagnostics })
}

/// The preset that a record of comfywright holds, with the values that were set.
fn from_record(source: &Source, options: &ImportOptions) -> Option<Result<Imported, AppError>> {
    let record = source.record.as_ref()?;
    let text = Format::Toml.print(&Node::from_json(record.get("preset")?)?, shape_of(Kind::Preset));
    // A record of a later version may say what this one does not understand.
    let mut document = PresetText::read(&text, Format::Toml).ok()?;
    if let Some(name) = &options.name {
        document.header.name.clone_from(name);
    }
    let mut workflow = None;
    if let Body::Preset(preset) = &mut document.body
        && let Some(kept) = &mut preset.graph
    {
        kept.workflow = format!("{GRAPHS_FOLDER}/{}.json", document.header.name);
        workflow = Some((kept.workflow.clone(), format!("{:#}\n", record.get("workflow")?)));
    }
    let preset = PresetText::of(document, options.format.unwrap_or(Format::Toml));
    let made_with = record.get("with").cloned();
    Some(preset.map(|preset| Imported { preset, workflow, made_with, diagnostics: Vec::new() }))
}

/// What could not be known of the graph, and what is wrong with what is sent of it; the first of many.
fn findings(graph: &Graph, sent: &Graph, by: JudgedBy<'_>, file: &Arc<str>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> =
        unknown_classes(graph, by, file).into_iter().chain(wrong_with(sent, by.nodes, file)).collect();
    let more = found.len().saturating_sub(MOST_FINDINGS);
    if more > 0 {
        found.truncate(MOST_FINDINGS);
        let message = format!("{} more", super::count(more, "finding"));
        found.push(
            Diagnostic::warning("too-many", file, None, message).with_hint("`check` on the preset shows all of them"),
        );
    }
    found
}

/// What a server would say of the graph as it is, but for files that it lacks.
fn wrong_with(graph: &Graph, nodes: &NodeSet, file: &Arc<str>) -> impl Iterator<Item = Diagnostic> {
    let found = check_graph(graph, nodes).into_iter().filter(|p| !p.of_files && p.code != "unknown-class");
    found.map(|problem| {
        let warning =
            Diagnostic::warning(problem.code, file, None, format!("node \"{}\": {}", problem.node, problem.message));
        problem.hint.into_iter().fold(warning, Diagnostic::with_hint)
    })
}

/// A warning for each class that is not known.
fn unknown_classes(graph: &Graph, by: JudgedBy<'_>, file: &Arc<str>) -> Vec<Diagnostic> {
    let unknown = import::unknown_classes(graph, by.nodes);
    let nodes: usize = unknown.values().sum();
    if !by.of_server && nodes > 0 {
        let message = format!("{nodes} of {} nodes are of classes that are not known here", graph.nodes.len());
        let hint = "outputs are numbered and ranges left out; say what the server has with --object-info FILE or --server NAME";
        return vec![Diagnostic::warning("not-examined", file, None, message).with_hint(hint)];
    }
    let warning = |(class, count): (&&str, &usize)| {
        let nodes = super::count(*count, "node");
        let message = format!("the server has no class \"{class}\": {nodes} kept as in the graph");
        let near = did_you_mean(class, by.nodes.names()).map(|near| format!("the nearest is \"{near}\""));
        let hint = near.unwrap_or_else(|| "it comes with custom nodes that the server lacks".to_owned());
        Diagnostic::warning("unknown-class", file, None, message).with_hint(hint)
    };
    unknown.iter().map(warning).collect()
}

/// The name of a file without folders and ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    [".workflow", ".api"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem)
}

fn name_of(file: &str) -> String {
    let stem = stem(file);
    if !stem.contains(|c: char| c.is_ascii_alphanumeric()) {
        return "imported".to_owned();
    }
    let name = slug(stem).replace('_', "-");
    name.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}
