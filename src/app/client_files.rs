//! The files of a workspace as clients may see and change them: those that documents are made of
//! and what runs made of them, and nothing else.
//!
//! All access goes through a `cap-std` folder, so that no path and no symbolic link leads out of
//! the workspace. Which files are open to clients is decided by the real path, after links.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use uuid::Uuid;

use super::{AppError, Session};
use crate::{
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Span},
    files::{FileInfo, FileKind, Format, Listed, Stream, World, WorldError, join_relative},
    ident::did_you_mean,
    model::{self, DOCUMENTS_FOLDER, MAX_DOCUMENT_BYTES, Origin},
};

/// Endings of the files that clients may read.
pub const READABLE: &[&str] = &[
    "toml", "kdl", "json", "csv", "tsv", "txt", "md", "png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "mp4",
    "webm", "mov", "mkv", "mp3", "wav", "flac", "ogg", "opus",
];

/// Endings of the files that clients may write, below `pipelines/`.
pub const WRITABLE: [&str; 5] = ["toml", "kdl", "json", "csv", "txt"];

/// The largest file that is read for a client.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The only folder with a hidden name that clients see: earlier versions of documents.
const VERSIONS: &str = ".versions";

/// The files of an opened workspace.
pub struct ClientFiles<'a> {
    session: &'a Session,
    dir: Dir,
}

/// A file as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFile {
    /// Path relative to the workspace.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Hash of the content.
    pub hash: ContentHash,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Path relative to the workspace.
    pub path: String,
    /// Hash of what it holds now.
    pub hash: ContentHash,
    /// Whether the file is new.
    pub is_new: bool,
    /// Whether it held exactly this already.
    pub unchanged: bool,
}

/// A world that holds only what is open to clients, for documents that a client wrote: what they
/// name is as closed as what the client names itself.
pub struct ClientWorld {
    all: Arc<dyn World>,
}

impl ClientWorld {
    /// What of `all` is open to clients.
    pub fn new(all: Arc<dyn World>) -> Self {
        Self { all }
    }
}

impl World for ClientWorld {
    fn info(&self, path: &str) -> Result<FileInfo, WorldError> {
        visible(path)?;
        self.all.info(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Stream>, WorldError> {
        visible(path)?;
        check_readable(path).map_err(|_| WorldError::Closed { path: path.to_owned() })?;
        self.all.open(path)
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, WorldError> {
        visible(path)?;
        self.all.list(path)
    }
}

fn visible(path: &str) -> Result<(), WorldError> {
    if is_hidden(path) { Err(WorldError::Closed { path: path.to_owned() }) } else { Ok(()) }
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') && !matches!(part, "." | ".." | VERSIONS))
}

/// Why a path is closed to clients.
fn closed(path: &str, why: &str) -> AppError {
    AppError::usage(format!("`{path}` is not open to clients: {why}"))
}

fn extension(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
}

fn check_readable(path: &str) -> Result<(), AppError> {
    if is_hidden(path) {
        return Err(closed(path, "hidden files and folders stay hidden"));
    }
    match extension(path) {
        Some(extension) if READABLE.contains(&extension.as_str()) => Ok(()),
        _ => Err(closed(path, "only documents, tables, texts and media are")
            .with_hint(format!("files that end in {}", READABLE.join(", ")))),
    }
}

fn check_writable(path: &str) -> Result<(), AppError> {
    check_readable(path)?;
    let below = path.strip_prefix(DOCUMENTS_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    if below.is_none_or(|below| below.split('/').any(|part| part.starts_with('.'))) {
        return Err(closed(path, "only files below pipelines/ can be written"));
    }
    match extension(path) {
        Some(extension) if WRITABLE.contains(&extension.as_str()) => Ok(()),
        _ => Err(closed(path, "files of this kind cannot be written")
            .with_hint(format!("files that end in {} can", WRITABLE.join(", ")))),
    }
}

/// The path relative to the workspace without `.` and `..`.
fn normal(path: &str) -> Result<String, AppError> {
    join_relative("", path)
        .map_err(|e| AppError::usage(e.to_string()).with_hint("name files relative to the workspace"))
}

impl<'a> ClientFiles<'a> {
    /// The files of the workspace of `session`.
    pub fn open(session: &'a Session) -> Result<Self, AppError> {
        let dir = Dir::open_ambient_dir(&session.root, ambient_authority())
            .map_err(|e| AppError::environment(format!("failed to open the workspace: {e}")))?;
        Ok(Self { session, dir })
    }

    /// The files that match a glob and are open to clients, sorted, each with its size in bytes.
    pub fn list(&self, glob: &str) -> Result<Vec<(String, u64)>, AppError> {
        let world = &self.session.world;
        let pattern = normal(glob)?;
        let mut folders = BTreeMap::new();
        let found = world.glob(&pattern).map_err(|e| AppError::usage(format!("failed to {e}")))?;
        let open = found.into_iter().filter(|path| check_readable(path).is_ok()).filter_map(|path| {
            let info = world.info(&path).ok().filter(|info| info.kind == FileKind::File)?;
            (!self.is_behind_a_link(&path, &mut folders) || self.real_is_open(&path)).then_some((path, info.size))
        });
        Ok(open.collect())
    }

    /// The path of an existing file that clients may read, without `.` and `..`.
    pub fn readable(&self, path: &str) -> Result<String, AppError> {
        let normal = normal(path)?;
        check_readable(&normal)?;
        let real = self.real(&normal).map_err(|e| self.not_found(&normal, &e))?;
        check_readable(&real)?;
        if !self.session.world.is_file(&normal) {
            return Err(AppError::usage(format!("`{normal}` is not a file")));
        }
        Ok(normal)
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> Result<ReadFile, AppError> {
        let path = self.readable(path)?;
        let bytes = self
            .session
            .world
            .read(&path, MAX_FILE_BYTES)
            .map_err(|e| AppError::environment(format!("failed to {e}")))?;
        let hash = ContentHash::of_bytes(&bytes);
        Ok(ReadFile { path, bytes, hash })
    }

    /// What `text` means as a document: the path of a file, checked, or the name of a document as
    /// it stands.
    pub fn document(&self, text: &str) -> Result<String, AppError> {
        if text.contains(['/', '\\']) || Format::of_path(text).is_some() {
            self.readable(text)
        } else {
            Ok(text.to_owned())
        }
    }

    /// Gives a file the content `text`, as a whole or not at all. Without `expected` the file must
    /// be new; with it, the file must still have the content with this hash. A TOML, KDL or JSON
    /// text that cannot be read is refused. A file that holds exactly `text` already is left alone.
    pub fn write(&self, path: &str, text: &str, expected: Option<ContentHash>) -> Result<Written, AppError> {
        let path = normal(path)?;
        check_writable(&path)?;
        check_text(&path, text)?;
        let (folder, name) = self.folder_of(&path)?;
        let hash = ContentHash::of_bytes(text.as_bytes());
        let found = content(&folder, name).map_err(|e| failed(&path, &e))?;
        match found {
            Some(found) if found == hash => {
                return Ok(Written { path, hash, is_new: false, unchanged: true });
            }
            Some(found) if expected != Some(found) => return Err(changed(&path, expected)),
            None if expected.is_some() => {
                return Err(AppError::usage(format!("`{path}` is not there any more"))
                    .with_hint("leave expected_hash out to make the file"));
            }
            _ => {}
        }
        put(&folder, name, text, expected).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::InvalidInput => {
                AppError::usage(format!("`{path}` was changed by someone else just now")).with_hint("read it again")
            }
            _ => failed(&path, &e),
        })?;
        Ok(Written { path, hash, is_new: found.is_none(), unchanged: false })
    }

    /// A folder of results, made when it is not there; not one behind a link.
    pub fn result_folder(&self, path: &str) -> Result<PathBuf, AppError> {
        let normal = normal(path)?;
        if is_hidden(&normal) {
            return Err(closed(&normal, "hidden files and folders stay hidden"));
        }
        self.dir.create_dir_all(&normal).map_err(|e| failed(&normal, &e))?;
        let real = self.real(&normal).map_err(|e| failed(&normal, &e))?;
        if real == normal { Ok(self.session.root.join(normal)) } else { Err(closed(&normal, "it is a link")) }
    }

    /// Whether the path may be another one behind links. `folders` keeps the answers for folders.
    fn is_behind_a_link(&self, path: &str, folders: &mut BTreeMap<String, bool>) -> bool {
        let is_link = |path: &str| self.dir.symlink_metadata(path).map_or(true, |found| found.is_symlink());
        let above = std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
        let any_above = above.map(|(folder, _)| folder).any(|folder| match folders.get(folder) {
            Some(known) => *known,
            None => *folders.entry(folder.to_owned()).or_insert_with(|| is_link(folder)),
        });
        any_above || is_link(path)
    }

    fn real_is_open(&self, path: &str) -> bool {
        self.real(path).is_ok_and(|real| check_readable(&real).is_ok())
    }

    /// The path behind symbolic links.
    fn real(&self, path: &str) -> io::Result<String> {
        let real = self.dir.canonicalize(path)?;
        let parts: Option<Vec<&str>> = real.components().map(|c| c.as_os_str().to_str()).collect();
        parts.map(|parts| parts.join("/")).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))
    }

    /// The folder of a file to write, made when it is not there, and the file's name.
    fn folder_of<'p>(&self, path: &'p str) -> Result<(Dir, &'p str), AppError> {
        let (parent, name) = path.rsplit_once('/').ok_or_else(|| closed(path, "it is in no folder"))?;
        // What is behind a link is judged before anything is made there.
        let above = std::iter::successors(Some(parent), |folder| folder.rsplit_once('/').map(|(above, _)| above));
        let is_absent = |real: &io::Result<String>| real.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        if let Some(real) = above.map(|folder| self.real(folder)).find(|real| !is_absent(real)) {
            check_writable(&format!("{}/{name}", real.map_err(|e| failed(path, &e))?))?;
        }
        self.dir.create_dir_all(parent).map_err(|e| failed(path, &e))?;
        let folder = self.dir.open_dir(parent).map_err(|e| failed(path, &e))?;
        if folder.symlink_metadata(name).is_ok_and(|found| !found.is_file()) {
            return Err(closed(path, "it is a folder or a link"));
        }
        Ok((folder, name))
    }

    fn not_found(&self, path: &str, error: &io::Error) -> AppError {
        if error.kind() != io::ErrorKind::NotFound {
            return AppError::usage(format!("failed to find `{path}` in the workspace: {error}"));
        }
        let all = self.session.world.glob(&format!("{DOCUMENTS_FOLDER}/**")).unwrap_or_default();
        let missing = AppError::usage(format!("there is no file `{path}`"));
        match did_you_mean(path, all.iter().map(String::as_str)) {
            Some(near) => missing.with_hint(format!("did you mean `{near}`?")),
            None => missing.with_hint("list_files names the files there are"),
        }
    }
}

fn failed(path: &str, error: &io::Error) -> AppError {
    // cap-std's own refusals carry no number of the system.
    if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
        return AppError::usage(format!("`{path}` leads out of the workspace"));
    }
    AppError::environment(format!("failed to write `{path}`: {error}"))
}

fn changed(path: &str, expected: Option<ContentHash>) -> AppError {
    let message = match expected {
        None => format!("`{path}` is there already"),
        Some(_) => format!("`{path}` is not what was expected: somebody changed it"),
    };
    AppError::usage(message).with_hint("read it, and write with the hash of what was read as expected_hash")
}

/// Refuses a text that is too long, or whose form cannot be read.
fn check_text(path: &str, text: &str) -> Result<(), AppError> {
    let file: Arc<str> = Arc::from(path);
    if text.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(AppError::Wrong(vec![model::file_too_large(&file)]));
    }
    if let Some(format) = Format::of_path(path) {
        let parsed = model::loaded(file, format, Arc::from(text), Origin::Workspace).parsed;
        return if parsed.tree.is_some() { Ok(()) } else { Err(AppError::Wrong(parsed.diagnostics)) };
    }
    if extension(path).as_deref() == Some("json")
        && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text)
    {
        let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = (line + error.column().saturating_sub(1)).min(text.len());
        let message = format!("the file is not JSON: {error}");
        return Err(AppError::Wrong(vec![Diagnostic::error("json-syntax", &file, Span::new(at, at), message)]));
    }
    Ok(())
}

/// Hash of what the file holds; none when there is no such file.
fn content(folder: &Dir, name: &str) -> io::Result<Option<ContentHash>> {
    match folder.open(name) {
        Ok(file) => Ok(Some(ContentHash::of_reader(file.take(MAX_FILE_BYTES))?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a temporary file with the text in the place of the file `name`. When the file is to be new
/// and is not, the error is `AlreadyExists`; when it has changed, `InvalidInput`.
fn put(folder: &Dir, name: &str, text: &str, expected: Option<ContentHash>) -> io::Result<()> {
    let temporary = format!(".comfywright-{}.tmp", Uuid::now_v7().simple());
    let result = filled(folder, &temporary, text).and_then(|()| match expected {
        None => folder.hard_link(&temporary, folder, name),
        Some(expected) if content(folder, name)? != Some(expected) => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        Some(_) => {
            let permissions = folder.metadata(name)?.permissions();
            folder.set_permissions(&temporary, permissions)?;
            folder.rename(&temporary, folder, name)
        }
    });
    // After a rename it is gone already.
    let _ = folder.remove_file(&temporary);
    result?;
    // Makes the new name last. Only Unix lets a folder be opened for that.
    if cfg!(unix) { folder.open(".")?.sync_all() } else { Ok(()) }
}

fn filled(folder: &Dir, name: &str, text: &str) -> io::Result<()> {
    let mut file = folder.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SessionOptions;

    struct Folder(tempfile::TempDir, Session);

    fn folder() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("comfywright.toml", "");
        write("pipelines/a.csv", "x\n1\n");
        write(".git/config.toml", "secret");
        write(".comfywright/ledger.json", "secret");
        write("notes.exe", "x");
        let options = SessionOptions { start: Some(folder.path().to_path_buf()), object_info: None };
        let session = Session::open_for_client(&options).unwrap();
        Folder(folder, session)
    }

    fn message(result: Result<impl Sized, AppError>) -> String {
        result.err().map_or_else(|| "no error".to_owned(), |e| e.to_string())
    }

    #[test]
    fn only_some_files_are_open() {
        let Folder(_folder, session) = folder();
        let files = ClientFiles::open(&session).unwrap();
        assert_eq!(files.list("**").unwrap(), [("comfywright.toml".to_owned(), 0), ("pipelines/a.csv".to_owned(), 4)]);
        assert!(message(files.list(".git/**")).contains("closed to clients"));
        assert!(files.list("../*").is_err());
        assert_eq!(files.read("./pipelines/../pipelines/a.csv").unwrap().bytes, b"x\n1\n");
        for bad in
            ["../x.toml", "/etc/passwd", "C:\\x.toml", ".git/config.toml", ".comfywright/ledger.json", "notes.exe"]
        {
            assert_ne!(message(files.read(bad)), "no error", "{bad}");
            assert_ne!(message(files.write(bad, "", None)), "no error", "{bad}");
        }
        for bad in ["comfywright.toml", "x.csv", "pipelines", "pipelines/.versions/a@1.0.0.toml", "pipelines/a.sh"] {
            assert_ne!(message(files.write(bad, "", None)), "no error", "{bad}");
        }
        assert!(format!("{:?}", files.read("pipelines/a.cvs.csv")).contains("did you mean"));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        use std::os::unix::fs::symlink;
        let Folder(folder, session) = folder();
        let link = |to: &str, name: &str| symlink(to, folder.path().join("pipelines").join(name)).unwrap();
        link("../.git", "inner");
        link("../.git/config.toml", "config.toml");
        link("/etc", "outer");
        link("/etc/passwd", "passwd.txt");
        link("a.csv", "b.csv");
        let files = ClientFiles::open(&session).unwrap();
        for bad in ["inner/config.toml", "inner/deep/x.toml", "config.toml", "outer/passwd.txt", "passwd.txt"] {
            assert_ne!(message(files.read(&format!("pipelines/{bad}"))), "no error", "{bad}");
            let text = message(files.write(&format!("pipelines/{bad}"), "", None));
            assert!(text.contains("not open to clients") || text.contains("out of the workspace"), "{bad}: {text}");
        }
        assert!(files.read("pipelines/b.csv").is_ok(), "a link to an open file may be read");
        assert!(message(files.write("pipelines/b.csv", "", None)).contains("a link"));
        assert!(!folder.path().join(".git/deep").exists());
    }

    #[test]
    fn writes_only_over_what_was_expected() {
        let Folder(folder, session) = folder();
        let files = ClientFiles::open(&session).unwrap();
        let read = files.read("pipelines/a.csv").unwrap().hash;
        assert!(message(files.write("pipelines/a.csv", "y\n", None)).contains("there already"));
        let written = files.write("pipelines/a.csv", "y\n", Some(read)).unwrap();
        assert!(!written.is_new && !written.unchanged);
        assert!(message(files.write("pipelines/a.csv", "z\n", Some(read))).contains("somebody changed it"));
        assert!(
            files.write("pipelines/a.csv", "y\n", Some(read)).unwrap().unchanged,
            "a repeated call changes nothing"
        );
        assert!(message(files.write("pipelines/n.csv", "", Some(read))).contains("not there any more"));
        assert!(files.write("pipelines/deep/er/n.json", "[]", None).unwrap().is_new);
        let names: Vec<_> =
            std::fs::read_dir(folder.path().join("pipelines")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "temporary files are gone: {names:?}");
    }

    #[test]
    fn texts_that_cannot_be_read_are_refused() {
        let Folder(folder, session) = folder();
        let files = ClientFiles::open(&session).unwrap();
        for (path, text) in [("a.toml", "a = \n"), ("a.kdl", "a {"), ("a.json", "{\n  1}")] {
            let error = files.write(&format!("pipelines/{path}"), text, None).unwrap_err();
            assert!(matches!(error, AppError::Wrong(found) if !found.is_empty()), "{path}");
            assert!(!folder.path().join("pipelines").join(path).exists());
        }
        assert!(
            files.write("pipelines/a.toml", "kind = \"chain\"\n", None).is_ok(),
            "what is readable may be unfinished"
        );
    }
}
