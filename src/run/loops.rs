//! Loops: routes back to an earlier task.
//!
//! A head item may be visited again as long as a tail item below it has not decided and visits
//! are left; that is an open loop. Items of the body see each other's provisional results; what
//! stands outside waits until the loop is closed and so sees the final visit only.

use std::collections::BTreeSet;

use super::{
    planner::Planner,
    state::{ItemState, Reason},
};
use crate::plan::TaskIx;

impl Planner {
    /// Whether an open loop may repeat `item` without repeating what `for_task` makes of it.
    pub(super) fn is_provisional(&self, item: u32, for_task: TaskIx) -> bool {
        let heads = self.topology.heads.row(item).iter();
        let mut open = heads.filter(|head| self.items[**head as usize].loop_open);
        open.any(|head| !self.topology.in_body(self.task_of(*head), for_task))
    }

    /// Whether a route may come back to head item `item` after its next visit.
    pub(super) fn may_come_back(&self, item: u32) -> bool {
        let visits = u32::from(self.items[item as usize].id.visits) + 1;
        !self.topology.tails.row(item).is_empty() && visits < self.task(item).max_visits
    }

    /// The items of `target` to which `tail` can go back now.
    pub(super) fn open_heads(&self, tail: u32, target: TaskIx) -> Vec<u32> {
        let heads = self.topology.back.row(tail).iter().copied().filter(|head| self.task_of(*head) == target);
        let is_open = |head: &u32| {
            let record = &self.items[*head as usize];
            record.loop_open && (record.state.is_finished() || *head == tail)
        };
        heads.filter(is_open).collect()
    }

    /// Visits `heads`, which are above `tail`, again because `tail` says so; everything between
    /// starts anew, `tail` as well.
    pub(super) fn go_back(&mut self, tail: u32, heads: &[u32]) {
        let body = self.items_below(heads);
        for item in &body {
            if *item != tail {
                self.abort(*item);
            }
            self.start_anew(*item);
        }
        for head in heads {
            self.items[*head as usize].came_back_from = tail;
            self.begin_visit(*head);
            let record = &self.items[*head as usize];
            let is_last = u32::from(record.id.visits) >= self.task(*head).max_visits;
            self.items[*head as usize].loop_open = !is_last;
        }
        // Inner heads come later: whether an outer loop is decided depends on theirs.
        for item in body.iter().rev() {
            self.items[*item as usize].loop_open &= !self.is_decided(*item);
        }
        for item in body.iter().filter(|item| !heads.contains(item)) {
            self.count_pending(*item);
        }
    }

    /// Closes the loops that end at `tail`, as far as nothing can come back any more.
    pub(super) fn close_decided_loops_of_tail(&mut self, tail: u32) {
        for index in 0..self.topology.back.row(tail).len() {
            let head = self.topology.back.row(tail)[index];
            if self.items[head as usize].loop_open && self.is_decided(head) {
                self.close_loop(head);
            }
        }
    }

    /// Whether all tails of `head` are final, also in the loops inside its loop.
    fn is_decided(&self, head: u32) -> bool {
        let is_inner = |other: &u32| self.task_of(*other) > self.task_of(head);
        self.topology.tails.row(head).iter().all(|tail| {
            let inner = self.topology.heads.row(*tail).iter().filter(|other| is_inner(other));
            self.items[*tail as usize].announced
                && !inner.into_iter().any(|other| self.items[*other as usize].loop_open)
        })
    }

    fn close_loop(&mut self, head: u32) {
        self.items[head as usize].loop_open = false;
        let head_task = self.task_of(head);
        let mut below = self.items_below(&[head]);
        below.retain(|item| self.items[*item as usize].announced);
        for item in &below {
            for index in 0..self.topology.children.row(*item).len() {
                let edge = self.topology.children.row(*item)[index];
                let child_task = self.task_of(edge.child);
                if !self.topology.in_body(head_task, child_task) && !self.is_provisional(*item, child_task) {
                    self.settle_edge(*item, edge);
                }
            }
        }
        // Only now, for an outer loop that closes settles the edges that were left above.
        for item in below {
            self.close_decided_loops_of_tail(item);
        }
    }

    /// The items that a visit of one of `heads` repeats, the heads included.
    fn items_below(&self, heads: &[u32]) -> BTreeSet<u32> {
        let mut below = BTreeSet::new();
        for head in heads {
            let head_task = self.task_of(*head);
            let mut open = vec![*head];
            let mut seen = BTreeSet::new();
            while let Some(item) = open.pop() {
                if seen.insert(item) {
                    let children = self.topology.children.row(item).iter().map(|edge| edge.child);
                    open.extend(children.filter(|child| self.topology.in_body(head_task, self.task_of(*child))));
                }
            }
            below.append(&mut seen);
        }
        below
    }

    /// Lets `item` wait as if it had not run in this visit.
    fn start_anew(&mut self, item: u32) {
        if self.items[item as usize].state != ItemState::Waiting {
            self.change(item, ItemState::Waiting, Reason::None, None);
        }
        self.items[item as usize].forget_visit();
        self.items[item as usize].loop_open = self.may_come_back(item);
    }
}
