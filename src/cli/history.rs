//! `comfywright status`, `runs` and `show`, and the items of `explain`.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    GlobalArgs, Output,
    args::{ShowArgs, StatusArgs},
    plan::{columns, opened},
    trial::state_lines,
};
use crate::{
    app::{
        self, AppError, ExitCode, Session, Sources, history,
        run_view::{ItemView, RunView, by_task, counts_text},
    },
    diagnostic::Diagnostic,
    ledger::{ItemRow, Ledger, RunRow},
    run::ItemState,
};

/// How many runs `runs` lists.
const LISTED: u32 = 50;

/// Answers a verb whose work gives lines and JSON.
pub(super) fn answer(
    verb: &str,
    global: &GlobalArgs,
    output: Output,
    work: impl FnOnce(&Session, &Ledger) -> Result<(Vec<String>, Value), AppError>,
) -> ExitCode {
    answer_with(verb, global, output, |session, ledger| work(session, ledger).map(|(l, d)| (l, d, Vec::new())))
}

/// Answers a verb that has something to say about files as well.
fn answer_with(
    verb: &str,
    global: &GlobalArgs,
    output: Output,
    work: impl FnOnce(&Session, &Ledger) -> Result<(Vec<String>, Value, Vec<Diagnostic>), AppError>,
) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail(verb, &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match app::open_ledger(&session).and_then(|ledger| work(&session, &ledger)) {
        Ok((lines, data, diagnostics)) => {
            lines.iter().for_each(|line| output.line(line));
            output.finish(verb, ExitCode::Done, data, &diagnostics, &sources)
        }
        Err(error) => output.fail(verb, &error, &sources),
    }
}

/// Runs `runs`.
pub fn runs(global: &GlobalArgs, output: Output) -> ExitCode {
    answer("runs", global, output, |_, ledger| {
        let found = history::runs(ledger, LISTED)?;
        let head = ["run", "document", "state", "items", "started"].map(str::to_owned);
        let rows = found.iter().map(|run| {
            let view = RunView::of(run);
            [
                view.folder_name().to_owned(),
                format!("{} {}", run.document, run.version),
                view.state.clone(),
                view.counts_text(),
                time(run.started_ns),
            ]
        });
        let lines =
            if found.is_empty() { vec!["no runs yet".to_owned()] } else { columns(std::iter::once(head).chain(rows)) };
        Ok((lines, json!({ "runs": found.iter().map(RunView::of).collect::<Vec<_>>() })))
    })
}

/// Runs `status`.
pub fn status(args: &StatusArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    if args.watch {
        return super::watch::run(args.run.as_deref().unwrap_or("last"), global, output);
    }
    answer("status", global, output, |_, ledger| {
        let run = history::find_run(ledger, args.run.as_deref().unwrap_or("last"))?;
        let items = history::items(ledger, &run)?;
        let (view, tasks) = (RunView::of(&run), by_task(&items));
        let mut lines =
            vec![head_line(&view), format!("started {}", time(run.started_ns)), view.counts_text(), String::new()];
        lines.extend(columns(tasks.iter().map(|(task, counts)| [task.clone(), counts_text(counts).join(", ")])));
        let held = items.iter().filter(|i| i.state == ItemState::Held);
        lines.extend(held.map(|i| format!("held: {}{}", i.address, why(i))));
        let mut data = json!(view);
        data["tasks"] = json!(tasks);
        Ok((lines, data))
    })
}

/// Runs `show`.
pub fn show(args: &ShowArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    answer_with("show", global, output, |session, ledger| {
        let path = Path::new(&args.subject);
        if path.is_file() && path.extension().is_some_and(|e| e != "toml" && e != "kdl") {
            return show_file(path).map(|(lines, data)| (lines, data, Vec::new()));
        }
        let run = history::find_run(ledger, &args.subject)?;
        let (lines, data) = match &args.item {
            Some(address) => show_item(ledger, &run, address)?,
            None => show_run(session, ledger, &run)?,
        };
        Ok((lines, data, app::fault_diagnostics(session, ledger, &run)?))
    })
}

/// What made a file, from the record in it.
fn show_file(path: &Path) -> Result<(Vec<String>, Value), AppError> {
    let bytes =
        std::fs::read(path).map_err(|e| AppError::environment(format!("failed to read {}: {e}", path.display())))?;
    let record = history::record(&bytes)
        .ok_or_else(|| AppError::usage(format!("{} carries no record of comfywright", path.display())))?;
    let lines = columns(
        record
            .iter()
            .map(|(key, value)| [key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]),
    );
    Ok((lines, json!({ "file": path.display().to_string(), "record": record })))
}

fn show_run(session: &Session, ledger: &Ledger, run: &RunRow) -> Result<(Vec<String>, Value), AppError> {
    let items = history::items(ledger, run)?;
    let view = RunView::of(run);
    let mut lines = vec![head_line(&view), String::new()];
    let test = app::test_of_run(session, ledger, run)?;
    if let Some(test) = &test {
        lines.extend(state_lines(test).into_iter().chain([String::new()]));
    }
    lines.extend(columns(
        items.iter().map(|i| [i.state.name().to_owned(), i.address.clone(), format!("{}{}", file_text(i), why(i))]),
    ));
    let mut data = json!(view);
    if let Some(test) = &test {
        data["decision"] = json!(test);
    }
    data["items_list"] = items.iter().map(|item| json!(ItemView::of(item))).collect();
    Ok((lines, data))
}

fn show_item(ledger: &Ledger, run: &RunRow, address: &str) -> Result<(Vec<String>, Value), AppError> {
    let (item, decisions) = history::item(ledger, run, address)?;
    let mut rows = vec![
        ["item".to_owned(), item.address.clone()],
        ["state".to_owned(), format!("{}{}", item.state.name(), why(&item))],
        ["visits".to_owned(), item.visits.to_string()],
        ["attempt".to_owned(), item.attempt.to_string()],
    ];
    rows.extend(item.executor.iter().map(|e| ["ran on".to_owned(), e.clone()]));
    rows.extend(item.fingerprint.iter().map(|f| ["fingerprint".to_owned(), f.clone()]));
    if let Some(result) = &item.result {
        rows.extend(result.files.iter().map(|f| [f.output.clone(), f.path.clone()]));
        rows.extend(result.metrics.iter().map(|(name, value)| [name.clone(), format!("{value:.4}")]));
    }
    for row in &decisions {
        let inputs: Vec<String> = row.decision.inputs.iter().map(|(k, v)| format!("{k} = {v}")).collect();
        let rule = if row.decision.text.is_empty() { "no rule matched".to_owned() } else { row.decision.text.clone() };
        rows.push(["decision".to_owned(), format!("{rule} ({}) [{}]", row.decision.target, inputs.join(", "))]);
    }
    let mut data = json!(ItemView::of(&item));
    data["decisions"] = decisions
        .iter()
        .map(|d| json!({ "rule": d.decision.text, "target": d.decision.target, "inputs": d.decision.inputs, "time_ns": d.time_ns }))
        .collect();
    Ok((columns(rows.into_iter()), data))
}

/// Says why an item was made again.
pub fn explain(run: &str, item: &str, global: &GlobalArgs, output: Output) -> ExitCode {
    answer("explain", global, output, |_, ledger| {
        let run = history::find_run(ledger, run)?;
        let (item, _) = history::item(ledger, &run, item)?;
        let explanation = history::explain(ledger, &run, &item)?;
        let Some(earlier) = &explanation.earlier else {
            let line = format!("{} was made for the first time", item.address);
            return Ok((
                vec![line],
                json!({ "item": item.address, "state": item.state.name(), "earlier": null, "changes": [] }),
            ));
        };
        let mut lines = vec![if explanation.changes.is_empty() {
            format!("{}: nothing changed since run {}", item.address, RunView::of(earlier).folder_name())
        } else {
            format!("{}: changed since run {}", item.address, RunView::of(earlier).folder_name())
        }];
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not there)".to_owned());
        lines.extend(
            explanation
                .changes
                .iter()
                .map(|(name, before, now)| format!("  {name}: {} -> {}", shown(before), shown(now))),
        );
        let changes: Vec<Value> = explanation
            .changes
            .iter()
            .map(|(name, before, now)| json!({ "part": name, "before": before, "now": now }))
            .collect();
        Ok((
            lines,
            json!({ "item": item.address, "state": item.state.name(), "earlier": earlier.id, "changes": changes }),
        ))
    })
}

fn head_line(run: &RunView) -> String {
    format!("{} {} · run {} · {}", run.document, run.version, run.folder_name(), run.state)
}

pub(super) fn time(ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ns))
        .map_or_else(|_| String::new(), |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn why(item: &ItemRow) -> String {
    item.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn file_text(item: &ItemRow) -> String {
    let result = item.result.as_ref();
    result.and_then(|r| r.files.first()).map_or_else(String::new, |f| f.path.clone())
}
