//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod check;
mod diagnostics;
mod error;
pub mod history;
mod job;
mod plan;
mod run;
mod session;
mod write;

pub use check::{CheckOptions, CheckReport, Fixed, check, check_and_fix};
pub use diagnostics::{Finding, FindingEdit, FindingFix, Sources, error_findings, findings};
pub use error::{AppError, ExitCode};
pub use job::{JobOptions, RunnableJob, make_job};
pub use plan::{Planned, TaskForecast, plan};
pub use run::{ReadyRun, RunRequest, open_ledger, parse_seeds, parse_setting, ready, ready_again};
pub use session::{Session, SessionOptions};
pub use write::{WriteError, atomic_write, write_new};
