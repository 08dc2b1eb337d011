//! `fixtures/import/<case>/in.*` and the preset that each becomes.
//!
//! `preset.toml` is what a file becomes, `notes.txt` what is said about it; with a `kept.toml` the
//! graph is kept as a file, too. What compiles must be the graph that it was. `invalid/` has files
//! that become none. Set `UPDATE_FIXTURES` to write the answers anew, and read the difference.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use comfywright::{
    app::{AppError, ImportOptions, JudgedBy, import},
    diagnostic::{Diagnostic, position},
    files::Format,
    graph::{Graph, NodeSet, UiOptions, builtin, from_api, from_ui},
    import::read_source,
};

use super::{
    isomorphic::difference,
    workspace::{Workspace, checked, compiled},
};

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

fn object_info() -> PathBuf {
    folder("graph/server-0.33.0.json")
}

fn nodes() -> NodeSet {
    NodeSet::parse(fs::read_to_string(object_info()).unwrap()).unwrap()
}

/// What a preset's file is called in the fixtures.
fn kept(path: &Path, found: &str) {
    if env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(path, found).unwrap();
    }
    let wanted = fs::read_to_string(path).unwrap_or_default().replace('\r', "");
    assert_eq!(found, wanted, "{}", path.display());
}

fn told(found: &[Diagnostic]) -> String {
    let line = |d: &Diagnostic| {
        let hint = d.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{:?}[{}]: {}{hint}\n", d.severity, d.code, d.message)
    };
    found.iter().map(line).collect()
}

/// Cases by name: the files to import.
fn cases() -> BTreeMap<String, Vec<PathBuf>> {
    let mut cases: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for case in fs::read_dir(folder("import")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let is_input = |path: &PathBuf| !["toml", "txt", "svg"].contains(&path.extension().unwrap().to_str().unwrap());
        let mut files: Vec<PathBuf> =
            fs::read_dir(&case).unwrap().map(|e| e.unwrap().path()).filter(is_input).collect();
        files.sort();
        cases.insert(name, files);
    }
    cases.remove("invalid");
    cases
}

fn graph_of(bytes: &[u8], nodes: &NodeSet) -> Graph {
    let source = read_source(bytes).unwrap();
    match (source.prompt, source.workflow) {
        (Some(prompt), _) => from_api(&prompt).unwrap(),
        (None, workflow) => from_ui(&"in.json".into(), &workflow.unwrap(), nodes, UiOptions::default()).unwrap().graph,
    }
}

#[test]
fn files_become_the_presets_that_they_should() {
    let (nodes, workspace) = (nodes(), Workspace::new());
    let mut imported = Vec::new();
    for (case, files) in cases() {
        assert!(!files.is_empty(), "{case} has no files");
        for (number, file) in files.iter().enumerate() {
            let bytes = fs::read(file).unwrap();
            let name = format!("{case}-{number}");
            let options = ImportOptions { name: Some(case.clone()), ..ImportOptions::default() };
            let shown = import(&case, &bytes, JudgedBy { nodes: &nodes, of_server: true }, &options)
                .unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
            kept(&file.with_file_name("preset.toml"), &shown.preset.text);
            kept(&file.with_file_name("notes.txt"), &told(&shown.diagnostics));
            for (format, keeps, suffix) in
                [(Format::Toml, false, "t"), (Format::Kdl, false, "k"), (Format::Toml, true, "f")]
            {
                let name = format!("{name}-{suffix}");
                let found = workspace.import(&name, &bytes, &nodes, format, keeps);
                if keeps && file.with_file_name("kept.toml").exists() {
                    kept(&file.with_file_name("kept.toml"), &found.preset.text);
                }
                imported.push((name, found, bytes.clone()));
            }
        }
    }
    let graphs: Vec<Graph> = imported.iter().map(|(_, _, bytes)| graph_of(bytes, &nodes)).collect();
    let session = workspace.open(Some(&workspace.with_files(&object_info(), &graphs)));
    let wrong = told(&checked(&session).diagnostics);
    kept(&folder("import/check.txt"), &unique_lines(&wrong));
    let is_refused =
        |name: &str| ["cycle", "custom-nodes", "nothing-is-saved"].iter().any(|case| name.starts_with(case));
    for ((name, imported, _), graph) in imported.iter().zip(&graphs).filter(|((name, ..), _)| !is_refused(name)) {
        let found = compiled(&session, name, imported);
        assert_eq!(difference(graph, &found, &session.nodes), None, "{name}");
    }
}

/// What nobody knows is kept as it is.
#[test]
fn classes_of_custom_nodes_survive_without_their_signatures() {
    let workspace = Workspace::new();
    let bytes = fs::read(folder("import/custom-nodes/in.json")).unwrap();
    let kinds = [(Format::Toml, false, "t"), (Format::Kdl, false, "k"), (Format::Toml, true, "f")];
    let imported = kinds.map(|(format, keeps, name)| (name, workspace.import(name, &bytes, builtin(), format, keeps)));
    let (session, graph) = (workspace.open(None), graph_of(&bytes, builtin()));
    for (name, imported) in imported {
        let found = compiled(&session, name, &imported);
        assert_eq!(difference(&graph, &found, builtin()), None, "{name}");
    }
}

fn unique_lines(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn files_that_hold_no_graph_are_told_what_is_wrong() {
    let nodes = nodes();
    let mut files: Vec<PathBuf> = fs::read_dir(folder("import/invalid")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().unwrap() != "txt");
    files.sort();
    let mut all = String::new();
    for file in &files {
        let bytes = fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let error = import(name, &bytes, JudgedBy { nodes: &nodes, of_server: true }, &ImportOptions::default())
            .map(|imported| imported.preset.text)
            .expect_err(name);
        let AppError::Wrong(found) = error else { panic!("{name}: {error:?}") };
        let text = String::from_utf8_lossy(&bytes);
        for diagnostic in found {
            let place = diagnostic.span.map(|span| position(&text, span.start));
            let place = place.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default();
            all += &[name, &place, ": ", &told(&[diagnostic])].concat();
        }
    }
    kept(&folder("import/invalid/expected.txt"), &all);
}
