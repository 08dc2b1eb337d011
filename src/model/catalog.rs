//! The documents that references are resolved among: the workspace's, then older versions.
//!
//! Knows where documents come from only through [`OlderVersions`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use semver::Version;

use super::{
    document::{Document, Kind},
    read::Parsed,
    reference::{HashAlgorithm, Reference, VersionSpec, preference},
};
use crate::{
    files::{Format, World},
    ident::did_you_mean,
};

/// A document with its text, wherever it came from.
#[derive(Debug)]
pub struct Loaded {
    /// Path relative to the workspace, with `/`.
    pub path: Arc<str>,
    /// The format of its text.
    pub format: Format,
    /// Its text; empty when the file could not be read.
    pub text: Arc<str>,
    /// What came of reading it.
    pub parsed: Parsed<Arc<Document>>,
    /// What it calls itself, also when the rest of it is wrong.
    pub identity: Option<Identity>,
    /// Where it was found.
    pub origin: Origin,
}

/// What a document calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
}

/// Where a document was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the workspace, as it is now.
    Workspace,
    /// In `pipelines/.versions/`.
    Versions,
    /// In the history of the workspace's repository.
    History {
        /// The blob's object id.
        object: String,
    },
}

/// A place where older versions of documents are kept.
pub trait OlderVersions: Send + Sync {
    /// Every version of the documents called `name` that is kept here. `paths` are files in which
    /// the workspace has documents of this name now.
    fn versions_of(&self, name: &str, paths: &[Arc<str>]) -> Vec<Arc<Loaded>>;
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing is called so.
    #[error("there is no {} called `{name}`", kind.as_str())]
    Unknown {
        /// The name.
        name: String,
        /// What was looked for.
        kind: Kind,
        /// A name that was probably meant.
        suggestion: Option<String>,
    },
    /// Something else is called so.
    #[error("`{name}` is a {}, not a {}", found.as_str(), wanted.as_str())]
    WrongKind {
        /// The name.
        name: String,
        /// What it is.
        found: Kind,
        /// What was looked for.
        wanted: Kind,
    },
    /// It exists, but in other versions.
    #[error("`{reference}` does not exist; there is {}", list(available))]
    NoSuchVersion {
        /// As written.
        reference: String,
        /// The versions that there are, highest first.
        available: Vec<Version>,
    },
    /// Several files hold the version that is meant.
    #[error("`{reference}` stands in several files: {}", paths.join(", "))]
    Ambiguous {
        /// As written.
        reference: String,
        /// The files.
        paths: Vec<String>,
    },
    /// The document that is meant has errors of its own.
    #[error("`{reference}` has errors of its own, in {path}")]
    Broken {
        /// As written.
        reference: String,
        /// Its file.
        path: String,
    },
}

fn list(versions: &[Version]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl ReferenceError {
    /// The code of a diagnostic that reports this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-document",
            Self::WrongKind { .. } => "wrong-document-kind",
            Self::NoSuchVersion { .. } => "unknown-version",
            Self::Ambiguous { .. } => "ambiguous-reference",
            Self::Broken { .. } => "broken-document",
        }
    }

    /// What to do about it, where it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { suggestion, .. } => suggestion.as_ref().map(|name| format!("did you mean `{name}`?")),
            Self::NoSuchVersion { available, .. } => {
                available.first().map(|version| format!("the highest is {version}"))
            }
            Self::Ambiguous { .. } => Some("give one of them another version or name".to_owned()),
            Self::WrongKind { .. } | Self::Broken { .. } => None,
        }
    }
}

/// All documents that references may mean.
#[derive(Clone, Default)]
pub struct Catalog {
    documents: Vec<Arc<Loaded>>,
    by_name: HashMap<String, Vec<usize>>,
    older: Vec<Arc<dyn OlderVersions>>,
}

impl Catalog {
    /// A catalog of `documents`, and of what `older` keeps, asked in this order and only when the
    /// workspace has no version that is meant.
    pub fn new(documents: Vec<Arc<Loaded>>, older: Vec<Arc<dyn OlderVersions>>) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, document) in documents.iter().enumerate() {
            if let Some(identity) = &document.identity {
                by_name.entry(identity.name.clone()).or_default().push(index);
            }
        }
        Self { documents, by_name, older }
    }

    /// The workspace's documents, in the order of their paths.
    pub fn documents(&self) -> &[Arc<Loaded>] {
        &self.documents
    }

    /// The document of `kind` that `reference` means: the highest version that it accepts, in the
    /// workspace, else in `.versions`, else in the repository's history.
    ///
    /// The result has a typed value and an identity.
    pub fn resolve(&self, reference: &Reference, kind: Kind) -> Result<Arc<Loaded>, ReferenceError> {
        let current = self.called(&reference.name);
        let paths: Vec<Arc<str>> = current.iter().map(|document| document.path.clone()).collect();
        let of_kind = |documents: Vec<Arc<Loaded>>| -> Vec<Arc<Loaded>> {
            documents.into_iter().filter(|d| d.identity.as_ref().is_some_and(|i| i.kind == kind)).collect()
        };
        let other_kind = current.iter().find_map(|d| d.identity.as_ref().map(|i| i.kind).filter(|k| *k != kind));
        let mut seen = of_kind(current);
        if let Some(found) = best(&seen, reference)? {
            return Ok(found);
        }
        for older in &self.older {
            let kept = of_kind(older.versions_of(&reference.name, &paths));
            if let Some(found) = best(&kept, reference)? {
                return Ok(found);
            }
            seen.extend(kept);
        }
        Err(match (seen.is_empty(), other_kind) {
            (false, _) => {
                ReferenceError::NoSuchVersion { reference: reference.to_string(), available: versions(&seen) }
            }
            (true, Some(found)) => ReferenceError::WrongKind { name: reference.name.clone(), found, wanted: kind },
            (true, None) => self.unknown(reference, kind),
        })
    }

    fn called(&self, name: &str) -> Vec<Arc<Loaded>> {
        self.by_name.get(name).into_iter().flatten().map(|index| self.documents[*index].clone()).collect()
    }

    fn unknown(&self, reference: &Reference, kind: Kind) -> ReferenceError {
        let identities = self.documents.iter().filter_map(|d| d.identity.as_ref());
        let names = identities.filter(|i| i.kind == kind).map(|i| i.name.as_str());
        let suggestion = did_you_mean(&reference.name, names).map(str::to_owned);
        ReferenceError::Unknown { name: reference.name.clone(), kind, suggestion }
    }
}

/// The versions of `documents`, highest first.
fn versions(documents: &[Arc<Loaded>]) -> Vec<Version> {
    let mut versions: Vec<_> =
        documents.iter().filter_map(|d| d.identity.as_ref()).map(|i| i.version.clone()).collect();
    versions.sort_unstable_by(|a, b| preference(b, a));
    versions.dedup();
    versions
}

/// The preferred of those `candidates` that `reference` accepts; none when it accepts none.
fn best(candidates: &[Arc<Loaded>], reference: &Reference) -> Result<Option<Arc<Loaded>>, ReferenceError> {
    let mut accepted: Vec<(&Arc<Loaded>, &Version)> = candidates
        .iter()
        .filter_map(|document| Some((document, &document.identity.as_ref()?.version)))
        .filter(|(document, version)| accepts(&reference.version, document, version))
        .collect();
    // Stable, and from the back: of the same version in one file's history the first is the newest.
    accepted.sort_by(|(_, a), (_, b)| preference(b, a));
    let Some((first, version)) = accepted.first() else { return Ok(None) };
    if first.parsed.value.is_none() {
        return Err(ReferenceError::Broken { reference: reference.to_string(), path: first.path.to_string() });
    }
    let is_hash = matches!(reference.version, VersionSpec::Hash { .. });
    let mut same: Vec<&Arc<Loaded>> =
        accepted.iter().filter(|(_, other)| is_hash || other == version).map(|(document, _)| *document).collect();
    same.retain(|document| is_other_meaning(first, document));
    if same.is_empty() {
        return Ok(Some(Arc::clone(first)));
    }
    let paths = std::iter::once(first).chain(&same).map(|document| document.path.to_string()).collect();
    Err(ReferenceError::Ambiguous { reference: reference.to_string(), paths })
}

/// Whether `other` is not what `first` is: another file of the workspace or of `.versions`, or other content under
/// an abbreviated hash. An earlier text of the same version in the history is not asked for.
fn is_other_meaning(first: &Loaded, other: &Loaded) -> bool {
    let hash = |loaded: &Loaded| loaded.parsed.value.as_ref().map(|document| document.canonical_hash());
    match (&first.origin, &other.origin) {
        (Origin::History { .. }, Origin::History { .. }) => {
            let version = |loaded: &Loaded| loaded.identity.as_ref().map(|i| i.version.clone());
            version(first) != version(other) && hash(first) != hash(other)
        }
        _ => first.path != other.path && hash(first) != hash(other),
    }
}

fn accepts(spec: &VersionSpec, document: &Loaded, version: &Version) -> bool {
    let VersionSpec::Hash { algorithm, digits } = spec else { return spec.matches(version) };
    document.parsed.value.as_ref().is_some_and(|value| {
        let hash = match algorithm {
            HashAlgorithm::Blake3 => value.canonical_hash().to_string(),
            HashAlgorithm::Sha256 => value.canonical_sha256(),
        };
        hash.starts_with(digits)
    })
}

/// `pipelines/.versions/`: files `NAME@VERSION.toml` or `.kdl`, read when a reference needs them.
pub struct VersionsFolder {
    world: Arc<dyn World>,
    known: Mutex<HashMap<String, Vec<Arc<Loaded>>>>,
}

/// The folder of kept versions.
pub const VERSIONS_FOLDER: &str = "pipelines/.versions";

impl VersionsFolder {
    /// The kept versions in `world`.
    pub fn new(world: Arc<dyn World>) -> Self {
        Self { world, known: Mutex::default() }
    }

    fn load(&self, name: &str) -> Vec<Arc<Loaded>> {
        let entries = self.world.list(VERSIONS_FOLDER).unwrap_or_default();
        let is_called = |file: &str| file.split_once('@').is_some_and(|(stem, _)| stem == name);
        let files = entries.iter().filter(|entry| !entry.is_folder && is_called(&entry.name));
        files
            .filter_map(|entry| {
                let path = format!("{VERSIONS_FOLDER}/{}", entry.name);
                super::workspace::load_document(&*self.world, &path, Origin::Versions)
            })
            .filter(|loaded| loaded.identity.as_ref().is_some_and(|identity| identity.name == name))
            .map(Arc::new)
            .collect()
    }
}

impl OlderVersions for VersionsFolder {
    fn versions_of(&self, name: &str, _: &[Arc<str>]) -> Vec<Arc<Loaded>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.to_owned()).or_insert_with(|| self.load(name)).clone()
    }
}
