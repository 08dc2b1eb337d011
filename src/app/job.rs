//! From a document and what the command line says to a plan that can be carried out.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    AppError, Session,
    ab::{all_samples, refuse_same_samples, terms_of, tree_of_samples, trial_of},
};
use crate::{
    analysis::TestTerms,
    check::{self, Subject},
    compile::{self, LowerError, Program},
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Severity},
    files::Node,
    graph::NodeSet,
    ident::IndexMap,
    model::{Body, Chain, Document, ErrorClass, Foreach, Header, Kind, Loaded, Mask, Task, TaskType, ValueMap, Values},
    native::NATIVE_VERSION,
    plan::{self, ItemIx, Kinds, Plan, Preparation, Prepared, Upstream, Visit},
    run::{Fault, Preparer},
};

/// What the command line says about a run.
#[derive(Clone, Debug, Default)]
pub struct JobOptions {
    /// Values of a preset's parameters or a chain's `vars`.
    pub set: ValueMap,
    /// First and last seed of a preset's run.
    pub seeds: Option<(u64, u64)>,
    /// Servers to use; `native` for this process.
    pub servers: Vec<String>,
    /// The only tasks that are wanted, with what they need; all when there are none.
    pub only: Vec<String>,
    /// Samples for each variation of an A/B test beyond those that its document says.
    pub more: u32,
    /// How the work is done; does not make it other work.
    pub way: Way,
}

/// What of a run's options does not make it other work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Whether partner nodes may run, which cost money.
    pub allow_spend: bool,
    /// Most items at the same time, instead of what the chain says.
    pub parallel: Option<u32>,
    /// After how many finished items the list of results is brought up to date, instead of what the
    /// chain says.
    pub checkpoint: Option<u32>,
}

/// A document made ready to run.
#[derive(Clone)]
pub struct RunnableJob {
    /// The document as read.
    pub loaded: Arc<Loaded>,
    /// The compiled document.
    pub program: Arc<Program>,
    /// The plan.
    pub plan: Arc<Plan>,
    /// Prepares its items.
    pub preparation: Arc<Preparation>,
    /// Identifies the work: the document with its settings, what it refers to, and its items.
    pub hash: ContentHash,
    /// What the command line said, as it is kept with the run.
    pub settings: Value,
    /// After how many finished items the list of results is brought up to date; none for never.
    pub checkpoint: Option<u32>,
    /// Of an A/B test, what is fixed before its first sample.
    pub terms: Option<TestTerms>,
    /// Warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl JobOptions {
    fn to_json(&self) -> Value {
        let only = match self.only.as_slice() {
            [] => Value::Null,
            [one] => Value::from(one.as_str()),
            several => json!(several),
        };
        let mut json = json!({ "set": self.set, "seeds": self.seeds, "servers": self.servers, "only": only });
        if self.more > 0 {
            json["more"] = Value::from(self.more);
        }
        json
    }

    /// As they are kept with a run.
    fn kept(&self) -> Value {
        let mut kept = self.to_json();
        let Way { allow_spend, parallel, checkpoint } = self.way;
        if allow_spend {
            kept["allow_spend"] = Value::from(true);
        }
        for (key, number) in [("parallel", parallel), ("checkpoint", checkpoint)] {
            if let Some(number) = number {
                kept[key] = Value::from(number);
            }
        }
        kept
    }

    /// The options of an earlier run.
    pub fn from_json(value: &Value) -> Self {
        let texts =
            |key: &str| value[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let seed = |i: usize| value["seeds"].get(i).and_then(Value::as_u64);
        let number = |key: &str| value[key].as_u64().and_then(|number| u32::try_from(number).ok());
        Self {
            set: value["set"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            seeds: seed(0).zip(seed(1)),
            servers: texts("servers").collect(),
            only: value["only"].as_str().map(str::to_owned).into_iter().chain(texts("only")).collect(),
            more: number("more").unwrap_or(0),
            way: Way {
                allow_spend: value["allow_spend"] == true,
                parallel: number("parallel"),
                checkpoint: number("checkpoint"),
            },
        }
    }
}

/// Compiles and plans `loaded`, judged by the classes of `nodes`.
pub fn make_job(
    session: &Session,
    loaded: &Arc<Loaded>,
    options: &JobOptions,
    nodes: &Arc<NodeSet>,
) -> Result<RunnableJob, AppError> {
    check_servers(session, options)?;
    let mut diagnostics = loaded.parsed.diagnostics.clone();
    diagnostics.extend(session.workspace.config.diagnostics.iter().cloned());
    let Some(subject) = Subject::of(loaded) else { return Err(AppError::Wrong(diagnostics)) };
    let mut document = with_settings(subject.document, &options.set)?;
    if let Body::AbTest(test) = &mut document.body {
        test.samples_per_variation = test.samples_per_variation.saturating_add(options.more);
    }
    let chain = as_chain(session, &document, options)?;
    let judged = |document: &Document, tree: &Node| {
        check::check(Subject { tree, document, ..subject }, session.context_with(nodes))
    };
    if document.header.kind != Kind::Chain {
        diagnostics.extend(judged(&document, subject.tree).diagnostics);
    }
    let header = Header { kind: Kind::Chain, ..document.header.clone() };
    let outcome = judged(&Document { header, body: Body::Chain(chain) }, &tree_of_samples(subject.tree, &document));
    diagnostics.extend(outcome.diagnostics);
    let wrong = diagnostics.iter().any(|d| d.severity == Severity::Error);
    let Some(program) = outcome.program.filter(|_| !wrong) else { return Err(AppError::Wrong(diagnostics)) };
    let placement = plan::Options { servers: options.servers.clone() };
    let mut plan = plan::build(&program, &session.config.defaults, &placement);
    plan.kinds = Kinds::of_program(&program, &plan, nodes, session.world.as_ref());
    plan.parallel = options.way.parallel.or(plan.parallel);
    let terms = terms_of(&document);
    plan.trial = terms.as_ref().map(|terms| trial_of(loaded, terms, &plan)).transpose()?;
    let plan = Arc::new(plan);
    let checkpoint = options.way.checkpoint.or(program.chain.checkpoint.as_ref().map(|checkpoint| checkpoint.every));
    let program = Arc::new(program);
    let preparation =
        Arc::new(Preparation::new(plan.clone(), program.clone(), nodes.clone(), session.world.clone(), NATIVE_VERSION));
    refuse_same_samples(loaded, &preparation)?;
    let hash = work_hash(&program, &preparation, &options.to_json(), terms.as_ref());
    let (loaded, settings) = (loaded.clone(), options.kept());
    Ok(RunnableJob { loaded, program, plan, preparation, hash, settings, checkpoint, terms, diagnostics })
}

fn check_servers(session: &Session, options: &JobOptions) -> Result<(), AppError> {
    let known = || session.config.server.keys().map(String::as_str).chain(["native"]);
    match options.servers.iter().find(|s| !known().any(|k| k == *s)) {
        Some(unknown) => Err(AppError::usage(format!("there is no server \"{unknown}\""))
            .with_hint(format!("comfywright.toml has {}", known().collect::<Vec<_>>().join(", ")))),
        None => Ok(()),
    }
}

fn with_settings(document: &Document, set: &ValueMap) -> Result<Document, AppError> {
    compile::with_settings(document, set).map_err(|name| {
        let names: Vec<&str> = match &document.body {
            Body::Preset(preset) => preset.params.keys().map(String::as_str).collect(),
            Body::Chain(chain) => chain.vars.keys().map(String::as_str).collect(),
            Body::Mask(_) => vec!["image"],
            _ => Vec::new(),
        };
        let error = AppError::usage(format!("--set {name}: the document has no such parameter or variable"));
        match crate::ident::did_you_mean(&name, names.iter().copied()) {
            Some(near) => error.with_hint(format!("did you mean {near}?")),
            None => error.with_hint(format!("it has {}", names.join(", "))),
        }
    })
}

/// The chain that runs a document: itself, one task for a preset or a mask, a task for each variation of a test.
fn as_chain(session: &Session, document: &Document, options: &JobOptions) -> Result<Chain, AppError> {
    match &document.body {
        Body::Chain(_) if options.seeds.is_some() => {
            Err(AppError::usage("--seeds is for presets; a chain says its seeds itself"))
        }
        Body::Chain(chain) => restricted(chain, &options.only),
        Body::Preset(_) => preset_chain(document, options),
        Body::Mask(mask) => mask_chain(document, mask, options),
        Body::AbTest(_) if options.seeds.is_some() || !options.only.is_empty() => {
            Err(AppError::usage("--seeds and --only are for presets and chains; a test says its samples itself"))
        }
        Body::AbTest(test) => all_samples(session, test),
        Body::Template(_) => {
            Err(AppError::usage("a template is no work by itself").with_hint("run a chain that uses it, or a preset"))
        }
    }
}

fn preset_chain(document: &Document, options: &JobOptions) -> Result<Chain, AppError> {
    let Body::Preset(preset) = &document.body else { return Err(AppError::usage("not a preset")) };
    let mut task = Task::of(TaskType::Generate);
    task.preset = Some(format!("{}@{}", document.header.name, document.header.version));
    task.with.clone_from(&options.set);
    if let Some((first, last)) = options.seeds {
        let seed = preset.params.iter().find(|(_, p)| p.role.as_deref() == Some("seed")).map(|(name, _)| name.clone());
        let name =
            seed.ok_or_else(|| AppError::usage("--seeds: the preset has no parameter with the role \"seed\""))?;
        let values = (first..=last).map(Value::from).collect();
        let keys = IndexMap::from_iter([("seed".to_owned(), Values::List(values))]);
        task.foreach = Some(Foreach { keys, ..Foreach::default() });
        task.with.insert(name, Value::from("{seed}"));
    }
    Ok(Chain { task: IndexMap::from_iter([("generate".to_owned(), task)]), ..Chain::default() })
}

/// One task that draws a mask, for the image that the document or `--set image=` names.
fn mask_chain(document: &Document, mask: &Mask, options: &JobOptions) -> Result<Chain, AppError> {
    if options.seeds.is_some() {
        return Err(AppError::usage("--seeds is for presets; a mask has no seed"));
    }
    if mask.image.is_none() && mask.size.is_empty() {
        return Err(AppError::usage("the mask does not say for which image it is, nor its size")
            .with_hint("write `image = \"photo.jpg\"` or `size = [1024, 1024]`, or give --set image=photo.jpg"));
    }
    let mut task = Task::of(TaskType::Mask);
    task.with.insert("mask".to_owned(), Value::from(format!("{}@{}", document.header.name, document.header.version)));
    if let Some(image) = &mask.image {
        task.with.insert("image".to_owned(), Value::from(image.as_str()));
    }
    Ok(Chain { task: IndexMap::from_iter([("mask".to_owned(), task)]), ..Chain::default() })
}

/// The chain with only the tasks `only` and what they need; the whole chain when there are none.
fn restricted(chain: &Chain, only: &[String]) -> Result<Chain, AppError> {
    if only.is_empty() {
        return Ok(chain.clone());
    }
    if let Some(only) = only.iter().find(|only| !chain.task.contains_key(*only)) {
        let error = AppError::usage(format!("--only {only}: there is no such task"));
        return Err(match crate::ident::did_you_mean(only, chain.task.keys().map(String::as_str)) {
            Some(near) => error.with_hint(format!("did you mean {near}?")),
            None => error,
        });
    }
    let needed: BTreeSet<String> = only.iter().flat_map(|only| compile::needed_by(chain, only)).collect();
    let mut out = chain.clone();
    out.task.retain(|name, _| needed.contains(name));
    for task in out.task.values_mut() {
        for route in &mut task.route {
            if !route.to.starts_with('@') && !needed.contains(&route.to) {
                "@continue".clone_into(&mut route.to);
            }
        }
    }
    out.routing_test.clear();
    Ok(out)
}

/// What makes two runs the same work: the document, what it refers to, the settings, and every
/// item, whatever files the items came from.
fn work_hash(program: &Program, preparation: &Preparation, settings: &Value, terms: Option<&TestTerms>) -> ContentHash {
    let referred = program.tasks.iter().flat_map(|t| [&t.preset, &t.mask]).flatten();
    let documents = referred.map(|r| r.document.canonical_hash().to_string()).chain(program.templates.hashes());
    let documents: Vec<String> = documents.collect();
    let mut items = String::new();
    for item in 0..preparation.plan().items.len() as u32 {
        preparation.push_address(&mut items, ItemIx(item));
        items.push('\0');
    }
    let items = ContentHash::of_bytes(items.as_bytes()).to_string();
    let mut parts = json!([preparation.plan().hash.to_string(), documents, settings, items]);
    if let (Some(terms), Some(parts)) = (terms, parts.as_array_mut()) {
        parts.push(json!(terms.decision));
    }
    ContentHash::of_json(&parts)
}

impl Preparer for Preparation {
    fn prepare(&self, item: ItemIx, visit: &Visit, upstream: &dyn Upstream) -> Result<Prepared, Fault> {
        Preparation::prepare(self, item, visit, upstream).map_err(|error| fault_of(&error))
    }

    fn is_light(&self, item: ItemIx) -> bool {
        Preparation::is_light(self, item)
    }

    fn address(&self, item: ItemIx) -> String {
        Preparation::address(self, item)
    }

    fn keys(&self, item: ItemIx) -> Vec<(String, Value)> {
        Preparation::keys(self, item)
    }
}

fn fault_of(error: &LowerError) -> Fault {
    let message = match &error.hint {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    Fault::new(ErrorClass::Error, message)
}
