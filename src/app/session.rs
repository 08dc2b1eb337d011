//! An opened workspace: its files, documents and configuration, and what they are judged by.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AppError,
    client_files::ClientWorld,
    snapshots::{Judged, KeptSnapshot, judged_by, judged_by_file},
};
use crate::{
    compile::{Context, Library, Referred, Unresolved},
    diagnostic::Diagnostic,
    files::{DirWorld, World},
    git::GitHistory,
    graph::NodeSet,
    model::{Config, DOCUMENTS_FOLDER, InvalidReference, Kind, Loaded, Reference, Workspace},
    scorers,
};

/// How to open a workspace.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// A folder or document in the workspace; the current folder without it.
    pub start: Option<PathBuf>,
    /// A snapshot or `object_info` of a server to judge node classes by, instead of those of the workspace.
    pub object_info: Option<PathBuf>,
}

/// Which documents are read at once.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    /// Those that somebody asks for, when he does.
    Asked,
    /// All.
    Whole,
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
    /// The snapshots among that.
    pub snapshots: Vec<KeptSnapshot>,
    /// Snapshots that cannot be read.
    pub snapshot_faults: Vec<Diagnostic>,
    /// Whether that is a snapshot that somebody named on the command line.
    pub has_snapshot: bool,
    /// The configuration in force.
    pub config: Config,
    metrics: BTreeSet<String>,
    confined: bool,
}

impl Session {
    /// Opens the workspace around `options.start`: the nearest folder upwards with a
    /// `comfywright.toml`; without one, the folder that holds `pipelines/`, or the folder itself.
    pub fn open(options: &SessionOptions) -> Result<Self, AppError> {
        Self::opened(options, false, Extent::Asked)
    }

    /// The same for a command that looks at all documents: they are read while the snapshot is.
    pub fn open_whole(options: &SessionOptions) -> Result<Self, AppError> {
        Self::opened(options, false, Extent::Whole)
    }

    /// The same for a client: paths are relative to the workspace only, not to the current folder,
    /// and documents reach only the files that are open to clients.
    pub fn open_for_client(options: &SessionOptions) -> Result<Self, AppError> {
        Self::opened(options, true, Extent::Asked)
    }

    fn opened(options: &SessionOptions, confined: bool, extent: Extent) -> Result<Self, AppError> {
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
        let history = GitHistory::new(&root);
        let mut session = Self::of_world(root, world, history, confined);
        let snapshot = || options.object_info.as_deref().map(judged_by_file).transpose();
        let warm = || (extent == Extent::Whole).then(|| session.workspace.documents().len());
        let (judged, _) = rayon::join(snapshot, warm);
        if let Some(judged) = judged? {
            session.judge_by(judged);
            session.has_snapshot = true;
        }
        Ok(session)
    }

    /// The same workspace with the files of `world`, such as those of an earlier commit.
    pub(super) fn with_files(&self, world: Arc<dyn World>, history: GitHistory) -> Self {
        let world = if self.confined { Arc::new(ClientWorld::new(world)) } else { world };
        Self::of_world(self.root.clone(), world, history, self.confined)
    }

    fn of_world(root: PathBuf, world: Arc<dyn World>, history: GitHistory, confined: bool) -> Self {
        let workspace = Workspace::load(world.clone(), Some(Arc::new(history)));
        let config = workspace.config.value.clone().unwrap_or_default();
        let judged = judged_by(world.as_ref(), &config);
        let mut metrics: BTreeSet<String> = scorers::KNOWN.iter().map(|m| m.name.to_owned()).collect();
        metrics.extend(config.scorer.values().flat_map(|s| s.metrics.iter().cloned()));
        Self {
            root,
            world,
            workspace,
            nodes: judged.nodes,
            against: judged.against,
            snapshots: judged.snapshots,
            snapshot_faults: judged.faults,
            has_snapshot: false,
            config,
            metrics,
            confined,
        }
    }

    /// Judges documents by something else.
    pub(super) fn judge_by(&mut self, judged: Judged) {
        self.nodes = judged.nodes;
        self.against = judged.against;
        self.snapshots = judged.snapshots;
        self.snapshot_faults = judged.faults;
    }

    /// Judges documents as `other` does.
    pub(super) fn judge_as(&mut self, other: &Self) {
        self.nodes = other.nodes.clone();
        self.against.clone_from(&other.against);
        self.snapshots.clone_from(&other.snapshots);
    }

    /// Whether it was opened for a client.
    pub fn is_confined(&self) -> bool {
        self.confined
    }

    /// What compiling reads.
    pub fn context(&self) -> Context<'_> {
        self.context_with(&self.nodes)
    }

    /// What compiling reads, with the classes of `nodes`.
    pub fn context_with<'a>(&'a self, nodes: &'a NodeSet) -> Context<'a> {
        Context { world: self.world.as_ref(), library: self, config: &self.config, nodes, metrics: &self.metrics }
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
