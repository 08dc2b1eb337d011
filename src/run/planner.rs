//! The planner: a pure function from a state and an event to a new state and commands.
//!
//! It has no clock, no files, no randomness and no hash-map order, so that replaying the events
//! of a run gives its state again, here or in a distributed workflow engine. What it does:
//!
//! - an item is *settled* for another when it is final and no open loop that repeats it leaves the
//!   other out (`needs`);
//! - an item whose edges are all settled becomes ready, skipped or blocked (`needs`);
//! - an item whose try ended goes where the rules of its task say (`routing`, `loops`);
//! - of a test, the samples of the blocks up to the next look are let go, and what its race drops is skipped (`trial`);
//! - ready items start where and when [`Placer`] says;
//! - a server that is out of order is left alone, and what was with it moves (`fleet`).

use std::{collections::BTreeMap, sync::Arc};

use super::{
    event::{AttemptId, Command, Event},
    fleet::Fleet,
    item::{Item, NONE},
    ports::Fault,
    ranks::ranks,
    state::{Counts, ItemState, Reason},
    topology::{Keys, Topology},
    trial::Samples,
};
use crate::{
    model::{ErrorClass, ValueMap},
    plan::{Capabilities, Estimates, ItemIx, Place, Placer, Plan, PlanTask, RetryPolicy, Visit, Warmth},
};

/// The state of a run.
#[derive(Debug)]
pub struct Planner {
    pub(super) plan: Arc<Plan>,
    pub(super) topology: Topology,
    pub(super) items: Vec<Item>,
    /// How often a rule of its task asked for another attempt at an item in this visit.
    pub(super) retries: BTreeMap<(u32, u16), u32>,
    /// Items that became final and whose edges are not settled yet.
    pub(super) settling: Vec<u32>,
    pub(super) commands: Vec<Command>,
    pub(super) placer: Placer,
    pub(super) fleet: Fleet,
    /// Of a test, the race of its variations.
    pub(super) samples: Option<Samples>,
    counts: Counts,
    stopping: bool,
    paused: bool,
}

impl Planner {
    /// A run of `plan` before its first event. `keys` gives the keys of an item, `capabilities` what may
    /// be used, `estimates` how long items take there.
    pub fn new(plan: Arc<Plan>, keys: Keys<'_>, capabilities: &Capabilities, estimates: Estimates) -> Self {
        let topology = Topology::new(&plan, keys);
        let count = plan.items.len();
        let ranks = ranks(&plan, &topology, &estimates);
        let mut planner = Self {
            placer: Placer::new(plan.clone(), capabilities, estimates, ranks),
            fleet: Fleet::new(capabilities),
            samples: plan.trial.as_ref().map(|trial| Samples::new(trial, count)),
            topology,
            items: vec![Item::waiting(); count],
            retries: BTreeMap::new(),
            settling: Vec::new(),
            commands: Vec::new(),
            counts: Counts::waiting(count as u32),
            stopping: false,
            paused: false,
            plan,
        };
        for item in 0..count as u32 {
            planner.items[item as usize].loop_open = planner.may_come_back(item);
            let is_expected = !planner.topology.is_conditional(planner.task_of(item));
            planner.placer.count(item, is_expected);
        }
        for item in 0..count as u32 {
            planner.count_pending(item);
        }
        planner
    }

    /// Takes note of `event` and says what to do now.
    pub fn apply(&mut self, event: &Event) -> Vec<Command> {
        self.note(event);
        self.settle_all();
        self.race();
        self.refuse_hopeless();
        self.start_ready();
        std::mem::take(&mut self.commands)
    }

    /// Takes note of an event of an earlier process: as [`Planner::apply`], but nothing starts before this one has
    /// [opened](Event::Opened) the run.
    pub fn replay(&mut self, event: &Event) -> Vec<Command> {
        self.placer.close();
        self.note(event);
        self.settle_all();
        self.race();
        self.fleet.hopeless.clear();
        std::mem::take(&mut self.commands)
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Opened => self.open(),
            Event::Stopped => self.stopping = true,
            Event::Paused => self.paused = true,
            Event::Continued => self.paused = false,
            Event::Again { items, downstream } => self.again(items, *downstream),
            Event::Cancelled => self.cancel(),
            Event::Missing { items } => self.missing(items),
            Event::Approved { item } => self.approved(item.0),
            Event::Rejected { item } => self.rejected(item.0),
            Event::Judged { item, value } => self.judged(item.0, *value),
            Event::Due { item, id } => self.due(item.0, *id),
            Event::Submitted { item, id, executor, .. } => self.submitted(item.0, *id, executor),
            Event::Silent { server } => self.server_silent(server),
            Event::Probed { server, answers } => self.server_probed(server, *answers),
            Event::Drained { server } => self.set_drained(server, true),
            Event::Resumed { server } => self.set_drained(server, false),
            // For readers.
            Event::Late { .. } => {}
            Event::Finished { item, id, .. }
            | Event::Failed { item, id, .. }
            | Event::Unknown { item, id, .. }
            | Event::Withdrawn { item, id }
            | Event::Executed { item, id }
            | Event::Unreached { item, id, .. }
            | Event::Lost { item, id, .. } => self.note_of_try(item.0, *id, event),
        }
    }

    /// What an executor says about a try; of one that does not count any more only a late result.
    fn note_of_try(&mut self, item: u32, id: AttemptId, event: &Event) {
        let is_current = self.is_current(item, id);
        match event {
            Event::Finished { reused, result, values, .. } if is_current || self.is_late_result(item, id) => {
                if is_current {
                    self.server_worked(item);
                    if let Some(seconds) = result.metrics.get("seconds").filter(|_| !reused) {
                        self.placer.observe(item, *seconds);
                    }
                } else {
                    self.unwatch(item, id);
                    self.abort(item);
                }
                if let Some(samples) = &mut self.samples {
                    samples.measured(item, &result.metrics);
                }
                let record = &mut self.items[item as usize];
                (record.reused, record.has_result, record.anew) = (*reused, true, false);
                if !self.wait_for_people(item) {
                    self.follow_rules(item, None, values);
                }
            }
            Event::Failed { fault, values, .. } if is_current => {
                self.server_failed(item, fault.class);
                self.fail(item, fault, values);
            }
            Event::Unknown { message, .. } if is_current => self.unknown(item, message),
            Event::Withdrawn { .. } if is_current => self.make_ready(item),
            Event::Executed { .. } if is_current => self.executed(item),
            Event::Unreached { .. } if is_current => self.unreached(item),
            Event::Lost { message, forgotten, values, .. } if is_current => {
                self.lost(item, message, *forgotten, values);
            }
            _ => self.unwatch(item, id),
        }
    }

    /// The plan that is carried out.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The state of `item`.
    pub fn state(&self, item: ItemIx) -> ItemState {
        self.items[item.0 as usize].state
    }

    /// Why `item` is in its state.
    pub fn reason(&self, item: ItemIx) -> Reason {
        self.items[item.0 as usize].reason
    }

    /// The current or last try at `item`.
    pub fn attempt(&self, item: ItemIx) -> AttemptId {
        self.items[item.0 as usize].id
    }

    /// How many items are in which state.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether nothing new is to be submitted, and the run is left when nothing runs any more.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether nothing new is to be submitted until a person says so.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether every item is final.
    pub fn is_complete(&self) -> bool {
        self.counts.total(|state| !state.is_final()) == 0
    }

    /// Whether nothing will happen any more without a person: nothing runs, and nothing may start.
    pub fn is_idle(&self) -> bool {
        let of = |state| self.counts.of(state);
        let running = of(ItemState::Starting) + of(ItemState::Running);
        running == 0 && (self.stopping || of(ItemState::Ready) + of(ItemState::Backoff) == 0)
    }

    /// Where `item` is on its way, and what that place had in store for it.
    pub fn flight(&self, item: ItemIx) -> Option<(Place, Warmth)> {
        Some((self.placer.place_of(item.0)?, self.placer.warmth_of(item.0)?))
    }

    /// The server that has a submission which was given up.
    pub fn watched_on(&self, item: ItemIx, id: AttemptId) -> Option<&str> {
        let server = *self.fleet.watches.get(&(item.0, id))?;
        Some(self.place_name(Place::Server(server)))
    }

    /// Items that have a place in the queue of the server with this number.
    pub fn seated(&self, server: u32) -> u32 {
        self.placer.seated(server)
    }

    /// Seconds until the end, as far as it is known.
    pub fn seconds_left(&self) -> f64 {
        self.placer.seconds_left()
    }

    /// The task of `item`.
    pub(super) fn task(&self, item: u32) -> &PlanTask {
        &self.plan.tasks[self.plan.items.task[item as usize].0 as usize]
    }

    /// Puts `item` into `state`; everything else about the change follows from here.
    pub(super) fn change(&mut self, item: u32, state: ItemState, reason: Reason, error: Option<Fault>) {
        let record = &mut self.items[item as usize];
        let before = std::mem::replace(&mut record.state, state);
        (record.reason, record.announced) = (reason, false);
        self.counts.change(before, state);
        self.tell_placer(item, before, state);
        if state.is_final() || state == ItemState::Held {
            self.drop_watches(item);
        }
        let starts_again = state == ItemState::Waiting && before != ItemState::Waiting;
        if state.is_final() || state == ItemState::Held || starts_again {
            self.commands.push(Command::Report { item: ItemIx(item), state, reason, error });
        }
        if state.is_final() {
            self.settling.push(item);
        }
    }

    fn tell_placer(&mut self, item: u32, before: ItemState, state: ItemState) {
        if before.is_running() && !state.is_running() {
            self.placer.end(item);
        }
        if before == ItemState::Ready {
            self.placer.remove(item);
        }
        if state == ItemState::Ready {
            self.placer.push(item);
            if self.placer.is_hopeless(item) {
                self.fleet.hopeless.push(item);
            }
        }
        let is_expected = state != ItemState::Waiting || !self.topology.is_conditional(self.task_of(item));
        self.placer.count(item, is_expected && !state.is_final());
    }

    /// Begins a visit, or the last one once more: `item` has all it needs.
    pub(super) fn begin_or_repeat(&mut self, item: u32) {
        if std::mem::take(&mut self.items[item as usize].repeats) {
            self.make_ready(item);
        } else {
            self.begin_visit(item);
        }
    }

    /// Begins a visit.
    pub(super) fn begin_visit(&mut self, item: u32) {
        let record = &mut self.items[item as usize];
        record.repeats = false;
        record.id = AttemptId { visits: record.id.visits.saturating_add(1), attempt: 1, epoch: 0 };
        (record.first_epoch, record.last_epoch) = (0, 0);
        record.retry_rule = None;
        self.drop_watches(item);
        self.forget_retries(item);
        self.make_ready(item);
    }

    /// Begins the last visit of `item` once more because a person wants it.
    pub(super) fn repeat_visit(&mut self, item: u32, anew: bool) {
        self.items[item as usize].begin_again(anew);
        self.drop_watches(item);
        self.forget_retries(item);
    }

    fn forget_retries(&mut self, item: u32) {
        while let Some(key) = self.retries.range((item, 0)..=(item, u16::MAX)).next().map(|(key, _)| *key) {
            self.retries.remove(&key);
        }
    }

    /// Lets the current try of `item` start.
    pub(super) fn make_ready(&mut self, item: u32) {
        self.change(item, ItemState::Ready, Reason::None, None);
    }

    /// Tells the dispatcher to forget a running try.
    pub(super) fn abort(&mut self, item: u32) {
        let Item { state, id, .. } = self.items[item as usize];
        if state.is_running() {
            self.commands.push(Command::Abort { item: ItemIx(item), id });
        }
    }

    fn open(&mut self) {
        // Whoever begins to work wants the run to go on.
        (self.stopping, self.paused) = (false, false);
        let with_servers: Vec<(u32, Place)> = self.submitted_to_servers();
        self.placer.open();
        self.open_servers();
        for item in 0..self.items.len() as u32 {
            match self.items[item as usize] {
                Item { state: ItemState::Waiting, pending: 0, .. } => self.decide_needs(item),
                Item { state, .. } if state.is_running() || matches!(state, ItemState::Ready | ItemState::Backoff) => {
                    self.make_ready(item);
                }
                _ => {}
            }
        }
        // Where they were submitted, they may be known.
        for (item, place) in with_servers {
            self.start(item, place);
        }
    }

    /// Items that were submitted to a server and of which nothing was heard since.
    fn submitted_to_servers(&self) -> Vec<(u32, Place)> {
        let running =
            (0..self.items.len() as u32).filter(|item| self.items[*item as usize].state == ItemState::Running);
        let placed = running.filter_map(|item| Some((item, self.placer.place_of(item)?)));
        placed.filter(|(_, place)| *place != Place::Native).collect()
    }

    /// Whether `id` is the current try at `item` and may still end. An item that is merely ready
    /// counts: while a journal is replayed, nothing is started.
    fn is_current(&self, item: u32, id: AttemptId) -> bool {
        self.items.get(item as usize).is_some_and(|record| {
            record.id == id && matches!(record.state, ItemState::Ready | ItemState::Starting | ItemState::Running)
        })
    }

    fn submitted(&mut self, item: u32, id: AttemptId, executor: &str) {
        if !self.is_current(item, id) {
            return;
        }
        if self.items[item as usize].state != ItemState::Running {
            self.change(item, ItemState::Running, Reason::None, None);
        }
        // It went elsewhere than this planner would have sent it: the event is an earlier process's.
        let place = self.place(executor);
        if self.placer.place_of(item) != Some(place) {
            self.placer.start(item, place);
        }
    }

    /// Whether the retry policy of the task takes care of `fault`.
    pub(super) fn back_off(&mut self, item: u32, fault: &Fault) -> bool {
        let record = &self.items[item as usize];
        let epoch = record.id.epoch.saturating_sub(record.first_epoch).saturating_sub(self.moves(item));
        let Some(policy) = &self.task(item).retry else { return false };
        if u32::from(epoch) >= policy.max || !class_matches(policy.on, fault.class) {
            return false;
        }
        let duration = backoff(policy, epoch);
        self.items[item as usize].raise_epoch();
        let id = self.items[item as usize].id;
        self.change(item, ItemState::Backoff, Reason::Error, None);
        self.commands.push(Command::Wait { item: ItemIx(item), id, duration });
        true
    }

    fn due(&mut self, item: u32, id: AttemptId) {
        let Some(record) = self.items.get(item as usize) else { return };
        if record.state == ItemState::Backoff && record.id == id {
            self.make_ready(item);
        }
    }

    fn missing(&mut self, items: &[ItemIx]) {
        let gone: Vec<u32> = items.iter().map(|i| i.0).filter(|i| self.is_finished(*i)).collect();
        for item in &gone {
            self.items[*item as usize].raise_epoch();
            self.make_ready(*item);
        }
        for item in gone {
            self.make_children_wait(item);
        }
    }

    fn is_finished(&self, item: u32) -> bool {
        self.items.get(item as usize).is_some_and(|record| record.state.is_finished())
    }

    fn approved(&mut self, item: u32) {
        match self.items.get(item as usize) {
            Some(Item { state: ItemState::Held, has_result: true, .. }) => self.finish(item, Reason::None),
            Some(Item { state: ItemState::Held, .. }) => self.next_attempt(item, None),
            _ => {}
        }
    }

    fn rejected(&mut self, item: u32) {
        match self.items.get(item as usize) {
            Some(Item { state: ItemState::Held, has_result: true, .. }) => {
                self.change(item, ItemState::Skipped, Reason::Rejected, None);
            }
            Some(Item { state: ItemState::Held, .. }) => self.change(item, ItemState::Failed, Reason::Rejected, None),
            _ => {}
        }
    }

    /// Marks `item` done or reused.
    pub(super) fn finish(&mut self, item: u32, reason: Reason) {
        let state = if self.items[item as usize].reused { ItemState::Reused } else { ItemState::Done };
        self.change(item, state, reason, None);
    }

    /// Lets `item` try again as `rule` asked.
    pub(super) fn next_attempt(&mut self, item: u32, rule: Option<u16>) {
        let record = &mut self.items[item as usize];
        record.id = AttemptId { attempt: record.id.attempt.saturating_add(1), epoch: record.first_epoch, ..record.id };
        record.retry_rule = rule.or(record.retry_rule);
        self.drop_watches(item);
        self.make_ready(item);
    }

    fn cancel(&mut self) {
        self.stopping = true;
        for item in 0..self.items.len() as u32 {
            if !self.items[item as usize].state.is_final() {
                self.abort(item);
                self.change(item, ItemState::Cancelled, Reason::None, None);
            }
        }
        self.settling.clear();
    }

    fn start_ready(&mut self) {
        while !self.stopping && !self.paused {
            let Some((item, place)) = self.placer.next_start() else { break };
            self.start(item, place);
        }
    }

    fn start(&mut self, item: u32, place: Place) {
        self.change(item, ItemState::Starting, Reason::None, None);
        self.placer.start(item, place);
        let Item { id, anew, .. } = self.items[item as usize];
        self.commands.push(Command::Start { item: ItemIx(item), id, visit: self.visit(item), place, anew });
    }

    pub(super) fn visit(&self, item: u32) -> Visit {
        let record = &self.items[item as usize];
        let task = self.task(item);
        let (chosen, absent) = self.choices(item);
        let rule = record.retry_rule.and_then(|rule| task.rules.get(usize::from(rule)));
        Visit {
            attempt: u32::from(record.id.attempt),
            visits: u32::from(record.id.visits),
            routed_from: self.primary_router(item),
            chosen,
            absent,
            with: rule.map_or_else(ValueMap::default, |rule| rule.with.clone()),
        }
    }

    /// The item that routed to `item`, when its output is the primary input: in a loop, or when
    /// the task depends on nothing.
    fn primary_router(&self, item: u32) -> Option<ItemIx> {
        let back = self.items[item as usize].came_back_from;
        if back != NONE {
            return Some(ItemIx(back));
        }
        let router = self.task(item).depends_on.is_empty().then(|| self.chosen_router(item)).flatten();
        router.map(ItemIx)
    }
}

/// Whether a rule or policy on `wanted` matches an error of class `actual`.
pub(super) fn class_matches(wanted: ErrorClass, actual: ErrorClass) -> bool {
    wanted == ErrorClass::Error || wanted == actual
}

/// The wait after failure number `failed` (from 0) of an attempt.
fn backoff(policy: &RetryPolicy, failed: u16) -> std::time::Duration {
    let factor = 1_u32.checked_shl(u32::from(failed)).unwrap_or(u32::MAX);
    policy.first.saturating_mul(factor).min(policy.longest.max(policy.first))
}
