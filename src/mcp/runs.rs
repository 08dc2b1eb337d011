//! `run_file` and `cancel_run`. A run goes on when the call that began it has been
//! answered; it ends with the process.

use std::{sync::Arc, time::Duration};

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    findings::Refusal,
    plan::{Seeds, job_options},
    progress::{self, LONGEST_WAIT, Watched},
    shared::Shared,
    tool::{About, Answer, Callable, Caller, Effect, on_a_thread, waiting},
};
use crate::app::{
    self, Readiness, RunRequest,
    client_files::ClientFiles,
    run_view::{RunView, StateCounts},
};

/// How long `cancel_run` waits for what is on its way.
const CANCEL_WAIT: Duration = Duration::from_secs(10);

pub(super) fn tools() -> Vec<Callable> {
    vec![
        waiting(
            &About {
                name: "run_file",
                title: "Run a document",
                description: "Starts a chain or preset, or goes on with an unfinished run of the same work, and \
                              answers at once with a run_id for get_run. What was made before is reused.",
                effect: Effect::Runs,
            },
            run_file,
        ),
        progress::tool(),
        waiting(
            &About {
                name: "cancel_run",
                title: "Cancel a run",
                description: "Gives up a run that this server works on. Finished results stay.",
                effect: Effect::Ends,
            },
            cancel_run,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RunFile {
    /// A chain or preset: its path, or its name
    document: String,
    /// Values for parameters of a preset or vars of a chain
    #[serde(default)]
    set: IndexMap<String, Value>,
    /// Run a preset once for each seed
    seeds: Option<Seeds>,
    /// Servers of comfywright.toml to use, or native
    #[serde(default)]
    servers: Vec<String>,
    /// Only this task and what it needs
    only: Option<String>,
    /// Begin anew although an unfinished run could go on
    #[serde(default)]
    new: bool,
}

#[derive(Serialize, JsonSchema)]
struct Begun {
    run_id: String,
    document: String,
    folder: String,
    items: u32,
    /// An earlier process began it.
    continued: bool,
    /// A process was working on it already.
    already_running: bool,
}

async fn run_file(shared: Arc<Shared>, arguments: RunFile, _: Caller) -> Result<Answer<Begun>, Refusal> {
    let options = job_options(&arguments.set, arguments.seeds, &arguments.servers, arguments.only.as_deref())?;
    let (document, new) = (arguments.document, arguments.new);
    let preparing = shared.clone();
    let readiness = on_a_thread(move || {
        preparing.with(|session| {
            let document = ClientFiles::open(session)?.document(&document)?;
            app::ready_unless_active(session, &RunRequest { document, options, verify: false, new, locked: false })
        })
    });
    let begun = match readiness.await? {
        Readiness::Active(row) => Begun {
            run_id: row.id.clone(),
            document: row.document.clone(),
            folder: row.folder.clone(),
            items: row.items,
            continued: true,
            already_running: true,
        },
        Readiness::Ready(ready) => {
            let begun = Begun {
                run_id: ready.id.to_string(),
                document: ready.job.plan.document.clone(),
                folder: ready.folder.clone(),
                items: ready.job.plan.items.len() as u32,
                continued: ready.continued,
                already_running: false,
            };
            shared.runs.start(*ready, Arc::new(|_| ()));
            begun
        }
    };
    let verb = match (begun.already_running, begun.continued) {
        (true, _) => "is running already",
        (_, true) => "goes on",
        _ => "has begun",
    };
    let text = format!(
        "run {} of {} {verb}: {} items, results in {}/\nfollow it with get_run, wait {LONGEST_WAIT}",
        begun.run_id, begun.document, begun.items, begun.folder
    );
    Ok(Answer::new(text, begun))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CancelRun {
    /// As `run_file` gave it
    run_id: String,
}

#[derive(Serialize, JsonSchema)]
struct CancelOutcome {
    run_id: String,
    /// The call ended it; otherwise there was nothing to end.
    cancelled: bool,
    /// running, stopped, held, complete or cancelled.
    state: String,
    counts: StateCounts,
}

async fn cancel_run(
    shared: Arc<Shared>,
    arguments: CancelRun,
    caller: Caller,
) -> Result<Answer<CancelOutcome>, Refusal> {
    let mut watched = Watched::find(&shared, arguments.run_id).await?;
    let told = shared.runs.cancel(&watched.row.id);
    if !told && watched.is_active {
        return Err(Refusal(format!("another process works on run {}; stop it there, with Ctrl-C", watched.row.id)));
    }
    watched.until_ended(&shared, CANCEL_WAIT, &caller).await?;
    let view = RunView::of(&watched.row);
    let text = match (told, watched.is_active) {
        (true, true) => format!("run {} is being cancelled: {}", view.run, view.counts_text()),
        (true, false) => format!("run {} is {}: {}", view.run, view.state, view.counts_text()),
        (false, _) => format!("nothing works on run {}; it is {}: {}", view.run, view.state, view.counts_text()),
    };
    Ok(Answer::new(text, CancelOutcome { run_id: view.run, cancelled: told, state: view.state, counts: view.counts }))
}
