//! Runs: begun, continued, and told what a person says.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    AppError, Session,
    ab::{TestForecast, extended, forecast, keep_verdict, new_test, refuse_other_method},
    capabilities::estimates,
    checkpoint::Checkpoints,
    controls::with_told,
    drain::with_drains,
    faults::Aftermath,
    history::{find_run, is_active},
    job::{JobOptions, RunnableJob},
    kept_scores::KeptScores,
    lock::drift_of_run,
    models::model_store,
    placed::{PlacedJob, Purpose, placed_job, refuse_spending},
    rating::Opinions,
    servers::{Connected, server_error},
};
use crate::{
    comfy::{ComfyExecutor, ComfySettings, Patience},
    ledger::{Ledger, LedgerError, NewRun, ReadPast, RunLock, RunRow},
    models::ModelStore,
    native::{NativeExecutor, NativeSettings},
    outputs,
    plan::{Capabilities, Outline, Prices},
    run::{
        Clock, Control, Executor, Observer, Past, People, PortFuture, Ports, RunOutcome, RunSetup, RunState, run_plan,
    },
    scorers::{ExternalScorers, NativeScorers, Scorers},
};

/// Which run to carry out.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct RunRequest {
    /// A file or a document's name.
    pub document: String,
    /// What the command line says.
    pub options: JobOptions,
    /// Verify finished outputs by their content.
    pub verify: bool,
    /// Begin anew although an unfinished run of the same work exists.
    pub new: bool,
    /// Run only if everything is as it is locked.
    pub locked: bool,
    /// Samples for each variation that are added to the last run of an A/B test.
    pub more: Option<u32>,
    /// Begin an A/B test anew although its rules of decision were changed after somebody had looked.
    pub restart: bool,
}

/// A run that may be carried out: the ledger is open and the run is locked.
pub struct ReadyRun {
    /// What is to be done.
    pub job: RunnableJob,
    /// Id of the run.
    pub id: Uuid,
    /// Folder of its outputs, relative to the workspace.
    pub folder: String,
    /// Whether an earlier process began it.
    pub continued: bool,
    /// Of a test that begins, what it can find and may take.
    pub forecast: Option<TestForecast>,
    past: Option<Box<dyn Past>>,
    verify: bool,
    ledger: Arc<Ledger>,
    journal: Arc<crate::ledger::RunJournal>,
    root: PathBuf,
    native: NativeSettings,
    models: ModelStore,
    prices: Prices,
    scorers: ExternalScorers,
    on_servers: Option<OnServers>,
    /// What the run was told before is not meant for this process.
    told_before: i64,
    _lock: RunLock,
}

/// Asked before an A/B test begins whether it may take what it is forecast to take.
pub type Consent<'a> = &'a dyn Fn(&TestForecast) -> Result<(), AppError>;

/// What there is to carry out.
pub enum Readiness {
    /// This run.
    Ready(Box<ReadyRun>),
    /// Nothing: a process works on this run of the same work.
    Active(Box<RunRow>),
}

/// The ledger of the workspace, if there is one already.
pub fn existing_ledger(session: &Session) -> Result<Option<Arc<Ledger>>, AppError> {
    let path = session.root.join(ledger_folder(session)).join("ledger.db");
    if path.exists() { open_ledger(session).map(Some) } else { Ok(None) }
}

/// The folder of the ledger, relative to the workspace.
pub(super) fn ledger_folder(session: &Session) -> &str {
    session.config.store.ledger.as_deref().unwrap_or(".comfywright")
}

/// Opens the ledger of the workspace.
pub fn open_ledger(session: &Session) -> Result<Arc<Ledger>, AppError> {
    Ledger::open(&session.root.join(ledger_folder(session)), &session.root).map(Arc::new).map_err(|e| ledger_error(&e))
}

/// The fault of the surroundings that a ledger's error is.
pub(super) fn ledger_error(error: &LedgerError) -> AppError {
    AppError::environment(error.to_string())
}

/// Makes a run ready: the unfinished one of the same work, or a new one, if `consent` agrees to it.
pub fn ready(session: &Session, request: &RunRequest, consent: Consent<'_>) -> Result<ReadyRun, AppError> {
    match ready_unless_active(session, request, consent)? {
        Readiness::Ready(ready) => Ok(*ready),
        Readiness::Active(row) => Err(active(&row)),
    }
}

/// A run that another process works on.
pub(super) fn active(row: &RunRow) -> AppError {
    ledger_error(&LedgerError::Locked { run: row.id.clone(), process: None })
        .with_hint(format!("follow it with `comfywright status {0}`, or end it with `comfywright cancel {0}`", row.id))
}

/// As [`ready`]; that a process works on the run already is no error.
pub fn ready_unless_active(
    session: &Session,
    request: &RunRequest,
    consent: Consent<'_>,
) -> Result<Readiness, AppError> {
    let request = &extended(session, request)?;
    let is_new = request.new || request.restart;
    let (placed, kept) = rayon::join(
        || placed_job(session, &session.document(&request.document)?, &request.options, Purpose::Run),
        || {
            let ledger = existing_ledger(session)?;
            let left = ledger.as_ref().filter(|_| !is_new);
            let left = left.and_then(|ledger| left_behind(session, ledger, &path_of(session, &request.document)?));
            Ok::<_, AppError>((ledger, left))
        },
    );
    let mut placed = placed?;
    let drifted = drift_of_run(session, &placed, request.locked)?;
    placed.job.diagnostics.extend(drifted);
    refuse_missing_models(session, &placed.job)?;
    let on_servers = pool(session, &placed, request.options.way.allow_spend)?;
    let job = placed.job;
    let (ledger, left) = kept?;
    let ledger = ledger.map_or_else(|| open_ledger(session), Ok)?;
    let unfinished = || {
        let found = ledger.unfinished_run(&job.plan.document, &job.hash.to_string()).map_err(|e| ledger_error(&e));
        found.map(|found| found.filter(|_| !is_new))
    };
    let mut earlier = unfinished()?;
    // A run of other work is let go of at once: a person may be asked next.
    let hold = left.filter(|(run, _)| earlier.as_ref().is_some_and(|row| row.id == *run)).map(|(_, hold)| hold);
    if earlier.is_none() {
        let forecast = forecast(session, &job, Some(&ledger))?;
        forecast.as_ref().map_or(Ok(()), consent)?;
        let begun = begun(session, job.clone(), on_servers.clone(), ledger.clone(), request)?;
        if let Some(ready) = begun {
            return Ok(Readiness::Ready(Box::new(ReadyRun { forecast, ..ready })));
        }
        // Another process has begun it a moment ago.
        earlier = unfinished()?;
    }
    let Some(row) = earlier else {
        return Err(AppError::environment("another process has just carried the same work out")
            .with_hint("run it again: what it made is used"));
    };
    if hold.is_none() && is_active(&ledger, &row) {
        return Ok(Readiness::Active(Box::new(row)));
    }
    let hold = hold.map_or_else(|| hold_of(session, &ledger, &row), Ok)?;
    let ready = continued(session, job, on_servers, ledger.clone(), &row, hold, request.verify)?;
    Ok(Readiness::Ready(Box::new(ready)))
}

/// Makes the run that `name` means ready to go on, whatever has become of it, but for one that was
/// given up.
pub fn ready_again(session: &Session, name: &str, verify: bool) -> Result<ReadyRun, AppError> {
    let ledger = open_ledger(session)?;
    let row = find_run(&ledger, name)?;
    if row.state == RunState::Cancelled {
        return Err(AppError::usage(format!("run {} was cancelled", row.id))
            .with_hint(format!("run {} begins a new one, which uses what is there", row.path)));
    }
    if is_active(&ledger, &row) {
        return Err(active(&row));
    }
    let loaded = session.document(&row.path)?;
    let options = JobOptions::from_json(&row.settings);
    let placed = placed_job(session, &loaded, &options, Purpose::Run)?;
    refuse_missing_models(session, &placed.job)?;
    let on_servers = pool(session, &placed, options.way.allow_spend)?;
    let job = placed.job;
    if job.hash.to_string() != row.hash {
        return Err(AppError::usage(format!("{} has changed since this run", row.path))
            .with_hint("run it again: what did not change is reused"));
    }
    let hold = hold_of(session, &ledger, &row)?;
    continued(session, job, on_servers, ledger, &row, hold, verify)
}

/// What it takes to go on with a run.
struct Hold {
    /// What the run was told before is not meant for this process.
    told_before: i64,
    lock: RunLock,
    past: ReadPast,
}

/// Takes hold of `run`, of which no half-written file is left then.
fn hold_of(session: &Session, ledger: &Arc<Ledger>, run: &RunRow) -> Result<Hold, AppError> {
    let hold = || {
        let (told_before, lock) = (ledger.last_told()?, ledger.lock_run(&run.id)?);
        Ok(Hold { told_before, lock, past: ledger.past(&run.id)? })
    };
    let hold = hold().map_err(|e| ledger_error(&e))?;
    outputs::sweep(&session.root.join(&run.folder));
    Ok(hold)
}

/// Where the document is that a person means by `text`; a file is not read for that.
fn path_of(session: &Session, text: &str) -> Option<String> {
    session.relative(Path::new(text)).or_else(|| session.document(text).ok().map(|loaded| loaded.path.to_string()))
}

/// The newest run of the document at `path`, if it is unfinished and nobody works on it: it may be gone on with, and its past
/// is read while the document is compiled, which says whether it is of the same work. Whatever is in the way is found,
/// and told, by who needs it.
fn left_behind(session: &Session, ledger: &Arc<Ledger>, path: &str) -> Option<(String, Hold)> {
    let row = ledger.newest_run_at(path).ok()?.filter(|run| !run.state.has_ended() && !is_active(ledger, run))?;
    let hold = hold_of(session, ledger, &row).ok()?;
    Some((row.id, hold))
}

/// The servers of a run, and what it may do there.
#[derive(Clone)]
struct OnServers {
    connected: Connected,
    may_spend: bool,
}

fn pool(session: &Session, placed: &PlacedJob, allow_spend: bool) -> Result<Option<OnServers>, AppError> {
    let Some(connected) = placed.connected.clone() else { return Ok(None) };
    let may_spend = refuse_spending(session, &placed.job, &connected.nodes, allow_spend)?;
    Ok(Some(OnServers { connected, may_spend }))
}

/// Begins a run; none when another process has begun the same work in the meantime.
fn begun(
    session: &Session,
    job: RunnableJob,
    on_servers: Option<OnServers>,
    ledger: Arc<Ledger>,
    request: &RunRequest,
) -> Result<Option<ReadyRun>, AppError> {
    let id = Uuid::now_v7();
    let now = jiff::Timestamp::now();
    let name = format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), &id.simple().to_string()[28..]);
    let test = new_test(&job, &ledger, request.restart)?;
    let native = native_settings(session);
    let outputs = session.config.store.outputs.as_deref().unwrap_or("outputs");
    let folder = format!("{outputs}/{}/{name}", job.plan.document);
    let run = NewRun {
        id: id.to_string(),
        document: job.plan.document.clone(),
        version: job.plan.version.clone(),
        hash: job.hash.to_string(),
        path: job.loaded.path.to_string(),
        settings: job.settings.clone(),
        folder: folder.clone(),
        items: job.plan.items.len() as u32,
        outline: Outline { slots: Some(native.slots as u32), ..Outline::of(&job.plan) },
        test,
        started_ns: now.as_nanosecond() as i64,
    };
    let told_before = ledger.last_told().map_err(|e| ledger_error(&e))?;
    let lock = ledger.lock_run(&run.id).map_err(|e| ledger_error(&e))?;
    let begun =
        if request.new || request.restart { ledger.begin_run(&run).map(Some) } else { ledger.begin_only_run(&run) };
    let Some(journal) = begun.map_err(|e| ledger_error(&e))? else { return Ok(None) };
    let journal = Arc::new(journal);
    let root = session.root.clone();
    Ok(Some(ReadyRun {
        job,
        on_servers,
        id,
        folder,
        continued: false,
        forecast: None,
        past: None,
        verify: request.verify,
        ledger,
        journal,
        root,
        native,
        models: model_store(session),
        prices: prices(session),
        scorers: external_scorers(session),
        told_before,
        _lock: lock,
    }))
}

fn continued(
    session: &Session,
    job: RunnableJob,
    on_servers: Option<OnServers>,
    ledger: Arc<Ledger>,
    row: &RunRow,
    hold: Hold,
    verify: bool,
) -> Result<ReadyRun, AppError> {
    refuse_other_method(&ledger, row)?;
    let Hold { told_before, lock, past } = hold;
    let journal = Arc::new(ledger.journal(&row.id).map_err(|e| ledger_error(&e))?);
    let folder = row.folder.clone();
    if row.settings != job.settings {
        ledger.set_settings(&row.id, &job.settings).map_err(|e| ledger_error(&e))?;
    }
    let id = row.id.parse().map_err(|_| AppError::environment(format!("run {} has a broken id", row.id)))?;
    let (root, native) = (session.root.clone(), native_settings(session));
    Ok(ReadyRun {
        job,
        on_servers,
        id,
        folder,
        continued: true,
        forecast: None,
        past: Some(Box::new(past)),
        verify,
        ledger,
        journal,
        root,
        native,
        models: model_store(session),
        prices: prices(session),
        scorers: external_scorers(session),
        told_before,
        _lock: lock,
    })
}

/// Refuses a run of which some task needs a model that is not on this machine.
fn refuse_missing_models(session: &Session, job: &RunnableJob) -> Result<(), AppError> {
    let is_absent = |name: &&String| session.models.get(name).is_none_or(|model| !model.is_here);
    let missing: BTreeSet<&String> = job.program.tasks.iter().flat_map(|task| &task.models).filter(is_absent).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.into_iter().map(String::as_str).collect();
    let (models, are) = if names.len() == 1 { ("the model", "is") } else { ("the models", "are") };
    let message = format!("it needs {models} {}, which {are} not on this machine", names.join(", "));
    Err(AppError::environment(message).with_hint(format!("fetch first: comfywright models pull {}", names.join(" "))))
}

/// How this process does its own share.
pub(super) fn native_settings(session: &Session) -> NativeSettings {
    let limits = &session.config.limits;
    let mut settings = NativeSettings::default();
    if let Some(slots) = limits.native_slots {
        settings.slots = slots as usize;
    }
    if let Some(mib) = limits.memory_mib {
        settings.memory_bytes = u64::from(mib) << 20;
    }
    if let Some(side) = limits.image_side {
        settings.image_limits.max_side = side;
    }
    settings
}

/// What running costs in this workspace.
pub(super) fn prices(session: &Session) -> Prices {
    let servers = session.config.server.iter();
    Prices {
        per_hour: servers.map(|(name, server)| (name.clone(), server.cost_per_hour)).collect(),
        per_run: session.config.prices.iter().map(|(class, price)| (class.clone(), *price)).collect(),
    }
}

/// The programs that measure for this workspace.
pub(super) fn external_scorers(session: &Session) -> ExternalScorers {
    ExternalScorers::new(&session.root, &session.config.scorer)
}

impl ReadyRun {
    /// Carries the run out. `observer` is told what happens; `controls` brings what a person says.
    pub async fn carry_out(
        self,
        observer: Observer,
        controls: mpsc::UnboundedReceiver<Control>,
    ) -> Result<RunOutcome, AppError> {
        let (observer, checkpoints) = self.checkpointed(observer);
        let controls = with_told(controls, self.ledger.clone(), self.id, self.told_before);
        let native = NativeExecutor::new(&self.root, self.native).with_models(self.models.clone());
        let measured_here = NativeScorers::new(&self.root, self.native.image_limits).with_models(self.models.clone());
        let scorers = Scorers::new(measured_here, self.scorers.clone());
        let comfy = self.comfy_executor()?;
        let capabilities = self.capabilities(native.slots() as u32)?;
        let controls = with_drains(controls, self.ledger.clone(), &capabilities.servers);
        let setup = RunSetup {
            run: self.id,
            folder: PathBuf::from(&self.folder),
            estimates: estimates(&self.job, Some(&self.ledger), &capabilities.servers),
            capabilities,
            past: self.past,
            hash_all: self.verify,
        };
        let people = self.job.terms.as_ref().filter(|terms| terms.asks_people());
        let people = people.map(|terms| Arc::new(Opinions::new(terms, self.ledger.clone())) as Arc<dyn People>);
        let ports = Ports {
            people,
            prices: Arc::new(self.prices.clone()),
            preparer: self.job.preparation.clone(),
            scorer: Arc::new(KeptScores { scorers, ledger: self.ledger.clone() }),
            native: Arc::new(native),
            comfy: comfy.clone().map(|executor| executor as Arc<dyn Executor>),
            store: self.ledger.clone(),
            clock: Arc::new(SystemClock),
        };
        let carried_out = run_plan(self.job.plan.clone(), setup, ports, self.journal, observer, controls).await;
        if let Some(comfy) = comfy {
            comfy.settle().await;
        }
        if let Some(checkpoints) = checkpoints {
            // Without a last checkpoint the list is behind the ledger, until the next process.
            let _ = tokio::task::spawn_blocking(|| checkpoints.finish()).await;
        }
        if self.job.terms.is_some() {
            let (ledger, run) = (self.ledger.clone(), self.id.to_string());
            let kept = tokio::task::spawn_blocking(move || keep_verdict(&ledger, &run)).await;
            kept.map_err(|error| AppError::environment(error.to_string()))??;
        }
        let outcome = carried_out.map_err(|e| {
            AppError::environment(e.to_string()).with_hint("everything acknowledged so far is kept; run again")
        })?;
        match outcome.trouble {
            Some(message) => Err(AppError::environment(message)
                .with_hint("the run was stopped, and what is finished is kept; make room and run it again")),
            None => Ok(outcome),
        }
    }

    /// This process and the servers, those that a person took out of use among them.
    fn capabilities(&self, native: u32) -> Result<Capabilities, AppError> {
        let mut servers =
            self.on_servers.as_ref().map_or_else(Vec::new, |on_servers| on_servers.connected.capabilities.clone());
        let drained = self.ledger.drained().map_err(|e| ledger_error(&e))?;
        servers.iter_mut().for_each(|server| server.drained = drained.contains_key(&server.name));
        // Runs that begin together begin with different servers.
        let first = u32::from_be_bytes(*self.id.as_bytes().last_chunk().unwrap_or(&[0; 4]));
        Ok(Capabilities { native, servers, first: first % 1024 })
    }

    /// The observer, and who keeps the list of results, if the run is to have one.
    fn checkpointed(&self, observer: Observer) -> (Observer, Option<Checkpoints>) {
        let Some(every) = self.job.checkpoint else { return (observer, None) };
        let (ledger, run) = (self.ledger.clone(), self.id.to_string());
        let (observer, checkpoints) = Checkpoints::start(observer, ledger, run, self.absolute_folder(), every);
        (observer, Some(checkpoints))
    }

    fn comfy_executor(&self) -> Result<Option<Arc<ComfyExecutor>>, AppError> {
        let Some(on_servers) = &self.on_servers else { return Ok(None) };
        let settings = ComfySettings {
            root: self.root.clone(),
            client_id: self.id.simple().to_string(),
            patience: Patience::default(),
            nodes: on_servers.connected.nodes.clone(),
            may_spend: on_servers.may_spend,
            previews: None,
        };
        // A server that does not answer now may have what an earlier process submitted.
        let Connected { servers, silent, .. } = &on_servers.connected;
        let all = servers.iter().chain(silent.iter().map(|(settings, _)| settings)).cloned();
        ComfyExecutor::new(all.collect(), settings)
            .map(|executor| Some(Arc::new(executor)))
            .map_err(|e| server_error(&e))
    }

    /// Whether finished outputs are verified by their content.
    pub(super) fn verifies(&self) -> bool {
        self.verify
    }

    /// Leaves the run to another process. The ledger in which it stands.
    pub(super) fn let_go(self) -> Arc<Ledger> {
        self.ledger
    }

    /// What is needed to say more about the run when it has ended.
    pub fn aftermath(&self) -> Aftermath {
        Aftermath {
            job: self.job.clone(),
            ledger: self.ledger.clone(),
            run: self.id.to_string(),
            on_servers: self.on_servers.is_some(),
        }
    }

    /// What the document was judged by, for people; none when that is the session's.
    pub fn against(&self) -> Option<&str> {
        self.on_servers.as_ref().map(|on_servers| on_servers.connected.against.as_str())
    }

    /// The held items that `patterns` name: addresses, or tasks for all of their items; all items
    /// when there are none.
    pub fn named_items(&self, patterns: &[String]) -> Result<Vec<crate::plan::ItemIx>, AppError> {
        let preparation = &self.job.preparation;
        let all = || (0..self.job.plan.items.len() as u32).map(crate::plan::ItemIx);
        if patterns.is_empty() {
            return Ok(all().collect());
        }
        let mut out = Vec::new();
        for pattern in patterns {
            if let Some(task) = self.job.plan.tasks.iter().find(|t| t.name == *pattern) {
                out.extend(task.items.clone().map(crate::plan::ItemIx));
                continue;
            }
            let item = preparation.find(pattern);
            out.push(item.ok_or_else(|| AppError::usage(format!("the run has no item \"{pattern}\"")))?);
        }
        Ok(out)
    }

    /// The folder of outputs, absolute.
    pub fn absolute_folder(&self) -> PathBuf {
        self.root.join(Path::new(&self.folder))
    }
}

/// The computer's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ns(&self) -> i64 {
        jiff::Timestamp::now().as_nanosecond() as i64
    }

    fn steady(&self) -> Duration {
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        FIRST.elapsed()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The value of a `--set NAME=VALUE`: numbers and truths as such, everything else a text.
pub fn setting_value(text: &str) -> Value {
    let scalar = serde_json::from_str::<Value>(text).ok().filter(|v| v.is_number() || v.is_boolean());
    scalar.unwrap_or_else(|| Value::from(text))
}
