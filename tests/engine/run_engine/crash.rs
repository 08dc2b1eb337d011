//! Kills the process at random moments and starts it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use comfywright::run::{ItemState, RunEvent, RunState};

use super::world::World;

const CHILD: &str = "RUN_ENGINE_CRASH_CHILD";

const PLAN: &str = "plan parallel=4
    task load x=12
    task cutout x=12 needs=load
    rule cutout to=enhance if x < 4
    task enhance x=12
    task upscale x=12 needs=enhance|cutout
    task sheet needs=upscale gather=upscale";

fn world(root: &Path) -> World {
    let mut world = World::new(root, PLAN);
    world.delay = Duration::from_millis(2);
    world
}

/// The process that is killed: begins or continues the run and notes down what it was told is
/// finished. Does nothing when the tests run it.
#[test]
fn child_process() {
    let Ok(root) = std::env::var(CHILD) else { return };
    let root = Path::new(&root);
    let mut world = world(root);
    let notes = root.join("acknowledged.log");
    world.controls = Arc::new(move |event, _| {
        if let RunEvent::ItemFinished { item, state: ItemState::Done, .. } = event {
            let mut file = std::fs::File::options().create(true).append(true).open(&notes).unwrap();
            file.write_all(format!("{item}\n").as_bytes()).unwrap();
        }
    });
    let hash = world.scenario.plan.hash.to_string();
    match world.ledger.unfinished_run("test", &hash).unwrap() {
        Some(run) => world.resume(&run.id, &[]),
        None if world.ledger.runs(1).unwrap().is_empty() => world.run().1,
        None => return,
    };
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn start_child(root: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["run_engine::crash::child_process", "--exact", "--nocapture"])
        .env(CHILD, root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_that_finished_is_done_again_after_a_kill() {
    let undisturbed = tempfile::tempdir().unwrap();
    let calm = world(undisturbed.path());
    let (calm_id, outcome) = calm.run();
    assert_eq!(outcome.state, RunState::Complete);
    let root = tempfile::tempdir().unwrap();
    let mut redone = 0;
    for round in 0_u64.. {
        assert!(round < 200, "the run makes no progress");
        let finished: BTreeSet<String> = lines(&root.path().join("acknowledged.log")).into_iter().collect();
        let executed = lines(&root.path().join("executed.log")).len();
        let mut child = start_child(root.path());
        // Different moments, some before the run exists; later rounds live longer.
        std::thread::sleep(Duration::from_millis(5 + round * 37 % 61 + round));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines(&root.path().join("executed.log")).iter().skip(executed) {
            let item = line.split(' ').next().unwrap();
            assert!(!finished.contains(item), "{item} was finished and is done again");
        }
        let ledger = world(root.path()).ledger;
        redone += 1;
        if ledger.runs(1).unwrap().first().is_some_and(|run| run.state == RunState::Complete) {
            break;
        }
    }
    assert!(redone > 3, "the process was hardly ever killed");
    let disturbed = world(root.path());
    let run = disturbed.ledger.runs(9).unwrap();
    assert_eq!(run.len(), 1);
    assert_eq!(disturbed.files(&run[0].id), calm.files(&calm_id));
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in disturbed.executed() {
        let (item, id) = line.split_once(' ').unwrap();
        ids.entry(item.to_owned()).or_default().insert(id.to_owned());
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "an item is submitted again under the same id: {ids:?}");
}
