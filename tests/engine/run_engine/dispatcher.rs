//! The dispatcher with a real ledger and real files.

use std::{sync::Arc, time::Duration};

use comfywright::{
    ledger::LedgerError,
    plan::ItemIx,
    run::{AttemptId, Control, Entry, Event, ItemState, Journal as _, RunEvent, RunState},
};
use serde_json::json;

use super::world::World;

const CATALOG: &str = "task load x=4
    task cutout x=4 needs=load
    rule cutout to=enhance if q < 0.8
    task enhance x=4
    task upscale x=4 needs=enhance|cutout
    task sheet needs=upscale gather=upscale
    when cutout[x=0] q=0.5
    when cutout[x=1] q=0.9
    when cutout[x=2] q=0.9
    when cutout[x=3] q=0.9";

fn world(text: &str) -> (tempfile::TempDir, World) {
    let root = tempfile::tempdir().unwrap();
    let world = World::new(root.path(), text);
    (root, world)
}

#[test]
fn a_run_leaves_files_rows_and_decisions() {
    let (_root, world) = world(CATALOG);
    let (id, outcome) = world.run();
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Done)), (RunState::Complete, 14));
    assert_eq!(world.files(&id).len(), 14);
    assert!(world.files(&id).contains_key("upscale/2.txt"));
    let run = world.ledger.run(&id[..20]).unwrap();
    assert_eq!((run.state, run.counts[&ItemState::Done], run.counts[&ItemState::Skipped]), (RunState::Complete, 14, 3));
    let items = world.ledger.items(&id).unwrap();
    assert_eq!(items.len(), 17);
    assert_eq!(items[9].reason.as_deref(), Some("not routed"));
    let (item, decisions) = world.ledger.item(&id, "cutout[x=0]").unwrap().unwrap();
    assert_eq!((item.state, item.executor.as_deref()), (ItemState::Done, Some("native")));
    assert_eq!(item.parts.keys().collect::<Vec<_>>(), ["inputs"]);
    assert_eq!(item.result.unwrap().files[0].path, format!("outputs/test/{id}/cutout/0.txt"));
    assert_eq!(decisions.len(), 1);
    let decision = &decisions[0].decision;
    assert_eq!((decision.target.as_str(), decision.rule, &decision.inputs["q"]), ("enhance", Some(0), &json!(0.5)));
    assert!(world.ledger.unfinished_run("test", &run.hash).unwrap().is_none());
    let history = world.ledger.history(&["cutout "], &[]).unwrap();
    assert_eq!(history.len(), 1, "how long items took is kept by their shape: {history:?}");
    assert!(
        history.iter().all(|(sort, seen)| sort.executor == "native" && (seen.count - 4.0).abs() < 1e-9),
        "{history:?}"
    );
}

/// A run of two items of which an earlier process submitted the first to `executor`, and the id of that.
fn submitted_before(world: &World, executor: &str) -> (String, uuid::Uuid) {
    let id = world.begin();
    let prompt_id = uuid::Uuid::new_v5(&id.parse().unwrap(), b"a[x=0]/1/1/0");
    let submitted = Event::Submitted {
        item: ItemIx(0),
        id: AttemptId { visits: 1, attempt: 1, epoch: 0 },
        prompt_id,
        fingerprint: String::new(),
        parts: std::collections::BTreeMap::new(),
        executor: executor.to_owned(),
    };
    let entry = |event| Entry::Event { time_ns: 1, address: "a[x=0]".to_owned(), event };
    let journal = world.ledger.journal(&id).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(journal.append(vec![entry(Event::Opened), entry(submitted)])).unwrap();
    (id, prompt_id)
}

#[test]
fn an_executor_is_told_what_an_earlier_process_meant_to_submit() {
    let (_root, world) = world("task a x=2");
    let (id, prompt_id) = submitted_before(&world, "native");
    let outcome = world.resume(&id, &[]);
    assert_eq!(outcome.counts.of(ItemState::Done), 2);
    assert_eq!(world.resumed(), [format!("a[x=0] {prompt_id}")]);
    assert_eq!(world.executed().len(), 2);
}

#[test]
fn what_is_with_a_server_that_is_not_used_any_more_moves() {
    let (_root, world) = world("task a x=2");
    let (id, _) = submitted_before(&world, "gone");
    let outcome = world.resume(&id, &[]);
    assert_eq!(outcome.counts.of(ItemState::Done), 2);
    assert_eq!((world.resumed().len(), world.executed().len()), (0, 2), "it has a new id");
}

#[test]
fn an_observer_is_told_in_order() {
    let (_root, world) = world("task a\nrule a to=@continue if q > 0.1\nwhen a q=1");
    world.run();
    let events = world.events.lock().unwrap();
    let names: Vec<String> =
        events.iter().map(|event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "item_progress").collect();
    assert_eq!(names, ["run_started", "item_started", "item_routed", "item_finished", "run_finished"]);
}

#[test]
fn a_second_run_reuses_everything_and_a_change_only_the_rest() {
    let (_root, mut world) = world(CATALOG);
    let (first, _) = world.run();
    let (second, outcome) = world.run();
    assert_eq!((outcome.counts.of(ItemState::Reused), world.executed().len()), (14, 14));
    assert_eq!(world.files(&first), world.files(&second));
    std::fs::write(world.root.join(format!("outputs/test/{first}/load/0.txt")), "altered").unwrap();
    let (_, outcome) = world.run();
    // The altered file is the same file in both runs; what was made of it is still good.
    assert_eq!((outcome.counts.of(ItemState::Reused), outcome.counts.of(ItemState::Done)), (13, 1));
    world.salt = "changed".to_owned();
    let (_, outcome) = world.run();
    assert_eq!(outcome.counts.of(ItemState::Done), 14);
}

#[test]
fn a_reused_item_is_touched_but_not_altered() {
    let (_root, world) = world("task a");
    let (first, _) = world.run();
    let path = world.root.join(format!("outputs/test/{first}/a/a.txt"));
    let content = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, content).unwrap();
    assert_eq!(world.run().1.counts.of(ItemState::Reused), 1);
}

#[test]
fn metrics_of_other_tasks_and_keys_are_variables() {
    let (_root, world) = world(
        "task a x=2
         task b x=2 needs=a
         rule b to=@skip if a.q > 0.5 && x < 5
         task c x=2 needs=b
         when a[x=0] q=0.9
         when a[x=1] q=0.1",
    );
    let (id, _) = world.run();
    let states: Vec<_> = world.ledger.items(&id).unwrap().into_iter().map(|item| item.state).collect();
    let (done, skipped) = (ItemState::Done, ItemState::Skipped);
    assert_eq!(states, [done, done, skipped, done, skipped, done]);
    let (_, decisions) = world.ledger.item(&id, "b[x=1]").unwrap().unwrap();
    assert_eq!(decisions[0].decision.inputs, [("a.q".to_owned(), json!(0.1)), ("x".to_owned(), json!(1))].into());
}

#[test]
fn stopping_finishes_what_runs_and_the_next_process_continues() {
    let (_root, mut world) = world("plan parallel=2\ntask a x=8\ntask b x=8 needs=a");
    world.controls = Arc::new(|event, controls| {
        if matches!(event, RunEvent::ItemFinished { item, .. } if item == "a[x=3]") {
            let _ = controls.send(Control::Stop);
        }
    });
    let (id, outcome) = world.run();
    let done = outcome.counts.of(ItemState::Done);
    assert!(outcome.state == RunState::Stopped && (1..16).contains(&done), "{outcome:?}");
    assert_eq!(world.executed().len(), done as usize);
    assert_eq!(world.ledger.unfinished_run("test", &world.scenario.plan.hash.to_string()).unwrap().unwrap().id, id);
    world.controls = Arc::new(|_, _| {});
    let outcome = world.resume(&id, &[]);
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Done)), (RunState::Complete, 16));
    assert_eq!(world.executed().len(), 16);
}

#[test]
fn a_missing_output_is_made_again_on_resume() {
    let (_root, world) = world("task a x=2\nrule a to=@hold if x > 0\ntask b x=2 needs=a");
    let (id, outcome) = world.run();
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Held)), (RunState::Held, 1));
    std::fs::remove_file(world.root.join(format!("outputs/test/{id}/a/0.txt"))).unwrap();
    let outcome = world.resume(&id, &[Control::Approve(world.scenario.item("a[x=1]"))]);
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Done)), (RunState::Complete, 4));
    let names: Vec<String> = world.executed().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names.iter().filter(|name| *name == "a[x=0]").count(), 2);
    assert_eq!(names.len(), 5);
    assert_eq!(world.files(&id).len(), 4);
}

#[test]
fn a_rejected_item_is_skipped() {
    let (_root, world) = world("task a\nrule a to=@hold\ntask b needs=a");
    let (id, _) = world.run();
    let outcome = world.resume(&id, &[Control::Reject(world.scenario.item("a"))]);
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Skipped)), (RunState::Complete, 2));
}

#[test]
fn faults_are_tried_again_and_then_told() {
    let (_root, world) =
        world("task a x=2 retry=1:transient:0..0\nwhen a[x=0] fail=transient ; q=1\nwhen a[x=1] fail=transient");
    let (id, outcome) = world.run();
    assert_eq!((outcome.counts.of(ItemState::Done), outcome.counts.of(ItemState::Failed)), (1, 1));
    let executed = world.executed();
    let ids: std::collections::BTreeSet<_> = executed.iter().collect();
    assert_eq!((executed.len(), ids.len()), (4, 4), "every submission has an id of its own");
    assert_eq!(world.ledger.items(&id).unwrap()[1].reason.as_deref(), Some("it broke"));
}

#[test]
fn a_panic_of_an_adapter_is_an_error_of_its_item() {
    // The executor writes no file for a fault that is routed on, and the preparer panics without it.
    let (_root, world) = world("task a\nrule a on=error to=b\ntask b\nwhen a fail=error");
    let (id, outcome) = world.run();
    assert_eq!(outcome.counts.of(ItemState::Failed), 2);
    let reason = world.ledger.items(&id).unwrap()[1].reason.clone().unwrap();
    assert!(reason.contains("internal error"), "{reason}");
}

#[test]
fn an_attempt_that_takes_too_long_is_an_error_of_its_own_class() {
    let (_root, mut world) = world("task a\nrule a on=timeout to=@skip");
    Arc::get_mut(&mut world.scenario.plan).unwrap().tasks[0].timeout = Some(Duration::from_millis(5));
    world.delay = Duration::from_mins(10);
    assert_eq!(world.run().1.counts.of(ItemState::Skipped), 1);
}

#[test]
fn loops_see_the_final_visit() {
    let (_root, world) = world(
        "task make max_visits=3
         task look needs=make
         rule look to=make if q < 0.5
         task after needs=make,look
         when look q=0 ; q=1",
    );
    let (id, outcome) = world.run();
    assert_eq!(outcome.counts.of(ItemState::Done), 3);
    let items = world.ledger.items(&id).unwrap();
    assert_eq!((items[0].visits, items[1].visits, items[2].visits), (2, 2, 1));
    assert!(world.events.lock().unwrap().iter().any(|event| matches!(event, RunEvent::ItemRepeated { .. })));
}

#[test]
fn two_processes_do_not_work_on_one_run() {
    let (_root, world) = world("task a");
    let (id, _) = world.run();
    let lock = world.ledger.lock_run(&id).unwrap();
    assert!(matches!(world.ledger.lock_run(&id), Err(LedgerError::Locked { .. })));
    drop(lock);
    world.ledger.lock_run(&id).unwrap();
}
