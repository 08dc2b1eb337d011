//! From a box to a mask with the help of a model of what stands out.

use comfywright::{
    native::cut_out,
    raster::{Image, Mask},
    vision::{Bounds, Target},
};

use super::support::{Cached, mask_manifest};

const SIDE: usize = 64;

/// A disc in the middle and a small square at the upper left of the box around it, on noisy green.
fn scene(disc: [f32; 3], square: [f32; 3]) -> Image {
    let color = |at: usize| {
        let (x, y) = (at % SIDE, at / SIDE);
        if is_disc(at) {
            disc
        } else if (13..21).contains(&x) && (13..21).contains(&y) {
            square
        } else {
            [0.2, 0.6 + (at * 7919 % 101) as f32 / 1000.0, 0.25]
        }
    };
    let data = (0..SIDE * SIDE).flat_map(color).collect();
    Image { batch: 1, height: SIDE, width: SIDE, channels: 3, data }
}

fn is_disc(at: usize) -> bool {
    ((at % SIDE) as f64 - 31.5).hypot((at / SIDE) as f64 - 31.5) < 20.0
}

fn overlap(mask: &Mask) -> f64 {
    let pairs = || mask.data.iter().enumerate().map(|(at, value)| (*value >= 0.5, is_disc(at)));
    let both = pairs().filter(|(a, b)| *a && *b).count();
    both as f64 / pairs().filter(|(a, b)| *a || *b).count() as f64
}

/// The model sees what is red. Where that is a small thing in the box, the box is of something else.
#[test]
fn another_thing_in_the_box_is_not_what_is_meant() {
    let cached = Cached::new(&mask_manifest("red", &["red.onnx"]));
    let store = cached.store();
    let target = Target::within(Bounds::new(12.0, 12.0, 52.0, 52.0));
    let (red, blue) = ([0.9, 0.1, 0.1], [0.15, 0.2, 0.9]);
    for (disc, square) in [(blue, red), (red, blue)] {
        let image = scene(disc, square);
        let mask = cut_out(&store, &image, 0, &target, Some("red")).unwrap();
        assert!(overlap(&mask) > 0.85, "{disc:?}: {}", overlap(&mask));
    }
    // By the model alone the square would be all there is.
    let seen = store.salient("red", &scene(blue, red), false).unwrap();
    assert!(overlap(&seen) < 0.1 && seen.data.iter().any(|value| *value > 0.5));
}
