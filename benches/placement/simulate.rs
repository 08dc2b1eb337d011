//! Carries a scenario out with the planner of the program, servers that are simulated and a clock that
//! jumps from event to event.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap, VecDeque},
    sync::Arc,
};

use comfywright::{
    plan::{Estimates, ItemIx, ItemResult, Place, Plan},
    run::{AttemptId, Command, Event, ItemState, Planner},
};

use crate::scenario::{RealServer, Scenario};

/// From the planner's command until the server has the prompt, and from its end until the files are here.
const SUBMIT: f64 = 0.03;
const FETCH: f64 = 0.05;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub makespan: f64,
    pub swaps: f64,
    /// Share of the busy time that went into loading models.
    pub swap_share: f64,
    /// When a tenth of the final results were there, as a share of the makespan.
    pub first_tenth: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Arrives(usize, ItemIx, AttemptId),
    Ends(usize),
    Fetched(usize, ItemIx, AttemptId, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    time: f64,
    number: u64,
    what: What,
}

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.total_cmp(&other.time).then(self.number.cmp(&other.number))
    }
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    planner: Planner,
    servers: Vec<RealServer>,
    queues: Vec<VecDeque<(ItemIx, AttemptId)>>,
    running: Vec<Option<(ItemIx, AttemptId, f64)>>,
    moments: BinaryHeap<Reverse<Moment>>,
    number: u64,
    now: f64,
    ends: Vec<f64>,
    last_task: usize,
}

/// Runs `plan` of `scenario` on so many servers.
pub fn simulate(
    scenario: &Scenario,
    plan: &Arc<Plan>,
    servers: &[String],
    memory: Option<u64>,
    estimates: Estimates,
) -> Outcome {
    let keys = |item: ItemIx| {
        // Items of one product have one number.
        let item = &scenario.items[item.0 as usize];
        let own = item.nodes.last().and_then(|node| node.key.split_once(' ')).map_or("", |(_, number)| number);
        vec![("n".to_owned(), own.into())]
    };
    let planner = Planner::new(plan.clone(), &keys, &Scenario::capabilities(servers, memory), estimates);
    let mut simulation = Simulation {
        scenario,
        planner,
        servers: servers.iter().map(|_| RealServer::new(memory)).collect(),
        queues: vec![VecDeque::new(); servers.len()],
        running: vec![None; servers.len()],
        moments: BinaryHeap::new(),
        number: 0,
        now: 0.0,
        ends: Vec::new(),
        last_task: scenario.items.iter().map(|item| item.task).filter(|task| *task < 5).max().unwrap_or(0),
    };
    simulation.apply(&Event::Opened);
    while let Some(Reverse(Moment { time, what, .. })) = simulation.moments.pop() {
        simulation.now = time;
        simulation.happen(what);
    }
    simulation.outcome()
}

impl Simulation<'_> {
    fn later(&mut self, seconds: f64, what: What) {
        self.number += 1;
        self.moments.push(Reverse(Moment { time: self.now + seconds, number: self.number, what }));
    }

    fn apply(&mut self, event: &Event) {
        for command in self.planner.apply(event) {
            let Command::Start { item, id, place: Place::Server(server), .. } = command else { continue };
            let executor = self.planner.place_name(Place::Server(server)).to_owned();
            self.later(SUBMIT, What::Arrives(server as usize, item, id));
            let (prompt_id, fingerprint) = (uuid::Uuid::nil(), String::new());
            self.apply(&Event::Submitted { item, id, prompt_id, fingerprint, parts: BTreeMap::new(), executor });
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Arrives(server, item, id) => {
                self.queues[server].push_back((item, id));
                self.begin(server);
            }
            What::Ends(server) => {
                let Some((item, id, seconds)) = self.running[server].take() else { return };
                self.apply(&Event::Executed { item, id });
                self.later(FETCH, What::Fetched(server, item, id, seconds));
                self.begin(server);
            }
            What::Fetched(_, item, id, seconds) => {
                let real = &self.scenario.items[item.0 as usize];
                if real.task == self.last_task {
                    self.ends.push(self.now);
                }
                let quality = if real.is_routed { 0.2 } else { 0.9 };
                let result = ItemResult { metrics: [("seconds".to_owned(), seconds)].into(), ..ItemResult::default() };
                let values = [("quality".to_owned(), quality.into())].into();
                self.apply(&Event::Finished { item, id, reused: false, parts: BTreeMap::new(), result, values });
            }
        }
    }

    fn begin(&mut self, server: usize) {
        if self.running[server].is_some() {
            return;
        }
        let Some((item, id)) = self.queues[server].pop_front() else { return };
        let seconds = self.servers[server].run(self.scenario, &self.scenario.items[item.0 as usize]);
        self.running[server] = Some((item, id, seconds));
        self.later(seconds, What::Ends(server));
    }

    fn outcome(mut self) -> Outcome {
        assert!(self.planner.is_complete(), "something is left: {:?}", self.planner.counts());
        let done = self.planner.counts().of(ItemState::Done) as usize;
        let expected = self.scenario.items.iter().filter(|item| self.scenario.runs(item)).count();
        assert_eq!(done, expected, "what was routed is what really runs");
        self.ends.sort_by(f64::total_cmp);
        let sum = |of: fn(&RealServer) -> f64| self.servers.iter().map(of).sum::<f64>();
        Outcome {
            makespan: self.now,
            swaps: sum(|server| f64::from(server.swaps)),
            swap_share: sum(|server| server.swap_seconds) / sum(|server| server.busy_seconds),
            first_tenth: self.ends.get(self.ends.len() / 10).copied().unwrap_or(self.now) / self.now,
        }
    }
}
