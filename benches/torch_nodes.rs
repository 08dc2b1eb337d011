//! Scaling, blur and composite of 2048 x 2048 pixels on one thread, as the native nodes do them.
//! `benches/torch_nodes.py` compares with torch.

use std::hint::black_box;

use comfywright::raster::{Image, Mask, ResizeMethod, blur, composite_masked, resize};
use criterion::{Criterion, criterion_group, criterion_main};

const SIDE: usize = 2048;

/// A picture with edges and gradients, the same as in the Python script.
fn picture() -> Image {
    let pixels = (0..SIDE * SIDE).flat_map(|index| {
        let (x, y) = (index % SIDE, index / SIDE);
        let value = (x * 31 + y * 17 + (x / 64 + y / 64) % 2 * 128) % 256;
        [value, (value + x / 16) % 256, (value + y / 16) % 256]
    });
    let data = pixels.map(|value| value as f32 / 255.0).collect();
    Image { batch: 1, height: SIDE, width: SIDE, channels: 3, data }
}

fn mask() -> Mask {
    let data = (0..SIDE * SIDE).map(|index| ((index % SIDE + index / SIDE) % 256) as f32 / 255.0).collect();
    Mask { batch: 1, height: SIDE, width: SIDE, data }
}

fn nodes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("torch_nodes");
    group.sample_size(10);
    let image = picture();
    for (name, side, method) in [
        ("bicubic_1024", 1024, ResizeMethod::Bicubic),
        ("bicubic_1365", 1365, ResizeMethod::Bicubic),
        ("bicubic_3072", 3072, ResizeMethod::Bicubic),
        ("area_1024", 1024, ResizeMethod::Area),
        ("area_1365", 1365, ResizeMethod::Area),
        ("area_3072", 3072, ResizeMethod::Area),
    ] {
        group.bench_function(name, |bench| bench.iter(|| resize(black_box(&image), side, side, method)));
    }
    for radius in [1, 5, 31] {
        group.bench_function(format!("blur_{radius}"), |bench| bench.iter(|| blur(black_box(&image), radius, 1.0)));
    }
    let (destination, mask) = (Image { data: image.data.iter().rev().copied().collect(), ..image.clone() }, mask());
    for (name, mask, at, resized) in [
        ("composite", None, (0, 0), false),
        ("composite_mask", Some(&mask), (0, 0), false),
        ("composite_part", Some(&mask), (300, 200), false),
    ] {
        let paste = || composite_masked(black_box(&destination), black_box(&image), mask, at, resized);
        group.bench_function(name, |bench| bench.iter(paste));
    }
    group.finish();
}

criterion_group!(benches, nodes);
criterion_main!(benches);
