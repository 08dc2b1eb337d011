//! The dispatcher: owns the state of a run, puts all events into one order, and carries out what
//! the planner commands.
//!
//! **Invariant:** an item is submitted only when its intent is in the journal on disk, and an
//! observer is told only what is. The planner may be ahead of the journal: what a crash then
//! forgets was not acted upon outside this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::{AbortHandle, Id, JoinError, JoinSet},
};
use uuid::Uuid;

use super::{
    event::{AttemptId, Command, Event, PastEvent, TrialLook},
    names::Names,
    planner::Planner,
    ports::{AskedSample, Change, Claim, Entry, Failure, Fault, Journal, JournalError, Past, ResultNumber, RunState},
    report::{RunEvent, TaskSize},
    results::{Ended, Results, values},
    scribe::{Batch, Observer, write_journal},
    state::{Counts, ItemState},
    worker::{Ending, Ports, Try, internal, make_try},
};
use crate::{
    ident::HashSet,
    model::ErrorClass,
    plan::{Capabilities, Estimates, ItemIx, ItemResult, Plan, PlanTask, Prepared, Sort, Upstream, Visit},
};

/// What a run needs to be told.
pub struct RunSetup {
    /// Id of the run.
    pub run: Uuid,
    /// Folder of its outputs, relative to the workspace; each task gets a folder in it.
    pub folder: PathBuf,
    /// What may be used.
    pub capabilities: Capabilities,
    /// How long items take there, as far as it is known.
    pub estimates: Estimates,
    /// The events of the run so far; none for a new one.
    pub past: Option<Box<dyn Past>>,
    /// Whether the outputs of finished items are verified by their content.
    pub hash_all: bool,
}

/// What a person may tell a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Submit nothing new; finish what runs.
    Stop,
    /// Submit nothing new until told to continue; finish what runs.
    Pause,
    /// Go on after a pause.
    Continue,
    /// Make these items again, and what was made of them, where that is wanted.
    Again {
        /// The items.
        items: Vec<ItemIx>,
        /// Whether what was made of them is made again as well.
        downstream: bool,
    },
    /// Give the run up.
    Cancel,
    /// Let a held item go on.
    Approve(ItemIx),
    /// Turn a held item down.
    Reject(ItemIx),
    /// Give nothing new to this server.
    Drain(String),
    /// Use this server again.
    Resume(String),
}

/// How a run was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// Where it stands.
    pub state: RunState,
    /// Items by state.
    pub counts: Counts,
    /// Why it was stopped, when that was no person's wish: there is no room for what is made.
    pub trouble: Option<String>,
}

/// What workers and timers tell the dispatcher.
pub(super) enum Message {
    /// An item is prepared; it may be submitted when `durable` says so.
    Submit {
        item: ItemIx,
        id: AttemptId,
        prompt_id: Uuid,
        place: String,
        prepared: Arc<Prepared>,
        durable: oneshot::Sender<()>,
    },
    /// An item is on its way.
    Progress { item: ItemIx, id: AttemptId, progress: f32 },
    /// A server has done its part of an item.
    Executed { item: ItemIx, id: AttemptId },
    /// A server does not answer.
    Silent { server: String },
    /// Somebody looked whether a server answers.
    Probed { server: String, answers: bool },
    /// A wait is over.
    Due { item: ItemIx, id: AttemptId },
}

/// Carries out `plan`, from the beginning or from where `setup.past` leaves it, until nothing can
/// happen any more without a person.
///
/// # Errors
/// When the journal cannot be written, or what it knows cannot be read. What was running then is dropped.
pub async fn run_plan(
    plan: Arc<Plan>,
    setup: RunSetup,
    ports: Ports,
    journal: Arc<dyn Journal>,
    observer: Observer,
    mut controls: mpsc::UnboundedReceiver<Control>,
) -> Result<RunOutcome, JournalError> {
    let (batches, queue) = mpsc::unbounded_channel();
    let results = Arc::new(Results::new(plan.items.len(), ports.store.clone()));
    let scribe = tokio::spawn(write_journal(journal, results.clone(), observer.clone(), queue));
    let (messages, mut inbox) = mpsc::unbounded_channel();
    let mut dispatcher = Dispatcher::new(plan, setup, ports, results, observer, batches, messages);
    dispatcher.open().await?;
    // What a person said of held items counts although nothing else is to do.
    while let Ok(control) = controls.try_recv() {
        dispatcher.control(control);
    }
    while !dispatcher.batches.is_closed() && (dispatcher.has_work() || dispatcher.hear_people().await) {
        if !dispatcher.has_work() {
            continue;
        }
        tokio::select! {
            Some(control) = controls.recv() => dispatcher.control(control),
            Some(message) = inbox.recv() => dispatcher.message(message),
            Some(ended) = dispatcher.workers.join_next_with_id() => dispatcher.ended(ended),
            () = dispatcher.batches.closed() => {}
        }
    }
    let outcome = dispatcher.close();
    drop(dispatcher);
    let written = scribe.await.unwrap_or_else(|error| Err(JournalError::Write(error.to_string())));
    written.map(|()| outcome)
}

struct Dispatcher {
    plan: Arc<Plan>,
    planner: Planner,
    setup: RunSetup,
    ports: Ports,
    names: Names,
    /// So many items are prepared at the same time.
    turn: Arc<Semaphore>,
    results: Arc<Results>,
    observer: Observer,
    batches: mpsc::UnboundedSender<Batch>,
    messages: mpsc::UnboundedSender<Message>,
    workers: JoinSet<Ending>,
    /// Which try a worker makes.
    tries: BTreeMap<Id, (ItemIx, AttemptId)>,
    handles: BTreeMap<ItemIx, (AttemptId, AbortHandle)>,
    /// Who waits for late results.
    watches: BTreeMap<(ItemIx, AttemptId), AbortHandle>,
    /// Tries that an earlier process meant to submit.
    submitted_before: HashSet<(ItemIx, AttemptId)>,
    cancelled: bool,
    trouble: Option<String>,
}

impl Dispatcher {
    fn new(
        plan: Arc<Plan>,
        setup: RunSetup,
        ports: Ports,
        results: Arc<Results>,
        observer: Observer,
        batches: mpsc::UnboundedSender<Batch>,
        messages: mpsc::UnboundedSender<Message>,
    ) -> Self {
        let keys = |item| ports.preparer.keys(item);
        Self {
            planner: Planner::new(plan.clone(), &keys, &setup.capabilities, setup.estimates.clone()),
            names: Names::new(&plan),
            turn: Arc::new(Semaphore::new(setup.capabilities.native.max(1) as usize)),
            results,
            workers: JoinSet::new(),
            tries: BTreeMap::new(),
            handles: BTreeMap::new(),
            watches: BTreeMap::new(),
            submitted_before: HashSet::default(),
            cancelled: false,
            trouble: None,
            plan,
            setup,
            ports,
            observer,
            batches,
            messages,
        }
    }

    /// Replays the past, looks whether its outputs are still there, and begins.
    async fn open(&mut self) -> Result<(), JournalError> {
        let damaged = match self.setup.past.take() {
            Some(past) => self.replay_all(past).await?,
            None => BTreeSet::new(),
        };
        let missing = self.missing_items(&damaged);
        self.tell_start();
        if !missing.is_empty() {
            // What it would start is started below.
            let event = Event::Missing { items: missing.clone() };
            self.planner.replay(&event);
            for item in missing {
                self.results.forget(item);
            }
            self.send(Batch { entries: vec![self.entry(event)], ..Batch::default() });
        }
        self.apply(Event::Opened, None);
        Ok(())
    }

    /// Replays `past`. The results of which a file is not what it was: they are looked at meanwhile.
    async fn replay_all(&mut self, mut past: Box<dyn Past>) -> Result<BTreeSet<ResultNumber>, JournalError> {
        let (made, groups) = std::sync::mpsc::channel();
        let (store, hash_all) = (self.ports.store.clone(), self.setup.hash_all);
        let look = tokio::task::spawn_blocking(move || store.damaged(&mut groups.into_iter(), hash_all));
        loop {
            let events = past.next().await?;
            if events.is_empty() {
                break;
            }
            let mut results: Vec<ResultNumber> = events.iter().filter_map(|event| event.result).collect();
            results.sort_unstable();
            // Who looks has gone only with an error, which is told below.
            let _ = made.send(results);
            events.into_iter().for_each(|event| self.replay(event));
        }
        drop(made);
        let damaged = look.await.unwrap_or_else(|error| Err(JournalError::Read(error.to_string())))?;
        Ok(damaged.into_iter().collect())
    }

    fn replay(&mut self, past: PastEvent) {
        let PastEvent { mut event, result: number } = past;
        match (&mut event, number) {
            (Event::Submitted { item, id, .. }, _) => drop(self.submitted_before.insert((*item, *id))),
            (Event::Finished { item, result, .. }, Some(number)) => {
                self.results.is_kept(*item, number);
                // Of the metrics, a race alone depends on those that it sees again.
                if self.plan.trial.is_some() {
                    *result = self.ports.store.result(number).unwrap_or_default();
                }
            }
            _ => {}
        }
        for command in self.planner.replay(&event) {
            if let Command::Report { item, state, .. } = command {
                self.forget_result(item, state);
            }
        }
    }

    /// Forgets what an item left if it ended without a result. An item that a loop repeats keeps it
    /// for now: the loop may begin with it.
    fn forget_result(&self, item: ItemIx, state: ItemState) {
        if state.is_final() && !state.is_finished() {
            self.results.forget(item);
        }
    }

    /// Finished items of which the result is among the `damaged`, or not known.
    fn missing_items(&self, damaged: &BTreeSet<ResultNumber>) -> Vec<ItemIx> {
        let is_there = |item| self.results.number(item).is_some_and(|number| !damaged.contains(&number));
        let all = (0..self.plan.items.len() as u32).map(ItemIx);
        all.filter(|item| self.planner.state(*item).is_finished() && !is_there(*item)).collect()
    }

    /// Takes what people have said by now of the samples that wait for it. Whether there was something.
    async fn hear_people(&mut self) -> bool {
        let (Some(people), Some(trial)) = (self.ports.people.clone(), &self.plan.trial) else { return false };
        let asked = |item: &ItemIx| {
            let address = self.ports.preparer.address(*item);
            Some(AskedSample { address, result: self.results.result(*item)? })
        };
        let blocks = self.planner.asked_about().into_iter();
        let blocks: Vec<(Vec<ItemIx>, Vec<AskedSample>)> =
            blocks.filter_map(|items| Some((items.clone(), items.iter().map(asked).collect::<Option<_>>()?))).collect();
        let metric = trial.metric.clone();
        let ask = move || {
            let said = blocks.into_iter().filter_map(|(items, samples)| {
                Some(items.into_iter().zip(people.said(&metric, &samples)?).collect::<Vec<_>>())
            });
            said.flatten().collect::<Vec<_>>()
        };
        let said = tokio::task::spawn_blocking(ask).await.unwrap_or_default();
        for (item, value) in &said {
            self.apply(Event::Judged { item: *item, value: *value }, None);
        }
        !said.is_empty()
    }

    fn has_work(&self) -> bool {
        // Late results are welcome, but the run does not wait for them.
        !self.planner.is_idle() || self.workers.len() > self.watches.len()
    }

    /// Whether the worker that makes this try still counts.
    fn is_current(&self, item: ItemIx, id: AttemptId) -> bool {
        self.handles.get(&item).is_some_and(|(current, _)| *current == id)
    }

    fn control(&mut self, control: Control) {
        let event = match control {
            Control::Stop => Event::Stopped,
            Control::Pause => Event::Paused,
            Control::Continue => Event::Continued,
            Control::Again { items, downstream } => Event::Again { items, downstream },
            Control::Cancel => {
                self.cancelled = true;
                Event::Cancelled
            }
            Control::Approve(item) => Event::Approved { item },
            Control::Reject(item) => Event::Rejected { item },
            Control::Drain(server) => Event::Drained { server },
            Control::Resume(server) => Event::Resumed { server },
        };
        self.apply(event, None);
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Progress { item, id, progress } => {
                if self.is_current(item, id) {
                    let item = self.ports.preparer.address(item);
                    (self.observer)(&RunEvent::ItemProgress { item, progress });
                }
            }
            Message::Due { item, id } => self.apply(Event::Due { item, id }, None),
            Message::Executed { item, id } => {
                if self.is_current(item, id) {
                    self.apply(Event::Executed { item, id }, None);
                }
            }
            Message::Silent { server } => {
                if self.planner.is_in_use(&server) {
                    self.apply(Event::Silent { server }, None);
                }
            }
            Message::Probed { server, answers } => self.apply(Event::Probed { server, answers }, None),
            Message::Submit { item, id, prompt_id, place, prepared, durable } => {
                let waits = self.planner.is_stopping() || self.planner.is_paused();
                if waits || !self.is_current(item, id) {
                    // Dropping `durable` tells the worker that nothing is to be submitted.
                    return;
                }
                let event = Event::Submitted {
                    item,
                    id,
                    prompt_id,
                    fingerprint: prepared.fingerprint.to_string(),
                    parts: prepared.parts.clone(),
                    executor: place,
                };
                self.apply(event, Some(durable));
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Ending), JoinError>) {
        let (worker, ending) = match ended {
            Ok((worker, ending)) => (worker, ending),
            Err(error) if error.is_cancelled() => {
                self.tries.remove(&error.id());
                return;
            }
            Err(error) => (error.id(), Ending::Failed(internal(&error).into())),
        };
        let Some((item, id)) = self.tries.remove(&worker) else { return };
        if self.watches.remove(&(item, id)).is_some() {
            return self.watch_ended(item, id, ending);
        }
        if !self.is_current(item, id) {
            return;
        }
        self.handles.remove(&item);
        if let Ending::Failed(Failure::NoRoom(message)) = &ending {
            self.trouble.get_or_insert(message.clone());
            // What else ends now would find no room either.
            self.apply(Event::Stopped, None);
        }
        let event = self.event_of(item, id, ending);
        let timing = self.timing(&event);
        self.apply_with(event, Batch { entries: timing.into_iter().collect(), ..Batch::default() });
    }

    /// A late result counts; whatever else became of what was given up does not matter.
    fn watch_ended(&mut self, item: ItemIx, id: AttemptId, ending: Ending) {
        let event = match self.event_of(item, id, ending) {
            event @ Event::Finished { .. } => {
                let server = self.planner.watched_on(item, id).unwrap_or_default().to_owned();
                self.apply(Event::Late { item, id, server }, None);
                event
            }
            _ => Event::Failed {
                item,
                id,
                fault: Fault::new(ErrorClass::Transient, "it was given up, and no late result came"),
                values: BTreeMap::new(),
            },
        };
        self.apply(event, None);
    }

    fn event_of(&self, item: ItemIx, id: AttemptId, ending: Ending) -> Event {
        let values_of = |result: Option<&ItemResult>, fault: Option<&Fault>| {
            values(&self.planner, &*self.ports.preparer, &self.results, &Ended { item, id, result, fault })
        };
        let failure = match ending {
            Ending::Finished { result, reused, parts } => {
                let values = values_of(Some(&result), None);
                let parts = if reused { parts } else { BTreeMap::new() };
                return Event::Finished { item, id, reused, parts, result, values };
            }
            Ending::Withdrawn => return Event::Withdrawn { item, id },
            Ending::Failed(failure) => failure,
        };
        let lost = |message: String, forgotten| {
            let values = values_of(None, Some(&Fault::new(ErrorClass::Transient, message.clone())));
            Event::Lost { item, id, message, forgotten, values }
        };
        match failure {
            Failure::Fault(fault) => {
                let values = values_of(None, Some(&fault));
                Event::Failed { item, id, fault, values }
            }
            Failure::Unknown(message) => Event::Unknown { item, id, message },
            Failure::Unreached(message) => Event::Unreached { item, id, message },
            Failure::Away(message) => lost(message, false),
            Failure::Forgotten(message) => lost(message, true),
            // It may be there already; the next process looks.
            Failure::NoRoom(_) => Event::Withdrawn { item, id },
        }
    }

    /// How long an item took, for estimates of later runs.
    fn timing(&self, event: &Event) -> Option<Entry> {
        let Event::Finished { item, reused: false, result, .. } = event else { return None };
        let (place, warmth) = self.planner.flight(*item)?;
        let seconds = *result.metrics.get("seconds")?;
        let kinds = &self.plan.kinds;
        let shape = kinds.of(item.0).shape;
        let sort = Sort {
            shape: kinds.shape_name(shape).to_owned(),
            family: kinds.shape(shape).family.clone(),
            executor: self.planner.place_name(place).to_owned(),
            warmth,
        };
        Some(Entry::Timing { sort, seconds })
    }

    /// Lets `event` happen: to the planner, to the journal, and then outside.
    fn apply(&mut self, event: Event, durable: Option<oneshot::Sender<()>>) {
        self.apply_with(event, Batch { durable, ..Batch::default() });
    }

    fn apply_with(&mut self, event: Event, mut batch: Batch) {
        let commands = self.planner.apply(&event);
        if let Event::Finished { item, id, result, .. } = &event {
            self.results.hold(*item, *id, result);
        }
        batch.reports.extend(self.report(&event));
        batch.entries.push(self.entry(event));
        let mut refused = Vec::new();
        for command in commands {
            match command {
                Command::Refuse { item, id, fault } => refused.push((item, id, fault)),
                command => self.carry_out(command, &mut batch),
            }
        }
        self.send(batch);
        for (item, id, fault) in refused {
            let event = self.event_of(item, id, Ending::Failed(fault.into()));
            self.apply(event, None);
        }
    }

    fn carry_out(&mut self, command: Command, batch: &mut Batch) {
        let time_ns = self.ports.clock.now_ns();
        match command {
            Command::Start { item, id, visit, place, anew } => {
                let place = self.planner.place_name(place).to_owned();
                let claim = if self.submitted_before.remove(&(item, id)) { Claim::Earlier } else { Claim::Fresh };
                let handle = self.spawn(item, id, visit, place, claim, anew);
                self.handles.insert(item, (id, handle));
            }
            Command::Watch { item, id, visit, server } => {
                let handle = self.spawn(item, id, visit, server, Claim::GivenUp, true);
                self.watches.insert((item, id), handle);
            }
            Command::Probe { server, after } => self.probe(server, after),
            // Answered when everything else is under way.
            Command::Refuse { .. } => {}
            Command::Tell { server, condition } => batch.reports.push(RunEvent::Server { server, condition }),
            Command::Wait { item, id, duration } => {
                let (clock, messages) = (self.ports.clock.clone(), self.messages.clone());
                tokio::spawn(async move {
                    clock.sleep(duration).await;
                    // When the run has ended, the next process tries again at once.
                    let _ = messages.send(Message::Due { item, id });
                });
            }
            Command::Abort { item, id } => {
                if let Some(handle) = self.watches.remove(&(item, id)) {
                    handle.abort();
                } else if self.is_current(item, id)
                    && let Some((_, handle)) = self.handles.remove(&item)
                {
                    handle.abort();
                }
            }
            Command::Record(decision) => {
                batch.reports.push(RunEvent::ItemRouted {
                    item: self.ports.preparer.address(decision.item),
                    rule: decision.text.clone(),
                    target: decision.target.clone(),
                    inputs: decision.inputs.clone(),
                });
                batch.entries.push(Entry::Decision { time_ns, decision });
            }
            Command::Took(block) => {
                batch.reports.extend(block.look.as_ref().map(|look| self.looked(block.block, look)));
                batch.entries.push(Entry::Block { time_ns, block });
            }
            Command::Report { item, state, reason, error } => {
                let address = self.ports.preparer.address(item);
                let task = self.task(item);
                let text = reason.text(&self.plan, self.plan.items.task[item.0 as usize]);
                let (name, why) = (task.name.clone(), text.clone().or(error.as_ref().map(|e| e.message.clone())));
                let result = self.results.result(item);
                let files = result.iter().flat_map(|r| &r.files).map(|file| file.path.clone()).collect();
                batch.reports.push(match state {
                    ItemState::Waiting => RunEvent::ItemRepeated { item: address.clone(), task: name },
                    ItemState::Held => {
                        RunEvent::ItemHeld { item: address.clone(), task: name, reason: why.clone(), files }
                    }
                    _ => RunEvent::ItemFinished {
                        item: address.clone(),
                        task: name,
                        state,
                        reason: text,
                        error,
                        files,
                        metrics: result.map(|r| r.metrics.clone()).unwrap_or_default(),
                        seconds_left: Some(self.planner.seconds_left()),
                    },
                });
                self.forget_result(item, state);
                let id = self.planner.attempt(item);
                batch.entries.push(Entry::Change(Change { time_ns, item, address, id, state, reason: why }));
            }
        }
    }

    fn looked(&self, block: u32, look: &TrialLook) -> RunEvent {
        let samples = self.plan.trial.as_ref().and_then(|trial| trial.blocks.first());
        let name = |variation: usize| {
            let sample = samples.and_then(|samples| samples.get(variation));
            sample.map(|sample| self.task(*sample).name.clone()).unwrap_or_default()
        };
        RunEvent::TestLooked {
            block,
            look: look.look,
            outcome: look.outcome,
            leader: name(look.leader),
            dropped: look.dropped.iter().copied().map(name).collect(),
        }
    }

    fn probe(&self, server: String, after: Duration) {
        let (clock, messages, comfy) = (self.ports.clock.clone(), self.messages.clone(), self.ports.comfy.clone());
        tokio::spawn(async move {
            clock.sleep(after).await;
            let answers = match comfy {
                Some(comfy) => comfy.probe(&server).await,
                None => false,
            };
            // When the run has ended, nobody is interested any more.
            let _ = messages.send(Message::Probed { server, answers });
        });
    }

    fn spawn(
        &mut self,
        item: ItemIx,
        id: AttemptId,
        visit: Visit,
        place: String,
        claim: Claim,
        anew: bool,
    ) -> AbortHandle {
        let address = self.ports.preparer.address(item);
        let task_number = self.plan.items.task[item.0 as usize].0 as usize;
        let mut stem = self.names.stem(&self.plan, &*self.ports.preparer, item);
        if (id.visits, id.attempt) != (1, 1) {
            stem = format!("{stem}-v{}a{}", id.visits, id.attempt);
        }
        let name = format!("{address}/{}/{}/{}", id.visits, id.attempt, id.epoch);
        let attempt = Try {
            item,
            id,
            visit,
            prompt_id: Uuid::new_v5(&self.setup.run, name.as_bytes()),
            folder: self.setup.folder.join(&self.names.folders[task_number]),
            stem,
            timeout: self.plan.tasks[task_number].timeout,
            place,
            claim,
            anew,
            turn: self.turn.clone(),
            address,
        };
        let work = make_try(attempt, self.ports.clone(), self.results.clone(), self.messages.clone());
        let handle = self.workers.spawn(work);
        self.tries.insert(handle.id(), (item, id));
        handle
    }

    /// What the observer is told of `event` itself.
    fn report(&self, event: &Event) -> Option<RunEvent> {
        match event {
            Event::Submitted { item, id, executor, .. } => Some(RunEvent::ItemStarted {
                item: self.ports.preparer.address(*item),
                task: self.task(*item).name.clone(),
                executor: executor.clone(),
                attempt: id.attempt,
                visits: id.visits,
            }),
            Event::Failed { item, fault, .. } if self.planner.state(*item) == ItemState::Backoff => {
                let item = self.ports.preparer.address(*item);
                Some(RunEvent::ItemRetried { item, error: fault.clone() })
            }
            Event::Paused => Some(RunEvent::RunPaused),
            Event::Continued => Some(RunEvent::RunContinued),
            _ => None,
        }
    }

    fn entry(&self, event: Event) -> Entry {
        let address = match &event {
            Event::Submitted { item, .. } | Event::Finished { item, .. } | Event::Late { item, .. } => {
                self.ports.preparer.address(*item)
            }
            _ => String::new(),
        };
        Entry::Event { time_ns: self.ports.clock.now_ns(), address, event }
    }

    fn tell_start(&self) {
        let size = |task: &PlanTask| TaskSize { task: task.name.clone(), items: task.items.len() as u32 };
        let started = RunEvent::RunStarted {
            run: self.setup.run.to_string(),
            document: self.plan.document.clone(),
            version: self.plan.version.clone(),
            items: self.plan.items.len() as u32,
            settled: self.planner.counts().total(ItemState::is_final),
            tasks: self.plan.tasks.iter().map(size).collect(),
        };
        self.send(Batch { reports: vec![started], ..Batch::default() });
    }

    fn close(&self) -> RunOutcome {
        let counts = self.planner.counts();
        let unfinished = counts.total(|state| !state.is_final() && state != ItemState::Held);
        let state = match (self.cancelled, counts.of(ItemState::Held)) {
            (true, _) => RunState::Cancelled,
            _ if self.planner.is_complete() => RunState::Complete,
            (_, held) if held > 0 && !self.planner.is_stopping() => RunState::Held,
            _ if unfinished == 0 => RunState::Held,
            _ => RunState::Stopped,
        };
        let by_state = ItemState::ALL.into_iter().map(|state| (state, counts.of(state))).filter(|(_, n)| *n > 0);
        let finished = RunEvent::RunFinished { run: self.setup.run.to_string(), state, counts: by_state.collect() };
        let closed = Entry::Closed { time_ns: self.ports.clock.now_ns(), state };
        self.send(Batch { entries: vec![closed], reports: vec![finished], durable: None });
        RunOutcome { state, counts, trouble: self.trouble.clone() }
    }

    fn send(&self, batch: Batch) {
        // When the journal has failed, the run ends with its error.
        let _ = self.batches.send(batch);
    }

    fn task(&self, item: ItemIx) -> &PlanTask {
        &self.plan.tasks[self.plan.items.task[item.0 as usize].0 as usize]
    }
}
