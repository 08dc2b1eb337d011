//! The files of a workspace as they were at a commit.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Cursor, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    command::git,
    revision::{GitError, Revision},
};
use crate::files::{FileInfo, FileKind, Listed, Stream, World, WorldError, join_relative};

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// The files of a commit.
pub struct GitTree {
    files: BTreeMap<String, Blob>,
    reader: Mutex<Reader>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Blob {
    object: String,
    size: u64,
}

/// `git cat-file --batch`, which answers one request after another.
struct Reader {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl GitTree {
    /// The files below the folder `root` at `commit`. Links and submodules are left out.
    pub fn open(root: &Path, commit: &Revision) -> Result<Self, GitError> {
        let broken = || GitError::Broken { name: commit.name.clone() };
        let listed = git(root)
            .args(["ls-tree", "-r", "-z", "-l", &commit.hash])
            .stdin(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())
            .ok_or_else(broken)?;
        let files = String::from_utf8_lossy(&listed.stdout).split('\0').filter_map(read_row).collect();
        let mut process = git(root)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|_| broken())?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take().ok_or_else(broken)?);
        let reader = Reader { process, requests, answers: BufReader::new(answers) };
        Ok(Self { files, reader: Mutex::new(reader) })
    }

    /// The files that are not the same in `other`, or are in one of both only.
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let is_other = |(path, blob): &(&String, &Blob)| other.files.get(*path) != Some(*blob);
        let gone_or_changed = self.files.iter().filter(is_other).map(|(path, _)| path.clone());
        let new = other.files.keys().filter(|path| !self.files.contains_key(*path)).cloned();
        let mut changed: Vec<String> = gone_or_changed.chain(new).collect();
        changed.sort_unstable();
        changed
    }

    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = self.files.range(prefix.clone()..);
        from.map_while(move |(path, _)| path.strip_prefix(&prefix))
    }
}

/// Reads `100644 blob OBJECT SIZE\tPATH`.
fn read_row(row: &str) -> Option<(String, Blob)> {
    let (head, path) = row.split_once('\t')?;
    let mut parts = head.split_whitespace();
    let (mode, kind) = (parts.next()?, parts.next()?);
    let blob = Blob { object: parts.next()?.to_owned(), size: parts.next()?.parse().ok()? };
    (kind == "blob" && mode.starts_with("100")).then(|| (path.to_owned(), blob))
}

impl Reader {
    fn read(&mut self, object: &str) -> io::Result<Vec<u8>> {
        let requests = self.requests.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(requests, "{object}")?;
        requests.flush()?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        // `OBJECT blob SIZE`, or `OBJECT missing`.
        let size = head.split_whitespace().nth(2).and_then(|size| size.parse::<usize>().ok());
        let mut bytes = vec![0; size.ok_or(io::ErrorKind::NotFound)? + 1];
        self.answers.read_exact(&mut bytes)?;
        bytes.pop();
        Ok(bytes)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It ends when there is nothing more to ask.
        drop(self.requests.take());
        let _ = self.process.wait();
    }
}

impl World for GitTree {
    fn info(&self, path: &str) -> Result<FileInfo, WorldError> {
        inside(path)?;
        if let Some(blob) = self.files.get(path) {
            return Ok(FileInfo { kind: FileKind::File, size: blob.size, mtime_ns: 0, inode: 0 });
        }
        if path.is_empty() || self.below(path).next().is_some() {
            return Ok(FileInfo { kind: FileKind::Folder, size: 0, mtime_ns: 0, inode: 0 });
        }
        Err(WorldError::NotFound { path: path.to_owned() })
    }

    fn open(&self, path: &str) -> Result<Box<dyn Stream>, WorldError> {
        inside(path)?;
        let blob = self.files.get(path).ok_or_else(|| WorldError::NotFound { path: path.to_owned() })?;
        if blob.size > MOST_BYTES {
            return Err(WorldError::TooLarge { path: path.to_owned(), limit: MOST_BYTES });
        }
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = reader.read(&blob.object);
        let bytes = bytes.map_err(|e| WorldError::Io { path: path.to_owned(), source: Arc::new(e) })?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, WorldError> {
        inside(path)?;
        let mut entries: BTreeMap<&str, bool> = BTreeMap::new();
        for below in self.below(path) {
            let (name, is_folder) = below.split_once('/').map_or((below, false), |(folder, _)| (folder, true));
            entries.insert(name, is_folder);
        }
        if entries.is_empty() && !path.is_empty() {
            return Err(WorldError::NotFound { path: path.to_owned() });
        }
        Ok(entries.into_iter().map(|(name, is_folder)| Listed { name: name.to_owned(), is_folder }).collect())
    }
}

fn inside(path: &str) -> Result<(), WorldError> {
    let outside = || WorldError::OutsideWorkspace { path: path.to_owned() };
    join_relative("", path).map(drop).map_err(|_| outside())
}
