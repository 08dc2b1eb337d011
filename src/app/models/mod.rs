//! Models: what there is, fetched, checked, added and removed.

mod add;
mod interface;
mod profiles;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use super::{AppError, Session, servers::wait_for};
use crate::{
    model::{Config, KnownModel, ModelLicence},
    models::{ModelCache, ModelError, ModelStore, Presence, PullEvent, PullOptions, StoreSettings, is_built_in, pull},
};
pub use add::{AddModel, add_model};
pub use profiles::PROFILES;

/// A model for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelRow {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// `salient`, `classifier`, `detector`, `segmenter` or `promptable`.
    pub role: &'static str,
    /// Under which terms.
    pub licence: ModelLicence,
    /// Bytes of its files.
    pub size: u64,
    /// `here`, `absent` or `partly`.
    pub state: &'static str,
    /// The manifest, relative to the workspace; none when it is built in.
    pub manifest: Option<Arc<str>>,
    /// Where its files come from.
    pub sources: Vec<String>,
    /// Identifies what it computes.
    pub digest: String,
}

/// What came of verifying a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedModel {
    /// Its name.
    pub name: String,
    /// Whether its files are what the manifest says, and load with the interface that it says.
    pub ok: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

/// What was removed of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedModel {
    /// Its name.
    pub name: String,
    /// Bytes that became free.
    pub freed: u64,
    /// The manifest that was removed, relative to the workspace.
    pub manifest: Option<Arc<str>>,
    /// Files that stay, because another model has them too.
    pub shared: Vec<String>,
}

/// The cache of model files: where `[store] models` says, else in the user's cache folder.
pub(super) fn cache(root: &Path, config: &Config) -> ModelCache {
    let of_user = || {
        let folders = etcetera::choose_base_strategy().ok()?;
        Some(etcetera::BaseStrategy::cache_dir(&folders).join("comfywright").join("models"))
    };
    let folder = match &config.store.models {
        Some(folder) => root.join(folder),
        None => of_user().unwrap_or_else(|| root.join(".comfywright").join("models")),
    };
    ModelCache::new(folder)
}

/// The folder of model files of `session`.
pub fn models_folder(session: &Session) -> PathBuf {
    cache(&session.root, &session.config).root().to_path_buf()
}

/// The models of `session`, to be asked about pictures.
pub fn model_store(session: &Session) -> ModelStore {
    let given = &session.config.models;
    let mut settings = StoreSettings::default();
    if let Some(mib) = given.memory_mib {
        settings.memory_bytes = u64::from(mib) << 20;
    }
    if let Some(threads) = given.threads {
        settings.threads = threads as usize;
    }
    ModelStore::new(cache(&session.root, &session.config), session.models.clone(), settings)
}

/// Every model that the workspace knows.
pub fn list_models(session: &Session) -> Vec<ModelRow> {
    let cache = cache(&session.root, &session.config);
    session.models.iter().map(|model| row(model, &cache)).collect()
}

fn row(model: &KnownModel, cache: &ModelCache) -> ModelRow {
    let manifest = &model.manifest;
    ModelRow {
        name: manifest.name.clone(),
        title: manifest.title.clone(),
        description: manifest.description.clone(),
        role: manifest.role.name(),
        licence: manifest.licence.clone(),
        size: manifest.size(),
        state: match cache.presence(manifest) {
            Presence::Here => "here",
            Presence::Absent => "absent",
            Presence::Partly => "partly",
        },
        manifest: model.file.clone(),
        sources: manifest.file.iter().flat_map(|file| file.source.iter().cloned()).collect(),
        digest: manifest.digest(),
    }
}

/// The models called `names`.
pub fn named_models(session: &Session, names: &[String]) -> Result<Vec<ModelRow>, AppError> {
    let cache = cache(&session.root, &session.config);
    names.iter().map(|name| Ok(row(known(session, name)?, &cache))).collect()
}

fn known<'a>(session: &'a Session, name: &str) -> Result<&'a KnownModel, AppError> {
    session.models.get(name).ok_or_else(|| {
        let names: Vec<&str> = session.models.iter().map(|model| model.manifest.name.as_str()).collect();
        let error = AppError::usage(format!("there is no model \"{name}\""));
        match crate::ident::did_you_mean(name, names.iter().copied()) {
            Some(near) => error.with_hint(format!("did you mean \"{near}\"?")),
            None => error.with_hint(format!("there are {}", names.join(", "))),
        }
    })
}

/// Fetches the model called `name`; `tell` is told what happens. Its terms were accepted.
pub fn pull_model(session: &Session, name: &str, tell: &(dyn Fn(PullEvent) + Sync)) -> Result<ModelRow, AppError> {
    let model = known(session, name)?;
    let cache = cache(&session.root, &session.config);
    let options = PullOptions { root: &session.root, tell };
    wait_for(pull(&cache, &model.manifest, &options))?.map_err(|error| environment(&error))?;
    Ok(row(model, &cache))
}

/// Checks the models called `names`, or all that are here: hashes, loads, compares the interface.
pub fn verify_models(session: &Session, names: &[String]) -> Result<Vec<VerifiedModel>, AppError> {
    let store = model_store(session);
    let here = || session.models.iter().filter(|model| model.is_here).map(|model| model.manifest.name.clone());
    let names: Vec<String> = if names.is_empty() { here().collect() } else { names.to_vec() };
    for name in &names {
        known(session, name)?;
    }
    let verified = names.into_iter().map(|name| {
        let problem = store.verify(&name, true).err().map(|error| format!("failed to {error}"));
        VerifiedModel { name, ok: problem.is_none(), problem }
    });
    Ok(verified.collect())
}

/// Removes the files of the model called `name` from the cache, and its manifest from the workspace when
/// `with_manifest` says so.
pub fn remove_model(session: &Session, name: &str, with_manifest: bool) -> Result<RemovedModel, AppError> {
    let model = known(session, name)?;
    if with_manifest && model.file.is_none() {
        return Err(
            AppError::usage(format!("the manifest of \"{name}\" is built in")).with_hint("leave --manifest away")
        );
    }
    if model.manifest.file.iter().any(is_built_in) {
        return Err(AppError::usage(format!("the model \"{name}\" is part of the program")));
    }
    let cache = cache(&session.root, &session.config);
    let others = session.models.iter().filter(|other| other.manifest.name != name);
    let others: Vec<&str> = others.flat_map(|other| &other.manifest.file).map(|file| file.sha256.as_str()).collect();
    let mut freed = model_store(session).forget_optimised(&model.manifest);
    let mut shared = Vec::new();
    for file in &model.manifest.file {
        if others.contains(&file.sha256.as_str()) {
            shared.push(file.name.clone());
        } else {
            freed += cache.forget(&file.sha256).map_err(|error| environment(&error))?;
        }
    }
    let manifest = model.file.clone().filter(|_| with_manifest);
    if let Some(file) = &manifest {
        let path = session.root.join(&**file);
        std::fs::remove_file(&path)
            .map_err(|error| AppError::environment(format!("failed to remove {}: {error}", path.display())))?;
    }
    Ok(RemovedModel { name: name.to_owned(), freed, manifest, shared })
}

/// The fault of the surroundings that a model's error is.
pub(super) fn environment(error: &ModelError) -> AppError {
    AppError::environment(format!("failed to {error}"))
}
