//! The samples of a test: which are made, in which order whatsoever they end, and what is decided by them.

use std::{collections::BTreeMap, sync::Arc};

use comfywright::{
    model::ErrorClass,
    plan::{Estimates, ItemIx, ItemResult, Plan, Trial},
    run::{AttemptId, Command, Event, Fault, ItemState, Planner, TrialBlock},
    stats::{Outcome, Rule, ScoreScale, Settings, decide},
};
use proptest::prelude::*;

use super::scenario::{Scenario, slots};

const BLOCKS: u32 = 20;

/// A test of `variations` variations, a task for each, on as many blocks.
fn scenario(variations: usize, rule: Rule) -> Scenario {
    let lines: Vec<String> = (0..variations).map(|number| format!("task v{number} x={BLOCKS}")).collect();
    let mut scenario = Scenario::parse(&lines.join("\n"));
    let settings = Settings { rule, alpha: 0.05, equivalence: 0.02, samples: BLOCKS, futility: true };
    let rules = comfywright::stats::Plan::new(settings, variations).unwrap();
    let block = |number: u32| (0..variations as u32).map(|v| ItemIx(v * BLOCKS + number)).collect();
    let trial = Trial {
        metric: "q".to_owned(),
        asks_people: false,
        scale: ScoreScale::default(),
        rules,
        blocks: (0..BLOCKS).map(block).collect(),
    };
    let plan = Arc::get_mut(&mut scenario.plan).unwrap();
    plan.trial = Some(trial);
    scenario
}

/// For each item its score; none fails.
type Scores = Vec<Option<f64>>;

struct Course {
    plan: Arc<Plan>,
    planner: Planner,
    running: Vec<(ItemIx, AttemptId)>,
    started: Vec<ItemIx>,
    blocks: Vec<TrialBlock>,
    events: Vec<Event>,
}

impl Course {
    fn new(scenario: &Scenario, slots_of_process: u32) -> Self {
        let keys = |item| scenario.keys(item);
        let planner = Planner::new(scenario.plan.clone(), &keys, &slots(slots_of_process, 1), Estimates::default());
        let plan = scenario.plan.clone();
        Self { plan, planner, running: Vec::new(), started: Vec::new(), blocks: Vec::new(), events: Vec::new() }
    }

    fn apply(&mut self, event: Event) {
        let commands = self.planner.apply(&event);
        self.events.push(event);
        self.follow(commands);
    }

    fn follow(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Start { item, id, .. } => {
                    self.started.push(item);
                    self.running.push((item, id));
                }
                Command::Abort { item, id } => self.running.retain(|other| *other != (item, id)),
                Command::Took(block) => self.blocks.push(block),
                _ => {}
            }
        }
    }

    /// Ends what runs, `pick` choosing who is next, until nothing runs or `most` have ended.
    fn run(&mut self, scores: &Scores, pick: &mut dyn FnMut(usize) -> usize, most: usize) {
        for _ in 0..most {
            if self.running.is_empty() {
                return;
            }
            let (item, id) = self.running.remove(pick(self.running.len()));
            let values = BTreeMap::new();
            self.apply(match scores[item.0 as usize] {
                Some(score) => {
                    let metrics = BTreeMap::from([("q".to_owned(), score)]);
                    let result = ItemResult { metrics, ..ItemResult::default() };
                    Event::Finished { item, id, reused: false, parts: BTreeMap::new(), result, values }
                }
                None => Event::Failed { item, id, fault: Fault::new(ErrorClass::Error, "it broke"), values },
            });
        }
    }

    fn states(&self) -> Vec<String> {
        (0..self.plan.items.len() as u32)
            .map(|item| {
                let (item, task) = (ItemIx(item), self.plan.items.task[item as usize]);
                format!("{:?} {:?}", self.planner.state(item), self.planner.reason(item).text(&self.plan, task))
            })
            .collect()
    }
}

/// The scores by blocks, as `stats` takes them.
fn rows(plan: &Plan, scores: &Scores) -> Vec<Vec<Option<f64>>> {
    let trial = plan.trial.as_ref().unwrap();
    trial.blocks.iter().map(|block| block.iter().map(|item| scores[item.0 as usize]).collect()).collect()
}

/// Scores around 0.5, better for the first variation by `gap`.
fn scores(variations: usize, gap: f64) -> Scores {
    let score = |variation: usize, block: u32| {
        let noise = f64::from((block * 7 + variation as u32 * 5) % 11) / 100.0;
        Some(0.4 + noise + if variation == 0 { gap } else { 0.0 })
    };
    (0..variations).flat_map(|variation| (0..BLOCKS).map(move |block| score(variation, block))).collect()
}

#[test]
fn a_clear_winner_ends_early_and_the_rest_is_skipped() {
    let scenario = scenario(3, Rule::Horizon);
    let mut course = Course::new(&scenario, 4);
    course.apply(Event::Opened);
    course.run(&scores(3, 0.3), &mut |_| 0, usize::MAX);
    assert!(course.planner.is_complete());
    let last = course.blocks.last().unwrap();
    assert_eq!(last.look.as_ref().map(|look| look.outcome), Some(Outcome::Winner));
    assert_eq!(course.started.len(), 3 * last.block as usize, "{:?}", course.blocks);
    assert!(last.block < BLOCKS / 2, "{last:?}");
    let skipped = course.states().into_iter().filter(|state| state.starts_with("Skipped")).collect::<Vec<_>>();
    assert_eq!(skipped.len(), 3 * (BLOCKS - last.block) as usize);
    assert!(skipped[0].contains(&format!("not needed: decided after block {}", last.block)), "{}", skipped[0]);
}

#[test]
fn nothing_is_made_ahead_of_a_look() {
    for rule in [Rule::Horizon, Rule::Open] {
        let scenario = scenario(2, rule);
        let mut course = Course::new(&scenario, 100);
        course.apply(Event::Opened);
        let first = if rule == Rule::Horizon { 5 } else { 4 };
        assert_eq!(course.started.len(), 2 * first, "the blocks of the first look run together");
        let flat = scores(2, 0.0);
        course.run(&flat, &mut |_| 0, 2 * first - 1);
        let taken = (course.started.len(), course.blocks.len());
        assert_eq!(taken, (2 * first, first - 1), "not before the look is complete");
        course.run(&flat, &mut |_| 0, 1);
        assert_eq!((course.started.len(), course.blocks.len()), (2 * (first + 1), first));
    }
}

#[test]
fn what_is_made_again_changes_no_block() {
    let scenario = scenario(2, Rule::Horizon);
    let mut course = Course::new(&scenario, 8);
    course.apply(Event::Opened);
    let mut some = scores(2, 0.3);
    some[1] = None;
    course.run(&some, &mut |_| 0, usize::MAX);
    let before = course.blocks.clone();
    assert_eq!(before[1].values[0], None, "its run failed");
    let skipped = ItemIx(BLOCKS - 1);
    assert_eq!(course.planner.state(skipped), ItemState::Skipped);
    some[1] = Some(0.0);
    course.apply(Event::Again { items: vec![ItemIx(1), skipped], downstream: false });
    course.run(&some, &mut |_| 0, usize::MAX);
    assert_eq!(course.planner.state(ItemIx(1)), ItemState::Done, "it has a picture now");
    assert_eq!(course.planner.state(skipped), ItemState::Skipped, "what is not needed is not made");
    assert_eq!(course.blocks, before);
    assert!(course.planner.is_complete());
}

#[test]
fn a_cancelled_test_takes_no_block() {
    let scenario = scenario(2, Rule::Horizon);
    let mut course = Course::new(&scenario, 8);
    course.apply(Event::Opened);
    course.run(&scores(2, 0.3), &mut |_| 0, 3);
    course.apply(Event::Cancelled);
    assert!(course.blocks.is_empty() && course.planner.is_complete());
}

fn any_rule() -> impl Strategy<Value = Rule> {
    prop_oneof![Just(Rule::Horizon), Just(Rule::Open), Just(Rule::Strict)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever ends first, whatever fails, whenever a process dies: the decision is that of the scores alone, made
    /// with no more samples than it looked at.
    #[test]
    fn the_order_of_ends_and_deaths_decide_nothing(
        variations in 2_usize..5,
        rule in any_rule(),
        gap in 0.0_f64..0.4,
        failed in prop::collection::vec(0_usize..80, 0..6),
        picks in prop::collection::vec(0_usize..1000, 1..40),
        slots in 1_u32..9,
        death in 0_usize..60,
    ) {
        let scenario = scenario(variations, rule);
        let mut scores = scores(variations, gap);
        let count = scores.len();
        failed.iter().for_each(|item| scores[item % count] = None);
        let mut turn = 0;
        let mut pick = |running: usize| {
            turn += 1;
            picks[turn % picks.len()] % running
        };
        let mut course = Course::new(&scenario, slots);
        course.apply(Event::Opened);
        course.run(&scores, &mut pick, usize::MAX);
        prop_assert!(course.planner.is_complete());

        let decision = decide(&course.plan.trial.as_ref().unwrap().rules, &rows(&course.plan, &scores)).unwrap();
        let looked: Vec<_> = course.blocks.iter().map(|block| block.values.clone()).collect();
        let again = decide(&course.plan.trial.as_ref().unwrap().rules, &looked).unwrap();
        prop_assert_eq!(again.estimates, decision.estimates);
        prop_assert_eq!((again.outcome, again.block), (decision.outcome, decision.block));
        prop_assert_eq!(course.started.len() as u64, decision.generations, "nothing is made in vain");

        // A process dies, and another one goes on from the journal.
        let death = death.min(course.events.len());
        let mut second = Course::new(&scenario, slots);
        for event in &course.events[..death] {
            for command in second.planner.replay(event) {
                if let Command::Took(block) = command {
                    second.blocks.push(block);
                }
            }
        }
        prop_assert_eq!(&second.blocks[..], &course.blocks[..second.blocks.len()]);
        second.apply(Event::Opened);
        second.run(&scores, &mut pick, usize::MAX);
        prop_assert_eq!(&second.blocks, &course.blocks);
        prop_assert_eq!(second.states(), course.states());
    }
}
