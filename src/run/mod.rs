//! The run engine: a pure planner `(state, event) -> commands`, the dispatcher that carries the
//! commands out, and the ports through which it reaches the world.

mod ports;

pub use ports::{Clock, Executor, Fault, Job, PortFuture, Produced, Progress, ResultStore, Scorer};
