//! The shape of a chain that was written, with a drawing.

use serde_json::Value;

use super::{
    chain::{BatchTask, ChainFile},
    shape::{Shape, ShapedTask, shape},
};
use crate::{
    app::{
        Session,
        job::JobOptions,
        placed::{Purpose, placed_job},
        run::existing_ledger,
    },
    plan::{Outline, OutlineEntry, OutlineRule, OutlineTask},
    report::dag::{self, TaskMarks},
};

/// Seconds of an item that was never made.
const UNKNOWN: f64 = 1.0;

/// What clients are told of a chain.
pub struct ChainShape {
    /// Its tasks.
    pub tasks: Vec<ShapedTask>,
    /// How they are made.
    pub shape: Shape,
    /// A Mermaid flowchart of them.
    pub mermaid: String,
}

/// The shape of a chain with its items, as far as it can be planned; with one item of each task where
/// it cannot yet.
pub fn chain_shape(session: &Session, file: &ChainFile) -> ChainShape {
    let loaded = session.document(&file.written.path);
    let planned = loaded.and_then(|loaded| placed_job(session, &loaded, &JobOptions::default(), Purpose::Look));
    let outline = planned.map_or_else(|_| by_text(&file.tasks), |placed| Outline::of(&placed.job.plan));
    // What cannot be read only makes the shape less sharp.
    let ledger = existing_ledger(session).ok().flatten();
    let durations = ledger.and_then(|ledger| ledger.mean_seconds(&file.name).ok()).unwrap_or_default();
    let seconds = |name: &str| durations.get(name).copied().filter(|seconds| *seconds > 0.0).unwrap_or(UNKNOWN);
    let tasks = shaped(&outline, &seconds);
    let shape = shape(&tasks);
    let marks =
        |task: &OutlineTask| TaskMarks { critical: shape.critical_path.contains(&task.name), ..TaskMarks::default() };
    let marks: Vec<TaskMarks> = outline.tasks.iter().map(marks).collect();
    let mermaid = dag::mermaid(&dag::dag(&file.name, &outline, &marks, &|_, _| None));
    ChainShape { tasks, shape, mermaid }
}

fn shaped(outline: &Outline, seconds: &dyn Fn(&str) -> f64) -> Vec<ShapedTask> {
    let name = |task: u32| outline.tasks[task as usize].name.clone();
    let tasks = outline.tasks.iter().enumerate().map(|(number, task)| {
        let routers = outline.tasks.iter().filter(|other| {
            other.rules.iter().any(|rule| !rule.back && rule.task.is_some_and(|target| target as usize == number))
        });
        let mut needs: Vec<String> = task.parents().into_iter().map(name).collect();
        needs.extend(routers.map(|router| router.name.clone()));
        ShapedTask { id: task.name.clone(), needs, items: task.items as usize, seconds: seconds(&task.name) }
    });
    tasks.collect()
}

/// The outline of tasks whose items are not known.
fn by_text(tasks: &[BatchTask]) -> Outline {
    let number = |id: &str| tasks.iter().position(|task| task.id == id).map(|number| number as u32);
    let rule = |row: &Value| {
        let target = row["to"].as_str()?.to_owned();
        let condition = row["if"].as_str().map(|condition| format!("if {condition}"));
        let class = row["on"].as_str().map(|class| format!("on {class}"));
        let text = format!("{} -> {target}", condition.or(class).unwrap_or_default());
        Some(OutlineRule { text, task: number(&target), target, ..OutlineRule::default() })
    };
    let task = |task: &BatchTask| {
        let entry = |text: &String| OutlineEntry {
            alternatives: text.split('|').filter_map(number).collect(),
            gathered: false,
        };
        let rows = task.settings.get("route").and_then(Value::as_array);
        OutlineTask {
            name: task.id.clone(),
            kind: task.kind.clone(),
            items: 1,
            executor: "not known yet".to_owned(),
            depends_on: task.depends_on.iter().map(entry).collect(),
            max_visits: 1,
            rules: rows.into_iter().flatten().filter_map(rule).collect(),
            ..OutlineTask::default()
        }
    };
    Outline { tasks: tasks.iter().map(task).collect(), slots: None }
}
