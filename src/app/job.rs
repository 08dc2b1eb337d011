//! From a document and what the command line says to a plan that can be carried out.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{AppError, Session, samples::all_samples};
use crate::{
    check::{self, Subject},
    compile::{self, LowerError, Program},
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Severity},
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
    /// Whether an A/B test stands for all samples of all its variations, to be looked at.
    pub all_samples: bool,
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
        json!({ "set": self.set, "seeds": self.seeds, "servers": self.servers, "only": only })
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
            all_samples: false,
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
    let (Some(document), Some(tree)) = (&loaded.parsed.value, &loaded.parsed.tree) else {
        return Err(AppError::Wrong(diagnostics));
    };
    let document = with_settings(document, &options.set)?;
    let chain = as_chain(session, &document, options)?;
    let judged = |document: &Document| {
        check::check(Subject { file: &loaded.path, text: &loaded.text, tree, document }, session.context_with(nodes))
    };
    if document.header.kind != Kind::Chain {
        diagnostics.extend(judged(&document).diagnostics);
    }
    let header = Header { kind: Kind::Chain, ..document.header.clone() };
    let outcome = judged(&Document { header, body: Body::Chain(chain) });
    diagnostics.extend(outcome.diagnostics);
    let wrong = diagnostics.iter().any(|d| d.severity == Severity::Error);
    let Some(program) = outcome.program.filter(|_| !wrong) else { return Err(AppError::Wrong(diagnostics)) };
    let placement = plan::Options { servers: options.servers.clone() };
    let mut plan = plan::build(&program, &session.config.defaults, &placement);
    plan.kinds = Kinds::of_program(&program, &plan, nodes, session.world.as_ref());
    plan.parallel = options.way.parallel.or(plan.parallel);
    let plan = Arc::new(plan);
    let checkpoint = options.way.checkpoint.or(program.chain.checkpoint.as_ref().map(|checkpoint| checkpoint.every));
    let program = Arc::new(program);
    let preparation =
        Arc::new(Preparation::new(plan.clone(), program.clone(), nodes.clone(), session.world.clone(), NATIVE_VERSION));
    let hash = work_hash(&program, &preparation, &options.to_json());
    let settings = options.kept();
    Ok(RunnableJob { loaded: loaded.clone(), program, plan, preparation, hash, settings, checkpoint, diagnostics })
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

/// The chain that runs a document: itself, or one task for a preset.
fn as_chain(session: &Session, document: &Document, options: &JobOptions) -> Result<Chain, AppError> {
    let kind = match &document.body {
        Body::Chain(_) if options.seeds.is_some() => {
            return Err(AppError::usage("--seeds is for presets; a chain says its seeds itself"));
        }
        Body::Chain(chain) => return restricted(chain, &options.only),
        Body::Preset(_) => return preset_chain(document, options),
        Body::Mask(mask) => return mask_chain(document, mask, options),
        Body::AbTest(test) if options.all_samples => return all_samples(session, test),
        Body::Template(_) => "a template",
        Body::AbTest(_) => "an A/B test",
    };
    let hint = match &document.body {
        Body::AbTest(_) => "score its samples elsewhere and decide it: comfywright ab analyze FILE --scores CSV",
        _ => "run a chain that uses it, or a preset",
    };
    Err(AppError::usage(format!("this version cannot run {kind} by itself")).with_hint(hint))
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
fn work_hash(program: &Program, preparation: &Preparation, settings: &Value) -> ContentHash {
    let referred = program.tasks.iter().flat_map(|t| [&t.preset, &t.mask]).flatten();
    let documents = referred.map(|r| r.document.canonical_hash().to_string()).chain(program.templates.hashes());
    let documents: Vec<String> = documents.collect();
    let mut items = Vec::new();
    for item in 0..preparation.plan().items.len() as u32 {
        items.extend_from_slice(preparation.address(ItemIx(item)).as_bytes());
        items.push(0);
    }
    let items = ContentHash::of_bytes(&items).to_string();
    ContentHash::of_json(&json!([preparation.plan().hash.to_string(), documents, settings, items]))
}

impl Preparer for Preparation {
    fn prepare(&self, item: ItemIx, visit: &Visit, upstream: &dyn Upstream) -> Result<Prepared, Fault> {
        Preparation::prepare(self, item, visit, upstream).map_err(|error| fault_of(&error))
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
