//! How git is called.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// git in the folder `root`: no prompts, no locks, no fetching of what a partial clone lacks.
pub(super) fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C").stderr(Stdio::null());
    command
}
