//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod check;
mod convert;
mod diagnostics;
mod error;
mod faults;
mod fmt;
pub mod history;
mod init;
mod job;
mod layout;
mod placed;
mod plan;
mod run;
mod schema;
mod secrets;
mod selection;
mod servers;
mod session;
mod write;

pub use check::{CheckOptions, CheckReport, Fixed, check, check_and_fix};
pub use convert::{ConvertOptions, Converted, Destination, convert};
pub use diagnostics::{Finding, FindingEdit, FindingFix, Sources, error_findings, findings};
pub use error::{AppError, ExitCode};
pub use faults::{Aftermath, fault_diagnostics};
pub use fmt::{FmtReport, fmt};
pub use init::{FIRST_DOCUMENT, InitReport, init};
pub use job::{JobOptions, RunnableJob, make_job};
pub use layout::canonical_text;
pub use placed::{PlacedJob, Purpose, placed_job};
pub use plan::{Planned, TaskForecast, plan};
pub use run::{ReadyRun, RunRequest, open_ledger, ready, ready_again, setting_value};
pub use schema::{SchemaKind, file_text, schema_files, write_schemas};
pub use servers::{Connected, Knowledge, connect, server_error, server_settings};
pub use session::{Session, SessionOptions};
pub use write::{WriteError, atomic_write, write_new};
