//! `get_run`: where a run stands and what it made, now or when it has ended.

use std::{sync::Arc, time::Duration};

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{
    findings::{Problem, Refusal, lines, problems, refused},
    results::{Page, ShownResult, show},
    shared::Shared,
    tool::{About, Answer, Callable, Caller, Effect, on_a_thread, tell, waiting},
};
use crate::{
    app::{
        self, AppError, Sources, findings, history,
        run_view::{RunView, StateCounts, by_task, counts_text},
    },
    ledger::{ItemRow, Ledger, RunRow},
    run::{ItemState, RunState},
};

/// Longest wait of one call, in seconds.
pub(super) const LONGEST_WAIT: u32 = 25;

/// How often a run is looked at while a call waits for it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How often a waiting caller is told that all is well although nothing has changed.
const BETWEEN_WORDS: Duration = Duration::from_secs(10);

/// Most items whose failure is told.
const MOST_FAILURES: usize = 20;

pub(super) fn tool() -> Callable {
    waiting(
        &About {
            name: "get_run",
            title: "Look at a run",
            description: "Where a run stands, what failed and why, and results as thumbnails with links, the last \
                          tasks first. Waits for the end when asked to; still running is no error.",
            effect: Effect::Reads,
        },
        get_run,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetRun {
    /// As `run_file` gave it, or a document's name; the newest run without it
    run_id: Option<String>,
    /// Seconds to wait for the end, at most 25
    wait: Option<u32>,
    /// Results of this task or item only
    task: Option<String>,
    /// Leave out so many results
    offset: Option<u32>,
    /// List at most so many results (20)
    limit: Option<u32>,
    /// Show so many of them (4; at most 12)
    thumbnails: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct RunStatus {
    run_id: String,
    document: String,
    version: String,
    /// running, stopped, held, complete or cancelled.
    state: String,
    /// A process works on it.
    active: bool,
    folder: String,
    items: u32,
    counts: StateCounts,
    tasks: IndexMap<String, StateCounts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<String>,
    /// Why the run broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// What servers said, at the lines that caused it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
    results: Vec<ShownResult>,
    results_total: usize,
    /// Where the rest begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
struct Failure {
    item: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A run that is looked at, and the ledger it stands in.
pub(super) struct Watched {
    /// The run as it was last seen.
    pub(super) row: RunRow,
    /// Whether a process worked on it then.
    pub(super) is_active: bool,
    pub(super) ledger: Arc<Ledger>,
}

impl Watched {
    /// The run that `name` means.
    pub(super) async fn find(shared: &Arc<Shared>, name: String) -> Result<Self, Refusal> {
        let looking = shared.clone();
        let found = on_a_thread(move || {
            looking.with(|session| {
                let none =
                    || AppError::usage("nothing has been run in this workspace").with_hint("run_file runs a document");
                let ledger = app::existing_ledger(session)?.ok_or_else(none)?;
                let row = history::find_run(&ledger, &name)?;
                let is_active = history::is_active(&ledger, &row);
                Ok(Self { row, is_active, ledger })
            })
        });
        found.await
    }

    async fn look(&mut self) -> Result<(), Refusal> {
        let (ledger, id) = (self.ledger.clone(), self.row.id.clone());
        let looked = on_a_thread(move || {
            let row = ledger.run(&id).map_err(|e| Refusal(e.to_string()))?;
            let is_active = history::is_active(&ledger, &row);
            Ok((row, is_active))
        });
        (self.row, self.is_active) = looked.await?;
        Ok(())
    }

    /// Waits until no process works on the run, or for this long. The caller is told of progress.
    pub(super) async fn until_ended(&mut self, longest: Duration, caller: &Caller) -> Result<(), Refusal> {
        let deadline = Instant::now() + longest;
        let (mut told, mut progress) = (Instant::now(), 0.0);
        while self.is_active && Instant::now() < deadline {
            tokio::select! {
                () = sleep(BETWEEN_LOOKS) => {}
                () = caller.ct.cancelled() => break,
            }
            self.look().await?;
            let settled = f64::from(settled(&self.row));
            if settled > progress || told.elapsed() >= BETWEEN_WORDS {
                // The protocol wants every word of progress to be larger than the one before.
                progress = settled.max(progress + 0.001);
                told = Instant::now();
                tell(caller, progress, f64::from(self.row.items), RunView::of(&self.row).counts_text()).await;
            }
        }
        Ok(())
    }
}

fn settled(run: &RunRow) -> u32 {
    run.counts.iter().filter(|(state, _)| state.is_final()).map(|(_, n)| n).sum()
}

async fn get_run(shared: Arc<Shared>, arguments: GetRun, caller: Caller) -> Result<Answer<RunStatus>, Refusal> {
    let name = arguments.run_id.unwrap_or_else(|| "last".to_owned());
    let mut watched = Watched::find(&shared, name).await?;
    let wait = arguments.wait.unwrap_or(0).min(LONGEST_WAIT);
    watched.until_ended(Duration::from_secs(u64::from(wait)), &caller).await?;
    let page = Page::new(arguments.task, arguments.offset, arguments.limit, arguments.thumbnails);
    on_a_thread(move || answer(&shared, &watched, &page)).await
}

fn answer(shared: &Shared, watched: &Watched, page: &Page) -> Result<Answer<RunStatus>, Refusal> {
    let (row, view) = (&watched.row, RunView::of(&watched.row));
    let items = watched.ledger.items(&row.id).map_err(|e| Refusal(e.to_string()))?;
    let session = shared.session()?;
    let shown = show(&session, &items, page)?;
    let broke_off = matches!(row.state, RunState::Running | RunState::Paused) && !watched.is_active;
    let fault = if broke_off { app::fault_of_detached(&session, &row.id) } else { None };
    let said = app::fault_diagnostics(&session, &watched.ledger, row);
    let said = findings(&said.map_err(|e| refused(&e, &Sources::default()))?, &Sources::of(&session));
    let status = RunStatus {
        run_id: view.run.clone(),
        document: view.document.clone(),
        version: view.version.clone(),
        state: view.state.clone(),
        active: watched.is_active,
        folder: view.folder.clone(),
        items: view.items,
        tasks: by_task(&items),
        failures: failures(&items),
        held: items.iter().filter(|i| i.state == ItemState::Held).map(|i| i.address.clone()).collect(),
        fault,
        problems: problems(&said),
        results: shown.results,
        results_total: shown.total,
        next_offset: shown.next_offset,
        counts: view.counts.clone(),
    };
    let text = [status.lines(&view, row.state), lines(&said), shown.lines].concat().join("\n");
    Ok(Answer { text, data: status, blocks: shown.blocks })
}

fn failures(items: &[ItemRow]) -> Vec<Failure> {
    let failed = items.iter().filter(|item| item.state.is_failure() && item.state != ItemState::Cancelled);
    let failure = |item: &ItemRow| Failure {
        item: item.address.clone(),
        state: item.state.name().to_owned(),
        reason: item.reason.clone(),
    };
    failed.take(MOST_FAILURES).map(failure).collect()
}

impl RunStatus {
    fn lines(&self, view: &RunView, state: RunState) -> Vec<String> {
        let how = match (state, self.active) {
            (RunState::Paused, true) => "paused: it waits for comfywright continue",
            (_, true) => "still running; get_run with wait follows it",
            (RunState::Running | RunState::Paused, false) => {
                "broken off: the process that worked on it is gone; run_file goes on with it"
            }
            (RunState::Stopped, false) => "stopped; run_file goes on with it",
            (RunState::Held, false) => "held: a person decides, with comfywright approve or reject",
            (RunState::Complete, false) => "complete",
            (RunState::Cancelled, false) => "cancelled",
        };
        let mut lines = vec![
            format!("run {} of {} {}: {how}", self.run_id, self.document, self.version),
            format!("{} items: {}", self.items, view.counts_text()),
        ];
        lines.extend(self.tasks.iter().map(|(task, counts)| format!("- {task}: {}", counts_text(counts).join(", "))));
        lines.extend(self.failures.iter().map(|failure| {
            let reason = failure.reason.as_deref().unwrap_or("no reason is known");
            format!("{} {}: {reason}", failure.state.replace('_', " "), failure.item)
        }));
        lines.extend(self.held.iter().map(|item| format!("held {item}")));
        lines.extend(self.fault.clone());
        lines
    }
}
