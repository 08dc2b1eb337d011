//! The models that a workspace knows: those that are built in, and those of the manifests in its
//! `models/` folder, which come first.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{
    config::ModelDefaults,
    manifest::{ModelManifest, ModelRole},
    read::{MAX_DOCUMENT_BYTES, file_too_large, read_bytes, read_manifest},
};
use crate::{
    diagnostic::Diagnostic,
    files::{World, WorldError},
    ident::did_you_mean,
};

/// The folder of manifests.
pub const MODELS_FOLDER: &str = "models";

/// The manifests that are built in: name and text.
const BUILT_IN: [(&str, &str); 4] = [
    ("open-nsfw", include_str!("builtin_models/open-nsfw.toml")),
    ("shapes", include_str!("builtin_models/shapes.toml")),
    ("u2net", include_str!("builtin_models/u2net.toml")),
    ("u2netp", include_str!("builtin_models/u2netp.toml")),
];

/// A model and where its manifest stands.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownModel {
    /// The manifest.
    pub manifest: ModelManifest,
    /// Its file, relative to the workspace; none when it is built in.
    pub file: Option<Arc<str>>,
    /// Whether its files are on this machine.
    pub is_here: bool,
}

/// The models that a workspace knows, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownModels {
    by_name: BTreeMap<String, KnownModel>,
    /// Which of them are used where a document names none.
    pub defaults: ModelDefaults,
    /// What is wrong with manifests of the workspace.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a name means no model that suits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoModel {
    /// Stable code of the diagnostic.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl KnownModels {
    /// The built-in models, none of which is taken to be here.
    pub fn built_in() -> &'static Self {
        static MODELS: OnceLock<KnownModels> = OnceLock::new();
        MODELS.get_or_init(|| {
            let manifest = |(name, text): (&str, &str)| {
                let manifest = read_manifest(text, &Arc::from(format!("{name}.toml"))).value;
                manifest.map(|manifest| (name.to_owned(), KnownModel { manifest, file: None, is_here: false }))
            };
            let by_name = BUILT_IN.into_iter().filter_map(manifest).collect();
            Self { by_name, ..Self::default() }
        })
    }

    /// `model` alone.
    pub fn of(model: KnownModel) -> Self {
        let by_name = BTreeMap::from([(model.manifest.name.clone(), model)]);
        Self { by_name, ..Self::default() }
    }

    /// The built-in models and those of the manifests of `world`.
    pub fn load(world: &dyn World, defaults: &ModelDefaults) -> Self {
        let mut models = Self { defaults: defaults.clone(), ..Self::built_in().clone() };
        let entries = match world.list(MODELS_FOLDER) {
            Ok(entries) => entries,
            Err(WorldError::NotFound { .. }) => return models,
            Err(error) => {
                let file: Arc<str> = Arc::from(MODELS_FOLDER);
                models.diagnostics.push(Diagnostic::error(error.code(), &file, None, format!("failed to {error}")));
                return models;
            }
        };
        for entry in entries.iter().filter(|entry| !entry.is_folder && is_manifest(&entry.name)) {
            models.add_file(world, &Arc::from(format!("{MODELS_FOLDER}/{}", entry.name)));
        }
        models
    }

    fn add_file(&mut self, world: &dyn World, file: &Arc<str>) {
        let bytes = match world.read(file, MAX_DOCUMENT_BYTES) {
            Ok(bytes) => bytes,
            Err(WorldError::TooLarge { .. }) => return self.diagnostics.push(file_too_large(file)),
            Err(error) => {
                return self.diagnostics.push(Diagnostic::error(
                    error.code(),
                    file,
                    None,
                    format!("failed to {error}"),
                ));
            }
        };
        match read_bytes(&bytes, file) {
            Ok(text) => {
                let parsed = read_manifest(&text, file);
                self.diagnostics.extend(parsed.diagnostics);
                if let Some(manifest) = parsed.value {
                    let model = KnownModel { manifest, file: Some(file.clone()), is_here: false };
                    self.by_name.insert(model.manifest.name.clone(), model);
                }
            }
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
    }

    /// Notes which models are on this machine.
    #[must_use]
    pub fn with_presence(mut self, is_here: impl Fn(&ModelManifest) -> bool) -> Self {
        for model in self.by_name.values_mut() {
            model.is_here = is_here(&model.manifest);
        }
        self
    }

    /// All models, by name.
    pub fn iter(&self) -> impl Iterator<Item = &KnownModel> {
        self.by_name.values()
    }

    /// The model called `name`.
    pub fn get(&self, name: &str) -> Option<&KnownModel> {
        self.by_name.get(name)
    }

    /// The model behind the metric `name`, where there is one.
    pub fn behind(&self, metric: &str) -> Option<&str> {
        (metric == "nsfw").then(|| self.defaults.nsfw())
    }

    /// The model that finds things by words: `given`, else the workspace's choice, else the best suited one that is here,
    /// else one that could be. Detectors of any word come first, then those of their own labels, then segmenters.
    pub fn by_words(&self, given: Option<&str>) -> Result<&KnownModel, Box<NoModel>> {
        if let Some(name) = given.or(self.defaults.detector.as_deref()) {
            return self.find_among(name, &[ModelRole::Detector, ModelRole::Segmenter]);
        }
        let suited = |model: &&KnownModel| match (model.manifest.role, &model.manifest.text) {
            _ if model.manifest.only_by_name => None,
            (ModelRole::Detector, Some(_)) => Some(0),
            (ModelRole::Detector, None) => Some(1),
            (ModelRole::Segmenter, _) => Some(2),
            _ => None,
        };
        let candidates = self.iter().filter(|model| suited(model).is_some());
        candidates.min_by_key(|model| (!model.is_here, suited(model))).ok_or_else(|| {
            let message = "no model here finds things by their names".to_owned();
            let hint =
                "add a detector, such as NanoDet: comfywright models add FILE.onnx --like nanodet --licence SPDX";
            Box::new(NoModel { code: "no-detector", message, hint: hint.to_owned() })
        })
    }

    /// The model called `given` that finds outlines, else the one that is here: the workspace's choice, else a promptable
    /// one, else the salient one.
    pub fn outliner(&self, given: Option<&str>) -> Result<Option<&KnownModel>, Box<NoModel>> {
        if let Some(name) = given.or(self.defaults.outliner.as_deref()) {
            return self.find_among(name, &[ModelRole::Promptable, ModelRole::Salient]).map(Some);
        }
        let is_promptable = |model: &&KnownModel| model.manifest.role == ModelRole::Promptable && model.is_here;
        let salient = || self.find(self.defaults.salient(), ModelRole::Salient).ok().filter(|model| model.is_here);
        Ok(self.iter().filter(|model| !model.manifest.only_by_name).find(is_promptable).or_else(salient))
    }

    /// The model called `name`, which must do `role`.
    pub fn find(&self, name: &str, role: ModelRole) -> Result<&KnownModel, Box<NoModel>> {
        self.find_among(name, &[role])
    }

    /// The model called `name`, which must do one of `roles`.
    fn find_among(&self, name: &str, roles: &[ModelRole]) -> Result<&KnownModel, Box<NoModel>> {
        let suits = |model: &&KnownModel| roles.contains(&model.manifest.role);
        let names: Vec<&str> = self.iter().filter(suits).map(|m| m.manifest.name.as_str()).collect();
        let list =
            if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
        let hint = match did_you_mean(name, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? {list}"),
            None => list,
        };
        match self.get(name) {
            Some(model) if suits(&model) => Ok(model),
            Some(model) => {
                let needed = roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or ");
                let role = model.manifest.role.name();
                let message = format!("the model \"{name}\" is a {role}, and a {needed} one is needed");
                Err(Box::new(NoModel { code: "wrong-model", message, hint }))
            }
            None => {
                let message = format!("there is no model \"{name}\"");
                Err(Box::new(NoModel { code: "unknown-model", message, hint }))
            }
        }
    }
}

fn is_manifest(name: &str) -> bool {
    name.strip_suffix(".toml").is_some_and(|stem| !stem.is_empty() && !stem.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InputScale;

    #[test]
    fn every_built_in_manifest_can_be_read() {
        for (name, text) in BUILT_IN {
            let parsed = read_manifest(text, &Arc::from(format!("{name}.toml")));
            assert_eq!(parsed.diagnostics, Vec::new(), "{name}");
            assert_eq!(parsed.value.map(|m| m.name).as_deref(), Some(name));
        }
        let u2net = KnownModels::built_in().find("u2net", ModelRole::Salient).unwrap();
        assert_eq!((u2net.manifest.input.scale, u2net.manifest.input.size()), (InputScale::Peak, (320, 320)));
    }

    #[test]
    fn names_that_mean_nothing_say_what_there_is() {
        let models = KnownModels::built_in();
        let unknown = models.find("u2nett", ModelRole::Salient).unwrap_err();
        assert_eq!(unknown.code, "unknown-model");
        assert!(unknown.hint.contains("did you mean \"u2net") && unknown.hint.contains("u2netp"), "{}", unknown.hint);
        assert_eq!(models.find("open-nsfw", ModelRole::Salient).unwrap_err().code, "wrong-model");
    }

    #[test]
    fn words_are_found_by_what_is_here() {
        let model = |name: &str, role: &str, rest: &str, is_here: bool| {
            let manifest: ModelManifest = serde_json::from_str(&format!(
                r#"{{"format": 1, "name": "{name}", "role": "{role}", "licence": {{"spdx": "MIT"}}, "file": [],
                    "input": {{"shape": [1, 3, 8, 8]}}, "output": {{}}{rest}}}"#
            ))
            .unwrap();
            (name.to_owned(), KnownModel { manifest, file: None, is_here })
        };
        let text = r#", "text": {"length": 4}"#;
        let by_name = format!(r#"{text}, "only_by_name": true"#);
        let chosen = |here: &[&str]| {
            let is_here = |name: &str| here.contains(&name);
            let all = [
                model("a-tiny", "segmenter", &by_name, is_here("a-tiny")),
                model("clipseg", "segmenter", text, is_here("clipseg")),
                model("nanodet", "detector", "", is_here("nanodet")),
                model("owlvit", "detector", text, is_here("owlvit")),
                model("sam", "promptable", "", is_here("sam")),
            ];
            let models = KnownModels { by_name: all.into(), ..KnownModels::default() };
            let outliner = models.outliner(None).unwrap().map(|model| model.manifest.name.clone());
            let unasked = models.by_words(None).unwrap().manifest.name.clone();
            assert_eq!(models.by_words(Some("a-tiny")).unwrap().manifest.name, "a-tiny");
            assert_eq!(models.by_words(Some("sam")).unwrap_err().code, "wrong-model");
            (unasked, outliner)
        };
        let plain = |name: &str| (name.to_owned(), None);
        assert_eq!(chosen(&["a-tiny", "clipseg", "nanodet", "owlvit"]), plain("owlvit"));
        assert_eq!(chosen(&["a-tiny", "clipseg", "nanodet"]), plain("nanodet"));
        assert_eq!(chosen(&["a-tiny", "clipseg"]), plain("clipseg"));
        assert_eq!(chosen(&["a-tiny"]), plain("owlvit"), "the one that could be here");
        assert_eq!(chosen(&["clipseg", "sam"]), ("clipseg".to_owned(), Some("sam".to_owned())));
    }

    #[test]
    fn the_digest_is_of_what_is_computed() {
        let manifest = KnownModels::built_in().get("u2net").unwrap().manifest.clone();
        let renamed = ModelManifest { name: "other".to_owned(), ..manifest.clone() };
        assert_eq!(renamed.digest(), manifest.digest());
        let mut other = manifest.clone();
        other.input.mean[0] = 0.5;
        assert_ne!(other.digest(), manifest.digest());
    }
}
