//! A street, and what sentences find in it.

use super::*;
use crate::vision::query::{Color, coco, parse};

/// Left to right: a red car, a blue car, a person next to a bicycle, a person alone in front, a large dog, a small dog;
/// a bus far behind.
fn street() -> Vec<Candidate> {
    [
        ("car", 0.8, [20.0, 120.0, 140.0, 190.0]),
        ("car", 0.7, [170.0, 120.0, 280.0, 185.0]),
        ("person", 0.75, [300.0, 90.0, 335.0, 190.0]),
        ("bicycle", 0.6, [338.0, 120.0, 400.0, 190.0]),
        ("person", 0.85, [420.0, 80.0, 500.0, 290.0]),
        ("dog", 0.65, [520.0, 200.0, 600.0, 260.0]),
        ("dog", 0.55, [610.0, 230.0, 640.0, 255.0]),
        ("bus", 0.5, [100.0, 40.0, 300.0, 115.0]),
    ]
    .map(|(label, score, [left, top, right, bottom])| Candidate {
        label: label.to_owned(),
        score,
        bounds: Bounds::new(left, top, right, bottom),
    })
    .to_vec()
}

fn colors(candidate: usize) -> ColorShares {
    let rgb = match candidate {
        0 => [0.8, 0.1, 0.1],
        1 => [0.1, 0.2, 0.7],
        _ => [0.5, 0.5, 0.5],
    };
    ColorShares::of([(rgb, 6.0), ([0.05, 0.05, 0.05], 4.0)])
}

fn ranked(text: &str) -> Ranking {
    let query = parse(text, &coco()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let candidates = street();
    rank(&query, &Scene { size: (660, 300), candidates: &candidates, colors: &colors }, 0.3)
}

#[test]
fn sentences_find_what_they_mean() {
    for (text, wanted) in [
        ("the red car", &[0][..]),
        ("the red car on the left side", &[0]),
        ("the blue car", &[1]),
        ("the car that is not red", &[1]),
        ("the car on the right", &[1]),
        ("the left car", &[0]),
        ("all cars", &[0, 1]),
        ("two cars", &[0, 1]),
        ("all cars except the red one", &[1]),
        ("all cars except the one on the left", &[1]),
        ("the person next to the bicycle", &[2]),
        ("the person not next to the bicycle", &[4]),
        ("the largest dog", &[5]),
        ("the smallest dog", &[6]),
        ("the second largest dog", &[6]),
        ("two largest dogs", &[5, 6]),
        ("second from the left", &[7]),
        ("the second person from the right", &[2]),
        ("the large person", &[4]),
        ("the person in the foreground", &[4]),
        ("the person to the left of the bicycle", &[2]),
        ("the person to the right of the bicycle", &[4]),
        ("the bus behind the cars", &[7]),
        ("the car and the bus", &[0, 7]),
        ("people", &[4, 2]),
        ("the person between", &[]),
    ] {
        if text.ends_with("between") {
            assert!(parse(text, &coco()).is_err());
            continue;
        }
        let found: Vec<usize> = ranked(text).found.iter().map(|one| one.candidate).collect();
        assert_eq!(found, wanted, "{text}: {:#?}", ranked(text));
    }
}

#[test]
fn every_factor_is_told() {
    let found = &ranked("the red car on the left side").found[0];
    let names: Vec<&str> = found.factors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["detector", "red", "on the left"]);
    let product: f64 = found.factors.iter().map(|(_, factor)| factor).product();
    assert!((found.score - product).abs() < 1e-12 && found.factors.iter().all(|(_, f)| (0.0..=1.0).contains(f)));
    assert!(found.score > 0.6, "{found:?}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let absent = ranked("the zebra");
    assert!(absent.found.is_empty() && absent.unseen.contains("the zebra"), "{absent:?}");
    let yellow = ranked("the yellow car");
    assert!(yellow.found.is_empty());
    assert!(yellow.best_refused.unwrap().score < 0.1);
    let beside = ranked("the person next to the zebra");
    assert!(beside.found.is_empty() && beside.unseen.contains("the zebra"), "{beside:?}");
    let few = ranked("five dogs");
    assert_eq!((few.found.len(), few.wanted), (2, Some(5)));
    assert_eq!(ranked("the wooden car").unjudged.into_iter().collect::<Vec<_>>(), ["wooden"]);
    assert!((colors(0).share(Color::Red) - 0.6).abs() < 1e-9);
}

#[test]
fn an_empty_picture_has_nothing() {
    let query = parse("everything except the dog", &coco()).unwrap();
    let ranking = rank(&query, &Scene { size: (0, 0), candidates: &[], colors: &colors }, 0.3);
    assert!(ranking.found.is_empty() && ranking.best_refused.is_none());
}
