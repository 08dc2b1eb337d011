//! `ab analyze`: decisions by tables of scores, and what is wrong with them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::support::{Answer, Folder};

/// A test without its preset: scores from elsewhere need none.
const STUDY: &str = "kind = \"ab_test\"\nformat = 1\nname = \"lighting-study\"\nversion = \"1.0.0\"\n\
    preset = \"portrait@3\"\nbase_prompt = \"portrait with {lighting} lighting\"\nsamples_per_variation = 20\n\n\
    [variations]\nsoft = { lighting = \"soft\" }\ndramatic = { lighting = \"dramatic\" }\n\
    natural = { lighting = \"natural\" }\n\n[decision]\nmetric = \"quality\"\n";

const HEAD: &str = "variation,seed,metric,value\n";

/// Scores that are better for `dramatic` by about `gap`, for the seeds 1 to `seeds`.
fn scores(gap: f64, seeds: u32) -> String {
    let mut text = HEAD.to_owned();
    for seed in 1..=seeds {
        for (place, name) in ["soft", "dramatic", "natural"].into_iter().enumerate() {
            let noise = f64::from((seed * 7 + place as u32 * 5) % 11) / 200.0;
            let value = 0.5 + noise + if name == "dramatic" { gap } else { 0.0 };
            writeln!(text, "{name},{seed},quality,{value:.4}").unwrap();
        }
    }
    text
}

fn study(document: &str, scores: &str) -> Folder {
    let folder = Folder::with(&[("lighting-study.toml", document)]);
    folder.write("scores.csv", scores);
    folder
}

fn analyze(folder: &Folder, more: &[&str]) -> Answer {
    folder.run(&[&["ab", "analyze", "lighting-study", "--scores", "scores.csv"], more].concat())
}

fn data(document: &str, scores: &str) -> Value {
    analyze(&study(document, scores), &["--json"]).json()["data"].clone()
}

/// Code, file, line and column of each finding.
fn findings(document: &str, scores: &str) -> Vec<(String, String, u64, u64)> {
    let answer = analyze(&study(document, scores), &["--json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    let json = answer.json();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let number = |finding: &Value, key: &str| finding[key].as_u64().unwrap();
    let place = |finding: &Value| {
        (text(finding, "code"), text(finding, "file"), number(finding, "line"), number(finding, "column"))
    };
    json["diagnostics"].as_array().unwrap().iter().map(place).collect()
}

#[test]
fn a_winner_is_told_with_what_it_took() {
    let folder = study(STUDY, &scores(0.2, 20));
    let answer = analyze(&folder, &[]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.starts_with("lighting-study: dramatic is better than all others\n"), "{answer:?}");
    assert!(answer.stdout.contains("% saved") && answer.stdout.contains("dramatic ahead"), "{answer:?}");
    let answer = analyze(&folder, &["--json"]).json();
    let data = &answer["data"];
    assert_eq!(
        (&data["outcome"], &data["winner"], &data["recommended"]),
        (&json!("winner"), &json!("dramatic"), &json!("dramatic"))
    );
    assert_eq!((&data["plan"], &data["method"], &data["looks"]), (&json!("horizon"), &json!("ab-2"), &json!(16)));
    let block = data["block"].as_u64().unwrap();
    assert!((4..20).contains(&block) && data["look"].as_u64().unwrap() >= 1, "{data:#}");
    assert_eq!(data["generations"], json!(3 * block), "all were in until both were beaten: {data:#}");
    let soft = &data["variations"][0];
    assert_eq!(
        (&soft["name"], &soft["against"], &soft["dropped_by"]),
        (&json!("soft"), &json!("dramatic"), &json!("dramatic"))
    );
    let [low, difference, high] = ["low", "difference", "high"].map(|key| soft[key].as_f64().unwrap());
    assert!(low < difference && difference < high && high < 0.0, "{soft:#}");
    assert!(data["variations"][1]["low"].as_f64().unwrap() > 0.0, "{data:#}");
    let unused = &answer["diagnostics"][0];
    assert_eq!((&unused["code"], &unused["severity"]), (&json!("unused-scores"), &json!("warning")));
}

#[test]
fn every_plan_and_outcome() {
    for plan in ["open", "strict"] {
        let document = STUDY.replace("samples_per_variation = 20", "samples_per_variation = 100")
            + format!("plan = \"{plan}\"\n").as_str();
        let data = data(&document, &scores(0.3, 100));
        assert_eq!((&data["winner"], &data["plan"], &data["looks"]), (&json!("dramatic"), &json!(plan), &json!(null)));
    }
    let outcome = |more: &str, gap, seeds| {
        let data = data(&(STUDY.to_owned() + more), &scores(gap, seeds));
        (data["outcome"].as_str().unwrap().to_owned(), data["winner"].clone(), data["recommended"].is_null())
    };
    assert_eq!(outcome("", 0.0, 20), ("undecided_futile".to_owned(), json!(null), false));
    assert_eq!(
        outcome("futility = false\nequivalence = 0.0\n", 0.0, 20),
        ("budget_out".to_owned(), json!(null), false)
    );
    assert_eq!(
        outcome("equivalence = 0.5\nfutility = false\n", 0.0, 20),
        ("equivalent".to_owned(), json!(null), false)
    );
    assert_eq!(outcome("", 0.0, 3), ("running".to_owned(), json!(null), true));
    let text = analyze(&study(STUDY, &scores(0.0, 20)), &[]).stdout;
    assert!(text.contains("no winner") && text.contains("(no claim)"), "{text}");
}

#[test]
fn other_metrics_are_told_apart_and_decide_nothing() {
    let mut text = scores(0.2, 20);
    for seed in 1..=20 {
        for (name, value) in [("soft", 0.9), ("dramatic", 0.2), ("natural", 0.21)] {
            let value = value + f64::from(seed * 13 % 7) / 100.0 * if name == "natural" { 1.0 } else { 0.5 };
            writeln!(text, "{name},{seed},speed,{value:.3}").unwrap();
        }
    }
    let (with, without) = (data(STUDY, &text), data(STUDY, &scores(0.2, 20)));
    for key in ["outcome", "winner", "block", "variations"] {
        assert_eq!(with[key], without[key]);
    }
    let rows = with["other_metrics"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert_eq!(
        (&rows[0]["metric"], &rows[0]["variation"], &rows[0]["against"]),
        (&json!("speed"), &json!("soft"), &json!("dramatic"))
    );
    assert!(rows[0]["adjusted_p"].as_f64().unwrap() >= rows[0]["p"].as_f64().unwrap());
    assert!(rows[0]["difference"].as_f64().unwrap() > 0.6);
}

#[test]
fn the_order_of_rows_makes_no_difference() {
    let text = scores(0.06, 20);
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.reverse();
    assert_eq!(data(STUDY, &text), data(STUDY, &format!("{HEAD}{}\n", rows.join("\n"))));
}

#[test]
fn missing_rows_are_failed_runs() {
    let all = scores(0.2, 20);
    let text: String = all.split_inclusive('\n').filter(|line| !line.starts_with("soft,2,")).collect();
    let answer = analyze(&study(STUDY, &text), &["--json"]).json();
    assert_eq!(answer["data"]["variations"][0]["failed"], json!(1));
    assert!(answer["diagnostics"].as_array().unwrap().iter().any(|d| d["code"] == "failed-runs"), "{answer:#}");
}

#[test]
fn scores_that_mislead_are_warned_of() {
    let mut text = HEAD.to_owned();
    for seed in 1..=20 {
        let wide = if seed % 5 == 1 { 0.3 } else { 0.95 };
        writeln!(text, "soft,{seed},quality,0.{}\ndramatic,{seed},quality,{wide}", 810 + seed % 3).unwrap();
        writeln!(text, "natural,{seed},quality,0.{}", 810 + seed % 4).unwrap();
    }
    let document = STUDY.to_owned() + "futility = false\n";
    let found = analyze(&study(&document, &text), &["--json"]).json()["diagnostics"].clone();
    let uneven: Vec<&Value> = found.as_array().unwrap().iter().filter(|d| d["code"] == "uneven-scores").collect();
    assert!(!uneven.is_empty() && uneven[0]["hint"].as_str().unwrap().contains("strict"), "{found:#}");
}

#[test]
fn wrong_tables_are_refused_with_the_place() {
    let at = |code: &str, line, column| vec![(code.to_owned(), "scores.csv".to_owned(), line, column)];
    let with = |row: &str| format!("{HEAD}soft,1,quality,0.5\n{row}\n");
    assert_eq!(findings(STUDY, &with("soft,2,quality,1.5")), at("bad-score", 3, 16));
    assert_eq!(findings(STUDY, &with("soft,2,quality,")), at("bad-score", 3, 16));
    assert_eq!(findings(STUDY, &with("sfot,2,quality,0.5")), at("unknown-variation", 3, 1));
    assert_eq!(findings(STUDY, &with("soft,1,quality,0.6")), at("duplicate-score", 3, 16));
    assert_eq!(findings(STUDY, &with("soft,2,quality")), at("bad-csv", 3, 1));
    assert_eq!(findings(STUDY, "variation,seed,value\n"), at("unknown-column", 1, 1));
    let other = findings(STUDY, &with("soft,2,quality,0.5").replace("quality", "qualiti"));
    assert_eq!(other, [("no-scores".to_owned(), "pipelines/lighting-study.toml".to_owned(), 15, 10)]);
}

#[test]
fn wrong_documents_are_refused_with_the_place() {
    let scores = scores(0.2, 20);
    let at =
        |code: &str, line, column| vec![(code.to_owned(), "pipelines/lighting-study.toml".to_owned(), line, column)];
    let one = STUDY.replace("dramatic = { lighting = \"dramatic\" }\nnatural = { lighting = \"natural\" }\n", "");
    assert_eq!(findings(&one, &scores), at("too-few-variations", 9, 2));
    let same = STUDY.replace("{ lighting = \"natural\" }", "{ lighting = \"soft\" }");
    assert_eq!(findings(&same, &scores), at("same-variation", 12, 1));
    let few = STUDY.replace("samples_per_variation = 20", "samples_per_variation = 3");
    let found = findings(&few, &scores);
    assert_eq!((found.len(), found[0].2, found[0].3), (1, 7, 25), "{found:?}");
    let folder = Folder::with(&[("a.toml", super::support::TEMPLATE)]);
    folder.write("scores.csv", &scores);
    let answer = folder.run(&["ab", "analyze", "greeting", "--scores", "scores.csv"]);
    assert!(answer.code == 2 && answer.stderr.contains("is not an A/B test"), "{answer:?}");
    let gone = study(STUDY, &scores).run(&["ab", "analyze", "lighting-study", "--scores", "nowhere.csv"]);
    assert!(gone.code == 2 && gone.stderr.contains("nowhere.csv"), "{gone:?}");
}
