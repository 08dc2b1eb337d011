//! Laws of the planner, over random plans with random outcomes, routes and orders.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use comfywright::{
    content_hash::ContentHash,
    plan::{Estimates, ItemIx, ItemResult},
    run::{AttemptId, Command, Event, Fault, ItemState, Planner},
};
use proptest::prelude::*;

use super::scenario::{Scenario, error_class, slots};

/// A random number from 0 to 255 that depends on nothing but its arguments.
fn chance(seed: u64, what: &str, item: ItemIx, id: AttemptId) -> u8 {
    ContentHash::of_bytes(format!("{seed} {what} {} {id:?}", item.0).as_bytes()).as_bytes()[0]
}

#[derive(Clone, Debug)]
pub(crate) struct Draft {
    size: usize,
    entries: Vec<Vec<usize>>,
    allow_failed: bool,
    max_visits: u32,
    retry: u32,
    rules: Vec<(u8, u8, u8)>,
}

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let entries = prop::collection::vec(prop::collection::vec(0..8_usize, 1..3), 0..3);
    let rules = prop::collection::vec((0..3_u8, 0..5_u8, 0..16_u8), 0..4);
    (0..4_usize, entries, any::<bool>(), 1..4_u32, 0..2_u32, rules).prop_map(
        |(size, entries, allow_failed, max_visits, retry, rules)| Draft {
            size,
            entries,
            allow_failed,
            max_visits,
            retry,
            rules,
        },
    )
}

/// The text of a plan. Sizes of 0 mean no key; entries and targets are folded into what is allowed.
pub(crate) fn text(drafts: &[Draft], loops: bool) -> String {
    let size = drafts.iter().map(|draft| draft.size).max().unwrap_or(1).max(1);
    let mut text = "plan parallel=3\n".to_owned();
    for (number, draft) in drafts.iter().enumerate() {
        let keys = if draft.size == 0 { String::new() } else { format!("x={size}") };
        write!(text, "task t{number} {keys}").unwrap();
        let mut gather = BTreeSet::new();
        let mut entries = Vec::new();
        for entry in &draft.entries {
            let alternatives: BTreeSet<usize> =
                entry.iter().filter(|_| number > 0).map(|t| t % number.max(1)).collect();
            let gathered = draft.size == 0;
            // All alternatives of an entry are gathered, or none.
            let fits: Vec<usize> =
                alternatives.into_iter().filter(|t| !gathered || drafts[*t].size > 0 || entry.len() == 1).collect();
            if gathered {
                gather.extend(fits.iter().filter(|t| drafts[**t].size > 0).map(|t| format!("t{t}")));
            }
            if !fits.is_empty() {
                entries.push(fits.iter().map(|t| format!("t{t}")).collect::<Vec<_>>().join("|"));
            }
        }
        if !entries.is_empty() {
            write!(text, " needs={}", entries.join(",")).unwrap();
        }
        if !gather.is_empty() {
            write!(text, " gather={}", gather.into_iter().collect::<Vec<_>>().join(",")).unwrap();
        }
        if draft.allow_failed {
            text.push_str(" allow_failed");
        }
        writeln!(text, " max_visits={} retry={}:transient:1..9", draft.max_visits, draft.retry).unwrap();
    }
    for (number, draft) in drafts.iter().enumerate() {
        for (on, threshold, target) in &draft.rules {
            let on = ["", " on=error", " on=transient"][usize::from(*on)];
            let condition = if on.is_empty() { format!(" if q < 0.{}", 2 * threshold) } else { String::new() };
            let target = match usize::from(*target) {
                0 => "@skip".to_owned(),
                1 => "@fail".to_owned(),
                2 => "@hold".to_owned(),
                3 => "@retry".to_owned(),
                4 => "@continue".to_owned(),
                n if loops || number + 1 < drafts.len() => {
                    let first = if loops { 0 } else { number + 1 };
                    format!("t{}", first + n % (drafts.len() - first))
                }
                _ => continue,
            };
            writeln!(text, "rule t{number} to={target}{on} times=2{condition}").unwrap();
        }
    }
    text
}

pub(crate) struct Run<'a> {
    scenario: &'a Scenario,
    pub(crate) planner: Planner,
    outcomes: u64,
    order: u64,
    open: BTreeSet<(ItemIx, AttemptId)>,
    waits: BTreeSet<(ItemIx, AttemptId)>,
    /// Tries that were started.
    pub(crate) started: Vec<(ItemIx, AttemptId)>,
    /// Visits of the parents at the last start of an item.
    seen: BTreeMap<ItemIx, Vec<(ItemIx, u16)>>,
    pub(crate) events: Vec<Event>,
    parallel: usize,
}

impl<'a> Run<'a> {
    pub(crate) fn new(scenario: &'a Scenario, outcomes: u64, order: u64) -> Self {
        let keys = |item| scenario.keys(item);
        let planner = Planner::new(scenario.plan.clone(), &keys, &slots(100, 1), Estimates::default());
        let parallel = scenario.plan.parallel.map_or(usize::MAX, |n| n as usize);
        Self {
            scenario,
            planner,
            outcomes,
            order,
            open: BTreeSet::new(),
            waits: BTreeSet::new(),
            started: Vec::new(),
            seen: BTreeMap::new(),
            events: Vec::new(),
            parallel,
        }
    }

    fn parents(&self, item: ItemIx) -> Vec<ItemIx> {
        let task = &self.scenario.plan.tasks[self.scenario.plan.items.task[item.0 as usize].0 as usize];
        let groups = task.depends_on.iter().map(|entry| entry.alternatives.len()).sum();
        (0..groups).flat_map(|group| self.scenario.plan.items.parents(item, group)).copied().collect()
    }

    pub(crate) fn apply(&mut self, event: Event) {
        let commands = self.planner.apply(&event);
        self.events.push(event);
        for command in commands {
            match command {
                Command::Start { item, id, .. } => {
                    let parents = self.parents(item);
                    for parent in &parents {
                        assert!(
                            self.planner.state(*parent).is_final(),
                            "{item:?} starts before {parent:?} is final\n{}",
                            self.scenario.text
                        );
                    }
                    let visits = parents.iter().map(|parent| (*parent, self.planner.attempt(*parent).visits));
                    self.seen.insert(item, visits.collect());
                    assert!(
                        !self.started.contains(&(item, id)),
                        "{item:?} {id:?} starts twice\n{}",
                        self.scenario.text
                    );
                    self.started.push((item, id));
                    self.open.insert((item, id));
                }
                Command::Wait { item, id, .. } => drop(self.waits.insert((item, id))),
                Command::Abort { item, id } => assert!(self.open.remove(&(item, id))),
                Command::Record(_)
                | Command::Took(_)
                | Command::Report { .. }
                | Command::Watch { .. }
                | Command::Probe { .. }
                | Command::Refuse { .. }
                | Command::Tell { .. } => {}
            }
        }
        assert!(self.open.len() <= self.parallel);
    }

    /// Lets one thing happen; false when nothing can.
    pub(crate) fn step(&mut self) -> bool {
        let by_order = |(item, id): &&(ItemIx, AttemptId)| (chance(self.order, "order", *item, *id), *item);
        if let Some((item, id)) = self.open.iter().min_by_key(by_order).copied() {
            self.open.remove(&(item, id));
            let event = self.ending(item, id);
            self.apply(event);
        } else if let Some((item, id)) = self.waits.pop_first() {
            self.apply(Event::Due { item, id });
        } else {
            let all = (0..self.scenario.addresses.len() as u32).map(ItemIx);
            let Some(item) = all.into_iter().find(|item| self.planner.state(*item) == ItemState::Held) else {
                return false;
            };
            let yes = chance(self.outcomes, "approve", item, self.planner.attempt(item)).is_multiple_of(2);
            self.apply(if yes { Event::Approved { item } } else { Event::Rejected { item } });
        }
        true
    }

    fn ending(&self, item: ItemIx, id: AttemptId) -> Event {
        let number = chance(self.outcomes, "outcome", item, id);
        if number < 50 {
            let class = error_class(["error", "transient", "oom"][usize::from(number % 3)]);
            let fault = Fault::new(class, "it broke");
            return Event::Failed { item, id, fault, values: BTreeMap::new() };
        }
        let values = BTreeMap::from([("q".to_owned(), (f64::from(number % 10) / 10.0).into())]);
        let result = ItemResult::default();
        Event::Finished { item, id, reused: number.is_multiple_of(2), parts: BTreeMap::new(), result, values }
    }

    pub(crate) fn finish(&mut self) {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 20_000, "it never ends");
        }
    }

    pub(crate) fn states(&self) -> Vec<ItemState> {
        (0..self.scenario.addresses.len() as u32).map(|item| self.planner.state(ItemIx(item))).collect()
    }

    /// Everything is final.
    pub(crate) fn check_final(&self) {
        let states = self.states();
        let open: Vec<_> = states.iter().zip(&self.scenario.addresses).filter(|(state, _)| !state.is_final()).collect();
        assert!(open.is_empty(), "not final: {open:?}\n{}", self.scenario.text);
        assert!(self.planner.is_complete() && self.planner.is_idle());
    }

    /// Everything is final, and what ran last saw the last visits of what it needs.
    pub(crate) fn check(&self) {
        self.check_final();
        for (item, parents) in &self.seen {
            // An item that a loop repeated and that then did not run keeps no trace of its parents.
            if self.planner.state(*item).is_finished() {
                for (parent, visits) in parents {
                    assert_eq!(
                        self.planner.attempt(*parent).visits,
                        *visits,
                        "{item:?} saw an old visit of {parent:?}"
                    );
                }
            }
        }
    }
}

pub(crate) fn complete(scenario: &Scenario, outcomes: u64, order: u64) -> Run<'_> {
    let mut run = Run::new(scenario, outcomes, order);
    run.apply(Event::Opened);
    run.finish();
    run.check();
    run
}

/// Replays the first `length` events in a new process and goes on.
fn resume<'a>(scenario: &'a Scenario, events: &[Event], outcomes: u64, order: u64) -> Run<'a> {
    let mut run = Run::new(scenario, outcomes, order);
    for event in events {
        run.planner.apply(event);
    }
    run.apply(Event::Opened);
    run.finish();
    run.check();
    run
}

/// How many random cases; `PROPTEST_CASES` asks for more.
pub(crate) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_item_ends_in_one_final_state_in_any_order(
        drafts in prop::collection::vec(draft(), 1..7), outcomes: u64, order: u64, other: u64,
    ) {
        let text = text(&drafts, false);
        let scenario = Scenario::parse(&text);
        let states = complete(&scenario, outcomes, order).states();
        prop_assert_eq!(&states, &complete(&scenario, outcomes, other).states(), "{}", text);
    }

    #[test]
    fn a_replayed_prefix_leads_to_the_same_final_states(
        drafts in prop::collection::vec(draft(), 1..7), outcomes: u64, order: u64, other: u64, cut: prop::sample::Index,
    ) {
        let text = text(&drafts, false);
        let scenario = Scenario::parse(&text);
        let run = complete(&scenario, outcomes, order);
        let prefix = &run.events[..=cut.index(run.events.len())];
        prop_assert_eq!(run.states(), resume(&scenario, prefix, outcomes, other).states(), "{}", text);
    }

    #[test]
    fn loops_end_and_leave_nothing_that_saw_an_old_visit(
        drafts in prop::collection::vec(draft(), 1..7), outcomes: u64, order: u64, cut: prop::sample::Index,
    ) {
        let text = text(&drafts, true);
        // Where nothing waits for a slot or a time, a new process goes on in the same order; in
        // another order other items of a body would have begun the visit that a loop ends.
        let scenario = Scenario::parse(&text.replace("parallel=3", "").replace("retry=1", "retry=0"));
        let run = complete(&scenario, outcomes, order);
        complete(&Scenario::parse(&text), outcomes, order);
        let prefix = &run.events[..=cut.index(run.events.len())];
        let other = resume(&scenario, prefix, outcomes, order);
        prop_assert_eq!(run.states(), other.states(), "{}", text);
    }

    #[test]
    fn events_survive_json(drafts in prop::collection::vec(draft(), 1..4), outcomes: u64) {
        let scenario = Scenario::parse(&text(&drafts, true));
        for event in complete(&scenario, outcomes, 0).events {
            let json = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        }
    }
}

#[test]
fn a_hundred_thousand_items_of_four_tasks_are_planned_in_linear_work() {
    let scenario = Scenario::of_chain(100_000, 4);
    let keys = |item| scenario.keys(item);
    let mut planner = Planner::new(scenario.plan.clone(), &keys, &slots(8, 8), Estimates::default());
    let mut open: Vec<(ItemIx, AttemptId)> = Vec::new();
    let mut next = Some(Event::Opened);
    while let Some(event) = next {
        for command in planner.apply(&event) {
            if let Command::Start { item, id, .. } = command {
                open.push((item, id));
            }
        }
        next = open.pop().map(|(item, id)| Event::Finished {
            item,
            id,
            reused: false,
            parts: BTreeMap::new(),
            result: ItemResult::default(),
            values: BTreeMap::new(),
        });
    }
    assert_eq!(planner.counts().of(ItemState::Done), 400_001);
}
