//! A plan as people and programs are told about it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Planned, TaskForecast};
use crate::{
    model::task_type_name,
    plan::{Placement, Plan, PlanTask, Target, TaskIx},
};

/// What a run of a document would do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlanSummary {
    /// Name of the document.
    pub document: String,
    /// Version of the document.
    pub version: String,
    /// Identifies the work: the document with its settings and items.
    pub hash: String,
    /// How many items there are.
    pub items: usize,
    /// Seconds that the run will take, as far as durations are known.
    pub seconds: f64,
    /// The tasks, in the order of the plan.
    pub tasks: Vec<PlannedTask>,
}

/// One task of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlannedTask {
    /// Its name.
    pub name: String,
    /// Its type, such as `resize`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many items it has.
    pub items: usize,
    /// The keys of its items.
    pub keys: Vec<String>,
    /// `native`, `any server`, or the names of servers.
    pub executor: String,
    /// What it waits for: of every entry the first that finished.
    pub depends_on: Vec<Vec<String>>,
    /// The tasks whose rules send items to it.
    pub routed_from: Vec<String>,
    /// Its rules.
    pub rules: Vec<PlannedRule>,
    /// Items that run.
    pub run: u32,
    /// Results that are there already.
    pub reused: u32,
    /// Items about which routing decides.
    pub depends_on_routing: u32,
    /// Seconds that an item usually takes, as far as it is known.
    pub seconds: f64,
}

/// One rule of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedRule {
    /// As it stands in the file.
    pub rule: String,
    /// The task to which it sends items; none for `@skip` and the like.
    pub task: Option<String>,
}

impl Planned {
    /// The plan in names and numbers.
    pub fn summary(&self) -> PlanSummary {
        let plan = &self.job.plan;
        PlanSummary {
            document: plan.document.clone(),
            version: plan.version.clone(),
            hash: self.job.hash.to_string(),
            items: plan.items.len(),
            seconds: rounded(self.seconds),
            tasks: plan
                .tasks
                .iter()
                .zip(&self.forecast)
                .map(|(task, forecast)| planned(plan, task, forecast))
                .collect(),
        }
    }
}

impl PlannedTask {
    /// What becomes of its items, in words.
    pub fn told(&self) -> String {
        let parts = [(self.run, "to run"), (self.reused, "reused"), (self.depends_on_routing, "depends on routing")];
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")
    }
}

fn planned(plan: &Plan, task: &PlanTask, forecast: &TaskForecast) -> PlannedTask {
    let name = |task: TaskIx| plan.tasks[task.0 as usize].name.clone();
    let target = |target: &Target| if let Target::Task(task, _) = target { Some(name(*task)) } else { None };
    PlannedTask {
        name: task.name.clone(),
        kind: task_type_name(task.kind).to_owned(),
        items: task.items.len(),
        keys: task.keys.clone(),
        executor: executor(task),
        depends_on: task.depends_on.iter().map(|e| e.alternatives.iter().map(|t| name(*t)).collect()).collect(),
        routed_from: task.routed_from.iter().map(|t| name(*t)).collect(),
        rules: task
            .rules
            .iter()
            .map(|rule| PlannedRule { rule: rule.text.clone(), task: target(&rule.target) })
            .collect(),
        run: forecast.run,
        reused: forecast.reused,
        depends_on_routing: forecast.routed,
        seconds: rounded(forecast.seconds),
    }
}

/// Milliseconds are finer than any estimate.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn executor(task: &PlanTask) -> String {
    match &task.placement {
        Placement::Native => "native".to_owned(),
        Placement::Comfy(servers) if servers.is_empty() => "any server".to_owned(),
        Placement::Comfy(servers) => servers.join(", "),
    }
}
