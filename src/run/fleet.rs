//! What becomes of servers while a run goes on, and of the items that were with them.
//!
//! A server that cannot be reached, or that fails several items in a row, is left alone: its circuit is
//! open. It is looked at again and again, after longer and longer waits; when it answers, it gets one item
//! (half open), and everything as before when that has worked. What was with a server that stays away
//! moves to others under a new epoch, and its late result is welcome all the same.

use std::{collections::BTreeMap, time::Duration};

use super::{
    event::{AttemptId, Command, ServerCondition, Values},
    planner::Planner,
    ports::Fault,
    state::{ItemState, Reason},
};
use crate::{
    model::ErrorClass,
    plan::{Access, Capabilities, ItemIx, NATIVE, Place},
};

/// First and longest wait before a server that is out of order is looked at.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// After so many failures in a row a server is left alone.
const MOST_FAILURES: u32 = 3;

/// How often an item may move because a server lost it: it may be what breaks them.
const MOST_MOVES: u16 = 3;

/// The servers of a run.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// As they were when the process began.
    capabilities: Capabilities,
    circuits: Vec<Circuit>,
    /// Submissions that were given up and may bring a result all the same, and where they are.
    pub(super) watches: BTreeMap<(u32, AttemptId), u32>,
    /// How often an item moved in this attempt.
    moves: BTreeMap<u32, u16>,
    /// Ready items that perhaps no server takes.
    pub(super) hopeless: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Circuit {
    name: String,
    dead_after: Duration,
    failures: u32,
    /// Before the next look.
    wait: Duration,
    /// How long it has been out of reach.
    silent: Duration,
    /// Whether somebody will look.
    is_looked_at: bool,
}

impl Circuit {
    fn closed(name: &str, dead_after: Duration) -> Self {
        Self {
            name: name.to_owned(),
            dead_after,
            failures: 0,
            wait: WAITS.0,
            silent: Duration::ZERO,
            is_looked_at: false,
        }
    }
}

impl Fleet {
    pub(super) fn new(capabilities: &Capabilities) -> Self {
        let circuits = capabilities.servers.iter().map(|server| Circuit::closed(&server.name, server.dead_after));
        Self { circuits: circuits.collect(), capabilities: capabilities.clone(), ..Self::default() }
    }
}

impl Planner {
    /// The name of a server, or `native`.
    pub fn place_name(&self, place: Place) -> &str {
        match place {
            Place::Native => NATIVE,
            Place::Server(number) => self.fleet.circuits.get(number as usize).map_or("", |circuit| &circuit.name),
        }
    }

    /// Whether a server may get items, as far as it is known to work.
    pub fn is_in_use(&self, server: &str) -> bool {
        let number = self.fleet.circuits.iter().position(|circuit| circuit.name == server);
        number.is_some_and(|number| matches!(self.placer.access(number as u32), Access::Open | Access::Trial))
    }

    /// The place with this name. A server that is not configured any more gets a number as well.
    pub(super) fn place(&mut self, name: &str) -> Place {
        if name == NATIVE {
            return Place::Native;
        }
        let circuits = &mut self.fleet.circuits;
        let number = circuits.iter().position(|circuit| circuit.name == name).unwrap_or_else(|| {
            circuits.push(Circuit::closed(name, Duration::ZERO));
            circuits.len() - 1
        });
        Place::Server(number as u32)
    }

    /// A process begins: servers are as it found them.
    pub(super) fn open_servers(&mut self) {
        for number in 0..self.fleet.capabilities.servers.len() {
            let server = &self.fleet.capabilities.servers[number];
            self.fleet.circuits[number] = Circuit::closed(&server.name, server.dead_after);
            let (answers, drained) = (server.answers, server.drained);
            self.placer.set_access(number as u32, if answers { Access::Open } else { Access::Shut });
            self.placer.set_drained(number as u32, drained);
            if drained || !answers {
                self.tell_condition(number as u32, drained);
            }
            if !answers {
                self.look_later(number as u32);
            }
        }
        let watches: Vec<_> = self.fleet.watches.iter().map(|(watch, server)| (*watch, *server)).collect();
        for ((item, id), server) in watches {
            self.watch(item, id, server);
        }
    }

    /// A server did not answer.
    pub(super) fn server_silent(&mut self, name: &str) {
        if let Place::Server(number) = self.place(name) {
            self.shut(number);
        }
    }

    /// Somebody looked whether a server answers.
    pub(super) fn server_probed(&mut self, name: &str, answers: bool) {
        let Place::Server(number) = self.place(name) else { return };
        let access = self.placer.access(number);
        let circuit = &mut self.fleet.circuits[number as usize];
        circuit.is_looked_at = false;
        if answers {
            circuit.silent = Duration::ZERO;
            if matches!(access, Access::Shut | Access::GivenUp) {
                self.set_access(number, Access::Trial);
            }
            return;
        }
        circuit.silent += circuit.wait;
        circuit.wait = (circuit.wait * 2).min(WAITS.1);
        if circuit.silent >= circuit.dead_after && access != Access::GivenUp {
            self.set_access(number, Access::GivenUp);
            let ready =
                (0..self.items.len() as u32).filter(|item| self.items[*item as usize].state == ItemState::Ready);
            self.fleet.hopeless = ready.collect();
        }
        self.look_later(number);
    }

    /// A person took a server out of use, or back.
    pub(super) fn set_drained(&mut self, name: &str, drained: bool) {
        if let Place::Server(number) = self.place(name) {
            self.placer.set_drained(number, drained);
            self.tell_condition(number, drained);
        }
    }

    /// A server has done its part of an item.
    pub(super) fn executed(&mut self, item: u32) {
        self.server_worked(item);
        self.placer.leave(item);
    }

    /// The server of an item that is on its way works.
    pub(super) fn server_worked(&mut self, item: u32) {
        let Some(Place::Server(number)) = self.placer.place_of(item) else { return };
        let Some(circuit) = self.fleet.circuits.get_mut(number as usize) else { return };
        (circuit.failures, circuit.wait) = (0, WAITS.0);
        if self.placer.access(number) == Access::Trial {
            self.set_access(number, Access::Open);
        }
    }

    /// An item that was on its way to a server failed.
    pub(super) fn server_failed(&mut self, item: u32, class: ErrorClass) {
        let Some(Place::Server(number)) = self.placer.place_of(item) else { return };
        if class != ErrorClass::Transient {
            // It was the item's fault; the server did its part.
            return self.server_worked(item);
        }
        let Some(circuit) = self.fleet.circuits.get_mut(number as usize) else { return };
        circuit.failures += 1;
        if circuit.failures >= MOST_FAILURES || self.placer.access(number) == Access::Trial {
            self.shut(number);
        }
    }

    /// A server could not be reached, and an item was surely not submitted to it.
    pub(super) fn unreached(&mut self, item: u32) {
        if let Some(Place::Server(number)) = self.placer.place_of(item) {
            self.shut(number);
        }
        self.make_ready(item);
    }

    /// A server lost an item, or cannot be reached and may have it.
    pub(super) fn lost(&mut self, item: u32, message: &str, forgotten: bool, values: &Values) {
        let place = self.placer.place_of(item);
        let id = self.items[item as usize].id;
        if let Some(Place::Server(number)) = place {
            if forgotten {
                self.placer.forget_store(number);
            } else {
                self.shut(number);
                self.fleet.watches.insert((item, id), number);
                self.watch(item, id, number);
            }
        }
        let moves = self.fleet.moves.entry(item).or_default();
        *moves += 1;
        if *moves > MOST_MOVES {
            let fault =
                Fault::new(ErrorClass::Transient, format!("{message}; {MOST_MOVES} other tries ended like this"));
            return self.fail(item, &fault, values);
        }
        self.items[item as usize].raise_epoch();
        self.make_ready(item);
    }

    /// Whether a late result of an earlier submission of this attempt counts for `item`.
    pub(super) fn is_late_result(&self, item: u32, id: AttemptId) -> bool {
        let Some(record) = self.items.get(item as usize) else { return false };
        let is_open = matches!(record.state, ItemState::Ready | ItemState::Backoff) || record.state.is_running();
        let same = (record.id.visits, record.id.attempt) == (id.visits, id.attempt);
        is_open && same && self.fleet.watches.contains_key(&(item, id))
    }

    /// Nothing is expected any more of a submission that was given up.
    pub(super) fn unwatch(&mut self, item: u32, id: AttemptId) {
        self.fleet.watches.remove(&(item, id));
    }

    /// Nothing is expected any more of any earlier submission of `item`.
    pub(super) fn drop_watches(&mut self, item: u32) {
        self.fleet.moves.remove(&item);
        let first = AttemptId { visits: 0, attempt: 0, epoch: 0 };
        while let Some(((_, id), _)) = self
            .fleet
            .watches
            .range((item, first)..)
            .next()
            .map(|(k, v)| (*k, *v))
            .filter(|((other, _), _)| *other == item)
        {
            self.fleet.watches.remove(&(item, id));
            self.commands.push(Command::Abort { item: ItemIx(item), id });
        }
    }

    /// How many submissions of this attempt were lost, and not failed.
    pub(super) fn moves(&self, item: u32) -> u16 {
        self.fleet.moves.get(&item).copied().unwrap_or(0)
    }

    /// Refuses ready items that no server takes.
    pub(super) fn refuse_hopeless(&mut self) {
        let mut hopeless = std::mem::take(&mut self.fleet.hopeless);
        hopeless.sort_unstable();
        hopeless.dedup();
        for item in hopeless {
            let record = &self.items[item as usize];
            if record.state == ItemState::Ready && self.placer.is_hopeless(item) {
                let message = if self.fleet.capabilities.servers.is_empty() {
                    "no ComfyUI server is configured"
                } else {
                    "no server that may run it answers"
                };
                let (id, fault) = (record.id, Fault::new(ErrorClass::Transient, message));
                self.commands.push(Command::Refuse { item: ItemIx(item), id, fault });
            }
        }
    }

    fn watch(&mut self, item: u32, id: AttemptId, server: u32) {
        let (server, visit) = (self.place_name(Place::Server(server)).to_owned(), self.visit(item));
        self.commands.push(Command::Watch { item: ItemIx(item), id, visit, server });
    }

    /// Leaves a server alone for a while.
    fn shut(&mut self, number: u32) {
        if matches!(self.placer.access(number), Access::Open | Access::Trial) {
            self.set_access(number, Access::Shut);
        }
        if let Some(circuit) = self.fleet.circuits.get_mut(number as usize) {
            circuit.failures = 0;
        }
        self.look_later(number);
    }

    fn look_later(&mut self, number: u32) {
        // One that is not configured any more cannot be looked at.
        if number as usize >= self.fleet.capabilities.servers.len() {
            return;
        }
        let circuit = &mut self.fleet.circuits[number as usize];
        if !std::mem::replace(&mut circuit.is_looked_at, true) {
            let (server, after) = (circuit.name.clone(), circuit.wait);
            self.commands.push(Command::Probe { server, after });
        }
    }

    fn set_access(&mut self, number: u32, access: Access) {
        self.placer.set_access(number, access);
        self.tell_condition(number, self.placer.is_drained(number));
    }

    fn tell_condition(&mut self, number: u32, drained: bool) {
        let condition = match self.placer.access(number) {
            _ if drained => ServerCondition::Drained,
            Access::Open => ServerCondition::InUse,
            Access::Trial => ServerCondition::Answers,
            Access::Shut => ServerCondition::OutOfOrder,
            Access::GivenUp => ServerCondition::GivenUp,
        };
        self.tell(number, condition);
    }

    fn tell(&mut self, number: u32, condition: ServerCondition) {
        let server = self.place_name(Place::Server(number)).to_owned();
        self.commands.push(Command::Tell { server, condition });
    }

    /// Fails the current try of `item`: it is tried again, or its rules decide.
    pub(super) fn fail(&mut self, item: u32, fault: &Fault, values: &Values) {
        if !self.back_off(item, fault) {
            self.follow_rules(item, Some(fault), values);
        }
    }

    /// Marks an item as needing a look of a person.
    pub(super) fn unknown(&mut self, item: u32, message: &str) {
        let fault = Fault::new(ErrorClass::Error, message.to_owned());
        self.change(item, ItemState::NeedsReview, Reason::Error, Some(fault));
    }
}
