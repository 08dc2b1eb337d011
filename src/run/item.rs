//! The planner's record of one item: small, for there are hundreds of thousands of them.

use super::{
    event::AttemptId,
    state::{ItemState, Reason},
};

/// No item, no task, no rule.
pub(crate) const NONE: u32 = u32::MAX;

/// What the planner knows of one item.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, kept small")]
pub(crate) struct Item {
    /// Where it stands.
    pub(crate) state: ItemState,
    /// Why.
    pub(crate) reason: Reason,
    /// The current try.
    pub(crate) id: AttemptId,
    /// The rule that asked for this attempt.
    pub(crate) retry_rule: Option<u16>,
    /// Edges to it that are not settled; meaningless once it is not waiting any more.
    pub(crate) pending: u32,
    /// The same, only those from routers.
    pub(crate) pending_routers: u32,
    /// The item whose route back started this visit.
    pub(crate) came_back_from: u32,
    /// The task to which a rule sent it.
    pub(crate) target: u32,
    /// The epoch with which its attempts begin: larger than 0 when a person wanted it again.
    pub(crate) first_epoch: u16,
    /// The largest epoch of all attempts of this visit.
    pub(crate) last_epoch: u16,
    /// Whether it is to be made although there may be an earlier result.
    pub(crate) anew: bool,
    /// Whether its last visit begins once more when it has what it needs, and no other one.
    pub(crate) repeats: bool,
    /// Whether its result is an earlier run's.
    pub(crate) reused: bool,
    /// Whether it has a result: what a held item needs to go on.
    pub(crate) has_result: bool,
    /// Whether it is final and the others were told.
    pub(crate) announced: bool,
    /// Whether it is the head of a loop that may still come back to it.
    pub(crate) loop_open: bool,
}

impl Item {
    /// An item that has not started.
    pub(crate) fn waiting() -> Self {
        Self {
            state: ItemState::Waiting,
            reason: Reason::None,
            id: AttemptId { visits: 0, attempt: 1, epoch: 0 },
            retry_rule: None,
            pending: 0,
            pending_routers: 0,
            came_back_from: NONE,
            target: NONE,
            first_epoch: 0,
            last_epoch: 0,
            anew: false,
            repeats: false,
            reused: false,
            has_result: false,
            announced: false,
            loop_open: false,
        }
    }

    /// Begins another submission of the same attempt.
    pub(crate) fn raise_epoch(&mut self) {
        self.id.epoch = self.id.epoch.saturating_add(1);
        self.last_epoch = self.last_epoch.max(self.id.epoch);
    }

    /// Begins the attempts of this visit once more, with epochs that none of them had.
    pub(crate) fn begin_again(&mut self, anew: bool) {
        (self.retry_rule, self.target, self.has_result) = (None, NONE, false);
        if self.id.visits == 0 {
            return;
        }
        self.first_epoch = self.last_epoch.saturating_add(1);
        self.last_epoch = self.first_epoch;
        self.id = AttemptId { attempt: 1, epoch: self.first_epoch, ..self.id };
        (self.anew, self.repeats) = (anew, true);
    }

    /// Forgets how the last visit ended.
    pub(crate) fn forget_visit(&mut self) {
        *self = Self { id: AttemptId { visits: self.id.visits, attempt: 1, epoch: 0 }, ..Self::waiting() };
    }
}
