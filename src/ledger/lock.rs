//! A lock on a run, so that two processes never work on the same one.

use std::fs::{File, TryLockError};

use super::{error::LedgerError, open::Ledger};

/// The right to work on a run; given back when dropped, or when the process ends in any way. The
/// file stays: to remove it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl Ledger {
    /// Takes the lock of the run with this id.
    pub fn lock_run(&self, run: &str) -> Result<RunLock, LedgerError> {
        let folder = self.folder.join("locks");
        let path = folder.join(format!("{run}.lock"));
        let failed = |source| LedgerError::File { path: path.clone(), source };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { run: run.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
