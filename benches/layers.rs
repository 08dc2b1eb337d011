//! Arithmetic of layers at 4096 x 4096: blending two masks, feathering one by 64 pixels, and putting eight together.
//! `benches/layers.py` compares with `OpenCV` on the same masks.

use std::{hint::black_box, time::Instant};

use comfywright::{
    raster::Mask,
    vision::{self, BlendMode, Sheet},
};

const SIDE: usize = 4096;
const ROUNDS: usize = 7;
const MODES: [BlendMode; 8] = [
    BlendMode::Normal,
    BlendMode::Add,
    BlendMode::Subtract,
    BlendMode::Multiply,
    BlendMode::Max,
    BlendMode::Min,
    BlendMode::Difference,
    BlendMode::Normal,
];

/// A smooth pattern of its own for each number.
fn pattern(number: usize) -> Mask {
    let value = |at: usize| ((at % SIDE * (number + 3) + at / SIDE * (2 * number + 1)) / 8 % 256) as f32 / 255.0;
    Mask { batch: 1, height: SIDE, width: SIDE, data: (0..SIDE * SIDE).map(value).collect() }
}

/// Discs in a grid, as the Python script has them.
fn discs() -> Mask {
    let inside = |at: usize| {
        let (x, y) = ((at % SIDE % 512) as i64 - 256, (at / SIDE % 512) as i64 - 256);
        x * x + y * y < 180 * 180
    };
    let data = (0..SIDE * SIDE).map(|at| if inside(at) { 1.0 } else { 0.0 }).collect();
    Mask { batch: 1, height: SIDE, width: SIDE, data }
}

fn timed<T>(name: &str, work: impl Fn() -> T) {
    let mut milliseconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    milliseconds.sort_by(f64::total_cmp);
    println!("{{\"name\": \"{name}\", \"ms\": {:.3}}}", milliseconds[ROUNDS / 2]);
}

fn main() {
    let masks: Vec<Mask> = (0..8).map(pattern).collect();
    let discs = discs();
    timed("blend", || vision::blend(&masks[0], &masks[1], BlendMode::Normal, 0.5));
    timed("feather", || vision::feather(&discs, 64.0));
    let sheet = |(mask, mode): (&'static Mask, BlendMode)| Sheet { values: &mask.data, mode, opacity: 0.75 };
    let masks: &'static [Mask] = masks.leak();
    let stack: Vec<Sheet<'_>> = masks.iter().zip(MODES).map(sheet).collect();
    timed("composite", || vision::compose(&stack));
}
