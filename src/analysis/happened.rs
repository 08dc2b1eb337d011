//! The critical path of a run as it happened, and what bounded the run.

use super::course::{Bar, Course};
use crate::plan::{CriticalPath, LowerBound, Pool, Waits, critical_path, lower_bound};

/// What decided how long a run took.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Back from the last end, each time to what ended last of all that was waited for.
    pub steps: Vec<Step>,
    /// The longest way with the durations as they were, as if there had been room for everything.
    pub path: CriticalPath,
    /// What the run could not have been quicker than.
    pub bound: LowerBound,
}

/// One item on the critical path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Position of the item.
    pub item: usize,
    /// Seconds in which everything it needed was there and it did not run.
    pub waited: f64,
    /// Seconds from its first start to its last end, retries and waits between them included.
    pub ran: f64,
    /// When it ended.
    pub end: f64,
}

/// What decided how long the run of `course` took, in which item waited for item as `waits` says.
pub fn happened(course: &Course, waits: &Waits) -> Happened {
    let spans = spans(course, waits.len());
    let steps = steps(&spans, waits);
    let seconds = worked(course, waits.len());
    let path = critical_path(waits, &seconds);
    let pools: Vec<Pool> = course
        .executors
        .iter()
        .map(|executor| Pool { name: executor.name.clone(), work: executor.busy, slots: executor.lanes })
        .collect();
    let bound = lower_bound(path.seconds, &pools);
    Happened { steps, path, bound }
}

/// First start and last end of each item that ran.
fn spans(course: &Course, items: usize) -> Vec<Option<(f64, f64)>> {
    let mut spans: Vec<Option<(f64, f64)>> = vec![None; items];
    for Bar { item, start, end, .. } in &course.bars {
        let span = spans[*item].get_or_insert((*start, *end));
        *span = (span.0.min(*start), span.1.max(*end));
    }
    spans
}

/// Seconds that each item ran, all tries together.
fn worked(course: &Course, items: usize) -> Vec<f64> {
    let mut seconds = vec![0.0; items];
    course.bars.iter().for_each(|bar| seconds[bar.item] += bar.end - bar.start);
    seconds
}

fn steps(spans: &[Option<(f64, f64)>], waits: &Waits) -> Vec<Step> {
    let last = |candidates: &mut dyn Iterator<Item = usize>| {
        candidates
            .filter_map(|item| spans[item].map(|(start, end)| (item, start, end)))
            .reduce(|best, other| if other.2 > best.2 { other } else { best })
    };
    let mut steps = Vec::new();
    let mut at = last(&mut (0..spans.len()));
    while let Some((item, start, end)) = at {
        let before = last(&mut running_parents(item, spans, waits).into_iter());
        let ready = before.map_or(0.0, |(_, _, end)| end);
        steps.push(Step { item, waited: (start - ready).max(0.0), ran: end - start, end });
        at = before;
    }
    steps.reverse();
    steps
}

/// The nearest items above that ran: what was reused, skipped or only passed on took no time.
fn running_parents(item: usize, spans: &[Option<(f64, f64)>], waits: &Waits) -> Vec<usize> {
    let mut open: Vec<usize> = waits.of_item(item).iter().map(|parent| *parent as usize).collect();
    let mut seen = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    while let Some(parent) = open.pop() {
        if !seen.insert(parent) {
            continue;
        }
        if spans[parent].is_some() {
            found.push(parent);
        } else {
            open.extend(waits.of_item(parent).iter().map(|above| *above as usize));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        analysis::course::{EndKind, ExecutorCourse},
        plan::{Bottleneck, ItemIx},
    };

    fn bar(item: usize, start: f64, end: f64) -> Bar {
        let end_kind = EndKind::Finished;
        Bar { item, executor: 0, lane: 0, submitted: start, start, end, end_kind, is_swap: false, swap: None }
    }

    fn course(bars: Vec<Bar>, lanes: u32) -> Course {
        let busy = bars.iter().map(|bar| bar.end - bar.start).sum();
        let executor = ExecutorCourse { name: "east".to_owned(), lanes, busy, swaps: 0, swap_seconds: None };
        Course { seconds: 20.0, pauses: Vec::new(), executors: vec![executor], bars }
    }

    #[test]
    fn the_path_as_it_happened_tells_work_from_waiting() {
        // 0 -> 1 (which was reused) -> 2, on one lane with 3.
        let waits = Waits::from_rows([vec![], vec![0], vec![1], vec![]].into_iter());
        let found = happened(&course(vec![bar(0, 0.0, 4.0), bar(3, 4.0, 9.0), bar(2, 9.0, 11.0)], 1), &waits);
        let steps: Vec<_> = found.steps.iter().map(|step| (step.item, step.waited, step.ran)).collect();
        assert_eq!(steps, [(0, 0.0, 4.0), (2, 5.0, 2.0)]);
        assert_eq!(found.path.items, [0, 1, 2].map(ItemIx));
        assert_eq!((found.bound.bottleneck, found.bound.seconds), (Bottleneck::Capacity, 11.0));
    }

    #[test]
    fn with_room_for_everything_the_path_decides() {
        let waits = Waits::from_rows([vec![], vec![0], vec![]].into_iter());
        let found = happened(&course(vec![bar(0, 0.0, 4.0), bar(1, 4.0, 9.0), bar(2, 0.0, 3.0)], 2), &waits);
        assert_eq!((found.bound.bottleneck, found.bound.seconds), (Bottleneck::Path, 9.0));
    }
}
