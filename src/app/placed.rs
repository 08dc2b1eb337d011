//! From a document to a job and the servers that it needs: asked only when it needs some, and asked
//! again before anything is called wrong by what was kept of them.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    AppError, Session,
    job::{JobOptions, RunnableJob, make_job},
    servers::{Connected, Knowledge, connect, server_error},
};
use crate::{
    diagnostic::Diagnostic,
    graph::{NodeSet, builtin},
    model::{Body, Loaded},
    plan::{Placement, PlanTask},
};

/// A job and where it runs.
pub struct PlacedJob {
    /// The document made ready.
    pub job: RunnableJob,
    /// The servers that it needs; none when everything runs in this process.
    pub connected: Option<Connected>,
}

/// Diagnostics that a server may answer: nothing is known of a class.
const OPEN_QUESTIONS: [&str; 2] = ["unknown-class", "not-examined"];

/// What a job is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be carried out: the servers must answer.
    Run,
    /// To be looked at: what is known without servers will do.
    Look,
}

/// Makes `loaded` ready, judged by the servers on which it runs.
pub fn placed_job(
    session: &Session,
    loaded: &Arc<Loaded>,
    options: &JobOptions,
    purpose: Purpose,
) -> Result<PlacedJob, AppError> {
    let named: Vec<String> = options.servers.iter().filter(|s| *s != "native").cloned().collect();
    let unserved = || make_job(session, loaded, options, &session.nodes);
    // A snapshot in the workspace may be older than its server.
    let may_be_outdated = !session.snapshots.is_empty() && !session.has_snapshot;
    let mut by_snapshot = None;
    if named.is_empty() {
        match unserved() {
            Ok(job) if !needs_servers(&job) => return Ok(PlacedJob { job, connected: None }),
            Ok(job) => refuse_native(&job, options)?,
            Err(error) if session.config.server.is_empty() || !(is_open(&error) || may_be_outdated) => {
                return Err(error);
            }
            Err(error) => by_snapshot = Some(error).filter(|error| !is_open(error)),
        }
    }
    if purpose == Purpose::Look && (session.config.server.is_empty() || session.has_snapshot) {
        return unserved().map(|job| PlacedJob { job, connected: None });
    }
    if session.config.server.is_empty() {
        return Err(nowhere(&unserved()?));
    }
    let served = match judged_by_servers(session, loaded, options, &named, Knowledge::Kept) {
        Err((AppError::Wrong(_), true)) => judged_by_servers(session, loaded, options, &named, Knowledge::Fresh),
        other => other,
    };
    match served {
        Err((AppError::Environment { .. }, _)) if purpose == Purpose::Look => {
            unserved().map(|job| PlacedJob { job, connected: None })
        }
        Err((error @ AppError::Environment { .. }, _)) => Err(by_snapshot.unwrap_or(error)),
        other => other.map_err(|(error, _)| error),
    }
}

/// The error says whether something kept was used.
fn judged_by_servers(
    session: &Session,
    loaded: &Arc<Loaded>,
    options: &JobOptions,
    named: &[String],
    knowledge: Knowledge,
) -> Result<PlacedJob, (AppError, bool)> {
    let mut wanted = named.to_vec();
    if !named.is_empty() {
        wanted.extend(named_by_tasks(session, loaded).filter(|name| !named.contains(name)));
    }
    let mut connected = connect(session, &wanted, knowledge).map_err(|error| (error, false))?;
    let kept = connected.kept;
    if named.is_empty() {
        // What needs no server runs in this process, whether the servers could or not.
        let mut nodes = NodeSet::clone(&connected.nodes);
        nodes.add_missing(builtin());
        connected.nodes = Arc::new(nodes);
    }
    let job = make_job(session, loaded, options, &connected.nodes).map_err(|error| (error, kept))?;
    refuse_native(&job, options).map_err(|error| (error, kept))?;
    refuse_silent(&job, &connected).map_err(|error| (error, kept))?;
    Ok(PlacedJob { job, connected: Some(connected) })
}

/// Servers that tasks of a chain choose themselves: by name, or by a tag.
fn named_by_tasks<'a>(session: &'a Session, loaded: &'a Loaded) -> impl Iterator<Item = String> + 'a {
    let chain = loaded.parsed.value.as_ref().and_then(|document| match &document.body {
        Body::Chain(chain) => Some(chain),
        _ => None,
    });
    let on = chain.into_iter().flat_map(|chain| chain.task.values()).filter_map(|task| task.on.as_ref());
    let chosen: BTreeSet<&String> = on.collect();
    let servers = session.config.server.iter();
    servers
        .filter(move |(name, server)| chosen.contains(name) || server.tags.iter().any(|tag| chosen.contains(tag)))
        .map(|(name, _)| name.clone())
}

/// Tasks that run on servers.
pub(super) fn on_servers(job: &RunnableJob) -> impl Iterator<Item = (&PlanTask, &[String])> {
    job.plan.tasks.iter().filter_map(|task| match &task.placement {
        Placement::Comfy(names) => Some((task, names.as_slice())),
        Placement::Native => None,
    })
}

/// Whether some task runs on a server, or has classes of which nothing is known here.
fn needs_servers(job: &RunnableJob) -> bool {
    on_servers(job).next().is_some() || has_open_questions(&job.diagnostics)
}

fn is_open(error: &AppError) -> bool {
    matches!(error, AppError::Wrong(diagnostics) if has_open_questions(diagnostics))
}

/// Whether nothing is known of some class.
pub(super) fn has_open_questions(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| OPEN_QUESTIONS.contains(&d.code))
}

/// `--server native` means nothing else.
fn refuse_native(job: &RunnableJob, options: &JobOptions) -> Result<(), AppError> {
    let only_native = !options.servers.is_empty() && options.servers.iter().all(|s| s == "native");
    if !only_native || !needs_servers(job) {
        return Ok(());
    }
    let what = on_servers(job).next().map_or_else(|| "it".to_owned(), |(task, _)| format!("task `{}`", task.name));
    Err(AppError::usage(format!("{what} needs a ComfyUI server, and --server native permits none"))
        .with_hint("name a server of comfywright.toml instead, or leave --server away"))
}

fn nowhere(job: &RunnableJob) -> AppError {
    let what = on_servers(job).next().map_or_else(|| "it".to_owned(), |(task, _)| format!("task `{}`", task.name));
    AppError::usage(format!("{what} needs a ComfyUI server, and none is configured"))
        .with_hint("add one to comfywright.toml: [server.local] url = \"http://127.0.0.1:8188\"")
}

/// A task that is meant for a server which does not answer.
fn refuse_silent(job: &RunnableJob, connected: &Connected) -> Result<(), AppError> {
    let silent = on_servers(job).find_map(|(_, names)| {
        let answers = names.is_empty() || names.iter().any(|n| connected.servers.iter().any(|s| s.is_called(n)));
        let missing = |name: &String| connected.silent.iter().find(|(silent, _)| silent.is_called(name));
        names.iter().find_map(missing).filter(|_| !answers)
    });
    silent.map_or(Ok(()), |(_, error)| Err(server_error(error)))
}

/// What a run of partner nodes, which cost money, is allowed: everything, or so many items.
pub(super) fn refuse_spending(
    session: &Session,
    job: &RunnableJob,
    nodes: &NodeSet,
    allow_spend: bool,
) -> Result<bool, AppError> {
    let partner_class = |number: usize| {
        let graph = job.program.tasks[job.program.structure.order[number]].sample.as_ref()?;
        graph.nodes.values().find(|n| nodes.class(&n.class).is_some_and(|c| c.api_node)).map(|n| n.class.clone())
    };
    let spending: Vec<(&PlanTask, String)> = (0..job.plan.tasks.len())
        .filter_map(|number| Some((&job.plan.tasks[number], partner_class(number)?)))
        .collect();
    let Some((task, class)) = spending.first() else { return Ok(allow_spend) };
    if allow_spend {
        return Ok(true);
    }
    let items: usize = spending.iter().map(|(task, _)| task.items.len()).sum();
    match session.config.limits.partner_items {
        Some(limit) if items <= limit as usize => Ok(true),
        Some(limit) => Err(AppError::usage(format!(
            "{items} items use partner nodes, which cost money; limits.partner_items permits {limit}"
        ))
        .with_hint("raise the limit in comfywright.toml, or allow this run: --allow-spend")),
        None => Err(AppError::usage(format!("task `{}` uses the partner node {class}, which costs money", task.name))
            .with_hint("allow it for this run: --allow-spend; or for so many items of a run: [limits] partner_items")),
    }
}
