//! Rules in words, `if_quality < 0.8` and what to do then, made rules of a chain.
//!
//! The grammar is small and strict. A condition is `if_METRIC < NUMBER` (or `<=`, `>`, `>=`, `==`,
//! `!=`), `if_METRIC_detected` (more than one half), or `if_error`, `if_oom`, `if_timeout`,
//! `if_transient`. What is done is `skip`, `fail`, `hold`, `continue`, `retry_once`, `retry_twice`,
//! `retry_N_times`, the id of a task, or the type of a task that is then added.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::chain::BatchTask;
use crate::{
    app::AppError,
    ident::{IndexMap, did_you_mean, is_identifier},
    model::{ErrorClass, task_type, task_type_name, task_types},
};

/// Variables that need no scores.
const GIVEN: [&str; 5] = ["width", "height", "seconds", "attempt", "visits"];

const OPERATORS: [&str; 6] = ["<=", ">=", "==", "!=", "<", ">"];

const ACTIONS: [&str; 6] = ["skip", "fail", "hold", "continue", "retry_once", "retry_twice"];

/// Most attempts that a rule may ask for.
const MOST_RETRIES: u32 = 100;

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TranslatedRule {
    /// The condition as given.
    pub given: String,
    /// What is to be done, as given.
    pub action: String,
    /// The row of `route`, without what depends on the task.
    pub route: Map<String, Value>,
    /// Ids of the tasks that got it.
    pub tasks: Vec<String>,
}

/// Tasks with their rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Routed {
    /// The tasks; what the rules lead to is among them.
    pub tasks: Vec<BatchTask>,
    /// The rules.
    pub rules: Vec<TranslatedRule>,
    /// What the caller should know.
    pub notes: Vec<String>,
}

/// When a rule matches.
#[derive(Clone, Debug, PartialEq)]
enum When {
    /// The metric, and the expression.
    Metric(String, String),
    /// An error of this class.
    Error(ErrorClass),
}

/// What is done then.
#[derive(Clone, Debug, PartialEq)]
enum Then {
    /// `@skip` and the like.
    Action(&'static str),
    /// So many more attempts.
    Retry(u32),
    /// On to this task.
    Task(String),
}

/// Gives `tasks` the rules. A rule about a metric goes to the tasks that measure it, or else to
/// those that wait for nothing; a rule about errors goes to all. Who waits for a task that sends
/// items elsewhere then takes what comes from there, and else what the task itself made.
pub fn route_tasks(
    tasks: &[BatchTask],
    rules: &IndexMap<String, String>,
    metrics: &BTreeSet<String>,
) -> Result<Routed, AppError> {
    let mut read = Vec::new();
    for (given, action) in rules {
        read.push((condition(given, metrics)?, then(action, tasks)?));
    }
    let targets: BTreeSet<String> =
        read.iter().filter_map(|(_, then)| if let Then::Task(id) = then { Some(id.clone()) } else { None }).collect();
    let mut routed = Routed { tasks: tasks.to_vec(), rules: Vec::new(), notes: Vec::new() };
    for id in &targets {
        if !tasks.iter().any(|task| task.id == *id) {
            let added = BatchTask { id: id.clone(), kind: id.clone(), depends_on: Vec::new(), settings: Map::new() };
            routed.tasks.push(added);
            routed.notes.push(format!("the task `{id}` was added"));
        }
    }
    let mut detours: IndexMap<String, Vec<String>> = IndexMap::default();
    for ((given, action), (when, then)) in rules.iter().zip(&read) {
        let chosen = chosen(&routed.tasks, when, then, &targets);
        if chosen.is_empty() {
            return Err(AppError::usage(format!("the rule `{given}` applies to no task: all are targets of rules")));
        }
        for id in &chosen {
            let Some(task) = routed.tasks.iter_mut().find(|task| task.id == *id) else { continue };
            let mut route = row(when, then);
            if let Then::Task(target) = then {
                detours.entry(target.clone()).or_default().push(id.clone());
                route.insert("to".to_owned(), Value::from(target.as_str()));
            }
            if let (When::Metric(..), Then::Retry(_)) = (when, then) {
                route.insert("with".to_owned(), changed_seed(task, given)?);
            }
            if let When::Metric(metric, _) = when {
                measure(task, metric);
            }
            push(&mut task.settings, "route", Value::Object(route));
        }
        routed.rules.push(TranslatedRule {
            given: given.clone(),
            action: action.clone(),
            route: row(when, then),
            tasks: chosen,
        });
    }
    lead_around(&mut routed.tasks, &detours);
    Ok(routed)
}

/// Reads `if_quality < 0.8`.
fn condition(given: &str, metrics: &BTreeSet<String>) -> Result<When, AppError> {
    let text = given.trim();
    let Some(rest) = text.strip_prefix("if_") else { return Err(no_rule(given, metrics)) };
    match rest {
        "error" => return Ok(When::Error(ErrorClass::Error)),
        "oom" => return Ok(When::Error(ErrorClass::Oom)),
        "timeout" => return Ok(When::Error(ErrorClass::Timeout)),
        "transient" => return Ok(When::Error(ErrorClass::Transient)),
        _ => {}
    }
    if let Some(metric) = rest.strip_suffix("_detected") {
        let metric = known_metric(metric, given, metrics)?;
        return Ok(When::Metric(metric.clone(), format!("{metric} > 0.5")));
    }
    let operator = OPERATORS.iter().find_map(|op| rest.find(op).map(|at| (at, *op)));
    let Some((at, operator)) = operator else { return Err(no_rule(given, metrics)) };
    let number = rest[at + operator.len()..].trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| no_rule(given, metrics))?;
    let metric = known_metric(rest[..at].trim(), given, metrics)?;
    Ok(When::Metric(metric.clone(), format!("{metric} {operator} {number}")))
}

fn names(metrics: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    metrics.iter().map(String::as_str).chain(GIVEN)
}

fn known_metric(name: &str, given: &str, metrics: &BTreeSet<String>) -> Result<String, AppError> {
    if !is_identifier(name) {
        return Err(no_rule(given, metrics));
    }
    if names(metrics).any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let error = AppError::usage(format!("the rule `{given}`: there is no metric `{name}`"));
    Err(match did_you_mean(name, names(metrics)) {
        Some(near) => error.with_hint(format!("did you mean `{}`?", given.replacen(name, near, 1))),
        None => error.with_hint(format!("there are {}", names(metrics).collect::<Vec<_>>().join(", "))),
    })
}

fn no_rule(given: &str, metrics: &BTreeSet<String>) -> AppError {
    let of_metrics = names(metrics).flat_map(|name| [format!("if_{name} < 0.8"), format!("if_{name}_detected")]);
    let all: Vec<String> =
        ["if_error", "if_oom", "if_timeout", "if_transient"].into_iter().map(str::to_owned).chain(of_metrics).collect();
    let error = AppError::usage(format!("`{given}` is no rule"));
    match did_you_mean(given.trim(), all.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint("a rule reads `if_quality < 0.8`, `if_nsfw_detected` or `if_error`"),
    }
}

/// Reads what is to be done.
fn then(given: &str, tasks: &[BatchTask]) -> Result<Then, AppError> {
    let text = given.trim();
    let times = |text: &str| text.strip_prefix("retry_")?.strip_suffix("_times")?.parse::<u32>().ok();
    // What needs a picture and nothing else may be added.
    let types = || task_types().filter(|kind| task_type(*kind).primary == Some("image")).map(task_type_name);
    Ok(match text.trim_start_matches('@') {
        "skip" => Then::Action("@skip"),
        "fail" => Then::Action("@fail"),
        "hold" => Then::Action("@hold"),
        "continue" => Then::Action("@continue"),
        "retry" | "retry_once" => Then::Retry(1),
        "retry_twice" => Then::Retry(2),
        other => match times(other) {
            Some(times @ 1..=MOST_RETRIES) => Then::Retry(times),
            Some(_) => return Err(AppError::usage(format!("`{given}`: between 1 and {MOST_RETRIES} times"))),
            None if tasks.iter().any(|task| task.id == other) || types().any(|name| name == other) => {
                Then::Task(other.to_owned())
            }
            None => {
                let ids = tasks.iter().map(|task| task.id.clone());
                let all: Vec<String> = ACTIONS.into_iter().chain(types()).map(str::to_owned).chain(ids).collect();
                let error = AppError::usage(format!("`{given}` is neither an action nor a task"));
                return Err(match did_you_mean(other, all.iter().map(String::as_str)) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error.with_hint(format!("the actions are {}, or the id of a task", ACTIONS.join(", "))),
                });
            }
        },
    })
}

/// The tasks that get a rule.
fn chosen(tasks: &[BatchTask], when: &When, then: &Then, targets: &BTreeSet<String>) -> Vec<String> {
    let ids = |which: &dyn Fn(&BatchTask) -> bool| -> Vec<String> {
        tasks.iter().filter(|task| which(task)).map(|task| task.id.clone()).collect()
    };
    let is_no_target = |task: &BatchTask| !targets.contains(&task.id);
    let first = || ids(&|task| is_no_target(task) && task.depends_on.is_empty());
    match (when, then) {
        (When::Error(_), Then::Action(_) | Then::Retry(_)) => ids(&|_| true),
        (When::Error(_), Then::Task(_)) => first(),
        (When::Metric(metric, _), _) => {
            let measuring = ids(&|task| is_no_target(task) && measures(task, metric));
            if measuring.is_empty() { first() } else { measuring }
        }
    }
}

fn row(when: &When, then: &Then) -> Map<String, Value> {
    let mut row = Map::new();
    match when {
        When::Metric(_, expression) => row.insert("if".to_owned(), Value::from(expression.as_str())),
        When::Error(class) => row.insert("on".to_owned(), json!(class)),
    };
    match then {
        Then::Action(action) => row.insert("to".to_owned(), Value::from(*action)),
        Then::Task(id) => row.insert("to".to_owned(), Value::from(id.as_str())),
        Then::Retry(times) => {
            row.insert("to".to_owned(), Value::from("@retry"));
            row.insert("times".to_owned(), Value::from(*times))
        }
    };
    row
}

/// What the next attempt changes after a result that was not good enough.
fn changed_seed(task: &BatchTask, given: &str) -> Result<Value, AppError> {
    if task.kind != "generate" {
        return Err(AppError::usage(format!(
            "the rule `{given}`: task `{}` makes the same again when it is tried again",
            task.id
        ))
        .with_hint("only a generate task can be tried again with another seed; send its result elsewhere"));
    }
    let keys = task.settings.get("foreach").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let keys = keys.filter(|key| !matches!(key.as_str(), "include" | "exclude")).map(String::as_str);
    let arguments: Vec<&str> = keys.chain(["attempt"]).collect();
    Ok(json!({ "seed": format!("{{hash({})}}", arguments.join(", ")) }))
}

/// Where a task says what is measured.
fn scores(task: &BatchTask) -> impl Iterator<Item = &str> {
    let with = task.settings.get("with").and_then(|with| with.get("scorers"));
    let lists = [task.settings.get("scores"), task.settings.get("scorers"), with];
    lists.into_iter().flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_str)
}

fn measures(task: &BatchTask, metric: &str) -> bool {
    scores(task).any(|name| name == metric)
}

fn measure(task: &mut BatchTask, metric: &str) {
    if !GIVEN.contains(&metric) && !measures(task, metric) {
        push(&mut task.settings, "scores", Value::from(metric));
    }
}

fn push(settings: &mut Map<String, Value>, key: &str, value: Value) {
    match settings.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(list) => list.push(value),
        // A list is what is wanted there; the check says so.
        other => *other = Value::Array(vec![other.take(), value]),
    }
}

/// Lets those who wait for a router take what its targets made, where something did. A target of
/// several routers is made once for each.
fn lead_around(tasks: &mut Vec<BatchTask>, detours: &IndexMap<String, Vec<String>>) {
    for (target, routers) in detours {
        let mut routers = routers.clone();
        routers.dedup();
        if routers.len() > 1 {
            split(tasks, target, &routers);
        }
        for router in &routers {
            let name = if routers.len() > 1 { format!("{target}_{router}") } else { target.clone() };
            for task in tasks.iter_mut().filter(|task| task.id != name) {
                for entry in &mut task.depends_on {
                    let mut parts: Vec<&str> = entry.split('|').collect();
                    let position = parts.iter().position(|part| part == router || *part == name);
                    if let Some(position) = position
                        && !(parts.contains(&router.as_str()) && parts.contains(&name.as_str()))
                    {
                        parts.splice(position..=position, [name.as_str(), router.as_str()]);
                        *entry = parts.join("|");
                    }
                }
                let mut seen = BTreeSet::new();
                task.depends_on.retain(|entry| seen.insert(entry.clone()));
            }
        }
    }
}

/// Puts one task for each router in the place of `target`.
fn split(tasks: &mut Vec<BatchTask>, target: &str, routers: &[String]) {
    let Some(place) = tasks.iter().position(|task| task.id == target) else { return };
    let model = tasks.remove(place);
    for router in routers.iter().rev() {
        let mut copy = BatchTask { id: format!("{target}_{router}"), ..model.clone() };
        copy.depends_on.retain(|need| need == router || !routers.contains(need));
        tasks.insert(place, copy);
    }
    for task in tasks.iter_mut() {
        if let Some(Value::Array(rows)) = task.settings.get_mut("route") {
            for row in rows.iter_mut().filter(|row| row["to"] == target) {
                row["to"] = Value::from(format!("{target}_{}", task.id));
            }
        }
        let waits = task.depends_on.iter().position(|need| need == target);
        if let Some(at) = waits {
            task.depends_on.splice(at..=at, routers.iter().map(|router| format!("{target}_{router}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, kind: &str, needs: &[&str]) -> BatchTask {
        let depends_on = needs.iter().map(|need| (*need).to_owned()).collect();
        BatchTask { id: id.to_owned(), kind: kind.to_owned(), depends_on, settings: Map::new() }
    }

    fn rules(rules: &[(&str, &str)]) -> IndexMap<String, String> {
        rules.iter().map(|(given, action)| ((*given).to_owned(), (*action).to_owned())).collect()
    }

    fn metrics() -> BTreeSet<String> {
        ["sharpness", "contrast", "quality", "nsfw"].map(str::to_owned).into()
    }

    fn told(tasks: &[BatchTask], given: &[(&str, &str)]) -> String {
        match route_tasks(tasks, &rules(given), &metrics()) {
            Ok(routed) => {
                let line = |task: &BatchTask| {
                    let settings = Value::Object(task.settings.clone());
                    format!("{} [{}] {settings}", task.id, task.depends_on.join(","))
                };
                routed.tasks.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(AppError::Usage { message, hint }) => format!("{message}; {}", hint.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn rules_in_words_become_rules_of_a_chain() {
        let tasks = [task("generate", "generate", &[]), task("upscale", "upscale", &["generate"])];
        let original = [("if_quality < 0.8", "enhance"), ("if_nsfw_detected", "skip"), ("if_error", "retry_once")];
        insta::assert_snapshot!(told(&tasks, &original), @r#"
        generate [] {"scores":["quality","nsfw"],"route":[{"if":"quality < 0.8","to":"enhance"},{"if":"nsfw > 0.5","to":"@skip"},{"on":"error","to":"@retry","times":1}]}
        upscale [enhance|generate] {"route":[{"on":"error","to":"@retry","times":1}]}
        enhance [] {"route":[{"on":"error","to":"@retry","times":1}]}
        "#);
    }

    #[test]
    fn a_target_of_several_is_made_once_for_each() {
        let tasks = [task("a", "load", &[]), task("b", "load", &[]), task("sheet", "contact_sheet", &["a", "b"])];
        insta::assert_snapshot!(told(&tasks, &[("if_sharpness<.5", "enhance")]), @r#"
        a [] {"scores":["sharpness"],"route":[{"if":"sharpness < 0.5","to":"enhance_a"}]}
        b [] {"scores":["sharpness"],"route":[{"if":"sharpness < 0.5","to":"enhance_b"}]}
        sheet [enhance_a|a,enhance_b|b] {}
        enhance_a [] {}
        enhance_b [] {}
        "#);
    }

    #[test]
    fn who_measures_decides() {
        let mut look = task("look", "score", &["a"]);
        look.settings.insert("scorers".to_owned(), json!(["contrast"]));
        let tasks = [task("a", "load", &[]), look, task("fix", "enhance", &[]), task("end", "upscale", &["fix"])];
        insta::assert_snapshot!(told(&tasks, &[("if_contrast >= 0.5", "fix"), ("if_width > 4096", "fail")]), @r#"
        a [] {"route":[{"if":"width > 4096","to":"@fail"}]}
        look [a] {"scorers":["contrast"],"route":[{"if":"contrast >= 0.5","to":"fix"}]}
        fix [] {}
        end [fix|look] {}
        "#);
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_nearest() {
        let tasks = [task("a", "load", &[]), task("polish", "enhance", &[])];
        for (given, action, expected) in [
            ("if_qualty < 0.8", "skip", "did you mean `if_quality < 0.8`?"),
            ("quality < 0.8", "skip", "did you mean `if_quality < 0.8`?"),
            ("if_nsfw_detectd", "skip", "did you mean `if_nsfw_detected`?"),
            ("if_eror", "skip", "did you mean `if_error`?"),
            ("if_quality is low", "skip", "is no rule"),
            ("if_quality < high", "skip", "is no rule"),
            ("if_quality < 0.8; import \"x\"", "skip", "is no rule"),
            ("if_zebra > 1", "skip", "there are contrast, nsfw, quality, sharpness"),
            ("if_error", "retry_onse", "did you mean `retry_once`?"),
            ("if_error", "retry_0_times", "between 1 and 100"),
            ("if_quality < 0.8", "polishh", "did you mean `polish`?"),
            ("if_quality < 0.8", "generate", "neither an action nor a task"),
            ("if_quality < 0.8", "retry_once", "makes the same again"),
        ] {
            let told = told(&tasks, &[(given, action)]);
            assert!(told.contains(expected), "{given} -> {action}: {told}");
        }
        let mut made = task("make", "generate", &[]);
        made.settings.insert("foreach".to_owned(), json!({"sku": ["A"], "exclude": []}));
        assert!(
            super::tests::told(&[made], &[("if_quality < 0.8", "retry_3_times")])
                .contains(r#"{"if":"quality < 0.8","to":"@retry","times":3,"with":{"seed":"{hash(sku, attempt)}"}}"#)
        );
    }
}
