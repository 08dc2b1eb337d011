//! `comfywright plan`: what a run would do.

use std::path::PathBuf;

use serde_json::json;

use super::{
    GlobalArgs, Output,
    args::{PlanArgs, TargetArgs},
    trial::forecast_lines,
};
use crate::{
    app::{
        self, AppError, ExitCode, GraphFormat, JobOptions, PlanOutlook, PlanSummary, Planned, PlannedTask, Session,
        SessionOptions, Sources,
    },
    plan::{Plan, PlanTask, TaskIx},
};

/// Runs the verb.
pub fn run(args: &PlanArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let options = SessionOptions { start: start(global, &args.document), object_info: args.object_info.clone() };
    let session = match Session::open(&options) {
        Ok(session) => session,
        Err(error) => return output.fail("plan", &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    let answered = app::plan(&session, &args.document, &job_options(&args.target))
        .and_then(|planned| drawn(&planned, args).map(|graph| (planned, graph)));
    match answered {
        Ok((planned, graph)) => answer(&planned, graph, &sources, output),
        Err(error) => output.fail("plan", &error, &sources),
    }
}

/// The graph that was asked for, written to the file that was named.
enum Graph {
    Text(GraphFormat, String),
    File(GraphFormat, PathBuf),
}

fn drawn(planned: &Planned, args: &PlanArgs) -> Result<Option<Graph>, AppError> {
    let Some(format) = args.graph else { return Ok(None) };
    let text = app::plan_graph(planned, format, &args.expand)?;
    let Some(path) = &args.out else { return Ok(Some(Graph::Text(format, text))) };
    app::atomic_write(path, text.as_bytes(), None)?;
    Ok(Some(Graph::File(format, path.clone())))
}

/// Where to look for the workspace: the folder that was given, else around the document.
pub(super) fn start(global: &GlobalArgs, document: &str) -> Option<std::path::PathBuf> {
    let path = std::path::Path::new(document);
    global.workspace.clone().or_else(|| path.is_file().then(|| path.to_path_buf()))
}

/// What the command line says about a run.
pub(super) fn job_options(target: &TargetArgs) -> JobOptions {
    JobOptions {
        set: target.set.iter().map(|(name, text)| (name.clone(), app::setting_value(text))).collect(),
        servers: target.server.clone(),
        ..JobOptions::default()
    }
}

fn answer(planned: &Planned, graph: Option<Graph>, sources: &Sources, output: Output) -> ExitCode {
    let summary = planned.summary();
    let mut data = json!(summary);
    if let Some(test) = &planned.test {
        data["forecast"] = json!(test);
    }
    match graph {
        Some(Graph::Text(format, text)) => {
            output.text(&text);
            data["graph"] = json!({ "format": format.name(), "text": text });
        }
        Some(Graph::File(format, path)) => {
            told(&summary, planned, output);
            output.line("");
            output.line(&format!("wrote {}", path.display()));
            data["graph"] = json!({ "format": format.name(), "file": path.display().to_string() });
        }
        None => told(&summary, planned, output),
    }
    output.finish("plan", ExitCode::Done, data, &planned.job.diagnostics, sources)
}

fn told(summary: &PlanSummary, planned: &Planned, output: Output) {
    let plan = &planned.job.plan;
    output.line(&format!(
        "{} {} · {} tasks, {} items",
        summary.document,
        summary.version,
        summary.tasks.len(),
        summary.items
    ));
    output.line("");
    table(summary, plan).iter().for_each(|line| output.line(line));
    output.line("");
    diagram(plan).iter().for_each(|line| output.line(line));
    if let Some(outlook) = &summary.outlook {
        output.line("");
        outlook_lines(outlook).iter().for_each(|line| output.line(line));
    }
    if let Some(test) = &planned.test {
        output.line("");
        forecast_lines(test).iter().for_each(|line| output.line(line));
    }
}

fn outlook_lines(outlook: &PlanOutlook) -> Vec<String> {
    let mut lines = vec![format!("at least {}, {}", outlook.time_text(outlook.lower_bound), outlook.told)];
    lines.push(format!("longest way: {}", outlook.critical_path.join(" -> ")));
    if outlook.unit == "steps" {
        lines.push("no run has told how long anything takes: every item counts as one step".to_owned());
    }
    lines
}

fn table(summary: &PlanSummary, plan: &Plan) -> Vec<String> {
    let row = |(task, planned): (&PlannedTask, &PlanTask)| {
        [
            task.name.clone(),
            task.kind.clone(),
            format!("x{}", task.items),
            task.executor.clone(),
            task.told(),
            waits(plan, planned),
        ]
    };
    let head = ["task", "type", "items", "runs on", "this run", "after"].map(str::to_owned);
    columns(std::iter::once(head).chain(summary.tasks.iter().zip(&plan.tasks).map(row)))
}

/// Rows with aligned columns; nothing trails.
pub(super) fn columns<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> Vec<String> {
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn name(plan: &Plan, task: TaskIx) -> &str {
    &plan.tasks[task.0 as usize].name
}

fn waits(plan: &Plan, task: &PlanTask) -> String {
    let entries = task.depends_on.iter().map(|entry| {
        let names: Vec<&str> = entry.alternatives.iter().map(|t| name(plan, *t)).collect();
        if entry.gathered { format!("all of {}", names.join("|")) } else { names.join("|") }
    });
    let routers = task.routed_from.iter().map(|t| format!("when {} routes here", name(plan, *t)));
    entries.chain(routers).collect::<Vec<_>>().join(", ")
}

/// The tasks by their distance from the start, with the edges that leave each.
fn diagram(plan: &Plan) -> Vec<String> {
    let mut level = vec![0usize; plan.tasks.len()];
    for (number, task) in plan.tasks.iter().enumerate() {
        let parents = task.depends_on.iter().flat_map(|e| &e.alternatives).chain(&task.routed_from);
        let above = parents.filter(|p| (p.0 as usize) < number).map(|p| level[p.0 as usize] + 1);
        level[number] = above.max().unwrap_or(0);
    }
    let deepest = level.iter().copied().max().unwrap_or(0);
    let mut lines = Vec::new();
    for depth in 0..=deepest {
        let at = plan.tasks.iter().zip(&level).filter(|(_, l)| **l == depth);
        let boxes: Vec<String> = at.map(|(task, _)| format!("[{} x{}]", task.name, task.items.len())).collect();
        if depth > 0 {
            lines.push("   |".to_owned());
        }
        lines.push(boxes.join("   "));
    }
    let routes =
        plan.tasks.iter().flat_map(|task| task.rules.iter().map(move |rule| format!("  {}: {}", task.name, rule.text)));
    let routes: Vec<String> = routes.collect();
    if !routes.is_empty() {
        lines.extend([String::new(), "rules".to_owned()]);
        lines.extend(routes);
    }
    lines
}

/// The error of a verb that needs an opened workspace.
pub(super) fn opened(global: &GlobalArgs, document: Option<&str>) -> Result<Session, AppError> {
    let start = document.map_or_else(|| global.workspace.clone(), |document| start(global, document));
    Session::open(&SessionOptions { start, object_info: None })
}
