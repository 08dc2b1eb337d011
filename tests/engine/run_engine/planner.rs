//! The planner: for each rule of routing, a small plan, its outcomes, and what must come of it.

use std::collections::BTreeMap;

use super::scenario::{Outcome, Scenario, slots};
use comfywright::{
    plan::{Estimates, ItemIx, ItemResult, Visit},
    run::{AttemptId, Command, Decision, Event, Fault, ItemState, Planner},
};

/// Runs a scenario: everything that was started ends in order of its start.
struct Simulation {
    scenario: Scenario,
    planner: Planner,
    running: Vec<(ItemIx, AttemptId)>,
    /// Tries in order of their start.
    starts: Vec<(String, AttemptId, Visit)>,
    waits: Vec<u64>,
    decisions: Vec<Decision>,
    tries: BTreeMap<ItemIx, u32>,
}

impl Simulation {
    fn new(text: &str) -> Self {
        let scenario = Scenario::parse(text);
        let keys = |item| scenario.keys(item);
        let planner = Planner::new(scenario.plan.clone(), &keys, &slots(100, 100), Estimates::default());
        Self {
            scenario: scenario.clone(),
            planner,
            running: Vec::new(),
            starts: Vec::new(),
            waits: Vec::new(),
            decisions: Vec::new(),
            tries: BTreeMap::new(),
        }
    }

    fn apply(&mut self, event: &Event) {
        let mut due = Vec::new();
        for command in self.planner.apply(event) {
            match command {
                Command::Start { item, id, visit, .. } => {
                    self.starts.push((self.scenario.addresses[item.0 as usize].clone(), id, visit));
                    self.running.push((item, id));
                }
                Command::Wait { item, id, duration } => {
                    self.waits.push(duration.as_secs());
                    due.push(Event::Due { item, id });
                }
                Command::Abort { item, id } => self.running.retain(|other| *other != (item, id)),
                Command::Record(decision) => self.decisions.push(decision),
                Command::Report { .. }
                | Command::Took(_)
                | Command::Watch { .. }
                | Command::Probe { .. }
                | Command::Refuse { .. }
                | Command::Tell { .. } => {}
            }
        }
        for event in due {
            self.apply(&event);
        }
    }

    fn end(&mut self, item: ItemIx, id: AttemptId) -> Event {
        let number = self.tries.entry(item).and_modify(|n| *n += 1).or_insert(0);
        let address = &self.scenario.addresses[item.0 as usize];
        let list = self.scenario.outcomes.get(address);
        let outcome = list.map(|list| list[(*number as usize).min(list.len() - 1)].clone());
        match outcome.unwrap_or(Outcome::Metrics(BTreeMap::new())) {
            Outcome::Metrics(metrics) => {
                let values = metrics.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
                let result = ItemResult { metrics, ..ItemResult::default() };
                Event::Finished { item, id, reused: false, parts: BTreeMap::new(), result, values }
            }
            Outcome::Fault(class) => {
                let fault = Fault::new(class, "it broke");
                Event::Failed { item, id, fault, values: BTreeMap::new() }
            }
        }
    }

    fn run(&mut self) {
        while !self.running.is_empty() {
            let (item, id) = self.running.remove(0);
            let event = self.end(item, id);
            self.apply(&event);
        }
    }

    fn state(&self, address: &str) -> String {
        let item = self.scenario.item(address);
        let task = self.scenario.plan.items.task[item.0 as usize];
        let name = self.planner.state(item).name();
        match self.planner.reason(item).text(&self.scenario.plan, task) {
            Some(reason) => format!("{name}: {reason}"),
            None => name.to_owned(),
        }
    }
}

/// Runs `text` and compares with its lines `expect ITEM STATE`, `starts ITEM …`, `waits …`; items
/// without an expectation must be done.
fn check(text: &str) -> Simulation {
    let mut simulation = Simulation::new(text);
    simulation.apply(&Event::Opened);
    simulation.run();
    let mut expected: BTreeMap<&str, &str> =
        simulation.scenario.addresses.iter().map(|address| (address.as_str(), "done")).collect();
    for line in &simulation.scenario.rest {
        let (word, tail) = line.split_once(' ').unwrap();
        match word {
            "expect" => {
                let (address, state) = tail.split_once(' ').unwrap();
                assert!(expected.insert(address, state).is_some(), "no item {address}\n{text}");
            }
            "starts" => {
                let starts: Vec<&str> = simulation.starts.iter().map(|(address, ..)| address.as_str()).collect();
                assert_eq!(starts.join(" "), tail, "order of starts\n{text}");
            }
            "waits" => {
                let waits: Vec<String> = simulation.waits.iter().map(u64::to_string).collect();
                assert_eq!(waits.join(" "), tail, "waits\n{text}");
            }
            _ => panic!("{line}"),
        }
    }
    let actual: BTreeMap<&str, String> = expected.keys().map(|address| (*address, simulation.state(address))).collect();
    let expected: BTreeMap<&str, String> = expected.into_iter().map(|(a, s)| (a, s.to_owned())).collect();
    assert_eq!(actual, expected, "{text}");
    assert!(simulation.planner.is_idle());
    simulation
}

#[test]
fn items_follow_each_other_without_a_barrier() {
    check(
        "plan mode=critical_path parallel=1
         task a x=2
         task b x=2 needs=a
         starts a[x=0] a[x=1] b[x=0] b[x=1]",
    );
    let simulation = check(
        "plan mode=fifo parallel=1
         task b x=2 priority=1
         task a x=2
         task c x=2 needs=b
         starts b[x=0] b[x=1] a[x=0] a[x=1] c[x=0] c[x=1]",
    );
    assert!(simulation.planner.is_complete());
}

#[test]
fn a_failure_blocks_what_needs_it_and_nothing_else() {
    check(
        "task a x=2
         task b x=2 needs=a
         task c x=2 needs=b
         when a[x=0] fail=error
         expect a[x=0] failed
         expect b[x=0] blocked: a failed
         expect c[x=0] blocked: b failed",
    );
}

#[test]
fn alternatives_take_the_first_in_written_order_that_finished() {
    let text = "task a
         task b
         rule b to=@skip if q < 0.5
         task c needs=b|a
         starts a b c";
    let both = check(&format!("{text}\nwhen b q=1"));
    assert_eq!(both.starts[2].2.chosen, [0]);
    let one = check(&format!("{text}\nwhen b q=0\nexpect b skipped: q < 0.5 -> @skip"));
    assert_eq!(one.starts[2].2.chosen, [1]);
}

#[test]
fn an_item_is_skipped_as_soon_as_one_entry_has_no_alternative_left() {
    let mut simulation = Simulation::new(
        "task a
         rule a to=@skip
         task slow
         task b needs=a,slow
         task c needs=b",
    );
    simulation.apply(&Event::Opened);
    let event = simulation.end(ItemIx(0), simulation.running[0].1);
    simulation.apply(&event);
    assert_eq!(simulation.state("b"), "skipped: a was skipped");
    assert_eq!(simulation.state("c"), "skipped: b was skipped");
}

#[test]
fn skipped_beats_blocked_in_any_order() {
    for order in ["task a\nrule a to=@skip\ntask f", "task f\ntask a\nrule a to=@skip"] {
        check(&format!(
            "{order}
             task b needs=a,f
             when f fail=error
             expect a skipped:  -> @skip
             expect f failed
             expect b skipped: a was skipped"
        ));
    }
}

#[test]
fn gathering_waits_for_all_and_leaves_the_skipped_out() {
    let text = "task a x=3
         rule a to=@skip if q < 0.5
         task sheet needs=a gather=a";
    let some = check(&format!(
        "{text}\nwhen a[x=1] q=0\nwhen a[x=0] q=1\nwhen a[x=2] q=1\nexpect a[x=1] skipped: q < 0.5 -> @skip"
    ));
    assert_eq!(some.starts[3].2.absent, [ItemIx(1)]);
    check(
        "task a x=2
         rule a to=@skip
         task sheet needs=a gather=a
         expect a[x=0] skipped:  -> @skip
         expect a[x=1] skipped:  -> @skip
         expect sheet skipped: a was skipped",
    );
    let failed = "task a x=2\nwhen a[x=0] fail=error\nexpect a[x=0] failed\ntask sheet needs=a gather=a";
    check(&format!("{failed}\nexpect sheet blocked: a failed"));
    let allowed = check(&format!("{failed} allow_failed"));
    assert_eq!(allowed.starts[2].2.absent, [ItemIx(0)]);
}

#[test]
fn rules_are_read_in_order_and_conditions_are_anded() {
    check(
        "task a x=4
         rule a to=@skip if q < 0.2
         rule a to=@fail if q < 0.4
         rule a on=error to=@skip if q < 0.5
         rule a to=@continue if q < 0.8
         rule a to=@hold
         when a[x=0] q=0.1
         when a[x=1] q=0.3
         when a[x=2] q=0.7
         when a[x=3] q=0.9
         expect a[x=0] skipped: q < 0.2 -> @skip
         expect a[x=1] failed: q < 0.4 -> @fail
         expect a[x=3] held:  -> @hold",
    );
}

#[test]
fn a_rule_on_an_error_class_matches_that_class_only() {
    check(
        "task a x=3
         rule a to=@continue
         rule a on=oom to=@skip
         rule a on=transient to=@hold
         when a[x=0] fail=oom
         when a[x=1] fail=transient
         when a[x=2] fail=timeout
         expect a[x=0] skipped:  -> @skip
         expect a[x=1] held:  -> @hold
         expect a[x=2] failed",
    );
}

#[test]
fn an_absent_metric_is_an_error_and_never_false() {
    check(
        "task a
         rule a to=@skip if q < 0.5
         expect a failed",
    );
    check(
        "task a
         rule a to=@skip if q < 0.5
         rule a on=error to=@hold
         expect a held:  -> @hold",
    );
}

#[test]
fn targets_run_only_when_routed_to() {
    let text = "task cutout x=2
         rule cutout to=enhance if q < 0.8
         task enhance x=2
         task upscale x=2 needs=enhance|cutout
         when cutout[x=0] q=0.5
         when cutout[x=1] q=0.9
         expect enhance[x=1] skipped: not routed";
    let simulation = check(text);
    let visit = |address: &str| simulation.starts.iter().find(|(a, ..)| a == address).unwrap().2.clone();
    assert_eq!(visit("enhance[x=0]").routed_from, Some(simulation.scenario.item("cutout[x=0]")));
    assert_eq!(visit("upscale[x=0]").chosen, [0]);
    assert_eq!(visit("upscale[x=1]").chosen, [1]);
    assert_eq!(simulation.decisions.len(), 2);
    assert_eq!((simulation.decisions[0].rule, simulation.decisions[0].target.as_str()), (Some(0), "enhance"));
    assert_eq!(simulation.decisions[0].inputs["q"], 0.5);
    assert_eq!((simulation.decisions[1].rule, simulation.decisions[1].target.as_str()), (None, "@continue"));
}

#[test]
fn a_target_that_lists_the_router_is_conditioned_on_that_edge() {
    let simulation = check(
        "task a x=2
         rule a to=b if q < 0.5
         task other x=2
         task b x=2 needs=a,other
         task plain x=2 needs=a
         when a[x=0] q=0
         when a[x=1] q=1
         expect b[x=1] skipped: not routed",
    );
    assert!(simulation.starts.iter().all(|(_, _, visit)| visit.routed_from.is_none()));
}

#[test]
fn a_target_is_not_routed_to_only_when_no_router_is_left() {
    check(
        "task a
         rule a to=t if q < 0.5
         task b needs=a
         rule b to=t if q < 0.5
         task t
         when a q=1
         when b q=0",
    );
    check(
        "task a
         rule a to=t if q < 0.5
         task b needs=a
         rule b to=t if q < 0.5
         task t
         when a q=1
         when b q=1
         expect t skipped: not routed",
    );
}

#[test]
fn an_error_can_be_routed_to_what_mends_it() {
    check(
        "task a x=2
         rule a on=error to=fallback
         task fallback x=2
         task next x=2 needs=a|fallback
         when a[x=0] fail=error
         expect a[x=0] failed
         expect fallback[x=1] skipped: not routed",
    );
}

#[test]
fn a_target_that_lists_a_failed_router_is_blocked() {
    check(
        "task a
         rule a to=b if q < 0.5
         task b needs=a
         when a fail=error
         expect a failed
         expect b blocked: a failed",
    );
}

#[test]
fn the_retry_policy_acts_first_and_doubles_its_waits() {
    let simulation = check(
        "task a retry=4:transient:5..20
         rule a on=error to=@hold
         when a fail=transient ; fail=transient ; fail=transient ; fail=transient ; fail=transient
         waits 5 10 20 20
         expect a held:  -> @hold",
    );
    let epochs: Vec<_> = simulation.starts.iter().map(|(_, id, visit)| (id.epoch, visit.attempt)).collect();
    assert_eq!(epochs, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]);
    check("task a retry=3:transient:1..1\nwhen a fail=oom\nexpect a failed\nstarts a");
    check("task a retry=3:error:1..1\nwhen a fail=oom ; q=1\nstarts a a");
}

#[test]
fn retry_rules_count_their_attempts_and_change_inputs() {
    let simulation = check(
        "task a
         rule a to=@retry times=2 seed=new if q < 0.5
         rule a to=@skip if q < 0.5
         when a q=0
         expect a skipped: q < 0.5 -> @skip",
    );
    let attempts: Vec<_> = simulation.starts.iter().map(|(_, id, visit)| (id.attempt, visit.with.len())).collect();
    assert_eq!(attempts, [(1, 0), (2, 1), (3, 1)]);
    check("task a\nrule a on=error to=@retry times=1\nwhen a fail=error ; q=1\nstarts a a");
    check("task a\nrule a on=error to=@retry times=1\nwhen a fail=error\nstarts a a\nexpect a failed");
}

#[test]
fn loops_repeat_until_their_visits_are_used_up() {
    let text = "task make max_visits=3
         task look needs=make
         rule look to=make if q < 0.5
         rule look to=@fail if q < 0.5
         task after needs=look
         task beside needs=make";
    let good = check(&format!("{text}\nwhen look q=0 ; q=1\nstarts make look make look after beside"));
    let make: Vec<_> = good.starts.iter().filter(|(a, ..)| a == "make").map(|(.., visit)| visit.clone()).collect();
    assert_eq!((make[0].visits, make[0].routed_from), (1, None));
    assert_eq!((make[1].visits, make[1].routed_from), (2, Some(good.scenario.item("look"))));
    check(&format!(
        "{text}\nwhen look q=0\nstarts make look make look make look beside
         expect look failed: q < 0.5 -> @fail
         expect after blocked: look failed"
    ));
}

#[test]
fn a_route_into_a_target_that_leads_back_makes_plain_dependents_wait() {
    let simulation = check(
        "task make max_visits=2
         rule make to=fix if q < 0.5
         task fix
         rule fix to=make
         task show needs=make
         when make q=0 ; q=1
         starts make fix make show
         expect fix skipped: not routed",
    );
    assert_eq!(simulation.starts[3].2.visits, 1);
}

#[test]
fn a_task_may_route_to_itself() {
    check(
        "task a max_visits=3
         rule a to=a if q < 0.5
         task b needs=a
         when a q=0 ; q=0 ; q=1
         starts a a a b",
    );
}

#[test]
fn inner_loops_close_before_outer_ones() {
    let simulation = check(
        "task a max_visits=2
         task b needs=a max_visits=3
         task c needs=b
         rule c to=b if inner < 0.5
         task d needs=c
         rule d to=a if outer < 0.5
         task end needs=d,b
         when c inner=0 ; inner=1 ; inner=0 ; inner=1
         when d outer=0 ; outer=1",
    );
    let starts: Vec<&str> = simulation.starts.iter().map(|(a, ..)| a.as_str()).collect();
    assert_eq!(starts.join(" "), "a b c b c d a b c d end");
}

#[test]
fn loops_that_cross_wait_for_each_other() {
    let simulation = check(
        "task h max_visits=2
         task k max_visits=2
         task m needs=h
         task n needs=k
         task t needs=m,n
         task s needs=m,n
         task end needs=s,t
         rule t to=h if q < 0.5
         rule s to=k if q < 0.5
         when t q=0 ; q=1
         when s q=0 ; q=1",
    );
    assert_eq!(simulation.starts.last().unwrap().0, "end");
}

#[test]
fn a_route_back_to_what_is_not_above_is_never_followed() {
    check(
        "task a max_visits=9
         task b
         rule b to=a if q < 0.5
         rule b to=@skip if q < 0.5
         when b q=0
         expect b skipped: q < 0.5 -> @skip",
    );
}

#[test]
fn held_items_wait_for_a_person() {
    let text = "task a
         rule a to=@hold if q < 0.5
         task b needs=a
         when a q=0";
    let mut approved = check(&format!("{text}\nexpect a held: q < 0.5 -> @hold\nexpect b waiting"));
    assert!(!approved.planner.is_complete());
    approved.apply(&Event::Approved { item: ItemIx(0) });
    approved.run();
    assert_eq!((approved.state("a"), approved.state("b")), ("done".to_owned(), "done".to_owned()));
    let mut rejected = check(&format!("{text}\nexpect a held: q < 0.5 -> @hold\nexpect b waiting"));
    rejected.apply(&Event::Rejected { item: ItemIx(0) });
    assert_eq!(
        (rejected.state("a"), rejected.state("b")),
        ("skipped: rejected".into(), "skipped: a was skipped".into())
    );
}

#[test]
fn a_held_error_is_tried_again_when_approved() {
    let mut simulation = check("task a\nrule a on=error to=@hold\nwhen a fail=error ; q=1\nexpect a held:  -> @hold");
    simulation.apply(&Event::Approved { item: ItemIx(0) });
    simulation.run();
    assert_eq!(simulation.state("a"), "done");
}

#[test]
fn slots_and_parallel_are_honoured() {
    let text = "plan parallel=3\ntask a x=5\ntask b x=5 comfy";
    let scenario = Scenario::parse(text);
    let keys = |item| scenario.keys(item);
    let mut planner = Planner::new(scenario.plan.clone(), &keys, &slots(2, 2), Estimates::default());
    let started: Vec<u32> = planner
        .apply(&Event::Opened)
        .into_iter()
        .filter_map(|command| match command {
            Command::Start { item, .. } => Some(item.0),
            _ => None,
        })
        .collect();
    assert_eq!(started, [0, 1, 5]);
}

#[test]
fn the_longest_remaining_path_starts_first() {
    check(
        "plan mode=critical_path parallel=1
         task short
         task long
         task tail needs=long
         starts long short tail",
    );
}

#[test]
fn stopping_submits_nothing_new_and_the_next_process_continues() {
    let mut simulation = Simulation::new("plan parallel=1\ntask a x=2\ntask b x=2 needs=a");
    simulation.apply(&Event::Opened);
    simulation.apply(&Event::Stopped);
    simulation.run();
    assert_eq!(simulation.starts.len(), 1);
    assert!(simulation.planner.is_idle() && !simulation.planner.is_complete());
    simulation.apply(&Event::Opened);
    simulation.run();
    assert!(simulation.planner.is_complete());
}

#[test]
fn cancelling_ends_everything_that_has_not_finished() {
    let mut simulation = Simulation::new("plan parallel=1\ntask a x=2\ntask b x=2 needs=a");
    simulation.apply(&Event::Opened);
    let event = simulation.end(ItemIx(0), simulation.running[0].1);
    simulation.apply(&event);
    simulation.apply(&Event::Cancelled);
    let counts = simulation.planner.counts();
    assert_eq!((counts.of(ItemState::Done), counts.of(ItemState::Cancelled)), (1, 3));
}

#[test]
fn missing_outputs_are_made_again_before_what_needs_them() {
    let mut simulation = Simulation::new("plan parallel=1\ntask a x=2\ntask b x=2 needs=a");
    simulation.apply(&Event::Opened);
    for _ in 0..3 {
        let (item, id) = simulation.running.remove(0);
        let event = simulation.end(item, id);
        simulation.apply(&event);
    }
    assert_eq!((simulation.state("b[x=0]"), simulation.state("b[x=1]")), ("done".into(), "starting".into()));
    simulation.planner.apply(&Event::Missing { items: vec![ItemIx(0), ItemIx(1)] });
    simulation.running.clear();
    simulation.apply(&Event::Opened);
    simulation.run();
    assert!(simulation.planner.is_complete());
    let again: Vec<&str> = simulation.starts[4..].iter().map(|(address, ..)| address.as_str()).collect();
    assert_eq!(again, ["a[x=0]", "a[x=1]", "b[x=1]"]);
}

#[test]
fn what_an_aborted_try_says_does_not_count() {
    let mut simulation = Simulation::new("task a retry=1:error:1..1\nwhen a fail=error ; q=1");
    simulation.apply(&Event::Opened);
    let old = simulation.running[0].1;
    let event = simulation.end(ItemIx(0), old);
    simulation.apply(&event);
    simulation.apply(&event);
    assert_eq!(simulation.state("a"), "starting");
}
