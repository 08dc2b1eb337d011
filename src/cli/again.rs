//! `comfywright retry`, `pause` and `continue`.

use clap::Args;
use serde_json::json;

use super::{
    GlobalArgs, Output,
    history::answer,
    plan::opened,
    run::{carried_out, show},
};
use crate::{
    app::{self, AgainRequest, AppError, ExitCode, Sources, Wanted, count, run_view::RunView},
    ledger::{Ledger, RunRow},
};

/// `comfywright retry`
#[derive(Args, Clone, Debug)]
pub struct RetryArgs {
    /// A run
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Items such as generate[sku=A1], whatever became of them, or tasks for their failed items; all failed ones without any
    #[arg(value_name = "TASK[ITEM]")]
    pub items: Vec<String>,

    /// A task stands for all of its items, not only the failed ones
    #[arg(long, requires = "items")]
    pub all: bool,

    /// Make everything again that was made of them
    #[arg(long)]
    pub downstream: bool,
}

/// `comfywright pause`
#[derive(Args, Clone, Debug)]
pub struct PauseArgs {
    /// A run on which a process works
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// `comfywright continue`
#[derive(Args, Clone, Debug)]
pub struct ContinueArgs {
    /// A run that waits
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// Runs `retry`: by the process that works on the run, or else by this one.
pub fn retry(args: &RetryArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("retry", &error, &Sources::default()),
    };
    let request =
        AgainRequest { run: args.run.clone(), items: args.items.clone(), all: args.all, downstream: args.downstream };
    let told = app::open_ledger(&session).and_then(|ledger| {
        let wanted = app::wanted_again(&ledger, &request)?;
        let is_told = app::tell(&ledger, &wanted.run, &wanted.control)?;
        Ok((wanted, is_told))
    });
    match told {
        Ok((wanted, true)) => {
            output.line(&format!("{} again, by the process that works on the run", what(&wanted)));
            let data = json!({ "run": wanted.run.id, "items": wanted.items, "told": true });
            output.finish("retry", ExitCode::Done, data, &[], &Sources::of(&session))
        }
        Ok((wanted, false)) => {
            output.note(&format!("{} again", what(&wanted)));
            let ready = app::ready_again(&session, &wanted.run.id, false);
            carried_out("retry", &session, ready, &[wanted.control], show(false, output), output, false)
        }
        Err(error) => output.fail("retry", &error, &Sources::of(&session)),
    }
}

fn what(wanted: &Wanted) -> String {
    match wanted.items.as_slice() {
        [one] => one.clone(),
        several => count(several.len(), "item"),
    }
}

/// Runs `pause`.
pub fn pause(args: &PauseArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    tell("pause", global, output, |ledger| {
        let run = app::pause(ledger, &args.run)?;
        let name = RunView::of(&run).folder_name().to_owned();
        Ok((run, format!("run {name} waits: what runs is finished; it goes on with comfywright continue {name}")))
    })
}

/// Runs `continue`.
pub fn go_on(args: &ContinueArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    tell("continue", global, output, |ledger| {
        let run = app::continue_run(ledger, &args.run)?;
        let line = format!("run {} goes on", RunView::of(&run).folder_name());
        Ok((run, line))
    })
}

fn tell(
    verb: &str,
    global: &GlobalArgs,
    output: Output,
    work: impl FnOnce(&Ledger) -> Result<(RunRow, String), AppError>,
) -> ExitCode {
    answer(verb, global, output, |_, ledger| work(ledger).map(|(run, line)| (vec![line], json!({ "run": run.id }))))
}
