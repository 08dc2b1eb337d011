//! A run that somebody stops: once, so that what runs is finished; twice, so that it ends at once.
//! Either way the next run goes on. And `--open`, which shows the outputs.
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Six items, one after the other, of which each takes a while.
const CHAIN: &str = include_str!("../support/slow.toml");

fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    std::fs::write(folder.path().join("comfywright.toml"), "").unwrap();
    std::fs::write(folder.path().join("pipelines/slow.toml"), CHAIN).unwrap();
    folder
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the run and waits until an item has started.
fn started(folder: &Path) -> (Child, impl BufRead + use<>) {
    let mut child = program(folder, &["run", "slow", "--events"]).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"item_started\"") {
        line.clear();
        assert!(events.read_line(&mut line).unwrap() > 0, "the run ended before an item started");
    }
    (child, events)
}

/// What Ctrl-C sends.
fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

fn counts(folder: &Path) -> (String, u64) {
    let output = program(folder, &["status", "--json"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = answer["data"]["state"].as_str().unwrap().to_owned();
    (state, answer["data"]["counts"]["done"].as_u64().unwrap_or(0))
}

fn continues(folder: &Path) {
    let output = program(folder, &["run", "slow"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("continuing run"), "{said}");
    assert_eq!(counts(folder), ("complete".to_owned(), 6));
    assert_eq!(std::fs::read_dir(folder.join("outputs/slow")).unwrap().count(), 1, "one run in all");
}

#[test]
fn the_first_interrupt_finishes_what_runs() {
    let folder = workspace();
    let (mut child, mut events) = started(folder.path());
    interrupt(&child);
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("press Ctrl-C again to leave at once"), "{said}");
    let (state, done) = counts(folder.path());
    assert_eq!(state, "stopped");
    assert!((1..6).contains(&done), "what ran was finished, nothing else was begun: {done} are done");
    continues(folder.path());
}

#[test]
fn the_second_interrupt_leaves_at_once() {
    let folder = workspace();
    let (mut child, _events) = started(folder.path());
    let mut said = BufReader::new(child.stderr.take().unwrap());
    interrupt(&child);
    let mut line = String::new();
    while !line.contains("press Ctrl-C again") {
        assert!(said.read_line(&mut line).unwrap() > 0, "the run ended: {line}");
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The process has not said goodbye to the ledger, as after a crash.
    assert_eq!(counts(folder.path()).0, "running");
    continues(folder.path());
}

#[cfg(target_os = "linux")]
#[test]
fn open_shows_the_outputs() {
    let folder = workspace();
    let desktop = folder.path().join("desktop");
    std::fs::create_dir(&desktop).unwrap();
    let opener = desktop.join("xdg-open");
    std::fs::write(&opener, "#!/bin/sh\nprintf '%s' \"$1\" > \"$0.new\" && mv \"$0.new\" \"$0.asked\"\n").unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::join_paths(
        [desktop.clone()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let run = program(folder.path(), &["run", "slow", "--only", "make", "--open"]).env("PATH", path.unwrap()).output();
    assert!(run.unwrap().status.success());
    let end = Instant::now() + Duration::from_secs(30);
    while !desktop.join("xdg-open.asked").exists() {
        assert!(Instant::now() < end, "nothing was asked to show the outputs");
        std::thread::sleep(Duration::from_millis(20));
    }
    let shown = std::fs::read_to_string(desktop.join("xdg-open.asked")).unwrap();
    assert!(Path::new(&shown).join("make").is_dir(), "{shown} holds the outputs");
}
