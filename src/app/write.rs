//! Writing files as a whole or not at all.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::AppError;
use crate::{
    content_hash::ContentHash,
    failpoint::{Point, pass},
};

/// Why a file was not written. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file is no longer what was read.
    #[error("failed to write {path}: it was changed by someone else in the meantime")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// There is a file already.
    #[error("failed to write {path}: it exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("failed to write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl From<WriteError> for AppError {
    fn from(error: WriteError) -> Self {
        match &error {
            WriteError::Changed { .. } => Self::environment(error.to_string()).with_hint("run the command again"),
            WriteError::Exists { .. } => Self::usage(error.to_string()),
            WriteError::Io { .. } => Self::environment(error.to_string()),
        }
    }
}

/// Gives the file at `path` the content `bytes`: it holds either what it held or all of `bytes`,
/// also when the machine stops. With `expected`, the file must still have this content. Keeps the
/// file's permissions and writes to the target of a symbolic link.
pub fn atomic_write(path: &Path, bytes: &[u8], expected: Option<ContentHash>) -> Result<(), WriteError> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let failed = |source| WriteError::Io { path: path.to_path_buf(), source };
    let temporary = filled(&target, bytes).map_err(failed)?;
    if let Ok(metadata) = fs::metadata(&target) {
        temporary.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
    }
    if let Some(expected) = expected
        && ContentHash::of_bytes(&fs::read(&target).map_err(failed)?) != expected
    {
        return Err(WriteError::Changed { path: path.to_path_buf() });
    }
    pass(Point::FileRename).map_err(|e| failed(e.into()))?;
    temporary.persist(&target).map_err(|e| failed(e.error))?;
    pass(Point::FileRenamed).map_err(|e| failed(e.into()))?;
    sync_folder(&target).map_err(failed)
}

/// Writes `bytes` to a file that must not be there yet.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => WriteError::Exists { path: path.to_path_buf() },
        _ => WriteError::Io { path: path.to_path_buf(), source },
    };
    filled(path, bytes).map_err(failed)?.persist_noclobber(path).map_err(|e| failed(e.error))?;
    sync_folder(path).map_err(failed)
}

/// Writes a document that is new, or replaces what is there with `force`.
pub fn write_text(path: &Path, text: &str, force: bool) -> Result<(), AppError> {
    if force {
        return Ok(atomic_write(path, text.as_bytes(), None)?);
    }
    match write_new(path, text.as_bytes()) {
        Err(error @ WriteError::Exists { .. }) => Err(AppError::from(error).with_hint("--force replaces it")),
        other => Ok(other?),
    }
}

/// A temporary file with this content beside `target`, on the disk.
fn filled(target: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".comfywright-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder_of(target))?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the new name of a file last. Only Unix lets a folder be opened for that.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder_of(path))?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_only_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        write_new(&path, b"one").unwrap();
        assert!(matches!(write_new(&path, b"two"), Err(WriteError::Exists { .. })));
        let read = ContentHash::of_bytes(b"one");
        atomic_write(&path, b"two", Some(read)).unwrap();
        assert!(matches!(atomic_write(&path, b"three", Some(read)), Err(WriteError::Changed { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "temporary files are gone");
    }

    #[cfg(unix)]
    #[test]
    fn keeps_permissions_and_links() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        atomic_write(&link, b"two", None).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
