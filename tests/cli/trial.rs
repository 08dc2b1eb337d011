//! A/B tests that run: in this process, without a server. They end early, go on after a death, and say what they
//! do not know.

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::support::{Answer, Folder};

const PRESET: &str = include_str!("../../pipelines/enlarge.toml");
const STUDY: &str = include_str!("../../pipelines/enlarge-study.toml");

/// A workspace with the shipped test, changed.
fn study(change: impl Fn(&str) -> String) -> Folder {
    let folder = Folder::with(&[("enlarge.toml", PRESET), ("enlarge-study.toml", &change(STUDY))]);
    folder.copy("fixtures/photos", "fixtures/photos");
    folder
}

fn unchanged() -> Folder {
    study(str::to_owned)
}

/// Two variations that differ by which part of the photographs they show: by nothing that matters.
fn parts(text: &str) -> String {
    let text = text.replace("base_prompt = \"{method}\"", "base_prompt = \"bicubic\"");
    let (head, tail) = text.split_once("[variations]").unwrap();
    let (_, tail) = tail.split_once("[blocks]").unwrap();
    format!("{head}[variations]\nfew = {{ soften = 2 }}\nmany = {{ soften = 3 }}\n\n[blocks]{tail}")
        .replace("metric = \"sharpness\"", "metric = \"contrast\"")
        .replace("equivalence = 0.002", "equivalence = 0.02")
}

fn run(folder: &Folder, more: &[&str]) -> Value {
    let answer = folder.run(&[&["run", "enlarge-study", "--json"], more].concat());
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.json()["data"].clone()
}

/// Runs with a point at which the program dies.
fn dies(folder: &Path, point: &str) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    program.args(["run", "enlarge-study"]).current_dir(folder).env("COMFYWRIGHT_FAILPOINTS", point);
    let status = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(!status.success(), "it was to die at {point}");
}

fn findings(answer: &Answer) -> Vec<(String, u64, u64)> {
    let json = answer.json();
    let text = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
    let number = |finding: &Value, key: &str| finding[key].as_u64().unwrap_or(0);
    let found = json["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] == "error");
    found.map(|finding| (text(finding), number(finding, "line"), number(finding, "column"))).collect()
}

#[test]
fn a_winner_is_found_early_and_the_rest_is_never_made() {
    let folder = unchanged();
    let answer = folder.run(&["run", "enlarge-study"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("enlarge-study: bicubic is better than all others"), "{answer:?}");
    assert!(answer.stderr.contains("3 variations: 15 to 60 generations"), "{answer:?}");
    assert!(answer.stderr.contains("an advantage of 0.") && answer.stderr.contains("no history"), "{answer:?}");
    let shown = folder.run(&["show", "enlarge-study", "--json"]).json()["data"].clone();
    let decision = &shown["decision"];
    assert_eq!((&decision["format"], &decision["outcome"]), (&json!(1), &json!("winner")));
    assert_eq!((&decision["winner"], &decision["method"]), (&json!("bicubic"), &json!("ab-2")));
    let (made, block) = (decision["made"].as_u64().unwrap(), decision["block"].as_u64().unwrap());
    assert_eq!(decision["generations"], json!(made), "{decision:#}");
    assert!(block < 20 && made <= 3 * block && decision["saved"] == json!(60 - made), "{decision:#}");
    assert_eq!(shown["counts"], json!({ "done": made, "skipped": 60 - made }));
    let items = shown["items_list"].as_array().unwrap();
    let why = items.iter().filter(|item| item["state"] == "skipped").map(|item| item["reason"].as_str().unwrap());
    assert!(why.into_iter().all(|why| why.starts_with("not needed: ")), "{shown:#}");
    // Once more: everything is there, and it says the same.
    let again = run(&folder, &["--new"]);
    assert_eq!(again["counts"]["reused"], json!(made));
    assert!(again["decision"]["spent"]["bicubic"]["seconds_each"].as_f64().is_some_and(|each| each > 0.0));
    assert_eq!(again["decision"]["spent"]["bicubic"]["seconds"], json!(0.0), "nothing was made");
    let same = |key: &str| assert_eq!(again["decision"][key], decision[key], "{key}");
    ["outcome", "winner", "look", "block", "variations", "seed_correlation"].into_iter().for_each(same);
}

#[test]
fn it_goes_on_after_every_death_and_decides_the_same() {
    let calm = run(&unchanged(), &[])["decision"].clone();
    let folder = unchanged();
    for point in
        ["ledger.committed=abort@12", "ledger.commit=abort@9", "output.renamed=abort@4", "ledger.begin=abort@14"]
    {
        dies(&folder.path(""), point);
    }
    let after = run(&folder, &[]);
    let decision = &after["decision"];
    for key in ["outcome", "winner", "look", "block", "generations", "made", "variations"] {
        assert_eq!(decision[key], calm[key], "{key}");
    }
    assert_eq!(folder.run(&["runs", "--json"]).json()["data"]["runs"].as_array().unwrap().len(), 1, "one run in all");
}

#[test]
fn no_difference_is_no_winner() {
    let data = run(&study(parts), &[]);
    let decision = &data["decision"];
    assert_eq!(decision["winner"], json!(null), "{decision:#}");
    assert!(decision["recommended"].is_string(), "{decision:#}");
    assert!(decision["saved"].as_u64().unwrap() > 0, "{decision:#}");
}

#[test]
fn failed_samples_are_left_out_and_counted() {
    let folder = study(|text| text.replace("lanczos = { method = \"lanczos\" }", "broken = { method = \"mitchell\" }"));
    let answer = folder.run(&["run", "enlarge-study", "--json"]);
    let found = findings(&answer);
    assert_eq!(answer.code, 2, "it is found before anything is made: {answer:?}");
    assert_eq!((found[0].0.as_str(), found[0].1), ("not-in-list", 16), "at its variation: {answer:?}");
    // Every fourth block is too large for the memory when it is enlarged eight times.
    let folder = study(|text| {
        let text = text.replace("base_prompt = \"{method}\"", "base_prompt = \"bicubic\"");
        let (head, tail) = text.split_once("[variations]").unwrap();
        let (_, tail) = tail.split_once("[blocks]").unwrap();
        format!(
            "{head}[variations]\nsmall = {{ scale = 2.0 }}\nlarge = {{ scale = 8.0 }}\n\n[blocks]\nside = [64, 64, 512, 64]{tail}"
        )
    });
    let sided = PRESET
        .replace("width = 128\nheight = 128", "width = \"{side}\"\nheight = \"{side}\"")
        .replace("[params.seed]", "[params.side]\ntype = \"int\"\ndefault = 128\n\n[params.seed]");
    folder.write("pipelines/enlarge.toml", sided);
    folder.write("comfywright.toml", "[limits]\nmemory_mib = 64\n");
    let answer = folder.run(&["run", "enlarge-study", "--json"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    let data = answer.json()["data"].clone();
    let decision = &data["decision"];
    let failed = |place: usize| decision["variations"][place]["failed"].as_u64().unwrap();
    assert!(failed(0) == 0 && failed(1) >= 1, "{data:#}");
    assert_eq!(data["counts"]["failed"], json!(failed(1)));
    assert_eq!((&decision["winner"], &decision["spent"]["large"]["failed"]), (&json!("small"), &json!(failed(1))));
    assert!(answer.json()["diagnostics"].as_array().unwrap().iter().any(|d| d["code"] == "failed-runs"));
}

#[test]
fn an_open_plan_may_be_extended_and_a_horizon_may_not() {
    let horizon = unchanged();
    run(&horizon, &[]);
    let refused = horizon.run(&["run", "enlarge-study", "--more", "5", "--json"]);
    assert_eq!((refused.code, findings(&refused)), (2, vec![("no-more-samples".to_owned(), 32, 8)]), "{refused:?}");

    let open = |text: &str| {
        parts(text)
            .replace("plan = \"horizon\"", "plan = \"open\"")
            .replace("equivalence = 0.02", "equivalence = 0.0")
            .replace("samples_per_variation = 20", "samples_per_variation = 4")
    };
    let folder = study(open);
    assert_eq!(folder.run(&["run", "enlarge-study", "--more", "2"]).code, 2, "there is nothing to add to yet");
    assert_eq!(run(&folder, &[])["decision"]["outcome"], json!("budget_out"));
    for samples in [6, 8] {
        let data = run(&folder, &["--more", "2"]);
        assert_eq!(data["counts"], json!({ "done": 4, "reused": 2 * (samples - 2) }), "{data:#}");
        assert_eq!(data["decision"]["block"], json!(samples));
    }
}

#[test]
fn rules_that_change_after_a_look_are_refused_or_recorded() {
    let folder = unchanged();
    run(&folder, &[]);
    let changed = STUDY.replace("alpha = 0.05", "alpha = 0.2");
    folder.write("pipelines/enlarge-study.toml", &changed);
    let refused = folder.run(&["run", "enlarge-study", "--json"]);
    assert_eq!((refused.code, findings(&refused)), (2, vec![("changed-decision".to_owned(), 33, 9)]), "{refused:?}");
    // Nor may another metric be chosen when scores are there.
    folder.write("pipelines/enlarge-study.toml", STUDY.replace("metric = \"sharpness\"", "metric = \"contrast\""));
    let refused = folder.run(&["run", "enlarge-study", "--json"]);
    assert_eq!((refused.code, findings(&refused)), (2, vec![("changed-decision".to_owned(), 31, 10)]), "{refused:?}");
    folder.write("pipelines/enlarge-study.toml", &changed);
    let data = run(&folder, &["--restart"]);
    assert!(data["decision"]["restarted_from"].is_string() && data["decision"]["alpha"] == json!(0.2), "{data:#}");
    // The restart holds from now on.
    assert!(run(&folder, &["--new"])["decision"]["restarted_from"].is_string());
    folder.write("pipelines/enlarge-study.toml", STUDY);
    assert_eq!(folder.run(&["run", "enlarge-study", "--json"]).code, 2, "the first rules were given up");
}

#[test]
fn a_sample_is_never_taken_twice() {
    let blind = PRESET.replace("x = \"{seed}\"\ny = \"{seed}\"", "x = 1\ny = 1");
    let folder = unchanged();
    folder.write("pipelines/enlarge.toml", &blind);
    let refused = folder.run(&["run", "enlarge-study", "--json"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(findings(&refused)[0].0, "same-samples", "{refused:?}");
}

#[test]
fn it_is_asked_above_a_cost() {
    // Nothing here has a price: what is asked is tested where servers are.
    let folder = unchanged();
    folder.write("comfywright.toml", "[limits]\nask_above_cost = 0.0\n");
    let data = run(&folder, &[]);
    assert_eq!(data["decision"]["outcome"], json!("winner"));
    let answer = folder.run(&["run", "enlarge-study", "--new"]);
    assert!(answer.stderr.contains(" each, at most ") && answer.stderr.contains("made before"), "{answer:?}");
}

#[test]
fn a_winner_is_adopted_with_its_evidence() {
    let folder = unchanged();
    assert_eq!(folder.run(&["ab", "adopt", "enlarge-study"]).code, 2, "nothing is decided yet");
    run(&folder, &[]);
    let before = folder.read("pipelines/enlarge.toml");
    let told = folder.run(&["ab", "adopt", "enlarge-study", "--dry-run", "--json"]).json()["data"].clone();
    assert_eq!((&told["version"], &told["written"]), (&json!("1.1.0"), &json!(false)));
    assert_eq!(folder.read("pipelines/enlarge.toml"), before);
    let answer = folder.run(&["ab", "adopt", "enlarge-study"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let after = folder.read("pipelines/enlarge.toml");
    let expected = before
        .replace("version = \"1.0.0\"", "version = \"1.1.0\"")
        .replace("default = \"bilinear\"", "default = \"bicubic\"");
    let row = after.strip_prefix(&expected).unwrap_or_else(|| panic!("all else stays as it is: {after}"));
    assert!(row.starts_with("\n[[changelog]]\nversion = \"1.1.0\"\n"), "{row}");
    assert!(row.contains("A/B test enlarge-study 1.0.0: bicubic is better than all others (alpha 0.05)"), "{row}");
    assert!(row.contains(" of 60 generations, run ") && row.contains("rules ab-2"), "{row}");
    assert_eq!(folder.read("pipelines/.versions/enlarge@1.0.0.toml"), before);
    assert_eq!(folder.run(&["check"]).code, 0);
    // The version that was tested is no longer the newest.
    folder.write("pipelines/enlarge-study.toml", STUDY.replace("enlarge@1", "enlarge@1.0.0"));
    let refused = folder.run(&["ab", "adopt", "enlarge-study"]);
    assert!(refused.code == 2 && refused.stderr.contains("holds another version"), "{refused:?}");
}

#[test]
fn without_a_winner_nothing_is_adopted_by_itself() {
    let folder = study(parts);
    run(&folder, &[]);
    let refused = folder.run(&["ab", "adopt", "enlarge-study"]);
    assert!(refused.code == 2 && refused.stderr.contains("claims nothing"), "{refused:?}");
    let answer = folder.run(&["ab", "adopt", "enlarge-study", "--variation", "many"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let text = folder.read("pipelines/enlarge.toml");
    assert!(text.contains("default = 3\n") && text.contains("chosen without a claim"), "{text}");
    let unknown = folder.run(&["ab", "adopt", "enlarge-study", "--variation", "meny"]);
    assert!(unknown.stderr.contains("did you mean `many`?"), "{unknown:?}");
}

#[test]
fn a_test_is_made_of_a_preset_and_values() {
    let folder = unchanged();
    let new = |more: &[&str]| folder.run(&[&["ab", "new", "methods", "--preset", "enlarge@1"], more].concat());
    let answer = new(&["--vary", "method=bilinear|lanczos", "--samples", "8", "--metric", "sharpness"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let text = folder.read("pipelines/methods.toml");
    assert!(text.contains("base_prompt = \"{method}\"") && text.contains("samples_per_variation = 8"), "{text}");
    assert_eq!(folder.run(&["check"]).code, 0);
    let data = folder.run(&["run", "methods", "--json"]).json()["data"].clone();
    assert_eq!(data["decision"]["winner"], json!("lanczos"), "{data:#}");
    let twice = new(&["--vary", "method=area|lanczos"]);
    assert!(twice.code == 2 && folder.read("pipelines/methods.toml") == text, "{twice:?}");
    let unknown = folder.run(&["ab", "new", "others", "--preset", "enlarge@1", "--vary", "methd=a|b", "--json"]);
    assert_eq!((unknown.code, findings(&unknown)[0].0.as_str()), (2, "unknown-parameter"), "{unknown:?}");
    assert!(!folder.path("pipelines/others.toml").exists());
}

#[test]
fn a_page_shows_the_decision_and_every_sample() {
    let folder = unchanged();
    assert_eq!(folder.run(&["ab", "report", "enlarge-study"]).code, 2, "there is nothing to show yet");
    let decision = run(&folder, &[])["decision"].clone();
    let data = folder.run(&["ab", "report", "enlarge-study", "--json"]).json()["data"].clone();
    assert_eq!(data["pictures"], decision["made"]);
    let read = |key: &str| std::fs::read_to_string(data[key].as_str().unwrap()).unwrap();
    let page = read("file");
    assert!(page.contains("bicubic is better than all others.") && page.contains("default-src 'none'"));
    assert_eq!(page.matches("class=\"shot\"").count() as u64, decision["made"].as_u64().unwrap());
    assert!(!page.contains("http://") && !page.contains("https://"), "it asks for nothing");
    let markdown = read("markdown");
    assert!(
        markdown.starts_with("## enlarge-study 1.0.0\n\n**bicubic is better") && markdown.contains("| bilinear | ")
    );
    let numbers: Value = serde_json::from_str(&read("numbers")).unwrap();
    assert_eq!((&numbers["winner"], &numbers["method"]), (&json!("bicubic"), &json!("ab-2")));
    assert_eq!(numbers["blocks"].as_array().unwrap().len() as u64, decision["block"].as_u64().unwrap());
}

#[test]
fn less_is_better_where_the_test_says_so() {
    let less = |text: &str| text.replace("metric = \"sharpness\"", "metric = \"blur\"\nbetter = \"lower\"");
    let folder = study(less);
    let decision = run(&folder, &[])["decision"].clone();
    assert_eq!((&decision["winner"], &decision["better"]), (&json!("lanczos"), &json!("lower")), "{decision:#}");
    let means: Vec<f64> = (0..3).map(|place| decision["variations"][place]["mean"].as_f64().unwrap()).collect();
    assert!(means[2] < means[0], "as they were measured: {decision:#}");
    let bilinear = &decision["variations"][0];
    let [low, difference, high] = ["low", "difference", "high"].map(|key| bilinear[key].as_f64().unwrap());
    assert!(0.0 < low && low < difference && difference < high, "{bilinear:#}");
    let report = folder.run(&["ab", "report", "enlarge-study", "--json"]).json()["data"].clone();
    let page = std::fs::read_to_string(report["file"].as_str().unwrap()).unwrap();
    assert!(page.contains("blur (lower is better)") && page.contains("Right of the line: worse than"));
    let text = folder.run(&["show", "enlarge-study"]).stdout;
    assert!(text.contains("blur (lower is better), plan horizon"), "{text}");
    // The same scores from a table decide the same.
    let mut rows = "variation,seed,metric,value\n".to_owned();
    let numbers: Value =
        serde_json::from_str(&std::fs::read_to_string(report["numbers"].as_str().unwrap()).unwrap()).unwrap();
    for (block, values) in numbers["blocks"].as_array().unwrap().iter().enumerate() {
        for (name, value) in ["bilinear", "bicubic", "lanczos"].iter().zip(values.as_array().unwrap()) {
            if let Some(value) = value.as_f64() {
                writeln!(rows, "{name},{},blur,{value}", block + 1).unwrap();
            }
        }
    }
    folder.write("scores.csv", rows);
    let again =
        folder.run(&["ab", "analyze", "enlarge-study", "--scores", "scores.csv", "--json"]).json()["data"].clone();
    ["outcome", "winner", "variations"].into_iter().for_each(|key| assert_eq!(again[key], decision[key], "{key}"));
    // Turning it around after a look is another rule.
    folder.write("pipelines/enlarge-study.toml", less(STUDY).replace("better = \"lower\"", "better = \"higher\""));
    let refused = folder.run(&["run", "enlarge-study", "--json"]);
    assert_eq!((refused.code, findings(&refused)[0].0.as_str()), (2, "changed-decision"), "{refused:?}");
}

#[test]
fn a_metric_says_which_values_count() {
    let wrong = |decision: &str| {
        let folder = study(|text| text.replace("metric = \"sharpness\"", decision));
        let answer = folder.run(&["check", "--json"]);
        findings(&answer)
    };
    let found = |code: &str, line, column| (code.to_owned(), line, column);
    assert_eq!(wrong("metric = \"blur\""), [found("unsaid-direction", 31, 10)]);
    assert_eq!(wrong("metric = \"seconds\"\nbetter = \"lower\""), [found("unfit-metric", 31, 10)]);
    assert_eq!(wrong("metric = \"noise\"\nbetter = \"lower\"\nrange = [9, 2]"), [found("bad-range", 33, 9)]);
    assert_eq!(wrong("metric = \"cost\"\nbetter = \"lower\"\nrange = [0, 1]"), [found("unfit-metric", 31, 10)]);
    assert_eq!(wrong("metric = \"ratings\""), [found("unknown-metric", 31, 10)]);
    assert_eq!(wrong("metric = \"noise\"\nbetter = \"lower\"\nrange = [0, 20]"), []);
    assert_eq!(wrong("metric = \"rating\""), []);
    let folder = study(|text| {
        text.replace("metric = \"sharpness\"", "metric = \"seconds\"\nbetter = \"lower\"\nrange = [0, 60]")
            .replace("samples_per_variation = 20", "samples_per_variation = 4")
    });
    let decision = run(&folder, &[])["decision"].clone();
    assert!(decision["variations"][0]["mean"].as_f64().is_some_and(|mean| mean > 0.0 && mean < 60.0), "{decision:#}");
    assert_eq!(decision["variations"][0]["failed"], json!(0));
}

#[test]
fn what_costs_money_is_a_metric_where_something_has_a_price() {
    let folder = study(|text| {
        text.replace("metric = \"sharpness\"", "metric = \"cost\"\nbetter = \"lower\"\nrange = [0, 1]")
            .replace("samples_per_variation = 20", "samples_per_variation = 4")
            .replace("equivalence = 0.002", "equivalence = 0.0")
    });
    folder.write("comfywright.toml", "[prices]\nImageBlur = 0.25\nImageScaleBy = 0.125\nSomethingElse = 9\n");
    let data = run(&folder, &[]);
    for place in 0..3 {
        assert_eq!(data["decision"]["variations"][place]["mean"], json!(0.375), "{data:#}");
    }
    assert_eq!(data["forecast"]["cost"], json!(4.5), "twelve samples: {data:#}");
    assert_eq!(data["decision"]["spent"]["lanczos"]["cost"], json!(1.5));
}

#[test]
fn what_can_be_found_is_forecast_by_what_was_measured() {
    let folder = unchanged();
    let first = run(&folder, &[])["forecast"].clone();
    assert_eq!((&first["deviation"], &first["measured_in"]), (&json!(0.12), &json!(null)), "{first:#}");
    let again = folder.run(&["run", "enlarge-study", "--new"]);
    assert!(again.stderr.contains("of earlier tests"), "{again:?}");
    let second = run(&folder, &["--new"])["forecast"].clone();
    assert!(second["measured_in"].as_u64().is_some_and(|blocks| blocks >= 8), "{second:#}");
    let [deviation, detectable] = ["deviation", "detectable"].map(|key| second[key].as_f64().unwrap());
    let before = first["detectable"].as_f64().unwrap();
    assert!((detectable / before - deviation / 0.12).abs() < 1e-9, "{second:#}");
}
