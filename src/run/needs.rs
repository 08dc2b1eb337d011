//! What an item waits for: when its edges are settled, which alternatives are chosen, and
//! whether it becomes ready, skipped or blocked.
//!
//! The outcome does not depend on the order in which edges settle: skipped beats blocked, and
//! blocked waits for all edges.

use super::{
    planner::Planner,
    state::{ItemState, Reason},
    topology::{Edge, routes_to},
};
use crate::plan::{ItemIx, TaskIx};

/// What one parent, or one alternative of an entry, means to the item that needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Finished,
    Skipped,
    NotRouted,
    Failed,
}

impl Planner {
    /// Settles the edges of everything that became final, and of what becomes final by that.
    pub(super) fn settle_all(&mut self) {
        while let Some(item) = self.settling.pop() {
            if !self.items[item as usize].state.is_final() {
                continue;
            }
            self.items[item as usize].announced = true;
            for index in 0..self.topology.children.row(item).len() {
                let edge = self.topology.children.row(item)[index];
                if !self.is_provisional(item, self.task_of(edge.child)) {
                    self.settle_edge(item, edge);
                }
            }
            self.close_decided_loops_of_tail(item);
        }
    }

    /// Counts the edges to `item` that are not settled.
    pub(super) fn count_pending(&mut self, item: u32) {
        let task = self.task_of(item);
        let open = |parents: &[u32]| parents.iter().filter(|p| !self.is_settled(**p, task)).count() as u32;
        let pending_routers = open(self.topology.routers.row(item));
        let groups = self.plan.items.first_group[item as usize]..self.plan.items.first_group[item as usize + 1];
        let pending = (0..groups.len())
            .flat_map(|group| self.plan.items.parents(ItemIx(item), group))
            .filter(|parent| !self.is_settled(parent.0, task))
            .count() as u32;
        let record = &mut self.items[item as usize];
        record.pending_routers = pending_routers;
        record.pending = pending + pending_routers;
    }

    /// One edge of `parent` became settled.
    pub(super) fn settle_edge(&mut self, parent: u32, edge: Edge) {
        let child = edge.child;
        let record = &mut self.items[child as usize];
        if record.state != ItemState::Waiting {
            return;
        }
        record.pending -= 1;
        let skip = if let Some(group) = edge.group() {
            let finished = self.items[parent as usize].state.is_finished();
            if finished { None } else { self.skipped_by_entry_of(child, group) }
        } else {
            record.pending_routers -= 1;
            let hopeless = record.pending_routers == 0 && self.chosen_router(child).is_none();
            (hopeless && self.failed_listed_router(child).is_none()).then_some(Reason::NotRouted)
        };
        match skip {
            Some(reason) => self.change(child, ItemState::Skipped, reason, None),
            None if self.items[child as usize].pending == 0 => self.decide_needs(child),
            None => {}
        }
    }

    /// Decides what becomes of `item`, all of whose edges are settled.
    pub(super) fn decide_needs(&mut self, item: u32) {
        if self.is_held_back(item) {
            return;
        }
        let mut failed = None;
        for (entry, first_group) in self.entries(item) {
            match self.entry(item, entry, first_group) {
                (Standing::Failed, task) => failed = failed.or(Some(task)),
                (Standing::NotRouted, _) => return self.change(item, ItemState::Skipped, Reason::NotRouted, None),
                (Standing::Skipped, task) => {
                    return self.change(item, ItemState::Skipped, Reason::NeedSkipped(task), None);
                }
                (Standing::Open | Standing::Finished, _) => {}
            }
        }
        let routed = !self.topology.is_conditional(self.task_of(item)) || self.chosen_router(item).is_some();
        if !routed {
            failed = failed.or(self.failed_listed_router(item));
        }
        match failed {
            Some(task) => self.change(item, ItemState::Blocked, Reason::NeedFailed(task), None),
            None if !routed => self.change(item, ItemState::Skipped, Reason::NotRouted, None),
            None => self.begin_or_repeat(item),
        }
    }

    /// The alternative chosen in each entry, and the gathered parents without a result.
    pub(super) fn choices(&self, item: u32) -> (Vec<usize>, Vec<ItemIx>) {
        let (mut chosen, mut absent) = (Vec::new(), Vec::new());
        for (entry, first_group) in self.entries(item) {
            let depends = &self.task(item).depends_on[entry];
            let is_usable = |n: &usize| self.alternative(item, entry, first_group + n) == Standing::Finished;
            let choice = (0..depends.alternatives.len()).find(is_usable).unwrap_or(0);
            chosen.push(choice);
            if depends.gathered {
                let parents = self.plan.items.parents(ItemIx(item), first_group + choice);
                absent.extend(parents.iter().filter(|parent| self.parent(parent.0, item) != Standing::Finished));
            }
        }
        (chosen, absent)
    }

    /// The first router of `item`, in the order of the rules' tasks, that sent it here.
    pub(super) fn chosen_router(&self, item: u32) -> Option<u32> {
        let task = self.task_of(item);
        self.topology.routers.row(item).iter().copied().find(|router| self.items[*router as usize].target == task.0)
    }

    /// Puts the unfinished children of `item`, which is made again, back to waiting.
    pub(super) fn make_children_wait(&mut self, item: u32) {
        for index in 0..self.topology.children.row(item).len() {
            let child = self.topology.children.row(item)[index].child;
            let state = self.items[child as usize].state;
            if state.is_final() || state == ItemState::Held {
                continue;
            }
            if state != ItemState::Waiting {
                self.abort(child);
                let record = &mut self.items[child as usize];
                record.id.visits = record.id.visits.saturating_sub(1);
                self.change(child, ItemState::Waiting, Reason::None, None);
            }
            self.count_pending(child);
        }
    }

    pub(super) fn task_of(&self, item: u32) -> TaskIx {
        self.plan.items.task[item as usize]
    }

    fn is_settled(&self, item: u32, for_task: TaskIx) -> bool {
        self.items[item as usize].announced && !self.is_provisional(item, for_task)
    }

    /// Number and first group of each entry of the task of `item`.
    fn entries(&self, item: u32) -> Vec<(usize, usize)> {
        let mut first_group = 0;
        let mut entries = Vec::with_capacity(self.task(item).depends_on.len());
        for (entry, depends) in self.task(item).depends_on.iter().enumerate() {
            entries.push((entry, first_group));
            first_group += depends.alternatives.len();
        }
        entries
    }

    /// Why the entry to which `group` belongs lets `item` be skipped already; gathered entries are
    /// looked at only when everything is settled.
    fn skipped_by_entry_of(&self, item: u32, group: usize) -> Option<Reason> {
        let (entry, first_group) = self.entries(item).into_iter().rfind(|(_, first)| *first <= group)?;
        if self.task(item).depends_on[entry].gathered {
            return None;
        }
        match self.entry(item, entry, first_group) {
            (Standing::Skipped, task) => Some(Reason::NeedSkipped(task)),
            (Standing::NotRouted, _) => Some(Reason::NotRouted),
            _ => None,
        }
    }

    /// What an entry of the task of `item` comes to, and the task that is to blame.
    fn entry(&self, item: u32, entry: usize, first_group: usize) -> (Standing, TaskIx) {
        let alternatives = &self.task(item).depends_on[entry].alternatives;
        let standings: Vec<_> =
            (0..alternatives.len()).map(|n| self.alternative(item, entry, first_group + n)).collect();
        let by_weight =
            [Standing::Open, Standing::Finished, Standing::Failed, Standing::NotRouted].into_iter().find_map(
                |standing| standings.iter().position(|found| *found == standing).map(|n| (standing, alternatives[n])),
            );
        by_weight.unwrap_or((Standing::Skipped, alternatives.first().copied().unwrap_or(TaskIx(0))))
    }

    /// What one alternative comes to: the parents of `group`.
    fn alternative(&self, item: u32, entry: usize, group: usize) -> Standing {
        let task = self.task(item);
        let gathered = task.depends_on[entry].gathered;
        let mut seen = [false; 5];
        for parent in self.plan.items.parents(ItemIx(item), group) {
            seen[self.parent(parent.0, item) as usize] = true;
        }
        let saw = |standing: Standing| seen[standing as usize];
        if saw(Standing::Open) {
            Standing::Open
        } else if saw(Standing::Failed) && !(gathered && task.allow_failed && saw(Standing::Finished)) {
            Standing::Failed
        } else if saw(Standing::Finished) && (gathered || !saw(Standing::Skipped) && !saw(Standing::NotRouted)) {
            Standing::Finished
        } else if saw(Standing::NotRouted) {
            Standing::NotRouted
        } else {
            Standing::Skipped
        }
    }

    /// What one parent means to `item`. A conditional item has its routers for parents only where
    /// they sent it here, and then even if they failed: it may be what mends the failure.
    fn parent(&self, parent: u32, item: u32) -> Standing {
        let (parent_task, task) = (self.task_of(parent), self.task_of(item));
        if !self.is_settled(parent, task) {
            return Standing::Open;
        }
        let record = &self.items[parent as usize];
        let by_route = self.topology.is_conditional(task) && routes_to(&self.plan, parent_task, task, false);
        match record.state {
            _ if by_route && record.target == task.0 => Standing::Finished,
            state if state.is_failure() => Standing::Failed,
            ItemState::Skipped => Standing::Skipped,
            _ if by_route => Standing::NotRouted,
            _ => Standing::Finished,
        }
    }

    /// The task of a router that `item` depends on as well and whose item failed without a route.
    fn failed_listed_router(&self, item: u32) -> Option<TaskIx> {
        let task = self.task(item);
        let is_listed = |router: TaskIx| task.depends_on.iter().any(|entry| entry.alternatives.contains(&router));
        let routers = self.topology.routers.row(item).iter();
        let failed = routers.filter(|router| self.items[**router as usize].state.is_failure());
        failed.map(|router| self.task_of(*router)).find(|router| is_listed(*router))
    }
}
