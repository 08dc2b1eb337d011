//! One server as far as placing goes: how full it is, whether it may be used, what it has in store.

use super::{super::capabilities::Capability, belief::Belief};

/// Items beyond what a server holds that may be on their way: their files are fetched while it works
/// on others.
const BESIDE: u32 = 2;

/// Whether a server may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// It may.
    #[default]
    Open,
    /// It was out of order and answers again: one item at a time.
    Trial,
    /// It is out of order.
    Shut,
    /// It is not waited for any longer.
    GivenUp,
}

/// A server and what is with it.
#[derive(Clone, Debug)]
pub(super) struct ServerState {
    pub(super) slots: u32,
    depth: u32,
    pub(super) access: Access,
    pub(super) drained: bool,
    /// Prompts of others, when it was asked.
    pub(super) busy: u32,
    /// Items that have a place in its queue.
    pub(super) seated: u32,
    /// Items that are on their way, the seated ones included.
    pub(super) flying: u32,
    pub(super) belief: Belief,
}

impl ServerState {
    pub(super) fn new(capability: &Capability) -> Self {
        Self {
            slots: capability.slots.max(1),
            depth: capability.depth(),
            access: if capability.answers { Access::Open } else { Access::Shut },
            drained: capability.drained,
            busy: capability.busy,
            seated: 0,
            flying: 0,
            belief: Belief::new(capability.keeps),
        }
    }

    /// Whether it takes part in the run now.
    pub(super) fn takes_part(&self) -> bool {
        !self.drained && matches!(self.access, Access::Open | Access::Trial)
    }

    /// Whether it takes another item now.
    pub(super) fn has_seat(&self) -> bool {
        match self.access {
            _ if self.drained => false,
            Access::Open => self.seated < self.depth && self.flying < self.depth + BESIDE,
            Access::Trial => self.flying == 0,
            Access::Shut | Access::GivenUp => false,
        }
    }

    /// Whether another item would only wait there.
    pub(super) fn is_ahead(&self) -> bool {
        self.seated >= self.slots
    }
}
