//! Tests that people decide: they stop at a look until their samples are judged, and go on by what was said.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::support::{Answer, Folder};

const PRESET: &str = include_str!("../../pipelines/enlarge.toml");
const STUDY: &str = include_str!("../../pipelines/enlarge-study.toml");

/// The shipped test, decided by `metric`.
fn asked(metric: &str) -> Folder {
    let study = STUDY
        .replace("metric = \"sharpness\"", &format!("metric = \"{metric}\""))
        .replace("samples_per_variation = 20", "samples_per_variation = 6");
    let folder = Folder::with(&[("enlarge.toml", PRESET), ("enlarge-study.toml", &study)]);
    folder.copy("fixtures/photos", "fixtures/photos");
    folder
}

fn run(folder: &Folder) -> (i32, Value) {
    let answer = folder.run(&["run", "enlarge-study", "--json"]);
    let data: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|e| panic!("{e}: {answer:?}"));
    (answer.code, data["data"].clone())
}

/// Variation, seed and hash of each picture that is there.
fn pictures(folder: &Folder) -> Vec<(String, String, String)> {
    let shown = folder.run(&["show", "enlarge-study", "--json"]).json()["data"].clone();
    let made = shown["items_list"].as_array().unwrap().iter().filter(|item| item["files"].is_array());
    let picture = |item: &Value| {
        let (variation, keys) = item["item"].as_str().unwrap().split_once('[').unwrap();
        let seed = keys.trim_end_matches(']').split(',').find_map(|key| key.strip_prefix("seed=")).unwrap();
        (variation.to_owned(), seed.to_owned(), item["files"][0]["hash"].as_str().unwrap().to_owned())
    };
    made.map(picture).collect()
}

const HEAD: &str = "test,version,rater,seed,variation,other,value,picture,other_picture,time\n";

fn import(folder: &Folder, rows: &str) -> Answer {
    folder.write("said.csv", format!("{HEAD}{rows}"));
    folder.run(&["ratings", "import", "said.csv"])
}

/// Rates every picture of which nothing is said yet.
fn rate(folder: &Folder, stars: impl Fn(&str, u32) -> u32) {
    let mut rows = String::new();
    for (variation, seed, hash) in pictures(folder) {
        let value = stars(&variation, seed.parse().unwrap());
        writeln!(rows, "enlarge-study,1.0.0,Ada,{seed},{variation},,{value},{hash},,2026-01-01T00:00:00Z").unwrap();
    }
    let answer = import(folder, &rows);
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn a_test_waits_for_ratings_and_goes_on_by_them() {
    let folder = asked("rating");
    let stopped = folder.run(&["run", "enlarge-study"]);
    assert_eq!(stopped.code, 5, "{stopped:?}");
    assert!(
        stopped.stdout.contains("the next look needs what people say of 12 samples: comfywright rate enlarge-study"),
        "{stopped:?}"
    );
    assert!(stopped.stdout.contains("then go on: comfywright run enlarge-study"), "{stopped:?}");
    // Nothing was said in the meantime: it stops again, and makes nothing.
    let (code, data) = run(&folder);
    assert_eq!((code, &data["counts"]["held"], &data["decision"]["made"]), (5, &json!(12), &json!(12)), "{data:#}");
    assert_eq!(data["decision"]["block"], json!(0), "{data:#}");
    let stars = |variation: &str, seed: u32| if variation == "bicubic" { 4 + seed % 2 } else { 1 + seed / 2 % 2 };
    let mut made = 12;
    let decision = loop {
        rate(&folder, stars);
        let (code, data) = run(&folder);
        if code == 0 {
            break data["decision"].clone();
        }
        let held = data["counts"]["held"].as_u64().unwrap();
        assert!(code == 5 && held > 0, "{data:#}");
        made += held;
    };
    assert_eq!((&decision["outcome"], &decision["winner"]), (&json!("winner"), &json!("bicubic")), "{decision:#}");
    assert_eq!((&decision["made"], &decision["metric"]), (&json!(made), &json!("rating")), "{decision:#}");
    let mean = decision["variations"][1]["mean"].as_f64().unwrap();
    assert!((4.0..=5.0).contains(&mean), "as people gave it: {decision:#}");
    assert!(decision["variations"][0]["difference"].as_f64().unwrap() < -1.9, "{decision:#}");
    assert_eq!(folder.run(&["runs", "--json"]).json()["data"]["runs"].as_array().unwrap().len(), 1, "one run in all");
}

#[test]
fn every_look_asks_for_its_own_samples() {
    let folder = asked("rating");
    let noise = |variation: &str, seed: u32| 2 + (seed * 7 + variation.len() as u32 * 3) % 3;
    let mut asked_about = Vec::new();
    for _ in 0..6 {
        let (code, data) = run(&folder);
        if code != 5 {
            assert_eq!((code, &data["decision"]["winner"]), (0, &json!(null)), "{data:#}");
            break;
        }
        asked_about.push(data["counts"]["held"].as_u64().unwrap());
        rate(&folder, noise);
    }
    assert!(asked_about.len() >= 2 && asked_about[0] == 12 && asked_about[1] <= 6, "{asked_about:?}");
}

#[test]
fn preferences_decide_when_every_two_were_compared() {
    let folder = asked("preference");
    assert_eq!(run(&folder).0, 5);
    let votes = |folder: &Folder| -> Vec<String> {
        let all = pictures(folder);
        let pairs = all.iter().flat_map(|one| all.iter().map(move |other| (one, other)));
        pairs
            .filter(|((one, seed, _), (other, of, _))| of == seed && other > one)
            .map(|((one, seed, hash), (other, _, other_hash))| {
                let value = match (one.as_str(), other.as_str(), seed.parse::<u32>().unwrap() % 2) {
                    ("bicubic", ..) | (_, _, 0) => "first",
                    _ => "second",
                };
                format!(
                    "enlarge-study,1.0.0,Ada,{seed},{one},{other},{value},{hash},{other_hash},2026-01-01T00:00:00Z\n"
                )
            })
            .collect()
    };
    let all = votes(&folder);
    assert_eq!(import(&folder, &all[1..].concat()).code, 0);
    let (code, data) = run(&folder);
    assert_eq!((code, &data["counts"]["held"]), (5, &json!(3)), "a block that lacks a vote waits as a whole: {data:#}");
    let data = (0..6)
        .find_map(|_| {
            assert_eq!(import(&folder, &votes(&folder).concat()).code, 0);
            let (code, data) = run(&folder);
            (code == 0).then_some(data)
        })
        .expect("it is decided at last");
    assert_eq!(data["decision"]["winner"], json!("bicubic"), "{data:#}");
    assert_eq!(data["decision"]["variations"][1]["mean"], json!(1.0), "{data:#}");
}
