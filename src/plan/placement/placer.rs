//! The ready items and the places where they may run.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    buckets::{Bucket, Buckets, Key, NO_PREFIX},
    here::Here,
    remaining::Remaining,
    server::{Access, ServerState},
};
use crate::{
    model::{Mode, Prefer},
    plan::{
        capabilities::{Capabilities, Fits},
        estimate::Estimates,
        kind::Kind,
        model::Plan,
        observed::Warmth,
    },
};

/// A server is not given an item ahead that another server may be free for sooner, if it takes longer
/// than this, in seconds: the gap between two items is shorter than what could be lost.
const SHORT: f64 = 1.0;

/// Where an item runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In this process.
    Native,
    /// On the server with this number.
    Server(u32),
}

/// An item on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    place: Place,
    /// Whether it has a place in the queue of the server.
    seated: bool,
    warmth: Warmth,
    /// How long it was expected to take, in this process.
    seconds: f64,
}

/// Decides which ready item starts next, and where.
#[derive(Debug)]
pub struct Placer {
    pub(super) plan: Arc<Plan>,
    pub(super) estimates: Estimates,
    pub(super) servers: Vec<ServerState>,
    pub(super) fits: Fits,
    pub(super) ready: Buckets,
    pub(super) remaining: Remaining,
    /// Seconds from the start of each item to the end of the longest path below it.
    pub(super) ranks: Vec<f32>,
    /// The longest of them.
    pub(super) longest: f64,
    native: BTreeSet<(Reverse<i64>, Key)>,
    here: Here,
    parallel: u32,
    flights: BTreeMap<u32, Flight>,
    /// Which of equal servers comes first.
    first: usize,
    /// Whether anything may start: else nobody needs to know what is ready.
    is_open: bool,
}

impl Placer {
    /// Nothing is ready yet. `ranks` are the seconds from the start of each item to the end of the longest
    /// path below it.
    pub fn new(plan: Arc<Plan>, capabilities: &Capabilities, estimates: Estimates, ranks: Vec<f32>) -> Self {
        let fits = capabilities.fits(&plan, &plan.kinds);
        let mut remaining = Remaining::new(&plan.kinds, plan.items.len());
        for (number, kind) in plan.kinds.all().iter().enumerate() {
            remaining.estimate(*kind, fits.set_of(number as u32).is_some(), &estimates);
        }
        Self {
            servers: capabilities.servers.iter().map(ServerState::new).collect(),
            fits,
            ready: Buckets::default(),
            remaining,
            longest: ranks.iter().copied().fold(0.0, f32::max).into(),
            ranks,
            native: BTreeSet::new(),
            here: Here::new(capabilities.native),
            parallel: plan.parallel.unwrap_or(u32::MAX),
            flights: BTreeMap::new(),
            first: capabilities.first as usize,
            is_open: false,
            estimates,
            plan,
        }
    }

    /// Adds an item that became ready.
    pub fn push(&mut self, item: u32) {
        if !self.is_open {
            return;
        }
        let key = self.key(item);
        match self.bucket(item) {
            Some(bucket) => self.ready.insert(bucket, key),
            None => drop(self.native.insert((self.priority(item), key))),
        }
    }

    /// Takes an item out that is not ready any more.
    pub fn remove(&mut self, item: u32) {
        if !self.is_open {
            return;
        }
        let key = self.key(item);
        match self.bucket(item) {
            Some(bucket) => drop(self.ready.remove(bucket, key)),
            None => drop(self.native.remove(&(self.priority(item), key))),
        }
    }

    /// From now on items may start, and it is to be told what is ready. Nothing is, and nothing is on its way.
    pub fn open(&mut self) {
        self.is_open = true;
        self.ready.clear();
        self.native.clear();
        for flight in std::mem::take(&mut self.flights).into_values() {
            self.give_back(flight);
        }
    }

    /// Nothing starts, and nothing is ready, until it is opened.
    pub fn close(&mut self) {
        self.is_open = false;
    }

    /// Says whether an item is still to be done, as far as it is known.
    pub fn count(&mut self, item: u32, is_to_do: bool) {
        let kind = self.kind(item);
        self.remaining.count(item, kind, self.is_for_servers(item), is_to_do);
    }

    /// The item that should start now, and where.
    pub fn next_start(&mut self) -> Option<(u32, Place)> {
        if self.parallel == 0 {
            return None;
        }
        let native = self.native.first().filter(|(_, key)| self.here.has_room(self.seconds_here(key.1))).copied();
        let served = if self.ready.len() == 0 { None } else { self.next_on_server() };
        match (native, served) {
            (Some((priority, key)), Some((item, _))) if (priority, key) <= (self.priority(item), self.key(item)) => {
                Some((key.1, Place::Native))
            }
            (_, Some((item, server))) => Some((item, Place::Server(server))),
            (Some((_, key)), None) => Some((key.1, Place::Native)),
            (None, None) => None,
        }
    }

    /// Notes that an item is on its way to a place.
    pub fn start(&mut self, item: u32, place: Place) {
        let kind = self.kind(item);
        let (mut warmth, seconds) = (Warmth::Warm, self.seconds_here(item));
        match place {
            Place::Native => self.here.take(seconds),
            Place::Server(number) => {
                let plan = Arc::clone(&self.plan);
                warmth = self.warmth(kind, number);
                if let Some(server) = self.servers.get_mut(number as usize) {
                    (server.seated, server.flying) = (server.seated + 1, server.flying + 1);
                    server.belief.run(&plan.kinds, kind.models, kind.prefix.unwrap_or(NO_PREFIX));
                }
            }
        }
        self.parallel = self.parallel.saturating_sub(1);
        if let Some(before) = self.flights.insert(item, Flight { place, seated: true, warmth, seconds }) {
            self.give_back(before);
        }
    }

    /// Notes that the server has done its part of an item: its place in the queue is free.
    pub fn leave(&mut self, item: u32) {
        let Some(flight) = self.flights.get_mut(&item) else { return };
        if let (Place::Server(number), true) = (flight.place, std::mem::take(&mut flight.seated))
            && let Some(server) = self.servers.get_mut(number as usize)
        {
            server.seated = server.seated.saturating_sub(1);
        }
    }

    /// Notes that an item is not on its way any more.
    pub fn end(&mut self, item: u32) {
        if let Some(flight) = self.flights.remove(&item) {
            self.give_back(flight);
        }
    }

    /// What an item took that was on its way is free again.
    fn give_back(&mut self, flight: Flight) {
        self.parallel = self.parallel.saturating_add(1);
        match flight.place {
            Place::Native => self.here.give_back(flight.seconds),
            Place::Server(number) => {
                if let Some(server) = self.servers.get_mut(number as usize) {
                    server.seated = server.seated.saturating_sub(flight.seated.into());
                    server.flying = server.flying.saturating_sub(1);
                }
            }
        }
    }

    /// Where an item is on its way.
    pub fn place_of(&self, item: u32) -> Option<Place> {
        self.flights.get(&item).map(|flight| flight.place)
    }

    /// Items that are on their way to a server.
    pub fn flying_to(&self, server: u32) -> Vec<u32> {
        let there = self.flights.iter().filter(|(_, flight)| flight.place == Place::Server(server));
        there.map(|(item, _)| *item).collect()
    }

    /// What the place of an item on its way had in store for it.
    pub fn warmth_of(&self, item: u32) -> Option<Warmth> {
        self.flights.get(&item).map(|flight| flight.warmth)
    }

    /// Learns how long an item took where it was on its way.
    pub fn observe(&mut self, item: u32, seconds: f64) {
        let Some(flight) = self.flights.get(&item).copied() else { return };
        let kind = self.kind(item);
        let place = match flight.place {
            Place::Native => 0,
            Place::Server(number) => number as usize + 1,
        };
        self.estimates.observe(kind, place, flight.warmth, seconds);
        self.remaining.estimate(kind, self.is_for_servers(item), &self.estimates);
    }

    /// Says whether a server may be used.
    pub fn set_access(&mut self, server: u32, access: Access) {
        if let Some(server) = self.servers.get_mut(server as usize) {
            server.access = access;
        }
    }

    /// Whether a server may be used.
    pub fn access(&self, server: u32) -> Access {
        self.servers.get(server as usize).map_or(Access::GivenUp, |server| server.access)
    }

    /// Takes a server out of use, or back.
    pub fn set_drained(&mut self, server: u32, drained: bool) {
        if let Some(server) = self.servers.get_mut(server as usize) {
            server.drained = drained;
        }
    }

    /// Whether a server is out of use.
    pub fn is_drained(&self, server: u32) -> bool {
        self.servers.get(server as usize).is_some_and(|server| server.drained)
    }

    /// A server has restarted: it has nothing in store.
    pub fn forget_store(&mut self, server: u32) {
        if let Some(server) = self.servers.get_mut(server as usize) {
            server.belief.forget();
        }
    }

    /// Whether no server that takes the item is waited for.
    pub fn is_hopeless(&self, item: u32) -> bool {
        let Some(bucket) = self.bucket(item) else { return false };
        let mut suiting = self.suiting(bucket.fit);
        suiting.all(|server| server.access == Access::GivenUp)
    }

    /// Ready items that only servers take.
    pub fn ready_for_servers(&self) -> usize {
        self.ready.len()
    }

    /// Items that have a place in a server's queue.
    pub fn seated(&self, server: u32) -> u32 {
        self.servers.get(server as usize).map_or(0, |server| server.seated)
    }

    /// Seconds until the end, as far as it is known: by the longest path, or by the work that is left,
    /// whichever takes longer.
    pub fn seconds_left(&self) -> f64 {
        let rank = |item: u32| self.ranks.get(item as usize).copied().unwrap_or(0.0);
        let ready =
            self.ready.levels().filter_map(|(_, _, level)| level.head()).chain(self.native.first().map(|n| n.1));
        let heads = ready.map(|(_, item)| rank(item));
        let path = self.flights.keys().map(|item| rank(*item)).chain(heads).fold(0.0, f32::max);
        let native = self.remaining.native() / f64::from(self.here.slots());
        self.capacity_left().max(path.into()).max(native)
    }

    /// How many average servers all that are in use are worth; none when there is none.
    fn speed(&self) -> Option<f64> {
        let servers = self.servers.iter().enumerate().filter(|(_, server)| server.takes_part());
        let speed: f64 = servers.map(|(n, server)| f64::from(server.slots) * self.estimates.speed(n + 1)).sum();
        Some(speed).filter(|speed| *speed > 0.0)
    }

    /// Seconds that the servers need for what is left when it is spread evenly.
    pub(super) fn capacity_left(&self) -> f64 {
        self.remaining.total() / self.speed().unwrap_or(1.0)
    }

    pub(super) fn kind(&self, item: u32) -> Kind {
        self.plan.kinds.of(item)
    }

    /// How long an item would take in this process.
    fn seconds_here(&self, item: u32) -> f64 {
        self.estimates.work(self.kind(item), 0)
    }

    pub(super) fn suiting(&self, fit: u32) -> impl Iterator<Item = &ServerState> {
        let set = self.fits.sets().get(fit as usize);
        self.servers.iter().zip(set.into_iter().flatten()).filter(|(_, fits)| **fits).map(|(server, _)| server)
    }

    pub(super) fn takes(&self, server: usize, fit: u32) -> bool {
        self.fits.sets().get(fit as usize).and_then(|set| set.get(server)).copied().unwrap_or(false)
    }

    fn warmth(&self, kind: Kind, server: u32) -> Warmth {
        let Some(server) = self.servers.get(server as usize) else { return Warmth::Cold };
        match kind.prefix {
            _ if !server.belief.has(&self.plan.kinds, kind.models) => Warmth::Cold,
            Some(prefix) if server.belief.has_prefix(prefix) => Warmth::Hot,
            _ => Warmth::Warm,
        }
    }

    fn is_for_servers(&self, item: u32) -> bool {
        self.fits.set_of(self.plan.kinds.number(item)).is_some()
    }

    fn priority(&self, item: u32) -> Reverse<i64> {
        Reverse(self.plan.tasks[self.plan.items.task[item as usize].0 as usize].priority)
    }

    /// The bucket of an item that only servers take.
    fn bucket(&self, item: u32) -> Option<Bucket> {
        let fit = self.fits.set_of(self.plan.kinds.number(item))?;
        let (mut models, mut prefix) = (0, NO_PREFIX);
        if self.plan.mode == Mode::Smart {
            let kind = self.kind(item);
            (models, prefix) = (kind.models, kind.prefix.unwrap_or(NO_PREFIX));
        }
        Some(Bucket { priority: self.priority(item), fit, models, prefix })
    }

    /// Its place in the order of the mode.
    fn key(&self, item: u32) -> Key {
        let rank = self.ranks.get(item as usize).copied().unwrap_or(0.0).max(0.0).to_bits();
        match (self.plan.mode, self.plan.prefer) {
            (Mode::Fifo, _) => (0, item),
            (Mode::Smart, Some(Prefer::EarlyResults)) => (rank, item),
            (Mode::Smart | Mode::CriticalPath, _) => (u32::MAX - rank, item),
        }
    }

    /// The emptiest server for which there is something, and what.
    fn next_on_server(&mut self) -> Option<(u32, u32)> {
        let mut open: Vec<usize> = (0..self.servers.len()).filter(|number| self.servers[*number].has_seat()).collect();
        let count = self.servers.len().max(1);
        open.sort_by(|a, b| {
            let [one, two] = [*a, *b].map(|number| &self.servers[number]);
            let fullness = |server: &ServerState| (server.seated / server.slots, server.busy.min(server.seated + 1));
            let speed = |number: usize| self.estimates.speed(number + 1);
            let turn = |number: usize| (number + count - self.first % count) % count;
            let by_fullness = fullness(one).cmp(&fullness(two));
            by_fullness.then(speed(*b).total_cmp(&speed(*a))).then(turn(*a).cmp(&turn(*b)))
        });
        open.into_iter().find_map(|number| {
            let item = self.pick(number)?;
            self.is_worth_it(number, item).then_some((item, number as u32))
        })
    }

    /// Whether a server should have an item now, although it would only wait there: not when there are
    /// so few that other servers will be free for them sooner.
    fn is_worth_it(&self, number: usize, item: u32) -> bool {
        if !self.servers[number].is_ahead() {
            return true;
        }
        let others = self.servers.iter().filter(|server| server.takes_part()).count().saturating_sub(1);
        self.ready.len() > others || self.estimates.work(self.kind(item), number + 1) <= SHORT
    }

    /// The item that a server should have next.
    fn pick(&mut self, number: usize) -> Option<u32> {
        if self.plan.mode == Mode::Smart {
            return self.pick_smart(number);
        }
        let mut best: Option<(Reverse<i64>, Key)> = None;
        for (priority, fit, level) in self.ready.levels() {
            if best.is_some_and(|(found, _)| found < priority) {
                break;
            }
            if let Some(head) = level.head().filter(|_| self.takes(number, fit)) {
                best = Some(best.map_or((priority, head), |found| found.min((priority, head))));
            }
        }
        best.map(|(_, key)| key.1)
    }
}
