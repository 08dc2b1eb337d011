//! What a run will do: tasks, items, dependencies, and for each item, when its time comes, the
//! graph and the fingerprint.
//!
//! Free of clock, I/O, randomness and hash-map order.

mod build;
mod critical_path;
mod model;
mod outline;
mod prepare;

pub use build::{Options, build};
pub use critical_path::{Bottleneck, CriticalPath, LowerBound, Pool, Waits, critical_path, lower_bound};
pub use model::{
    DependsEntry, ItemIx, ItemResult, ItemTable, OutputFile, Placement, Plan, PlanRule, PlanTask, Prepared,
    RetryPolicy, Target, TaskIx, Upstream, Visit,
};
pub use outline::{Outline, OutlineEntry, OutlineRule, OutlineTask};
pub use prepare::Preparation;
