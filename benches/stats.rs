//! Deciding a test of 20 variations and 1,000 blocks, from its scores to the decision with all intervals: at most
//! 10 ms for each rule.

use std::hint::black_box;

use comfywright::stats::{Plan, Resampler, Rule, Settings, decide, normal_point};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

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

criterion_group!(benches, deciding);
criterion_main!(benches);
