//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod check;
mod convert;
mod diagnostics;
mod error;
mod fmt;
mod init;
mod layout;
mod schema;
mod selection;
mod session;
mod write;

pub use check::{CheckOptions, CheckReport, Fixed, check, check_and_fix};
pub use convert::{ConvertOptions, Converted, Destination, convert};
pub use diagnostics::{Finding, FindingEdit, FindingFix, Sources, error_findings, findings};
pub use error::{AppError, ExitCode};
pub use fmt::{FmtReport, fmt};
pub use init::{FIRST_DOCUMENT, InitReport, init};
pub use layout::canonical_text;
pub use schema::{SchemaKind, file_text, schema_files, write_schemas};
pub use session::{Session, SessionOptions};
pub use write::{WriteError, atomic_write, write_new};
