//! Runs in a process of their own, which outlives the one that begins them: whoever asks is not who
//! works. What becomes of them stands in the ledger, and what the process said at its end in a file
//! beside it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{AppError, ExitCode, ReadyRun, Session, run::ledger_folder};

/// How long a new process may take until it works on its run.
const LONGEST_START: Duration = Duration::from_mins(2);

/// How often it is looked whether it does.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Lets a process of its own carry the run out; answers when it works on it, or has ended already.
pub fn detach(session: &Session, ready: ReadyRun) -> Result<(), AppError> {
    let (run, verify) = (ready.id.to_string(), ready.verifies());
    let failed = |error: io::Error| AppError::environment(format!("failed to start a process for the run: {error}"));
    let log = log_path(session, &run);
    let ledger = ready.let_go();
    let child = start(session, &run, verify, &log).map_err(failed)?;
    let mut child = Reaped(Some(child));
    let until = Instant::now() + LONGEST_START;
    while !ledger.is_locked(&run) {
        if let Some(status) = child.ended().map_err(failed)? {
            let ran = [ExitCode::Done, ExitCode::Failures, ExitCode::Held, ExitCode::Interrupted];
            if ran.iter().any(|code| status.code() == Some(*code as i32)) {
                return Ok(());
            }
            let why = fault_of_detached(session, &run).unwrap_or_else(|| status.to_string());
            return Err(AppError::environment(format!("the process for the run broke off: {why}")));
        }
        if Instant::now() >= until {
            return Err(AppError::environment("the process for the run does not come to work on it"));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

/// Why the process that last worked on the run broke off, as far as it could still say it.
pub fn fault_of_detached(session: &Session, run: &str) -> Option<String> {
    let text = std::fs::read_to_string(log_path(session, run)).ok()?;
    let answer: Value = text.lines().rev().find_map(|line| serde_json::from_str(line).ok())?;
    // A process that came to the end of its work says which run it was.
    if answer["data"].get("run").is_some() {
        return None;
    }
    let told = answer["diagnostics"].as_array().into_iter().flatten().filter_map(|found| {
        let message = found["message"].as_str()?;
        Some(found["hint"].as_str().map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}")))
    });
    Some(told.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
}

fn log_path(session: &Session, run: &str) -> PathBuf {
    session.root.join(ledger_folder(session)).join("logs").join(format!("{run}.log"))
}

fn start(session: &Session, run: &str, verify: bool, log: &Path) -> io::Result<Child> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let log = File::create(log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run", "--json", "--resume", run, "--workspace"]).arg(&session.root);
    if verify {
        command.arg("--verify");
    }
    if session.is_confined() {
        command.arg("--confined");
    }
    command.current_dir(&session.root).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    apart(&mut command);
    command.spawn()
}

/// What ends this process and its group does not reach the new one.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// What ends this process and its group does not reach the new one.
#[cfg(windows)]
fn apart(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const DETACHED_PROCESS: u32 = 0x8;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}

#[cfg(not(any(unix, windows)))]
fn apart(_: &mut Command) {}

/// A child that somebody waits for in the end, so that nothing is left of it in the system's tables.
struct Reaped(Option<Child>);

impl Reaped {
    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.as_mut().map_or(Ok(None), Child::try_wait)
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            thread::spawn(move || child.wait());
        }
    }
}
