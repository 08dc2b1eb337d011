//! A workspace: its configuration and all its documents, read in parallel.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rayon::prelude::*;
use semver::Version;

use super::{
    catalog::{Catalog, Identity, Loaded, OlderVersions, Origin, VersionsFolder},
    config::Config,
    document::Kind,
    read::{MAX_DOCUMENT_BYTES, Parsed, file_too_large, parse, read_bytes, read_config, read_document},
};
use crate::{
    diagnostic::Diagnostic,
    files::{Format, Node, World, WorldError},
    path,
};

/// The file that makes a folder a workspace.
pub const CONFIG_FILE: &str = "comfywright.toml";

/// The folder of documents.
pub const DOCUMENTS_FOLDER: &str = "pipelines";

/// Documents that a thread takes at a time, few enough that all threads end together.
pub const FEW: usize = 8;

/// The configuration and the documents of a workspace. Documents are read when they are first asked
/// for: who works on one document need not read all.
#[derive(Clone)]
pub struct Workspace {
    /// The files.
    pub world: Arc<dyn World>,
    /// The configuration; the default one when there is no `comfywright.toml`.
    pub config: Parsed<Config>,
    /// The text of `comfywright.toml`, when there is one.
    pub config_text: Option<Arc<str>>,
    history: Option<Arc<dyn OlderVersions>>,
    contents: OnceLock<Contents>,
}

#[derive(Clone)]
struct Contents {
    documents: Vec<Arc<Loaded>>,
    diagnostics: Vec<Diagnostic>,
    catalog: Catalog,
}

impl Workspace {
    /// The folder of the workspace that `start` is in: the nearest one upwards with a
    /// `comfywright.toml`.
    pub fn find(start: &Path) -> Option<PathBuf> {
        start.ancestors().find(|folder| folder.join(CONFIG_FILE).is_file()).map(Path::to_path_buf)
    }

    /// Reads the configuration of `world`. `history` is asked for versions that are neither in the
    /// workspace nor in `pipelines/.versions/`.
    pub fn load(world: Arc<dyn World>, history: Option<Arc<dyn OlderVersions>>) -> Self {
        let (config_text, config) = load_config(&*world);
        Self { world, config, config_text, history, contents: OnceLock::new() }
    }

    /// The documents below `pipelines/`, sorted by path, the wrong ones included.
    pub fn documents(&self) -> &[Arc<Loaded>] {
        &self.contents().documents
    }

    /// What is wrong with the workspace as a whole: folders that cannot be read, one document in two
    /// files.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.contents().diagnostics
    }

    /// All documents that references may mean.
    pub fn catalog(&self) -> &Catalog {
        &self.contents().catalog
    }

    /// Whether the documents have been read.
    pub fn is_read(&self) -> bool {
        self.contents.get().is_some()
    }

    /// The document at `path`, relative to the workspace.
    pub fn document(&self, path: &str) -> Option<Arc<Loaded>> {
        let Some(contents) = self.contents.get() else {
            let is_ours = path.starts_with(DOCUMENTS_FOLDER) && self.world.is_file(path);
            return is_ours.then(|| load_document(&*self.world, path, Origin::Workspace).map(Arc::new)).flatten();
        };
        let index = contents.documents.binary_search_by(|document| (*document.path).cmp(path)).ok()?;
        contents.documents.get(index).cloned()
    }

    fn contents(&self) -> &Contents {
        self.contents.get_or_init(|| {
            let (paths, mut diagnostics) = document_paths(&*self.world);
            let documents: Vec<Arc<Loaded>> = paths
                .par_iter()
                .with_max_len(FEW)
                .filter_map(|path| load_document(&*self.world, path, Origin::Workspace).map(Arc::new))
                .collect();
            diagnostics.extend(same_document_twice(&documents));
            let mut older: Vec<Arc<dyn OlderVersions>> = vec![Arc::new(VersionsFolder::new(self.world.clone()))];
            older.extend(self.history.clone());
            let catalog = Catalog::new(documents.clone(), older);
            Contents { documents, diagnostics, catalog }
        })
    }
}

fn load_config(world: &dyn World) -> (Option<Arc<str>>, Parsed<Config>) {
    let file: Arc<str> = Arc::from(CONFIG_FILE);
    match load_text(world, &file) {
        Ok(text) => {
            let parsed = read_config(&text, &file);
            (Some(text), parsed)
        }
        Err(diagnostic) if diagnostic.code == "file-not-found" => {
            (None, Parsed { value: Some(Config::default()), tree: None, diagnostics: Vec::new() })
        }
        Err(diagnostic) => (None, Parsed { value: None, tree: None, diagnostics: vec![*diagnostic] }),
    }
}

fn document_paths(world: &dyn World) -> (Vec<String>, Vec<Diagnostic>) {
    match world.glob(&format!("{DOCUMENTS_FOLDER}/**/*.{{toml,kdl}}")) {
        Ok(paths) => (paths, Vec::new()),
        Err(error) => (Vec::new(), vec![unreadable(&error, &Arc::from(DOCUMENTS_FOLDER))]),
    }
}

/// Reads the document at `path`; none when its name ends in neither `.toml` nor `.kdl`. A file
/// that cannot be read gives a document that says why.
pub fn load_document(world: &dyn World, path: &str, origin: Origin) -> Option<Loaded> {
    let format = Format::of_path(path)?;
    let path: Arc<str> = Arc::from(path);
    Some(match load_text(world, &path) {
        Ok(text) => loaded(path, format, text, origin),
        Err(diagnostic) => Loaded {
            path,
            format,
            text: Arc::from(""),
            parsed: Parsed { value: None, tree: None, diagnostics: vec![*diagnostic] },
            identity: None,
            origin,
        },
    })
}

/// The document of a text.
pub fn loaded(path: Arc<str>, format: Format, text: Arc<str>, origin: Origin) -> Loaded {
    let parsed = read_document(&text, &path, format);
    let identity = parsed.tree.as_ref().and_then(identity_of);
    Loaded { path, format, text, parsed, identity, origin }
}

/// What the document at `path` says that it is. Does not judge the document.
pub fn identity(world: &dyn World, path: &str) -> Option<Identity> {
    let format = Format::of_path(path)?;
    let file: Arc<str> = Arc::from(path);
    let text = load_text(world, &file).ok()?;
    parse(&text, &file, format).0.as_ref().and_then(identity_of)
}

fn load_text(world: &dyn World, file: &Arc<str>) -> Result<Arc<str>, Box<Diagnostic>> {
    match world.read(file, MAX_DOCUMENT_BYTES) {
        Ok(bytes) => read_bytes(&bytes, file),
        Err(WorldError::TooLarge { .. }) => Err(Box::new(file_too_large(file))),
        Err(error) => Err(Box::new(unreadable(&error, file))),
    }
}

fn unreadable(error: &WorldError, file: &Arc<str>) -> Diagnostic {
    Diagnostic::error(error.code(), file, None, format!("failed to {error}"))
}

/// What the tree of a document says that it is.
fn identity_of(tree: &Node) -> Option<Identity> {
    let text = |key: &str| tree.get(&path![key]).and_then(Node::as_str);
    let kind = Kind::ALL.into_iter().find(|kind| Some(kind.as_str()) == text("kind"))?;
    Some(Identity { kind, name: text("name")?.to_owned(), version: Version::parse(text("version")?).ok()? })
}

fn same_document_twice(documents: &[Arc<Loaded>]) -> Vec<Diagnostic> {
    let mut first: HashMap<(Kind, &str, &Version), &Loaded> = HashMap::new();
    let mut diagnostics = Vec::new();
    for document in documents {
        let Some(identity) = &document.identity else { continue };
        match first.entry((identity.kind, &identity.name, &identity.version)) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(document);
            }
            std::collections::hash_map::Entry::Occupied(entry) => diagnostics.extend(clash(entry.get(), document)),
        }
    }
    diagnostics
}

/// The finding that two files hold one version of a document; none when they say the same, as a
/// document kept in both formats does, or when one of them has errors of its own.
fn clash(first: &Loaded, second: &Loaded) -> Option<Diagnostic> {
    let hash = |loaded: &Loaded| loaded.parsed.value.as_ref().map(|document| document.canonical_hash());
    if hash(first)? == hash(second)? {
        return None;
    }
    let identity = second.identity.as_ref()?;
    let span = second.parsed.tree.as_ref().map(|tree| tree.span_of(&path!["name"]));
    let message = format!("`{}@{}` stands in {} too, with other content", identity.name, identity.version, first.path);
    Some(
        Diagnostic::error("duplicate-document", &second.path, span, message)
            .with_hint("give one of them another version or name"),
    )
}
