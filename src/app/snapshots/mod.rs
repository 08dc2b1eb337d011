//! Snapshots of servers in the workspace: taken from a server, and read to judge documents by.
//!
//! The snapshot of `[server.NAME]` is `snapshots/NAME.json`, or the file that its `snapshot` names. It
//! is meant to be committed, so that everything can be checked without the server.

mod load;
mod take;

pub use load::KeptSnapshot;
pub(super) use load::{Judged, classes, judged_by, judged_by_file};
pub use take::{SnapshotOptions, SnapshotReport, SnapshotTarget, take_snapshot};
