//! A chain document from tasks and their dependencies.

use serde_json::{Map, Value, json};

use crate::{
    app::{
        AppError, Session,
        client_files::{ClientFiles, Written},
    },
    content_hash::ContentHash,
    files::{Node, toml},
    ident::{IndexMap, did_you_mean, is_identifier, slug},
    model::{DOCUMENTS_FOLDER, Kind, Mode, shape_of},
};

/// One task of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchTask {
    /// Its name in the chain.
    pub id: String,
    /// What it does, as in a chain; empty where it is told elsewhere.
    pub kind: String,
    /// Ids of the tasks that it waits for.
    pub depends_on: Vec<String>,
    /// Everything else, as in a chain's task.
    pub settings: Map<String, Value>,
}

/// What a chain is to be.
#[derive(Clone, Debug, Default)]
pub struct ChainRequest {
    /// What the operation is called.
    pub operation_name: String,
    /// Its tasks.
    pub tasks: Vec<BatchTask>,
    /// Further dependencies: a task's id, and the ids of those that it waits for.
    pub dependencies: IndexMap<String, Vec<String>>,
    /// In which order ready items run.
    pub mode: Option<Mode>,
    /// Hash of what the file holds now; none for a new file.
    pub expected: Option<ContentHash>,
}

/// A chain that was written.
#[derive(Clone, Debug)]
pub struct ChainFile {
    /// What became of the file.
    pub written: Written,
    /// Name of the document.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The tasks with all their dependencies.
    pub tasks: Vec<BatchTask>,
}

/// The name of the document of an operation: `Product catalog, Q4` is `product-catalog-q4`.
pub fn document_name(operation: &str) -> Result<String, AppError> {
    let name = slug(&operation.replace('_', "-"));
    if operation.chars().any(char::is_alphanumeric) && name != "x" || operation == "x" {
        return Ok(name);
    }
    Err(AppError::usage(format!("`{operation}` is no name for an operation")).with_hint("use letters and digits"))
}

/// The path of the document of this name, if there is one.
pub fn existing_chain(session: &Session, name: &str) -> Option<String> {
    let documents = session.workspace.documents().iter();
    let identities = documents.filter_map(|d| d.identity.as_ref().map(|identity| (d, identity)));
    identities.filter(|(_, i)| i.kind == Kind::Chain && i.name == name).map(|(d, _)| d.path.to_string()).next()
}

/// Writes the chain that `request` describes. Dependencies given both ways are united; unknown ids
/// and cycles are errors, and nothing is written.
pub fn write_chain(session: &Session, request: &ChainRequest) -> Result<ChainFile, AppError> {
    let name = document_name(&request.operation_name)?;
    let tasks = united(&request.tasks, &request.dependencies)?;
    let text = printed(&document(&name, request, &tasks))?;
    let path = format!("{DOCUMENTS_FOLDER}/{name}.toml");
    let written = ClientFiles::open(session)?.write(&path, &text, request.expected)?;
    Ok(ChainFile { written, name, text, tasks })
}

/// Tasks as they stand in a chain.
pub fn tasks_text(tasks: &[BatchTask]) -> Result<String, AppError> {
    printed(&json!({ "task": table(tasks) }))
}

fn printed(document: &Value) -> Result<String, AppError> {
    let tree = Node::from_json(document)
        .ok_or_else(|| AppError::usage("a value cannot stand in a document: null, or a number beyond 64 bits"))?;
    Ok(toml::print(&tree, shape_of(Kind::Chain)))
}

fn document(name: &str, request: &ChainRequest, tasks: &[BatchTask]) -> Value {
    let mut document = json!({ "kind": "chain", "format": 1, "name": name, "version": "1.0.0" });
    if request.operation_name != name {
        document["title"] = Value::from(request.operation_name.as_str());
    }
    if let Some(mode) = request.mode {
        document["mode"] = json!(mode);
    }
    document["task"] = table(tasks);
    document
}

fn table(tasks: &[BatchTask]) -> Value {
    let task = |task: &BatchTask| {
        let mut table = Map::new();
        table.insert("type".to_owned(), Value::from(task.kind.as_str()));
        if !task.depends_on.is_empty() {
            table.insert("depends_on".to_owned(), json!(task.depends_on));
        }
        table.extend(task.settings.clone());
        (task.id.clone(), Value::Object(table))
    };
    tasks.iter().map(task).collect::<Map<_, _>>().into()
}

/// The tasks with the dependencies of both ways.
fn united(tasks: &[BatchTask], more: &IndexMap<String, Vec<String>>) -> Result<Vec<BatchTask>, AppError> {
    if tasks.is_empty() {
        return Err(AppError::usage("there are no tasks"));
    }
    let mut tasks = tasks.to_vec();
    check_ids(&tasks)?;
    let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
    let unknown = |id: &str, place: &str| {
        let error = AppError::usage(format!("{place} names the task `{id}`, which is not among the tasks"));
        match did_you_mean(id, ids.iter().map(String::as_str)) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!("the tasks are {}", ids.join(", "))),
        }
    };
    for (id, needs) in more {
        let task = tasks.iter_mut().find(|task| task.id == *id).ok_or_else(|| unknown(id, "`dependencies`"))?;
        let new = needs.iter().filter(|need| !task.depends_on.contains(need)).cloned().collect::<Vec<_>>();
        task.depends_on.extend(new);
    }
    for task in &tasks {
        for need in task.depends_on.iter().flat_map(|entry| entry.split('|')) {
            if !ids.iter().any(|id| id == need) {
                return Err(unknown(need, &format!("`depends_on` of `{}`", task.id)));
            }
        }
    }
    refuse_cycles(&tasks)?;
    Ok(tasks)
}

fn check_ids(tasks: &[BatchTask]) -> Result<(), AppError> {
    for (number, task) in tasks.iter().enumerate() {
        if !is_identifier(&task.id) {
            let fixed: String =
                task.id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
            let fixed = if is_identifier(&fixed) { fixed } else { format!("t_{fixed}") };
            return Err(AppError::usage(format!("`{}` is no id for a task: letters, digits and underscores", task.id))
                .with_hint(format!("such as `{fixed}`")));
        }
        if tasks[..number].iter().any(|other| other.id == task.id) {
            return Err(AppError::usage(format!("two tasks have the id `{}`", task.id)));
        }
    }
    Ok(())
}

fn refuse_cycles(tasks: &[BatchTask]) -> Result<(), AppError> {
    let needs = |id: &str| {
        let task = tasks.iter().find(|task| task.id == id);
        task.into_iter().flat_map(|task| &task.depends_on).flat_map(|entry| entry.split('|'))
    };
    let mut done: Vec<&str> = Vec::new();
    for start in tasks {
        // The way down to the task that is looked at, with what is left to look at on each step.
        let mut trail = vec![(start.id.as_str(), needs(&start.id).collect::<Vec<_>>())];
        while let Some((at, rest)) = trail.last_mut() {
            let at = *at;
            let Some(need) = rest.pop() else {
                done.push(at);
                trail.pop();
                continue;
            };
            if let Some(from) = trail.iter().position(|(id, _)| *id == need) {
                let cycle: Vec<&str> = trail[from..].iter().map(|(id, _)| *id).chain([need]).collect();
                return Err(AppError::usage(format!("tasks wait for each other: {}", cycle.join(" -> ")))
                    .with_hint("for a loop, let a rule lead back to the earlier task, with `max_visits` there"));
            }
            if !done.contains(&need) {
                trail.push((need, needs(need).collect()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, needs: &[&str]) -> BatchTask {
        let depends_on = needs.iter().map(|need| (*need).to_owned()).collect();
        BatchTask { id: id.to_owned(), kind: "adjust".to_owned(), depends_on, settings: Map::new() }
    }

    fn told(tasks: &[BatchTask], more: &[(&str, &[&str])]) -> String {
        let strings = |needs: &[&str]| needs.iter().map(|need| (*need).to_owned()).collect();
        let more = more.iter().map(|(id, needs)| ((*id).to_owned(), strings(needs))).collect();
        match united(tasks, &more) {
            Ok(tasks) => {
                tasks.iter().map(|t| format!("{}: {}", t.id, t.depends_on.join(","))).collect::<Vec<_>>().join("; ")
            }
            Err(AppError::Usage { message, hint }) => format!("{message}; {}", hint.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn dependencies_of_both_ways_are_united() {
        let tasks = [task("a", &[]), task("b", &["a"]), task("c", &["b"])];
        assert_eq!(told(&tasks, &[("c", &["a", "b"]), ("b", &["a"])]), "a: ; b: a; c: b,a");
        assert!(told(&tasks, &[("d", &["a"])]).contains("`dependencies` names the task `d`"));
        assert!(told(&[task("a", &["bb"]), task("bbb", &[])], &[]).ends_with("did you mean `bbb`?"));
        assert!(told(&tasks, &[("a", &["c"])]).contains("a -> c -> b -> a"), "{}", told(&tasks, &[("a", &["c"])]));
        assert!(told(&[task("a", &["a"])], &[]).contains("a -> a"));
        assert!(told(&[task("a-b", &[])], &[]).ends_with("such as `a_b`"));
        assert!(told(&[task("a", &[]), task("a", &[])], &[]).contains("two tasks"));
    }

    #[test]
    fn operations_have_names() {
        assert_eq!(document_name("Product_catalog, Q4").ok().as_deref(), Some("product-catalog-q4"));
        assert!(document_name("…").is_err() && document_name("").is_err());
    }
}
