//! What servers said about failed items, at the lines that caused it.

use std::sync::Arc;

use serde_json::Value;

use super::{
    AppError, Session,
    job::{JobOptions, RunnableJob, make_job},
    placed::{Purpose, placed_job},
    run::ledger_error,
    servers::forget,
};
use crate::{
    compile::{Template, bound_node},
    diagnostic::{Diagnostic, Span, position},
    files::{Node, Path},
    graph::from_api,
    ledger::{Ledger, RunRow},
    model::{Body, Loaded, Preset},
    path,
    plan::ItemIx,
    run::{Fault, FaultDetail},
};

/// Characters of what a server says that are told; the journal has all of it.
const TOLD: usize = 400;

/// A run's job and ledger, for what is to be said when it has ended.
pub struct Aftermath {
    pub(super) job: RunnableJob,
    pub(super) ledger: Arc<Ledger>,
    pub(super) run: String,
    pub(super) on_servers: bool,
}

impl Aftermath {
    /// What servers said about items that failed, each once for each place.
    pub fn diagnostics(&self, session: &Session) -> Result<Vec<Diagnostic>, AppError> {
        if !self.on_servers {
            return Ok(Vec::new());
        }
        let faults = self.ledger.faults(&self.run).map_err(|e| ledger_error(&e))?;
        if faults.iter().any(|(_, fault)| !fault.details.is_empty()) {
            // What fitted the classes that were kept did not fit the server.
            forget(session);
        }
        Ok(diagnostics(session, &self.job, &faults))
    }
}

/// The same for an earlier run, as far as its document is still what it was.
pub fn fault_diagnostics(session: &Session, ledger: &Ledger, run: &RunRow) -> Result<Vec<Diagnostic>, AppError> {
    let faults = ledger.faults(&run.id).map_err(|e| ledger_error(&e))?;
    if faults.iter().all(|(_, fault)| fault.details.is_empty()) {
        return Ok(Vec::new());
    }
    let job = session.document(&run.path).and_then(|loaded| {
        let options = JobOptions::from_json(&run.settings);
        // Lines are found without servers.
        let known = make_job(session, &loaded, &options, &session.nodes);
        known.or_else(|_| placed_job(session, &loaded, &options, Purpose::Look).map(|placed| placed.job))
    });
    Ok(match job {
        Ok(job) if job.hash.to_string() == run.hash => diagnostics(session, &job, &faults),
        // Its lines are not what they were.
        _ => {
            let file: Arc<str> = Arc::from(run.path.as_str());
            let details = faults.iter().flat_map(|(_, fault)| &fault.details);
            let all = details.map(|d| Diagnostic::error(CODE, &file, None, format!("{}{}", whereabouts(d), said(d))));
            deduplicated(all.map(|d| (d, String::new())))
        }
    })
}

const CODE: &str = "server-says";

fn diagnostics(session: &Session, job: &RunnableJob, faults: &[(ItemIx, Fault)]) -> Vec<Diagnostic> {
    let placed = faults.iter().flat_map(|(item, fault)| {
        let address = job.preparation.address(*item);
        let task = job.program.structure.order[job.plan.items.task[item.0 as usize].0 as usize];
        let finder = Finder { session, job, task };
        fault.details.iter().map(move |detail| (finder.diagnostic(detail), address.clone())).collect::<Vec<_>>()
    });
    deduplicated(placed)
}

/// Each diagnostic once, with the items that it is about.
fn deduplicated(all: impl Iterator<Item = (Diagnostic, String)>) -> Vec<Diagnostic> {
    let mut out: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for (diagnostic, item) in all {
        match out.iter_mut().find(|(known, _)| *known == diagnostic) {
            Some((_, items)) => items.push(item),
            None => out.push((diagnostic, vec![item])),
        }
    }
    out.into_iter().map(|(diagnostic, items)| with_items(diagnostic, &items)).collect()
}

fn with_items(mut diagnostic: Diagnostic, items: &[String]) -> Diagnostic {
    let which = match items {
        [item, rest @ ..] if !item.is_empty() && !rest.is_empty() => format!("{item} and {} more", rest.len()),
        [item, ..] => item.clone(),
        [] => String::new(),
    };
    if !which.is_empty() {
        diagnostic.message = format!("{which}: {}", diagnostic.message);
    }
    diagnostic
}

/// What the server said, with its own name for it.
fn said(detail: &FaultDetail) -> String {
    let more = match detail.details.trim() {
        "" => String::new(),
        more if Some(more) == detail.input.as_deref() || more == detail.message => String::new(),
        more => format!(" ({more})"),
    };
    let text: String = format!("{}{more}", detail.message.trim());
    let told: String = text.chars().take(TOLD).collect();
    let dots = if told.len() < text.len() { "…" } else { "" };
    format!("the server says: {told}{dots} [{}]", detail.kind)
}

/// `input steps of node sampler (KSampler): `, as far as it is known.
fn whereabouts(detail: &FaultDetail) -> String {
    let class = detail.class.as_ref().map_or_else(String::new, |class| format!(" ({class})"));
    match (&detail.node, &detail.input) {
        (Some(node), Some(input)) => format!("input `{input}` of node `{node}`{class}: "),
        (Some(node), None) => format!("node `{node}`{class}: "),
        _ => String::new(),
    }
}

/// Finds the lines that a task's nodes come from.
struct Finder<'a> {
    session: &'a Session,
    job: &'a RunnableJob,
    task: usize,
}

/// A place in a file.
struct Place {
    file: Arc<str>,
    span: Option<Span>,
    hint: Option<String>,
}

impl Finder<'_> {
    fn diagnostic(&self, detail: &FaultDetail) -> Diagnostic {
        let place = self.place(detail);
        let message = format!("{}{}", whereabouts(detail), said(detail));
        Diagnostic { hint: place.hint, ..Diagnostic::error(CODE, &place.file, place.span, message) }
    }

    fn place(&self, detail: &FaultDetail) -> Place {
        let in_preset = self.job.program.tasks[self.task].preset.as_ref().and_then(|referred| {
            let Body::Preset(preset) = &referred.document.body else { return None };
            self.place_in_preset(&referred.path, preset, detail)
        });
        in_preset.unwrap_or_else(|| self.place_in_task(detail))
    }

    fn place_in_task(&self, detail: &FaultDetail) -> Place {
        let key = detail.node.as_ref().map(|node| match &detail.input {
            Some(input) => format!("{node}.{input}"),
            None => node.clone(),
        });
        let program = &self.job.program;
        let mut path = program.place(self.task, key.as_deref());
        if let Some(node) = &detail.node
            && let Some(found) = program.chain_task(self.task).node.get(node)
            && detail.input.is_none()
        {
            path = path.join("node").join(node).join(&found.class);
        }
        Self::at(&self.job.loaded, &path, detail.input.is_none())
    }

    fn at(loaded: &Loaded, path: &Path, key: bool) -> Place {
        let span = |tree: &Node| if key { tree.key_span_of(path) } else { tree.span_of(path) };
        Place { file: loaded.path.clone(), span: loaded.parsed.tree.as_ref().map(span), hint: None }
    }

    /// The line of the preset, or the line that gives the parameter which feeds it.
    fn place_in_preset(&self, file: &str, preset: &Preset, detail: &FaultDetail) -> Option<Place> {
        let loaded = self.loaded(file)?;
        let node = detail.node.as_deref()?;
        let is_written = preset.node.get(node).zip(detail.input.as_ref());
        let is_written = is_written.is_some_and(|(found, input)| found.inputs.contains_key(input));
        let path = node_path(preset, node, detail.input.as_deref())?;
        let written = Self::at(&loaded, &path, !is_written);
        let Some(param) = self.feeding(preset, node, detail.input.as_deref()) else { return Some(written) };
        let goes_to = format!("it is parameter `{param}`, which goes into {}", line_of(&loaded, written.span));
        let is_given = self.job.program.tasks[self.task].settings.contains_key(&param);
        let place = if is_given && loaded.path != self.job.loaded.path {
            Self::at(&self.job.loaded, &self.job.program.place(self.task, Some(&param)), false)
        } else {
            let default = path!["params", &param, "default"];
            let has_default = loaded.parsed.tree.as_ref().is_some_and(|tree| tree.get(&default).is_some());
            if has_default {
                Self::at(&loaded, &default, false)
            } else {
                Self::at(&loaded, &path!["params", &param], true)
            }
        };
        Some(Place { hint: Some(goes_to), ..place })
    }

    /// The parameter from which an input has its value.
    fn feeding(&self, preset: &Preset, node: &str, input: Option<&str>) -> Option<String> {
        let input = input?;
        if let Some(value) = preset.node.get(node).and_then(|n| n.inputs.get(input)) {
            return inserted(value).into_iter().find(|name| preset.params.contains_key(name));
        }
        let graph = from_api(self.job.program.tasks[self.task].workflow.as_ref()?).ok()?;
        let bound = preset.params.iter().filter_map(|(name, param)| Some((name, param.bind.as_ref()?)));
        let fed = bound.filter(|(_, bind)| bind.input == input && bound_node(&graph, bind).is_ok_and(|id| id == node));
        fed.map(|(name, _)| name.clone()).next()
    }

    fn loaded(&self, file: &str) -> Option<Arc<Loaded>> {
        if *self.job.loaded.path == *file {
            return Some(self.job.loaded.clone());
        }
        self.session.workspace.document(file)
    }
}

/// Where node `id` of a preset, or its input, stands; where an appended saver's output stands.
fn node_path(preset: &Preset, id: &str, input: Option<&str>) -> Option<Path> {
    if let Some(node) = preset.node.get(id) {
        let base = path!["node", id, &node.class];
        return Some(input.filter(|name| node.inputs.contains_key(*name)).map_or(base.clone(), |name| base.join(name)));
    }
    let output = id.strip_prefix("save_").filter(|name| preset.outputs.contains_key(*name));
    match (output, &preset.graph) {
        (Some(name), _) => Some(path!["outputs", name]),
        (None, Some(_)) => Some(path!["graph", "workflow"]),
        (None, None) => None,
    }
}

/// The first parts of the names that a value inserts.
fn inserted(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let template = Template::parse(text).ok();
            let paths = template.as_ref().map(Template::paths).unwrap_or_default();
            paths.iter().filter_map(|(path, _)| path.first().cloned()).collect()
        }
        Value::Array(list) => list.iter().flat_map(inserted).collect(),
        Value::Object(map) => map.values().flat_map(inserted).collect(),
        _ => Vec::new(),
    }
}

/// `presets/photo.toml:12`
fn line_of(loaded: &Loaded, span: Option<Span>) -> String {
    span.map_or_else(
        || loaded.path.to_string(),
        |span| format!("{}:{}", loaded.path, position(&loaded.text, span.start).line),
    )
}
