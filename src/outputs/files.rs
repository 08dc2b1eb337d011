//! Files of a workspace that executors read and write: atomically, and never outside of it.
//!
//! Knows paths and bytes; knows neither graphs nor servers.

use std::{
    fs, io,
    io::Write as _,
    path::{Component, Path, PathBuf},
};

use crate::{
    content_hash::ContentHash,
    failpoint::{Point, pass},
    imagefile::ImageFileError,
    plan::OutputFile,
};

/// Start of the names of files and folders that are being written.
pub const TEMPORARY_PREFIX: &str = ".comfywright-";

/// Why a file could not be read or written. Reads "failed to {error}".
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path leaves the workspace.
    #[error("use the path `{0}`: it must be relative and stay inside the workspace")]
    Outside(String),
    /// The file system refused.
    #[error("{action} `{path}`: {source}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The path as it was given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Not a usable image. Reads "decode the image …".
    #[error("use `{path}`: failed to {source}")]
    Image {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        source: ImageFileError,
    },
}

impl FileError {
    /// Whether nothing at all can be written there, whatever it is.
    pub fn is_for_want_of_room(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        matches!(self, Self::Io { action: "write", source, .. }
            if matches!(source.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem))
    }
}

/// The place of `relative` (with `/`) in the workspace. Refuses what leads out of it: absolute
/// paths, drive letters, `..`.
pub fn inside(root: &Path, relative: &str) -> Result<PathBuf, FileError> {
    let path = Path::new(relative);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let portable = !relative.contains(['\\', '\0', ':']);
    if relative.is_empty() || !plain || !portable {
        return Err(FileError::Outside(relative.to_owned()));
    }
    Ok(root.join(path))
}

/// Reads the bytes at `relative`.
pub fn read(root: &Path, relative: &str) -> Result<Vec<u8>, FileError> {
    fs::read(inside(root, relative)?).map_err(|source| FileError::Io {
        action: "read",
        path: relative.to_owned(),
        source,
    })
}

/// Writes `bytes` to `relative`, whole or not at all: a temporary file in the same folder, fsync,
/// rename, fsync of the folder. Makes the folder. What was there is replaced.
pub fn write(root: &Path, relative: &str, bytes: &[u8]) -> Result<(), FileError> {
    let target = inside(root, relative)?;
    write_atomically(root, &target, bytes).map_err(|source| FileError::Io {
        action: "write",
        path: relative.to_owned(),
        source,
    })
}

/// Removes what processes that were killed left half-written in the folders of `folder`'s tasks, of
/// which nobody writes now.
pub fn sweep(folder: &Path) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let tasks = entries(folder).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    for left in tasks.flat_map(|task| entries(&task.path())) {
        if left.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            // What cannot be removed is in nobody's way.
            let path = left.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

fn write_atomically(root: &Path, target: &Path, bytes: &[u8]) -> io::Result<()> {
    pass(Point::OutputWrite)?;
    let folder = target.parent().unwrap_or(root);
    fs::create_dir_all(folder)?;
    // A symbolic link on the way may lead elsewhere.
    if !folder.canonicalize()?.starts_with(root.canonicalize()?) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "its folder lies outside the workspace"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    pass(Point::OutputRename)?;
    file.persist(target)?;
    pass(Point::OutputRenamed)?;
    sync_folder(folder)
}

/// Makes sure that the names in `folder` are on disk, where the system can.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Makes sure that the names in `folder` are on disk, where the system can.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The record of a file that was just written from `bytes`; `size` is 0 x 0 for what is no image.
pub fn record(
    root: &Path,
    relative: String,
    bytes: &[u8],
    output: &str,
    index: u32,
    size: (u32, u32),
) -> Result<OutputFile, FileError> {
    let found = fs::metadata(inside(root, &relative)?).map_err(|source| FileError::Io {
        action: "read",
        path: relative.clone(),
        source,
    })?;
    Ok(OutputFile {
        output: output.to_owned(),
        index,
        path: relative,
        hash: ContentHash::of_bytes(bytes).to_string(),
        size: bytes.len() as u64,
        mtime_ns: modified_ns(&found),
        inode: inode(&found),
        width: size.0,
        height: size.1,
    })
}

fn modified_ns(found: &fs::Metadata) -> i64 {
    let since = found.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_stay_inside() {
        let root = Path::new("workspace");
        assert_eq!(inside(root, "photos/a b.png").ok(), Some(PathBuf::from("workspace/photos/a b.png")));
        for bad in ["", "..", "a/../../b", "/etc/passwd", "C:/x.png", "C:x.png", "a\\..\\b", "a\0b"] {
            assert!(inside(root, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/b/file.bin", b"a longer first version").unwrap();
        write(root.path(), "a/b/file.bin", b"second").unwrap();
        assert_eq!(fs::read(root.path().join("a/b/file.bin")).unwrap(), b"second");
        assert_eq!(fs::read_dir(root.path().join("a/b")).unwrap().count(), 1);
        // A folder in the way: nothing changes.
        fs::create_dir(root.path().join("taken")).unwrap();
        assert!(write(root.path(), "taken", b"x").is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }
}
