//! The longest way through the items of a plan, how much time every item has to spare, and what
//! bounds the whole from below.
//!
//! Pure arithmetic over columns: linear in items and edges. Where seconds come from is not its
//! matter.

use super::model::{ItemIx, Plan, TaskIx};
use crate::compile::Program;

/// What each item waits for. Parents have smaller numbers than their children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    first: Vec<u32>,
    parents: Vec<u32>,
}

impl Waits {
    /// Of a plan: an item waits for its dependencies, and one that runs only when routed to also for
    /// the items that may send it there. Routes back are left out.
    pub fn of(plan: &Plan, program: &Program) -> Self {
        let mut routers = RouterItems::new(plan, program);
        Self::from_rows((0..plan.items.len() as u32).map(|item| {
            let task = plan.items.task[item as usize];
            let entries = &plan.tasks[task.0 as usize].depends_on;
            let groups = entries.iter().map(|entry| entry.alternatives.len()).sum();
            let mut row: Vec<u32> =
                (0..groups).flat_map(|group| plan.items.parents(ItemIx(item), group)).map(|p| p.0).collect();
            row.extend(routers.of(item, task));
            row
        }))
    }

    /// From the parents of each item in order. A parent that does not stand before its child is
    /// left out.
    pub fn from_rows(rows: impl Iterator<Item = Vec<u32>>) -> Self {
        let mut waits = Self { first: vec![0], parents: Vec::new() };
        for (child, row) in rows.enumerate() {
            waits.parents.extend(row.into_iter().filter(|parent| (*parent as usize) < child));
            waits.first.push(waits.parents.len() as u32);
        }
        waits
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.first.len().saturating_sub(1)
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What `item` waits for.
    pub fn of_item(&self, item: usize) -> &[u32] {
        &self.parents[self.first[item] as usize..self.first[item + 1] as usize]
    }
}

/// The items that may route to an item: those that agree with it in the keys of both.
struct RouterItems<'a> {
    plan: &'a Plan,
    program: &'a Program,
    task: Option<TaskIx>,
    lookups: Vec<(u32, Vec<usize>, crate::compile::Parents)>,
}

impl<'a> RouterItems<'a> {
    fn new(plan: &'a Plan, program: &'a Program) -> Self {
        Self { plan, program, task: None, lookups: Vec::new() }
    }

    /// Items are asked for in order, so that a task is prepared for once.
    fn of(&mut self, item: u32, task: TaskIx) -> Vec<u32> {
        let own = &self.plan.tasks[task.0 as usize];
        if !own.conditional {
            return Vec::new();
        }
        let number = self.program.structure.order[task.0 as usize];
        if self.task.replace(task) != Some(task) {
            let forward = own.routed_from.iter().filter(|router| router.0 < task.0);
            let prepare = |router: &TaskIx| {
                let (columns, rows) =
                    self.program.expansion.parents(number, self.program.structure.order[router.0 as usize]);
                (self.plan.tasks[router.0 as usize].items.start, columns, rows)
            };
            self.lookups = forward.map(prepare).collect();
        }
        let row = self.program.expansion.items[number].row((item - own.items.start) as usize);
        let mut found = Vec::new();
        for (base, columns, rows) in &self.lookups {
            let key: Vec<_> = columns.iter().map(|column| row[*column]).collect();
            found.extend(rows.get(key.as_slice()).into_iter().flatten().map(|r| base + r));
        }
        found
    }
}

/// What the longest way through a plan is, with as many executors as anybody could want.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CriticalPath {
    /// Its length in seconds.
    pub seconds: f64,
    /// The items on it, first to last. Of several such ways one.
    pub items: Vec<ItemIx>,
    /// For each item the earliest start in seconds from the beginning.
    pub start: Vec<f64>,
    /// For each item the seconds by which it may be late without making the whole longer; 0 on
    /// every longest way.
    pub slack: Vec<f64>,
}

/// Finds the longest way by a forward and a backward pass. `seconds` has the duration of each item,
/// not negative.
///
/// # Panics
/// When there are fewer durations than items.
pub fn critical_path(waits: &Waits, seconds: &[f64]) -> CriticalPath {
    let start = earliest_starts(waits, seconds);
    let finish = |item: usize| start[item] + seconds[item];
    let length = (0..waits.len()).map(finish).fold(0.0, f64::max);
    let mut latest_finish = vec![length; waits.len()];
    for item in (0..waits.len()).rev() {
        let latest_start = latest_finish[item] - seconds[item];
        for parent in waits.of_item(item) {
            let of_parent = &mut latest_finish[*parent as usize];
            *of_parent = of_parent.min(latest_start);
        }
    }
    let spare = |item: usize| latest_finish[item] - finish(item);
    // What rounding leaves is no slack.
    let slack = (0..waits.len()).map(spare).map(|s| if s <= length * 1e-12 { 0.0 } else { s }).collect();
    CriticalPath { seconds: length, items: longest_way(waits, &start, seconds, length), start, slack }
}

fn earliest_starts(waits: &Waits, seconds: &[f64]) -> Vec<f64> {
    let mut start = vec![0.0_f64; waits.len()];
    for item in 0..waits.len() {
        let finishes = waits.of_item(item).iter().map(|p| start[*p as usize] + seconds[*p as usize]);
        start[item] = finishes.fold(0.0, f64::max);
    }
    start
}

/// Back from the last finish, each time to the parent that finished last.
fn longest_way(waits: &Waits, start: &[f64], seconds: &[f64], length: f64) -> Vec<ItemIx> {
    let finish = |item: usize| start[item] + seconds[item];
    let Some(mut at) = (0..waits.len()).find(|item| finish(*item) >= length) else { return Vec::new() };
    let mut way = vec![ItemIx(at as u32)];
    let last_parent = |item: usize| {
        let parents = waits.of_item(item).iter().map(|parent| *parent as usize);
        // Of equals the one that takes longer, then the first.
        let is_later = |other: usize, best: usize| {
            finish(other).total_cmp(&finish(best)).then(seconds[other].total_cmp(&seconds[best])).is_gt()
        };
        parents.reduce(|best, other| if is_later(other, best) { other } else { best })
    };
    while let Some(parent) = last_parent(at) {
        way.push(ItemIx(parent as u32));
        at = parent;
    }
    way.reverse();
    way
}

/// Executors that share their work.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// For people: `in-process`, `server local`.
    pub name: String,
    /// Seconds of work that only they do.
    pub work: f64,
    /// How many items they do at the same time; at least 1.
    pub slots: u32,
}

impl Pool {
    /// Seconds that the work takes when every slot is always busy.
    pub fn seconds(&self) -> f64 {
        self.work / f64::from(self.slots.max(1))
    }
}

/// What a run cannot be quicker than.
#[derive(Clone, Debug, PartialEq)]
pub struct LowerBound {
    /// Seconds: the larger of the two terms.
    pub seconds: f64,
    /// The longest way.
    pub path: f64,
    /// The busiest pool, when there is one.
    pub capacity: Option<Pool>,
    /// Which term is larger.
    pub bottleneck: Bottleneck,
}

/// What more of would make a run quicker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// Nothing but quicker items on the longest way.
    Path,
    /// More executors.
    Capacity,
}

/// The lower bound by the longest way and by the work of each of `pools`.
pub fn lower_bound(path: f64, pools: &[Pool]) -> LowerBound {
    let busiest = pools.iter().reduce(|best, pool| if pool.seconds() > best.seconds() { pool } else { best });
    let capacity = busiest.map_or(0.0, Pool::seconds);
    let bottleneck = if capacity > path { Bottleneck::Capacity } else { Bottleneck::Path };
    LowerBound { seconds: path.max(capacity), path, capacity: busiest.cloned(), bottleneck }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(rows: &[&[u32]]) -> Waits {
        Waits::from_rows(rows.iter().map(|row| row.to_vec()))
    }

    #[test]
    fn the_longest_way_and_what_the_others_have_to_spare() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3, 4 alone.
        let found = critical_path(&waits(&[&[], &[0], &[0], &[1, 2], &[]]), &[1.0, 5.0, 2.0, 1.0, 3.0]);
        assert!((found.seconds - 7.0).abs() < 1e-9);
        assert_eq!(found.items, [0, 1, 3].map(ItemIx));
        assert_eq!(found.start, [0.0, 1.0, 1.0, 6.0, 0.0]);
        assert_eq!(found.slack, [0.0, 0.0, 3.0, 0.0, 4.0]);
        assert_eq!(critical_path(&Waits::default(), &[]), CriticalPath::default());
    }

    #[test]
    fn the_larger_term_names_the_bottleneck() {
        let pool = |name: &str, work, slots| Pool { name: name.to_owned(), work, slots };
        let bound = lower_bound(10.0, &[pool("in-process", 30.0, 4), pool("server a", 24.0, 2)]);
        assert_eq!((bound.seconds, bound.bottleneck), (12.0, Bottleneck::Capacity));
        assert_eq!(bound.capacity.unwrap().name, "server a");
        assert_eq!(lower_bound(12.0, &[pool("server a", 24.0, 2)]).bottleneck, Bottleneck::Path);
        assert_eq!(lower_bound(0.0, &[]).bottleneck, Bottleneck::Path);
    }

    fn graphs() -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<f64>)> {
        (1_usize..30).prop_flat_map(|count| {
            let rows = (0..count).map(|item| prop::collection::vec(0..(item.max(1)) as u32, 0..4)).collect::<Vec<_>>();
            // Halves add up without rounding.
            (rows, prop::collection::vec((0_u32..40).prop_map(|half| f64::from(half) / 2.0), count))
        })
    }

    proptest! {
        #[test]
        #[expect(clippy::float_cmp, reason = "halves add up without rounding")]
        fn slack_is_exactly_what_an_item_can_spare((rows, seconds) in graphs()) {
            let waits = Waits::from_rows(rows.into_iter());
            let found = critical_path(&waits, &seconds);
            let on_the_way: f64 = found.items.iter().map(|item| seconds[item.0 as usize]).sum();
            prop_assert_eq!(on_the_way, found.seconds);
            for pair in found.items.windows(2) {
                prop_assert!(waits.of_item(pair[1].0 as usize).contains(&pair[0].0));
            }
            for item in 0..waits.len() {
                let later = |by: f64| {
                    let mut seconds = seconds.clone();
                    seconds[item] += by;
                    critical_path(&waits, &seconds).seconds
                };
                prop_assert_eq!(later(found.slack[item]), found.seconds);
                prop_assert_eq!(later(found.slack[item] + 0.5), found.seconds + 0.5);
                for parent in waits.of_item(item) {
                    prop_assert!(found.start[item] >= found.start[*parent as usize] + seconds[*parent as usize]);
                }
            }
        }
    }
}
