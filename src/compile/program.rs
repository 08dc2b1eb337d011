//! A chain made ready: structure, items, and for each task what every item of it needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    expand::{self, Expansion},
    fill::Fillable,
    foreach::Tables,
    interpolate::Scope,
    lower::{Referred, file_params},
    relation::ValueIx,
    report::Report,
    rules::{TaskRule, compile_rules, variables},
    structure::{self, DataInput, Structure},
    template_text::TemplateText,
    templates::{Templates, Told, may_use_templates},
    workflow::read_workflow,
};
use crate::{
    content_hash::ContentHash,
    files::{Path, World},
    graph::{Graph, NodeSet, output_index, parse_link},
    ident::IndexMap,
    model::{
        Body, Chain, Config, DataKind, Document, Header, Kind, KnownModels, Task, TaskType, ValueMap, setting_path,
        task_type,
    },
    path,
    rules::Variables,
};

/// Finds the documents that others refer to.
pub trait Library {
    /// The document that `reference` names, which must be of this kind.
    fn resolve(&self, reference: &str, kind: Kind) -> Result<Referred, Unresolved>;
}

/// Why a reference leads to no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Stable code of the diagnostic.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What compiling reads besides the document.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The workspace's files.
    pub world: &'a dyn World,
    /// The workspace's documents.
    pub library: &'a dyn Library,
    /// The workspace's configuration.
    pub config: &'a Config,
    /// Signatures of classes.
    pub nodes: &'a NodeSet,
    /// Names of metrics that can be measured.
    pub metrics: &'a BTreeSet<String>,
    /// The models that there are.
    pub models: &'a Arc<KnownModels>,
}

/// A chain made ready.
#[derive(Debug)]
pub struct Program {
    /// Path of the document.
    pub file: Arc<str>,
    /// The document's header.
    pub header: Header,
    /// The chain.
    pub chain: Chain,
    /// What its tasks refer to.
    pub structure: Structure,
    /// The items.
    pub expansion: Expansion,
    /// What each task needs, by number.
    pub tasks: Vec<TaskProgram>,
    /// The models that there are.
    pub models: Arc<KnownModels>,
    /// The templates that its tasks and their presets use.
    pub templates: Templates,
}

/// What every item of a task needs.
#[derive(Debug, Default)]
pub struct TaskProgram {
    /// Settings and literal inputs, parsed.
    pub settings: IndexMap<String, Fillable>,
    /// Where each of them stands.
    pub places: IndexMap<String, Path>,
    /// The preset.
    pub preset: Option<Referred>,
    /// The mask document.
    pub mask: Option<Referred>,
    /// A preset's kept workflow.
    pub workflow: Option<Value>,
    /// Outputs beside the primary one that other tasks take.
    pub wanted: BTreeSet<String>,
    /// The outputs, primary first.
    pub outputs: Vec<(String, DataKind)>,
    /// Whether the primary output has an alpha channel that counts.
    pub alpha: bool,
    /// Whether some class of its graph runs only on a server.
    pub needs_server: bool,
    /// The graph of its first item, with stand-ins for the files of other tasks.
    pub sample: Option<Graph>,
    /// How many files its first item makes, by output.
    pub sample_files: BTreeMap<String, usize>,
    /// Metrics to measure.
    pub scores: Vec<String>,
    /// Models that run in this process for its items.
    pub models: BTreeSet<String>,
    /// What the rules may read.
    pub variables: Variables,
    /// The rules.
    pub rules: Vec<TaskRule>,
}

impl TaskProgram {
    /// Adds the metric called `name`, or all metrics of the external scorer of that name.
    fn measure(&mut self, name: &str, context: Context<'_>, path: &Path, report: &mut Report<'_>) {
        let of_scorer = context.config.scorer.get(name).filter(|_| !context.metrics.contains(name));
        if let Some(scorer) = of_scorer {
            return self.scores.extend(scorer.metrics.iter().cloned());
        }
        unknown_metric(name, context.metrics, path, report);
        self.scores.push(name.to_owned());
        self.models.extend(context.models.behind(name).map(str::to_owned));
    }
}

/// Makes `chain` ready; problems go to `report`. None when they leave nothing to go on with.
pub fn compile(document: &Document, chain: &Chain, context: Context<'_>, report: &mut Report<'_>) -> Option<Program> {
    if chain.task.is_empty() {
        report.error("missing-key", &path!["task"], "a chain has at least one task").hint =
            Some("add one: [task.NAME]".to_owned());
        return None;
    }
    let mut structure = structure::analyse(chain, report)?;
    let expansion = expand::expand(chain, &structure, &Tables::new(context.world, &context.config.limits), report);
    let mut tasks: Vec<TaskProgram> =
        chain.task.iter().map(|(name, task)| task_program(name, task, chain, context, report)).collect();
    let templates = used_templates(chain, &tasks, context, report);
    fill_file_params(chain, &mut structure, &tasks);
    link_outputs(&structure, &mut tasks, report);
    for number in structure.order.clone() {
        tasks[number].alpha = carries_alpha(number, chain, &structure, &tasks);
    }
    for (number, task) in chain.task.values().enumerate() {
        // Only rules and tests of rules read them.
        if !task.route.is_empty() || !chain.routing_test.is_empty() {
            tasks[number].variables = variables(number, &structure, &expansion, &tasks);
        }
    }
    compile_rules(chain, &structure, &mut tasks, context.metrics, report);
    let mut program = Program {
        file: report.file().clone(),
        header: document.header.clone(),
        chain: chain.clone(),
        structure,
        expansion,
        tasks,
        models: context.models.clone(),
        templates,
    };
    program.check_names(report);
    if !report.has_errors() {
        program.sample(context, report);
    }
    Some(program)
}

/// The templates that tasks, their rules, their nodes and their presets use.
fn used_templates(chain: &Chain, tasks: &[TaskProgram], context: Context<'_>, report: &mut Report<'_>) -> Templates {
    let mut templates = Templates::default();
    for ((name, task), program) in chain.task.iter().zip(tasks) {
        let base = path!["task", name];
        for (key, value) in task.with.iter().chain(&task.settings).filter(|(_, value)| may_use_templates(value)) {
            let place = program.places.get(key).cloned().unwrap_or_else(|| base.join(key));
            templates.find(value, Told::Within(&place), context, report);
        }
        for (index, route) in task.route.iter().enumerate() {
            let place = base.join("route").join(index).join("with");
            route.with.iter().for_each(|(k, v)| templates.find(v, Told::Within(&place.join(k)), context, report));
        }
        for (id, node) in &task.node {
            let place = base.join("node").join(id).join(&node.class);
            node.inputs.iter().for_each(|(k, v)| templates.find(v, Told::Within(&place.join(k)), context, report));
        }
        if let Some(Body::Preset(preset)) = program.preset.as_ref().map(|found| &found.document.body) {
            let inputs = preset.node.values().flat_map(|node| node.inputs.values());
            let place = base.join("preset");
            inputs.for_each(|value| templates.find(value, Told::At(&place), context, report));
        }
    }
    templates
}

/// What one task says, with its references resolved.
fn task_program(name: &str, task: &Task, chain: &Chain, context: Context<'_>, report: &mut Report<'_>) -> TaskProgram {
    let base = path!["task", name];
    let mut out = TaskProgram::default();
    let is_link = |v: &Value| v.as_str().is_some_and(|t| parse_link(t).is_some());
    // A setting may stand in `with` or on the task itself.
    let written = task.with.iter().map(|(k, v)| (k, v, setting_path(report.tree(), name, k)));
    let written: Vec<_> = written.collect();
    let settings = task.settings.iter().map(|(k, v)| (k, v, base.join(k)));
    for (key, value, path) in settings.chain(written).filter(|(_, v, _)| !is_link(v)) {
        out.settings.insert(key.clone(), Fillable::parse(value, &path, report));
        out.places.insert(key.clone(), path);
    }
    out.outputs = task_type(task.kind).outputs.iter().map(|o| (o.name.to_owned(), o.kind)).collect();
    for (index, name) in task.scores.iter().enumerate() {
        out.measure(name, context, &base.join("scores").join(index), report);
    }
    match task.kind {
        TaskType::Generate | TaskType::Enhance => resolve_preset(task, chain, &base, context, &mut out, report),
        TaskType::Graph => {
            out.outputs = task.outputs.keys().map(|name| (name.clone(), DataKind::Image)).collect();
            for (output, text) in &task.outputs {
                let kind = output_kind(text, task, context.nodes);
                if let Some(entry) = out.outputs.iter_mut().find(|(n, _)| n == output) {
                    entry.1 = kind;
                }
            }
        }
        TaskType::Mask => {
            let reference = task.with.get("mask").or(task.settings.get("mask")).and_then(Value::as_str);
            if let Some(reference) = reference.filter(|r| parse_link(r).is_none()) {
                let place = out.places.get("mask").cloned().unwrap_or(base);
                out.mask = resolve(reference, Kind::Mask, context, &place, report);
            }
        }
        TaskType::Score => {
            let given = task.with.get("scorers").or(task.settings.get("scorers"));
            let names = given.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            for (index, name) in names.enumerate() {
                let place = out.places.get("scorers").cloned().unwrap_or_else(|| base.clone());
                out.measure(name, context, &place.join(index), report);
            }
        }
        _ => {}
    }
    out
}

fn unknown_metric(metric: &str, known: &BTreeSet<String>, path: &Path, report: &mut Report<'_>) {
    if !known.contains(metric) {
        let near = crate::ident::did_you_mean(metric, known.iter().map(String::as_str));
        report.error("unknown-metric", path, format!("nothing measures `{metric}`")).hint = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.iter().cloned().collect::<Vec<_>>().join(", ")),
        });
    }
}

fn resolve_preset(
    task: &Task,
    chain: &Chain,
    base: &Path,
    context: Context<'_>,
    out: &mut TaskProgram,
    report: &mut Report<'_>,
) {
    let own = task.preset.as_ref().map(|r| (r, base.join("preset")));
    let fallback = || {
        if task.kind != TaskType::Generate {
            return None;
        }
        let default = chain.defaults.preset.as_ref().map(|r| (r, path!["defaults", "preset"]));
        default.or_else(|| context.config.defaults.preset.as_ref().map(|r| (r, base.clone())))
    };
    let Some((reference, place)) = own.or_else(fallback) else {
        if task.kind == TaskType::Generate {
            report.error_at_key("missing-preset", base, "a generate task says `preset`").hint =
                Some("or give one for all: [defaults] preset = \"name\"".to_owned());
        }
        return;
    };
    out.preset = resolve(reference, Kind::Preset, context, &place, report);
    if let Some((Body::Preset(preset), path)) = out.preset.as_ref().map(|d| (&d.document.body, &d.path)) {
        if let Some(source) = &preset.graph {
            match read_workflow(context.world, path, &source.workflow, context.nodes) {
                Ok(workflow) => out.workflow = Some(workflow),
                Err(error) => report.error(error.code, &place, error.message).hint = error.hint,
            }
        }
        out.outputs = preset.outputs.keys().map(|name| (name.clone(), DataKind::Image)).collect();
        if let Some(position) = out.outputs.iter().position(|(name, _)| name == "image") {
            out.outputs.swap(0, position);
        }
    }
}

fn resolve(
    reference: &str,
    kind: Kind,
    context: Context<'_>,
    place: &Path,
    report: &mut Report<'_>,
) -> Option<Referred> {
    context.library.resolve(reference, kind).map_err(|e| report.error(e.code, place, e.message).hint = e.hint).ok()
}

/// What an output of an inline graph is.
fn output_kind(text: &str, task: &Task, nodes: &NodeSet) -> DataKind {
    let types = parse_link(text).and_then(|link| {
        let class = nodes.class(&task.node.get(link.node)?.class)?;
        let index = output_index(class, link.output.unwrap_or("0")).ok()?;
        Some(class.outputs.get(index)?.types.to_string())
    });
    if types.as_deref() == Some("MASK") { DataKind::Mask } else { DataKind::Image }
}

/// A `generate` task whose only dependency no link uses gives it to the preset's first file
/// parameter.
fn fill_file_params(chain: &Chain, structure: &mut Structure, tasks: &[TaskProgram]) {
    for (number, task) in chain.task.values().enumerate() {
        let Some(Body::Preset(preset)) = tasks[number].preset.as_ref().map(|d| &d.document.body) else { continue };
        let Some(first) = file_params(preset).next() else { continue };
        let parts = &mut structure.tasks[number];
        // An `enhance` task has a primary input called `image`, whatever the preset calls it.
        if let Some(primary) = parts.data.iter_mut().find(|d| d.input == "image" && d.output.is_none()) {
            first.clone_into(&mut primary.input);
        }
        let given = tasks[number].settings.contains_key(first) || parts.data.iter().any(|d| d.input == first);
        let sole = match (parts.entries.len(), parts.routers.is_empty()) {
            (1, _) => Some(Some(0)),
            (0, false) => Some(None),
            _ => None,
        };
        if let (false, Some(entry), TaskType::Generate) = (given, sole, task.kind) {
            let path = path!["task", &parts.name];
            parts.data.push(DataInput { input: first.to_owned(), entry, output: None, path });
        }
    }
}

/// Notes which outputs are taken, and reports links to outputs that are not there.
fn link_outputs(structure: &Structure, tasks: &mut [TaskProgram], report: &mut Report<'_>) {
    for parts in &structure.tasks {
        for data in &parts.data {
            let sources = data.entry.map_or(&parts.routers, |e| &parts.entries[e].alternatives);
            for source in sources {
                let outputs: Vec<&str> = tasks[*source].outputs.iter().map(|(name, _)| name.as_str()).collect();
                match &data.output {
                    None => {}
                    Some(output) if outputs.contains(&output.as_str()) => {
                        tasks[*source].wanted.insert(output.clone());
                    }
                    Some(output) => {
                        let near = crate::ident::did_you_mean(output, outputs.iter().copied());
                        let name = &structure.tasks[*source].name;
                        report
                            .error("unknown-output", &data.path, format!("task `{name}` has no output `{output}`"))
                            .hint = Some(near.map_or_else(
                            || format!("it has {}", outputs.join(", ")),
                            |n| format!("did you mean `{n}`?"),
                        ));
                    }
                }
            }
        }
    }
}

/// Whether the primary output of a task has an alpha channel that counts: `remove_bg` makes one,
/// and what works on one image keeps it.
fn carries_alpha(number: usize, chain: &Chain, structure: &Structure, tasks: &[TaskProgram]) -> bool {
    let Some((_, task)) = chain.task.get_index(number) else { return false };
    match task.kind {
        TaskType::RemoveBg => true,
        TaskType::Resize
        | TaskType::Adjust
        | TaskType::Upscale
        | TaskType::Enhance
        | TaskType::Score
        | TaskType::Mask
            if tasks[number].preset.is_none() =>
        {
            let parts = &structure.tasks[number];
            let sources = parts.data.iter().filter(|d| d.output.as_deref().is_none_or(|o| o == "image"));
            sources.take(1).any(|d| {
                let sources = d.entry.map_or(&parts.routers, |e| &parts.entries[e].alternatives);
                sources.iter().any(|s| tasks[*s].alpha)
            })
        }
        _ => false,
    }
}

impl Program {
    /// Canonical hash of the document.
    pub fn document_hash(&self) -> ContentHash {
        Document { header: self.header.clone(), body: Body::Chain(self.chain.clone()) }.canonical_hash()
    }

    /// The names that the settings of an item may insert.
    pub fn scope<'a>(&'a self, task: usize, row: &'a [ValueIx], attempt: u32, visits: u32) -> ItemScope<'a> {
        ItemScope { program: self, task, row, attempt, visits }
    }

    /// Fills everything once with the first item of each task, to find unknown names.
    fn check_names(&self, report: &mut Report<'_>) {
        for (number, task) in self.tasks.iter().enumerate() {
            let items = &self.expansion.items[number];
            if items.is_empty() {
                continue;
            }
            let scope = self.scope(number, items.row(0), 1, 1);
            for (key, value) in &task.settings {
                value.check(&scope, &task.places[key], report);
            }
            for rule in &task.rules {
                for (key, value) in &rule.with {
                    value.check(&scope, &rule.path.join("with").join(key), report);
                }
            }
        }
    }

    /// `task[key=value,…]`, or the task alone when its items have no keys.
    pub fn address(&self, task: usize, row: &[ValueIx]) -> String {
        let mut address = String::new();
        self.push_address(&mut address, task, row);
        address
    }

    /// Adds an address to `text`.
    pub fn push_address(&self, text: &mut String, task: usize, row: &[ValueIx]) {
        text.push_str(&self.structure.tasks[task].name);
        let items = &self.expansion.items[task];
        if !items.keys.is_empty() {
            text.push('[');
            expand::push_row(text, items, row, &self.expansion.keys);
            text.push(']');
        }
    }
}

/// The names an item may insert: its keys, the chain's `vars`, `attempt` and `visits`.
pub struct ItemScope<'a> {
    program: &'a Program,
    task: usize,
    row: &'a [ValueIx],
    attempt: u32,
    visits: u32,
}

impl Scope for ItemScope<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        let (name, rest) = path.split_first()?;
        let expansion = &self.program.expansion;
        let value = match expansion.value(self.task, self.row, name).or_else(|| self.program.chain.vars.get(name)) {
            Some(value) => value.clone(),
            None if name == "attempt" => Value::from(self.attempt),
            None if name == "visits" => Value::from(self.visits),
            None => return None,
        };
        rest.iter().try_fold(&value, |v, key| v.get(key)).cloned()
    }

    fn template(&self, reference: &str) -> Option<&TemplateText> {
        self.program.templates.get(reference)
    }

    fn index(&self, key: &str) -> Option<usize> {
        let ix = self.program.expansion.keys.find_key(key)?;
        let column = self.program.expansion.items[self.task].keys.iter().position(|k| *k == ix)?;
        Some(self.row[column] as usize)
    }

    fn names(&self) -> Vec<String> {
        let expansion = &self.program.expansion;
        let items = &expansion.items[self.task];
        let mut names = Vec::new();
        for (column, key) in items.keys.iter().enumerate() {
            let name = expansion.keys.name(*key);
            names.push(name.to_owned());
            if let Value::Object(row) = expansion.keys.get(*key, self.row[column]) {
                names.extend(row.keys().filter(|k| *k != super::ROW_KEY).map(|k| format!("{name}.{k}")));
            }
        }
        names.extend(self.program.chain.vars.keys().cloned());
        names.extend(["attempt".to_owned(), "visits".to_owned()]);
        names
    }
}

/// The document with the values that `--set` gave: parameters of a preset get them as defaults,
/// chains as `vars`. Gives the name that is not there, if one is not.
pub fn with_settings(document: &Document, given: &ValueMap) -> Result<Document, String> {
    let mut out = document.clone();
    for (name, value) in given {
        match &mut out.body {
            Body::Preset(preset) => {
                let param = preset.params.get_mut(name).ok_or_else(|| name.clone())?;
                param.default = Some(value.clone());
                param.required = false;
            }
            Body::Chain(chain) => {
                let var = chain.vars.get_mut(name).ok_or_else(|| name.clone())?;
                *var = value.clone();
            }
            Body::Mask(mask) if name == "image" => {
                mask.image = Some(value.as_str().ok_or_else(|| name.clone())?.to_owned());
                mask.size.clear();
            }
            _ => return Err(name.clone()),
        }
    }
    Ok(out)
}
