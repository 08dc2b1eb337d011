//! The run engine: a pure planner `(state, event) -> commands`, the dispatcher that carries the
//! commands out, and the ports through which it reaches the world.

mod again;
mod dispatcher;
mod event;
mod fleet;
mod item;
mod lineage;
mod loops;
mod names;
mod needs;
mod planner;
mod ports;
mod ranks;
mod report;
mod results;
mod routing;
mod rows;
mod scribe;
mod state;
mod topology;
mod trial;
mod worker;

pub use dispatcher::{Control, RunOutcome, RunSetup, run_plan};
pub use event::{AttemptId, Command, Decision, Event, PastEvent, ServerCondition, TrialBlock, TrialLook, Values};
pub use planner::Planner;
pub use ports::{
    AskedSample, Change, Claim, Clock, Entry, Executor, Failure, Fault, FaultDetail, Job, Journal, JournalError, Kept,
    Past, People, PortFuture, Preparer, Produced, ResultGroups, ResultNumber, ResultStore, RunState, Scorer, Signal,
    Signals,
};
pub use report::{RunEvent, TaskSize};
pub use scribe::Observer;
pub use state::{Counts, ItemState, NOT_NEEDED, Reason};
pub use worker::Ports;
