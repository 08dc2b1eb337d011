//! Older versions of documents in the commits that lead to `HEAD`, or to another commit.

use std::{
    collections::HashMap,
    io::Write as _,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use super::{command::git, revision::Revision};
use crate::{
    files::Format,
    model::{self, DOCUMENTS_FOLDER, Loaded, MAX_DOCUMENT_BYTES, OlderVersions, Origin},
};

/// Versions of documents in a repository's history.
pub struct GitHistory {
    root: PathBuf,
    commit: String,
    known: Mutex<HashMap<String, Vec<Arc<Loaded>>>>,
}

/// One version of a file, as git keeps it.
#[derive(Debug, PartialEq, Eq)]
struct Blob {
    object: String,
    path: String,
}

impl GitHistory {
    /// The history of the workspace in the folder `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), commit: "HEAD".to_owned(), known: Mutex::default() }
    }

    /// The history that led to `commit`.
    pub fn of(root: impl Into<PathBuf>, commit: &Revision) -> Self {
        Self { commit: commit.hash.clone(), ..Self::new(root) }
    }

    fn load(&self, name: &str, paths: &[Arc<str>]) -> Vec<Arc<Loaded>> {
        let blobs = self.blobs(name, paths).unwrap_or_default();
        let texts = self.texts(&blobs).unwrap_or_default();
        blobs
            .into_iter()
            .zip(texts)
            .filter_map(|(blob, bytes)| {
                let path: Arc<str> = blob.path.into();
                let text = model::read_bytes(&bytes?, &path).ok()?;
                let origin = Origin::History { object: blob.object };
                Some(Arc::new(model::loaded(path.clone(), Format::of_path(&path)?, text, origin)))
            })
            .filter(|loaded| loaded.identity.as_ref().is_some_and(|identity| identity.name == name))
            .collect()
    }

    /// Every content that files of documents called `name` had, newest first, each once.
    fn blobs(&self, name: &str, paths: &[Arc<str>]) -> Option<Vec<Blob>> {
        let format =
            ["--format=", "--raw", "--no-abbrev", "-z", "--relative", "--no-renames", "--diff-filter=AM", "-m"];
        let quiet = ["--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-color"];
        let mut command = git(&self.root);
        command.arg("log").args(format).args(quiet).arg(&self.commit).arg("--");
        command.args(paths.iter().map(|path| format!(":(literal){path}")));
        command.args(["toml", "kdl"].map(|ending| format!(":(glob){DOCUMENTS_FOLDER}/**/{name}.{ending}")));
        let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
        Some(read_raw_log(&String::from_utf8_lossy(&output.stdout)))
    }

    /// The contents of `blobs`, in their order; none for one that is too large or not here.
    fn texts(&self, blobs: &[Blob]) -> Option<Vec<Option<Vec<u8>>>> {
        if blobs.is_empty() {
            return Some(Vec::new());
        }
        let mut command = git(&self.root);
        let mut child =
            command.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let mut input = child.stdin.take()?;
        let objects: Vec<&str> = blobs.iter().map(|blob| blob.object.as_str()).collect();
        let request = objects.join("\n") + "\n";
        // A thread of its own: git answers while it still reads.
        let writer = std::thread::spawn(move || input.write_all(request.as_bytes()));
        let output = child.wait_with_output().ok()?;
        writer.join().ok()?.ok()?;
        Some(read_batch(&output.stdout))
    }
}

impl OlderVersions for GitHistory {
    fn versions_of(&self, name: &str, paths: &[Arc<str>]) -> Vec<Arc<Loaded>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.to_owned()).or_insert_with(|| self.load(name, paths)).clone()
    }
}

/// Reads `:100644 100644 OLD NEW M\0PATH\0` rows; each content once.
fn read_raw_log(log: &str) -> Vec<Blob> {
    let mut blobs: Vec<Blob> = Vec::new();
    let mut fields = log.split('\0').map(|field| field.trim_start_matches('\n'));
    while let (Some(row), Some(path)) = (fields.next(), fields.next()) {
        let is_file = row.split(' ').nth(1).is_some_and(|mode| mode.starts_with("100"));
        let Some(object) = row.split(' ').nth(3).filter(|_| is_file) else { continue };
        let blob = Blob { object: object.to_owned(), path: path.to_owned() };
        if !blobs.contains(&blob) {
            blobs.push(blob);
        }
    }
    blobs
}

/// Reads what `git cat-file --batch` answers: `OBJECT blob SIZE\nCONTENT\n` or `OBJECT missing\n`.
fn read_batch(mut answer: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut contents = Vec::new();
    while let Some(head_end) = answer.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8_lossy(&answer[..head_end]);
        let size = head.split(' ').nth(2).and_then(|size| size.parse::<usize>().ok());
        answer = &answer[head_end + 1..];
        let Some(size) = size else {
            contents.push(None);
            continue;
        };
        let content = answer.get(..size);
        contents.push(content.filter(|c| c.len() as u64 <= MAX_DOCUMENT_BYTES).map(<[u8]>::to_vec));
        answer = answer.get(size + 1..).unwrap_or_default();
    }
    contents
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        files::DirWorld,
        model::{Kind, Reference, ReferenceError, Workspace},
    };

    fn git_in(folder: &Path, arguments: &[&str]) {
        let output = git(folder)
            .env("GIT_CONFIG_GLOBAL", "")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}");
    }

    fn template(version: &str, text: &str) -> String {
        format!("kind = \"template\"\nformat = 1\nname = \"greet\"\nversion = \"{version}\"\ntext = \"{text}\"\n")
    }

    fn commit(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        git_in(folder, &["add", "-A"]);
        git_in(folder, &["commit", "-q", "-m", file]);
    }

    fn resolve(workspace: &Workspace, reference: &str) -> Result<(String, String), ReferenceError> {
        let loaded = workspace.catalog().resolve(&Reference::parse(reference).unwrap(), Kind::Template)?;
        let version = loaded.identity.as_ref().unwrap().version.to_string();
        Ok((version, loaded.path.to_string()))
    }

    #[test]
    fn versions_come_from_the_history() {
        let repository = tempfile::tempdir().unwrap();
        git_in(repository.path(), &["init", "-q"]);
        let root = repository.path().join("team");
        commit(&root, "pipelines/old/greet.toml", &template("0.9.0", "hi"));
        std::fs::remove_dir_all(root.join("pipelines/old")).unwrap();
        commit(&root, "pipelines/hello.toml", &template("1.0.0", "first try"));
        commit(&root, "pipelines/hello.toml", &template("1.0.0", "hello"));
        commit(&root, "pipelines/hello.toml", &template("1.1.0", "hello you"));
        commit(&root, "pipelines/hello.toml", "kind = ");
        commit(&root, "pipelines/hello.toml", &template("2.0.0", "good day"));

        let world = Arc::new(DirWorld::open(&root).unwrap());
        let load = |history| Workspace::load(world.clone(), history);
        let with_history = load(Some(Arc::new(GitHistory::new(&root)) as Arc<dyn OlderVersions>));
        for (reference, version) in [("greet", "2.0.0"), ("greet@1", "1.1.0"), ("greet@1.0.0", "1.0.0")] {
            let expected = (version.to_owned(), "pipelines/hello.toml".to_owned());
            assert_eq!(resolve(&with_history, reference), Ok(expected), "{reference}");
        }
        assert_eq!(resolve(&with_history, "greet@0"), Ok(("0.9.0".into(), "pipelines/old/greet.toml".into())));
        let greet = with_history.catalog().resolve(&Reference::parse("greet@1.0.0").unwrap(), Kind::Template).unwrap();
        assert!(greet.text.contains("\"hello\""), "the newest text of a version counts");
        let error = resolve(&with_history, "greet@3").unwrap_err();
        assert_eq!(error.to_string(), "`greet@3` does not exist; there is 2.0.0, 1.1.0, 1.0.0, 0.9.0");
        assert_eq!(resolve(&load(None), "greet@1").unwrap_err().code(), "unknown-version");
    }

    #[test]
    fn outside_a_repository_there_is_no_history() {
        let folder = tempfile::tempdir().unwrap();
        let history = GitHistory::new(folder.path());
        assert!(history.versions_of("greet", &["--output=x".into()]).is_empty());
        assert!(GitHistory::new(folder.path().join("none")).versions_of("greet", &[]).is_empty());
    }

    #[test]
    fn a_batch_with_a_missing_object() {
        let answer = b"aa blob 3\nx\ny\nbb missing\ncc blob 0\n\n";
        assert_eq!(read_batch(answer), [Some(b"x\ny".to_vec()), None, Some(Vec::new())]);
    }
}
