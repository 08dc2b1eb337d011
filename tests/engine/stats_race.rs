//! The race: what it decides, when, and what it never looks at.

use comfywright::stats::{
    BlockError, Decision, DropReason, Outcome, Plan, Race, Resampler, Rule, Settings, Warning, decide,
    detectable_difference, normal_point,
};

type Blocks = Vec<Vec<Option<f64>>>;

const RULES: [Rule; 3] = [Rule::Horizon, Rule::Open, Rule::Strict];

fn settings(rule: Rule, samples: u32) -> Settings {
    Settings { rule, alpha: 0.05, equivalence: 0.02, samples, futility: true }
}

/// Scores around `means`, half of whose spread is the seed's.
fn scores(means: &[f64], spread: f64, blocks: usize, seed: u64) -> Blocks {
    let mut random = Resampler::new(seed);
    let mut normal = || normal_point(random.uniform()) * spread * 0.5_f64.sqrt();
    (0..blocks)
        .map(|_| {
            let common = normal();
            means.iter().map(|mean| Some((mean + common + normal()).clamp(0.0, 1.0))).collect()
        })
        .collect()
}

fn decided(settings: Settings, blocks: &Blocks) -> Decision {
    decide(&Plan::new(settings, blocks[0].len()).unwrap(), blocks).unwrap()
}

#[test]
fn a_clear_winner_is_found_early() {
    let blocks = scores(&[0.4, 0.7, 0.42], 0.05, 200, 1);
    for rule in RULES {
        let decision = decided(settings(rule, 200), &blocks);
        assert_eq!((decision.outcome, decision.winner, decision.recommended), (Outcome::Winner, Some(1), Some(1)));
        assert!(decision.block < 60, "{rule:?} at block {}", decision.block);
        assert!(decision.generations < decision.most_generations / 3);
        let reason = if rule == Rule::Horizon { DropReason::Beaten } else { DropReason::NotNeeded };
        for loser in [0, 2] {
            let estimate = &decision.estimates[loser];
            let dropped = estimate.dropped.unwrap();
            assert_eq!((dropped.by, dropped.reason, estimate.against), (1, reason, 1));
            let [low, high] = estimate.interval.unwrap();
            assert!(low < -0.29 && -0.27 < high, "{rule:?}: {low} {high}");
            // The strict rule needs all others together to drop one; its interval is of one pair.
            assert!(high < if rule == Rule::Strict { 0.05 } else { 0.0 }, "{rule:?}: {low} {high}");
        }
    }
}

#[test]
fn no_difference_is_no_winner() {
    let blocks = scores(&[0.5; 4], 0.1, 40, 2);
    let futile = decided(settings(Rule::Horizon, 40), &blocks);
    assert_eq!((futile.outcome, futile.winner), (Outcome::UndecidedFutile, None));
    assert!(futile.recommended.is_some() && futile.block < 40);
    let to_the_end = decided(Settings { futility: false, ..settings(Rule::Horizon, 40) }, &blocks);
    assert_eq!((to_the_end.outcome, to_the_end.block, to_the_end.look), (Outcome::BudgetOut, 40, 16));
    for rule in [Rule::Open, Rule::Strict] {
        assert_eq!(decided(settings(rule, 40), &blocks).outcome, Outcome::BudgetOut);
    }
}

#[test]
fn what_hardly_differs_is_equivalent() {
    let blocks = scores(&[0.5, 0.505, 0.5], 0.02, 400, 3);
    for rule in RULES {
        let settings = Settings { equivalence: 0.15, futility: false, ..settings(rule, 400) };
        let decision = decided(settings, &blocks);
        assert_eq!((decision.outcome, decision.winner), (Outcome::Equivalent, None), "{rule:?}");
        let none = decided(Settings { equivalence: 0.0, futility: false, ..settings }, &blocks);
        assert_ne!(none.outcome, Outcome::Equivalent, "nothing is within no margin");
    }
}

#[test]
fn the_same_scores_again_and_again_are_not_yet_equivalent() {
    let blocks: Blocks = (0..40).map(|k| vec![Some(f64::from(k) / 40.0); 2]).collect();
    let decision = decided(Settings { futility: false, ..settings(Rule::Horizon, 40) }, &blocks);
    assert_eq!(decision.outcome, Outcome::BudgetOut);
    let [low, high] = decision.estimates[0].interval.unwrap();
    assert!(low < -0.05 && high > 0.05, "40 seeds do not show that the next is the same: {low} {high}");
    let long: Blocks = (0..400).map(|k| vec![Some(f64::from(k) / 400.0); 2]).collect();
    assert_eq!(decided(settings(Rule::Strict, 400), &long).winner, None);
}

/// What never varied may still vary: a rare other score can turn a small difference around.
#[test]
fn a_constant_difference_is_shown_when_nothing_rare_can_turn_it() {
    let blocks = |gap: f64, count| -> Blocks { vec![vec![Some(0.3), Some(0.3 + gap)]; count] };
    let large = decided(settings(Rule::Horizon, 20), &blocks(0.5, 20));
    assert_eq!(large.winner, Some(1));
    assert!(large.block > 6, "{}", large.block);
    let small = decided(settings(Rule::Horizon, 20), &blocks(0.01, 20));
    assert_eq!((small.outcome, small.winner), (Outcome::BudgetOut, None));
}

#[test]
fn a_decision_is_replayed_block_by_block() {
    for (rule, seed) in RULES.into_iter().zip(10..) {
        let blocks = scores(&[0.5, 0.56, 0.58], 0.08, 120, seed);
        let plan = Plan::new(settings(rule, 120), 3).unwrap();
        let mut race = Race::new(&plan);
        for (count, block) in blocks.iter().enumerate() {
            race.push(block).unwrap();
            if count % 13 == 5 {
                assert_eq!(race.decision(), decide(&plan, &blocks[..=count]).unwrap(), "{rule:?} after {count}");
            }
        }
        let whole = race.decision();
        let until = decide(&plan, &blocks[..whole.block as usize]).unwrap();
        assert_eq!(Decision { warnings: Vec::new(), ..whole }, Decision { warnings: Vec::new(), ..until });
    }
}

/// What is pushed for a variation that is out, and what comes after the end, changes nothing.
#[test]
fn nothing_is_looked_at_that_would_not_have_been_run() {
    for rule in RULES {
        let blocks = scores(&[0.3, 0.6, 0.61], 0.06, 80, 5);
        let plan = Plan::new(settings(rule, 80), 3).unwrap();
        let (mut whole, mut sparse) = (Race::new(&plan), Race::new(&plan));
        for block in &blocks {
            let survivors = sparse.survivors();
            let run: Vec<Option<f64>> =
                block.iter().enumerate().map(|(k, score)| score.filter(|_| survivors.contains(&k))).collect();
            whole.push(block).unwrap();
            sparse.push(&run).unwrap();
        }
        assert_eq!(whole.decision(), sparse.decision(), "{rule:?}");
        assert!(whole.decision().estimates[0].dropped.is_some());
        assert_eq!(whole.decision().estimates[0].failed, 0, "not run is not failed");
    }
}

#[test]
fn the_order_of_variations_makes_no_difference() {
    for rule in RULES {
        let blocks = scores(&[0.4, 0.6, 0.5], 0.08, 150, 6);
        let turned: Blocks = blocks.iter().map(|block| vec![block[2], block[0], block[1]]).collect();
        let (one, other) = (decided(settings(rule, 150), &blocks), decided(settings(rule, 150), &turned));
        assert_eq!((one.winner, other.winner), (Some(1), Some(2)));
        assert_eq!((one.block, one.generations), (other.block, other.generations));
    }
}

#[test]
fn a_failed_run_takes_its_pairs_out_of_the_block() {
    let mut blocks = scores(&[0.4, 0.7, 0.42], 0.05, 20, 7);
    blocks[1][0] = None;
    blocks[2][0] = None;
    let decision = decided(Settings { futility: false, ..settings(Rule::Horizon, 20) }, &blocks);
    assert_eq!(decision.winner, Some(1));
    let (failing, other) = (&decision.estimates[0], &decision.estimates[2]);
    assert_eq!((failing.failed, other.failed), (2, 0));
    assert_eq!(failing.samples + 2, failing.dropped.unwrap().block);
    assert_eq!(other.samples, other.dropped.unwrap().block);
    assert!(decision.warnings.contains(&Warning::Failed { variation: 0, runs: 2 }), "{:?}", decision.warnings);
    let mut all_failed = scores(&[0.4, 0.7], 0.05, 20, 7);
    all_failed.iter_mut().for_each(|block| block[0] = None);
    let nothing = decided(Settings { futility: false, ..settings(Rule::Horizon, 20) }, &all_failed);
    assert_eq!(
        (nothing.outcome, nothing.estimates[0].mean, nothing.estimates[0].interval),
        (Outcome::BudgetOut, None, None)
    );
}

#[test]
fn rules_without_a_horizon_go_on() {
    let blocks = scores(&[0.5, 0.53], 0.1, 400, 8);
    let short = settings(Rule::Open, 20);
    let plan = Plan::new(short, 2).unwrap();
    let mut race = Race::new(&plan);
    let mut was_out = false;
    for block in &blocks {
        race.push(block).unwrap();
        was_out |= race.outcome() == Outcome::BudgetOut;
    }
    assert!(was_out && race.decision().winner == Some(1), "{:?}", race.outcome());
    let horizon = decided(Settings { futility: false, ..settings(Rule::Horizon, 20) }, &blocks);
    assert_eq!(horizon.block, 20);
    assert!(horizon.warnings.contains(&Warning::NotUsed { blocks: 380 }), "{:?}", horizon.warnings);
}

#[test]
fn while_it_runs_nothing_is_recommended() {
    let blocks = scores(&[0.5, 0.52, 0.5], 0.1, 3, 9);
    for rule in RULES {
        let decision = decided(settings(rule, 40), &blocks);
        assert_eq!((decision.outcome, decision.winner, decision.recommended), (Outcome::Running, None, None));
        assert_eq!(decision.generations, 9);
        assert!(decision.estimates.iter().all(|estimate| estimate.interval.is_none()), "{rule:?}");
    }
}

#[test]
fn shapes_that_mislead_are_warned_of() {
    let mut random = Resampler::new(4);
    let blocks: Blocks = (0..40)
        .map(|k| {
            let wide = if k % 5 == 0 { 0.3 } else { 0.95 };
            vec![Some(0.8 + 0.02 * random.uniform()), Some(wide)]
        })
        .collect();
    let no_futility = |rule| Settings { futility: false, ..settings(rule, 40) };
    let decision = decided(no_futility(Rule::Horizon), &blocks);
    assert!(decision.warnings.iter().any(|w| matches!(w, Warning::UnequalSpread { narrow: 0, wide: 1, .. })));
    assert!(decision.warnings.iter().any(|w| matches!(w, Warning::Skewed { .. })), "{:?}", decision.warnings);
    assert!(decision.warnings.iter().all(Warning::suggests_strict));
    assert!(decided(no_futility(Rule::Strict), &blocks).warnings.is_empty(), "strict assumes nothing");
    assert!(decided(no_futility(Rule::Horizon), &scores(&[0.5, 0.52], 0.1, 40, 13)).warnings.is_empty());
}

#[test]
fn what_is_no_score_is_refused() {
    let plan = Plan::new(settings(Rule::Horizon, 10), 2).unwrap();
    assert_eq!(decide(&plan, &[vec![Some(0.5)]]), Err(BlockError::Width { found: 1, wanted: 2 }));
    for score in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
        assert!(matches!(decide(&plan, &[vec![Some(0.5), Some(score)]]), Err(BlockError::Score { variation: 1, .. })));
    }
}

#[test]
fn seeds_that_correlate_are_told() {
    let blocks = scores(&[0.5, 0.5, 0.5], 0.1, 400, 12);
    let decision = decided(Settings { futility: false, ..settings(Rule::Horizon, 400) }, &blocks);
    assert!((decision.seed_correlation.unwrap() - 0.5).abs() < 0.07, "{:?}", decision.seed_correlation);
    let detectable = decision.detectable.unwrap();
    assert!((0.01..0.03).contains(&detectable), "{detectable}");
}

/// What the program calls detectable is found about as often as it says.
#[test]
fn what_is_detectable_is_detected() {
    for (variations, samples) in [(2, 20_u32), (3, 10), (5, 30)] {
        let settings = Settings { futility: false, equivalence: 0.0, ..settings(Rule::Horizon, samples) };
        let plan = Plan::new(settings, variations).unwrap();
        let gap = detectable_difference(&plan, 0.1).unwrap();
        let mut means = vec![0.5; variations];
        means[0] += gap;
        let won = (0..300).filter(|seed| {
            let blocks = scores(&means, 0.1, samples as usize, 1_000 + seed);
            decide(&plan, &blocks).unwrap().winner == Some(0)
        });
        let share = won.count() as f64 / 300.0;
        assert!((share - 0.8).abs() < 0.08, "{variations} variations, {samples} samples, gap {gap:.3}: {share}");
    }
}
