//! What a server has in store, as far as the planner knows: it only knows what it sent there.

use std::collections::VecDeque;

use super::super::{capabilities::Keeps, estimate::Estimates, kind::Kinds};

/// How many sets of models are remembered.
const RECENT: usize = 8;

/// What a server has loaded and cached once everything that was sent to it has run.
#[derive(Clone, Debug, Default)]
pub(super) struct Belief {
    keeps: Keeps,
    /// The models, the one that was used last at the end.
    models: Vec<u32>,
    /// Prefixes of the last items.
    prefixes: VecDeque<u32>,
    /// Sets of models that ran lately, the last one at the end.
    recent: VecDeque<u32>,
}

impl Belief {
    pub(super) fn new(keeps: Keeps) -> Self {
        Self { keeps, ..Self::default() }
    }

    /// Forgets everything: the server has restarted.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.keeps);
    }

    /// An item with these models and this prefix runs.
    pub(super) fn run(&mut self, kinds: &Kinds, set: u32, prefix: u32) {
        let wanted = kinds.set(set);
        match self.keeps.memory {
            None => self.models = wanted.to_vec(),
            Some(memory) => {
                self.models.retain(|model| !wanted.contains(model));
                self.models.extend(wanted);
                let bytes = |model: &u32| kinds.model(*model).bytes;
                let mut used: u64 = self.models.iter().map(bytes).sum();
                while used > memory && self.models.len() > wanted.len() {
                    used -= bytes(&self.models.remove(0));
                }
            }
        }
        if self.keeps.prompts == 0 {
            // Nothing is kept, not even what was just used.
            self.models.clear();
        }
        self.prefixes.push_back(prefix);
        while self.prefixes.len() > self.keeps.prompts as usize {
            self.prefixes.pop_front();
        }
        self.recent.retain(|other| *other != set);
        self.recent.push_back(set);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Whether it has all models of a set.
    pub(super) fn has(&self, kinds: &Kinds, set: u32) -> bool {
        kinds.set(set).iter().all(|model| self.models.contains(model))
    }

    /// Seconds that it takes to load what is missing of a set.
    pub(super) fn load(&self, kinds: &Kinds, estimates: &Estimates, set: u32) -> f64 {
        let wanted = kinds.set(set);
        let weight = |model: &&u32| kinds.model(**model).load;
        let missing: f64 = wanted.iter().filter(|model| !self.models.contains(model)).map(|m| weight(&m)).sum();
        if missing <= 0.0 {
            return 0.0;
        }
        let all: f64 = wanted.iter().map(|m| weight(&m)).sum();
        estimates.load(set) * missing / all
    }

    /// Whether it has the results of a prefix.
    pub(super) fn has_prefix(&self, prefix: u32) -> bool {
        self.prefixes.contains(&prefix)
    }

    /// Prefixes of which it has the results.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = u32> {
        self.prefixes.iter().copied()
    }

    /// The set of models that ran last.
    pub(super) fn last(&self) -> Option<u32> {
        self.recent.back().copied()
    }

    /// Whether all models of `set` stay when those of `other` run.
    pub(super) fn stays(&self, kinds: &Kinds, set: u32, other: u32) -> bool {
        let mut after = self.clone();
        after.run(kinds, other, u32::MAX);
        after.has(kinds, set)
    }

    /// Sets of models that ran lately.
    pub(super) fn recent(&mut self) -> &[u32] {
        self.recent.make_contiguous()
    }
}
