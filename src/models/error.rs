//! What can go wrong with a model.

use std::{io, path::PathBuf};

/// What can go wrong with a model. Reads "failed to {error}".
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No manifest has this name.
    #[error("find the model `{name}`: {message}")]
    Unknown {
        /// The name.
        name: String,
        /// Why.
        message: String,
    },
    /// It is known, but not on this machine.
    #[error("use the model `{name}`: it is not on this machine; fetch it: comfywright models pull {name}")]
    NotHere {
        /// The model.
        name: String,
    },
    /// A file in the cache is not what the manifest says.
    #[error(
        "use the model `{name}`: {file} is not what its manifest says ({what}); fetch it anew: comfywright models pull {name}"
    )]
    Altered {
        /// The model.
        name: String,
        /// The file.
        file: String,
        /// What differs.
        what: String,
    },
    /// A source did not give what the manifest says.
    #[error("{what}")]
    NotAsPromised {
        /// What differs.
        what: String,
    },
    /// The file system refused.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is not enough room for a file.
    #[error("fetch {file}: it needs {needed} MiB, and {free} MiB are free in {folder}", folder = folder.display())]
    NoRoom {
        /// The file.
        file: String,
        /// MiB that are missing still.
        needed: u64,
        /// MiB that are free.
        free: u64,
        /// Where.
        folder: PathBuf,
    },
    /// No source gave the file.
    #[error("fetch {file}: {reasons}")]
    NoSource {
        /// The file.
        file: String,
        /// What each source said.
        reasons: String,
    },
    /// Another process fetches the same file.
    #[error("fetch {file}: another process is fetching it")]
    Busy {
        /// The file.
        file: String,
    },
    /// The manifest names no source.
    #[error("fetch {file}: the manifest of `{name}` names no source; add the file: comfywright models add FILE")]
    Sourceless {
        /// The model.
        name: String,
        /// The file.
        file: String,
    },
    /// The file is no ONNX model.
    #[error("load the model `{name}`: {file} is not an ONNX model ({reason})")]
    NotOnnx {
        /// The model.
        name: String,
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The model has operators that tract does not have.
    #[error("load the model `{name}`: tract has no operator {operators}")]
    Operators {
        /// The model.
        name: String,
        /// Their names.
        operators: String,
    },
    /// The file is no tokenizer.
    #[error("load the model `{name}`: {file} is not a tokenizer ({reason})")]
    Tokenizer {
        /// The model.
        name: String,
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The model cannot be asked with these words.
    #[error("ask the model `{name}`: {what}")]
    Words {
        /// The model.
        name: String,
        /// Why not.
        what: String,
    },
    /// The model's inputs or outputs are not those of the manifest.
    #[error("load the model `{name}`: {what}")]
    Interface {
        /// The model.
        name: String,
        /// What differs.
        what: String,
    },
    /// tract cannot load the model.
    #[error("load the model `{name}`: {reason}")]
    Load {
        /// The model.
        name: String,
        /// tract's words.
        reason: String,
    },
    /// tract cannot run the model.
    #[error("run the model `{name}`: {reason}")]
    Run {
        /// The model.
        name: String,
        /// tract's words.
        reason: String,
    },
}

impl ModelError {
    /// The source did not give what the manifest promises.
    pub(super) fn not_as_promised(what: impl Into<String>) -> Self {
        Self::NotAsPromised { what: what.into() }
    }

    /// The file system refused `action` at `path`.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
