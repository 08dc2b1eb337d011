//! Results of earlier runs: whether their files are still what they were, and a place for them in
//! the new run.

use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use rayon::prelude::*;
use rusqlite::params;

use super::{error::LedgerError, open::Ledger, read::read_result};
use crate::{
    content_hash::ContentHash,
    failpoint::{Point, pass},
    outputs::TEMPORARY_PREFIX,
    plan::{ItemResult, OutputFile},
    run::{JournalError, ResultGroups, ResultNumber, ResultStore},
};

/// How many earlier results with one fingerprint are looked at.
const CANDIDATES: u32 = 4;

impl ResultStore for Ledger {
    fn reuse(&self, fingerprint: &str, outputs: &[&str], folder: &Path, stem: &str) -> Option<ItemResult> {
        self.intact(fingerprint, outputs).find_map(|(result, from)| self.place(&result, &from, folder, stem).ok())
    }

    fn result(&self, number: ResultNumber) -> Option<ItemResult> {
        read_result(&self.reader(), number.0).ok().flatten()
    }

    fn damaged(&self, results: ResultGroups<'_>, hash_all: bool) -> Result<Vec<ResultNumber>, JournalError> {
        let suspects = if hash_all { Ok(results.flatten().collect()) } else { self.suspects(results) };
        let suspects = suspects.map_err(|error| JournalError::Read(error.to_string()))?;
        let is_damaged =
            |number: &ResultNumber| !self.result(*number).is_some_and(|result| self.is_intact(&result, hash_all));
        Ok(suspects.into_par_iter().filter(is_damaged).collect())
    }
}

/// What is looked at of a file that was made.
struct Made {
    result: ResultNumber,
    path: String,
    size: u64,
    mtime_ns: i64,
    inode: u64,
}

impl Ledger {
    /// Whether all files of `result` are still there and unaltered: by size, time and inode, by hash when
    /// those differ or when `hash_all` says so.
    pub fn is_intact(&self, result: &ItemResult, hash_all: bool) -> bool {
        result.files.iter().all(|file| is_intact(&self.root, file, hash_all).unwrap_or(false))
    }

    /// Those of `results` of which a file has another size, time or inode than it had. Files are looked at while
    /// others are read of.
    fn suspects(&self, results: ResultGroups<'_>) -> Result<Vec<ResultNumber>, LedgerError> {
        let found = Mutex::new(Vec::new());
        let folder = Folder::open(&self.root);
        let look = &|files: Vec<Made>| {
            let changed = files.into_iter().filter(|made| !is_unchanged(&folder, made)).map(|made| made.result);
            let changed: Vec<ResultNumber> = changed.collect();
            found.lock().unwrap_or_else(PoisonError::into_inner).extend(changed);
        };
        rayon::in_place_scope(|scope| -> Result<(), LedgerError> {
            for group in results {
                let files = self.files_of(&group)?;
                scope.spawn(move |_| look(files));
            }
            Ok(())
        })?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What `results`, in ascending order, made.
    fn files_of(&self, results: &[ResultNumber]) -> Result<Vec<Made>, LedgerError> {
        let (Some(first), Some(last)) = (results.first(), results.last()) else { return Ok(Vec::new()) };
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT result, path, size, mtime_ns, inode FROM outputs WHERE result BETWEEN ? AND ? ORDER BY result",
        )?;
        let mut rows = statement.query([first.0, last.0])?;
        let mut wanted = results.iter().peekable();
        let mut files = Vec::with_capacity(results.len());
        while let Some(row) = rows.next()? {
            let result = ResultNumber(row.get(0)?);
            while wanted.next_if(|number| **number < result).is_some() {}
            if wanted.peek() == Some(&&result) {
                let (size, inode) = (row.get::<_, i64>(2)? as u64, row.get::<_, i64>(4)? as u64);
                files.push(Made { result, path: row.get(1)?, size, mtime_ns: row.get(3)?, inode });
            }
        }
        Ok(files)
    }

    /// The files of `outputs` of an earlier result with this fingerprint, where they are, if they are
    /// still there and unaltered.
    pub fn find_intact(&self, fingerprint: &str, outputs: &[&str]) -> Option<ItemResult> {
        self.intact(fingerprint, outputs).next().map(|(result, _)| result)
    }

    /// Earlier results whose files of `outputs` are intact, each with the folder of its run. Whatever
    /// is wrong with an earlier result, the item can be made again.
    fn intact<'a>(&'a self, fingerprint: &str, outputs: &'a [&str]) -> impl Iterator<Item = (ItemResult, String)> + 'a {
        let candidates = self.candidates(fingerprint).unwrap_or_default().into_iter();
        candidates.filter_map(move |(mut result, from)| {
            result.files.retain(|file| outputs.contains(&file.output.as_str()));
            self.is_intact(&result, false).then_some((result, from))
        })
    }

    /// The newest results with this fingerprint, each with the folder of its run.
    fn candidates(&self, fingerprint: &str) -> Result<Vec<(ItemResult, String)>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT results.number, runs.folder FROM results JOIN runs ON results.run = runs.number
             WHERE fingerprint = ? AND runs.collected_ns IS NULL ORDER BY results.number DESC LIMIT ?",
        )?;
        let rows = statement.query_map(params![fingerprint, CANDIDATES], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let numbers: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
        let mut found = Vec::new();
        for (number, folder) in numbers {
            found.extend(read_result(&reader, number)?.map(|result| (result, folder)));
        }
        Ok(found)
    }

    /// Links the files that lie in the folder `from` into `folder`; others stay where they are.
    fn place(&self, result: &ItemResult, from: &str, folder: &Path, stem: &str) -> io::Result<ItemResult> {
        let folder_text = folder.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let mut placed = result.clone();
        for file in &mut placed.files {
            let inside = file.path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
            if inside {
                let name = new_name(&file.path, stem);
                let path = format!("{folder_text}/{name}");
                link_or_copy(&self.root.join(&file.path), &self.root.join(&path))?;
                file.path = path;
            }
            let metadata = fs::metadata(self.root.join(&file.path))?;
            (file.mtime_ns, file.inode) = (mtime_ns(&metadata), inode(&metadata));
        }
        Ok(placed)
    }
}

/// The name under `stem` of a file whose name is `<old stem>[.…].<ending>`: no stem has a dot.
fn new_name(path: &str, stem: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.find('.').map_or_else(|| stem.to_owned(), |dot| format!("{stem}{}", &name[dot..]))
}

/// Makes `to` the same file as `from`, or a copy where the file system has no links.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if from == to {
        return Ok(());
    }
    pass(Point::ReuseLink)?;
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // A link has its name at once, or not at all.
    if fs::hard_link(from, to).is_ok() {
        return Ok(pass(Point::ReuseLinked)?);
    }
    let place = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(folder)?;
    let temporary = place.path().join("file");
    if fs::hard_link(from, &temporary).is_err() {
        fs::copy(from, &temporary)?;
        File::open(&temporary)?.sync_all()?;
    }
    fs::rename(&temporary, to)?;
    Ok(pass(Point::ReuseLinked)?)
}

/// A folder from which files are looked at, without going through the folders above it each time where the system can.
struct Folder<'a> {
    path: &'a Path,
    #[cfg(target_os = "linux")]
    opened: Option<File>,
}

impl<'a> Folder<'a> {
    fn open(path: &'a Path) -> Self {
        Self {
            path,
            #[cfg(target_os = "linux")]
            opened: File::open(path).ok(),
        }
    }

    /// Size, time of the last change, and inode of the file at `path` in the folder.
    fn look_at(&self, path: &str) -> io::Result<(u64, i64, u64)> {
        #[cfg(target_os = "linux")]
        if let Some(opened) = &self.opened {
            let found = rustix::fs::statat(opened, path, rustix::fs::AtFlags::empty())?;
            let mtime_ns =
                found.st_mtime.checked_mul(1_000_000_000).map(|ns| ns.saturating_add(found.st_mtime_nsec as i64));
            return Ok((found.st_size as u64, mtime_ns.filter(|ns| *ns > 0).unwrap_or(0), found.st_ino));
        }
        let metadata = fs::metadata(self.path.join(path))?;
        Ok((metadata.len(), mtime_ns(&metadata), inode(&metadata)))
    }
}

/// Whether the file has the size, the time and the inode that it had.
fn is_unchanged(folder: &Folder<'_>, made: &Made) -> bool {
    folder.look_at(&made.path).is_ok_and(|now| now == (made.size, made.mtime_ns, made.inode))
}

/// Whether `file` is what it was: size, time and inode, or else the content.
fn is_intact(root: &Path, file: &OutputFile, hash_all: bool) -> io::Result<bool> {
    let path = root.join(&file.path);
    let metadata = fs::metadata(&path)?;
    if metadata.len() != file.size {
        return Ok(false);
    }
    if !hash_all && mtime_ns(&metadata) == file.mtime_ns && inode(&metadata) == file.inode {
        return Ok(true);
    }
    Ok(ContentHash::of_reader(File::open(&path)?)?.to_string() == file.hash)
}

fn mtime_ns(metadata: &Metadata) -> i64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}
