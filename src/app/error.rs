//! What can go wrong with an operation as a whole, classed by exit code.

use crate::diagnostic::Diagnostic;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// Items failed.
    Failures = 1,
    /// Files are wrong, or the command was.
    WrongFiles = 2,
    /// A server, the disk or the network.
    Environment = 3,
    /// Nothing was examined.
    NothingExamined = 4,
    /// Only held items remain.
    Held = 5,
    /// Interrupted.
    Interrupted = 130,
}

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Documents are wrong.
    #[error("the files are wrong")]
    Wrong(Vec<Diagnostic>),
    /// Servers are not as they were locked.
    #[error("the servers are not as they were locked")]
    Drifted(Vec<Diagnostic>),
    /// The command names something that is not there or does not fit.
    #[error("{message}")]
    Usage {
        /// One sentence.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A server, the disk or the network.
    #[error("{message}")]
    Environment {
        /// One sentence: `failed to …`.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl AppError {
    /// A wrong command.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// A fault of the surroundings.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::Environment { message: message.into(), hint: None }
    }

    /// Adds a hint, where the error can have one.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        let new = Some(hint.into());
        match self {
            Self::Usage { message, .. } => Self::Usage { message, hint: new },
            Self::Environment { message, .. } => Self::Environment { message, hint: new },
            wrong @ (Self::Wrong(_) | Self::Drifted(_)) => wrong,
        }
    }

    /// How a command that meets it ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Wrong(_) | Self::Usage { .. } => ExitCode::WrongFiles,
            Self::Environment { .. } | Self::Drifted(_) => ExitCode::Environment,
        }
    }
}
