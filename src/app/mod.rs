//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod check;
mod diagnostics;
mod error;
mod session;
mod write;

pub use check::{CheckOptions, CheckReport, Fixed, check, check_and_fix};
pub use diagnostics::{Finding, FindingEdit, FindingFix, Sources, error_findings, findings};
pub use error::{AppError, ExitCode};
pub use session::{Session, SessionOptions};
pub use write::{WriteError, atomic_write, write_new};
