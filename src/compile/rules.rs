//! Routing rules compiled: which variables there are, and where each rule leads.

use std::collections::BTreeSet;

use super::{
    expand::{Expansion, plain},
    fill::Fillable,
    program::TaskProgram,
    report::Report,
    structure::Structure,
};
use crate::{
    diagnostic::Span,
    files::Path,
    ident::IndexMap,
    model::{Chain, ErrorClass, Route},
    path,
    rules::{Kind, Rule, Variables},
};

/// A rule with its condition compiled.
#[derive(Debug)]
pub struct TaskRule {
    /// As it stands in the file, for people: `if quality < 0.8 -> enhance`.
    pub text: String,
    /// Where it stands.
    pub path: Path,
    /// The class of errors that it matches.
    pub on: Option<ErrorClass>,
    /// The condition.
    pub condition: Option<Rule>,
    /// A task and whether the rule leads back to it; none for an action.
    pub task: Option<(usize, bool)>,
    /// The action, such as `@retry`, or the task's name.
    pub to: String,
    /// `@retry`: most further attempts.
    pub times: u32,
    /// `@retry`: inputs that the next attempt changes.
    pub with: IndexMap<String, Fillable>,
}

/// Compiles the rules of all tasks, whose variables must be known.
pub fn compile_rules(
    chain: &Chain,
    structure: &Structure,
    tasks: &mut [TaskProgram],
    metrics: &BTreeSet<String>,
    report: &mut Report<'_>,
) {
    for (number, (name, task)) in chain.task.iter().enumerate() {
        let mut rules = Vec::with_capacity(task.route.len());
        for (index, route) in task.route.iter().enumerate() {
            let path = path!["task", name, "route", index];
            let target = structure.tasks[number].targets.get(index).copied().flatten();
            rules.push(compile_rule(route, path, target, &tasks[number].variables, metrics, report));
        }
        tasks[number].rules = rules;
    }
}

fn compile_rule(
    route: &Route,
    path: Path,
    task: Option<(usize, bool)>,
    variables: &Variables,
    metrics: &BTreeSet<String>,
    report: &mut Report<'_>,
) -> TaskRule {
    let condition = route.condition.as_ref().and_then(|text| {
        Rule::compile(text, variables)
            .map_err(|error| {
                let place = path.join("if");
                let within = error.offset.map_or(Span::new(0, text.len()), |at| {
                    let length = text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
                    Span::new(at, (at + length.max(1)).min(text.len()))
                });
                let unmeasured = metrics.iter().find(|m| error.message.contains(&format!("`{m}`")));
                // The suggestion is the hint.
                let message = error.message.split("; did you mean").next().unwrap_or_default();
                report.error_within("bad-rule", &place, within, message).hint = match (&error.suggestion, unmeasured) {
                    (Some(near), _) => Some(format!("did you mean `{near}`?")),
                    (None, Some(metric)) => Some(format!("measure it first: scores = [\"{metric}\"]")),
                    (None, None) => None,
                };
            })
            .ok()
    });
    check_retry(route, &path, report);
    let with =
        route.with.iter().map(|(k, v)| (k.clone(), Fillable::parse(v, &path.join("with").join(k), report))).collect();
    TaskRule {
        text: rule_text(route),
        path,
        on: route.on,
        condition,
        task,
        to: route.to.clone(),
        times: route.times.unwrap_or(1),
        with,
    }
}

/// A retry on a result must change something, or it would give the same result again.
fn check_retry(route: &Route, path: &Path, report: &mut Report<'_>) {
    if route.to == "@retry" {
        if route.on.is_none() && route.with.is_empty() {
            report
                .error("retry-changes-nothing", path, "this retry repeats the same inputs and so the same result")
                .hint = Some("change an input: with = { seed = \"{hash(attempt)}\" }".to_owned());
        }
    } else if route.times.is_some() || !route.with.is_empty() {
        report.error("not-a-retry", path, "`times` and `with` belong to rules whose target is \"@retry\"");
    }
    if route.on.is_none() && route.condition.is_none() && route.to == "@retry" {
        report.error("endless-retry", path, "this rule retries every item").hint =
            Some("say when: `on` an error, or `if` a condition holds".to_owned());
    }
}

fn rule_text(route: &Route) -> String {
    let mut parts = Vec::new();
    if let Some(on) = route.on {
        parts.push(format!("on {}", error_name(on)));
    }
    if let Some(condition) = &route.condition {
        parts.push(format!("if {condition}"));
    }
    if parts.is_empty() {
        parts.push("always".to_owned());
    }
    format!("{} -> {}", parts.join(" and "), route.to)
}

/// The name of an error class in files.
pub fn error_name(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Error => "error",
        ErrorClass::Transient => "transient",
        ErrorClass::Oom => "oom",
        ErrorClass::Timeout => "timeout",
    }
}

/// The variables that the rules of task `number` may read.
pub fn variables(number: usize, structure: &Structure, expansion: &Expansion, tasks: &[TaskProgram]) -> Variables {
    let mut out = Variables::new();
    let items = &expansion.items[number];
    for (column, key) in items.keys.iter().enumerate() {
        let is_number = items.rows().all(|row| plain(expansion.keys.get(*key, row[column])).is_number());
        out.declare(expansion.keys.name(*key), if is_number && !items.is_empty() { Kind::Number } else { Kind::Text });
    }
    for name in ["width", "height", "attempt", "visits"] {
        out.declare(name, Kind::Integer);
    }
    out.declare("seconds", Kind::Number);
    out.declare("error", Kind::Text);
    for metric in &tasks[number].scores {
        out.declare(metric, Kind::Number);
    }
    for ancestor in ancestors(number, structure) {
        let name = &structure.tasks[ancestor].name;
        for metric in tasks[ancestor].scores.iter().map(String::as_str).chain(["seconds"]) {
            out.declare(format!("{name}.{metric}"), Kind::Number);
        }
        for metric in ["width", "height"] {
            out.declare(format!("{name}.{metric}"), Kind::Integer);
        }
    }
    out
}

/// The tasks that an item of task `number` comes from, in order of number.
fn ancestors(number: usize, structure: &Structure) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut stack = vec![number];
    while let Some(at) = stack.pop() {
        let parts = &structure.tasks[at];
        for parent in parts.entries.iter().flat_map(|e| &e.alternatives).chain(&parts.routers) {
            if *parent != number && seen.insert(*parent) {
                stack.push(*parent);
            }
        }
    }
    seen
}
