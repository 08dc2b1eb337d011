//! The structure of a chain: what each task waits for, takes data from and may be routed to.
//!
//! Only names and references; items come later, in `expand`.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::report::Report;
use crate::{
    diagnostic::Span,
    files::{Node, Path, Table},
    graph::parse_link,
    ident::{IndexMap, did_you_mean},
    model::{Chain, Task, TaskType, task_type},
    path,
};

/// A chain's tasks by number, in order of appearance.
#[derive(Debug, Default)]
pub struct Structure {
    /// The tasks.
    pub tasks: Vec<TaskStructure>,
    /// Numbers of the tasks, each after those it depends on or is routed to from.
    pub order: Vec<usize>,
}

/// What one task refers to.
#[derive(Debug, Default)]
pub struct TaskStructure {
    /// Its name.
    pub name: String,
    /// What it waits for.
    pub entries: Vec<Entry>,
    /// Which inputs take which outputs.
    pub data: Vec<DataInput>,
    /// Tasks with a rule that leads here, without loops.
    pub routers: Vec<usize>,
    /// Tasks with a rule that leads back here.
    pub loops_from: Vec<usize>,
    /// Target of each rule: a task, and whether the rule leads back; none for `@…`.
    pub targets: Vec<Option<(usize, bool)>>,
}

/// One entry of `depends_on`, or one that a link implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The alternatives in written order.
    pub alternatives: Vec<usize>,
    /// Where it is written.
    pub path: Path,
}

/// One input that takes its files from another task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataInput {
    /// Name of the input: a key of `with`, or `node.input` of an inline graph.
    pub input: String,
    /// The entry whose chosen alternative delivers; none for what the router delivers.
    pub entry: Option<usize>,
    /// Name of the output; none for the primary one.
    pub output: Option<String>,
    /// Where it is written.
    pub path: Path,
}

impl TaskStructure {
    /// Whether the task runs only for items that a rule sends to it.
    pub fn is_conditional(&self) -> bool {
        let listed = |router: &usize| self.entries.iter().any(|e| e.alternatives.contains(router));
        !self.routers.is_empty() && (self.entries.is_empty() || self.routers.iter().any(listed))
    }
}

/// Most tasks of a chain.
const MOST_TASKS: usize = 1000;

/// Reads the structure of `chain`; problems go to `report`. None for one with too many tasks.
pub fn analyse(chain: &Chain, report: &mut Report<'_>) -> Option<Structure> {
    if chain.task.len() > MOST_TASKS {
        let message = format!("a chain has at most {MOST_TASKS} tasks, not {}", chain.task.len());
        report.error("too-many-tasks", &path!["task"], message).hint =
            Some("tasks differ in what they do; let `foreach` make the items".to_owned());
        return None;
    }
    let names: Vec<&str> = chain.task.keys().map(String::as_str).collect();
    let mut tasks: Vec<TaskStructure> =
        chain.task.iter().map(|(name, task)| references(name, task, &names, report)).collect();
    cut_dependency_cycles(&mut tasks, report);
    read_routes(chain, &names, &mut tasks, report);
    for (number, task) in chain.task.values().enumerate() {
        fill_primary(number, task, &mut tasks, report);
    }
    let order = order(&tasks);
    Some(Structure { tasks, order })
}

/// The names of `task` and of every task that it needs: dependencies, links, and routers of tasks
/// that run only when routed to.
pub fn needed_by(chain: &Chain, task: &str) -> BTreeSet<String> {
    let tree = Node { span: Span::default(), kind: Table::default().into() };
    let Some(structure) = analyse(chain, &mut Report::new(&Arc::from(""), "", &tree)) else { return BTreeSet::new() };
    let mut needed = BTreeSet::new();
    let mut stack: Vec<usize> = chain.task.get_index_of(task).into_iter().collect();
    while let Some(at) = stack.pop() {
        let parts = &structure.tasks[at];
        if needed.insert(parts.name.clone()) {
            stack.extend(parts.entries.iter().flat_map(|e| &e.alternatives).chain(&parts.routers));
        }
    }
    needed
}

/// Dependencies and links of one task.
fn references(name: &str, task: &Task, names: &[&str], report: &mut Report<'_>) -> TaskStructure {
    let base = path!["task", name];
    let mut out = TaskStructure { name: name.to_owned(), ..TaskStructure::default() };
    for (index, text) in task.depends_on.iter().enumerate() {
        let path = base.join("depends_on").join(index);
        if let Some(alternatives) = alternatives(text, names, &path, report) {
            if alternatives.contains(&number_of(name, names)) {
                report.error("cycle", &path, format!("task `{name}` depends on itself"));
                continue;
            }
            out.entries.push(Entry { alternatives, path });
        }
    }
    for (input, value, path) in links(name, task) {
        let Some(link) = value.as_str().and_then(parse_link).filter(|l| !l.node.is_empty()) else {
            report.error("bad-link", &path, "a link reads \"@task.output\"");
            continue;
        };
        let Some(alternatives) = alternatives(link.node, names, &path, report) else { continue };
        if alternatives.contains(&number_of(name, names)) {
            report.error("cycle", &path, format!("task `{name}` takes its own output"));
            continue;
        }
        let entry = out.entries.iter().position(|e| e.alternatives == alternatives).unwrap_or_else(|| {
            out.entries.push(Entry { alternatives, path: path.clone() });
            out.entries.len() - 1
        });
        out.data.push(DataInput { input, entry: Some(entry), output: link.output.map(str::to_owned), path });
    }
    out
}

fn number_of(name: &str, names: &[&str]) -> usize {
    names.iter().position(|n| *n == name).unwrap_or(usize::MAX)
}

/// The links to other tasks in `with` and in the nodes of an inline graph.
fn links<'a>(name: &'a str, task: &'a Task) -> Vec<(String, &'a Value, Path)> {
    let base = path!["task", name];
    let is_link = |v: &Value| v.as_str().is_some_and(|t| t.starts_with('@') && !t.starts_with("@@"));
    let written = task.with.iter().map(|(k, v)| (k, v, base.join("with").join(k)));
    let settings = task.settings.iter().map(|(k, v)| (k, v, base.join(k)));
    let mut out: Vec<_> =
        written.chain(settings).filter(|(_, v, _)| is_link(v)).map(|(k, v, p)| (k.clone(), v, p)).collect();
    for (id, node) in &task.node {
        for (input, value) in &node.inputs {
            let to_node = value.as_str().and_then(parse_link).is_some_and(|l| task.node.contains_key(l.node));
            if is_link(value) && !to_node {
                let path = base.join("node").join(id).join(&node.class).join(input);
                out.push((format!("{id}.{input}"), value, path));
            }
        }
    }
    out
}

/// The tasks that `"a|b"` names.
fn alternatives(text: &str, names: &[&str], path: &Path, report: &mut Report<'_>) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    let mut ok = true;
    for part in text.split('|').map(str::trim) {
        match names.iter().position(|n| *n == part) {
            Some(number) if out.contains(&number) => {
                report.error("duplicate-alternative", path, format!("`{part}` is named twice"));
            }
            Some(number) => out.push(number),
            None => {
                unknown_task(part, names, path, report);
                ok = false;
            }
        }
    }
    ok.then_some(out)
}

fn unknown_task(name: &str, names: &[&str], path: &Path, report: &mut Report<'_>) {
    let near = did_you_mean(name, names.iter().copied());
    let diagnostic = report.error("unknown-task", path, format!("there is no task `{name}`"));
    diagnostic.hint = Some(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the tasks are {}", names.join(", ")),
    });
}

/// Reports cycles of `depends_on` and links, and cuts them so that the rest can be checked.
fn cut_dependency_cycles(tasks: &mut [TaskStructure], report: &mut Report<'_>) {
    let mut done = vec![false; tasks.len()];
    for start in 0..tasks.len() {
        let mut trail = Vec::new();
        visit(start, tasks, &mut trail, &mut done, report);
    }
}

fn visit(at: usize, tasks: &mut [TaskStructure], trail: &mut Vec<usize>, done: &mut [bool], report: &mut Report<'_>) {
    if done[at] {
        return;
    }
    trail.push(at);
    for entry in 0..tasks[at].entries.len() {
        for parent in tasks[at].entries[entry].alternatives.clone() {
            if let Some(from) = trail.iter().position(|t| *t == parent) {
                let names: Vec<&str> = trail[from..].iter().chain([&parent]).map(|t| tasks[*t].name.as_str()).collect();
                let message = format!("tasks depend on each other: {}", names.join(" -> "));
                let path = tasks[at].entries[entry].path.clone();
                report.error("cycle", &path, message).hint =
                    Some("for a loop, use a route back to the earlier task with `max_visits`".to_owned());
                tasks[at].entries[entry].alternatives.retain(|t| *t != parent);
            } else {
                visit(parent, tasks, trail, done, report);
            }
        }
    }
    trail.pop();
    done[at] = true;
}

/// Reads the targets of all rules; a rule that leads back needs `max_visits` at its target.
fn read_routes(chain: &Chain, names: &[&str], tasks: &mut [TaskStructure], report: &mut Report<'_>) {
    for (number, (name, task)) in chain.task.iter().enumerate() {
        for (index, route) in task.route.iter().enumerate() {
            let path = path!["task", name, "route", index, "to"];
            if route.to.starts_with('@') {
                check_action(&route.to, &path, report);
                tasks[number].targets.push(None);
                continue;
            }
            let Some(target) = names.iter().position(|n| *n == route.to) else {
                unknown_task(&route.to, names, &path, report);
                tasks[number].targets.push(None);
                continue;
            };
            let back = target == number || reaches(target, number, tasks);
            if back && chain.task[target].max_visits.is_none() {
                report
                    .error(
                        "missing-max-visits",
                        &path,
                        format!("this leads back to `{}`, which sets no `max_visits`", route.to),
                    )
                    .hint = Some(format!("set `max_visits` in [task.{}], for example 3", route.to));
            }
            let known = if back { &mut tasks[target].loops_from } else { &mut tasks[target].routers };
            if !known.contains(&number) {
                known.push(number);
            }
            tasks[number].targets.push(Some((target, back)));
        }
    }
}

const ACTIONS: [&str; 5] = ["@continue", "@skip", "@fail", "@hold", "@retry"];

fn check_action(text: &str, path: &Path, report: &mut Report<'_>) {
    if !ACTIONS.contains(&text) {
        let near = did_you_mean(text, ACTIONS);
        report.error("unknown-action", path, format!("there is no action \"{text}\"")).hint = Some(match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the actions are {}", ACTIONS.join(", ")),
        });
    }
}

/// Whether `to` runs after `from`: through dependencies or forward routes.
fn reaches(from: usize, to: usize, tasks: &[TaskStructure]) -> bool {
    let mut seen = BTreeSet::new();
    let mut stack = vec![to];
    while let Some(at) = stack.pop() {
        if at == from {
            return true;
        }
        if seen.insert(at) {
            stack.extend(tasks[at].entries.iter().flat_map(|e| &e.alternatives).chain(&tasks[at].routers));
        }
    }
    false
}

/// Gives the primary input what the only dependency, or the router, delivers.
fn fill_primary(number: usize, task: &Task, tasks: &mut [TaskStructure], report: &mut Report<'_>) {
    let info = task_type(task.kind);
    let structure = &mut tasks[number];
    let Some(primary) = info.primary else { return };
    let given = |key: &str| task.with.contains_key(key) || task.settings.contains_key(key);
    if given(primary) {
        return;
    }
    let declared: Vec<usize> =
        structure.entries.iter().enumerate().filter(|(_, e)| is_declared(e)).map(|(i, _)| i).collect();
    if declared.len() < task.depends_on.len() {
        // What is wrong with the others has been reported.
        return;
    }
    let sole = match (declared.as_slice(), structure.entries.len()) {
        ([sole], _) => Some(*sole),
        ([], 1) => Some(0),
        _ => None,
    };
    let path = path!["task", &structure.name];
    if sole.is_some() || (structure.entries.is_empty() && !structure.routers.is_empty()) {
        structure.data.insert(0, DataInput { input: primary.to_owned(), entry: sole, output: None, path });
    } else if declared.len() > 1 {
        report.error_at_key("ambiguous-input", &path, format!("which dependency delivers `{primary}`?")).hint =
            Some(format!("write with.{primary} = \"@task.output\""));
    } else if task.kind != TaskType::Generate && !(task.kind == TaskType::Mask && given("mask")) {
        // A preset and a mask document may do without, or say it themselves.
        report.error_at_key("missing-input", &path, format!("nothing delivers the input `{primary}`")).hint =
            Some(format!("name a task in `depends_on`, or write with.{primary} = \"@task.output\""));
    }
}

fn is_declared(entry: &Entry) -> bool {
    entry.path.0.iter().any(|step| *step == "depends_on".into())
}

/// A topological order, as close to the order of appearance as possible.
fn order(tasks: &[TaskStructure]) -> Vec<usize> {
    let mut pending: IndexMap<usize, BTreeSet<usize>> = tasks
        .iter()
        .enumerate()
        .map(|(i, t)| (i, t.entries.iter().flat_map(|e| &e.alternatives).chain(&t.routers).copied().collect()))
        .collect();
    let mut out = Vec::with_capacity(tasks.len());
    while let Some(next) = pending.iter().find(|(_, needs)| needs.is_empty()).map(|(i, _)| *i) {
        pending.shift_remove(&next);
        pending.values_mut().for_each(|needs| {
            needs.remove(&next);
        });
        out.push(next);
    }
    // Nothing is left unless a cycle was reported.
    out.extend(pending.keys());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_a_limit() {
        let task = |index: usize| {
            let needs: &[String] = if index == 0 { &[] } else { &[format!("t{}", index - 1)] };
            let task = serde_json::json!({ "type": "adjust", "depends_on": needs });
            (format!("t{index}"), serde_json::from_value(task).unwrap())
        };
        let tree = Node { span: Span::default(), kind: Table::default().into() };
        for (count, codes) in [(MOST_TASKS, &["missing-input"]), (MOST_TASKS + 1, &["too-many-tasks"])] {
            let chain = Chain { task: (0..count).map(task).collect(), ..Chain::default() };
            let mut report = Report::new(&Arc::from("a.toml"), "", &tree);
            assert_eq!(analyse(&chain, &mut report).is_some(), count == MOST_TASKS);
            assert_eq!(report.finish().iter().map(|d| d.code).collect::<Vec<_>>(), codes);
        }
    }
}
