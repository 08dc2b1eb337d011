//! Makes room: removes outputs of runs that have ended, and what only saves time, the oldest first.
//!
//! What is removed can be made again, and the ledger remembers what there was. A run that has not ended
//! keeps everything, and so does every run that is not chosen, also files in the folder of another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use super::{
    AppError, Session, checkpoint,
    controls::now_ns,
    history::{is_active, runs},
    run::{ledger_error, ledger_folder, open_ledger},
};
use crate::{
    ledger::{Ledger, RunRow},
    outputs,
};

/// Folders in that of the ledger with what only saves time or tells what was said.
const CACHES: [&str; 2] = ["servers", "logs"];

/// What may go.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcRequest {
    /// Whatever ended longer ago.
    pub older_than: Option<Duration>,
    /// The oldest, until everything together takes no more bytes.
    pub max_size: Option<u64>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What went, or would.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GcReport {
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// Bytes of outputs and caches before.
    pub bytes_before: u64,
    /// Bytes that are free now, or would be: a file that a kept run has as well frees none.
    pub bytes_freed: u64,
    /// Runs whose files went, the oldest first.
    pub runs: Vec<CollectedRun>,
    /// Files of caches that went, relative to the workspace.
    pub caches: Vec<String>,
    /// Runs that keep their files although they are old enough, and why.
    pub kept: Vec<KeptRun>,
}

/// A run whose files went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CollectedRun {
    /// Its id.
    pub run: String,
    /// Name of the document.
    pub document: String,
    /// Folder of its outputs, relative to the workspace.
    pub folder: String,
    /// How many files.
    pub files: usize,
    /// Bytes that this frees.
    pub bytes: u64,
}

/// A run that keeps its files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptRun {
    /// Its id.
    pub run: String,
    /// Folder of its outputs, relative to the workspace.
    pub folder: String,
    /// Why.
    pub reason: String,
}

/// Something that may go as a whole.
struct Thing {
    time_ns: i64,
    what: What,
    files: Vec<FoundFile>,
}

enum What {
    Run(Box<RunRow>),
    Cache,
}

struct FoundFile {
    path: String,
    bytes: u64,
    /// The same for all names of one file.
    identity: (u64, u64),
    /// How many names the file has, as the system counts.
    names: u64,
}

/// Removes what `request` says.
pub fn gc(session: &Session, request: &GcRequest) -> Result<GcReport, AppError> {
    if request.older_than.is_none() && request.max_size.is_none() {
        return Err(AppError::usage("nothing says what may go")
            .with_hint("such as --older-than 30d, or --max-size 20GiB; with --dry-run nothing is removed"));
    }
    let ledger = open_ledger(session)?;
    let all = runs(&ledger, u32::MAX)?;
    let files = ledger.files_by_run().map_err(|e| ledger_error(&e))?;
    let mut things = caches(session);
    let mut report = GcReport { dry_run: request.dry_run, ..GcReport::default() };
    let now = now_ns();
    let is_old = |time_ns: i64| {
        let age = Duration::from_nanos(u64::try_from(now.saturating_sub(time_ns)).unwrap_or(0));
        request.older_than.is_some_and(|longest| age > longest)
    };
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut unmovable = Vec::new();
    for run in &all {
        let own = files.get(&run.id).cloned().unwrap_or_default();
        let time_ns = run.finished_ns.unwrap_or(run.started_ns);
        if let Some(reason) = why_kept(&ledger, run) {
            if is_old(time_ns) && !own.is_empty() {
                report.kept.push(KeptRun { run: run.id.clone(), folder: run.folder.clone(), reason });
            }
            unmovable.extend(own.iter().filter_map(|path| found(&session.root, path)));
            needed.extend(own);
        } else if run.collected_ns.is_none() {
            let files = own.iter().filter_map(|path| found(&session.root, path)).collect();
            things.push(Thing { time_ns, what: What::Run(Box::new(run.clone())), files });
        }
    }
    things.sort_by_key(|thing| thing.time_ns);
    let mut names = Names::of(things.iter().flat_map(|thing| &thing.files).chain(&unmovable));
    report.bytes_before = names.bytes();
    let mut going = Vec::new();
    let mut staying = things.into_iter().peekable();
    while let Some(thing) = staying.peek() {
        let too_much = request.max_size.is_some_and(|most| names.bytes() > most);
        if !is_old(thing.time_ns) && !too_much {
            break;
        }
        names.remove(&thing.files);
        going.extend(staying.next());
    }
    needed.extend(staying.flat_map(|thing| thing.files).map(|file| file.path));
    for thing in &mut going {
        thing.files.retain(|file| !needed.contains(&file.path));
    }
    remove(session, &ledger, going, &mut report)?;
    Ok(report)
}

/// Why a run keeps its files whatever their age.
fn why_kept(ledger: &Ledger, run: &RunRow) -> Option<String> {
    if is_active(ledger, run) {
        return Some("a process works on it".to_owned());
    }
    (!run.state.has_ended()).then(|| format!("it has not ended: it is {}", run.state.name()))
}

fn remove(session: &Session, ledger: &Ledger, going: Vec<Thing>, report: &mut GcReport) -> Result<(), AppError> {
    let mut names = Names::of(going.iter().flat_map(|thing| &thing.files));
    for thing in going {
        let bytes = names.remove(&thing.files);
        let What::Run(run) = thing.what else {
            for file in &thing.files {
                if !report.dry_run {
                    remove_file(&session.root.join(&file.path))?;
                }
                report.caches.push(file.path.clone());
            }
            report.bytes_freed += bytes;
            continue;
        };
        if !report.dry_run && !collect(session, ledger, &run, &thing.files)? {
            let reason = "a process has begun to work on it".to_owned();
            report.kept.push(KeptRun { run: run.id.clone(), folder: run.folder.clone(), reason });
            continue;
        }
        report.bytes_freed += bytes;
        report.runs.push(CollectedRun {
            run: run.id,
            document: run.document,
            folder: run.folder,
            files: thing.files.len(),
            bytes,
        });
    }
    Ok(())
}

/// Removes the files of a run; false when somebody works on it now.
fn collect(session: &Session, ledger: &Ledger, run: &RunRow, files: &[FoundFile]) -> Result<bool, AppError> {
    let Ok(_lock) = ledger.lock_run(&run.id) else { return Ok(false) };
    let row = ledger.run(&run.id).map_err(|e| ledger_error(&e))?;
    if !row.state.has_ended() {
        return Ok(false);
    }
    for file in files {
        remove_file(&session.root.join(&file.path))?;
    }
    let folder = session.root.join(&run.folder);
    remove_file(&folder.join(checkpoint::FILE))?;
    outputs::sweep(&folder);
    remove_empty(&session.root, &folder, files);
    // Killed before this, it is found again, with what is left of it.
    ledger.set_collected(&run.id, now_ns()).map_err(|e| ledger_error(&e))?;
    Ok(true)
}

fn remove_file(path: &Path) -> Result<(), AppError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(AppError::environment(format!("failed to remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Removes the folders that are empty now; what somebody put there stays.
fn remove_empty(root: &Path, folder: &Path, files: &[FoundFile]) {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| root.join(&file.path).parent().map(Path::to_owned)).collect();
    for inner in folders.iter().rev().filter(|inner| inner.starts_with(folder)) {
        let _ = fs::remove_dir(inner);
    }
    let _ = fs::remove_dir(folder);
}

/// What only saves time: what servers can do, as it was kept, and what processes said at their end.
fn caches(session: &Session) -> Vec<Thing> {
    let mut things = Vec::new();
    for folder in CACHES {
        let relative = format!("{}/{folder}", ledger_folder(session));
        for entry in fs::read_dir(session.root.join(&relative)).into_iter().flatten().filter_map(Result::ok) {
            let path = format!("{relative}/{}", entry.file_name().to_string_lossy());
            let Ok(metadata) = entry.metadata() else { continue };
            let Some(file) = found(&session.root, &path).filter(|_| metadata.is_file()) else { continue };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let time_ns = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
            things.push(Thing { time_ns, what: What::Cache, files: vec![file] });
        }
    }
    things
}

fn found(root: &Path, path: &str) -> Option<FoundFile> {
    let metadata = fs::symlink_metadata(root.join(path)).ok()?;
    let (identity, names) = identity(&metadata, path);
    Some(FoundFile { path: path.to_owned(), bytes: metadata.len(), identity, names })
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata, _path: &str) -> ((u64, u64), u64) {
    use std::os::unix::fs::MetadataExt as _;
    ((metadata.dev(), metadata.ino()), metadata.nlink())
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata, path: &str) -> ((u64, u64), u64) {
    let hash = crate::content_hash::ContentHash::of_bytes(path.as_bytes());
    ((0, hash.as_bytes().first_chunk().map_or(0, |bytes: &[u8; 8]| u64::from_be_bytes(*bytes))), 1)
}

/// Names of files by what they name, with the bytes of each and how many names it has, also such as are none
/// of ours: a file takes room until its last name is gone.
#[derive(Default)]
struct Names {
    left: BTreeMap<(u64, u64), (BTreeSet<String>, u64, u64)>,
}

impl Names {
    fn of<'a>(files: impl Iterator<Item = &'a FoundFile>) -> Self {
        let mut all = Self::default();
        for file in files {
            let (names, bytes, count) = all.left.entry(file.identity).or_default();
            names.insert(file.path.clone());
            (*bytes, *count) = (file.bytes, file.names);
        }
        all
    }

    fn bytes(&self) -> u64 {
        self.left.values().map(|(_, bytes, _)| bytes).sum()
    }

    /// Takes away these names; the bytes that are free then.
    fn remove(&mut self, files: &[FoundFile]) -> u64 {
        let mut freed = 0;
        for file in files {
            let Some((names, bytes, count)) = self.left.get_mut(&file.identity) else { continue };
            if names.remove(&file.path) {
                *count = count.saturating_sub(1);
            }
            if *count == 0 {
                freed += *bytes;
                self.left.remove(&file.identity);
            }
        }
        freed
    }
}
