//! A test of 20 variations and 1,000 blocks. `look`: the last block is taken and the test decided, with all intervals, as a
//! run does it: at most 10 ms for each rule. `decide`: the same from the scores on, with all looks before.

use std::hint::black_box;

use comfywright::stats::{Plan, Race, Resampler, Rule, Settings, decide, normal_point};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

const VARIATIONS: usize = 20;
const BLOCKS: u32 = 1_000;

/// Scores without a difference, so that no variation is dropped and every block is looked at.
fn blocks() -> Vec<Vec<Option<f64>>> {
    let mut random = Resampler::new(1);
    let mut score = || Some((0.5 + 0.1 * normal_point(random.uniform())).clamp(0.0, 1.0));
    (0..BLOCKS).map(|_| (0..VARIATIONS).map(|_| score()).collect()).collect()
}

fn deciding(criterion: &mut Criterion) {
    let blocks = blocks();
    let mut group = criterion.benchmark_group("decide");
    group.sample_size(20);
    for (name, rule) in [("horizon", Rule::Horizon), ("open", Rule::Open), ("strict", Rule::Strict)] {
        let settings = Settings { rule, alpha: 0.05, equivalence: 0.02, samples: BLOCKS, futility: false };
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            bench.iter(|| {
                let plan = Plan::new(settings, VARIATIONS).expect("settings that can decide");
                decide(&plan, black_box(&blocks)).expect("scores from 0 to 1")
            });
        });
    }
    group.finish();
}

fn looking(criterion: &mut Criterion) {
    let blocks = blocks();
    let (last, before) = blocks.split_last().expect("blocks");
    let mut group = criterion.benchmark_group("look");
    group.sample_size(20);
    for (name, rule) in [("horizon", Rule::Horizon), ("open", Rule::Open), ("strict", Rule::Strict)] {
        let settings = Settings { rule, alpha: 0.05, equivalence: 0.02, samples: BLOCKS, futility: false };
        let plan = Plan::new(settings, VARIATIONS).expect("settings that can decide");
        let mut race = Race::new(&plan);
        before.iter().for_each(|block| race.push(block).expect("scores from 0 to 1"));
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            let one_look = |mut race: Race| {
                race.push(black_box(last)).expect("scores from 0 to 1");
                race.decision()
            };
            bench.iter_batched(|| race.clone(), one_look, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, looking, deciding);
criterion_main!(benches);
