//! What differs between two documents, graphs or amounts of work, as people mean it.
//!
//! By the names of nodes, tasks and parameters; comments, layout, format, order without meaning and the
//! place of a node in the editor are no difference. Reads no files and knows neither git nor the ledger:
//! who asks brings both sides.

mod change;
mod classes;
mod document;
mod graph;
mod markdown;
mod matching;
mod normal;
mod rename;
mod report;
mod text;
mod values;
mod work;

pub use change::{Change, ChangeKind};
pub use classes::{ClassDifference, classes};
pub use document::documents;
pub use graph::graphs;
pub use markdown::markdown;
pub use report::{DocumentReport, DocumentState, Report, SnapshotReport, Totals};
pub use text::{change_text, text};
pub use values::json;
pub use work::{DocumentWork, Fate, TaskDiff, TaskWork, WorkDiff, WorkItem, work};
