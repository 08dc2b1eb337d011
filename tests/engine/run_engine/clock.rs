//! A clock that jumps: nothing that is decided or measured depends on it.

use std::{collections::BTreeMap, sync::Arc};

use comfywright::{
    plan::Observed,
    run::{Control, ItemState, RunEvent, RunState},
};

use super::world::{JumpingClock, World};

const PLAN: &str = "plan parallel=2
    task load x=6
    task cut x=6 needs=load retry=2:transient:1..1
    when cut[x=1] fail=transient ; q=1
    task sheet needs=cut gather=cut";

#[test]
fn a_clock_that_jumps_changes_nothing_but_times_for_people() {
    let (calm_folder, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let calm = World::new(calm_folder.path(), PLAN);
    let (calm_id, expected) = calm.run();
    let mut world = World::new(folder.path(), PLAN);
    world.clock = Arc::new(JumpingClock::default());
    // Stopped in the middle, and gone on with.
    world.controls = Arc::new(|event, controls| {
        if matches!(event, RunEvent::ItemFinished { .. }) {
            controls.send(Control::Stop).unwrap();
        }
    });
    let id = world.begin();
    assert_eq!(world.resume(&id, &[]).state, RunState::Stopped);
    world.controls = Arc::new(|_, _| {});
    let outcome = world.resume(&id, &[]);
    assert_eq!((outcome.state, outcome.counts), (expected.state, expected.counts));
    assert_eq!(outcome.counts.of(ItemState::Done), 13);
    assert_eq!(world.files(&id), calm.files(&calm_id));

    let items = world.ledger.items(&id).unwrap();
    let seconds =
        |name: &str| items.iter().find(|i| i.address == name).unwrap().result.clone().unwrap().metrics["seconds"];
    for item in &items {
        assert!((0.0..60.0).contains(&seconds(&item.address)), "{}: {} s", item.address, seconds(&item.address));
    }
    // Readers put up with it.
    assert_eq!(world.ledger.course(&id).unwrap().tries.len(), 14);
    let mut observed = Observed::default();
    items.iter().for_each(|item| observed.add(seconds(&item.address)));
    assert!(observed.seconds() < 60.0);
    let known: BTreeMap<_, _> = world.ledger.mean_seconds("test").unwrap();
    assert!(known.values().all(|seconds| (0.0..60.0).contains(seconds)), "{known:?}");
}
