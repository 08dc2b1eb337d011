//! What a run will do: tasks, items, dependencies, and for each item, when its time comes, the
//! graph and the fingerprint.
//!
//! Free of clock, I/O, randomness and hash-map order.

mod build;
mod model;
mod prepare;

pub use build::{Options, build};
pub use model::{
    DependsEntry, ItemIx, ItemResult, ItemTable, OutputFile, Placement, Plan, PlanRule, PlanTask, Prepared,
    RetryPolicy, Target, TaskIx, Upstream, Visit,
};
pub use prepare::Preparation;
