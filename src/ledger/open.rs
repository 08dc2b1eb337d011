//! Opens the ledger's file and holds its connections.

use std::{
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, config::DbConfig};
use tempfile::TempPath;

use super::{error::LedgerError, schema, writer::Writer};
use crate::outputs::{TEMPORARY_PREFIX, sync_folder};

/// After how many pages of 4 KiB the log is brought over into the file. A page that was written many times in between
/// is brought over once.
const LOG_PAGES: u32 = 4096;

/// A log of so many bytes stays when the ledger is closed: to read it takes less than to bring it over, which waits for
/// the disk several times, here and when the next log begins.
const SHORT_LOG: u64 = 1 << 20;

/// Pages of 4 KiB that are kept for reading: what is read again is mostly what was written last.
const READER_PAGES: u32 = 128;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    pub(super) writer: Writer,
    pub(super) root: PathBuf,
    pub(super) folder: PathBuf,
    reader: Mutex<Connection>,
}

impl Ledger {
    /// Opens `ledger.db` in `folder`, both made if they do not exist. `root` is the workspace, to
    /// which the paths of outputs are relative.
    pub fn open(folder: &Path, root: &Path) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(folder).map_err(|source| LedgerError::File { path: folder.to_owned(), source })?;
        if let Some(kind) = network_file_system(folder) {
            return Err(LedgerError::NetworkFileSystem { folder: folder.to_owned(), kind });
        }
        let path = folder.join("ledger.db");
        if !path.exists() {
            make_ledger(folder, &path)?;
        }
        let mut connection = connect(&path)?;
        schema::migrate(&mut connection, &path)?;
        let reader = connect(&path)?;
        reader.pragma_update(None, "cache_size", READER_PAGES)?;
        let reader = Mutex::new(reader);
        let writer = Writer::start(connection, &path)?;
        Ok(Self { writer, root: root.to_owned(), folder: folder.to_owned(), reader })
    }

    /// Brings what was written into the file itself, as far as no reader is in the way, so that
    /// `ledger.db` alone is nearly up to date.
    pub fn checkpoint(&self) {
        // Whatever is not brought over stays in the log beside it, which is as good.
        let _ = self.reader().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }

    /// Reads up to so many bytes of the file where the system has them, without a copy of our own, from now on. Mapped
    /// memory counts as the process's.
    pub(super) fn map(&self, bytes: u32) {
        // What cannot be mapped is copied.
        let _ = self.reader().pragma_update(None, "mmap_size", bytes);
    }

    /// The connection to read with.
    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ledger {
    /// Lets the connection that is closed last bring the log over, if it is long.
    fn drop(&mut self) {
        let log = std::fs::metadata(self.folder.join("ledger.db-wal"));
        if log.is_ok_and(|log| log.len() > SHORT_LOG) {
            // Otherwise it stays in the log, which is as good.
            let _ = self.reader().set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        }
    }
}

/// Makes the file of a new ledger: whole, and on disk before it has its name. Somebody else may be faster.
fn make_ledger(folder: &Path, path: &Path) -> Result<(), LedgerError> {
    let failed = |source| LedgerError::File { path: path.to_owned(), source };
    let place = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(folder).map_err(failed)?;
    let new = place.path().join("ledger.db");
    // Nothing is lost with it as long as it has no name, and one fsync is enough for all of it. The log comes last:
    // what stands in one may find no room in the file when the connection closes, and nobody is told.
    let mut connection = Connection::open(&new)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    schema::migrate(&mut connection, &new)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(failed)?;
    let new = TempPath::try_from_path(new).map_err(failed)?;
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(failed(error.error)),
        _ => sync_folder(folder).map_err(failed),
    }
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The kind of network file system on which `folder`, which exists, is, where the system tells.
#[cfg(target_os = "linux")]
pub fn network_file_system(folder: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    // The field's type differs between architectures; magic numbers have 32 bits.
    kind_of_network_file_system(kind as u32)
}

/// The kind of network file system on which `folder`, which exists, is, where the system tells.
#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_folder: &Path) -> Option<&'static str> {
    None
}

/// Magic numbers as in statfs(2).
#[cfg(target_os = "linux")]
fn kind_of_network_file_system(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("nfs"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("smb"),
        0x5346_414f | 0x6b41_4653 => Some("afs"),
        0x00c3_6400 => Some("ceph"),
        0x0102_1997 => Some("9p"),
        0x0bd0_0bd0 => Some("lustre"),
        0x4750_4653 => Some("gpfs"),
        0x7375_7245 => Some("coda"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(kind_of_network_file_system(0x6969), Some("nfs"));
        assert_eq!(kind_of_network_file_system(0xef53), None);
        let text = LedgerError::NetworkFileSystem { folder: "/mnt/x".into(), kind: "nfs" }.to_string();
        assert!(text.contains("[store]") && text.contains("ledger"), "{text}");
    }
}
