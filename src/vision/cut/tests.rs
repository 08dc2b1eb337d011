//! Objects of known outline, cut out of pictures that were made.

use super::*;

/// A blob of one noisy colour on a background of two others.
fn scene(width: usize, height: usize, belongs: impl Fn(f64, f64) -> bool) -> (Image, Vec<bool>) {
    let noise = |at: usize, c: usize| ((at * 7919 + c * 104_729) % 101) as f32 / 101.0 * 0.08 - 0.04;
    let inside: Vec<bool> =
        (0..width * height).map(|at| belongs((at % width) as f64 + 0.5, (at / width) as f64 + 0.5)).collect();
    let color = |at: usize| match (inside[at], at % width * 2 < width) {
        (true, _) => [0.75, 0.25, 0.2],
        (false, true) => [0.3, 0.5, 0.35],
        (false, false) => [0.55, 0.6, 0.7],
    };
    let data = (0..width * height).flat_map(|at| [0, 1, 2].map(|c| color(at)[c] + noise(at, c))).collect();
    (Image { batch: 1, height, width, channels: 3, data }, inside)
}

fn cut_out(image: &Image, target: &Target, likely: Option<&Mask>) -> Mask {
    Cutout::of(image, 0, target, likely).mask(image, 0)
}

fn overlap(mask: &Mask, inside: &[bool]) -> f64 {
    let pairs = || mask.data.iter().map(|value| *value >= 0.5).zip(inside);
    let both = pairs().filter(|(a, b)| *a && **b).count();
    both as f64 / pairs().filter(|(a, b)| *a || **b).count().max(1) as f64
}

fn disc(x: f64, y: f64) -> bool {
    (x - 40.0).hypot(y - 30.0) < 18.0
}

#[test]
fn a_disc_is_cut_out_of_its_box() {
    let (image, inside) = scene(80, 60, disc);
    let target = Target::within(Bounds::new(20.0, 10.0, 60.0, 50.0));
    let mask = cut_out(&image, &target, None);
    let boxed: Vec<bool> =
        (0..80 * 60).map(|at| (20..60).contains(&(at % 80)) && (10..50).contains(&(at / 80))).collect();
    let filled = Mask { data: boxed.iter().map(|is| f32::from(u8::from(*is))).collect(), ..mask.clone() };
    assert!(overlap(&mask, &inside) > 0.96, "{}", overlap(&mask, &inside));
    assert!(overlap(&filled, &inside) < 0.7);
    let cutout = Cutout::of(&image, 0, &target, None);
    assert!(cutout.bounds().unwrap().overlap(&Bounds::new(22.0, 12.0, 58.0, 48.0)) > 0.9, "{:?}", cutout.bounds());
    assert!(cutout.has(40, 30) && !cutout.has(21, 11) && !cutout.has(0, 0) && !cutout.has(79, 59));
    assert!(mask.data.iter().all(|value| (0.0..=1.0).contains(value)));
}

/// Two discs of one colour in one box: a point tells which is meant, another one which is not.
#[test]
fn points_tell_what_is_meant() {
    let other = |x: f64, y: f64| (x - 68.0).hypot(y - 30.0) < 8.0;
    let (image, _) = scene(80, 60, |x, y| disc(x, y) || other(x, y));
    let points = vec![(40.0, 30.0, true), (68.0, 30.0, false)];
    let mask = cut_out(&image, &Target { bounds: None, points }, None);
    let value = |x: usize, y: usize| mask.data[y * 80 + x];
    let (meant, other, around) = (value(40, 30), value(68, 30), value(5, 5));
    assert!(meant > 0.9 && other < 0.1 && around < 0.1, "{meant} {other} {around}");
}

/// What a model says decides where colours say nothing.
#[test]
fn what_is_likely_counts() {
    let (image, inside) = scene(80, 60, |_, _| true);
    assert!(inside.iter().all(|is| *is));
    let half = (0..80 * 60).map(|at| if at % 80 < 40 { 0.95 } else { 0.05 }).collect();
    let likely = Mask { batch: 1, height: 60, width: 80, data: half };
    let mask = cut_out(&image, &Target::within(Bounds::new(10.0, 10.0, 70.0, 50.0)), Some(&likely));
    assert!(mask.data[30 * 80 + 25] > 0.8 && mask.data[30 * 80 + 60] < 0.2);
}

#[test]
fn odd_pictures_and_boxes_do_no_harm() {
    let dot = Image::filled(1, 1, 1, 3, 0.5);
    assert_eq!(cut_out(&dot, &Target::default(), None).data.len(), 1);
    let grey = Image::filled(1, 9, 9, 1, 0.25);
    for bounds in
        [Bounds::new(-5.0, -5.0, 20.0, 20.0), Bounds::new(3.0, 3.0, 4.0, 4.0), Bounds::new(8.0, 8.0, 2.0, 2.0)]
    {
        let mask = cut_out(&grey, &Target::within(bounds), None);
        assert!(mask.data.len() == 81 && mask.data.iter().all(|value| value.is_finite()));
    }
    let beyond = Cutout::of(&grey, 0, &Target::within(Bounds::new(30.0, 30.0, 40.0, 40.0)), None);
    assert!(beyond.bounds().is_none() && !beyond.has(4, 4));
    assert_eq!(beyond.mask(&grey, 0), Mask::filled(1, 9, 9, 0.0));
}
