//! The cache of model files, by their SHA-256, shared by all workspaces of a user.
//!
//! `files/HASH` is complete and was hashed when it came in; `checked/HASH` notes the size, time and inode
//! that the file had then. A file that still has them is taken for what it was; another one is hashed
//! again. `partial/HASH` is a file under way. Files that are part of the program are always there, and never here.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{ModelError, built_in};
use crate::model::{ModelFile, ModelManifest};

/// Whether a model's files are in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All of them, of the right sizes.
    Here,
    /// None.
    Absent,
    /// Some, or some of the wrong size.
    Partly,
}

/// Where the content of a model's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In this file of the cache.
    Cached(PathBuf),
    /// In the program.
    BuiltIn(&'static [u8]),
}

impl Content {
    /// The file of the cache.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Cached(path) => Some(path),
            Self::BuiltIn(_) => None,
        }
    }
}

/// The folder of model files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCache {
    root: PathBuf,
}

impl ModelCache {
    /// The cache at `root`, which need not be there yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file with this hash is, or would be.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.root.join("files").join(sha256)
    }

    /// Where the file with this hash is while it is fetched.
    pub(super) fn partial(&self, sha256: &str) -> PathBuf {
        self.root.join("partial").join(format!("{sha256}.part"))
    }

    /// The folder of optimised models.
    pub(super) fn optimised(&self) -> PathBuf {
        self.root.join("optimised")
    }

    fn note(&self, sha256: &str) -> PathBuf {
        self.root.join("checked").join(sha256)
    }

    /// Whether the files of `manifest` are here, by their sizes.
    pub fn presence(&self, manifest: &ModelManifest) -> Presence {
        let is_right = |file: &ModelFile| {
            built_in::bytes(&file.sha256).is_some()
                || fs::metadata(self.path(&file.sha256)).is_ok_and(|found| found.len() == file.size)
        };
        let is_any = |file: &ModelFile| self.path(&file.sha256).exists() || self.partial(&file.sha256).exists();
        if manifest.file.iter().all(is_right) {
            Presence::Here
        } else if manifest.file.iter().any(is_any) {
            Presence::Partly
        } else {
            Presence::Absent
        }
    }

    /// The content of `file`, which is what the manifest says: hashed now where it changed since it
    /// was last hashed, or when `hash` says so.
    pub fn checked(&self, name: &str, file: &ModelFile, hash: bool) -> Result<Content, ModelError> {
        if let Some(bytes) = built_in::bytes(&file.sha256) {
            return Ok(Content::BuiltIn(bytes));
        }
        let path = self.path(&file.sha256);
        let altered = |what: String| ModelError::Altered { name: name.to_owned(), file: file.name.clone(), what };
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ModelError::NotHere { name: name.to_owned() });
            }
            Err(error) => return Err(ModelError::io("read", path)(error)),
        };
        if found.len() != file.size {
            return Err(altered(format!("{} bytes instead of {}", found.len(), file.size)));
        }
        let stamp = stamp(&found);
        if !hash && fs::read_to_string(self.note(&file.sha256)).is_ok_and(|noted| noted == stamp) {
            return Ok(Content::Cached(path));
        }
        let sha256 = sha256_of(&path).map_err(ModelError::io("read", &path))?;
        if sha256 != file.sha256 {
            return Err(altered(format!("its SHA-256 is {sha256}")));
        }
        self.write_note(&file.sha256, &stamp);
        Ok(Content::Cached(path))
    }

    /// A note that cannot be written costs the next reader time and nothing else.
    fn write_note(&self, sha256: &str, stamp: &str) {
        let _ = write_atomically(&self.note(sha256), stamp.as_bytes());
    }

    /// Takes in the complete file at `from`, which has this hash: it is moved there.
    pub(super) fn take_in(&self, from: &Path, sha256: &str) -> Result<(), ModelError> {
        let target = self.path(sha256);
        make_folder_of(&target)?;
        fs::rename(from, &target).map_err(ModelError::io("write", &target))?;
        sync_folder_of(&target);
        if let Ok(found) = fs::metadata(&target) {
            self.write_note(sha256, &stamp(&found));
        }
        Ok(())
    }

    /// Removes the file with this hash, and what is there of it; the bytes that became free.
    pub fn forget(&self, sha256: &str) -> Result<u64, ModelError> {
        let mut freed = 0;
        for path in [self.path(sha256), self.partial(sha256), self.note(sha256)] {
            let size = fs::metadata(&path).map_or(0, |found| found.len());
            match fs::remove_file(&path) {
                Ok(()) => freed += size,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(ModelError::io("remove", path)(error)),
            }
        }
        Ok(freed)
    }
}

/// Makes the folder that `path` lies in.
pub(super) fn make_folder_of(path: &Path) -> Result<(), ModelError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(ModelError::io("make the folder", folder))
}

/// Writes a small file completely or not at all.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    make_folder_of(path)?;
    let write = || {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(ModelError::io("write", path))
}

/// Puts the entries of a file's folder on the disk, where the system can.
pub(super) fn sync_folder_of(path: &Path) {
    if cfg!(unix)
        && let Some(folder) = path.parent().and_then(|folder| fs::File::open(folder).ok())
    {
        // What the system cannot do here it does later.
        let _ = folder.sync_all();
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// `bytes` in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What tells that a file is still the one that was hashed.
fn stamp(found: &fs::Metadata) -> String {
    let since = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!("{} {} {}", found.len(), since.map_or(0, |since| since.as_nanos()), inode(found))
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
