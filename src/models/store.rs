//! The models of a process: loaded when they are first asked for, kept while there is room.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    Content, ModelCache, ModelError, detect,
    engine::{LoadedModel, Threads},
    memory, onnx, optimised, picture,
    ports::Ports,
    promptable::FeatureCache,
    text::{Reader, Tokens},
};
use crate::{
    model::{KnownModel, KnownModels, ModelManifest, ModelRole, NoModel},
    raster::{Image, Mask},
    vision::{self, Detection},
};

/// The metric, and the label of its model.
pub const NSFW: &str = "nsfw";

/// What the models of a process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Bytes of files of models that stay loaded.
    pub memory_bytes: u64,
    /// Threads of one inference, at least 1.
    pub threads: usize,
}

impl Default for StoreSettings {
    /// 1 GiB, and as many threads as there are cores.
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// The models of a process. Clones share what is loaded.
#[derive(Clone)]
pub struct ModelStore {
    shared: Arc<Shared>,
}

struct Shared {
    cache: ModelCache,
    known: Arc<KnownModels>,
    settings: StoreSettings,
    slots: Mutex<Slots>,
    features: FeatureCache,
    /// Inferences under way.
    running: AtomicUsize,
}

/// One of the graphs that a model is.
pub(super) struct Part {
    /// Which of its files it is.
    pub(super) file: usize,
    /// What tells it from others of the same model.
    pub(super) suffix: String,
    /// What goes in and comes out.
    pub(super) ports: Ports,
}

impl Part {
    /// The model's first file, which is all of it but for decoders.
    pub(super) fn whole(manifest: &ModelManifest) -> Self {
        Self { file: 0, suffix: String::new(), ports: Ports::of(manifest) }
    }
}

/// Loaded models by digest and part. A slot is locked while its model is loaded, so that it is loaded once.
#[derive(Default)]
struct Slots {
    by_part: BTreeMap<String, Slot>,
    clock: u64,
}

struct Slot {
    model: Arc<Mutex<Option<Arc<LoadedModel>>>>,
    bytes: u64,
    used: u64,
}

impl Drop for Shared {
    /// What the models held is free at once.
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.slots.get_mut().unwrap_or_else(PoisonError::into_inner).by_part);
        if !held.is_empty() {
            drop(held);
            memory::give_back();
        }
    }
}

impl std::fmt::Debug for ModelStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelStore").field("cache", &self.shared.cache).finish_non_exhaustive()
    }
}

impl ModelStore {
    /// The models of `known` that are in `cache`.
    pub fn new(cache: ModelCache, known: Arc<KnownModels>, settings: StoreSettings) -> Self {
        let (slots, features, running) = (Mutex::default(), FeatureCache::default(), AtomicUsize::new(0));
        Self { shared: Arc::new(Shared { cache, known, settings, slots, features, running }) }
    }

    /// A store without models on this machine, for what needs none.
    pub fn empty() -> Self {
        Self::new(ModelCache::new(""), Arc::new(KnownModels::built_in().clone()), StoreSettings::default())
    }

    /// The models that are known.
    pub fn known(&self) -> &Arc<KnownModels> {
        &self.shared.known
    }

    /// The manifest of the model `name`, which must do `role`.
    pub fn manifest(&self, name: &str, role: ModelRole) -> Result<&ModelManifest, ModelError> {
        let known = self.shared.known.find(name, role);
        known.map(|model| &model.manifest).map_err(|error| unknown(name, &error))
    }

    fn any(&self, name: &str) -> Result<&KnownModel, ModelError> {
        let unknown = || "no manifest has this name".to_owned();
        let found = self.shared.known.get(name);
        found.ok_or_else(|| ModelError::Unknown { name: name.to_owned(), message: unknown() })
    }

    /// The manifest of the model `name`, which finds things by words.
    pub fn manifest_by_words(&self, name: &str) -> Result<&ModelManifest, ModelError> {
        self.shared.known.by_words(Some(name)).map(|model| &model.manifest).map_err(|error| unknown(name, &error))
    }

    /// Bytes that one inference with `name` needs beside its picture, the model included.
    pub fn bytes(&self, name: &str) -> Result<u64, ModelError> {
        let manifest = &self.any(name)?.manifest;
        let inference = manifest.memory_mib.map_or(manifest.size() + (256 << 20), |mib| u64::from(mib) << 20);
        Ok(inference + 2 * manifest.size())
    }

    /// What stands out in each frame of `image`: the model's mask, stretched to the size of the image; its
    /// edges follow those of the image when `refine` says so.
    pub fn salient(&self, name: &str, image: &Image, refine: bool) -> Result<Mask, ModelError> {
        let model = self.loaded(name, ModelRole::Salient)?;
        let mut masks = Mask::default();
        for index in 0..image.batch {
            let values = self.infer(&model, &picture::input(model.manifest(), image, index)?)?;
            let coarse = picture::mask(model.manifest(), values)?;
            let full = picture::full_size(coarse, image, index, refine);
            masks.append(full.map_err(|error| ModelError::Run { name: name.to_owned(), reason: error.to_string() })?);
        }
        Ok(masks)
    }

    /// The mask of frame `index` as the model gives it, at the model's size.
    pub fn coarse(&self, name: &str, image: &Image, index: usize) -> Result<Mask, ModelError> {
        let model = self.loaded(name, ModelRole::Salient)?;
        let values = self.infer(&model, &picture::input(model.manifest(), image, index)?)?;
        picture::mask(model.manifest(), values)
    }

    /// What the detector `name` finds in frame `index` of `image`, the surest first: with a score of at least `least`, and
    /// at most [`MOST_DETECTIONS`](super::MOST_DETECTIONS).
    pub fn detect(&self, name: &str, image: &Image, index: usize, least: f64) -> Result<Vec<Detection>, ModelError> {
        let model = self.loaded(name, ModelRole::Detector)?;
        self.boxes(&model, &picture::input(model.manifest(), image, index)?, None, image, least)
    }

    /// As [`Self::detect`], of the picture and of its mirror image together: a detector is surer of what it sees both
    /// ways, and knows better where it is.
    pub fn detect_both_ways(
        &self,
        name: &str,
        image: &Image,
        index: usize,
        least: f64,
    ) -> Result<Vec<Detection>, ModelError> {
        let model = self.loaded(name, ModelRole::Detector)?;
        let manifest = model.manifest();
        // What has half of the score one way may have it both ways together.
        let look = |picture: &[f32]| self.boxes(&model, picture, None, image, least / 2.0);
        let mut picture = picture::input(manifest, image, index)?;
        let straight = look(&picture)?;
        picture::mirror(manifest, &mut picture);
        let mut mirrored = look(&picture)?;
        mirrored.iter_mut().for_each(|one| one.bounds = one.bounds.mirrored(image.width as f64));
        let overlap = manifest.detect.as_ref().map_or(1.0, |detect| detect.overlap);
        let mut found = vision::agreed(&[straight, mirrored], overlap);
        found.retain(|one| one.score >= least);
        Ok(found)
    }

    /// As [`Self::detect`] with a detector that is asked for `words`.
    pub fn detect_words(
        &self,
        name: &str,
        image: &Image,
        index: usize,
        words: &str,
        least: f64,
    ) -> Result<Vec<Detection>, ModelError> {
        let model = self.loaded(name, ModelRole::Detector)?;
        let (picture, tokens) = (picture::input(model.manifest(), image, index)?, model.tokens(words)?);
        self.boxes(&model, &picture, Some(&tokens), image, least)
    }

    /// The boxes in `image`, of which `picture` is the input, that the detector has for `words`, or for its own labels.
    fn boxes(
        &self,
        model: &LoadedModel,
        picture: &[f32],
        words: Option<&Tokens>,
        image: &Image,
        least: f64,
    ) -> Result<Vec<Detection>, ModelError> {
        let outputs = self.infer_all(model, picture, words)?;
        detect::boxes(model.manifest(), &outputs, (image.width, image.height), least)
    }

    /// Where in frame `index` of `image` is what `words` say, by the segmenter `name`: a mask of the model's size.
    pub fn segment(&self, name: &str, image: &Image, index: usize, words: &str) -> Result<Mask, ModelError> {
        let model = self.loaded(name, ModelRole::Segmenter)?;
        let (picture, tokens) = (picture::input(model.manifest(), image, index)?, model.tokens(words)?);
        let values = self.infer_all(&model, &picture, Some(&tokens))?.into_iter().next().unwrap_or_default();
        picture::mask(model.manifest(), values)
    }

    /// A mask of a model at the size of frame `index` of `image`, its edges along those of the image.
    pub fn enlarged(name: &str, coarse: Mask, image: &Image, index: usize) -> Result<Mask, ModelError> {
        let full = picture::full_size(coarse, image, index, true);
        full.map_err(|error| ModelError::Run { name: name.to_owned(), reason: error.to_string() })
    }

    /// The score of each label of the first frame of `image`.
    pub fn classify(&self, name: &str, image: &Image) -> Result<BTreeMap<String, f64>, ModelError> {
        let model = self.loaded(name, ModelRole::Classifier)?;
        let values = self.infer(&model, &picture::input(model.manifest(), image, 0)?)?;
        Ok(picture::scores(model.manifest(), values))
    }

    /// How likely the first frame of `image` is not safe for work, 0 to 1, by the workspace's model.
    pub fn nsfw(&self, image: &Image) -> Result<f64, ModelError> {
        let name = self.shared.known.defaults.nsfw();
        let scores = self.classify(name, image)?;
        let missing = || "it has no label `nsfw`".to_owned();
        scores.get(NSFW).copied().ok_or_else(|| ModelError::Interface { name: name.to_owned(), what: missing() })
    }

    /// Identifies the model behind the metric `nsfw`; none when there is no such model.
    pub fn nsfw_digest(&self) -> Option<String> {
        let model = self.shared.known.find(self.shared.known.defaults.nsfw(), ModelRole::Classifier);
        model.ok().map(|model| model.manifest.digest())
    }

    /// Checks that the model loads and that its interface is what the manifest says; `hash` hashes its files.
    pub fn verify(&self, name: &str, hash: bool) -> Result<(), ModelError> {
        let manifest = &self.any(name)?.manifest;
        let files = self.files(manifest, hash)?;
        let part = Part::whole(manifest);
        let typed = onnx::read(manifest, part.file, &part.ports, &files)?;
        if manifest.role == ModelRole::Promptable {
            let verified = self.verify_prompts(manifest);
            // The first of both may have been kept.
            if verified.is_err() {
                self.forget_optimised(manifest);
            }
            return verified;
        }
        let model = LoadedModel::new(manifest.clone(), part.ports, typed, Reader::of(manifest, &files)?)?;
        let values: u32 = manifest.input.shape.iter().product();
        let tokens = manifest.text.as_ref().map(|text| model.tokens(text.probe())).transpose()?;
        model.ask(&vec![0.0; values as usize], tokens.as_ref(), &Threads::one()).map(drop)
    }

    /// Loads the model `name` unless it is loaded.
    pub fn load(&self, name: &str) -> Result<(), ModelError> {
        let role = self.shared.known.get(name).map_or(ModelRole::Salient, |model| model.manifest.role);
        self.loaded(name, role).map(drop)
    }

    /// Removes what was computed from the model's files; the bytes that became free.
    pub fn forget_optimised(&self, manifest: &ModelManifest) -> u64 {
        optimised::forget(&self.shared.cache, manifest)
    }

    fn files(&self, manifest: &ModelManifest, hash: bool) -> Result<Vec<Content>, ModelError> {
        manifest.file.iter().map(|file| self.shared.cache.checked(&manifest.name, file, hash)).collect()
    }

    fn loaded(&self, name: &str, role: ModelRole) -> Result<Arc<LoadedModel>, ModelError> {
        let manifest = self.manifest(name, role)?;
        self.loaded_part(manifest, &Part::whole(manifest))
    }

    /// The part of the model, loaded unless it is.
    pub(super) fn loaded_part(&self, manifest: &ModelManifest, part: &Part) -> Result<Arc<LoadedModel>, ModelError> {
        let slot = self.slot(manifest, part);
        let mut guard = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*guard {
            return Ok(model.clone());
        }
        let model = Arc::new(self.read(manifest, part)?);
        *guard = Some(model.clone());
        Ok(model)
    }

    /// The model's slot; the models that were not used for longest make room for a new one.
    fn slot(&self, manifest: &ModelManifest, part: &Part) -> Arc<Mutex<Option<Arc<LoadedModel>>>> {
        let key = format!("{}{}", manifest.digest(), part.suffix);
        let mut slots = self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clock += 1;
        let now = slots.clock;
        let slot = slots.by_part.entry(key.clone()).or_insert_with(|| Slot {
            model: Arc::default(),
            bytes: manifest.file.get(part.file).map_or(0, |file| file.size),
            used: now,
        });
        slot.used = now;
        let model = slot.model.clone();
        while slots.by_part.values().map(|slot| slot.bytes).sum::<u64>() > self.shared.settings.memory_bytes {
            let others = slots.by_part.iter().filter(|(other, _)| **other != key);
            let Some(oldest) = others.min_by_key(|(_, slot)| slot.used).map(|(other, _)| other.clone()) else { break };
            slots.by_part.remove(&oldest);
        }
        model
    }

    fn read(&self, manifest: &ModelManifest, part: &Part) -> Result<LoadedModel, ModelError> {
        let files = self.files(manifest, false)?;
        let ready =
            |typed| LoadedModel::new(manifest.clone(), part.ports.clone(), typed, Reader::of(manifest, &files)?);
        if let Some(Ok(model)) = optimised::read(&self.shared.cache, manifest, &part.suffix).map(&ready) {
            return Ok(model);
        }
        let typed = onnx::read(manifest, part.file, &part.ports, &files)?;
        optimised::write(&self.shared.cache, manifest, &part.suffix, &typed);
        ready(typed)
    }

    /// What was made of pictures for models that are asked several times about one.
    pub(super) fn feature_cache(&self) -> &FeatureCache {
        &self.shared.features
    }

    /// Alone, an inference takes all the threads it may; beside others each takes one, which is the quickest for all.
    pub(super) fn inferred<T>(&self, manifest: &ModelManifest, run: impl FnOnce(&Threads) -> T) -> T {
        let running = &self.shared.running;
        let alone = running.fetch_add(1, Ordering::Relaxed) == 0;
        let parallel = alone && manifest.parallel.unwrap_or(true);
        let threads = if parallel { Threads::pool(self.shared.settings.threads) } else { Threads::one() };
        let values = run(&threads);
        running.fetch_sub(1, Ordering::Relaxed);
        values
    }

    /// The values of all outputs.
    pub(super) fn infer_all(
        &self,
        model: &LoadedModel,
        picture: &[f32],
        words: Option<&Tokens>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        self.inferred(model.manifest(), |threads| model.ask(picture, words, threads))
    }

    /// The values of the only output.
    fn infer(&self, model: &LoadedModel, input: &[f32]) -> Result<Vec<f32>, ModelError> {
        Ok(self.infer_all(model, input, None)?.into_iter().next().unwrap_or_default())
    }
}

fn unknown(name: &str, error: &NoModel) -> ModelError {
    ModelError::Unknown { name: name.to_owned(), message: format!("{}; {}", error.message, error.hint) }
}
