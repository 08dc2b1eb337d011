//! What can be wrong with the ledger.

use std::path::PathBuf;

use crate::failpoint::Injected;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file was written by a newer program.
    #[error(
        "failed to open {path}: it has format {found}, and this program knows formats up to {known}; \
         use a newer comfywright, or move the file away to begin a new ledger"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The folder is not on a local disk.
    #[error(
        "failed to open the ledger in {folder}: it is on a network file system ({kind}), where SQLite can lose data; \
         name a folder on a local disk with `ledger` under `[store]` in comfywright.toml"
    )]
    NetworkFileSystem {
        /// The folder.
        folder: PathBuf,
        /// What kind.
        kind: &'static str,
    },
    /// Another process has this run.
    #[error("failed to take run {run}: {} is working on it", who(*process))]
    Locked {
        /// Id of the run.
        run: String,
        /// The process, where it is known.
        process: Option<u32>,
    },
    /// There is no such run.
    #[error("failed to find run {run}")]
    NoSuchRun {
        /// What was asked for.
        run: String,
    },
    /// A file or folder could not be made, opened or read.
    #[error("failed to use {path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("failed to use the ledger: {0}")]
    Sql(#[from] rusqlite::Error),
    /// What is stored cannot be read.
    #[error("failed to read the ledger: {0}")]
    Content(#[from] serde_json::Error),
    /// The writer has ended, after an error that it told before.
    #[error("failed to write the ledger: {0}")]
    Write(String),
}

impl From<Injected> for LedgerError {
    fn from(injected: Injected) -> Self {
        Self::Write(injected.to_string())
    }
}

fn who(process: Option<u32>) -> String {
    process.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
}
