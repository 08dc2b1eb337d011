//! A plan as people and programs are told about it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Planned, TaskForecast, TaskOutlook};
use crate::{
    amounts::duration_text,
    model::task_type_name,
    plan::{Bottleneck, Plan, PlanTask, Pool, Target, TaskIx},
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
    /// What it takes; none when everything is there already.
    pub outlook: Option<PlanOutlook>,
    /// The tasks, in the order of the plan.
    pub tasks: Vec<PlannedTask>,
}

/// What a run takes at least.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlanOutlook {
    /// What the times are: `seconds`, or `steps` where no run has told how long anything takes.
    pub unit: String,
    /// What the run cannot be quicker than: the larger of the next two.
    pub lower_bound: f64,
    /// The longest way through the items.
    pub path: f64,
    /// The work of the busiest executors, divided by how much they do at the same time.
    pub capacity: f64,
    /// The busiest executors.
    pub busiest: Option<String>,
    /// `path` or `capacity`.
    pub bottleneck: String,
    /// The same in a sentence.
    pub told: String,
    /// Items of the longest way, first to last.
    pub critical_path: Vec<String>,
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
    /// Seconds that an item takes; none without an earlier run.
    pub seconds: Option<f64>,
    /// Earliest start of its first item, from the beginning.
    pub start: f64,
    /// By how much its tightest item may be late without making the run longer.
    pub slack: f64,
    /// How many of its items have nothing to spare.
    pub critical: u32,
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
            tasks: plan
                .tasks
                .iter()
                .zip(self.forecast.iter().zip(&self.outlook.tasks))
                .map(|(task, (forecast, outlook))| planned(plan, task, forecast, outlook))
                .collect(),
            outlook: (!self.outlook.is_empty()).then(|| self.plan_outlook()),
        }
    }

    fn plan_outlook(&self) -> PlanOutlook {
        let outlook = &self.outlook;
        let addresses = outlook.critical.items.iter().map(|item| self.job.preparation.address(*item));
        PlanOutlook {
            unit: if outlook.is_known { "seconds" } else { "steps" }.to_owned(),
            lower_bound: rounded(outlook.bound.seconds),
            path: rounded(outlook.bound.path),
            capacity: rounded(outlook.bound.capacity.as_ref().map_or(0.0, Pool::seconds)),
            busiest: outlook.bound.capacity.as_ref().map(|pool| pool.name.clone()),
            bottleneck: match outlook.bound.bottleneck {
                Bottleneck::Path => "path",
                Bottleneck::Capacity => "capacity",
            }
            .to_owned(),
            told: outlook.bottleneck_text(),
            critical_path: addresses.collect(),
        }
    }
}

impl PlanOutlook {
    /// A time of this outlook for people.
    pub fn time_text(&self, time: f64) -> String {
        if self.unit == "seconds" { duration_text(time) } else { format!("{} steps", time.round()) }
    }
}

impl PlannedTask {
    /// What becomes of its items, in words.
    pub fn told(&self) -> String {
        let parts = [(self.run, "to run"), (self.reused, "reused"), (self.depends_on_routing, "depends on routing")];
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")
    }
}

/// To the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn planned(plan: &Plan, task: &PlanTask, forecast: &TaskForecast, outlook: &TaskOutlook) -> PlannedTask {
    let name = |task: TaskIx| plan.tasks[task.0 as usize].name.clone();
    let target = |target: &Target| if let Target::Task(task, _) = target { Some(name(*task)) } else { None };
    PlannedTask {
        name: task.name.clone(),
        kind: task_type_name(task.kind).to_owned(),
        items: task.items.len(),
        keys: task.keys.clone(),
        executor: task.executor(),
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
        seconds: outlook.seconds.map(rounded),
        start: rounded(outlook.start),
        slack: rounded(outlook.slack),
        critical: outlook.critical,
    }
}
