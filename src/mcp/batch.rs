//! Batches in the words of clients: tasks by id become a chain file, a chain is carried out, rules
//! in words become routes.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    check::Checked,
    files::{after_writing, hash},
    findings::{Refusal, refused},
    runs::Begun,
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::{
    app::{
        self, AppError, BatchTask, Bottleneck, ChainFile, ChainRequest, ChainShape, JobOptions, RunRequest, Session,
        Sources, Way,
    },
    ident::IndexMap,
    model::{Body, Chain, Mode, TaskType, task_type_name},
};

pub(super) fn tools() -> Vec<Callable> {
    vec![
        blocking(
            &About {
                name: "create_batch_dependency_chain",
                title: "Make a chain of tasks",
                description: "Writes tasks and what they wait for as a chain below pipelines/ that people can review; \
                              says what can run together, the critical path and the bottlenecks, with a drawing.",
                effect: Effect::Replaces,
            },
            create,
        ),
        blocking(
            &About {
                name: "coordinate_batch_operation",
                title: "Carry a batch out",
                description: "Runs the chain of an operation, which is written first when it is new, and answers at \
                              once with a run_id for get_run. Goes on without the client and the server.",
                effect: Effect::Runs,
            },
            coordinate,
        ),
        blocking(
            &About {
                name: "conditional_batch_routing",
                title: "Give tasks rules",
                description: "Rules in words as routes of tasks, for create_batch_dependency_chain. Changes nothing \
                              itself.",
                effect: Effect::Reads,
            },
            route,
        ),
    ]
}

/// As in a chain; also preset, with, foreach, gather, scores, route and so on
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
struct Task {
    id: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<TaskType>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
    #[serde(flatten)]
    settings: Map<String, Value>,
}

impl Task {
    fn batch(&self) -> BatchTask {
        BatchTask {
            id: self.id.clone(),
            kind: self.kind.map_or_else(String::new, |kind| task_type_name(kind).to_owned()),
            depends_on: self.depends_on.clone(),
            settings: self.settings.clone(),
        }
    }
}

fn batch(tasks: &[Task]) -> Result<Vec<BatchTask>, AppError> {
    match tasks.iter().find(|task| task.kind.is_none()) {
        Some(task) => Err(AppError::usage(format!("task `{}` has no `type`", task.id))),
        None => Ok(tasks.iter().map(Task::batch).collect()),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CreateChain {
    /// Becomes the name of the file
    operation_name: String,
    tasks: Vec<Task>,
    /// More dependencies: a task's id, and those it waits for
    #[serde(default)]
    dependencies: IndexMap<String, Vec<String>>,
    optimization_mode: Option<Mode>,
    /// Hash of what is replaced; leave out for a new file
    expected_hash: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct CreatedChain {
    operation_name: String,
    path: String,
    hash: String,
    tasks: Vec<CreatedTask>,
    waves: Vec<Vec<String>>,
    critical_path: Vec<String>,
    bottlenecks: Vec<Bottleneck>,
    mermaid: String,
    check: Option<Checked>,
}

#[derive(Serialize, JsonSchema)]
struct CreatedTask {
    id: String,
    depends_on: Vec<String>,
    items: usize,
    expected_seconds: f64,
}

fn create(shared: &Shared, arguments: &CreateChain) -> Result<Answer<CreatedChain>, Refusal> {
    let request = |tasks| ChainRequest {
        operation_name: arguments.operation_name.clone(),
        tasks,
        dependencies: arguments.dependencies.clone(),
        mode: arguments.optimization_mode,
        expected: None,
    };
    let expected = hash(arguments.expected_hash.as_deref())?;
    let file = shared
        .with(|session| app::write_chain(session, &ChainRequest { expected, ..request(batch(&arguments.tasks)?) }))?;
    let checked = after_writing(shared, &file.written)?;
    let ChainShape { tasks, shape, mermaid } = shared.with(|session| Ok(app::chain_shape(session, &file)))?;
    let mut text = vec![checked.text, String::new(), file.text.clone()];
    for (number, wave) in shape.waves.iter().enumerate() {
        text.push(format!("wave {}: {}", number + 1, wave.join(", ")));
    }
    text.push(format!("critical path: {}", shape.critical_path.join(" -> ")));
    text.extend(shape.bottlenecks.iter().map(|b| format!("bottleneck {}: {}", b.task, b.reason)));
    text.push(format!("```mermaid\n{mermaid}```\nrun it with coordinate_batch_operation"));
    let task = |task: &app::ShapedTask| CreatedTask {
        id: task.id.clone(),
        depends_on: task.needs.clone(),
        items: task.items,
        expected_seconds: task.seconds,
    };
    let created = CreatedChain {
        operation_name: arguments.operation_name.clone(),
        path: file.written.path.clone(),
        hash: file.written.hash.to_string(),
        tasks: tasks.iter().map(task).collect(),
        waves: shape.waves,
        critical_path: shape.critical_path,
        bottlenecks: shape.bottlenecks,
        mermaid,
        check: checked.data.check,
    };
    Ok(Answer::new(text.join("\n"), created))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Coordinate {
    /// As `create_batch_dependency_chain` took it
    operation_name: String,
    /// Run only these and what they need; of a new operation, its tasks
    #[serde(default)]
    tasks: Vec<Task>,
    /// Most items at the same time
    parallel_limit: Option<u32>,
    /// Bring results.jsonl beside the results up to date after so many items
    checkpoint_interval: Option<u32>,
    /// Go on with what broke off or failed (true), or begin anew
    resume_on_failure: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Coordinated {
    operation_name: String,
    path: String,
    #[serde(flatten)]
    run: Begun,
}

fn coordinate(shared: &Shared, arguments: &Coordinate) -> Result<Answer<Coordinated>, Refusal> {
    for (name, number) in
        [("parallel_limit", arguments.parallel_limit), ("checkpoint_interval", arguments.checkpoint_interval)]
    {
        if number == Some(0) {
            return Err(Refusal(format!("argument `{name}` must be at least 1")));
        }
    }
    let (path, only) = shared.with(|session| chain_of(session, arguments))?;
    let way = Way { allow_spend: false, parallel: arguments.parallel_limit, checkpoint: arguments.checkpoint_interval };
    let request = RunRequest {
        document: path.clone(),
        options: JobOptions { only, way, ..JobOptions::default() },
        new: arguments.resume_on_failure == Some(false),
        ..RunRequest::default()
    };
    // The chain may have been written a moment ago.
    let run = shared.with(|session| Begun::begin(session, &request))?;
    let text = format!("{path}\n{}", run.text());
    Ok(Answer::new(text, Coordinated { operation_name: arguments.operation_name.clone(), path, run }))
}

/// The chain of an operation, and of its tasks those that are wanted when not all are.
fn chain_of(session: &Session, arguments: &Coordinate) -> Result<(String, Vec<String>), AppError> {
    let name = app::document_name(&arguments.operation_name)?;
    let Some(path) = app::existing_chain(session, &name) else {
        if arguments.tasks.is_empty() {
            return Err(AppError::usage(format!("there is no chain \"{name}\""))
                .with_hint("give its tasks, or make it with create_batch_dependency_chain"));
        }
        let tasks = batch(&arguments.tasks)?;
        let request =
            ChainRequest { operation_name: arguments.operation_name.clone(), tasks, ..ChainRequest::default() };
        let ChainFile { written, .. } = app::write_chain(session, &request)?;
        return Ok((written.path, Vec::new()));
    };
    let loaded = session.document(&path)?;
    if let Some(Body::Chain(chain)) = loaded.parsed.value.as_ref().map(|document| &document.body) {
        compare(&path, chain, &arguments.tasks)?;
        let wanted: BTreeSet<&str> = arguments.tasks.iter().map(|task| task.id.as_str()).collect();
        let is_all = wanted.is_empty() || chain.task.keys().all(|id| wanted.contains(id.as_str()));
        let only = if is_all { Vec::new() } else { wanted.into_iter().map(str::to_owned).collect() };
        return Ok((path, only));
    }
    // What is wrong with it is said when it is to run.
    Ok((path, Vec::new()))
}

/// Refuses tasks that are not what the file says: nobody is to believe that something else runs.
fn compare(path: &str, chain: &Chain, tasks: &[Task]) -> Result<(), AppError> {
    for task in tasks {
        let Some(found) = chain.task.get(&task.id) else {
            return Err(AppError::usage(format!("{path} has no task `{}`", task.id)).with_hint(format!(
                "its tasks are {}; write_file or create_batch_dependency_chain change it",
                chain.task.keys().cloned().collect::<Vec<_>>().join(", ")
            )));
        };
        let written = serde_json::to_value(found).unwrap_or_default();
        let differs = |key: &str, value: &Value| written.get(key) != Some(value) && found.with.get(key) != Some(value);
        let with = task.settings.get("with").and_then(Value::as_object);
        let others = task.settings.iter().filter(|(key, _)| *key != "with").chain(with.into_iter().flatten());
        let mut different: Vec<&str> = others.filter(|(key, v)| differs(key, v)).map(|(key, _)| key.as_str()).collect();
        different.extend(task.kind.filter(|kind| *kind != found.kind).map(|_| "type"));
        different.extend(task.depends_on.iter().any(|need| !found.depends_on.contains(need)).then_some("depends_on"));
        if !different.is_empty() {
            return Err(AppError::usage(format!(
                "task `{}` is not as {path} has it: {}",
                task.id,
                different.join(", ")
            ))
            .with_hint("give only its id to run it as it stands, or change the file first"));
        }
    }
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RouteTasks {
    tasks: Vec<Task>,
    /// Such as `{"if_quality < 0.8": "enhance", "if_nsfw_detected": "skip", "if_error": "retry_once"}`; the first that
    /// matches wins. Also hold, fail, continue, `retry_N_times`, a task's id
    routing_rules: IndexMap<String, String>,
}

#[derive(Serialize, JsonSchema)]
struct RoutedTasks {
    tasks: Vec<Map<String, Value>>,
    rules: Vec<RoutedRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct RoutedRule {
    rule: String,
    action: String,
    route: Map<String, Value>,
    tasks: Vec<String>,
}

fn route(shared: &Shared, arguments: &RouteTasks) -> Result<Answer<RoutedTasks>, Refusal> {
    let session = shared.session()?;
    let routed = batch(&arguments.tasks)
        .and_then(|tasks| app::route_tasks(&tasks, &arguments.routing_rules, session.context().metrics));
    let routed = routed.map_err(|e| refused(&e, &Sources::default()))?;
    let text = app::tasks_text(&routed.tasks).map_err(|e| refused(&e, &Sources::default()))?;
    let mut lines: Vec<String> = routed
        .rules
        .iter()
        .map(|rule| format!("{} -> {}: {}", rule.given, rule.action, rule.tasks.join(", ")))
        .collect();
    lines.extend(routed.notes.iter().map(|note| format!("note: {note}")));
    lines.extend([String::new(), text]);
    let task = |task: &BatchTask| {
        let mut out = Map::new();
        out.insert("id".to_owned(), Value::from(task.id.as_str()));
        out.insert("type".to_owned(), Value::from(task.kind.as_str()));
        if !task.depends_on.is_empty() {
            out.insert("depends_on".to_owned(), Value::from(task.depends_on.clone()));
        }
        out.extend(task.settings.clone());
        out
    };
    let rule = |rule: app::TranslatedRule| RoutedRule {
        rule: rule.given,
        action: rule.action,
        route: rule.route,
        tasks: rule.tasks,
    };
    let answer = RoutedTasks {
        tasks: routed.tasks.iter().map(task).collect(),
        rules: routed.rules.into_iter().map(rule).collect(),
        notes: routed.notes,
    };
    Ok(Answer::new(lines.join("\n"), answer))
}
