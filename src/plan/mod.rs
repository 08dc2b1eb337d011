//! What a run will do: tasks, items, dependencies, and for each item, when its time comes, the
//! graph and the fingerprint.
//!
//! Free of clock, I/O, randomness and hash-map order.

mod build;
mod capabilities;
mod critical_path;
mod estimate;
mod kind;
mod model;
mod observed;
mod outline;
mod placement;
mod prepare;
mod prices;
#[cfg(test)]
mod testing;
mod trial;

pub use crate::compile::{KindOf, Model};
pub use build::{Options, build};
pub use capabilities::{Capabilities, Capability, Fits, Keeps, NATIVE, TAG, is_called};
pub use critical_path::{Bottleneck, CriticalPath, LowerBound, Pool, Waits, critical_path, lower_bound};
pub use estimate::Estimates;
pub use kind::{Kind, Kinds, Shape};
pub use model::{
    DependsEntry, ItemIx, ItemResult, ItemTable, OutputFile, Placement, Plan, PlanRule, PlanTask, Prepared,
    RetryPolicy, Target, TaskIx, Upstream, Visit,
};
pub use observed::{History, Observed, Sort, Warmth};
pub use outline::{Outline, OutlineEntry, OutlineRule, OutlineTask};
pub use placement::{Access, Place, Placer};
pub use prepare::Preparation;
pub use prices::Prices;
pub use trial::Trial;
