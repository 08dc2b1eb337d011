//! The workspace's files as the layers below `app` see them: read, list, hash, never write, and
//! never outside the workspace.
//!
//! Paths are relative to the workspace, with `/`. Must not know what any file means.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read, Seek},
    path::Path,
    sync::Arc,
    time::UNIX_EPOCH,
};

use cap_std::{ambient_authority, fs::Dir};

use crate::content_hash::ContentHash;

/// Why a file could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorldError {
    /// The path leads out of the workspace, by `..`, an absolute path or a symbolic link.
    #[error("reach `{path}`: it lies outside the workspace")]
    OutsideWorkspace {
        /// As given.
        path: String,
    },
    /// The file is there, but not for whoever asks.
    #[error("read `{path}`: it is closed to clients")]
    Closed {
        /// Relative to the workspace.
        path: String,
    },
    /// There is no such file or folder.
    #[error("find `{path}`")]
    NotFound {
        /// Relative to the workspace.
        path: String,
    },
    /// The file is larger than the reader accepts.
    #[error("read `{path}`: it is larger than {limit} bytes")]
    TooLarge {
        /// Relative to the workspace.
        path: String,
        /// Most bytes accepted.
        limit: u64,
    },
    /// The pattern is not a glob.
    #[error("read the pattern `{pattern}`: {reason}")]
    BadPattern {
        /// As given.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// The system refused.
    #[error("read `{path}`: {source}")]
    Io {
        /// Relative to the workspace.
        path: String,
        /// The system's error.
        source: Arc<io::Error>,
    },
}

impl WorldError {
    /// The code of a diagnostic that reports this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutsideWorkspace { .. } => "path-outside-workspace",
            Self::Closed { .. } => "file-closed",
            Self::NotFound { .. } => "file-not-found",
            Self::TooLarge { .. } => "file-too-large",
            Self::BadPattern { .. } => "bad-pattern",
            Self::Io { .. } => "unreadable-file",
        }
    }

    /// What the system's `error` about `path` means.
    pub(crate) fn from_io(path: &str, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            // cap-std's own refusals carry no number of the system.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Self::OutsideWorkspace { path },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound { path },
            _ => Self::Io { path, source: Arc::new(error) },
        }
    }
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Something else: a device, a socket.
    Other,
}

/// What the file system says of a file, symbolic links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// What it is.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970; 0 where it is unknown.
    pub mtime_ns: i64,
    /// Number of the file on its file system; 0 where there is none.
    pub inode: u64,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Whether it is a folder itself (not a link to one).
    pub is_folder: bool,
}

/// An open file.
pub trait Stream: Read + Seek + Send {}

impl<T: Read + Seek + Send> Stream for T {}

/// Files to read.
pub trait World: Send + Sync {
    /// What the file system says of `path`.
    fn info(&self, path: &str) -> Result<FileInfo, WorldError>;

    /// Opens the file `path`.
    fn open(&self, path: &str) -> Result<Box<dyn Stream>, WorldError>;

    /// The entries of the folder `path` (`""` is the workspace), sorted by name. Names that are
    /// not UTF-8 are left out: no document can name them.
    fn list(&self, path: &str) -> Result<Vec<Listed>, WorldError>;

    /// The bytes of the file `path`, when they are at most `limit`.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, WorldError> {
        // Room for a document: an empty vector would be filled by many small reads.
        let mut bytes = Vec::with_capacity(16 << 10);
        let mut stream = self.open(path)?.take(limit.saturating_add(1));
        stream.read_to_end(&mut bytes).map_err(|e| WorldError::from_io(path, e))?;
        if bytes.len() as u64 > limit {
            return Err(WorldError::TooLarge { path: path.to_owned(), limit });
        }
        Ok(bytes)
    }

    /// The hash of the content of the file `path`.
    fn hash(&self, path: &str) -> Result<ContentHash, WorldError> {
        ContentHash::of_reader(self.open(path)?).map_err(|e| WorldError::from_io(path, e))
    }

    /// Whether `path` is a file.
    fn is_file(&self, path: &str) -> bool {
        self.info(path).is_ok_and(|info| info.kind == FileKind::File)
    }

    /// The files that match `pattern`, sorted by path. `*` and `?` stop at `/`, `**` does not.
    /// Entries whose names begin with a dot match only a pattern that says so.
    fn glob(&self, pattern: &str) -> Result<Vec<String>, WorldError> {
        let bad =
            |e: globset::Error| WorldError::BadPattern { pattern: pattern.to_owned(), reason: e.kind().to_string() };
        let matcher =
            globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(bad)?.compile_matcher();
        let components: Vec<&str> = pattern.split('/').collect();
        let is_wild = |c: &str| c.contains(['*', '?', '[', ']', '{', '}', '\\']);
        let first_wild = components.iter().position(|c| is_wild(c)).unwrap_or(components.len());
        if first_wild == components.len() {
            return Ok(if self.is_file(pattern) { vec![pattern.to_owned()] } else { Vec::new() });
        }
        let wild = &components[first_wild..];
        let depth = if wild.contains(&"**") { DEEPEST_FOLDER } else { wild.len() };
        let hidden = wild.iter().any(|c| c.starts_with('.'));
        let mut found = Vec::new();
        collect_files(self, &components[..first_wild].join("/"), depth, hidden, &mut found)?;
        found.retain(|path| matcher.is_match(path));
        found.sort_unstable();
        Ok(found)
    }
}

/// Folders below folders that `**` enters.
const DEEPEST_FOLDER: usize = 32;

fn collect_files<W: World + ?Sized>(
    world: &W,
    folder: &str,
    depth: usize,
    hidden: bool,
    found: &mut Vec<String>,
) -> Result<(), WorldError> {
    let entries = match world.list(folder) {
        Err(WorldError::NotFound { .. }) => return Ok(()),
        other => other?,
    };
    for entry in entries.into_iter().filter(|e| hidden || !e.name.starts_with('.')) {
        let path = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
        if entry.is_folder {
            if depth > 1 {
                collect_files(world, &path, depth - 1, hidden, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// A folder of the file system. Nothing outside it can be reached, not even by symbolic links.
#[derive(Debug)]
pub struct DirWorld {
    dir: Dir,
}

impl DirWorld {
    /// The world below the folder `root`.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self { dir: Dir::open_ambient_dir(root, ambient_authority())? })
    }
}

impl World for DirWorld {
    fn info(&self, path: &str) -> Result<FileInfo, WorldError> {
        let metadata = self.dir.metadata(inside(path)?).map_err(|e| WorldError::from_io(path, e))?;
        Ok(file_info(&metadata))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Stream>, WorldError> {
        let refuse = |e| WorldError::from_io(path, e);
        let file = self.dir.open(inside(path)?).map_err(refuse)?;
        if file.metadata().map_err(refuse)?.is_dir() {
            return Err(refuse(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        Ok(Box::new(file.into_std()))
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, WorldError> {
        let refuse = |e| WorldError::from_io(path, e);
        let mut entries = Vec::new();
        for entry in self.dir.read_dir(inside(path)?).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Listed { name, is_folder: entry.file_type().map_err(refuse)?.is_dir() });
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

/// The path as cap-std takes it, when it cannot leave the workspace by its own words.
fn inside(path: &str) -> Result<&str, WorldError> {
    match join_relative("", path) {
        Ok(_) => Ok(if path.is_empty() { "." } else { path }),
        Err(_) => Err(WorldError::OutsideWorkspace { path: path.to_owned() }),
    }
}

fn file_info(metadata: &cap_std::fs::Metadata) -> FileInfo {
    let kind = if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Folder
    } else {
        FileKind::Other
    };
    let since_1970 = metadata.modified().ok().and_then(|t| t.into_std().duration_since(UNIX_EPOCH).ok());
    let mtime_ns = since_1970.and_then(|d| i64::try_from(d.as_nanos()).ok()).unwrap_or(0);
    FileInfo { kind, size: metadata.len(), mtime_ns, inode: inode(metadata) }
}

#[cfg(unix)]
fn inode(metadata: &cap_std::fs::Metadata) -> u64 {
    cap_std::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &cap_std::fs::Metadata) -> u64 {
    0
}

/// Files in memory, for tests and for texts that are not saved yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryWorld {
    files: BTreeMap<String, Arc<[u8]>>,
}

impl MemoryWorld {
    /// A world of these files.
    pub fn new<P: Into<String>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self { files: files.into_iter().map(|(path, bytes)| (path.into(), Arc::from(bytes.as_ref()))).collect() }
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.files.insert(path.into(), Arc::from(bytes.as_ref()));
    }

    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.keys().filter_map(move |path| {
            if folder.is_empty() { Some(path.as_str()) } else { path.strip_prefix(folder)?.strip_prefix('/') }
        })
    }
}

impl World for MemoryWorld {
    fn info(&self, path: &str) -> Result<FileInfo, WorldError> {
        inside(path)?;
        match self.files.get(path) {
            Some(bytes) => Ok(FileInfo { kind: FileKind::File, size: bytes.len() as u64, mtime_ns: 0, inode: 0 }),
            None if self.below(path).next().is_some() => {
                Ok(FileInfo { kind: FileKind::Folder, size: 0, mtime_ns: 0, inode: 0 })
            }
            None => Err(WorldError::NotFound { path: path.to_owned() }),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Stream>, WorldError> {
        inside(path)?;
        match self.files.get(path) {
            Some(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
            None => Err(WorldError::NotFound { path: path.to_owned() }),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, WorldError> {
        inside(path)?;
        let mut entries = BTreeMap::new();
        for below in self.below(path) {
            match below.split_once('/') {
                Some((folder, _)) => entries.insert(folder.to_owned(), true),
                None => entries.insert(below.to_owned(), false),
            };
        }
        if entries.is_empty() && !path.is_empty() {
            return Err(WorldError::NotFound { path: path.to_owned() });
        }
        Ok(entries.into_iter().map(|(name, is_folder)| Listed { name, is_folder }).collect())
    }
}

/// Why a path in a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is absolute, or climbs out of the workspace.
    #[error("`{path}` leads out of the workspace")]
    Outside {
        /// As written.
        path: String,
    },
    /// It has a character that no portable path has.
    #[error("`{path}` is not a portable path: {reason}")]
    NotPortable {
        /// As written.
        path: String,
        /// Which character.
        reason: &'static str,
    },
}

impl PathError {
    /// The code of a diagnostic that reports this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Outside { .. } => "path-outside-workspace",
            Self::NotPortable { .. } => "bad-path",
        }
    }
}

/// The path, relative to the workspace, that the document at `document` means by `relative`.
///
/// `.` and `..` are resolved; nothing is looked up. `""` is the workspace itself.
pub fn join_relative(document: &str, relative: &str) -> Result<String, PathError> {
    let not_portable = |reason| Err(PathError::NotPortable { path: relative.to_owned(), reason });
    let outside = || PathError::Outside { path: relative.to_owned() };
    if relative.contains('\0') {
        return not_portable("it has a NUL character");
    }
    let has_drive = relative.as_bytes().get(1) == Some(&b':') && relative.as_bytes()[0].is_ascii_alphabetic();
    if relative.starts_with(['/', '\\']) || has_drive {
        return Err(outside());
    }
    if relative.contains('\\') {
        return not_portable("write `/` between folders");
    }
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or_else(outside)?),
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn memory() -> MemoryWorld {
        MemoryWorld::new([
            ("photos/b.jpg", "b"),
            ("photos/a.jpg", "a"),
            ("photos/.c.jpg", "c"),
            ("photos/old/d.jpg", "d"),
            ("q.csv", "x"),
        ])
    }

    fn on_disk(world: &MemoryWorld) -> (tempfile::TempDir, DirWorld) {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in &world.files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let dir = DirWorld::open(folder.path()).unwrap();
        (folder, dir)
    }

    #[test]
    fn both_worlds_agree() {
        let memory = memory();
        let (_folder, dir) = on_disk(&memory);
        for world in [&memory as &dyn World, &dir] {
            let glob = |pattern| world.glob(pattern).unwrap();
            assert_eq!(glob("photos/*.jpg"), ["photos/a.jpg", "photos/b.jpg"]);
            assert_eq!(glob("photos/**/*.jpg"), ["photos/a.jpg", "photos/b.jpg", "photos/old/d.jpg"]);
            assert_eq!(glob("**/*.{csv,png}"), ["q.csv"]);
            assert_eq!(glob("photos/.c*"), ["photos/.c.jpg"]);
            assert_eq!(glob("q.csv"), ["q.csv"]);
            assert_eq!(glob("nothing/*"), Vec::<String>::new());
            assert_eq!(world.glob("a[").unwrap_err().code(), "bad-pattern");
            assert_eq!(world.read("q.csv", 1).unwrap(), b"x");
            assert_eq!(world.read("q.csv", 0).unwrap_err().code(), "file-too-large");
            assert_eq!(world.hash("q.csv").unwrap(), ContentHash::of_bytes(b"x"));
            assert_eq!(world.info("photos").unwrap().kind, FileKind::Folder);
            assert_eq!(world.info("q.csv").unwrap().size, 1);
            assert!(world.is_file("photos/old/d.jpg") && !world.is_file("photos"));
            assert_eq!(world.read("none", 9).unwrap_err().code(), "file-not-found");
            assert_eq!(world.read("q.csv/x", 9).unwrap_err().code(), "file-not-found");
            assert!(world.read("photos", 9).is_err());
            let names: Vec<_> = world.list("").unwrap().into_iter().map(|e| (e.name, e.is_folder)).collect();
            assert_eq!(names, [("photos".to_owned(), true), ("q.csv".to_owned(), false)]);
            for path in ["../x", "/etc/passwd", "a/../../x", "C:/x", "\\\\server\\x"] {
                assert_eq!(world.read(path, 9).unwrap_err().code(), "path-outside-workspace", "{path}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_stay_inside() {
        use std::os::unix::fs::symlink;
        let (folder, dir) = on_disk(&memory());
        let secret = tempfile::tempdir().unwrap();
        fs::write(secret.path().join("s.txt"), "s").unwrap();
        symlink(secret.path().join("s.txt"), folder.path().join("file")).unwrap();
        symlink(secret.path(), folder.path().join("folder")).unwrap();
        symlink("../..", folder.path().join("photos/up")).unwrap();
        symlink("photos/a.jpg", folder.path().join("inner")).unwrap();
        for path in ["file", "folder/s.txt", "photos/up/x"] {
            assert_eq!(dir.read(path, 9).unwrap_err().code(), "path-outside-workspace", "{path}");
        }
        assert_eq!(dir.list("folder").unwrap_err().code(), "path-outside-workspace");
        assert_eq!(dir.read("inner", 9).unwrap(), b"a");
    }

    #[test]
    fn relative_paths() {
        let join = |path| join_relative("pipelines/shop/q4.toml", path);
        assert_eq!(join("q4.csv").as_deref(), Ok("pipelines/shop/q4.csv"));
        assert_eq!(join("./../a//b.csv").as_deref(), Ok("pipelines/a/b.csv"));
        assert_eq!(join("../../photos/*.jpg").as_deref(), Ok("photos/*.jpg"));
        assert_eq!(join_relative("a.toml", "b.csv").as_deref(), Ok("b.csv"));
        for path in ["../../../x", "/x", "\\x", "C:/x", "c:x"] {
            assert_eq!(join(path).map_err(|e| e.code()), Err("path-outside-workspace"), "{path}");
        }
        for path in ["a\\b", "a\0b"] {
            assert_eq!(join(path).map_err(|e| e.code()), Err("bad-path"), "{path:?}");
        }
    }
}
