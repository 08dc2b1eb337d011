//! The samples of a test: which of them are let go, what the race of its variations makes of their scores, and which
//! are not needed any more.
//!
//! Samples of the blocks up to the next look are let go together: whatever they say, all of them are looked at, so
//! that servers are busy and nothing is made in vain. A block is taken when all of its samples are final; blocks are
//! taken in their order. What a block said then is not changed by anything that is made again later.

use std::collections::BTreeMap;

use super::{
    event::{Command, TrialBlock, TrialLook},
    planner::Planner,
    state::{ItemState, Reason},
};
use crate::{
    plan::{ItemIx, Trial},
    stats::{Outcome, Race, ScoreScale},
};

/// Where the samples of a test stand.
#[derive(Debug)]
pub(super) struct Samples {
    metric: String,
    asks_people: bool,
    scale: ScoreScale,
    /// For each block, the item of each variation.
    blocks: Vec<Vec<u32>>,
    /// For each item, its block.
    block_of: Vec<Option<u32>>,
    /// For each item, the value of its metric.
    values: Vec<Option<f64>>,
    race: Race,
    /// How many blocks were let go.
    released: u32,
}

impl Samples {
    /// The samples of `trial` among `items` items, before the first one.
    pub(super) fn new(trial: &Trial, items: usize) -> Self {
        let blocks: Vec<Vec<u32>> =
            trial.blocks.iter().map(|block| block.iter().map(|item| item.0).collect()).collect();
        let mut block_of = vec![None; items];
        for (number, block) in blocks.iter().enumerate() {
            block.iter().for_each(|item| block_of[*item as usize] = Some(number as u32));
        }
        let race = Race::new(&trial.rules);
        let mut samples = Self {
            metric: trial.metric.clone(),
            asks_people: trial.asks_people,
            scale: trial.scale,
            values: vec![None; items],
            released: 0,
            blocks,
            block_of,
            race,
        };
        samples.release();
        samples
    }

    /// Keeps what was measured of `item`. A value that gives no score counts as a sample that failed.
    pub(super) fn measured(&mut self, item: u32, metrics: &BTreeMap<String, f64>) {
        let value = metrics.get(&self.metric).copied();
        self.values[item as usize] = value.filter(|value| self.scale.score(*value).is_some());
    }

    fn is_asked_about(&self, item: u32) -> bool {
        self.asks_people && self.block_of[item as usize].is_some()
    }

    fn is_held_back(&self, item: u32) -> bool {
        self.block_of[item as usize].is_some_and(|block| block >= self.released)
    }

    /// The samples of the next block, of the variations that are in.
    fn next_block(&self) -> Option<Vec<(usize, u32)>> {
        let block = self.blocks.get(self.race.block() as usize)?;
        let survivors = self.race.survivors();
        (!survivors.is_empty()).then(|| survivors.into_iter().map(|place| (place, block[place])).collect())
    }

    /// Lets the blocks go that come before the next look. Their samples of the variations that are in.
    fn release(&mut self) -> Vec<u32> {
        let next = self.race.next_look().unwrap_or(0).min(self.blocks.len() as u32).max(self.released);
        let (first, survivors) = (self.released, self.race.survivors());
        self.released = next;
        let blocks = &self.blocks[first as usize..next as usize];
        blocks.iter().flat_map(|block| survivors.iter().map(|place| block[*place])).collect()
    }

    /// The samples that the race does not need any more: of the variations that were dropped, or all.
    fn withdrawn(&self, dropped: &[usize]) -> Vec<u32> {
        let later = self.blocks.iter().skip(self.race.block() as usize);
        if self.race.next_look().is_none() {
            return later.flatten().copied().collect();
        }
        later.flat_map(|block| dropped.iter().map(|place| block[*place])).collect()
    }
}

impl Planner {
    /// Whether `item` is a sample that the race has not asked for.
    pub(super) fn is_held_back(&self, item: u32) -> bool {
        self.samples.as_ref().is_some_and(|samples| samples.is_held_back(item))
    }

    /// Lets a sample that is made wait for what people say of it, where they are asked. Whether it does.
    pub(super) fn wait_for_people(&mut self, item: u32) -> bool {
        let waits = self.samples.as_ref().is_some_and(|samples| samples.is_asked_about(item));
        if waits {
            self.change(item, ItemState::Held, Reason::NotJudged, None);
        }
        waits
    }

    /// Takes what people say of a sample that waits for it.
    pub(super) fn judged(&mut self, item: u32, value: f64) {
        let is_waiting = self.items.get(item as usize).is_some_and(|r| r.state == ItemState::Held && r.has_result);
        let Some(samples) = self.samples.as_mut().filter(|samples| is_waiting && samples.is_asked_about(item)) else {
            return;
        };
        samples.values[item as usize] = Some(value).filter(|value| samples.scale.score(*value).is_some());
        self.finish(item, Reason::None);
    }

    /// The samples that wait for what people say of them, by block: of blocks of which nothing is under way.
    pub fn asked_about(&self) -> Vec<Vec<ItemIx>> {
        let Some(samples) = self.samples.as_ref().filter(|samples| samples.asks_people) else { return Vec::new() };
        let survivors = samples.race.survivors();
        let released = &samples.blocks[samples.race.block() as usize..samples.released as usize];
        let of_block = |block: &Vec<u32>| {
            let items: Vec<u32> = survivors.iter().map(|place| block[*place]).collect();
            let state = |item: &u32| self.items[*item as usize].state;
            let is_made = items.iter().all(|item| state(item).is_final() || state(item) == ItemState::Held);
            let held = items.iter().filter(|item| is_made && state(item) == ItemState::Held);
            held.map(|item| ItemIx(*item)).collect::<Vec<_>>()
        };
        released.iter().map(of_block).filter(|block| !block.is_empty()).collect()
    }

    /// Takes the blocks that are complete, in order, and does what follows from them.
    pub(super) fn race(&mut self) {
        let Some(mut samples) = self.samples.take() else { return };
        let mut released = Vec::new();
        while let Some(values) = self.complete_block(&samples) {
            let looks = samples.race.looks();
            if samples.race.push(&samples.scale.scores(&values)).is_err() {
                // Scores are looked at when they come.
                break;
            }
            let (block, outcome) = (samples.race.block(), samples.race.outcome());
            let dropped = samples.race.dropped_at(block);
            let reason = if outcome == Outcome::Running { Reason::Dropped(block) } else { Reason::Decided(block) };
            for item in samples.withdrawn(&dropped) {
                self.withdraw(item, reason);
            }
            released.extend(samples.release());
            let is_look = samples.race.looks() > looks;
            let look = TrialLook { look: samples.race.looks(), outcome, leader: samples.race.leader(), dropped };
            self.commands.push(Command::Took(TrialBlock { block, values, look: is_look.then_some(look) }));
        }
        self.samples = Some(samples);
        for item in released {
            let record = &self.items[item as usize];
            if record.state == ItemState::Waiting && record.pending == 0 {
                self.decide_needs(item);
            }
        }
        self.settle_all();
    }

    /// The values of the next block, when all of its samples are final.
    fn complete_block(&self, samples: &Samples) -> Option<Vec<Option<f64>>> {
        let block = samples.next_block()?;
        let is_taken = |state: ItemState| state.is_final() && state != ItemState::Cancelled;
        if !block.iter().all(|(_, item)| is_taken(self.items[*item as usize].state)) {
            return None;
        }
        let mut values = vec![None; samples.blocks[0].len()];
        for (place, item) in block {
            let is_finished = self.items[item as usize].state.is_finished();
            values[place] = samples.values[item as usize].filter(|_| is_finished);
        }
        Some(values)
    }

    /// Skips a sample that is not needed, whatever is under way.
    fn withdraw(&mut self, item: u32, reason: Reason) {
        if !self.items[item as usize].state.is_final() {
            self.abort(item);
            self.change(item, ItemState::Skipped, reason, None);
        }
    }
}
