//! The ledger: a SQLite file that remembers every run, item, decision, output and metric.
//!
//! The only module with SQL. Implements the engine's ports [`Journal`](crate::run::Journal) and
//! [`ResultStore`](crate::run::ResultStore) and gives readers what they ask for. Files say what
//! should be; the ledger says what was: nothing that a person wrote lives only here.
//!
//! Everything is written by one thread, which puts whatever has queued up into one transaction
//! and acknowledges it when it is on disk.

mod collect;
mod controls;
mod drained;
mod durations;
mod error;
mod event_text;
mod journal;
mod judgements;
mod lock;
mod marks;
mod open;
mod past;
mod read;
mod reuse;
mod schema;
mod scores;
mod timeline;
mod trial;
mod writer;

pub use drained::Drained;
pub use error::LedgerError;
pub use journal::{NewRun, RunJournal};
pub use judgements::{Judgement, Opinion};
pub use lock::RunLock;
pub use marks::{Mark, MarkedItem};
pub use open::{Ledger, network_file_system};
pub use past::ReadPast;
pub use read::{DecisionRow, ItemRow, RunRow, folder_name};
pub use timeline::{CourseRows, TryEnd, TryRow};
pub use trial::{BlockRow, NewTest, TestRow};
