//! `comfywright run`, `cancel`, `approve` and `reject`.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::sync::mpsc;

use super::{
    GlobalArgs, Output,
    args::{ApproveArgs, CancelArgs, RejectArgs, RunArgs},
    plan::{job_options, opened, start},
    progress::{Show, observer},
    signals::interrupted_from_now,
    trial::{agreed, state_lines},
};
use crate::{
    app::{
        self, AppError, ExitCode, JobOptions, ReadyRun, RunRequest, Session, SessionOptions, Sources, TestState, Way,
        history, run_view::RunView,
    },
    ledger::folder_name,
    model::LOCK_FILE,
    plan::ItemIx,
    run::{Control, Counts, ItemState, RunOutcome, RunState},
};

/// How long `cancel` waits for what is on its way.
const CANCEL_WAIT: Duration = Duration::from_mins(1);

/// Threads that wait for disks, beside those that compute and prepare: each has memory of its own.
const WRITERS: usize = 12;

/// Runs `run`.
pub fn run(args: &RunArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match session(args, global) {
        Ok(session) => session,
        Err(error) => return output.fail("run", &error, &Sources::default()),
    };
    let ready = match &args.resume {
        Some(run) => app::ready_again(&session, run, args.verify),
        None => app::ready(&session, &request(args), &|forecast| agreed(forecast, args, output)),
    };
    if args.detach {
        return ready
            .and_then(|ready| detached(&session, ready, output))
            .unwrap_or_else(|error| output.fail("run", &error, &Sources::of(&session)));
    }
    carried_out("run", &session, ready, &[], show(args.events, output), output, args.open)
}

fn session(args: &RunArgs, global: &GlobalArgs) -> Result<Session, AppError> {
    let start = args.document.as_ref().map_or_else(|| global.workspace.clone(), |document| start(global, document));
    let options = SessionOptions { start, object_info: None };
    if args.confined { Session::open_for_client(&options) } else { Session::open(&options) }
}

fn request(args: &RunArgs) -> RunRequest {
    RunRequest {
        document: args.document.clone().unwrap_or_default(),
        options: JobOptions {
            seeds: args.seeds,
            only: args.only.clone(),
            way: Way { allow_spend: args.allow_spend, parallel: args.parallel, checkpoint: args.checkpoint },
            ..job_options(&args.target)
        },
        verify: args.verify,
        new: args.new,
        locked: args.locked,
        more: args.more,
        restart: args.restart,
    }
}

fn detached(session: &Session, ready: ReadyRun, output: Output) -> Result<ExitCode, AppError> {
    let (id, folder, continued) = (ready.id.to_string(), ready.folder.clone(), ready.continued);
    app::detach(session, ready)?;
    let run = folder_name(&folder);
    output.line(&format!("run {run} {}", if continued { "goes on" } else { "has begun" }));
    output.line(&format!("follow it with comfywright status {run}, end it with comfywright cancel {run}"));
    let data = json!({ "run": id, "state": RunState::Running.name(), "folder": folder, "continued": continued });
    Ok(output.finish("run", ExitCode::Done, data, &[], &Sources::of(session)))
}

/// Runs `cancel`.
pub fn cancel(args: &CancelArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail("cancel", &error, &Sources::default()),
    };
    let cancelled = app::open_ledger(&session).and_then(|ledger| {
        let row = history::find_run(&ledger, &args.run)?;
        app::cancel(&session, &ledger, &row, CANCEL_WAIT)
    });
    match cancelled {
        Ok(row) => {
            let view = RunView::of(&row);
            output.line(&format!("run {} is {}: {}", view.folder_name(), view.state, view.counts_text()));
            let code = if row.state == RunState::Cancelled { ExitCode::Done } else { ExitCode::Failures };
            output.finish("cancel", code, json!(view), &[], &Sources::of(&session))
        }
        Err(error) => output.fail("cancel", &error, &Sources::of(&session)),
    }
}

/// Runs `approve`.
pub fn approve(args: &ApproveArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    decide("approve", &args.run, &args.items, Control::Approve, global, output)
}

/// Runs `reject`.
pub fn reject(args: &RejectArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    decide("reject", &args.run, &args.items, Control::Reject, global, output)
}

fn decide(
    verb: &str,
    run: &str,
    items: &[String],
    control: fn(ItemIx) -> Control,
    global: &GlobalArgs,
    output: Output,
) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail(verb, &error, &Sources::default()),
    };
    let ready =
        app::ready_again(&session, run, false).and_then(|ready| ready.named_items(items).map(|named| (ready, named)));
    match ready {
        Ok((ready, named)) => {
            let controls: Vec<Control> = named.into_iter().map(control).collect();
            carried_out(verb, &session, Ok(ready), &controls, show(false, output), output, false)
        }
        Err(error) => output.fail(verb, &error, &Sources::of(&session)),
    }
}

pub(super) fn show(events: bool, output: Output) -> Show {
    if events {
        Show::Events
    } else if output.json {
        Show::Nothing
    } else if std::io::stderr().is_terminal() {
        Show::Bars
    } else {
        Show::Lines
    }
}

pub(super) fn carried_out(
    verb: &str,
    session: &Session,
    ready: Result<ReadyRun, AppError>,
    controls: &[Control],
    show: Show,
    output: Output,
    open: bool,
) -> ExitCode {
    let sources = Sources::of(session);
    let ready = match ready {
        Ok(ready) => ready,
        Err(error) => return output.fail(verb, &error, &sources),
    };
    if ready.continued && show != Show::Events {
        output.note(&format!("continuing run {}", folder_name(&ready.folder)));
    }
    let drifted = ready.job.diagnostics.iter().filter(|d| d.file.as_ref() == LOCK_FILE).count();
    if drifted > 0 && show != Show::Events {
        let differences = app::count(drifted, "difference");
        output.note(&format!("not everything is as {LOCK_FILE} says: {differences}, told at the end"));
    }
    let (id, folder, place) = (ready.id, ready.folder.clone(), ready.absolute_folder());
    let path = ready.job.loaded.path.to_string();
    let mut diagnostics = ready.job.diagnostics.clone();
    let aftermath = ready.aftermath();
    let is_test = ready.job.terms.is_some();
    let asks = ready.job.terms.as_ref().filter(|terms| terms.asks_people()).map(|terms| terms.test.clone());
    let forecast = ready.forecast.clone();
    let against = ready.against().unwrap_or(&session.against).to_owned();
    let begun = Instant::now();
    match until_done(ready, controls, show) {
        Ok(outcome) => {
            let code = exit_code(&outcome);
            let test = if is_test { test_state(session, &id.to_string()) } else { None };
            diagnostics.extend(test.iter().flat_map(|test| test.diagnostics(session, &path)));
            // What cannot be read any more is still in the lines of the items.
            diagnostics.extend(aftermath.diagnostics(session).unwrap_or_default());
            let mut data = json!({
                "run": id.to_string(),
                "state": outcome.state.name(),
                "folder": folder,
                "against": against,
                "counts": counts_json(&outcome.counts),
            });
            if let Some(forecast) = forecast {
                data["forecast"] = json!(forecast);
            }
            if let Some(test) = &test {
                data["decision"] = json!(test);
            }
            if show == Show::Events {
                return code;
            }
            output.line(&format!("{} in {:.1} s", summary(&outcome), begun.elapsed().as_secs_f64()));
            output.line(&format!("{folder}/"));
            if let Some(test) = &test {
                output.line("");
                state_lines(test).iter().for_each(|line| output.line(line));
            }
            tell_next(&outcome, &folder, asks.as_deref(), output);
            if open && let Err(error) = opener::open(&place) {
                output.note(&format!("failed to open {folder}: {error}"));
            }
            output.finish(verb, code, data, &diagnostics, &sources)
        }
        Err(error) => output.fail(verb, &error, &sources),
    }
}

/// How a test stands. What cannot be read any more is told by `show`.
fn test_state(session: &Session, run: &str) -> Option<TestState> {
    let ledger = app::existing_ledger(session).ok()??;
    let row = ledger.run(run).ok()?;
    app::test_of_run(session, &ledger, &row).ok()?
}

/// Carries the run out on a runtime of its own. The first Ctrl-C stops submitting; the second ends
/// the process at once.
fn until_done(ready: ReadyRun, controls: &[Control], show: Show) -> Result<RunOutcome, AppError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(WRITERS + 2 * cores)
        .enable_all()
        .build()
        .map_err(|e| AppError::environment(format!("failed to start threads: {e}")))?;
    let (sender, receiver) = mpsc::unbounded_channel();
    for control in controls {
        // The receiver is alive: it is handed over below.
        let _ = sender.send(control.clone());
    }
    let told_to_end = {
        let _within = runtime.enter();
        interrupted_from_now()
    };
    runtime.spawn(async move {
        told_to_end.await;
        // The run may have ended in the meantime.
        let _ = sender.send(Control::Stop);
    });
    // Among the threads of its workers: what they tell it wakes no other thread.
    let carried_out = runtime.spawn(ready.carry_out(observer(show), receiver));
    let outcome = runtime.block_on(carried_out);
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Err(AppError::environment(error.to_string())),
    })
}

fn exit_code(outcome: &RunOutcome) -> ExitCode {
    match outcome.state {
        RunState::Stopped | RunState::Cancelled | RunState::Running | RunState::Paused => ExitCode::Interrupted,
        _ if outcome.counts.total(ItemState::is_failure) > 0 => ExitCode::Failures,
        RunState::Held => ExitCode::Held,
        RunState::Complete => ExitCode::Done,
    }
}

fn summary(outcome: &RunOutcome) -> String {
    let parts = ItemState::ALL.into_iter().map(|state| (outcome.counts.of(state), state)).filter(|(n, _)| *n > 0);
    parts.map(|(n, state)| format!("{n} {}", state.name().replace('_', " "))).collect::<Vec<_>>().join(", ")
}

/// What to do now; `asks` is the test of whose samples people are asked.
fn tell_next(outcome: &RunOutcome, folder: &str, asks: Option<&str>, output: Output) {
    let run = folder_name(folder);
    match (outcome.state, asks) {
        (RunState::Held, Some(test)) => {
            let waiting = app::count(outcome.counts.of(ItemState::Held) as usize, "sample");
            output.line(&format!("the next look needs what people say of {waiting}: comfywright rate {test}"));
            output.line(&format!("then go on: comfywright run {test}"));
        }
        (RunState::Held, None) => output.line(&format!("held items wait: comfywright approve {run} [ITEM], or reject")),
        (RunState::Stopped, _) => output.line("stopped; run it again to go on"),
        _ if outcome.counts.total(ItemState::is_failure) > 0 => {
            output.line(&format!("what failed and why: comfywright show {run}"));
        }
        _ => {}
    }
}

fn counts_json(counts: &Counts) -> serde_json::Value {
    let all = ItemState::ALL.into_iter().filter(|state| counts.of(*state) > 0);
    all.map(|state| (state.name().to_owned(), json!(counts.of(state)))).collect::<serde_json::Map<_, _>>().into()
}
