//! Commits by the names that people give them, and ranges of two.

use std::{path::Path, process::Stdio};

use super::command::git;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// As somebody called it.
    pub name: String,
    /// Its hash, in full.
    pub hash: String,
}

/// Two states of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub before: Revision,
    /// The second; none when it is the folder as it is.
    pub after: Option<Revision>,
}

/// Why git cannot say what was asked. Reads "failed to {error}".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no git, or no repository.
    #[error("ask git: {folder} is in no repository, or there is no git")]
    NoRepository {
        /// The folder.
        folder: String,
    },
    /// Nothing is called so.
    #[error("find `{name}`: it names no commit of this repository")]
    UnknownRevision {
        /// As given.
        name: String,
    },
    /// Two commits have nothing in common.
    #[error("compare `{before}` and `{after}`: they have no commit in common")]
    Unrelated {
        /// The first.
        before: String,
        /// The second.
        after: String,
    },
    /// git broke off.
    #[error("read the files of `{name}` through git")]
    Broken {
        /// The commit.
        name: String,
    },
}

impl GitError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownRevision { .. } | Self::Unrelated { .. } => {
                Some("in a shallow clone, fetch its history first: git fetch --unshallow, or fetch-depth: 0")
            }
            _ => None,
        }
    }
}

impl Revision {
    /// The commit that `name` means.
    pub fn find(root: &Path, name: &str) -> Result<Self, GitError> {
        let unknown = || GitError::UnknownRevision { name: name.to_owned() };
        // A name that begins with a hyphen would be an option.
        if name.is_empty() || name.starts_with('-') {
            return Err(unknown());
        }
        if said(root, &["rev-parse", "--git-dir"]).is_none() {
            return Err(GitError::NoRepository { folder: root.display().to_string() });
        }
        let commit = format!("{name}^{{commit}}");
        let hash =
            said(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).ok_or_else(unknown)?;
        Ok(Self { name: name.to_owned(), hash })
    }
}

impl Range {
    /// Reads `BASE..HEAD`, `BASE...HEAD` (since they parted), `BASE..` (to `HEAD`), or `BASE` (to the folder as it is).
    pub fn parse(root: &Path, text: &str) -> Result<Self, GitError> {
        let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        if let Some((before, after)) = text.split_once("...") {
            let (before, after) = (Revision::find(root, &or_head(before))?, Revision::find(root, &or_head(after))?);
            let unrelated = || GitError::Unrelated { before: before.name.clone(), after: after.name.clone() };
            let hash = said(root, &["merge-base", &before.hash, &after.hash]).ok_or_else(unrelated)?;
            return Ok(Self { before: Revision { name: before.name, hash }, after: Some(after) });
        }
        if let Some((before, after)) = text.split_once("..") {
            let (before, after) = (Revision::find(root, &or_head(before))?, Revision::find(root, &or_head(after))?);
            return Ok(Self { before, after: Some(after) });
        }
        Ok(Self { before: Revision::find(root, text)?, after: None })
    }
}

/// The first line that git says; none when it fails.
fn said(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = git(root).args(arguments).stdin(Stdio::null()).output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}
