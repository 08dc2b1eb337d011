//! The model of shapes, which is part of the program: it answers as it does in ONNX Runtime.

use std::{fs, path::Path, sync::Arc};

use comfywright::{
    model::{KnownModels, Words},
    models::{ModelCache, ModelError, ModelStore, StoreSettings},
    vision::query::QueryError,
};
use serde_json::Value;

use super::support::{differences, fixtures, picture};

fn store(folder: &Path) -> ModelStore {
    let known = Arc::new(KnownModels::built_in().clone());
    ModelStore::new(ModelCache::new(folder), known, StoreSettings::default())
}

/// Number of the scene, and words.
fn queries() -> Vec<(u64, String)> {
    let text = fs::read_to_string(fixtures().join("shapes/queries.json")).unwrap();
    let queries: Vec<Value> = serde_json::from_str(&text).unwrap();
    queries
        .iter()
        .map(|query| (query["scene"].as_u64().unwrap(), query["words"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn its_masks_are_those_of_onnx_runtime() {
    let bytes = fs::read(fixtures().join("shapes/masks.f32")).unwrap();
    let logits = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let wanted: Vec<f32> = logits.map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
    let folder = tempfile::tempdir().unwrap();
    // From the program, and from what was kept of it.
    for _ in 0..2 {
        let store = store(folder.path());
        for (at, wanted) in wanted.chunks_exact(64 * 64).enumerate() {
            let scene = at as u64 + 1;
            let (_, words) = queries().into_iter().find(|(of, _)| *of == scene).unwrap();
            let image = picture(&format!("shapes/scene-{scene}.png"));
            let found = store.segment("shapes", &image, 0, &words).unwrap();
            let (largest, _) = differences(&found.data, wanted);
            assert!(largest < 1e-3, "{words}: {largest}");
        }
    }
    assert_eq!(fs::read_dir(folder.path().join("optimised")).unwrap().count(), 1);
    assert!(!folder.path().join("files").exists(), "nothing had to be fetched");
    store(folder.path()).verify("shapes", true).unwrap();
}

#[test]
fn it_is_asked_in_the_plainest_words() {
    let known = KnownModels::built_in().get("shapes").unwrap();
    let asked = |text: &str| match known.manifest.words(text) {
        Ok(Words::Sentences(sentences)) => {
            Ok(sentences.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
        }
        Ok(Words::Query(query)) => panic!("{query}"),
        Err(error) => Err(error.to_string()),
    };
    for (text, plain) in [
        ("Please find the RED circle on the left.", "the red circle on the left"),
        ("the biggest violet square", "the largest purple square"),
        ("circles", "all circles"),
        ("the star beside the cross", "the star next to the cross"),
        ("all triangles but the red one", "all triangles except the red triangle"),
        ("not the blue one", "all things except the blue thing"),
        ("the left star and the right cross", "the star on the left | the cross on the right"),
    ] {
        assert_eq!(asked(text).as_deref(), Ok(plain), "{text}");
    }
    // What it was trained on is said as plainly.
    for (_, words) in queries() {
        assert_eq!(asked(&words), Ok(words.clone()));
    }
    for (text, said) in [
        ("the red circel", "\"circel\" is no known thing; near are circle"),
        ("the dog", "\"dog\" is no known thing"),
        ("the wooden star", "the model was not taught the word \"wooden\""),
        ("the topmost two circles", "the model was not taught the word \"two\""),
        ("the circle behind the star", "the model was not taught the word \"behind\""),
        ("", "the query is empty"),
    ] {
        let error = asked(text).unwrap_err();
        assert!(error.starts_with(said), "{text}: {error}");
    }
    assert!(matches!(known.manifest.words("the pink star"), Err(QueryError::Untaught { word, .. }) if word == "pink"));
    let image = picture("shapes/scene-1.png");
    let folder = tempfile::tempdir().unwrap();
    let unknown = store(folder.path()).segment("shapes", &image, 0, "the dog");
    assert!(matches!(unknown, Err(ModelError::Words { .. })), "{unknown:?}");
}
