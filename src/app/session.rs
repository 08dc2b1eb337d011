//! An opened workspace: its files, documents and configuration, and what they are judged by.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{AppError, client_files::ClientWorld, models};
use crate::{
    compile::{Context, Library, Referred, Unresolved},
    files::{DirWorld, World},
    git::GitHistory,
    graph::{NodeSet, builtin, own_classes},
    model::{Config, DOCUMENTS_FOLDER, InvalidReference, Kind, KnownModels, Loaded, Reference, Workspace},
    models::Presence,
    scorers,
};

/// How to open a workspace.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// A folder or document in the workspace; the current folder without it.
    pub start: Option<PathBuf>,
    /// An `object_info` snapshot to judge node classes by, beside the built-in one.
    pub object_info: Option<PathBuf>,
}

/// An opened workspace.
pub struct Session {
    /// The folder, absolute.
    pub root: PathBuf,
    /// Its files.
    pub world: Arc<dyn World>,
    /// Its documents and configuration.
    pub workspace: Workspace,
    /// Signatures of node classes.
    pub nodes: Arc<NodeSet>,
    /// What documents are judged by, for people.
    pub against: String,
    /// Whether that is a snapshot that somebody gave.
    pub has_snapshot: bool,
    /// The configuration in force.
    pub config: Config,
    /// The models that there are.
    pub models: Arc<KnownModels>,
    metrics: BTreeSet<String>,
    confined: bool,
}

impl Session {
    /// Opens the workspace around `options.start`: the nearest folder upwards with a
    /// `comfywright.toml`; without one, the folder that holds `pipelines/`, or the folder itself.
    pub fn open(options: &SessionOptions) -> Result<Self, AppError> {
        Self::opened(options, false)
    }

    /// The same for a client: paths are relative to the workspace only, not to the current folder,
    /// and documents reach only the files that are open to clients.
    pub fn open_for_client(options: &SessionOptions) -> Result<Self, AppError> {
        Self::opened(options, true)
    }

    fn opened(options: &SessionOptions, confined: bool) -> Result<Self, AppError> {
        let start = options.start.clone().unwrap_or_else(|| PathBuf::from("."));
        let start =
            start.canonicalize().map_err(|e| AppError::usage(format!("failed to find {}: {e}", start.display())))?;
        let folder = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(&start) };
        let root = Workspace::find(folder).unwrap_or_else(|| around_documents(folder).to_path_buf());
        let world: Arc<dyn World> = Arc::new(
            DirWorld::open(&root)
                .map_err(|e| AppError::environment(format!("failed to open the workspace {}: {e}", root.display())))?,
        );
        let world = if confined { Arc::new(ClientWorld::new(world)) } else { world };
        let workspace = Workspace::load(world.clone(), Some(Arc::new(GitHistory::new(&root))));
        let (nodes, against) = match &options.object_info {
            None => (shared_builtin(), "the built-in snapshot of ComfyUI 0.3.75's model-free nodes".to_owned()),
            Some(path) => (Arc::new(read_object_info(path)?), format!("the snapshot {}", path.display())),
        };
        let config = workspace.config.value.clone().unwrap_or_default();
        let mut metrics: BTreeSet<String> = scorers::metrics().map(|m| m.name.to_owned()).collect();
        metrics.extend(config.scorer.values().flat_map(|s| s.metrics.iter().cloned()));
        let has_snapshot = options.object_info.is_some();
        let cache = models::cache(&root, &config);
        let known = KnownModels::load(world.as_ref(), &config.models);
        let models = Arc::new(known.with_presence(|manifest| cache.presence(manifest) == Presence::Here));
        Ok(Self { root, world, workspace, nodes, against, has_snapshot, config, models, metrics, confined })
    }

    /// What compiling reads.
    pub fn context(&self) -> Context<'_> {
        self.context_with(&self.nodes)
    }

    /// What compiling reads, with the classes of `nodes`.
    pub fn context_with<'a>(&'a self, nodes: &'a NodeSet) -> Context<'a> {
        Context {
            world: self.world.as_ref(),
            library: self,
            config: &self.config,
            nodes,
            metrics: &self.metrics,
            models: &self.models,
        }
    }

    /// The document that a person means by `text`: a path relative to the current folder or to the
    /// workspace, or a reference.
    pub fn document(&self, text: &str) -> Result<Arc<Loaded>, AppError> {
        if let Some(inside) = self.relative(Path::new(text)) {
            if let Some(loaded) = self.workspace.document(&inside) {
                return Ok(loaded);
            }
            if let Some(loaded) =
                crate::model::load_document(self.world.as_ref(), &inside, crate::model::Origin::Workspace)
            {
                return Ok(Arc::new(loaded));
            }
            return Err(AppError::usage(format!("{text} is neither a .toml nor a .kdl file")));
        }
        let by_name = self.workspace.documents().iter().find(|d| d.identity.as_ref().is_some_and(|i| i.name == text));
        by_name.cloned().ok_or_else(|| {
            let names: Vec<&str> = self
                .workspace
                .documents()
                .iter()
                .filter_map(|d| d.identity.as_ref())
                .map(|i| i.name.as_str())
                .collect();
            let error = AppError::usage(format!("there is no document \"{text}\""));
            match crate::ident::did_you_mean(text, names) {
                Some(near) => error.with_hint(format!("did you mean \"{near}\"?")),
                None => error.with_hint("name a file, or a document of the workspace"),
            }
        })
    }

    /// The path of an existing file or folder relative to the workspace, with `/`, `""` for the
    /// workspace itself; none when it is not in it.
    pub fn inside(&self, path: &Path) -> Option<String> {
        let candidates = [path.to_path_buf(), self.root.join(path)];
        candidates.iter().skip(usize::from(self.confined)).filter_map(|p| p.canonicalize().ok()).find_map(|absolute| {
            let inside = absolute.strip_prefix(&self.root).ok()?;
            let parts: Option<Vec<&str>> = inside.components().map(|c| c.as_os_str().to_str()).collect();
            parts.map(|parts| parts.join("/"))
        })
    }

    /// The path of an existing file relative to the workspace, with `/`; none when it is not in it.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let inside = self.inside(path)?;
        self.world.is_file(&inside).then_some(inside)
    }
}

impl Library for Session {
    fn resolve(&self, reference: &str, kind: Kind) -> Result<Referred, Unresolved> {
        let invalid =
            |e: InvalidReference| Unresolved { code: "invalid-reference", message: e.to_string(), hint: None };
        let parsed = Reference::parse(reference).map_err(invalid)?;
        let loaded = self.workspace.catalog().resolve(&parsed, kind).map_err(|e| Unresolved {
            code: e.code(),
            message: e.to_string(),
            hint: e.hint(),
        })?;
        let document = loaded.parsed.value.clone().ok_or_else(|| Unresolved {
            code: "broken-document",
            message: format!("the document \"{reference}\" in {} has errors", loaded.path),
            hint: Some("run check on it".to_owned()),
        })?;
        Ok(Referred { path: loaded.path.clone(), document })
    }
}

/// The folder that holds the nearest `pipelines/` around `folder`; `folder` when there is none.
fn around_documents(folder: &Path) -> &Path {
    let documents = folder.ancestors().find(|f| f.file_name().is_some_and(|name| name == DOCUMENTS_FOLDER));
    documents.and_then(Path::parent).unwrap_or(folder)
}

/// The built-in classes, read once in a process.
fn shared_builtin() -> Arc<NodeSet> {
    static SHARED: OnceLock<Arc<NodeSet>> = OnceLock::new();
    SHARED.get_or_init(|| Arc::new(builtin().clone())).clone()
}

fn read_object_info(path: &Path) -> Result<NodeSet, AppError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| AppError::usage(format!("failed to read {}: {e}", path.display())))?;
    let mut nodes =
        NodeSet::parse(text).map_err(|e| AppError::usage(format!("failed to read {}: {e}", path.display())))?;
    nodes.add_missing(own_classes());
    Ok(nodes)
}
