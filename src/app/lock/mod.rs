//! The lock: written from what documents are checked against, and compared with what is now.

mod compare;
mod facts;
mod write;

pub(super) use compare::{Locked, drift_of_run};
pub use facts::ServerFacts;
pub use write::{LockOptions, LockReport, write_lock};
