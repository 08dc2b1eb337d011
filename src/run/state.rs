//! Where an item stands, and why.
//!
//! Knows neither events nor commands.

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, TaskIx};

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// What it needs is not settled yet.
    Waiting,
    /// It may start as soon as there is a free slot.
    Ready,
    /// It is being prepared; nothing was submitted.
    Starting,
    /// It was submitted.
    Running,
    /// It failed and waits for its next attempt.
    Backoff,
    /// It waits for a person. Not final.
    Held,
    /// It ran and has a result.
    Done,
    /// It has the result of an earlier run.
    Reused,
    /// It does not run, by a rule or because of what it needs.
    Skipped,
    /// It ran and has no result, or a rule says so.
    Failed,
    /// Something it needs failed.
    Blocked,
    /// The run was cancelled before it finished.
    Cancelled,
    /// Nobody knows whether it ran; a person has to look.
    NeedsReview,
}

impl ItemState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Waiting,
        Self::Ready,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Held,
        Self::Done,
        Self::Reused,
        Self::Skipped,
        Self::Failed,
        Self::Blocked,
        Self::Cancelled,
        Self::NeedsReview,
    ];

    /// Whether nothing happens to it any more, unless a loop comes back to it.
    pub fn is_final(self) -> bool {
        self >= Self::Done
    }

    /// Whether it has a result that others may use.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Reused)
    }

    /// Whether what needs it is blocked.
    pub fn is_failure(self) -> bool {
        self >= Self::Failed
    }

    /// Whether it holds a slot.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }

    /// Its name in the ledger and in JSON: `needs_review`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Backoff => "backoff",
            Self::Held => "held",
            Self::Done => "done",
            Self::Reused => "reused",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
            Self::NeedsReview => "needs_review",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Why an item is where it is, as far as its state alone does not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// The state says it all.
    #[default]
    None,
    /// No router sent it here.
    NotRouted,
    /// An item of this task, which it needs, was skipped.
    NeedSkipped(TaskIx),
    /// An item of this task, which it needs, failed.
    NeedFailed(TaskIx),
    /// This rule of its task.
    Rule(u16),
    /// Its last attempt ended with an error.
    Error,
    /// A person rejected it.
    Rejected,
    /// It is a sample of a test, and people have not said yet what it is worth.
    NotJudged,
    /// The race of a test dropped its variation after this block.
    Dropped(u32),
    /// The test to which it belongs was decided after this block.
    Decided(u32),
}

impl Reason {
    /// The reason for people, for an item of `task`; none when the state says it all.
    pub fn text(self, plan: &Plan, task: TaskIx) -> Option<String> {
        let name = |task: TaskIx| plan.tasks[task.0 as usize].name.as_str();
        match self {
            Self::None | Self::Error => None,
            Self::NotRouted => Some("not routed".to_owned()),
            Self::NeedSkipped(needed) => Some(format!("{} was skipped", name(needed))),
            Self::NeedFailed(needed) => Some(format!("{} failed", name(needed))),
            Self::Rule(rule) => plan.tasks[task.0 as usize].rules.get(usize::from(rule)).map(|r| r.text.clone()),
            Self::Rejected => Some("rejected".to_owned()),
            Self::NotJudged => Some("waits for what people say of it".to_owned()),
            Self::Dropped(block) => Some(format!("{NOT_NEEDED}: dropped after block {block}")),
            Self::Decided(block) => Some(format!("{NOT_NEEDED}: decided after block {block}")),
        }
    }
}

/// How the reason of a sample begins that its test does not need.
pub const NOT_NEEDED: &str = "not needed";

/// How many items are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; ItemState::ALL.len()]);

impl Counts {
    /// All of `items` in [`ItemState::Waiting`].
    pub(crate) fn waiting(items: u32) -> Self {
        let mut counts = Self::default();
        counts.0[ItemState::Waiting as usize] = items;
        counts
    }

    /// Counts a change.
    pub(crate) fn change(&mut self, from: ItemState, to: ItemState) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }

    /// Items in `state`.
    pub fn of(&self, state: ItemState) -> u32 {
        self.0[state as usize]
    }

    /// Items in states for which `which` holds.
    pub fn total(&self, which: impl Fn(ItemState) -> bool) -> u32 {
        ItemState::ALL.into_iter().filter(|state| which(*state)).map(|state| self.of(state)).sum()
    }
}
