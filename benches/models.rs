//! Loads the built-in models and runs each on a photograph: `benches/models.py` calls it and compares with ONNX
//! Runtime. Prints a JSON value for each model.
//!
//! `COMFYWRIGHT_BENCH_MODELS` is the cache of models, `COMFYWRIGHT_BENCH_THREADS` the numbers of threads to try.

use std::{path::PathBuf, sync::Arc, time::Instant};

use comfywright::{
    imagefile,
    model::{KnownModels, ModelRole},
    models::{ModelCache, ModelStore, Presence, StoreSettings},
    raster::Image,
    vision::Target,
};

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
    for known in KnownModels::built_in().iter() {
        let manifest = &known.manifest;
        let cache = ModelCache::new(&folder);
        if cache.presence(manifest) != Presence::Here {
            continue;
        }
        let store = |threads: usize| {
            let settings = StoreSettings { threads, ..StoreSettings::default() };
            ModelStore::new(cache.clone(), Arc::new(KnownModels::built_in().clone()), settings)
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
        let batch =
            milliseconds(|| batch_of_16(&store(threads.iter().copied().max().unwrap_or(1)), name, role, &photo));
        let runs: serde_json::Map<String, serde_json::Value> = runs.into_iter().map(|(k, v)| (k, v.into())).collect();
        let line = serde_json::json!({ "model": name, "first_load": first, "second_load": second, "runs": runs, "batch_of_16": batch });
        println!("{line}");
    }
}

fn infer(store: &ModelStore, name: &str, role: ModelRole, photo: &Image) {
    match role {
        ModelRole::Salient => drop(store.coarse(name, photo, 0).unwrap()),
        ModelRole::Classifier => drop(store.classify(name, photo).unwrap()),
        ModelRole::Detector => drop(store.detect(name, photo, 0, 0.3).unwrap()),
        ModelRole::Segmenter => drop(store.segment(name, photo, 0, "mug").unwrap()),
        ModelRole::Promptable => {
            let middle = (photo.width as f64 / 2.0, photo.height as f64 / 2.0, true);
            drop(store.prompt(name, photo, 0, &Target { bounds: None, points: vec![middle] }).unwrap());
        }
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
