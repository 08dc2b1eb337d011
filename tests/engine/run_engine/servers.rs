//! The planner on several servers: who gets what, what becomes of servers and of what was with them, and
//! the laws of it over random plans, faults and orders.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use comfywright::{
    content_hash::ContentHash,
    model::ErrorClass,
    plan::{Capabilities, Capability, Estimates, ItemIx, ItemResult, Place},
    run::{AttemptId, Command, Event, Fault, ItemState, Planner, ServerCondition},
};
use proptest::prelude::*;

use super::{
    laws::{self, draft},
    scenario::{Scenario, error_class},
};

type Key = (ItemIx, AttemptId);

/// How far an item on its way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Started,
    Submitted,
    Executed,
}

/// A planner and what it started.
struct Fleet<'a> {
    scenario: &'a Scenario,
    planner: Planner,
    capabilities: Capabilities,
    open: BTreeMap<Key, (usize, Stage)>,
    watches: BTreeMap<Key, usize>,
    waits: BTreeSet<Key>,
    probes: BTreeSet<usize>,
    conditions: Vec<ServerCondition>,
    /// Items and servers in the order of their starts.
    starts: Vec<(ItemIx, usize)>,
    events: Vec<Event>,
}

fn servers(names: &[&str]) -> Capabilities {
    let servers =
        names.iter().map(|name| Capability { dead_after: Duration::from_secs(2), ..Capability::plain(*name) });
    Capabilities { servers: servers.collect(), ..Capabilities::native(1) }
}

impl<'a> Fleet<'a> {
    fn new(scenario: &'a Scenario, capabilities: Capabilities) -> Self {
        let keys = |item| scenario.keys(item);
        let names: Vec<String> = capabilities.servers.iter().map(|server| server.name.clone()).collect();
        let estimates = Estimates::new(&scenario.plan.kinds, &names, &BTreeMap::new());
        Self {
            scenario,
            planner: Planner::new(scenario.plan.clone(), &keys, &capabilities, estimates),
            conditions: vec![ServerCondition::InUse; names.len()],
            capabilities,
            open: BTreeMap::new(),
            watches: BTreeMap::new(),
            waits: BTreeSet::new(),
            probes: BTreeSet::new(),
            starts: Vec::new(),
            events: Vec::new(),
        }
    }

    fn name(&self, server: usize) -> String {
        self.capabilities.servers[server].name.clone()
    }

    fn number(&self, name: &str) -> usize {
        self.capabilities.servers.iter().position(|server| server.name == name).unwrap()
    }

    fn on(&self, server: usize) -> Vec<Key> {
        self.open.iter().filter(|(_, (other, _))| *other == server).map(|(key, _)| *key).collect()
    }

    fn apply(&mut self, event: Event) {
        let adopts = event == Event::Opened;
        let commands = self.planner.apply(&event);
        self.events.push(event);
        let mut refused = Vec::new();
        for command in commands {
            match command {
                Command::Start { item, id, place, .. } => {
                    let Place::Server(server) = place else { panic!("{item:?} does not run in this process") };
                    self.started((item, id), server as usize, adopts);
                }
                Command::Watch { item, id, server, .. } => drop(self.watches.insert((item, id), self.number(&server))),
                Command::Abort { item, id } => {
                    let was_there =
                        self.open.remove(&(item, id)).is_some() || self.watches.remove(&(item, id)).is_some();
                    assert!(was_there, "{item:?} {id:?} is not on its way");
                }
                Command::Wait { item, id, .. } => drop(self.waits.insert((item, id))),
                Command::Refuse { item, id, fault } => refused.push((item, id, fault)),
                Command::Probe { server, .. } => {
                    assert!(self.probes.insert(self.number(&server)), "{server} is looked at twice");
                }
                Command::Tell { server, condition } => {
                    let server = self.number(&server);
                    self.conditions[server] = condition;
                }
                Command::Record(_) | Command::Took(_) | Command::Report { .. } => {}
            }
        }
        for (item, id, fault) in refused {
            self.apply(Event::Failed { item, id, fault, values: BTreeMap::new() });
        }
    }

    fn started(&mut self, key: Key, server: usize, adopts: bool) {
        assert!(self.open.insert(key, (server, Stage::Started)).is_none(), "{key:?} starts twice");
        self.starts.push((key.0, server));
        if adopts {
            // What an earlier process submitted stays where it is, whatever the server is like.
            return;
        }
        let condition = self.conditions[server];
        match condition {
            ServerCondition::InUse => {}
            ServerCondition::Answers => assert_eq!(self.on(server).len(), 1, "one at a time until one has worked"),
            other => panic!("{key:?} goes to a server that is {other:?}"),
        }
        let seated = self.open.values().filter(|(other, stage)| *other == server && *stage != Stage::Executed).count();
        assert!(seated <= self.capabilities.servers[server].depth() as usize, "{server} has {seated}");
        assert!(self.open.len() <= self.scenario.plan.parallel.map_or(usize::MAX, |n| n as usize));
    }

    fn submit(&mut self, key: Key) {
        let Some((server, stage)) = self.open.get_mut(&key) else { return };
        *stage = Stage::Submitted;
        let (item, id, executor) = (key.0, key.1, self.capabilities.servers[*server].name.clone());
        let prompt_id = uuid::Uuid::nil();
        self.apply(Event::Submitted {
            item,
            id,
            prompt_id,
            fingerprint: String::new(),
            parts: BTreeMap::new(),
            executor,
        });
    }

    fn execute(&mut self, (item, id): Key) {
        if let Some((_, stage)) = self.open.get_mut(&(item, id)) {
            *stage = Stage::Executed;
            self.apply(Event::Executed { item, id });
        }
    }

    fn finish(&mut self, (item, id): Key, quality: f64) {
        self.open.remove(&(item, id));
        let values = BTreeMap::from([("q".to_owned(), quality.into())]);
        let result = ItemResult { metrics: [("seconds".to_owned(), 2.0)].into(), ..ItemResult::default() };
        self.apply(Event::Finished { item, id, reused: false, parts: BTreeMap::new(), result, values });
    }

    fn fail(&mut self, (item, id): Key, class: ErrorClass) {
        self.open.remove(&(item, id));
        self.apply(Event::Failed { item, id, fault: Fault::new(class, "it broke"), values: BTreeMap::new() });
    }

    fn lose(&mut self, (item, id): Key, forgotten: bool) {
        self.open.remove(&(item, id));
        self.apply(Event::Lost { item, id, message: "gone".to_owned(), forgotten, values: BTreeMap::new() });
    }

    fn probe(&mut self, server: usize, answers: bool) {
        assert!(self.probes.remove(&server));
        self.apply(Event::Probed { server: self.name(server), answers });
    }

    /// Everything works: the servers finish what came first, one item each in turn.
    fn work_off(&mut self) {
        let mut queues: BTreeMap<usize, Vec<Key>> = BTreeMap::new();
        while !self.open.is_empty() {
            for server in 0..self.capabilities.servers.len() {
                let queue = queues.entry(server).or_default();
                queue.retain(|key| self.open.contains_key(key));
                let new: Vec<Key> = self.on(server).into_iter().filter(|key| !queue.contains(key)).collect();
                queue.extend(new);
                if let Some(key) = queue.first().copied() {
                    self.submit(key);
                    self.execute(key);
                    self.finish(key, 1.0);
                }
            }
        }
    }

    /// How often a server had to load other models than those of the item before.
    fn swaps(&self) -> usize {
        let mut loaded: BTreeMap<usize, u32> = BTreeMap::new();
        let of = |item: ItemIx| self.scenario.plan.kinds.of(item.0).models;
        self.starts.iter().filter(|(item, server)| loaded.insert(*server, of(*item)) != Some(of(*item))).count()
    }

    fn states(&self) -> Vec<ItemState> {
        (0..self.scenario.addresses.len() as u32).map(|item| self.planner.state(ItemIx(item))).collect()
    }
}

fn started_on(fleet: &Fleet<'_>, server: usize) -> usize {
    fleet.starts.iter().filter(|(_, other)| *other == server).count()
}

#[test]
fn every_idle_server_gets_one_before_any_gets_two() {
    for mode in ["fifo", "critical_path", "smart"] {
        let scenario = Scenario::parse(&format!("plan mode={mode}\ntask a x=16 comfy models=1"));
        let mut fleet = Fleet::new(&scenario, servers(&["a", "b", "c", "d"]));
        fleet.apply(Event::Opened);
        let first: BTreeSet<usize> = fleet.starts[..4].iter().map(|(_, server)| *server).collect();
        assert_eq!((first.len(), fleet.starts.len()), (4, 8), "{mode}");
    }
}

#[test]
fn smart_swaps_models_as_rarely_as_it_can() {
    let swaps = |mode: &str| {
        let scenario = Scenario::parse(&format!("plan mode={mode}\ntask a x=60 comfy models=3"));
        let mut fleet = Fleet::new(&scenario, servers(&["a", "b"]));
        fleet.apply(Event::Opened);
        fleet.work_off();
        assert!(fleet.planner.is_complete());
        fleet.swaps()
    };
    assert!(swaps("smart") <= 4, "{}", swaps("smart"));
    assert!(swaps("fifo") > 20, "{}", swaps("fifo"));
}

#[test]
fn smart_lets_what_shares_a_prefix_follow_each_other() {
    let scenario = Scenario::parse("plan mode=smart\ntask a x=12 comfy models=1 prefixes=3");
    let mut fleet = Fleet::new(&scenario, servers(&["a"]));
    fleet.apply(Event::Opened);
    fleet.work_off();
    let prefixes: Vec<u32> =
        fleet.starts.iter().filter_map(|(item, _)| scenario.plan.kinds.of(item.0).prefix).collect();
    let changes = prefixes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!((prefixes.len(), changes), (12, 2), "{prefixes:?}");
}

#[test]
fn a_higher_priority_goes_first_in_every_mode() {
    for mode in ["fifo", "critical_path", "smart"] {
        let text = format!("plan mode={mode}\ntask a x=4 comfy models=1\ntask b x=4 comfy models=2 priority=5");
        let scenario = Scenario::parse(&text);
        let mut fleet = Fleet::new(&scenario, servers(&["a"]));
        fleet.apply(Event::Opened);
        fleet.work_off();
        let first: Vec<u32> = fleet.starts[..4].iter().map(|(item, _)| item.0).collect();
        assert!(first.iter().all(|item| *item >= 4), "{mode}: {first:?}");
    }
}

#[test]
fn early_results_are_there_earlier() {
    let first_end = |prefer: &str| {
        let text = format!(
            "plan mode=smart {prefer}\ntask a x=20 comfy models=1\ntask b x=20 needs=a comfy models=1 set=other"
        );
        let scenario = Scenario::parse(&text);
        let mut fleet = Fleet::new(&scenario, servers(&["a"]));
        fleet.apply(Event::Opened);
        fleet.work_off();
        assert!(fleet.planner.is_complete());
        fleet.starts.iter().position(|(item, _)| item.0 >= 20).unwrap()
    };
    let (usual, early) = (first_end(""), first_end("prefer=early-results"));
    assert!(early < 15 && usual == 20, "{early} and {usual}");
}

#[test]
fn tasks_go_to_the_servers_they_name() {
    let scenario = Scenario::parse("plan mode=smart\ntask a x=4 on=tag:big\ntask b x=4 on=b");
    let mut capabilities = servers(&["a", "b"]);
    capabilities.servers[0].tags = vec!["big".to_owned()];
    let mut fleet = Fleet::new(&scenario, capabilities);
    fleet.apply(Event::Opened);
    fleet.work_off();
    assert!(fleet.planner.is_complete());
    assert!(fleet.starts.iter().all(|(item, server)| (item.0 < 4) == (*server == 0)));
}

#[test]
fn a_server_that_fails_several_times_is_left_alone_and_tried_with_one() {
    let scenario = Scenario::parse("task a x=12 retry=9:transient:1..1 comfy");
    let mut fleet = Fleet::new(&scenario, servers(&["a", "b"]));
    fleet.apply(Event::Opened);
    for _ in 0..3 {
        let key = fleet.on(0)[0];
        fleet.submit(key);
        fleet.fail(key, ErrorClass::Transient);
    }
    assert_eq!((fleet.conditions[0], fleet.probes.clone()), (ServerCondition::OutOfOrder, BTreeSet::from([0])));
    // What is with it still may work, and nothing new comes.
    let (before, left) = (started_on(&fleet, 0), fleet.on(0));
    left.into_iter().for_each(|key| fleet.fail(key, ErrorClass::Transient));
    fleet.probe(0, false);
    assert_eq!((started_on(&fleet, 0), fleet.conditions[0]), (before, ServerCondition::OutOfOrder));
    fleet.probe(0, true);
    assert_eq!((fleet.conditions[0], fleet.on(0).len()), (ServerCondition::Answers, 1));
    // The trial fails: alone again.
    let key = fleet.on(0)[0];
    fleet.fail(key, ErrorClass::Transient);
    assert_eq!((fleet.conditions[0], fleet.on(0).len()), (ServerCondition::OutOfOrder, 0));
    fleet.probe(0, true);
    let key = fleet.on(0)[0];
    fleet.execute(key);
    assert_eq!((fleet.conditions[0], fleet.on(0).len()), (ServerCondition::InUse, 3), "the executed one and two more");
}

#[test]
fn what_a_server_lost_moves_and_its_late_result_counts() {
    let scenario = Scenario::parse("task a x=3 comfy");
    let mut fleet = Fleet::new(&scenario, servers(&["a", "b"]));
    fleet.apply(Event::Opened);
    let key = fleet.on(0)[0];
    fleet.submit(key);
    fleet.lose(key, false);
    assert!(fleet.watches.contains_key(&key));
    let again = fleet.open.keys().find(|(item, _)| *item == key.0).copied();
    let (item, id) = again.unwrap_or((key.0, fleet.planner.attempt(key.0)));
    assert_eq!(id, AttemptId { epoch: key.1.epoch + 1, ..key.1 });
    fleet.finish(key, 1.0);
    assert_eq!(fleet.planner.state(item), ItemState::Done);
    assert!(!fleet.open.keys().any(|(other, _)| *other == item), "the other submission is taken back");
}

#[test]
fn without_a_server_that_is_waited_for_items_fail() {
    let scenario = Scenario::parse("task a x=2 comfy");
    let mut fleet = Fleet::new(&scenario, servers(&["a"]));
    fleet.apply(Event::Opened);
    for key in fleet.on(0) {
        fleet.open.remove(&key);
        fleet.apply(Event::Unreached { item: key.0, id: key.1, message: "refused".to_owned() });
    }
    for _ in 0..4 {
        assert!(!fleet.planner.is_complete());
        if fleet.conditions[0] == ServerCondition::OutOfOrder {
            fleet.probe(0, false);
        }
        if fleet.conditions[0] == ServerCondition::GivenUp {
            break;
        }
    }
    assert_eq!(fleet.states(), [ItemState::Failed; 2]);
}

#[test]
fn what_a_person_says_of_a_server_outlives_its_faults() {
    let scenario = Scenario::parse("task a x=9 comfy");
    let mut fleet = Fleet::new(&scenario, servers(&["a", "b"]));
    fleet.apply(Event::Opened);
    fleet.apply(Event::Silent { server: "a".to_owned() });
    fleet.apply(Event::Drained { server: "a".to_owned() });
    fleet.probe(0, true);
    assert_eq!(fleet.conditions[0], ServerCondition::Drained);
    fleet.apply(Event::Silent { server: "a".to_owned() });
    fleet.apply(Event::Resumed { server: "a".to_owned() });
    assert_eq!(fleet.conditions[0], ServerCondition::OutOfOrder, "it is back in use and still does not answer");
    fleet.probe(0, true);
    fleet.work_off();
    assert!(fleet.planner.is_complete());
}

/// Random faults of servers.
struct Trouble<'a> {
    fleet: Fleet<'a>,
    seed: u64,
    step: u64,
    up: Vec<bool>,
    drained: Vec<bool>,
    /// How often servers still change.
    changes: u32,
}

impl<'a> Trouble<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let mut capabilities = servers(&["a", "b", "c"]);
        (capabilities.servers[1].slots, capabilities.servers[2].prefetch) = (2, 3);
        let fleet = Fleet::new(scenario, capabilities);
        Self { fleet, seed, step: 0, up: vec![true; 3], drained: vec![false; 3], changes: 12 }
    }

    /// From 0 to `count` - 1.
    fn below(&mut self, count: usize) -> usize {
        self.step += 1;
        let hash = ContentHash::of_bytes(format!("{} {}", self.seed, self.step).as_bytes());
        usize::from(u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])) % count
    }

    /// Lets one thing happen; false when nothing can.
    fn happen(&mut self) -> bool {
        if self.changes > 0 && self.below(6) == 0 {
            self.change();
        }
        let fleet = &self.fleet;
        let (open, watches, probes, waits) =
            (fleet.open.len(), fleet.watches.len(), fleet.probes.len(), fleet.waits.len());
        let is_left = open + probes + waits > 0;
        match self.below((open + watches + probes + waits).max(1)) {
            n if n < open => self.go_on(n),
            n if n < open + watches => self.watched(n - open),
            n if n < open + watches + probes => {
                let server = self.fleet.probes.iter().nth(n - open - watches).copied().unwrap();
                self.fleet.probe(server, self.up[server]);
            }
            _ if waits > 0 => {
                let (item, id) = self.fleet.waits.pop_first().unwrap();
                self.fleet.apply(Event::Due { item, id });
            }
            _ => return self.without_work(),
        }
        // Late results alone are not waited for, but what they change is.
        is_left || self.without_work()
    }

    /// Nothing is on its way: held items are let go, and servers come back.
    fn without_work(&mut self) -> bool {
        let held = (0..self.fleet.scenario.addresses.len() as u32).map(ItemIx);
        let held = held.into_iter().find(|item| self.fleet.planner.state(*item) == ItemState::Held);
        match held {
            _ if !self.fleet.open.is_empty() => true,
            Some(item) => {
                let yes = self.below(2) == 0;
                self.fleet.apply(if yes { Event::Approved { item } } else { Event::Rejected { item } });
                true
            }
            None if self.changes > 0 => {
                self.change();
                true
            }
            None => !self.fleet.planner.is_complete() && !self.fleet.probes.is_empty(),
        }
    }

    /// A server goes away or comes back, or is taken out of use or put back. In the end all work.
    fn change(&mut self) {
        self.changes -= 1;
        let server = self.below(3);
        if self.below(3) > 0 {
            self.up[server] = !self.up[server];
        } else {
            self.drain(server, !self.drained[server]);
        }
        if self.changes == 0 {
            self.up = vec![true; 3];
            (0..3).for_each(|server| self.drain(server, false));
        }
    }

    fn drain(&mut self, server: usize, drained: bool) {
        self.drained[server] = drained;
        let server = self.fleet.name(server);
        self.fleet.apply(if drained { Event::Drained { server } } else { Event::Resumed { server } });
    }

    fn go_on(&mut self, number: usize) {
        let (key, (server, stage)) = self.fleet.open.iter().nth(number).map(|(key, open)| (*key, *open)).unwrap();
        match (stage, self.up[server]) {
            (Stage::Started, true) => self.fleet.submit(key),
            (Stage::Started, false) => {
                self.fleet.open.remove(&key);
                self.fleet.apply(Event::Unreached { item: key.0, id: key.1, message: String::new() });
            }
            (Stage::Submitted, true) => match self.below(10) {
                0 => self.fleet.lose(key, true),
                1 | 2 => {
                    let class = ["error", "transient", "oom"][self.below(3)];
                    self.fleet.fail(key, error_class(class));
                }
                _ => self.fleet.execute(key),
            },
            (Stage::Submitted, false) if self.below(2) == 0 => {
                let server = self.fleet.name(server);
                // As the dispatcher does: of a server that is known not to answer nothing is told.
                if self.fleet.planner.is_in_use(&server) {
                    self.fleet.apply(Event::Silent { server });
                }
            }
            (Stage::Submitted, false) => self.fleet.lose(key, false),
            (Stage::Executed, _) => {
                let quality = self.below(10) as f64 / 10.0;
                self.fleet.finish(key, quality);
            }
        }
    }

    fn watched(&mut self, number: usize) {
        let (key, server) = self.fleet.watches.iter().nth(number).map(|(key, server)| (*key, *server)).unwrap();
        if !self.up[server] {
            return;
        }
        self.fleet.watches.remove(&key);
        if self.below(2) == 0 {
            self.fleet.apply(Event::Late { item: key.0, id: key.1, server: self.fleet.name(server) });
            self.fleet.finish(key, 0.5);
        } else {
            self.fleet.fail(key, ErrorClass::Transient);
        }
    }

    fn finish_all(&mut self) {
        let mut steps = 0;
        while self.happen() {
            steps += 1;
            assert!(steps < 20_000, "it never ends\n{}", self.fleet.scenario.text);
        }
        let open: Vec<ItemState> = self.fleet.states().into_iter().filter(|state| !state.is_final()).collect();
        assert!(open.is_empty(), "not final: {open:?}\n{}", self.fleet.scenario.text);
        assert!(self.fleet.planner.is_complete() && self.fleet.planner.is_idle());
    }
}

fn random_text(drafts: &[laws::Draft], mode: &str) -> String {
    let text = laws::text(drafts, false);
    let text = text.replace("plan parallel=3", &format!("plan parallel=7 mode={mode}"));
    text.replace(":transient:1..9", ":transient:1..9 comfy models=3 prefixes=2")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: laws::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever servers do: no server gets more than it takes, none that is out of use gets anything, and
    /// every item ends in one final state.
    #[test]
    fn items_end_whatever_servers_do(
        drafts in prop::collection::vec(draft(), 1..6), seed: u64, mode in 0..3_usize,
    ) {
        let text = random_text(&drafts, ["fifo", "critical_path", "smart"][mode]);
        let scenario = Scenario::parse(&text);
        let mut trouble = Trouble::new(&scenario, seed);
        trouble.fleet.apply(Event::Opened);
        trouble.finish_all();
        let fleet = &trouble.fleet;
        let mut replayed = Fleet::new(&scenario, fleet.capabilities.clone());
        fleet.events.iter().for_each(|event| drop(replayed.planner.replay(event)));
        prop_assert_eq!(replayed.states(), fleet.states(), "the journal says the same\n{}", text);
    }

    /// A process that goes on from any place of the journal ends everything as well.
    #[test]
    fn another_process_goes_on_whatever_servers_did(
        drafts in prop::collection::vec(draft(), 1..6), seed: u64, cut: prop::sample::Index,
    ) {
        let scenario = Scenario::parse(&random_text(&drafts, "smart"));
        let mut trouble = Trouble::new(&scenario, seed);
        trouble.fleet.apply(Event::Opened);
        trouble.finish_all();
        let events = trouble.fleet.events;
        let mut other = Trouble::new(&scenario, seed ^ 1);
        for event in &events[..=cut.index(events.len())] {
            other.fleet.planner.replay(event);
        }
        other.fleet.apply(Event::Opened);
        other.finish_all();
    }
}
