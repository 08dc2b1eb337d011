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
    plan::Trial,
    stats::{Outcome, Race},
};

/// Where the samples of a test stand.
#[derive(Debug)]
pub(super) struct Samples {
    metric: String,
    /// For each block, the item of each variation.
    blocks: Vec<Vec<u32>>,
    /// For each item, its block.
    block_of: Vec<Option<u32>>,
    /// For each item, its score.
    scores: Vec<Option<f64>>,
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
        let mut samples =
            Self { metric: trial.metric.clone(), blocks, block_of, scores: vec![None; items], race, released: 0 };
        samples.release();
        samples
    }

    /// Keeps the score of `item`. One that is none counts as a sample that failed.
    pub(super) fn score(&mut self, item: u32, metrics: &BTreeMap<String, f64>) {
        let score = metrics.get(&self.metric).copied().filter(|score| (0.0..=1.0).contains(score));
        self.scores[item as usize] = score;
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

    /// Takes the blocks that are complete, in order, and does what follows from them.
    pub(super) fn race(&mut self) {
        let Some(mut samples) = self.samples.take() else { return };
        let mut released = Vec::new();
        while let Some(scores) = self.complete_block(&samples) {
            let looks = samples.race.looks();
            if samples.race.push(&scores).is_err() {
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
            self.commands.push(Command::Took(TrialBlock { block, scores, look: is_look.then_some(look) }));
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

    /// The scores of the next block, when all of its samples are final.
    fn complete_block(&self, samples: &Samples) -> Option<Vec<Option<f64>>> {
        let block = samples.next_block()?;
        let is_taken = |state: ItemState| state.is_final() && state != ItemState::Cancelled;
        if !block.iter().all(|(_, item)| is_taken(self.items[*item as usize].state)) {
            return None;
        }
        let mut scores = vec![None; samples.blocks[0].len()];
        for (place, item) in block {
            let is_finished = self.items[item as usize].state.is_finished();
            scores[place] = samples.scores[item as usize].filter(|_| is_finished);
        }
        Some(scores)
    }

    /// Skips a sample that is not needed, whatever is under way.
    fn withdraw(&mut self, item: u32, reason: Reason) {
        if !self.items[item as usize].state.is_final() {
            self.abort(item);
            self.change(item, ItemState::Skipped, reason, None);
        }
    }
}
