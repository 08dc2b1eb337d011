//! Every file in `fixtures/invalid` is found wrong exactly where and how its comments say.
//!
//! A comment `#~ 7:12 unknown-key` (`//~` in KDL) says that there is an error with this code at
//! line 7, column 12; `- missing-kind` is about the whole file; `warning` after the code says that
//! it is one. `#~ builtin` judges the file by the built-in classes alone. The folder is a
//! workspace: documents stand in `pipelines`, what they refer to in `pipelines/files`,
//! configurations in `config`.
//!
//! Set `UPDATE_FIXTURES` to write the comments anew, and read the difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    app::{Session, SessionOptions},
    check::{Subject, check},
    diagnostic::{Diagnostic, Severity, position},
    files::Format,
    graph::{NodeSet, builtin},
    model::{Loaded, Origin, loaded, read_bytes, read_config, read_lock, read_manifest},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/invalid");

struct Sessions {
    /// Judges by the classes of a server.
    server: Session,
    /// Judges by the built-in classes.
    builtin: Session,
}

fn sessions() -> Sessions {
    let open = || {
        let options = SessionOptions { start: Some(PathBuf::from(ROOT)), ..SessionOptions::default() };
        Session::open(&options).unwrap_or_else(|e| panic!("{e:?}"))
    };
    let mut server = open();
    let mut nodes = NodeSet::parse(fs::read_to_string(format!("{ROOT}/object_info.json")).unwrap()).unwrap();
    nodes.add_missing(builtin());
    server.nodes = Arc::new(nodes);
    Sessions { server, builtin: open() }
}

/// Everything that is found in a document.
fn findings(session: &Session, document: &Loaded) -> Vec<Diagnostic> {
    let mut found = document.parsed.diagnostics.clone();
    if let Some(subject) = Subject::of(document) {
        found.extend(check(subject, session.context()).diagnostics);
    }
    found.sort_by_key(|d| d.span);
    found
}

/// Diagnostics as the comments write them.
fn lines(text: &str, found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|d| {
            let mut line = d.span.map_or_else(
                || "-".to_owned(),
                |span| {
                    let at = position(text, span.start);
                    format!("{}:{}", at.line, at.column)
                },
            );
            let warning = if d.severity == Severity::Warning { " warning" } else { "" };
            let _ = write!(line, " {}{warning}", d.code);
            line
        })
        .collect()
}

fn comments(text: &str) -> Vec<String> {
    let marked = text.lines().filter_map(|line| line.split_once("#~ ").or_else(|| line.split_once("//~ ")));
    marked.map(|(_, comment)| comment.trim().to_owned()).collect()
}

/// Replaces the comments at the end of a file; they follow everything else, so that lines keep
/// their numbers.
fn rewrite(path: &Path, lines: &[String]) {
    let marker: &[u8] = if path.extension().is_some_and(|e| e == "kdl") { b"//~ " } else { b"#~ " };
    let is_expectation = |line: &&[u8]| line.starts_with(marker) && line[marker.len()..] != *b"builtin";
    let bytes = fs::read(path).unwrap();
    let kept: Vec<&[u8]> = bytes.split(|b| *b == b'\n').filter(|line| !is_expectation(line)).collect();
    let mut out = kept.join(&b'\n');
    while out.ends_with(b"\n") {
        out.pop();
    }
    out.extend_from_slice(b"\n\n");
    for line in lines {
        out.extend_from_slice(marker);
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    fs::write(path, out).unwrap();
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    paths.sort();
    paths
}

/// Compares and remembers.
#[derive(Default)]
struct Verdict {
    wrong: String,
    codes: BTreeSet<&'static str>,
}

impl Verdict {
    fn compare(&mut self, path: &Path, text: &str, found: &[Diagnostic]) {
        let mut expected = comments(text);
        expected.retain(|line| line != "builtin");
        let actual = lines(text, found);
        if env::var_os("UPDATE_FIXTURES").is_some() {
            rewrite(path, &actual);
        }
        if expected != actual || actual.is_empty() {
            let _ = writeln!(self.wrong, "{}\n  expected {expected:?}", path.display());
            for (line, diagnostic) in actual.iter().zip(found) {
                let _ = writeln!(self.wrong, "  ~ {line}   {} ({:?})", diagnostic.message, diagnostic.hint);
            }
        }
        for diagnostic in found {
            self.codes.insert(diagnostic.code);
            // A message may begin with what the file says, or with the name of a class.
            let first = diagnostic.message.split(' ').next().unwrap_or_default();
            let is_quoted = first.starts_with(['`', '"']);
            let starts_low = is_quoted || first.bytes().filter(u8::is_ascii_uppercase).count() != 1;
            if !starts_low || diagnostic.message.ends_with('.') || diagnostic.message.is_empty() {
                let _ = writeln!(self.wrong, "{}: not a message: {}", path.display(), diagnostic.message);
            }
        }
    }
}

fn session_for<'s>(sessions: &'s Sessions, text: &str) -> &'s Session {
    if comments(text).iter().any(|c| c == "builtin") { &sessions.builtin } else { &sessions.server }
}

fn documents(sessions: &Sessions) -> Vec<(PathBuf, String, Vec<Diagnostic>)> {
    let mut out = Vec::new();
    for path in files("pipelines") {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let session = session_for(sessions, &text);
        let inside = format!("pipelines/{}", path.file_name().unwrap().to_string_lossy());
        let document = session.workspace.document(&inside).unwrap_or_else(|| panic!("{inside} is no document"));
        out.push((path, text, findings(session, &document)));
    }
    out
}

#[test]
fn every_file_is_found_wrong_as_it_says() {
    let sessions = sessions();
    let mut verdict = Verdict::default();
    for (path, text, found) in documents(&sessions) {
        verdict.compare(&path, &text, &found);
    }
    for path in files("config") {
        let bytes = fs::read(&path).unwrap();
        let name: Arc<str> = path.file_name().unwrap().to_string_lossy().into();
        let text = read_bytes(&bytes, &name).unwrap();
        let found = if name.starts_with("lock") {
            read_lock(&text, &name).diagnostics
        } else {
            read_config(&text, &name).diagnostics
        };
        verdict.compare(&path, &text, &found);
    }
    for path in files("models") {
        let text = fs::read_to_string(&path).unwrap();
        let name: Arc<str> = format!("models/{}", path.file_name().unwrap().to_string_lossy()).into();
        verdict.compare(&path, &text, &read_manifest(&text, &name).diagnostics);
    }
    for session in [&sessions.server, &sessions.builtin] {
        verdict.codes.extend(session.workspace.diagnostics().iter().map(|d| d.code));
    }
    assert!(verdict.wrong.is_empty(), "{}", verdict.wrong);
    let known = codes_in_source();
    let missing: Vec<&String> = known
        .keys()
        .filter(|code| !verdict.codes.contains(code.as_str()) && !ELSEWHERE.iter().any(|(c, _)| c == code))
        .collect();
    assert!(missing.is_empty(), "codes without a fixture: {missing:?}");
    for (code, _) in ELSEWHERE {
        assert!(known.contains_key(*code), "{code} is in no source");
        assert!(!verdict.codes.contains(code), "{code} has a fixture");
    }
    for code in &verdict.codes {
        assert!(known.contains_key(*code), "{code} was not found in the sources");
    }
}

/// Codes that no file of this folder can show, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("lock-hash", DRIFT),
    ("lock-input-added", DRIFT),
    ("lock-input-changed", DRIFT),
    ("lock-input-gone", DRIFT),
    ("lock-model-gone", DRIFT),
    ("lock-node-gone", DRIFT),
    ("lock-outputs-changed", DRIFT),
    ("lock-value-gone", DRIFT),
    ("lock-version", DRIFT),
    ("not-locked", DRIFT),
    ("bad-query", "a workspace with a detector, which this one has not; the tests of `mask` have one"),
    ("file-closed", "a file that documents may read and clients of the MCP server may not; its tests have some"),
    ("file-too-large", "a document of more than 4 MiB; the tests of reading make one"),
    ("invalid-value", "a guard for values that the schema lets pass and the model does not; none are known"),
    ("too-many-tasks", "a file of more than a thousand tasks; a unit test of the compiler makes one"),
    ("missing-workflow", "a workflow that cannot be read is reported before its graph is asked for"),
];

const DRIFT: &str = "a lock beside a server that has changed since; tests/cli/changes/lock.rs has both";

/// Hyphenated words in the sources that are no codes.
const WORDS: &[&str] = &[
    "ab-test",
    "chain-graphs",
    "export-paths",
    "mask-export",
    "mask-layers",
    "open-nsfw",
    "preset-graph",
    "preset-outputs",
    "preset-workflow",
    "routing-tests",
    "template-text",
    "unused-vars",
    "kebab-case",
    "bayer-16",
    "bayer-2",
    "bayer-4",
    "bayer-8",
    "floyd-steinberg",
    "nearest-exact",
    "built-in",
    "bottom-left",
    "bottom-right",
    "top-left",
    "top-right",
    "lower-case",
];

/// Every code in the sources of reading and checking, with the file that has it.
fn codes_in_source() -> BTreeMap<String, PathBuf> {
    let mut codes = BTreeMap::new();
    for folder in ["src/files", "src/model", "src/compile", "src/check", "src/graph/check"] {
        collect_codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut codes);
    }
    codes
}

fn collect_codes(folder: &Path, codes: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_codes(&path, codes);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for word in source.split('"').filter(|w| is_code(w)) {
                codes.entry(word.to_owned()).or_insert_with(|| path.clone());
            }
        }
    }
}

fn is_code(word: &str) -> bool {
    let parts_fit =
        word.split('-').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    (word.contains('-') || word == "cycle")
        && parts_fit
        && !WORDS.contains(&word)
        && word.as_bytes()[0].is_ascii_lowercase()
}

/// A fix removes what it was offered for, and what it leaves can still be read.
#[test]
fn fixes_mend() {
    let sessions = sessions();
    let mut fixes = 0;
    for (path, text, found) in documents(&sessions) {
        let session = session_for(&sessions, &text);
        let count = |found: &[Diagnostic], d: &Diagnostic| {
            found.iter().filter(|other| other.code == d.code && other.message == d.message).count()
        };
        for diagnostic in &found {
            let Some(fix) = &diagnostic.fix else { continue };
            fixes += 1;
            let mut mended = text.clone();
            for edit in fix.edits.iter().rev() {
                mended.replace_range(edit.span.range(), &edit.text);
            }
            let format = Format::of_path(&path.to_string_lossy()).unwrap();
            let document = loaded(diagnostic.file.clone(), format, mended.clone().into(), Origin::Workspace);
            let left = findings(session, &document);
            assert!(
                count(&left, diagnostic) < count(&found, diagnostic),
                "{}: \"{}\" does not mend: {}\n{mended}\n{left:#?}",
                path.display(),
                fix.title,
                diagnostic.message
            );
        }
    }
    assert!(fixes > 20, "only {fixes} fixes");
}

/// A document of which nothing could be examined is not called valid.
#[test]
fn what_was_examined() {
    let sessions = sessions();
    let outcome = |session: &Session, path: &str| {
        let document = session.workspace.document(path).unwrap_or_else(|| panic!("{path} is no document"));
        let subject = Subject::of(&document).unwrap_or_else(|| panic!("{path} cannot be read"));
        check(subject, session.context())
    };
    let photo = "pipelines/files/photo.toml";
    let known = outcome(&sessions.server, photo);
    assert!(known.examined && known.unknown_classes.is_empty() && known.diagnostics.is_empty(), "{known:?}");
    let unknown = outcome(&sessions.builtin, photo);
    assert!(!unknown.examined, "{unknown:?}");
    assert_eq!(unknown.unknown_classes.len(), 5);
    let partly = outcome(&sessions.builtin, "pipelines/not-examined.toml");
    assert!(partly.examined && !partly.unknown_classes.is_empty(), "{partly:?}");
    let editor = outcome(&sessions.builtin, "pipelines/workflow-editor.toml");
    assert!(!editor.examined, "{editor:?}");
}
