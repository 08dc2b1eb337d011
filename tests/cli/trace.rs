//! `trace`: why items went the way they went.

use serde_json::json;

use super::runs::cards_run;

/// Nobody knows how long a try takes.
fn without_times(text: &str) -> String {
    let told = text.lines().map(|line| line.split(" after ").next().unwrap_or_default());
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_decision_with_its_rules() {
    let folder = cards_run(17);
    let answer = folder.run(&["trace", "last", "look[tone=t00000]"]);
    insta::assert_snapshot!("looped", without_times(&answer.stdout));
    let oom = folder.run(&["trace", "last", "make[tone=t00015]"]).stdout;
    for line in [
        "failed after",
        "(oom): node `make`",
        "matched  on oom -> spare  the error was out of memory",
        "-> spare: sent to spare[tone=t00015]",
    ] {
        assert!(oom.contains(line), "{line}: {oom}");
    }
}

#[test]
fn a_task_stands_for_its_items() {
    let folder = cards_run(17);
    let data = folder.run(&["trace", "last", "look", "--json"]).json()["data"].clone();
    let items = data["items"].as_array().unwrap();
    assert_eq!(items.len(), 17);
    let decided = |item: &serde_json::Value| item["decisions"].as_array().unwrap().len();
    // Two pale ones were looked at twice, one was blocked.
    assert_eq!(items.iter().map(decided).sum::<usize>(), 18, "{data:#}");
    let decision = &items[3]["decisions"][0];
    assert!(decision["inputs"]["colorfulness"].as_f64().unwrap() > 10.0, "{decision:#}");
    let verdicts: Vec<_> = decision["rules"].as_array().unwrap().iter().map(|rule| rule["verdict"].clone()).collect();
    assert_eq!(json!(verdicts), json!(["passed_over", "passed_over", "passed_over", "matched"]));
    assert_eq!(decision["next_item"], "invert[tone=t00003]");
}

#[test]
fn what_is_not_there_is_told() {
    let folder = cards_run(6);
    let told = |item: &str| folder.run(&["trace", "last", item]);
    let near = told("looks");
    assert!(near.code == 2 && near.stderr.contains("did you mean look?"), "{near:?}");
    assert_eq!(told("look[tone=nothing]").code, 2);
    assert!(told("sheet").stdout.contains("no rules decided about it"));
}
