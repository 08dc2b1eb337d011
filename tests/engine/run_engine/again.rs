//! Items that a person wants again, and runs that wait: by example, and as laws over random plans.

use std::collections::{BTreeMap, BTreeSet};

use comfywright::{
    plan::{Estimates, ItemIx},
    run::{AttemptId, Command, Control, Event, Fault, ItemState, Planner, RunEvent, RunState},
};
use proptest::prelude::*;

use super::{
    laws::{Run, cases, complete, draft, text},
    scenario::{Scenario, error_class, slots},
    world::World,
};

/// A planner of one chain of three tasks with two items each, of which `outcome` says how each try ends.
struct Chain {
    scenario: Scenario,
    planner: Planner,
    outcome: fn(&str, AttemptId) -> bool,
    started: Vec<String>,
}

impl Chain {
    fn new(plan: &str, outcome: fn(&str, AttemptId) -> bool) -> Self {
        let scenario = Scenario::parse(plan);
        let planner = {
            let keys = |item| scenario.keys(item);
            Planner::new(scenario.plan.clone(), &keys, &slots(100, 1), Estimates::default())
        };
        let mut chain = Self { scenario, planner, outcome, started: Vec::new() };
        chain.tell(Event::Opened);
        chain
    }

    /// Lets `event` happen, and everything that follows.
    fn tell(&mut self, event: Event) {
        let mut open = vec![event];
        while let Some(event) = open.pop() {
            for command in self.planner.apply(&event) {
                let Command::Start { item, id, anew, .. } = command else { continue };
                let address = self.scenario.addresses[item.0 as usize].clone();
                let (parts, values) = (BTreeMap::new(), BTreeMap::new());
                open.push(if (self.outcome)(&address, id) {
                    Event::Finished {
                        item,
                        id,
                        reused: false,
                        parts,
                        result: comfywright::plan::ItemResult::default(),
                        values,
                    }
                } else {
                    Event::Failed { item, id, fault: Fault::new(error_class("error"), "it broke"), values }
                });
                self.started.push(format!("{address} {}.{}{}", id.attempt, id.epoch, if anew { " anew" } else { "" }));
            }
        }
    }

    fn again(&mut self, items: &[&str], downstream: bool) -> Vec<String> {
        self.started.clear();
        let items = items.iter().map(|item| self.number(item)).collect();
        self.tell(Event::Again { items, downstream });
        self.started.sort();
        self.started.clone()
    }

    fn number(&self, address: &str) -> ItemIx {
        ItemIx(self.scenario.addresses.iter().position(|known| known == address).unwrap() as u32)
    }

    fn state(&self, address: &str) -> ItemState {
        self.planner.state(self.number(address))
    }
}

const PLAN: &str = "plan
    task load x=2
    task cut x=2 needs=load
    task sheet needs=cut gather=cut";

#[test]
fn a_failed_item_is_made_again_and_what_it_blocked_follows() {
    let mut chain = Chain::new(PLAN, |address, id| address != "load[x=0]" || id.epoch > 0);
    assert_eq!((chain.state("load[x=0]"), chain.state("cut[x=0]")), (ItemState::Failed, ItemState::Blocked));
    assert_eq!((chain.state("cut[x=1]"), chain.state("sheet")), (ItemState::Done, ItemState::Blocked));
    assert_eq!(chain.again(&["load[x=0]"], false), ["cut[x=0] 1.0", "load[x=0] 1.1 anew", "sheet 1.0"]);
    assert!(chain.planner.is_complete());
    assert_eq!(chain.state("sheet"), ItemState::Done);
}

#[test]
fn a_chosen_item_is_made_anew_and_what_was_made_of_it_only_when_asked() {
    let mut chain = Chain::new(PLAN, |_, _| true);
    assert_eq!(chain.again(&["load[x=0]"], false), ["load[x=0] 1.1 anew"]);
    let all = ["cut[x=0] 1.1 anew", "load[x=0] 1.2 anew", "sheet 1.1 anew"];
    assert_eq!(chain.again(&["load[x=0]"], true), all);
    // What waits only for others cannot be made again by itself.
    assert!(chain.planner.is_complete());
}

#[test]
fn it_may_fail_again_and_has_all_its_retries() {
    let plan = "plan
        task load retry=1:error:1..1
        rule load to=@retry on=error times=1
        task cut needs=load";
    let mut chain = Chain::new(plan, |address, id| address != "load" || id.epoch >= 4);
    let due = |chain: &mut Chain| {
        // Waits are over at once.
        for _ in 0..9 {
            let item = chain.number("load");
            let id = chain.planner.attempt(item);
            chain.tell(Event::Due { item, id });
        }
    };
    due(&mut chain);
    assert_eq!(chain.started, ["load 1.0", "load 1.1", "load 2.0", "load 2.1"]);
    assert_eq!(chain.state("cut"), ItemState::Blocked);
    chain.again(&["load"], false);
    due(&mut chain);
    assert_eq!(chain.started, ["load 1.2 anew", "load 1.3 anew", "load 2.2 anew", "load 2.3 anew"]);
    chain.again(&["load"], false);
    due(&mut chain);
    assert_eq!(chain.state("cut"), ItemState::Done);
}

#[test]
fn a_routed_detour_is_decided_anew() {
    let plan = "plan
        task cut x=1
        rule cut to=mend on=error
        task mend x=1
        task sheet x=1 needs=mend|cut";
    let mut chain = Chain::new(plan, |address, id| address != "cut[x=0]" || id.epoch > 0);
    assert_eq!((chain.state("cut[x=0]"), chain.state("mend[x=0]")), (ItemState::Failed, ItemState::Done));
    assert_eq!(chain.again(&["cut[x=0]"], true), ["cut[x=0] 1.1 anew", "sheet[x=0] 1.1 anew"]);
    assert_eq!(chain.state("mend[x=0]"), ItemState::Skipped);
}

/// The same plan with the planner of another process.
fn replayed(scenario: &Scenario, events: &[Event]) -> Planner {
    let keys = |item| scenario.keys(item);
    let mut planner = Planner::new(scenario.plan.clone(), &keys, &slots(100, 1), Estimates::default());
    events.iter().for_each(|event| drop(planner.replay(event)));
    planner
}

fn assert_replays(scenario: &Scenario, run: &Run<'_>) {
    let other = replayed(scenario, &run.events);
    for item in (0..scenario.addresses.len() as u32).map(ItemIx) {
        let of = |planner: &Planner| (planner.state(item), planner.reason(item), planner.attempt(item));
        assert_eq!(of(&other), of(&run.planner), "{}\n{}", scenario.addresses[item.0 as usize], scenario.text);
    }
    assert_eq!(other.counts(), run.planner.counts());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replayed_journal_gives_the_same_state(
        drafts in prop::collection::vec(draft(), 1..7), loops: bool, outcomes: u64, order: u64,
    ) {
        let scenario = Scenario::parse(&text(&drafts, loops));
        assert_replays(&scenario, &complete(&scenario, outcomes, order));
    }

    #[test]
    fn whatever_is_wanted_again_ends_and_nothing_else_begins(
        drafts in prop::collection::vec(draft(), 1..7), loops: bool, outcomes: u64, order: u64,
        wanted in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), 0..40_usize), 1..4),
    ) {
        let scenario = Scenario::parse(&text(&drafts, loops));
        let mut run = Run::new(&scenario, outcomes, order);
        run.apply(Event::Opened);
        for (item, downstream, steps) in &wanted {
            // While it goes on, and when it has ended.
            for _ in 0..*steps {
                run.step();
            }
            let item = ItemIx(item.index(scenario.addresses.len()) as u32);
            run.apply(Event::Again { items: vec![item], downstream: *downstream });
        }
        run.finish();
        // What was made of something stays as it is unless it is wanted, too: it may have seen an earlier visit.
        run.check_final();
        assert_replays(&scenario, &run);

        // When everything has ended, only what is wanted, what is made of it and what it kept from running begins.
        let before = run.states();
        let first = run.started.len();
        let item = ItemIx(wanted[0].0.index(scenario.addresses.len()) as u32);
        run.apply(Event::Again { items: vec![item], downstream: false });
        run.finish();
        run.check_final();
        let begun: BTreeSet<ItemIx> = run.started[first..].iter().map(|(item, _)| *item).collect();
        for other in begun.into_iter().filter(|other| *other != item) {
            let state = before[other.0 as usize];
            prop_assert!(matches!(state, ItemState::Blocked | ItemState::Skipped), "{:?} was {:?}\n{}", other, state, scenario.text);
        }
    }

    #[test]
    fn a_pause_starts_nothing_and_changes_nothing(
        drafts in prop::collection::vec(draft(), 1..7), outcomes: u64, order: u64, steps in 0..40_usize,
    ) {
        let scenario = Scenario::parse(&text(&drafts, false));
        let mut run = Run::new(&scenario, outcomes, order);
        run.apply(Event::Opened);
        for _ in 0..steps {
            run.step();
        }
        run.apply(Event::Paused);
        let started = run.started.len();
        run.finish();
        prop_assert_eq!(run.started.len(), started, "{}", scenario.text);
        run.apply(Event::Continued);
        run.finish();
        run.check();
        prop_assert_eq!(run.states(), complete(&scenario, outcomes, order).states(), "{}", scenario.text);
        assert_replays(&scenario, &run);
    }
}

#[test]
fn a_run_is_told_to_wait_to_go_on_and_to_make_something_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path(), PLAN);
    let id = world.begin();
    assert_eq!(world.resume(&id, &[]).state, RunState::Complete);
    assert_eq!(world.executed().len(), 5);
    let files = world.files(&id);

    // A finished run: everything below one item is made again although it could be reused, in the same places.
    let again = Control::Again { items: vec![ItemIx(0)], downstream: true };
    let outcome = world.resume(&id, &[again]);
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Done)), (RunState::Complete, 5));
    let executed = world.executed();
    assert_eq!(executed.len(), 8, "{executed:?}");
    let ids: BTreeSet<&String> = executed.iter().collect();
    assert_eq!(ids.len(), 8, "every submission has an id of its own");
    assert_eq!(world.files(&id), files);

    // Paused at once: the run waits until somebody tells it to go on.
    world.salt = "other".to_owned();
    let other = world.begin();
    world.controls = std::sync::Arc::new(|event, controls| {
        if matches!(event, RunEvent::RunPaused) {
            controls.send(Control::Continue).unwrap();
        }
    });
    let outcome = world.resume(&other, &[Control::Pause]);
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Done)), (RunState::Complete, 5));
    let events = world.events.lock().unwrap();
    let told = |wanted: &RunEvent| events.iter().position(|event| event == wanted).unwrap();
    assert!(told(&RunEvent::RunPaused) < told(&RunEvent::RunContinued));
}
