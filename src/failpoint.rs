//! Points at which a test makes the program fail: end at once as by `kill -9`, get an error, or wait.
//!
//! They stand before and after everything that leaves this process: a transaction of the ledger, a
//! request to a server, a rename. `docs/crash.md` says how they are used.
//!
//! They are part of every build, so that what is killed in tests is the program that people get, and no
//! second one has to be built for it. Where nothing is armed, a point costs one relaxed load.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Defines the points with their names, so that none is forgotten in [`Point::ALL`].
macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A place at which something leaves this process.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// All points.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// Its name: `ledger.commit`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// Before a transaction of the ledger begins.
    LedgerBegin = "ledger.begin",
    /// Everything is written, and nothing committed.
    LedgerCommit = "ledger.commit",
    /// It is on disk, and nobody was told.
    LedgerCommitted = "ledger.committed",
    /// The run is locked, and nothing else was done.
    RunLocked = "run.locked",
    /// Before an output is written beside its place.
    OutputWrite = "output.write",
    /// An output is complete beside its place.
    OutputRename = "output.rename",
    /// An output is in its place, and nobody was told.
    OutputRenamed = "output.renamed",
    /// Before a result of an earlier run is linked.
    ReuseLink = "reuse.link",
    /// It is linked, and nobody was told.
    ReuseLinked = "reuse.linked",
    /// Another file is complete beside its place.
    FileRename = "file.rename",
    /// It is in its place.
    FileRenamed = "file.renamed",
    /// Before a graph is submitted.
    SubmitSend = "submit.send",
    /// The server has answered to a submission, and nobody was told.
    SubmitAnswered = "submit.answered",
    /// Before the queue is asked for.
    QueueSend = "queue.send",
    /// It has come.
    QueueAnswered = "queue.answered",
    /// Before the history of a prompt is asked for.
    HistorySend = "history.send",
    /// It has come.
    HistoryAnswered = "history.answered",
    /// Before a file is fetched.
    ViewSend = "view.send",
    /// It has come.
    ViewAnswered = "view.answered",
    /// Before a file is uploaded.
    UploadSend = "upload.send",
    /// The server has it.
    UploadAnswered = "upload.answered",
    /// Before a WebSocket is opened.
    SocketOpen = "socket.open",
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The process ends at once; nothing is cleaned up.
    Abort,
    /// What stands there fails.
    Error,
    /// It takes so much longer.
    Delay(Duration),
}

/// One thing to do at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    point: Point,
    action: Action,
    /// The first time, from 1, and whether later ones count as well.
    from: u64,
    always: bool,
}

struct Armed {
    rules: Vec<Rule>,
    reached: Vec<AtomicU64>,
    log: Option<Mutex<File>>,
}

static IS_ARMED: AtomicBool = AtomicBool::new(false);
static ARMED: OnceLock<Armed> = OnceLock::new();

/// The error that a point gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a test wants an error at {}", .0.name())]
pub struct Injected(pub Point);

impl From<Injected> for io::Error {
    fn from(injected: Injected) -> Self {
        // As when the disk is full: nothing is wrong with what was to be written.
        Self::new(io::ErrorKind::StorageFull, injected)
    }
}

/// Arms points for the rest of this process: `POINT=ACTION@TIME` or `log=FILE`, parted by `;`. ACTION is
/// `abort`, `error` or `delay:MILLISECONDS`; TIME counts from 1, `3+` means the third time and all
/// later ones. The log gets the name of every point that is reached, a line each.
///
/// # Errors
/// When `text` is none of this. Nothing is armed then.
pub fn arm(text: &str) -> Result<(), String> {
    let mut armed =
        Armed { rules: Vec::new(), reached: Point::ALL.iter().map(|_| AtomicU64::new(0)).collect(), log: None };
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, what) = part.split_once('=').ok_or_else(|| format!("\"{part}\" is not POINT=ACTION@TIME"))?;
        if name == "log" {
            let file = File::options().create(true).append(true).open(what);
            armed.log = Some(Mutex::new(file.map_err(|error| format!("failed to open {what}: {error}"))?));
        } else {
            armed.rules.push(rule(name, what)?);
        }
    }
    // Whoever comes second in one process changes nothing.
    let _ = ARMED.set(armed);
    IS_ARMED.store(true, Ordering::Release);
    Ok(())
}

fn rule(name: &str, what: &str) -> Result<Rule, String> {
    let find = |point: &&Point| point.name() == name;
    let point = *Point::ALL.iter().find(find).ok_or_else(|| format!("there is no point \"{name}\""))?;
    let (action, time) = what.split_once('@').unwrap_or((what, "1"));
    let action = match action.split_once(':') {
        None if action == "abort" => Action::Abort,
        None if action == "error" => Action::Error,
        Some(("delay", ms)) => {
            Action::Delay(Duration::from_millis(ms.parse().map_err(|_| format!("\"{ms}\" is no number"))?))
        }
        _ => return Err(format!("\"{action}\" is none of abort, error and delay:MILLISECONDS")),
    };
    let first = time.trim_end_matches('+');
    let from = first.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("\"{time}\" is no time"))?;
    Ok(Rule { point, action, from, always: first != time })
}

/// Passes `point` on a thread that may wait.
///
/// # Errors
/// When a test wants one.
pub fn pass(point: Point) -> Result<(), Injected> {
    if let Some(delay) = reach(point)? {
        std::thread::sleep(delay);
    }
    Ok(())
}

/// As [`pass`], where no thread may be held up.
///
/// # Errors
/// When a test wants one.
pub async fn pass_async(point: Point) -> Result<(), Injected> {
    if let Some(delay) = reach(point)? {
        tokio::time::sleep(delay).await;
    }
    Ok(())
}

/// Notes that `point` is reached, and says how long to wait.
fn reach(point: Point) -> Result<Option<Duration>, Injected> {
    if !IS_ARMED.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let Some(armed) = ARMED.get() else { return Ok(None) };
    let time = armed.reached[point as usize].fetch_add(1, Ordering::Relaxed) + 1;
    if let Some(log) = &armed.log {
        // Whoever reads the log sees that something is missing.
        let _ = writeln!(log.lock().unwrap_or_else(PoisonError::into_inner), "{}", point.name());
    }
    let applies = |rule: &&Rule| rule.point == point && (time == rule.from || rule.always && time > rule.from);
    match armed.rules.iter().find(applies).map(|rule| rule.action) {
        None => Ok(None),
        Some(Action::Abort) => std::process::abort(),
        Some(Action::Error) => Err(Injected(point)),
        Some(Action::Delay(delay)) => Ok(Some(delay)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read() {
        let told = rule("ledger.commit", "abort@7");
        let expected = Rule { point: Point::LedgerCommit, action: Action::Abort, from: 7, always: false };
        assert_eq!(told, Ok(expected));
        let told = rule("submit.send", "delay:300@2+");
        let action = Action::Delay(Duration::from_millis(300));
        assert_eq!(told, Ok(Rule { point: Point::SubmitSend, action, from: 2, always: true }));
        assert_eq!(rule("view.send", "error").map(|rule| rule.from), Ok(1));
        for (name, what) in [("x", "abort"), ("view.send", "delay"), ("view.send", "error@0"), ("view.send", "burn")] {
            assert!(rule(name, what).is_err(), "{name}={what}");
        }
    }

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
        assert!(Point::ALL.iter().enumerate().all(|(number, point)| *point as usize == number));
    }
}
