//! Models that a user brings: the file goes into the cache, a manifest into the workspace.

use std::path::{Path, PathBuf};

use super::{ModelRow, cache, environment, interface::Interface, profiles::profile, row};
use crate::{
    app::{AppError, Session, write_new},
    files::{self, Node},
    model::{
        KnownModel, KnownModels, MODELS_FOLDER, ModelFile, ModelLicence, ModelManifest, ModelSource, manifest_shape,
        read_manifest,
    },
    models::{ModelStore, StoreSettings, add_file, sha256_of},
};

/// A model to add.
#[derive(Clone, Debug, Default)]
pub struct AddModel {
    /// The ONNX file.
    pub file: PathBuf,
    /// The tokenizer of a model that is asked in words.
    pub tokenizer: Option<PathBuf>,
    /// The second file of a model that is asked with points and boxes.
    pub decoder: Option<PathBuf>,
    /// Name of the model; from the file's name without it.
    pub name: Option<String>,
    /// A profile, or a known model: how pictures go in and masks or boxes come out.
    pub like: String,
    /// Side of its square input in pixels, where it is not the profile's.
    pub side: Option<u32>,
    /// SPDX expression of its licence.
    pub licence: String,
    /// Where others can have the file.
    pub sources: Vec<String>,
}

impl AddModel {
    /// Its files, the model first.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.file).chain(&self.tokenizer).chain(&self.decoder).map(PathBuf::as_path)
    }
}

/// Adds a model: checks that it loads with the interface that is expected, takes the file into the cache and
/// writes `models/NAME.toml`. Nothing is written when anything is wrong.
pub fn add_model(session: &Session, wanted: &AddModel) -> Result<ModelRow, AppError> {
    let name = wanted.name.clone().map_or_else(|| name_of_file(wanted), Ok)?;
    if session.models.get(&name).is_some() {
        return Err(AppError::usage(format!("there is a model \"{name}\" already"))
            .with_hint("give this one another name with --name"));
    }
    for source in &wanted.sources {
        ModelSource::parse(source).map_err(|message| AppError::usage(format!("--source: {message}")))?;
    }
    let manifest = manifest(session, wanted, &name)?;
    let text = text_of(&manifest)?;
    let file = format!("{MODELS_FOLDER}/{name}.toml");
    let parsed = read_manifest(&text, &file.as_str().into());
    if let Some(found) = parsed.diagnostics.first() {
        return Err(AppError::usage(format!("such a manifest cannot be: {}", found.message)));
    }
    let cache = cache(&session.root, &session.config);
    let was_there = manifest.file.iter().all(|file| cache.checked(&name, file, false).is_ok());
    for (path, file) in wanted.paths().zip(&manifest.file) {
        add_file(&cache, path, file).map_err(|error| environment(&error))?;
    }
    let known = KnownModel { manifest: manifest.clone(), file: Some(file.as_str().into()), is_here: true };
    let store = ModelStore::new(cache.clone(), KnownModels::of(known.clone()).into(), StoreSettings::default());
    if let Err(error) = store.verify(&name, false) {
        if !was_there {
            manifest
                .file
                .iter()
                .try_for_each(|file| cache.forget(&file.sha256).map(drop))
                .map_err(|e| environment(&e))?;
        }
        return Err(AppError::usage(format!("failed to {error}"))
            .with_hint("--like and --size say what is expected; comfywright models add --help lists the profiles"));
    }
    let path = session.root.join(&file);
    std::fs::create_dir_all(session.root.join(MODELS_FOLDER))
        .map_err(|error| AppError::environment(format!("failed to make the folder {MODELS_FOLDER}: {error}")))?;
    write_new(&path, text.as_bytes())?;
    Ok(row(&known, &cache))
}

fn name_of_file(wanted: &AddModel) -> Result<String, AppError> {
    let stem = wanted.file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name: String = stem.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() {
        Err(AppError::usage("the model needs a name").with_hint("give it one: --name"))
    } else {
        Ok(name)
    }
}

fn manifest(session: &Session, wanted: &AddModel, name: &str) -> Result<ModelManifest, AppError> {
    let mut file = wanted.paths().map(described).collect::<Result<Vec<_>, _>>()?;
    file[0].source.clone_from(&wanted.sources);
    let (mut interface, pad) = interface(session, &wanted.like)?;
    if let Some(side) = wanted.side {
        interface.set_side(side);
    }
    interface.fit_words(&wanted.file, wanted.tokenizer.as_deref(), pad)?;
    interface.fit_decoder(wanted.decoder.as_deref())?;
    let Interface { role, input, output, detect, text, decoder } = interface;
    Ok(ModelManifest {
        format: 1,
        name: name.to_owned(),
        title: None,
        description: None,
        role,
        licence: ModelLicence { spdx: wanted.licence.clone(), holder: None, url: None, note: None },
        file,
        input,
        output,
        detect,
        text,
        decoder,
        only_by_name: false,
        memory_mib: None,
        parallel: None,
    })
}

/// What a manifest says of the file at `path`.
fn described(path: &Path) -> Result<ModelFile, AppError> {
    let failed = |error: std::io::Error| AppError::usage(format!("failed to read {}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    let sha256 = sha256_of(path).map_err(failed)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("model.onnx").to_owned();
    Ok(ModelFile { name, size, sha256, source: Vec::new() })
}

/// What is known of models that are like this, and which token fills up what they are asked.
fn interface(session: &Session, like: &str) -> Result<(Interface, Option<&'static str>), AppError> {
    if let Some(profile) = profile(like) {
        return Ok((Interface::of_profile(profile), profile.pad()));
    }
    if let Some(known) = session.models.get(like) {
        return Ok((Interface::of(&known.manifest), None));
    }
    let names: Vec<&str> = super::PROFILES.iter().map(|profile| profile.name).collect();
    Err(AppError::usage(format!("--like {like}: there is no such profile or model"))
        .with_hint(format!("profiles are {}", names.join(", "))))
}

/// The manifest as a file.
fn text_of(manifest: &ModelManifest) -> Result<String, AppError> {
    let wrong = |error: String| AppError::usage(format!("such a manifest cannot be written: {error}"));
    let value = serde_json::to_value(manifest).map_err(|error| wrong(error.to_string()))?;
    let tree = Node::from_json(&value).ok_or_else(|| wrong("a value cannot stand in a file".to_owned()))?;
    let text = files::toml::print(&tree, manifest_shape());
    Ok(format!("#:schema ../schemas/model.schema.json\n{text}"))
}
