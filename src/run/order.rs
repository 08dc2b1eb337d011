//! In which order ready items start, and how many at a time.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    model::Mode,
    plan::{Placement, Plan, Target},
};

/// How many items may run at the same time where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// In this process.
    pub native: u32,
    /// On all servers together.
    pub comfy: u32,
}

/// The ready items, best first, and the free slots.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Rank of each task; lower starts earlier.
    ranks: Vec<u32>,
    /// Pool of each task.
    pools: Vec<u8>,
    /// Rank and number of ready items by pool; may hold items that are not ready any more.
    heaps: [BinaryHeap<Reverse<(u32, u32)>>; 2],
    free: [u32; 2],
    parallel: u32,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(plan: &Plan, estimates: &[f64], slots: Slots) -> Self {
        let pool = |placement: &Placement| u8::from(matches!(placement, Placement::Comfy(_)));
        Self {
            ranks: ranks(plan, estimates),
            pools: plan.tasks.iter().map(|task| pool(&task.placement)).collect(),
            heaps: [BinaryHeap::new(), BinaryHeap::new()],
            free: [slots.native.max(1), slots.comfy.max(1)],
            parallel: plan.parallel.unwrap_or(u32::MAX),
        }
    }

    /// Adds an item of `task` that became ready.
    pub(crate) fn push(&mut self, task: usize, item: u32) {
        self.heaps[usize::from(self.pools[task])].push(Reverse((self.ranks[task], item)));
    }

    /// Forgets all ready items.
    pub(crate) fn clear(&mut self) {
        self.heaps.iter_mut().for_each(BinaryHeap::clear);
    }

    /// Takes a slot for an item of `task`.
    pub(crate) fn take_slot(&mut self, task: usize) {
        let free = &mut self.free[usize::from(self.pools[task])];
        *free = free.saturating_sub(1);
        self.parallel = self.parallel.saturating_sub(1);
    }

    /// Gives the slot of an item of `task` back.
    pub(crate) fn free_slot(&mut self, task: usize) {
        self.free[usize::from(self.pools[task])] += 1;
        self.parallel = self.parallel.saturating_add(1);
    }

    /// The best item for which there is a free slot; `is_ready` says which are still ready.
    pub(crate) fn pop(&mut self, is_ready: impl Fn(u32) -> bool) -> Option<u32> {
        if self.parallel == 0 {
            return None;
        }
        let mut best: Option<((u32, u32), usize)> = None;
        for (pool, heap) in self.heaps.iter_mut().enumerate() {
            while heap.peek().is_some_and(|Reverse((_, item))| !is_ready(*item)) {
                heap.pop();
            }
            if let Some(Reverse(top)) = heap.peek()
                && self.free[pool] > 0
                && best.is_none_or(|(other, _)| *top < other)
            {
                best = Some((*top, pool));
            }
        }
        best.map(|((_, item), pool)| {
            self.heaps[pool].pop();
            item
        })
    }
}

/// The rank of each task: by priority, then as the mode says, then as written.
fn ranks(plan: &Plan, estimates: &[f64]) -> Vec<u32> {
    let remaining = match plan.mode {
        Mode::Fifo => vec![0.0; plan.tasks.len()],
        Mode::CriticalPath | Mode::Smart => remaining_paths(plan, estimates),
    };
    let mut order: Vec<usize> = (0..plan.tasks.len()).collect();
    order.sort_by(|a, b| {
        let by_priority = plan.tasks[*b].priority.cmp(&plan.tasks[*a].priority);
        by_priority.then(remaining[*b].total_cmp(&remaining[*a])).then(a.cmp(b))
    });
    let mut ranks = vec![0; order.len()];
    for (rank, task) in order.into_iter().enumerate() {
        ranks[task] = rank as u32;
    }
    ranks
}

/// For each task the seconds from its start to the end of the longest path below it.
fn remaining_paths(plan: &Plan, estimates: &[f64]) -> Vec<f64> {
    let mut below = vec![0.0_f64; plan.tasks.len()];
    let mut remaining = vec![0.0_f64; plan.tasks.len()];
    for task in (0..plan.tasks.len()).rev() {
        let routes = plan.tasks[task].rules.iter().filter_map(|rule| match rule.target {
            Target::Task(target, false) => Some(remaining[target.0 as usize]),
            _ => None,
        });
        remaining[task] = estimates.get(task).copied().unwrap_or(1.0) + routes.fold(below[task], f64::max);
        for parent in plan.tasks[task].depends_on.iter().flat_map(|entry| &entry.alternatives) {
            let parent = parent.0 as usize;
            below[parent] = below[parent].max(remaining[task]);
        }
    }
    remaining
}
