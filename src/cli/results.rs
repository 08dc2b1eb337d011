//! `comfywright results`: the files that a run has made.

use clap::Args;
use serde_json::{Value, json};

use super::{GlobalArgs, Output, history::answer, plan::columns};
use crate::{
    app::{
        AppError, ExitCode, history as runs,
        run_view::{RunView, results, task_of},
    },
    ledger::Ledger,
};

/// `comfywright results`
#[derive(Args, Clone, Debug)]
pub struct ResultsArgs {
    /// A run; the latest one without it
    #[arg(value_name = "RUN")]
    pub run: Option<String>,

    /// Only those of this task, or of this item
    #[arg(long, value_name = "TASK[ITEM]")]
    pub task: Option<String>,

    /// Tell what is there so far of a run that has not ended
    #[arg(long)]
    pub partial: bool,
}

/// Runs the verb.
pub fn run(args: &ResultsArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    answer("results", global, output, |_, ledger| files_of(ledger, args))
}

fn files_of(ledger: &Ledger, args: &ResultsArgs) -> Result<(Vec<String>, Value), AppError> {
    let row = runs::find_run(ledger, args.run.as_deref().unwrap_or("last"))?;
    let items = runs::items(ledger, &row)?;
    let view = RunView::of(&row);
    let has_ended = row.state.has_ended();
    if !has_ended && !args.partial {
        return Err(AppError::usage(format!("run {} has not ended: {}", view.folder_name(), view.counts_text()))
            .with_hint("see what is there so far: --partial"));
    }
    let files = results(&items, args.task.as_deref());
    let named = args.task.as_deref().filter(|_| files.is_empty());
    if let Some(task) = named.filter(|task| !items.iter().any(|i| i.address == **task || task_of(&i.address) == *task))
    {
        return Err(AppError::usage(format!("nothing has happened to a task or item \"{task}\" in this run"))
            .with_hint("`comfywright status RUN` lists the tasks"));
    }
    let head = ["item", "file", "size", "measured"].map(str::to_owned);
    let rows = files.iter().map(|file| {
        let size = if file.width > 0 { format!("{} x {}", file.width, file.height) } else { String::new() };
        let shown = |(name, _): &(&String, &f64)| !["width", "height", "seconds", "cost"].contains(&name.as_str());
        let metrics: Vec<String> =
            file.metrics.iter().filter(shown).map(|(name, value)| format!("{name} {value:.3}")).collect();
        [file.item.clone(), file.path.clone(), size, metrics.join(", ")]
    });
    let mut lines = columns(std::iter::once(head).chain(rows));
    if files.is_empty() {
        lines = vec!["no files yet".to_owned()];
    }
    if !has_ended {
        lines.push(format!("so far: {}", view.counts_text()));
    }
    let data = json!({
        "run": view.run, "state": view.state, "complete": has_ended, "items": view.items, "counts": view.counts,
        "files": files,
    });
    Ok((lines, data))
}
