//! A workspace's repository, read through the `git` command: older versions of documents, and the files of
//! any commit.
//!
//! Never writes, never asks the network. Without git, or outside a repository, there is no history.

mod command;
mod history;
mod revision;
mod tree;

pub use history::GitHistory;
pub use revision::{GitError, Range, Revision};
pub use tree::GitTree;
