//! The program is killed again and again, at random times and at every point where something leaves it, in
//! this process and on servers that are disturbed as well. Whatever happens, nothing that was told to be
//! finished is lost or made again, nothing is submitted twice, and the files are those of a run that nobody
//! disturbed.
//!
//! `COMFYWRIGHT_CRASH_POINTS` says how many kills (100), `COMFYWRIGHT_CRASH_SEED` which sequence,
//! `COMFYWRIGHT_CRASH_REPORT` where the table goes that `docs/crash.md` shows.
#![cfg(unix)]

mod disk;
mod round;
#[path = "../servers/scripted/server.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod scripted;
mod second;
mod shop;
mod table;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use round::{Calm, Place, Round};
use shop::Disturbance;
use table::Table;

/// Rounds that go on side by side: they mostly wait.
const SIDE_BY_SIDE: usize = 4;

/// A small generator of random numbers, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..4).for_each(|_| _ = random.next());
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end.max(1)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty());
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Where each round happens: a third in the process alone, the rest on servers.
fn places() -> Vec<Place> {
    let servers = Disturbance::ALL.map(Place::Server);
    let places = servers.chunks(2).flat_map(|two| [Some(two[0]), Some(Place::Native), two.get(1).copied()]);
    places.flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn nothing_is_lost_and_nothing_is_done_twice() {
    let (kills, seed) = (number("COMFYWRIGHT_CRASH_POINTS", 100) as usize, number("COMFYWRIGHT_CRASH_SEED", 1));
    println!("{kills} kills, seed {seed}");
    let calm = Arc::new(Calm::measure().await);
    let (left, next) = (Arc::new(AtomicUsize::new(kills)), Arc::new(AtomicUsize::new(0)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..SIDE_BY_SIDE {
        let (calm, left, next) = (calm.clone(), left.clone(), next.clone());
        workers.spawn(async move {
            let (places, mut table) = (places(), Table::default());
            while left.load(Ordering::Relaxed) > 0 {
                let round = next.fetch_add(1, Ordering::Relaxed);
                let place = places[round % places.len()];
                let round = Round::new(round, place, Random::new(seed, round as u64), calm.clone());
                table.add(round.until_complete(&left).await);
            }
            table
        });
    }
    let mut table = Table::default();
    while let Some(done) = workers.join_next().await {
        table.add(done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
    }
    let text = table.text(seed);
    println!("{text}");
    if let Ok(path) = std::env::var("COMFYWRIGHT_CRASH_REPORT") {
        std::fs::write(path, text).unwrap();
    }
    assert!(table.kills() >= kills);
}

/// Numbers by name.
pub(crate) type Counts = BTreeMap<String, usize>;
