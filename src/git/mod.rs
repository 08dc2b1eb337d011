//! The history of a workspace's repository, read through the `git` command.
//!
//! Never writes, never asks the network. Without git, or outside a repository, there is no history.

mod history;

pub use history::GitHistory;
