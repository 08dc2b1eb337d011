//! Lanczos resizing of 4096x4096 to 1536x1536 pixels on one thread: bytes to bytes as Pillow does
//! it, and the whole `ImageScale` of ComfyUI. `benches/lanczos_vs_pillow.py` compares with Python.

use std::hint::black_box;

use comfywright::raster::{Image, ResizeMethod, resize, resize_bytes_lanczos};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const OLD: (usize, usize) = (4096, 4096);
const NEW: (usize, usize) = (1536, 1536);

/// A picture with edges and gradients, the same as in the Python script.
fn picture(channels: usize) -> Vec<u8> {
    let pixels = (0..OLD.0 * OLD.1).flat_map(|index| {
        let (x, y) = (index % OLD.0, index / OLD.0);
        let value = (x * 31 + y * 17 + (x / 64 + y / 64) % 2 * 128) % 256;
        [value, (value + x / 16) % 256, (value + y / 16) % 256, 64 + (x + y) % 192].into_iter().take(channels)
    });
    pixels.map(|value| value as u8).collect()
}

fn lanczos(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lanczos");
    group.sample_size(10);
    for (name, channels) in [("gray_bytes", 1), ("rgb_bytes", 3), ("rgba_bytes", 4)] {
        let bytes = picture(channels);
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || bytes.clone(),
                |bytes| resize_bytes_lanczos(bytes, OLD, NEW, channels),
                BatchSize::PerIteration,
            );
        });
    }
    let data = picture(3).into_iter().map(|byte| f32::from(byte) / 255.0).collect();
    let image = Image { batch: 1, height: OLD.1, width: OLD.0, channels: 3, data };
    group.bench_function("rgb_node", |bench| {
        bench.iter(|| resize(black_box(&image), NEW.0, NEW.1, ResizeMethod::Lanczos));
    });
    group.finish();
}

criterion_group!(benches, lanczos);
criterion_main!(benches);
