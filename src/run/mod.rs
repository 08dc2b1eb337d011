//! The run engine: a pure planner `(state, event) -> commands`, the dispatcher that carries the
//! commands out, and the ports through which it reaches the world.

mod condition;
mod event;
mod item;
mod loops;
mod needs;
mod order;
mod planner;
mod ports;
mod routing;
mod rows;
mod state;
mod topology;

pub use event::{AttemptId, Command, Decision, Event, Values};
pub use order::Slots;
pub use planner::Planner;
pub use ports::{
    Change, Clock, Entry, Executor, Fault, Job, Journal, JournalError, PortFuture, Preparer, Produced, Progress,
    ResultStore, RunState, Scorer,
};
pub use state::{Counts, ItemState, Reason};
