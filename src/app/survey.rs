//! The work of a document without doing any of it: every item with what it would do.
//!
//! Results that are not there are stood in for, so that an item's fingerprint says whether it does the
//! same as another's; it is not the fingerprint of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;
use serde_json::Value;

use super::{
    AppError, Session,
    job::{JobOptions, RunnableJob, make_job},
    placed::{Purpose, has_open_questions, placed_job},
    plan::{as_range, fates},
    recording::RecordingWorld,
    run::ledger_error,
};
use crate::{
    check::{Subject, check},
    content_hash::canonical_json,
    diff::{DocumentWork, TaskWork, WorkItem},
    git::GitHistory,
    graph::{Graph, GraphNeeds, Input, InputKind, NodeSet, builtin},
    ledger::Ledger,
    model::{Body, Loaded, Param, ParamType, ValueMap},
    plan::{ItemIx, ItemResult, OutputFile, Placement, PlanTask, Prepared, Upstream, Visit},
};

/// Whether servers may be asked what they can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// As `plan` does.
    MayBeAsked,
    /// Whoever wrote a commit must not decide which address this machine talks to, and with which secrets.
    AreLeftAlone,
}

const SNAPSHOT_HINT: &str = "comfywright snapshot SERVER writes what a server can do; commit it";

/// Side of the images that stand in for results, in pixels.
const SIDE: u32 = 512;

/// Looks at the work of `loaded`; none when it does nothing by itself, or needs a file that only
/// somebody who runs it gives. With a ledger, what is made already and how long the rest takes is looked up.
/// Servers are asked only when there is no snapshot, and only if that is allowed.
pub(super) fn survey(
    session: &Session,
    loaded: &Arc<Loaded>,
    ledger: Option<&Ledger>,
    servers: Servers,
) -> Result<Option<DocumentWork>, AppError> {
    let Some(options) = options(loaded) else { return Ok(None) };
    let job = if session.snapshots.is_empty() && servers == Servers::MayBeAsked {
        placed_job(session, loaded, &options, Purpose::Look)?.job
    } else {
        make_job(session, loaded, &options, &session.nodes)?
    };
    if has_open_questions(&job.diagnostics) {
        return Err(AppError::usage("nothing is known of some of its classes").with_hint(SNAPSHOT_HINT));
    }
    let is_preset = matches!(loaded.parsed.value.as_ref().map(|d| &d.body), Some(Body::Preset(_)));
    // With invented parameters, nothing can be said of a preset's results.
    let mut work = work_of(&job, ledger.filter(|_| !is_preset));
    if let Some(ledger) = ledger {
        let seconds = ledger.mean_seconds(&job.plan.document).map_err(|e| ledger_error(&e))?;
        work.tasks.iter_mut().for_each(|task| task.seconds = seconds.get(&task.name).copied());
    }
    Ok(Some(work))
}

/// The files that documents read, and what running them needs of servers: whatever their items read is
/// read once, and noted.
pub(super) fn used_by(
    session: &Session,
    documents: &[Arc<Loaded>],
    nodes: &Arc<NodeSet>,
) -> (BTreeSet<String>, GraphNeeds) {
    let recording = Arc::new(RecordingWorld::new(session.world.clone()));
    let copy = session.with_files(recording.clone(), GitHistory::new(&session.root));
    // What documents are judged by is none of their inputs.
    recording.forget();
    let needs: Vec<GraphNeeds> = documents
        .par_iter()
        .map(|loaded| {
            if let Some(subject) = Subject::of(loaded) {
                check(subject, copy.context_with(nodes));
            }
            // What cannot be made ready is told elsewhere.
            let job = options(loaded).and_then(|options| make_job(&copy, loaded, &options, nodes).ok());
            job.map_or_else(GraphNeeds::default, |job| {
                work_of(&job, None);
                job.program.needs(copy.context_with(nodes))
            })
        })
        .collect();
    let mut all = GraphNeeds::default();
    needs.iter().for_each(|needs| all.extend(needs));
    (recording.opened(), all)
}

/// How to look at a document.
fn options(loaded: &Loaded) -> Option<JobOptions> {
    match &loaded.parsed.value.as_ref()?.body {
        Body::Chain(_) | Body::AbTest(_) => Some(JobOptions::default()),
        Body::Preset(preset) => {
            let missing = preset.params.iter().filter(|(_, param)| param.required && param.default.is_none());
            let set: Option<ValueMap> = missing.map(|(name, param)| Some((name.clone(), invented(param)?))).collect();
            Some(JobOptions { set: set?, ..JobOptions::default() })
        }
        Body::Template(_) | Body::Mask(_) => None,
    }
}

/// A value for a parameter that must be given; none for a file.
fn invented(param: &Param) -> Option<Value> {
    let first = || param.values.first().cloned();
    let number = param.min.unwrap_or(1.0);
    match param.kind {
        ParamType::String => Some(first().unwrap_or_else(|| "text".into())),
        ParamType::Int => Some(first().unwrap_or_else(|| (number as i64).into())),
        ParamType::Float => Some(first().unwrap_or_else(|| number.into())),
        ParamType::Bool => Some(false.into()),
        ParamType::Seed => Some(0.into()),
        ParamType::Enum | ParamType::Model => first(),
        ParamType::Image | ParamType::Mask | ParamType::Video | ParamType::Audio => None,
    }
}

fn work_of(job: &RunnableJob, ledger: Option<&Ledger>) -> DocumentWork {
    let fates = ledger.map(|ledger| fates(job, Some(ledger)));
    let mut done = StandIns(vec![None; job.plan.items.len()]);
    let mut work = DocumentWork::default();
    for task in &job.plan.tasks {
        let routers = routers(job, task);
        let mut found = TaskWork { name: task.name.clone(), ..TaskWork::default() };
        let mut needs = GraphNeeds::default();
        let nodes: &NodeSet = if task.placement == Placement::Native { builtin() } else { job.preparation.nodes() };
        for number in as_range(&task.items) {
            let item = ItemIx(number as u32);
            let address = job.preparation.address(item);
            let visit = Visit {
                attempt: 1,
                visits: 1,
                routed_from: routers.get(&keys_of(job, item)).copied(),
                chosen: vec![0; task.depends_on.len()],
                ..Visit::default()
            };
            let prepared = job.preparation.prepare(item, &visit, &done).ok();
            if let Some(prepared) = &prepared {
                found.nodes += prepared.graph.nodes.len();
                needs.add(&prepared.graph, nodes);
                found.seeds.extend(seeds(&prepared.graph, nodes));
                done.0[number] = Some(Arc::new(stand_in(prepared)));
            }
            found.items.push(WorkItem {
                keys: address[task.name.len()..].to_owned(),
                fingerprint: prepared.map(|prepared| prepared.fingerprint),
                fate: fates.as_ref().map(|fates| fates[number]),
            });
        }
        found.models = needs.files.iter().map(crate::graph::NeededFile::path).collect();
        work.tasks.push(found);
    }
    work
}

/// Results that are not there.
struct StandIns(Vec<Option<Arc<ItemResult>>>);

impl Upstream for StandIns {
    fn result(&self, item: ItemIx) -> Option<Arc<ItemResult>> {
        self.0[item.0 as usize].clone()
    }
}

/// A result as it would be: one file for each output.
fn stand_in(prepared: &Prepared) -> ItemResult {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let file = |(output, index): (&str, u32)| OutputFile {
        output: output.to_owned(),
        index,
        path: format!("<{}/{output}/{index}>", prepared.fingerprint),
        hash: String::new(),
        size: 0,
        mtime_ns: 0,
        inode: 0,
        width: SIDE,
        height: SIDE,
    };
    let outputs = prepared.outputs.iter().map(|output| {
        let count = counts.entry(output.name.as_str()).or_default();
        *count += 1;
        (output.name.as_str(), *count - 1)
    });
    let mut files: Vec<OutputFile> = outputs.map(file).collect();
    files.extend(prepared.passed_on.iter().cloned());
    ItemResult { fingerprint: prepared.fingerprint.to_string(), files, metrics: BTreeMap::new() }
}

/// For a task that runs only when it is routed to, the items of its first router by their keys.
fn routers(job: &RunnableJob, task: &PlanTask) -> BTreeMap<String, ItemIx> {
    let router = task.routed_from.first().filter(|_| task.conditional);
    let Some(router) = router.map(|router| &job.plan.tasks[router.0 as usize]) else { return BTreeMap::new() };
    router.items.clone().map(ItemIx).map(|item| (keys_of(job, item), item)).collect()
}

fn keys_of(job: &RunnableJob, item: ItemIx) -> String {
    let keys: BTreeMap<String, Value> = job.preparation.keys(item).into_iter().collect();
    canonical_json(&serde_json::to_value(keys).unwrap_or_default())
}

/// The seeds that a graph holds: what the editor changes after each run, and what is called a seed.
fn seeds(graph: &Graph, nodes: &NodeSet) -> BTreeSet<u64> {
    let of_node = |node: &crate::graph::GraphNode| {
        let class = nodes.class(&node.class);
        let is_seed = |name: &str| {
            let info = class.and_then(|class| class.input(name));
            let is_changed = info.is_some_and(|i| i.control_after_generate && matches!(i.kind, InputKind::Int { .. }));
            is_changed || matches!(name, "seed" | "noise_seed")
        };
        let literal = |input: &Input| if let Input::Value(value) = input { value.as_u64() } else { None };
        node.inputs.iter().filter(|(name, _)| is_seed(name)).filter_map(|(_, input)| literal(input)).collect::<Vec<_>>()
    };
    graph.nodes.values().flat_map(of_node).collect()
}
