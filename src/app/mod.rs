//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod error;
mod session;

pub use error::{AppError, ExitCode};
pub use session::{Session, SessionOptions};
