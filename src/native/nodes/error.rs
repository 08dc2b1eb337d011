//! Why a native node did not run.

/// Why a native node did not run. Reads "failed to {error}".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// No native node has this class.
    #[error("run `{class}`: there is no native node of this class")]
    UnknownClass {
        /// The class.
        class: String,
    },
    /// A required input was not given.
    #[error("read input `{input}`: it is missing")]
    Missing {
        /// Name of the input.
        input: String,
    },
    /// An input has a value of another type.
    #[error("read input `{input}`: expected {expected}, found {found}")]
    WrongType {
        /// Name of the input.
        input: String,
        /// ComfyUI's name of the type.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// A number is too small or too large.
    #[error("read input `{input}`: {value} is not in the range {range}")]
    OutOfRange {
        /// Name of the input.
        input: String,
        /// The number.
        value: String,
        /// `0 to 16384`.
        range: String,
    },
    /// A combo has no such choice.
    #[error("read input `{input}`: {value:?} is none of {choices}")]
    NotInList {
        /// Name of the input.
        input: String,
        /// What was given.
        value: String,
        /// The choices, joined by commas.
        choices: String,
    },
    /// An input is of the right type, but does not fit this node or its other inputs.
    #[error("use input `{input}`: {reason}")]
    Unfit {
        /// Name of the input.
        input: String,
        /// What is wrong.
        reason: String,
    },
    /// The result would not fit into memory in any sensible way.
    #[error("run `{class}`: the result would take {} MiB, more than the {} MiB allowed; look at {inputs}", bytes >> 20, limit >> 20)]
    TooLarge {
        /// The class.
        class: String,
        /// Estimated size of the result.
        bytes: u64,
        /// The limit.
        limit: u64,
        /// The inputs that decide the size.
        inputs: String,
    },
}

impl NodeError {
    /// An input that does not fit.
    pub fn unfit(input: &str, reason: impl Into<String>) -> Self {
        Self::Unfit { input: input.to_owned(), reason: reason.into() }
    }
}
