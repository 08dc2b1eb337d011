//! What happens to a run, and what the planner wants done about it.
//!
//! The events of a run, in order, are its journal: replaying them gives its state.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ports::{Fault, ResultNumber},
    state::{ItemState, Reason},
};
use crate::{
    plan::{ItemIx, ItemResult, Place, Visit},
    stats::Outcome,
};

/// Values of variables by name: `quality`, `width`, `cutout.quality`.
pub type Values = BTreeMap<String, Value>;

/// Which try at an item: what an executor says about another one is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// How many times the item has passed its task, from 1.
    pub visits: u16,
    /// Attempts that rules asked for in this visit, from 1.
    pub attempt: u16,
    /// Submissions of this attempt that were seen to fail or to be lost, or that a person wanted again.
    pub epoch: u16,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A process begins or continues the run: nothing that an earlier process started runs any
    /// more as far as this one knows, and what was running is executed again under the same id.
    Opened,
    /// An item is about to be submitted. Must be durable before it is.
    Submitted {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// Id of the submission.
        prompt_id: Uuid,
        /// What is done, as a hash (hex). It says nothing to the planner, and does not stand in the journal.
        #[serde(skip)]
        fingerprint: String,
        /// The parts of the fingerprint, which do not stand there either.
        #[serde(skip)]
        parts: BTreeMap<String, String>,
        /// `native`, or the name of the server.
        executor: String,
    },
    /// The server has done its part of an item; its files are being fetched.
    Executed {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
    },
    /// The server could not be reached: an item was surely not submitted.
    Unreached {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// What was said.
        message: String,
    },
    /// A server lost an item, or was out of reach for so long that it counts as lost.
    Lost {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// What is known.
        message: String,
        /// Whether the server surely does not have it any more: it has restarted.
        forgotten: bool,
        /// The variables that the task's rules read.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        values: Values,
    },
    /// The result of a submission that was given up has come after all; [`Event::Finished`] follows.
    Late {
        /// The item.
        item: ItemIx,
        /// The try that was given up.
        id: AttemptId,
        /// The name of the server.
        server: String,
    },
    /// A server does not answer; what is with it is waited for.
    Silent {
        /// Its name.
        server: String,
    },
    /// Somebody looked whether a server answers.
    Probed {
        /// Its name.
        server: String,
        /// Whether it does.
        answers: bool,
    },
    /// A person took a server out of use: what is with it is finished.
    Drained {
        /// Its name.
        server: String,
    },
    /// A person put a server back into use.
    Resumed {
        /// Its name.
        server: String,
    },
    /// An item has a result.
    Finished {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// Whether the result is an earlier run's.
        reused: bool,
        /// The parts of the fingerprint, when nothing was submitted.
        #[serde(skip)]
        parts: BTreeMap<String, String>,
        /// The result, which the journal keeps apart.
        #[serde(skip)]
        result: ItemResult,
        /// The variables that the task's rules read.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        values: Values,
    },
    /// A try failed.
    Failed {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// Why.
        fault: Fault,
        /// The variables that the task's rules read.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        values: Values,
    },
    /// Nobody can know whether a submission ran.
    Unknown {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// What is known.
        message: String,
    },
    /// A started item was not submitted after all, because the run is stopping.
    Withdrawn {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
    },
    /// The wait before the next try is over.
    Due {
        /// The item.
        item: ItemIx,
        /// The try that may start.
        id: AttemptId,
    },
    /// Files of these finished items are gone or altered; they are made again.
    Missing {
        /// The items.
        items: Vec<ItemIx>,
    },
    /// A person lets a held item go on.
    Approved {
        /// The item.
        item: ItemIx,
    },
    /// A person turns a held item down.
    Rejected {
        /// The item.
        item: ItemIx,
    },
    /// People have said what a sample of a test is worth that waited for it.
    Judged {
        /// The item.
        item: ItemIx,
        /// The value of the metric that decides.
        value: f64,
    },
    /// A person wants items again, whatever became of them: they are made anew, in this run.
    Again {
        /// The items that are meant.
        items: Vec<ItemIx>,
        /// Whether everything that was made of them is made anew as well.
        downstream: bool,
    },
    /// A person lets the run wait: nothing new is to be submitted; what runs may finish.
    Paused,
    /// A person lets it go on.
    Continued,
    /// Nothing new is to be submitted; what runs may finish.
    Stopped,
    /// The run is given up: what has not finished is cancelled.
    Cancelled,
}

/// An event that an earlier process journaled.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    /// The event; one that brought a result has an empty one.
    pub event: Event,
    /// The result that it brought.
    pub result: Option<ResultNumber>,
}

/// Something to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Prepare, reuse or submit; answer with [`Event::Submitted`], [`Event::Executed`],
    /// [`Event::Finished`], [`Event::Failed`], [`Event::Unknown`], [`Event::Unreached`],
    /// [`Event::Lost`] or [`Event::Withdrawn`].
    Start {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// What the item needs to know of its way here.
        visit: Visit,
        /// Where it runs.
        place: Place,
        /// Whether it is to be made although there may be an earlier result.
        anew: bool,
    },
    /// A submission was given up, and the server may bring its result all the same: wait for it and
    /// answer with [`Event::Finished`], or with [`Event::Failed`] when nothing will come.
    Watch {
        /// The item.
        item: ItemIx,
        /// The try that was given up.
        id: AttemptId,
        /// What the item needed to know of its way here.
        visit: Visit,
        /// The name of the server.
        server: String,
    },
    /// Look after `after` whether a server answers; answer with [`Event::Probed`].
    Probe {
        /// Its name.
        server: String,
        /// How long to wait first.
        after: Duration,
    },
    /// A server is now in this condition.
    Tell {
        /// Its name.
        server: String,
        /// How it is.
        condition: ServerCondition,
    },
    /// No server that may run the item is waited for: answer with [`Event::Failed`].
    Refuse {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
        /// Why.
        fault: Fault,
    },
    /// Answer with [`Event::Due`] after `duration`.
    Wait {
        /// The item.
        item: ItemIx,
        /// The try that may start then.
        id: AttemptId,
        /// How long.
        duration: Duration,
    },
    /// Stop this try, or stop waiting for it; nothing it says counts any more.
    Abort {
        /// The item.
        item: ItemIx,
        /// The try.
        id: AttemptId,
    },
    /// Keep this decision.
    Record(Decision),
    /// Keep this block of a test.
    Took(TrialBlock),
    /// The item is now final, or held, or waits again because a loop came back.
    Report {
        /// The item.
        item: ItemIx,
        /// Its state.
        state: ItemState,
        /// Why.
        reason: Reason,
        /// The error, of an item that failed.
        error: Option<Fault>,
    },
}

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerCondition {
    /// It is in use.
    InUse,
    /// It does not answer, or failed several items in a row, and is left alone for a while.
    OutOfOrder,
    /// It answers again and gets one item at a time until one has worked.
    Answers,
    /// It was away for so long that nothing waits for it any more.
    GivenUp,
    /// A person took it out of use.
    Drained,
}

/// What the rules of a task said about an item, and from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The item.
    pub item: ItemIx,
    /// The try that had ended.
    pub id: AttemptId,
    /// Number of the rule, from 0; none when no rule matched.
    pub rule: Option<u16>,
    /// The rule as it stands in the file; empty when no rule matched.
    pub text: String,
    /// Where the item goes: a task, or `@continue` and so on.
    pub target: String,
    /// The variables and their values.
    pub inputs: Values,
    /// The error about which was decided, if there was one.
    pub error: Option<Fault>,
}

/// A block of a test as its race took it: what decides the test, in the order in which it did.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialBlock {
    /// Its number, from 1.
    pub block: u32,
    /// For each variation the value of its metric; none where its sample failed, or it was not in any more.
    pub values: Vec<Option<f64>>,
    /// What was seen after it, if that was a look.
    pub look: Option<TrialLook>,
}

/// What was seen at a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialLook {
    /// Its number, from 1.
    pub look: u32,
    /// How the test stands.
    pub outcome: Outcome,
    /// The variation that leads.
    pub leader: usize,
    /// The variations that were dropped.
    pub dropped: Vec<usize>,
}
