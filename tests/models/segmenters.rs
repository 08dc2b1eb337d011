//! Segmenters: a model that knows the words of a few colours, with a list of words and with a tokenizer.

use comfywright::{model::read_manifest, raster::Image, vision::query::QueryError};

use super::support::{Cached, head};

/// The interface of `colors.onnx` after its `head`, with `text` of its own.
fn manifest(files: &[&str], text: &str) -> String {
    format!(
        "{}[input]\nname = \"picture\"\nshape = [1, 3, 64, 64]\n[output]\nshape = [1, 1, 64, 64]\nthen = [\"sigmoid\"]\n\
         [text]\ninput = \"ids\"\nattention = \"attention\"\nlength = 6\n{text}",
        head("colors", "segmenter", files)
    )
}

const LIST: &str = "asks = \"query\"\nwords = [\"the\", \"thing\", \"red\", \"blue\", \"square\", \"and\"]\n";

fn listed() -> Cached {
    Cached::new(&manifest(&["colors.onnx"], LIST))
}

fn with_tokenizer() -> Cached {
    Cached::new(&manifest(&["colors.onnx", "colors.json"], "tokenizer = \"colors.json\"\n"))
}

/// Grey, its left third red, its right third blue.
fn thirds() -> Image {
    let color = |x: usize| match x {
        0..64 => [0.9, 0.1, 0.1],
        128..192 => [0.1, 0.1, 0.9],
        _ => [0.5, 0.5, 0.5],
    };
    let data = (0..192 * 96).flat_map(|at| color(at % 192)).collect();
    Image { batch: 1, height: 96, width: 192, channels: 3, data }
}

#[test]
fn words_are_asked_for_and_seen() {
    // 16 x 0.9 - 16 x 0.1 + 4 - 12, in the middle of a third.
    let inside = 1.0 / (1.0 + (-4.8_f32).exp());
    for cached in [listed(), with_tokenizer()] {
        // Loaded from the file, and from what was kept of it.
        for _ in 0..2 {
            let found = cached.store().segment("colors", &thirds(), 0, "the red square").unwrap();
            assert_eq!((found.width, found.height), (64, 64));
            let at = |x: usize| found.data[32 * 64 + x];
            assert!((at(8) - inside).abs() < 2e-2, "{}", at(8));
            assert!(at(32) < 0.01 && at(56) < 1e-4, "{} {}", at(32), at(56));
            let blue = cached.store().segment("colors", &thirds(), 0, "blue").unwrap();
            assert!(blue.data[32 * 64 + 56] > 0.98 && blue.data[32 * 64 + 8] < 1e-4);
        }
        cached.store().verify("colors", true).unwrap();
    }
}

#[test]
fn words_that_cannot_be_asked_are_told() {
    let message =
        |cached: &Cached, words: &str| cached.store().segment("colors", &thirds(), 0, words).unwrap_err().to_string();
    let listed = listed();
    assert_eq!(message(&listed, "the green square"), "ask the model `colors`: it does not know \"green\"");
    let long = message(&listed, "the red thing and the blue thing");
    assert!(long.contains("is 7 tokens, and it takes 6; say it shorter"), "{long}");
    let long = message(&with_tokenizer(), "the red square and the");
    assert!(long.contains("is 7 tokens, and it takes 6"), "with the tokens that begin and end, and not cut: {long}");
    let error = listed.manifest.words("the green square").unwrap_err();
    assert!(matches!(error, QueryError::UnknownWord { ref word, .. } if word == "green"), "{error}");
}

#[test]
fn a_segmenter_of_another_interface_is_refused() {
    let message = |text: &str| {
        let cached = Cached::new(text);
        cached.store().verify("colors", true).unwrap_err().to_string()
    };
    let right = manifest(&["colors.onnx"], LIST);
    let without = message(&right.replace("attention = \"attention\"\n", ""));
    assert!(without.contains("it has 3 inputs (`ids`, `picture`, `attention`), and 2 are expected"), "{without}");
    let other = message(&right.replace("input = \"ids\"", "input = \"tokens\""));
    assert!(other.contains("it has no input `tokens`; it has `ids`"), "{other}");
    let larger = message(&right.replace("64, 64]", "128, 128]"));
    assert!(larger.contains("its input `picture` is [?, 3, 64, 64]"), "{larger}");
    let swapped =
        right.replace("name = \"picture\"", "name = \"ids\"").replace("input = \"ids\"", "input = \"picture\"");
    let swapped = message(&swapped);
    assert!(swapped.contains("its input `ids` takes I64, not pictures in floating point"), "{swapped}");
}

#[test]
fn a_file_that_is_no_tokenizer_is_told() {
    let text = manifest(&["colors.onnx", "expected.json"], "tokenizer = \"expected.json\"\n");
    let cached = Cached::new(&text);
    let found = cached.store().verify("colors", true).unwrap_err().to_string();
    assert!(found.starts_with("load the model `colors`: expected.json is not a tokenizer ("), "{found}");
    // A word whose token the model has no row for: an error, not an end of the process.
    let words: Vec<String> = (0..40).map(|at| format!("\"w{at}\"")).collect();
    let text = manifest(&["colors.onnx"], &format!("words = [{}]\n", words.join(", ")));
    let found = Cached::new(&text).store().segment("colors", &thirds(), 0, "w39").unwrap_err().to_string();
    assert!(found.starts_with("run the model `colors`: "), "{found}");
}

#[test]
fn manifests_say_how_words_are_asked() {
    let problems = |text: &str| {
        let found = read_manifest(text, &"models/colors.toml".into()).diagnostics;
        found.iter().map(|one| (one.code, one.message.clone())).collect::<Vec<_>>()
    };
    let right = manifest(&["colors.onnx"], LIST);
    assert_eq!(problems(&right), []);
    let wrong = |from: &str, to: &str| problems(&right.replace(from, to)).remove(0);
    assert_eq!(wrong(LIST, "").0, "invalid-text");
    let (code, message) = wrong(LIST, "tokenizer = \"colors.json\"\n");
    assert_eq!((code, message.as_str()), ("invalid-text", "`colors.json` is none of the files after the model itself"));
    assert_eq!(wrong(LIST, &format!("{LIST}tokenizer = \"colors.json\"\n")).0, "invalid-text");
    let text = right.split("[text]").next().unwrap();
    assert_eq!(problems(text)[0].0, "missing-key");
    assert_eq!(wrong("length = 6", "length = 6\nprompt = \"a photo\"").0, "bad-pattern");
}
