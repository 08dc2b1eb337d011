//! The forward and the backward pass over layered items: the cost of an item stays what it is from
//! 1,000 to 100,000 items.

use std::hint::black_box;

use comfywright::plan::{Waits, critical_path};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Items of a layer.
const WIDTH: u32 = 100;

/// Layers in which every item waits for three of the layer before, and how long each item takes.
fn layered(items: u32) -> (Waits, Vec<f64>) {
    let parents = |item: u32| {
        let (layer, place) = (item / WIDTH, item % WIDTH);
        let before = layer.checked_sub(1).map(|layer| layer * WIDTH);
        before.into_iter().flat_map(move |first| [0, 1, 7].map(|step| first + (place + step) % WIDTH)).collect()
    };
    let seconds = (0..items).map(|item| f64::from(item.wrapping_mul(2_654_435_761) >> 24) / 16.0);
    (Waits::from_rows((0..items).map(parents)), seconds.collect())
}

fn passes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("critical_path");
    group.sample_size(20);
    for items in [1_000, 10_000, 100_000] {
        let (waits, seconds) = layered(items);
        group.throughput(Throughput::Elements(items.into()));
        group.bench_function(BenchmarkId::from_parameter(items), |bench| {
            bench.iter(|| critical_path(black_box(&waits), black_box(&seconds)));
        });
    }
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
