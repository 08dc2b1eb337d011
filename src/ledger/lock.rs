//! A lock on a run, so that two processes never work on the same one.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use super::{error::LedgerError, open::Ledger};
use crate::failpoint::{Point, pass};

/// How often a lock that somebody has is tried again: who only looks has it for a moment.
const TRIES: u32 = 10;

/// How long between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The right to work on a run; given back when dropped, or when the process ends in any way. The
/// file stays: to remove it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl Ledger {
    /// Takes the lock of the run with this id.
    pub fn lock_run(&self, run: &str) -> Result<RunLock, LedgerError> {
        let path = self.lock_path(run);
        let failed = |source| LedgerError::File { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        for rest in (0..TRIES).rev() {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if rest > 0 => std::thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    return Err(LedgerError::Locked { run: run.to_owned(), process: process(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        // For people; the lock holds without it.
        let _ = sign(&mut file);
        pass(Point::RunLocked)?;
        Ok(RunLock { _file: file })
    }

    /// Whether a process works on the run with this id.
    pub fn is_locked(&self, run: &str) -> bool {
        let file = File::options().read(true).open(self.lock_path(run));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn lock_path(&self, run: &str) -> PathBuf {
        self.folder.join("locks").join(format!("{run}.lock"))
    }
}

/// Writes this process into the file, which is cut off only where it is too long: that may wait for the disk.
fn sign(file: &mut File) -> io::Result<()> {
    let process = std::process::id().to_string();
    file.write_all(process.as_bytes())?;
    let length = process.len() as u64;
    if file.metadata()?.len() > length { file.set_len(length) } else { Ok(()) }
}

/// The process that has the lock, where the system lets it be read.
fn process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
