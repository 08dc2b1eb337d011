//! A workspace of imported presets, and the graphs that they become again.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    app::{
        CheckOptions, CheckReport, ImportOptions, Imported, JobOptions, JudgedBy, Session, SessionOptions, check,
        import, make_job,
    },
    files::Format,
    graph::{Graph, Input, NodeSet},
};
use serde_json::Value;
use tempfile::TempDir;

use super::with_files::with_all_files;

/// A folder with presets.
pub struct Workspace {
    folder: TempDir,
}

impl Workspace {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("pipelines/files")).unwrap();
        fs::write(folder.path().join("comfywright.toml"), "").unwrap();
        Self { folder }
    }

    /// Imports `bytes` as the preset `name`, and writes it.
    pub fn import(&self, name: &str, bytes: &[u8], nodes: &NodeSet, format: Format, keep_workflow: bool) -> Imported {
        let options = ImportOptions { name: Some(name.to_owned()), keep_workflow, format: Some(format) };
        let imported = import(name, bytes, JudgedBy { nodes, of_server: true }, &options)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let pipelines = self.folder.path().join("pipelines");
        if let Some((path, text)) = &imported.workflow {
            fs::create_dir_all(pipelines.join(path).parent().unwrap()).unwrap();
            fs::write(pipelines.join(path), text).unwrap();
        }
        fs::write(pipelines.join(format!("{name}.{}", format.extension())), &imported.preset.text).unwrap();
        imported
    }

    /// The `object_info` of a server that also has all files that `graphs` name, as a file.
    pub fn with_files<'a>(&self, object_info: &Path, graphs: impl IntoIterator<Item = &'a Graph>) -> PathBuf {
        let text = fs::read_to_string(object_info).unwrap();
        let nodes = NodeSet::parse(text.as_str()).unwrap();
        let path = self.folder.path().join("complete.json");
        fs::write(&path, with_all_files(serde_json::from_str(&text).unwrap(), graphs, &nodes).to_string()).unwrap();
        path
    }

    /// Opens it, to be judged by `object_info` or by what is built in.
    pub fn open(&self, object_info: Option<&Path>) -> Session {
        let options =
            SessionOptions { start: Some(self.folder.path().to_owned()), object_info: object_info.map(Path::to_owned) };
        Session::open(&options).unwrap()
    }
}

pub fn checked(session: &Session) -> CheckReport {
    check(session, &CheckOptions::default()).unwrap()
}

/// The graph of the preset `name`, with the files that it was made with where it asks for files.
pub fn compiled(session: &Session, name: &str, imported: &Imported) -> Graph {
    let mut options = JobOptions::default();
    for (param, _) in imported.preset.params().filter(|(_, param)| param.required) {
        let file = format!("files/{param}.png");
        // For every kind of file; nobody looks into it here.
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/images/rgba.png");
        fs::copy(picture, session.root.join("pipelines").join(&file)).unwrap();
        options.set.insert(param.clone(), Value::from(file));
    }
    let loaded = session.document(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let nodes: Arc<NodeSet> = session.nodes.clone();
    let job = make_job(session, &loaded, &options, &nodes)
        .unwrap_or_else(|e| panic!("{name}: {e:#?}\n{}", imported.preset.text));
    let mut found = job.program.tasks[0].sample.clone().unwrap_or_default();
    restore_files(&mut found, imported);
    found
}

/// Puts back the names of files, which the help of parameters tells.
fn restore_files(found: &mut Graph, imported: &Imported) {
    for input in found.nodes.values_mut().flat_map(|node| node.inputs.values_mut()) {
        let Input::Files(files) = input else { continue };
        let file = Path::new(&files[0].path).file_stem().unwrap().to_str().unwrap();
        let (_, param) = imported.preset.params().find(|(name, _)| *name == file).unwrap();
        let help = param.help.as_deref().unwrap();
        *input = Input::value(help.strip_prefix("The graph was made with ").unwrap().strip_suffix('.').unwrap());
    }
}
