//! `plan_file`: what a run would do. Its arguments are those of `run_file`, too.

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    findings::Refusal,
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::app::{self, JobOptions, PlanSummary, client_files::ClientFiles};

pub(super) fn tools() -> Vec<Callable> {
    vec![blocking(
        &About {
            name: "plan_file",
            title: "Plan a run",
            description: "Says what run_file would do: tasks, numbers of items, what is there already, where each \
                          task runs.",
            effect: Effect::Reads,
        },
        plan_file,
    )]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    /// A chain or preset: its path, or its name
    document: String,
    /// Values for parameters of a preset or vars of a chain
    #[serde(default)]
    set: IndexMap<String, Value>,
    /// Run a preset once for each seed
    seeds: Option<Seeds>,
    /// Servers of comfywright.toml to use, or native
    #[serde(default)]
    servers: Vec<String>,
    /// Only this task and what it needs
    only: Option<String>,
}

/// Seeds, both ends included.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Seeds {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What a call says about a run, as the operations take it.
pub(super) fn job_options(
    set: &IndexMap<String, Value>,
    seeds: Option<Seeds>,
    servers: &[String],
    only: &[String],
) -> Result<JobOptions, Refusal> {
    if seeds.is_some_and(|seeds| seeds.from > seeds.to) {
        return Err(Refusal("argument `seeds`: the first seed is larger than the last".to_owned()));
    }
    Ok(JobOptions {
        set: set.clone(),
        seeds: seeds.map(|seeds| (seeds.from, seeds.to)),
        servers: servers.to_vec(),
        only: only.to_vec(),
        ..JobOptions::default()
    })
}

fn plan_file(shared: &Shared, arguments: &PlanFile) -> Result<Answer<PlanSummary>, Refusal> {
    let PlanFile { document, set, seeds, servers, only } = arguments;
    let options = job_options(set, *seeds, servers, only.as_slice())?;
    let summary = shared.with(|session| {
        let document = ClientFiles::open(session)?.document(document)?;
        app::plan(session, &document, &options).map(|planned| planned.summary())
    })?;
    Ok(Answer::new(text(&summary), summary))
}

fn text(plan: &PlanSummary) -> String {
    let head = format!("{} {}: {} tasks, {} items", plan.document, plan.version, plan.tasks.len(), plan.items);
    let tasks = plan.tasks.iter().map(|task| {
        let after: Vec<String> = task.depends_on.iter().map(|any| any.join("|")).collect();
        let after = if after.is_empty() { String::new() } else { format!(", after {}", after.join(" and ")) };
        format!("{} ({}) x{} on {}: {}{after}", task.name, task.kind, task.items, task.executor, task.told())
    });
    let rules = plan
        .tasks
        .iter()
        .flat_map(|task| task.rules.iter().map(move |rule| format!("rule of {}: {}", task.name, rule.rule)));
    std::iter::once(head).chain(tasks).chain(rules).collect::<Vec<_>>().join("\n")
}
