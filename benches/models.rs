//! Loads models that are asked about whole pictures and runs each on a photograph: `benches/models.py` calls it and
//! compares with ONNX Runtime. Prints a JSON value for each model.
//!
//! `COMFYWRIGHT_BENCH_MODELS` is the cache of models, `COMFYWRIGHT_BENCH_THREADS` the numbers of threads to try,
//! `COMFYWRIGHT_BENCH_RANDOM` a folder with more manifests and their files, and `COMFYWRIGHT_BENCH_ONLY` the one model that is
//! wanted.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use comfywright::{
    imagefile,
    model::{KnownModel, KnownModels, ModelRole, read_manifest},
    models::{ModelCache, ModelStore, Presence, StoreSettings, add_file},
    raster::Image,
};

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs of each kind.
const RUNS: usize = 7;

fn main() {
    let Some(folder) = std::env::var_os("COMFYWRIGHT_BENCH_MODELS").map(PathBuf::from) else {
        println!("left out: COMFYWRIGHT_BENCH_MODELS names no cache of models (see benches/models.py)");
        return;
    };
    let threads = std::env::var("COMFYWRIGHT_BENCH_THREADS").unwrap_or_else(|_| "1,2".to_owned());
    let threads: Vec<usize> = threads.split(',').filter_map(|text| text.parse().ok()).collect();
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/photos/astronaut.jpg");
    let photo = imagefile::decode(&std::fs::read(photo).unwrap(), &imagefile::Limits::default()).unwrap().image;
    let cache = ModelCache::new(&folder);
    let built_in = KnownModels::built_in().iter().cloned();
    let random = std::env::var_os("COMFYWRIGHT_BENCH_RANDOM").map(|from| drawn(Path::new(&from), &cache));
    for known in built_in.chain(random.unwrap_or_default()) {
        let manifest = &known.manifest;
        let is_whole = matches!(manifest.role, ModelRole::Salient | ModelRole::Classifier);
        let is_wanted = std::env::var("COMFYWRIGHT_BENCH_ONLY").map_or(true, |name| name == manifest.name);
        if !is_whole || !is_wanted || cache.presence(manifest) != Presence::Here {
            continue;
        }
        let store = |threads: usize| {
            let settings = StoreSettings { threads, ..StoreSettings::default() };
            ModelStore::new(cache.clone(), Arc::new(KnownModels::of(known.clone())), settings)
        };
        store(1).forget_optimised(manifest);
        let (name, role) = (manifest.name.as_str(), manifest.role);
        let first = milliseconds(|| store(1).load(name).unwrap());
        let second = median((0..3).map(|_| milliseconds(|| store(1).load(name).unwrap())).collect());
        let runs: Vec<(String, f64)> = threads
            .iter()
            .map(|count| {
                let store = store(*count);
                infer(&store, name, role, &photo);
                let times = (0..RUNS).map(|_| milliseconds(|| infer(&store, name, role, &photo))).collect();
                (count.to_string(), median(times))
            })
            .collect();
        let loaded = store(threads.iter().copied().max().unwrap_or(1));
        loaded.load(name).unwrap();
        let batch = milliseconds(|| batch_of_16(&loaded, name, role, &photo));
        let runs: serde_json::Map<String, serde_json::Value> = runs.into_iter().map(|(k, v)| (k, v.into())).collect();
        let line = serde_json::json!({ "model": name, "first_load": first, "second_load": second, "runs": runs, "batch_of_16": batch });
        println!("{line}");
    }
}

/// The models of the manifests in `folder`, whose files are put into the cache.
fn drawn(folder: &Path, cache: &ModelCache) -> Vec<KnownModel> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = |path: &PathBuf| {
        let name: Arc<str> = Arc::from(path.file_name().unwrap().to_str().unwrap());
        let manifest = read_manifest(&std::fs::read_to_string(path).unwrap(), &name).value.unwrap();
        manifest.file.iter().for_each(|file| add_file(cache, &folder.join(&file.name), file).unwrap());
        KnownModel { manifest, file: None, is_here: true }
    };
    paths.iter().map(read).collect()
}

fn infer(store: &ModelStore, name: &str, role: ModelRole, photo: &Image) {
    match role {
        ModelRole::Classifier => drop(store.classify(name, photo).unwrap()),
        _ => drop(store.coarse(name, photo, 0).unwrap()),
    }
}

/// Sixteen images, as many at the same time as there are cores, as the native executor runs them.
fn batch_of_16(store: &ModelStore, name: &str, role: ModelRole, photo: &Image) {
    let left = std::sync::atomic::AtomicUsize::new(16);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                use std::sync::atomic::Ordering::Relaxed;
                while left.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok() {
                    infer(store, name, role, photo);
                }
            });
        }
    });
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
