//! Caches with models of `fixtures/models`, and manifests for them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    imagefile,
    model::{KnownModel, KnownModels, ModelFile, ModelManifest, read_manifest},
    models::{ModelCache, ModelStore, StoreSettings, add_file, sha256_of},
    raster::{Image, Mask},
};
use tempfile::TempDir;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The start of the manifest of `files` of `fixtures/models`; input and output are to follow.
pub fn head(name: &str, role: &str, files: &[&str]) -> String {
    let mut text = format!("format = 1\nname = \"{name}\"\nrole = \"{role}\"\nlicence = {{ spdx = \"MIT\" }}\n");
    for file in files {
        let ModelFile { name, size, sha256, .. } = described(&fixtures().join("models").join(file));
        let _ = write!(text, "[[file]]\nname = \"{name}\"\nsize = {size}\nsha256 = \"{sha256}\"\n");
    }
    text
}

/// What a manifest says of the file at `path`.
pub fn described(path: &Path) -> ModelFile {
    ModelFile {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        size: fs::metadata(path).unwrap().len(),
        sha256: sha256_of(path).unwrap(),
        source: Vec::new(),
    }
}

/// The manifest of a model that takes 32 x 32 pixels and gives a mask of that size.
pub fn mask_manifest(name: &str, files: &[&str]) -> String {
    let interface =
        "[input]\nname = \"picture\"\nshape = [1, 3, 32, 32]\n[output]\nname = \"mask\"\nshape = [1, 1, 32, 32]\n";
    head(name, "salient", files) + interface
}

pub fn parsed(text: &str) -> ModelManifest {
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap();
    let parsed = read_manifest(text, &Arc::from(format!("models/{name}.toml")));
    assert_eq!(parsed.diagnostics, Vec::new());
    parsed.value.unwrap()
}

/// A cache of its own with the files of `manifest`.
pub struct Cached {
    pub folder: TempDir,
    pub manifest: ModelManifest,
}

impl Cached {
    pub fn new(text: &str) -> Self {
        Self::with_files_of(text, &fixtures().join("models"))
    }

    /// The files of the manifest are in `folder`.
    pub fn with_files_of(text: &str, from: &Path) -> Self {
        let (folder, manifest) = (tempfile::tempdir().unwrap(), parsed(text));
        let cached = Self { folder, manifest };
        for file in &cached.manifest.file {
            add_file(&cached.cache(), &from.join(&file.name), file).unwrap();
        }
        cached
    }

    pub fn cache(&self) -> ModelCache {
        ModelCache::new(self.folder.path())
    }

    /// A process's models: nothing is loaded yet.
    pub fn store(&self) -> ModelStore {
        let known = KnownModel { manifest: self.manifest.clone(), file: None, is_here: true };
        ModelStore::new(self.cache(), Arc::new(KnownModels::of(known)), StoreSettings::default())
    }
}

pub fn picture(path: &str) -> Image {
    let bytes = fs::read(fixtures().join(path)).unwrap();
    imagefile::decode(&bytes, &imagefile::Limits::default()).unwrap().image
}

/// The mask that is kept as a grey PNG.
pub fn kept_mask(path: &str) -> Mask {
    let image = picture(path);
    let data = image.data.chunks_exact(3).map(|pixel| pixel[0]).collect();
    Mask { batch: 1, height: image.height, width: image.width, data }
}

/// Largest and mean difference.
pub fn differences(found: &[f32], wanted: &[f32]) -> (f32, f32) {
    assert_eq!(found.len(), wanted.len());
    let differences = || found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    (differences().fold(0.0, f32::max), differences().sum::<f32>() / found.len() as f32)
}
