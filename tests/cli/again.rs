//! `retry`, `pause`, `continue`, `results` and `gc`.
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt as _,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::support::Folder;

/// Two pictures, of which one is too large for the memory that is permitted.
const CHAIN: &str = r#"kind = "chain"
format = 1
name = "cards"
version = "1.0.0"

[task.make]
type = "graph"
[task.make.foreach]
side = [16, 2600]
[task.make.node.make.EmptyImage]
width = "{side}"
height = "{side}"
batch_size = 1
color = 255
[task.make.outputs]
image = "@make.IMAGE"

[task.small]
type = "resize"
depends_on = ["make"]
with.width = 8
with.height = 8
"#;

const TIGHT: &str = "[limits]\nmemory_mib = 64\n";

fn cards() -> Folder {
    let folder = Folder::with(&[("cards.toml", CHAIN)]);
    folder.write("comfywright.toml", TIGHT);
    folder
}

fn inode(folder: &Folder, item: &str) -> u64 {
    let shown = folder.run(&["show", "last", item, "--json"]).json();
    let path = shown["data"]["files"][0]["path"].as_str().unwrap().to_owned();
    std::fs::metadata(folder.path(&path)).unwrap().ino()
}

#[test]
fn what_failed_is_made_again_in_the_same_run() {
    let folder = cards();
    let run = folder.run(&["run", "cards", "--json"]);
    assert_eq!((run.code, &run.json()["data"]["counts"]), (1, &json!({ "done": 2, "failed": 1, "blocked": 1 })));

    for (item, word) in [
        ("small[side=2600]", "is blocked (make failed)"),
        ("small", "no item of task `small`"),
        ("make[side=3]", "no item"),
    ] {
        let refused = folder.run(&["retry", "last", item]);
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
    // As long as nothing has changed, it fails again.
    let again = folder.run(&["retry", "last", "--json"]);
    assert_eq!((again.code, &again.json()["data"]["counts"]), (1, &json!({ "done": 2, "failed": 1, "blocked": 1 })));

    folder.write("comfywright.toml", "[limits]\nmemory_mib = 2048\n");
    let again = folder.run(&["retry", "last", "make", "--json"]);
    assert_eq!((again.code, &again.json()["data"]["counts"]), (0, &json!({ "done": 4 })), "{again:?}");
    assert_eq!(folder.run(&["runs", "--json"]).json()["data"]["runs"].as_array().map(Vec::len), Some(1));
    let nothing = folder.run(&["retry", "last"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("nothing has failed"), "{nothing:?}");
}

#[test]
fn what_is_chosen_is_made_anew_with_what_was_made_of_it_when_asked() {
    let folder = cards();
    folder.write("comfywright.toml", "");
    assert_eq!(folder.run(&["run", "cards"]).code, 0);
    let stamps = || ["make[side=16]", "small[side=16]", "make[side=2600]"].map(|item| inode(&folder, item));
    let before = stamps();
    assert_eq!(folder.run(&["retry", "last", "make[side=16]"]).code, 0);
    let now = stamps();
    assert!(now[0] != before[0] && now[1..] == before[1..], "{before:?} {now:?}");
    assert_eq!(folder.run(&["retry", "last", "make[side=16]", "--downstream"]).code, 0);
    let then = stamps();
    assert!(then[0] != now[0] && then[1] != now[1] && then[2] == now[2], "{now:?} {then:?}");
    let all = folder.run(&["retry", "last", "make", "--all", "--json"]);
    assert_eq!(all.json()["data"]["counts"], json!({ "done": 4 }));
    assert!(stamps()[2] != then[2]);
}

/// Six items, one after the other, of which each takes a while.
const SLOW: &str = include_str!("../support/slow.toml");

fn started(folder: &Folder) -> (Child, impl BufRead + use<>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(["run", "slow", "--events"]).current_dir(folder.path("")).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let events = BufReader::new(child.stdout.take().unwrap());
    (child, events)
}

/// Reads on until this event; all events on the way.
fn until(events: &mut impl BufRead, event: &str) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    while seen.last().is_none_or(|last| last["event"] != event) {
        let mut line = String::new();
        assert!(events.read_line(&mut line).unwrap() > 0, "the run ended before {event}: {seen:#?}");
        seen.push(serde_json::from_str(&line).unwrap());
    }
    seen
}

#[test]
fn a_run_waits_and_its_results_are_there() {
    let folder = Folder::with(&[("slow.toml", SLOW)]);
    let (mut child, mut events) = started(&folder);
    until(&mut events, "item_finished");
    let paused = folder.run(&["pause", "slow"]);
    assert!(paused.code == 0 && paused.stdout.contains("comfywright continue"), "{paused:?}");
    let seen = until(&mut events, "run_paused");
    let mut on_its_way = seen.iter().filter(|e| e["event"] == "item_started").count();
    on_its_way += 1;
    let status = folder.run(&["status", "slow", "--json"]).json();
    assert_eq!(status["data"]["state"], "paused");

    let refused = folder.run(&["results", "slow"]);
    assert!(refused.code == 2 && refused.stderr.contains("--partial"), "{refused:?}");
    let partial = folder.run(&["results", "slow", "--partial", "--json"]).json();
    let files = partial["data"]["files"].as_array().unwrap().clone();
    assert_eq!((&partial["data"]["complete"], partial["data"]["items"].clone()), (&json!(false), json!(6)));
    assert!((1..=on_its_way + 1).contains(&files.len()), "{files:#?}");
    assert!(files.iter().all(|file| folder.path(file["path"].as_str().unwrap()).is_file()));
    let table = folder.run(&["results", "slow", "--partial"]);
    assert!(table.stdout.contains("make[n=1]") && table.stdout.contains("500 x 500"), "{table:?}");
    assert!(
        folder.run(&["results", "slow", "--partial", "--task", "nothing"]).stderr.contains("no task")
            || folder.run(&["results", "slow", "--partial", "--task", "nothing"]).code == 2
    );

    assert_eq!(folder.run(&["continue", "slow"]).code, 0);
    let rest = until(&mut events, "run_finished");
    assert!(rest.iter().any(|event| event["event"] == "run_continued"));
    assert_eq!(rest.last().unwrap()["counts"], json!({ "done": 6 }));
    assert!(child.wait().unwrap().success());
    let all = folder.run(&["results", "slow", "--json"]).json();
    assert_eq!((all["data"]["files"].as_array().map(Vec::len), &all["data"]["complete"]), (Some(6), &json!(true)));
    let nobody = folder.run(&["pause", "slow"]);
    assert!(nobody.code == 2 && nobody.stderr.contains("no process works on run"), "{nobody:?}");
}

#[test]
fn a_run_that_goes_on_is_told_what_to_make_again() {
    let folder = Folder::with(&[("slow.toml", SLOW)]);
    let (mut child, mut events) = started(&folder);
    let first = until(&mut events, "item_finished").last().unwrap()["item"].as_str().unwrap().to_owned();
    let told = folder.run(&["retry", "slow", &first, "--json"]);
    assert_eq!((told.code, &told.json()["data"]["told"]), (0, &json!(true)));
    let rest = until(&mut events, "run_finished");
    let again = rest.iter().filter(|event| event["event"] == "item_finished" && event["item"] == first.as_str());
    assert_eq!(again.count(), 1);
    assert_eq!(rest.last().unwrap()["counts"], json!({ "done": 6 }));
    assert!(child.wait().unwrap().success());
}

/// What `made` leaves waits for a person, so the run has not ended.
const HELD: &str = r#"kind = "chain"
format = 1
name = "held"
version = "1.0.0"

[task.made]
type = "graph"
route = [{ if = "width > 0", to = "@hold" }]
[task.made.node.make.EmptyImage]
width = 9
height = 9
batch_size = 1
color = 7
[task.made.outputs]
image = "@make.IMAGE"
"#;

#[test]
fn room_is_made_and_nothing_goes_that_a_kept_run_needs() {
    let folder = Folder::with(&[("slow.toml", SLOW), ("held.toml", HELD)]);
    assert_eq!(folder.run(&["run", "held"]).code, 5);
    assert_eq!(folder.run(&["run", "slow"]).code, 0);
    // The second run has the same files under other names.
    assert_eq!(folder.run(&["run", "slow", "--new"]).code, 0);
    let files = || -> usize {
        let runs = std::fs::read_dir(folder.path("outputs/slow")).into_iter().flatten();
        runs.map(|run| std::fs::read_dir(run.unwrap().path().join("make")).map_or(0, Iterator::count)).sum()
    };
    assert_eq!(files(), 12);
    let unsaid = folder.run(&["gc"]);
    assert!(unsaid.code == 2 && unsaid.stderr.contains("--older-than"), "{unsaid:?}");
    for wrong in [["--older-than", "old"], ["--max-size", "big"]] {
        assert_eq!(folder.run(&["gc", wrong[0], wrong[1]]).code, 2);
    }

    let dry = folder.run(&["gc", "--older-than", "0s", "--dry-run", "--json"]).json();
    let data = &dry["data"];
    assert_eq!((data["runs"].as_array().map(Vec::len), files()), (Some(2), 12), "{data:#}");
    assert_eq!(data["kept"][0]["reason"], "it has not ended: it is held");
    let bytes = data["bytes_before"].as_u64().unwrap();
    let freed = data["bytes_freed"].as_u64().unwrap();
    assert!(freed > 0 && freed < bytes, "{data:#}");
    // The files of the first run are those of the second one, too.
    assert_eq!((&data["runs"][0]["bytes"], &data["runs"][1]["bytes"]), (&json!(0), &json!(freed)));

    // So little has to go that the oldest run does, and that frees nothing; the next one follows.
    let most = (bytes - 1).to_string();
    let sized = folder.run(&["gc", "--max-size", &most, "--json"]).json();
    assert_eq!(sized["data"]["runs"].as_array().map(Vec::len), Some(2), "{sized:#}");
    assert_eq!(files(), 0);
    let shown = folder.run(&["show", "held", "--json"]).json();
    let kept = shown["data"]["items_list"][0]["files"][0]["path"].as_str().unwrap().to_owned();
    assert!(folder.path(&kept).is_file());

    // What is gone is remembered, not taken for there, and made again by whoever wants it.
    let runs = folder.run(&["runs", "--json"]).json();
    assert!(runs["data"]["runs"][0]["collected_ns"].is_u64(), "{runs:#}");
    let again = folder.run(&["run", "slow", "--json"]).json();
    assert_eq!(again["data"]["counts"], json!({ "done": 6 }));
    assert_eq!(files(), 6);
    let nothing = folder.run(&["gc", "--older-than", "30d", "--json"]).json();
    assert_eq!((&nothing["data"]["runs"], files()), (&json!([]), 6));
}
