//! Where the time of a run went: what ran where and when, what waited, what a server did to change
//! its models.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    graph::is_model_file,
    ledger::{CourseRows, ItemRow, TryEnd, TryRow},
};

/// The course of a run. Times are seconds from its beginning; pauses between processes are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// How long it took.
    pub seconds: f64,
    /// The pauses that are left out, in seconds.
    pub pauses: Vec<f64>,
    /// Who worked, in-process first, then by name.
    pub executors: Vec<ExecutorCourse>,
    /// All tries, by executor, lane and start.
    pub bars: Vec<Bar>,
}

/// What one executor did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutorCourse {
    /// `native`, or the name of a server.
    pub name: String,
    /// Most items at the same time.
    pub lanes: u32,
    /// Seconds of work, all lanes together.
    pub busy: f64,
    /// How often it changed its models, the first load included.
    pub swaps: u32,
    /// About how many seconds that took; none where there is nothing to compare with.
    pub swap_seconds: Option<f64>,
}

/// One try.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Position of its item.
    pub item: usize,
    /// Position of its executor.
    pub executor: usize,
    /// Which of the executor's lanes.
    pub lane: u32,
    /// When it was submitted.
    pub submitted: f64,
    /// When it began to run, as far as that can be told: a server does one prompt after another.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// How it ended.
    pub end_kind: EndKind,
    /// Whether the server had other models before.
    pub is_swap: bool,
    /// About how many seconds of it were a change of models.
    pub swap: Option<f64>,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// With a result.
    Finished,
    /// With an error.
    Failed,
    /// Given up, or nobody knows.
    Lost,
    /// It runs.
    Open,
}

impl ExecutorCourse {
    /// The share of its time in which it worked.
    pub fn busy_share(&self, seconds: f64) -> f64 {
        let all = seconds * f64::from(self.lanes);
        if all > 0.0 { (self.busy / all).min(1.0) } else { 0.0 }
    }
}

/// The course of the run with `items`. `slots` is how many of them this process computed at the same time, where that
/// is known.
pub fn course(rows: &CourseRows, items: &[ItemRow], slots: Option<u32>) -> Course {
    let clock = Clock::new(&rows.sessions);
    let position: BTreeMap<u32, usize> = items.iter().enumerate().map(|(n, item)| (item.item, n)).collect();
    let names: BTreeSet<(bool, &str)> =
        rows.tries.iter().map(|t| (t.executor != "native", t.executor.as_str())).collect();
    let mut course = Course { seconds: clock.seconds(), pauses: clock.pauses(), ..Course::default() };
    for (number, (_, name)) in names.into_iter().enumerate() {
        let tries = rows.tries.iter().filter(|t| t.executor == name);
        let bar = |t: &TryRow| Some(bar(t, *position.get(&t.item)?, number, &clock));
        let mut bars: Vec<Bar> = tries.filter_map(bar).collect();
        // What a server does is told by its name; the name of the protocol stands for any of them.
        let lanes = match (name, slots) {
            ("native", Some(slots)) => in_lanes(&mut bars, slots),
            ("native" | "comfy", _) => side_by_side(&mut bars),
            _ => in_lanes(&mut bars, 1),
        };
        if name != "native" {
            note_swaps(&mut bars, items);
        }
        course.executors.push(ExecutorCourse {
            name: name.to_owned(),
            lanes,
            busy: bars.iter().map(|bar| bar.end - bar.start).sum(),
            swaps: bars.iter().filter(|bar| bar.is_swap).count() as u32,
            swap_seconds: bars.iter().filter_map(|bar| bar.swap).reduce(|a, b| a + b),
        });
        bars.sort_by(|a, b| a.lane.cmp(&b.lane).then(a.start.total_cmp(&b.start)));
        course.bars.append(&mut bars);
    }
    course
}

fn bar(t: &TryRow, item: usize, executor: usize, clock: &Clock) -> Bar {
    let submitted = clock.at(t.submitted_ns);
    let end = t.ended_ns.map_or(clock.seconds(), |ended| clock.at(ended));
    let end_kind = match t.end {
        TryEnd::Finished => EndKind::Finished,
        TryEnd::Failed(_) => EndKind::Failed,
        TryEnd::Unknown(_) | TryEnd::GivenUp => EndKind::Lost,
        TryEnd::Open => EndKind::Open,
    };
    let end = end.max(submitted);
    Bar { item, executor, lane: 0, submitted, start: submitted, end, end_kind, is_swap: false, swap: None }
}

/// What is submitted ahead begins when something before it has ended: on a server one prompt after another. How many
/// lanes were used.
fn in_lanes(bars: &mut [Bar], lanes: u32) -> u32 {
    bars.sort_by(|a, b| a.end.total_cmp(&b.end).then(a.submitted.total_cmp(&b.submitted)));
    let mut free = vec![0.0_f64; lanes.max(1) as usize];
    for bar in &mut *bars {
        // The lane that was free last when it was submitted, else the one that is free first.
        let idle =
            (0..free.len()).filter(|lane| free[*lane] <= bar.submitted).max_by(|a, b| free[*a].total_cmp(&free[*b]));
        let lane = idle.or_else(|| (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b]))).unwrap_or(0);
        bar.start = bar.submitted.max(free[lane]).min(bar.end);
        (bar.lane, free[lane]) = (lane as u32, bar.end);
    }
    bars.iter().map(|bar| bar.lane + 1).max().unwrap_or(1)
}

/// Each in the first lane that is free.
fn side_by_side(bars: &mut [Bar]) -> u32 {
    bars.sort_by(|a, b| a.submitted.total_cmp(&b.submitted));
    let mut free: Vec<f64> = Vec::new();
    for bar in bars {
        let lane = free.iter().position(|until| *until <= bar.start).unwrap_or(free.len());
        if lane == free.len() {
            free.push(0.0);
        }
        (bar.lane, free[lane]) = (lane as u32, bar.end);
    }
    (free.len() as u32).max(1)
}

/// A try whose models are not those of the one before it changed them. How long that took is told
/// by comparing with the tries of the same task that did not.
fn note_swaps(bars: &mut [Bar], items: &[ItemRow]) {
    let task = |bar: &Bar| super::address::parts_of(&items[bar.item].address).0;
    let mut loaded: Vec<String> = Vec::new();
    for bar in bars.iter_mut() {
        let models = models_of(&items[bar.item]);
        bar.is_swap = !models.is_empty() && models != loaded;
        if !models.is_empty() {
            loaded = models;
        }
    }
    let mut plain: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for bar in bars.iter().filter(|bar| !bar.is_swap && bar.end_kind == EndKind::Finished) {
        plain.entry(task(bar)).or_default().push(bar.end - bar.start);
    }
    let usual: BTreeMap<&str, f64> = plain.into_iter().map(|(task, seconds)| (task, median(seconds))).collect();
    for bar in bars.iter_mut().filter(|bar| bar.is_swap) {
        bar.swap = usual.get(task(bar)).map(|usual| (bar.end - bar.start - usual).max(0.0));
    }
}

/// The model files that an item's graph named, in the order of its inputs.
fn models_of(item: &ItemRow) -> Vec<String> {
    let values = item.parts.values().filter_map(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let mut models: Vec<String> =
        values.filter(is_model_file).filter_map(|value| value.as_str().map(str::to_owned)).collect();
    models.sort_unstable();
    models.dedup();
    models
}

/// The middle of some numbers; 0 of none.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => 0.0,
        count if count % 2 == 1 => numbers[middle],
        _ => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }
}

/// Time within the processes that worked on a run.
struct Clock {
    /// Begin and end of each, and how much went before.
    sessions: Vec<(i64, i64, f64)>,
}

impl Clock {
    fn new(sessions: &[(i64, i64)]) -> Self {
        let mut before = 0.0;
        let sessions = sessions.iter().map(|(begin, end)| {
            let session = (*begin, *end, before);
            before += (end - begin) as f64 / 1e9;
            session
        });
        Self { sessions: sessions.collect() }
    }

    fn at(&self, ns: i64) -> f64 {
        let session = self.sessions.iter().rev().find(|(begin, ..)| *begin <= ns).or(self.sessions.first());
        session.map_or(0.0, |(begin, end, before)| before + (ns.clamp(*begin, *end) - begin) as f64 / 1e9)
    }

    fn seconds(&self) -> f64 {
        self.sessions.last().map_or(0.0, |(begin, end, before)| before + (end - begin) as f64 / 1e9)
    }

    fn pauses(&self) -> Vec<f64> {
        self.sessions.windows(2).map(|pair| (pair[1].0 - pair[0].1) as f64 / 1e9).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{AttemptId, ItemState};

    fn item(number: u32, address: &str, model: &str) -> ItemRow {
        let parts = BTreeMap::from([
            ("load.ckpt_name".to_owned(), format!("\"{model}\"")),
            ("sampler.steps".to_owned(), "20".to_owned()),
        ]);
        ItemRow {
            item: number,
            address: address.to_owned(),
            state: ItemState::Done,
            reason: None,
            visits: 1,
            attempt: 1,
            epoch: 0,
            prompt_id: None,
            executor: None,
            fingerprint: None,
            parts,
            started_ns: None,
            finished_ns: None,
            result: None,
        }
    }

    fn try_of(item: u32, executor: &str, from: i64, to: i64) -> TryRow {
        TryRow {
            item,
            id: AttemptId { visits: 1, attempt: 1, epoch: 0 },
            executor: executor.to_owned(),
            submitted_ns: from * 1_000_000_000,
            ended_ns: Some(to * 1_000_000_000),
            end: TryEnd::Finished,
        }
    }

    fn seconds(sessions: &[(i64, i64)]) -> Vec<(i64, i64)> {
        sessions.iter().map(|(a, b)| (a * 1_000_000_000, b * 1_000_000_000)).collect()
    }

    #[test]
    fn a_server_does_one_after_another_and_changes_its_models() {
        let models = ["a.safetensors", "a.safetensors", "b.safetensors", "b.safetensors"];
        let items: Vec<ItemRow> = models.iter().zip(0..).map(|(m, n)| item(n, &format!("g[n={n}]"), m)).collect();
        let tries =
            vec![try_of(0, "east", 0, 7), try_of(1, "east", 0, 9), try_of(2, "east", 7, 15), try_of(3, "east", 9, 17)];
        let found = course(&CourseRows { tries, sessions: seconds(&[(0, 20)]) }, &items, None);
        let bars: Vec<_> = found.bars.iter().map(|b| (b.item, b.start, b.end, b.is_swap, b.swap)).collect();
        let expected = [
            (0, 0.0, 7.0, true, Some(5.0)),
            (1, 7.0, 9.0, false, None),
            (2, 9.0, 15.0, true, Some(4.0)),
            (3, 15.0, 17.0, false, None),
        ];
        assert_eq!(bars, expected);
        let east = &found.executors[0];
        assert_eq!((east.lanes, east.busy, east.swaps, east.swap_seconds), (1, 17.0, 2, Some(9.0)));
        assert!((east.busy_share(found.seconds) - 0.85).abs() < 1e-9);
    }

    #[test]
    fn in_process_items_run_side_by_side_and_pauses_are_left_out() {
        let items: Vec<ItemRow> = (0..3).map(|n| item(n, &format!("g[n={n}]"), "x")).collect();
        let tries = vec![try_of(0, "native", 100, 103), try_of(1, "native", 101, 102), try_of(2, "native", 1002, 1004)];
        let found = course(&CourseRows { tries, sessions: seconds(&[(100, 103), (1001, 1005)]) }, &items, None);
        assert_eq!((found.seconds, found.pauses.as_slice(), found.executors[0].lanes), (7.0, &[898.0][..], 2));
        let bars: Vec<_> = found.bars.iter().map(|b| (b.item, b.lane, b.start, b.end)).collect();
        assert_eq!(bars, [(0, 0, 0.0, 3.0), (2, 0, 4.0, 6.0), (1, 1, 1.0, 2.0)]);
    }

    #[test]
    fn items_that_are_ahead_wait_for_a_slot() {
        let items: Vec<ItemRow> = (0..4).map(|n| item(n, &format!("g[n={n}]"), "x")).collect();
        let ends = [2, 3, 5, 6];
        let tries = ends.into_iter().zip(0..).map(|(end, n)| try_of(n, "native", 0, end)).collect();
        let found = course(&CourseRows { tries, sessions: seconds(&[(0, 6)]) }, &items, Some(2));
        let bars: Vec<_> = found.bars.iter().map(|b| (b.item, b.lane, b.start, b.end)).collect();
        assert_eq!(bars, [(1, 0, 0.0, 3.0), (3, 0, 3.0, 6.0), (0, 1, 0.0, 2.0), (2, 1, 2.0, 5.0)]);
        assert_eq!((found.executors[0].lanes, found.executors[0].busy), (2, 11.0));
    }
}
