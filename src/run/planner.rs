//! The planner: a pure function from a state and an event to a new state and commands.
//!
//! It has no clock, no files, no randomness and no hash-map order, so that replaying the events
//! of a run gives its state again, here or in a distributed workflow engine. What it does:
//!
//! - an item is *settled* for another when it is final and no open loop that repeats it leaves the
//!   other out (`needs`);
//! - an item whose edges are all settled becomes ready, skipped or blocked (`needs`);
//! - an item whose try ended goes where the rules of its task say (`routing`, `loops`);
//! - ready items start in the order of the mode while there are slots (`order`).

use std::{collections::BTreeMap, sync::Arc};

use super::{
    event::{AttemptId, Command, Event},
    item::{Item, NONE},
    order::{Queue, Slots},
    ports::Fault,
    state::{Counts, ItemState, Reason},
    topology::{Keys, Topology},
};
use crate::{
    model::{ErrorClass, ValueMap},
    plan::{ItemIx, Plan, PlanTask, RetryPolicy, Visit},
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
    queue: Queue,
    counts: Counts,
    stopping: bool,
}

impl Planner {
    /// A run of `plan` before its first event. `keys` gives the keys of an item, `estimates` the
    /// expected seconds for an item of each task (1 where there is no estimate).
    pub fn new(plan: Arc<Plan>, keys: Keys<'_>, estimates: &[f64], slots: Slots) -> Self {
        let topology = Topology::new(&plan, keys);
        let count = plan.items.len();
        let mut planner = Self {
            queue: Queue::new(&plan, estimates, slots),
            topology,
            items: vec![Item::waiting(); count],
            retries: BTreeMap::new(),
            settling: Vec::new(),
            commands: Vec::new(),
            counts: Counts::waiting(count as u32),
            stopping: false,
            plan,
        };
        for item in 0..count as u32 {
            planner.items[item as usize].loop_open = planner.may_come_back(item);
        }
        for item in 0..count as u32 {
            planner.count_pending(item);
        }
        planner
    }

    /// Takes note of `event` and says what to do now.
    pub fn apply(&mut self, event: &Event) -> Vec<Command> {
        match event {
            Event::Opened => self.open(),
            Event::Submitted { item, id, .. } => self.submitted(item.0, *id),
            Event::Finished { item, id, reused, values, .. } if self.is_current(item.0, *id) => {
                let record = &mut self.items[item.0 as usize];
                (record.reused, record.has_result) = (*reused, true);
                self.follow_rules(item.0, None, values);
            }
            Event::Failed { item, id, fault, values } if self.is_current(item.0, *id) => {
                if !self.back_off(item.0, fault) {
                    self.follow_rules(item.0, Some(fault), values);
                }
            }
            Event::Unknown { item, id, message } if self.is_current(item.0, *id) => {
                let fault = Fault::new(ErrorClass::Error, message.clone());
                self.change(item.0, ItemState::NeedsReview, Reason::Error, Some(fault));
            }
            Event::Withdrawn { item, id } if self.is_current(item.0, *id) => self.make_ready(item.0),
            Event::Due { item, id } => self.due(item.0, *id),
            Event::Missing { items } => self.missing(items),
            Event::Approved { item } => self.approved(item.0),
            Event::Rejected { item } => self.rejected(item.0),
            Event::Stopped => self.stopping = true,
            Event::Cancelled => self.cancel(),
            // What an executor says about a try that does not count any more.
            Event::Finished { .. } | Event::Failed { .. } | Event::Unknown { .. } | Event::Withdrawn { .. } => {}
        }
        self.settle_all();
        self.start_ready();
        std::mem::take(&mut self.commands)
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

    /// Whether nothing new is to be submitted.
    pub fn is_stopping(&self) -> bool {
        self.stopping
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

    /// The task of `item`.
    pub(super) fn task(&self, item: u32) -> &PlanTask {
        &self.plan.tasks[self.plan.items.task[item as usize].0 as usize]
    }

    /// Puts `item` into `state`; everything else about the change follows from here.
    pub(super) fn change(&mut self, item: u32, state: ItemState, reason: Reason, error: Option<Fault>) {
        let task = self.plan.items.task[item as usize].0 as usize;
        let record = &mut self.items[item as usize];
        let before = std::mem::replace(&mut record.state, state);
        (record.reason, record.announced) = (reason, false);
        self.counts.change(before, state);
        match (before.is_running(), state.is_running()) {
            (false, true) => self.queue.take_slot(task),
            (true, false) => self.queue.free_slot(task),
            _ => {}
        }
        if state == ItemState::Ready {
            self.queue.push(task, item);
        }
        let starts_again = state == ItemState::Waiting && before != ItemState::Waiting;
        if state.is_final() || state == ItemState::Held || starts_again {
            self.commands.push(Command::Report { item: ItemIx(item), state, reason, error });
        }
        if state.is_final() {
            self.settling.push(item);
        }
    }

    /// Begins a visit: `item` has all it needs.
    pub(super) fn begin_visit(&mut self, item: u32) {
        let record = &mut self.items[item as usize];
        record.id = AttemptId { visits: record.id.visits.saturating_add(1), attempt: 1, epoch: 0 };
        record.retry_rule = None;
        while let Some(key) = self.retries.range((item, 0)..=(item, u16::MAX)).next().map(|(key, _)| *key) {
            self.retries.remove(&key);
        }
        self.make_ready(item);
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
        self.stopping = false;
        self.queue.clear();
        for item in 0..self.items.len() as u32 {
            match self.items[item as usize] {
                Item { state: ItemState::Waiting, pending: 0, .. } => self.decide_needs(item),
                Item { state, .. } if state.is_running() || matches!(state, ItemState::Ready | ItemState::Backoff) => {
                    self.make_ready(item);
                }
                _ => {}
            }
        }
    }

    /// Whether `id` is the current try at `item` and may still end. An item that is merely ready
    /// counts: while a journal is replayed, nothing is started.
    fn is_current(&self, item: u32, id: AttemptId) -> bool {
        self.items.get(item as usize).is_some_and(|record| {
            record.id == id && matches!(record.state, ItemState::Ready | ItemState::Starting | ItemState::Running)
        })
    }

    fn submitted(&mut self, item: u32, id: AttemptId) {
        if self.is_current(item, id) && self.items[item as usize].state != ItemState::Running {
            self.change(item, ItemState::Running, Reason::None, None);
        }
    }

    /// Whether the retry policy of the task takes care of `fault`.
    fn back_off(&mut self, item: u32, fault: &Fault) -> bool {
        let epoch = self.items[item as usize].id.epoch;
        let Some(policy) = &self.task(item).retry else { return false };
        if u32::from(epoch) >= policy.max || !class_matches(policy.on, fault.class) {
            return false;
        }
        let duration = backoff(policy, epoch);
        self.items[item as usize].id.epoch += 1;
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
            let record = &mut self.items[*item as usize];
            record.id.epoch = record.id.epoch.saturating_add(1);
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
        record.id = AttemptId { attempt: record.id.attempt.saturating_add(1), epoch: 0, ..record.id };
        record.retry_rule = rule.or(record.retry_rule);
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
        while !self.stopping {
            let items = &self.items;
            let Some(item) = self.queue.pop(|item| items[item as usize].state == ItemState::Ready) else { break };
            self.change(item, ItemState::Starting, Reason::None, None);
            let id = self.items[item as usize].id;
            self.commands.push(Command::Start { item: ItemIx(item), id, visit: self.visit(item) });
        }
    }

    fn visit(&self, item: u32) -> Visit {
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
