//! How long a run will take at least, what it will wait for, and how much every task has to spare.

use std::collections::BTreeMap;

use super::{Session, job::RunnableJob, run::native_settings};
use crate::{
    amounts::duration_text,
    ledger::Ledger,
    plan::{
        Bottleneck, CriticalPath, ItemIx, LowerBound, Placement, Plan, PlanTask, Pool, Waits, critical_path,
        lower_bound,
    },
};

/// The outlook of a plan. What will be reused takes no time; what routing decides about takes as
/// much as it did in earlier runs, and nothing where there were none.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// For each task of the plan.
    pub tasks: Vec<TaskOutlook>,
    /// What each item waits for.
    pub waits: Waits,
    /// The longest way through the items.
    pub critical: CriticalPath,
    /// What the run cannot be quicker than.
    pub bound: LowerBound,
    /// Whether any duration is known. If not, every item counts as one step.
    pub is_known: bool,
    /// Seconds by which each item lengthens the run.
    seconds: Vec<f64>,
}

/// The outlook of one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskOutlook {
    /// Seconds that an item takes; none without an earlier run.
    pub seconds: Option<f64>,
    /// Earliest start of its first item, in seconds from the beginning.
    pub start: f64,
    /// The least slack of its items, in seconds.
    pub slack: f64,
    /// How many of its items have nothing to spare.
    pub critical: u32,
    /// Whether any of its items lengthens the run.
    pub takes_time: bool,
}

/// The outlook of `job`, of whose items those in `reused` are there already.
pub(super) fn outlook(session: &Session, job: &RunnableJob, ledger: Option<&Ledger>, reused: &[bool]) -> Outlook {
    let plan = &job.plan;
    let history = |ask: fn(&Ledger, &str) -> BTreeMap<String, f64>| {
        ledger.map(|ledger| ask(ledger, &plan.document)).unwrap_or_default()
    };
    // What cannot be read only makes the outlook less sharp.
    let durations = history(|ledger, document| ledger.mean_seconds(document).unwrap_or_default());
    let shares = history(|ledger, document| ledger.shares_run(document).unwrap_or_default());
    let known: Vec<Option<f64>> = plan.tasks.iter().map(|task| durations.get(&task.name).copied()).collect();
    let share = |task: &PlanTask| if task.conditional { shares.get(&task.name).copied().unwrap_or(0.0) } else { 1.0 };
    let mut seconds = vec![0.0; plan.items.len()];
    let mut work = vec![0.0; plan.tasks.len()];
    for (number, task) in plan.tasks.iter().enumerate() {
        let (of_item, share) = (known[number].unwrap_or(1.0), share(task));
        // Whether some item of the task is on its way is likely when more than half an item is to be expected.
        let is_expected = share * f64::from(task.items.len() as u32) >= 0.5;
        for item in task.items.clone().map(|item| item as usize).filter(|item| !reused.get(*item).is_some_and(|r| *r)) {
            seconds[item] = if is_expected { of_item } else { 0.0 };
            work[number] += of_item * share;
        }
    }
    let waits = Waits::of(plan, &job.program);
    let critical = critical_path(&waits, &seconds);
    let bound = lower_bound(critical.seconds, &pools(session, plan, &work));
    let tasks = plan.tasks.iter().zip(&known).map(|(task, known)| of_task(task, *known, &critical, &seconds)).collect();
    Outlook { tasks, waits, bound, is_known: known.iter().any(Option::is_some), critical, seconds }
}

fn of_task(task: &PlanTask, known: Option<f64>, critical: &CriticalPath, seconds: &[f64]) -> TaskOutlook {
    let items = task.items.start as usize..task.items.end as usize;
    let least = |values: &[f64]| values[items.clone()].iter().copied().fold(f64::INFINITY, f64::min);
    let is_tight = |item: &usize| seconds[*item] > 0.0 && critical.slack[*item] <= 0.0;
    TaskOutlook {
        seconds: known,
        start: least(&critical.start),
        slack: least(&critical.slack),
        critical: items.clone().filter(is_tight).count() as u32,
        takes_time: seconds[items.clone()].iter().any(|seconds| *seconds > 0.0),
    }
}

/// Who does the work: this process, servers by name, all servers together, and all of them where
/// the chain says how much may run at the same time.
fn pools(session: &Session, plan: &Plan, work: &[f64]) -> Vec<Pool> {
    let slots_of = |name: &String| session.config.server.get(name).map_or(1, |server| server.slots);
    let mut by_place: BTreeMap<Option<Vec<String>>, f64> = BTreeMap::new();
    for (task, work) in plan.tasks.iter().zip(work) {
        let place = match &task.placement {
            Placement::Native => None,
            Placement::Comfy(names) if names.is_empty() => Some(session.config.server.keys().cloned().collect()),
            Placement::Comfy(names) => Some(names.clone()),
        };
        *by_place.entry(place).or_default() += work;
    }
    let mut pools: Vec<Pool> = by_place
        .iter()
        .map(|(place, work)| match place {
            None => Pool { name: "this process".to_owned(), work: *work, slots: native_settings(session).slots as u32 },
            Some(names) => Pool { name: server_names(names), work: *work, slots: names.iter().map(slots_of).sum() },
        })
        .collect();
    let on_servers: Vec<&Vec<String>> = by_place.keys().flatten().collect();
    if on_servers.len() > 1 {
        let mut names: Vec<String> = on_servers.into_iter().flatten().cloned().collect();
        names.sort_unstable();
        names.dedup();
        let work = by_place.iter().filter(|(place, _)| place.is_some()).map(|(_, work)| work).sum();
        pools.push(Pool { name: server_names(&names), work, slots: names.iter().map(slots_of).sum() });
    }
    if let Some(parallel) = plan.parallel {
        pools.push(Pool { name: format!("parallel = {parallel}"), work: work.iter().sum(), slots: parallel });
    }
    pools
}

fn server_names(names: &[String]) -> String {
    match names {
        [] => "the servers".to_owned(),
        [one] => format!("the server {one}"),
        many => format!("the servers {}", many.join(", ")),
    }
}

impl Outlook {
    /// A time of this outlook for people: seconds, or steps where no duration is known.
    pub fn time_text(&self, time: f64) -> String {
        match (self.is_known, time.round() as u64) {
            (true, _) => duration_text(time),
            (false, 1) => "1 step".to_owned(),
            (false, steps) => format!("{steps} steps"),
        }
    }

    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.bound.seconds <= 0.0
    }

    /// What bounds the run, in a sentence.
    pub fn bottleneck_text(&self) -> String {
        let path = self.time_text(self.bound.path);
        let capacity = self.bound.capacity.as_ref().map(|pool| (pool, self.time_text(pool.seconds())));
        match (self.bound.bottleneck, capacity) {
            (Bottleneck::Capacity, Some((pool, time))) => format!(
                "capacity-bound: the work of {} takes {time} on {} at a time, the longest way only {path}",
                pool.name, pool.slots
            ),
            (_, Some((pool, time))) => {
                format!("path-bound: the longest way takes {path}, the work of {} only {time}", pool.name)
            }
            (_, None) => format!("path-bound: the longest way takes {path}"),
        }
    }

    /// How much `item` has to spare, or that it has nothing.
    pub fn slack_text(&self, item: ItemIx) -> String {
        let number = item.0 as usize;
        if self.seconds[number] <= 0.0 {
            String::new()
        } else if self.critical.slack[number] <= 0.0 {
            "critical".to_owned()
        } else {
            format!("slack {}", self.time_text(self.critical.slack[number]))
        }
    }

    /// The items of `task`, those with the least to spare first, at most `most`.
    pub fn tightest(&self, task: &PlanTask, most: usize) -> Vec<ItemIx> {
        let mut items: Vec<u32> = task.items.clone().collect();
        let slack = |item: &u32| self.critical.slack[*item as usize];
        items.sort_by(|a, b| slack(a).total_cmp(&slack(b)));
        items.into_iter().take(most).map(ItemIx).collect()
    }
}
