//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod error;
pub mod history;
mod job;
mod plan;
mod run;
mod session;

pub use error::{AppError, ExitCode};
pub use job::{JobOptions, RunnableJob, make_job};
pub use plan::{Planned, TaskForecast, plan};
pub use run::{ReadyRun, RunRequest, open_ledger, parse_seeds, parse_setting, ready, ready_again};
pub use session::{Session, SessionOptions};
