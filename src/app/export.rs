//! Documents as files that ComfyUI opens: graphs in API format, or workflows of its editor.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::Value;

use super::{
    AppError, Session, atomic_write,
    graph_api::pretty,
    job::{JobOptions, RunnableJob, make_job},
};
use crate::{
    compile::Program,
    diagnostic::Diagnostic,
    graph::{BoundFile, Graph, GraphProblem, lost_in_drawing, own_classes, to_api, to_ui},
    ident::did_you_mean,
};

/// What a graph is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportForm {
    /// What `POST /prompt` takes.
    #[default]
    Api,
    /// What the editor saves, drawn.
    Ui,
}

/// What to export.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// Values of parameters or variables.
    pub job: JobOptions,
    /// The task of a chain, or one item of it; the first item of the only task without it.
    pub item: Option<String>,
    /// The form.
    pub form: ExportForm,
    /// The file to write; nothing is written without it.
    pub out: Option<PathBuf>,
    /// Whether to replace a file that is there.
    pub force: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The item, as `task[key=value]`.
    pub item: String,
    /// The graph or workflow.
    pub value: Value,
    /// Names that it has for files of the workspace: they belong into the input folder of the server.
    pub inputs: BTreeMap<String, String>,
    /// Inputs whose files other tasks make, with the names that it has for them.
    pub made: BTreeMap<String, String>,
    /// What is worth saying.
    pub diagnostics: Vec<Diagnostic>,
}

/// Exports the document that `document` means.
pub fn export(session: &Session, document: &str, options: &ExportOptions) -> Result<Exported, AppError> {
    let loaded = session.document(document)?;
    let job = make_job(session, &loaded, &options.job, &session.nodes)?;
    let (number, row) = chosen(&job.program, options.item.as_deref())?;
    let item = job.program.address(number, job.program.expansion.items[number].row(row));
    let exported = written(session, &job, (number, row), item, options.form)?;
    if let Some(out) = &options.out {
        if out.exists() && !options.force {
            let message = format!("{} is there already", out.display());
            return Err(AppError::usage(message).with_hint("replace it with --force"));
        }
        atomic_write(out, pretty(&exported.value).as_bytes(), None)?;
    }
    Ok(exported)
}

/// The task and the item that `wanted` names.
fn chosen(program: &Program, wanted: Option<&str>) -> Result<(usize, usize), AppError> {
    let tasks = &program.structure.tasks;
    let names = || tasks.iter().map(|task| task.name.as_str());
    let list = || names().collect::<Vec<_>>().join(", ");
    let name = match wanted {
        Some(wanted) => wanted.split('[').next().unwrap_or(wanted),
        None if tasks.len() == 1 => tasks[0].name.as_str(),
        None => {
            return Err(AppError::usage(format!("the chain has {} tasks, and each has a graph", tasks.len()))
                .with_hint(format!("name one with --item: {}", list())));
        }
    };
    let Some(number) = names().position(|task| task == name) else {
        let near = did_you_mean(name, names())
            .map_or_else(|| format!("there are {}", list()), |n| format!("did you mean {n}?"));
        return Err(AppError::usage(format!("there is no task `{name}`")).with_hint(near));
    };
    let items = &program.expansion.items[number];
    let address = |row| program.address(number, items.row(row));
    if items.is_empty() {
        return Err(AppError::usage(format!("the task `{name}` has no items")));
    }
    match wanted.filter(|wanted| wanted.contains('[')) {
        None => Ok((number, 0)),
        Some(wanted) => {
            (0..items.len()).find(|row| address(*row) == wanted).map(|row| (number, row)).ok_or_else(|| {
                AppError::usage(format!("there is no item {wanted}")).with_hint(format!(
                    "there are {} of them, the first is {}",
                    items.len(),
                    address(0)
                ))
            })
        }
    }
}

fn written(
    session: &Session,
    job: &RunnableJob,
    (number, row): (usize, usize),
    item: String,
    form: ExportForm,
) -> Result<Exported, AppError> {
    let (program, nodes) = (&job.program, &session.nodes);
    let row = program.expansion.items[number].row(row);
    let lowered = program.example(number, row, nodes, &*session.world, form == ExportForm::Ui).map_err(|error| {
        let place = program.place(number, error.key.as_deref());
        let span = job.loaded.parsed.tree.as_ref().map(|tree| tree.span_of(&place));
        let wrong = Diagnostic::error(error.code, &job.loaded.path, span, error.message.clone());
        AppError::Wrong(vec![match error.hint {
            Some(hint) => wrong.with_hint(hint),
            None => wrong,
        }])
    })?;
    let mut names = Names::default();
    let mut diagnostics = job.diagnostics.clone();
    let warn = |problem: &GraphProblem| {
        let at =
            problem.input.as_ref().map_or_else(|| problem.node.clone(), |input| format!("{}.{input}", problem.node));
        Diagnostic::warning(problem.code, &job.loaded.path, None, format!("node `{at}`: {}", problem.message))
    };
    diagnostics.extend(only_ours(&lowered.graph, job));
    let value = match form {
        ExportForm::Api => to_api(&lowered.graph, &mut |files| names.of(files)),
        ExportForm::Ui => {
            let drawn = to_ui(&lowered.graph, nodes, &lowered.bypassed, &mut |files| names.of(files));
            diagnostics.extend(lost_in_drawing(&lowered.graph, &drawn, nodes, &lowered.bypassed).iter().map(warn));
            drawn.workflow
        }
    };
    Ok(Exported { item, value, inputs: names.inputs, made: names.made, diagnostics })
}

/// Says which classes no server has.
fn only_ours(graph: &Graph, job: &RunnableJob) -> Option<Diagnostic> {
    let ours: BTreeSet<&str> =
        graph.nodes.values().map(|node| node.class.as_str()).filter(|class| own_classes().contains(class)).collect();
    let list = ours.into_iter().collect::<Vec<_>>().join(", ");
    let message = || format!("the graph has nodes that only comfywright runs: {list}");
    (!list.is_empty()).then(|| Diagnostic::warning("only-in-process", &job.loaded.path, None, message()))
}

/// The names that the graph has for files.
#[derive(Default)]
struct Names {
    inputs: BTreeMap<String, String>,
    made: BTreeMap<String, String>,
}

impl Names {
    /// One name, or a list of them.
    fn of(&mut self, files: &[BoundFile]) -> Value {
        match files {
            [one] => Value::from(self.name(one)),
            several => several.iter().map(|file| Value::from(self.name(file))).collect(),
        }
    }

    fn name(&mut self, file: &BoundFile) -> String {
        if let Some(input) = file.path.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            let name = format!("{}.png", input.replace(['.', '/'], "-"));
            self.made.insert(input.to_owned(), name.clone());
            return name;
        }
        let base = file.path.rsplit('/').next().unwrap_or(&file.path);
        // Two files of one name from different folders.
        let is_taken =
            |name: &str, inputs: &BTreeMap<String, String>| inputs.get(name).is_some_and(|path| *path != file.path);
        let mut name = base.to_owned();
        let mut number = 2;
        while is_taken(&name, &self.inputs) {
            name = format!("{number}-{base}");
            number += 1;
        }
        self.inputs.insert(name.clone(), file.path.clone());
        name
    }
}
