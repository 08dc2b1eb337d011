//! Items that a person wants again: failed ones, or any that are chosen, in the same run.
//!
//! What was not made because of them is decided anew. What was made of them stays as it is, unless
//! everything downstream is wanted as well. What is only on its way waits for the new result.

use std::collections::BTreeMap;

use super::{
    planner::Planner,
    state::{ItemState, Reason},
};
use crate::plan::ItemIx;

impl Planner {
    /// A person wants `items` again; of those that are not final nothing is known yet that could be
    /// wanted again.
    pub(super) fn again(&mut self, items: &[ItemIx], downstream: bool) {
        let repeated = self.repeated(items, downstream);
        for (item, anew) in &repeated {
            self.abort(*item);
            self.change(*item, ItemState::Waiting, Reason::None, None);
            self.repeat_visit(*item, *anew);
        }
        let below: Vec<u32> = repeated.keys().flat_map(|item| self.children(*item)).collect();
        for item in below.into_iter().chain(repeated.keys().copied()) {
            if self.items[item as usize].state == ItemState::Waiting {
                self.count_pending(item);
            }
        }
        for item in repeated.keys() {
            let record = &self.items[*item as usize];
            if record.state == ItemState::Waiting && record.pending == 0 {
                self.decide_needs(*item);
            }
        }
    }

    /// What begins once more, and whether it is made although there may be an earlier result.
    fn repeated(&self, items: &[ItemIx], downstream: bool) -> BTreeMap<u32, bool> {
        let known = items.iter().map(|item| item.0).filter(|item| (*item as usize) < self.items.len());
        let mut open: Vec<u32> = known.filter(|item| self.may_be_wanted_again(*item)).collect();
        let mut repeated: BTreeMap<u32, bool> = open.iter().map(|item| (*item, true)).collect();
        while let Some(item) = open.pop() {
            for child in self.children(item) {
                let anew = downstream && self.may_be_wanted_again(child);
                if !repeated.contains_key(&child) && (anew || self.follows_from_others(child)) {
                    repeated.insert(child, anew);
                    open.push(child);
                }
            }
        }
        repeated
    }

    fn children(&self, item: u32) -> Vec<u32> {
        self.topology.children.row(item).iter().map(|edge| edge.child).collect()
    }

    fn may_be_wanted_again(&self, item: u32) -> bool {
        let state = self.items[item as usize].state;
        let is_needed = !matches!(self.items[item as usize].reason, Reason::Dropped(_) | Reason::Decided(_));
        state == ItemState::Held || state.is_final() && state != ItemState::Cancelled && is_needed
    }

    /// Whether `item` is where it is only because of what it needs, or is on its way with what it needs.
    fn follows_from_others(&self, item: u32) -> bool {
        let record = &self.items[item as usize];
        match record.state {
            ItemState::Blocked | ItemState::Ready | ItemState::Backoff => true,
            ItemState::Skipped => matches!(record.reason, Reason::NotRouted | Reason::NeedSkipped(_)),
            state => state.is_running(),
        }
    }
}
