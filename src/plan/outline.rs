//! A plan without its items: what tasks there are, how many items each has, what waits for what
//! and where rules lead. Small enough to be kept with every run and to be drawn.

use serde::{Deserialize, Serialize};

use super::model::{Placement, Plan, PlanRule, PlanTask, Target, TaskIx};
use crate::model::{ErrorClass, task_type_name};

/// The tasks of a plan, in its order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// The tasks.
    pub tasks: Vec<OutlineTask>,
    /// How many items this process computes at the same time, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
}

/// One task; others are meant by their position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutlineTask {
    /// Its name.
    pub name: String,
    /// Its type, such as `resize`.
    pub kind: String,
    /// How many items it has.
    pub items: u32,
    /// Names of the keys of its items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// `native`, `any server`, or the names of servers.
    pub executor: String,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<OutlineEntry>,
    /// Whether it runs only for items that a rule sends to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conditional: bool,
    /// Most visits of an item.
    #[serde(default = "once")]
    pub max_visits: u32,
    /// Its rules in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<OutlineRule>,
}

/// One entry of `depends_on`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineEntry {
    /// The first of these that finished.
    pub alternatives: Vec<u32>,
    /// Whether keys are gathered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gathered: bool,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutlineRule {
    /// As it stands in the file: `if quality < 0.8 -> enhance`.
    pub text: String,
    /// The class of errors that it matches; none when it matches results only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<ErrorClass>,
    /// The condition.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Where it leads: the name of a task, or `@skip` and the like.
    pub target: String,
    /// The task that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// Whether that task stands earlier, so that the route is a loop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
    /// `@retry`: most further attempts.
    #[serde(default)]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Outline {
    /// The outline of `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self { tasks: plan.tasks.iter().map(|task| outline_task(plan, task)).collect(), slots: None }
    }

    /// The position of the task `name`.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == name)
    }
}

impl OutlineTask {
    /// All tasks that it waits for, each once.
    pub fn parents(&self) -> Vec<u32> {
        let mut parents: Vec<u32> = self.depends_on.iter().flat_map(|entry| &entry.alternatives).copied().collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    }
}

fn outline_task(plan: &Plan, task: &PlanTask) -> OutlineTask {
    OutlineTask {
        name: task.name.clone(),
        kind: task_type_name(task.kind).to_owned(),
        items: task.items.len() as u32,
        keys: task.keys.clone(),
        executor: task.executor(),
        depends_on: task
            .depends_on
            .iter()
            .map(|entry| OutlineEntry {
                alternatives: entry.alternatives.iter().map(|task| task.0).collect(),
                gathered: entry.gathered,
            })
            .collect(),
        conditional: task.conditional,
        max_visits: task.max_visits,
        rules: task.rules.iter().map(|rule| outline_rule(plan, rule)).collect(),
    }
}

fn outline_rule(plan: &Plan, rule: &PlanRule) -> OutlineRule {
    let (task, back) = match rule.target {
        Target::Task(TaskIx(task), back) => (Some(task), back),
        _ => (None, false),
    };
    OutlineRule {
        text: rule.text.clone(),
        on: rule.on,
        condition: rule.condition.as_ref().map(|condition| condition.text().to_owned()),
        target: rule.target.name(plan).to_owned(),
        task,
        back,
        times: rule.times,
    }
}

impl Target {
    /// As it is written in a file.
    pub fn name(self, plan: &Plan) -> &str {
        match self {
            Self::Task(task, _) => plan.tasks[task.0 as usize].name.as_str(),
            Self::Continue => "@continue",
            Self::Skip => "@skip",
            Self::Fail => "@fail",
            Self::Hold => "@hold",
            Self::Retry => "@retry",
        }
    }
}

impl PlanTask {
    /// Where it runs, for people: `native`, `any server`, or the names of servers.
    pub fn executor(&self) -> String {
        match &self.placement {
            Placement::Native => "native".to_owned(),
            Placement::Comfy(servers) if servers.is_empty() => "any server".to_owned(),
            Placement::Comfy(servers) => servers.join(", "),
        }
    }
}
