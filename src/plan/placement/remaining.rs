//! How much work is left: for the servers, in all and by sets of models, and for this process.

use super::super::{
    estimate::Estimates,
    kind::{Kind, Kinds},
};

/// Work that has not been done yet, in seconds of an average server.
#[derive(Debug, Default)]
pub(super) struct Remaining {
    /// Whether an item counts.
    counted: Vec<bool>,
    /// Items by shape.
    items: Vec<u32>,
    /// Estimated seconds of an item by shape.
    seconds: Vec<f64>,
    total: f64,
    native: f64,
    by_set: Vec<f64>,
}

impl Remaining {
    pub(super) fn new(kinds: &Kinds, items: usize) -> Self {
        Self {
            counted: vec![false; items],
            items: vec![0; kinds.shape_count()],
            seconds: vec![0.0; kinds.shape_count()],
            total: 0.0,
            native: 0.0,
            by_set: vec![0.0; kinds.set_count()],
        }
    }

    /// Counts an item, or does not count it any more.
    pub(super) fn count(&mut self, item: u32, kind: Kind, on_server: bool, counts: bool) {
        let Some(counted) = self.counted.get_mut(item as usize) else { return };
        if std::mem::replace(counted, counts) == counts {
            return;
        }
        let shape = kind.shape as usize;
        let seconds = if counts { self.seconds[shape] } else { -self.seconds[shape] };
        self.items[shape] = if counts { self.items[shape] + 1 } else { self.items[shape].saturating_sub(1) };
        self.add(kind.models, on_server, seconds);
    }

    /// Takes note of a new estimate for a shape.
    pub(super) fn estimate(&mut self, kind: Kind, on_server: bool, estimates: &Estimates) {
        let shape = kind.shape as usize;
        let seconds = estimates.usual(kind, on_server);
        let before = std::mem::replace(&mut self.seconds[shape], seconds);
        self.add(kind.models, on_server, (seconds - before) * f64::from(self.items[shape]));
    }

    fn add(&mut self, set: u32, on_server: bool, seconds: f64) {
        if !on_server {
            self.native = (self.native + seconds).max(0.0);
            return;
        }
        self.total = (self.total + seconds).max(0.0);
        let of_set = &mut self.by_set[set as usize];
        *of_set = (*of_set + seconds).max(0.0);
    }

    /// In this process.
    pub(super) fn native(&self) -> f64 {
        self.native
    }

    /// All that servers have to do.
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// That of items with these models.
    pub(super) fn of_set(&self, set: u32) -> f64 {
        self.by_set[set as usize]
    }
}
