//! `run_file` and `cancel_run`. A run is a process of its own: it goes on when the call that began it
//! has been answered, and when the server has ended.

use std::{sync::Arc, time::Duration};

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    findings::{Refusal, refused},
    plan::{Seeds, job_options},
    progress::{self, LONGEST_WAIT, Watched},
    shared::Shared,
    tool::{About, Answer, Callable, Caller, Effect, on_a_thread, waiting},
};
use crate::app::{
    self, AppError, Readiness, RunRequest, Session, Sources, TestForecast,
    client_files::ClientFiles,
    history,
    run_view::{RunView, StateCounts},
};
use crate::run::RunState;

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
                description: "Gives a run up, whichever process works on it. Finished results stay.",
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

/// A run that goes on in a process of its own.
#[derive(Serialize, JsonSchema)]
pub(super) struct Begun {
    pub(super) run_id: String,
    document: String,
    folder: String,
    items: u32,
    /// An earlier process began it.
    continued: bool,
    /// A process was working on it already.
    already_running: bool,
}

impl Begun {
    /// Starts what `request` asks for, or finds the process that does it already.
    pub(super) fn begin(session: &Session, request: &RunRequest) -> Result<Self, AppError> {
        let ready = match app::ready_unless_active(session, request, &TestForecast::refuse_unasked)? {
            Readiness::Ready(ready) => *ready,
            Readiness::Active(row) => {
                return Ok(Self {
                    run_id: row.id.clone(),
                    document: row.document.clone(),
                    folder: row.folder.clone(),
                    items: row.items,
                    continued: true,
                    already_running: true,
                });
            }
        };
        let begun = Self {
            run_id: ready.id.to_string(),
            document: ready.job.plan.document.clone(),
            folder: ready.folder.clone(),
            items: ready.job.plan.items.len() as u32,
            continued: ready.continued,
            already_running: false,
        };
        app::detach(session, ready)?;
        Ok(begun)
    }

    /// The same in words.
    pub(super) fn text(&self) -> String {
        let verb = match (self.already_running, self.continued) {
            (true, _) => "is running already",
            (_, true) => "goes on",
            _ => "has begun",
        };
        let Self { run_id, document, items, folder, .. } = self;
        format!(
            "run {run_id} of {document} {verb}: {items} items, results in {folder}/\n\
             follow it with get_run, wait {LONGEST_WAIT}"
        )
    }
}

async fn run_file(shared: Arc<Shared>, arguments: RunFile, _: Caller) -> Result<Answer<Begun>, Refusal> {
    let options = job_options(&arguments.set, arguments.seeds, &arguments.servers, arguments.only.as_slice())?;
    let (document, new) = (arguments.document, arguments.new);
    let begun = on_a_thread(move || {
        shared.with(|session| {
            let document = ClientFiles::open(session)?.document(&document)?;
            Begun::begin(session, &RunRequest { document, options, new, ..RunRequest::default() })
        })
    });
    let begun = begun.await?;
    Ok(Answer::new(begun.text(), begun))
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

async fn cancel_run(shared: Arc<Shared>, arguments: CancelRun, _: Caller) -> Result<Answer<CancelOutcome>, Refusal> {
    let watched = Watched::find(&shared, arguments.run_id).await?;
    let had_ended = !watched.is_active && watched.row.state.has_ended();
    let (row, is_active) = on_a_thread(move || {
        let session = shared.session()?;
        let row = app::cancel(&session, &watched.ledger, &watched.row, CANCEL_WAIT)
            .map_err(|e| refused(&e, &Sources::of(&session)))?;
        let is_active = history::is_active(&watched.ledger, &row);
        Ok((row, is_active))
    })
    .await?;
    let view = RunView::of(&row);
    let text = match (had_ended, is_active) {
        (false, true) => format!("run {} is being cancelled: {}", view.run, view.counts_text()),
        (false, false) => format!("run {} is {}: {}", view.run, view.state, view.counts_text()),
        (true, _) => format!("run {} had ended: {}, {}", view.run, view.state, view.counts_text()),
    };
    let cancelled = !had_ended && (is_active || row.state == RunState::Cancelled);
    Ok(Answer::new(text, CancelOutcome { run_id: view.run, cancelled, state: view.state, counts: view.counts }))
}
