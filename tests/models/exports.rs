//! Real architectures with random weights, exported as files of the hub are (`export.py`): what they give must be what
//! ONNX Runtime gives, from the picture and the words on.

use std::{fs, path::PathBuf};

use comfywright::{
    model::OutputStep,
    models::PromptedMask,
    raster::Image,
    vision::{Bounds, Target},
};
use serde_json::Value;

use super::support::{Cached, described, differences, fixtures, picture};

/// Most that a value may differ by from ONNX Runtime's.
const AGREEMENT: f32 = 1e-4;

/// Where the exports are.
fn folder() -> PathBuf {
    std::env::var_os("COMFYWRIGHT_TEST_EXPORTS").map_or_else(|| fixtures().join("models/exports"), PathBuf::from)
}

/// What ONNX Runtime made of the export `name`.
fn told(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// The top left of a photograph.
fn photograph(width: usize, height: usize) -> Image {
    let whole = picture("models/inputs/coffee.png");
    let row = |y: usize| &whole.data[y * whole.width * whole.channels..][..width * whole.channels];
    Image { batch: 1, width, height, channels: whole.channels, data: (0..height).flat_map(row).copied().collect() }
}

/// The start of the manifest of `files` of the exports.
fn head(name: &str, role: &str, files: &[&str]) -> String {
    let files = files.iter().map(|file| {
        let one = described(&folder().join(file));
        format!("[[file]]\nname = \"{}\"\nsize = {}\nsha256 = \"{}\"\n", one.name, one.size, one.sha256)
    });
    let start = format!("format = 1\nname = \"{name}\"\nrole = \"{role}\"\nlicence = {{ spdx = \"MIT\" }}\n");
    std::iter::once(start).chain(files).collect()
}

fn pad(tokenizer: &str, token: &str) -> u32 {
    comfywright::models::token_id(&folder().join(tokenizer), token).unwrap().unwrap()
}

fn clipseg() -> String {
    let side = told("clipseg")["side"].as_u64().unwrap();
    let pad = pad("clipseg-tokenizer.json", "<|endoftext|>");
    format!(
        "{}[input]\nshape = [1, 3, {side}, {side}]\nfilter = \"bilinear\"\nmean = [0.485, 0.456, 0.406]\n\
         std = [0.229, 0.224, 0.225]\n[output]\nshape = [1, {side}, {side}]\nthen = [\"sigmoid\"]\n\
         [text]\nattention = \"attention_mask\"\nlength = 77\npad = {pad}\ntokenizer = \"clipseg-tokenizer.json\"\n",
        head("clipseg", "segmenter", &["clipseg.onnx", "clipseg-tokenizer.json"])
    )
}

#[test]
fn clipseg_gives_what_onnx_runtime_gives() {
    let cached = Cached::with_files_of(&clipseg(), &folder());
    assert_eq!(cached.manifest.output.then, [OutputStep::Sigmoid]);
    let told = told("clipseg");
    let mut masks = Vec::new();
    // From the ONNX file, and from what was kept of it.
    for _ in 0..2 {
        let store = cached.store();
        for case in told["cases"].as_array().unwrap() {
            let words = case["words"].as_str().unwrap();
            let found = store.segment("clipseg", &photograph(48, 48), 0, words).unwrap();
            let wanted: Vec<f32> = numbers(&case["logits"]).iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
            let (largest, _) = differences(&found.data, &wanted);
            assert!(largest < AGREEMENT, "{words}: {largest}");
            masks.push(found.data);
        }
    }
    let (apart, _) = differences(&masks[0], &masks[1]);
    assert!(apart > 100.0 * AGREEMENT, "other words are another mask: {apart}");
    assert_eq!(masks[0], masks[2]);
    cached.store().verify("clipseg", true).unwrap();
}

#[test]
fn clipseg_is_asked_in_77_tokens() {
    let cached = Cached::with_files_of(&clipseg(), &folder());
    let long = "the red car and ".repeat(30);
    let found = cached.store().segment("clipseg", &photograph(48, 48), 0, &long).unwrap_err().to_string();
    assert!(found.contains("tokens, and it takes 77; say it shorter"), "{found}");
}

fn owlvit() -> String {
    let side = told("owlvit")["side"].as_u64().unwrap();
    format!(
        "{}[input]\nshape = [1, 3, {side}, {side}]\nfilter = \"bicubic\"\nmean = [0.48145466, 0.4578275, 0.40821073]\n\
         std = [0.26862954, 0.26130258, 0.27577711]\n[output]\n[detect]\nstyle = \"detr\"\nscores = [\"logits\"]\n\
         boxes = [\"pred_boxes\"]\noverlap = 1.0\n\
         [text]\nattention = \"attention_mask\"\nlength = 16\ntokenizer = \"owlvit-tokenizer.json\"\n",
        head("owlvit", "detector", &["owlvit.onnx", "owlvit-tokenizer.json"])
    )
}

/// Scores and boxes are those that ONNX Runtime has for the words and the photograph.
fn boxes_agree(name: &str, manifest: &str) {
    let cached = Cached::with_files_of(manifest, &folder());
    let side = told(name)["side"].as_u64().unwrap() as usize;
    let image = photograph(side, side);
    let (width, height) = (image.width as f32, image.height as f32);
    for _ in 0..2 {
        let store = cached.store();
        for case in told(name)["cases"].as_array().unwrap() {
            let words = case["words"].as_str().unwrap();
            let found = store.detect_words(name, &image, 0, words, 0.0).unwrap();
            let mut wanted: Vec<(f32, [f32; 4])> = numbers(&case["logits"])
                .iter()
                .zip(numbers(&case["boxes"]).as_chunks::<4>().0)
                .map(|(logit, [x, y, w, h])| {
                    let sides = [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0].map(|side| side.clamp(0.0, 1.0));
                    (1.0 / (1.0 + (-logit).exp()), sides)
                })
                .collect();
            wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
            assert_eq!(found.len(), wanted.len());
            for (found, (score, [left, top, right, bottom])) in found.iter().zip(wanted) {
                let Bounds { left: l, top: t, right: r, bottom: b } = found.bounds;
                let sides = [l as f32 / width, t as f32 / height, r as f32 / width, b as f32 / height];
                let (apart, _) = differences(&sides, &[left, top, right, bottom]);
                assert!((found.score as f32 - score).abs() < AGREEMENT && apart < AGREEMENT, "{words}: {found:?}");
            }
        }
    }
    cached.store().verify(name, true).unwrap();
}

#[test]
fn owlvit_gives_what_onnx_runtime_gives() {
    boxes_agree("owlvit", &owlvit());
}

#[test]
fn grounding_dino_gives_what_onnx_runtime_gives() {
    let side = told("grounding-dino")["side"].as_u64().unwrap();
    let manifest = format!(
        "{}[input]\nmask = \"pixel_mask\"\nname = \"pixel_values\"\nshape = [1, 3, {side}, {side}]\n\
         mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n[output]\n[detect]\nstyle = \"detr\"\n\
         scores = [\"logits\"]\nboxes = [\"pred_boxes\"]\noverlap = 1.0\n[text]\nattention = \"attention_mask\"\n\
         types = \"token_type_ids\"\nlength = 16\nprompt = \"{{}}.\"\ntokenizer = \"grounding-dino-tokenizer.json\"\n",
        head("grounding-dino", "detector", &["grounding-dino.onnx", "grounding-dino-tokenizer.json"])
    );
    boxes_agree("grounding-dino", &manifest);
}

/// The manifest of the promptable model with this decoder.
fn slimsam(decoder: &str) -> String {
    let side = told("slimsam")["side"].as_u64().unwrap();
    let boxes = if decoder.ends_with("boxes") { "boxes = \"input_boxes\"\n" } else { "" };
    let decoder = format!("{decoder}.onnx");
    format!(
        "{}[input]\nshape = [1, 3, {side}, {side}]\nfit = \"pad\"\nfilter = \"bilinear\"\nmean = [0.485, 0.456, 0.406]\n\
         std = [0.229, 0.224, 0.225]\n[output]\n[decoder]\nfile = \"{decoder}\"\n{boxes}",
        head("slimsam", "promptable", &["slimsam.onnx", &decoder])
    )
}

#[test]
fn sam_gives_what_onnx_runtime_gives() {
    for case in told("slimsam")["cases"].as_array().unwrap() {
        let decoder = case["decoder"].as_str().unwrap();
        let cached = Cached::with_files_of(&slimsam(decoder), &folder());
        let point = |point: &Value| {
            let at = |at: usize| point[at].as_f64().unwrap();
            (at(0), at(1), at(2) > 0.5)
        };
        let points = case["points"].as_array().unwrap().iter().map(point).collect();
        let bounds = case["box"].as_array().map(|sides| {
            let side = |at: usize| sides[at].as_f64().unwrap();
            Bounds::new(side(0), side(1), side(2), side(3))
        });
        let target = Target { bounds, points };
        // From the ONNX files, from what was kept of them, and with the features of the same picture.
        let (first, second) = (cached.store(), cached.store());
        for store in [&first, &second, &second] {
            let found: Vec<PromptedMask> = store.prompt("slimsam", &photograph(128, 80), 0, &target).unwrap();
            let scores: Vec<f32> = found.iter().map(|mask| mask.score as f32).collect();
            let logits: Vec<f32> = found.iter().flat_map(|mask| mask.logits.data.iter().copied()).collect();
            let (in_scores, _) = differences(&scores, &numbers(&case["scores"]));
            let (in_logits, _) = differences(&logits, &numbers(&case["logits"]));
            assert!(in_scores < AGREEMENT && in_logits < 5.0 * AGREEMENT, "{decoder}: {in_scores} {in_logits}");
        }
        let mask = first.prompted_mask("slimsam", &photograph(128, 80), 0, &target).unwrap();
        assert_eq!((mask.width, mask.height), (128, 80));
        first.verify("slimsam", true).unwrap();
    }
}

#[test]
fn sam_of_another_interface_is_refused() {
    let message = |text: &str| {
        let cached = Cached::with_files_of(text, &folder());
        let found = cached.store().verify("slimsam", true).unwrap_err().to_string();
        let kept = cached.folder.path().join("optimised");
        assert!(!kept.exists() || fs::read_dir(kept).unwrap().next().is_none(), "nothing is kept of a wrong model");
        found
    };
    let found = message(&slimsam("slimsam-boxes").replace("boxes = \"input_boxes\"\n", ""));
    assert!(found.contains("it has 5 inputs") && found.contains("`input_boxes`"), "{found}");
    let found = message(
        &slimsam("slimsam-decoder")
            .replace("file = \"slimsam-decoder.onnx\"\n", "file = \"slimsam-decoder.onnx\"\nmasks = \"masks\"\n"),
    );
    assert!(found.contains("it has no output `masks`; it has `iou_scores`, `pred_masks`"), "{found}");
    let swapped = slimsam("slimsam-decoder").replace("\nfile = \"slimsam-decoder.onnx\"", "\nfile = \"slimsam.onnx\"");
    let problems = comfywright::model::read_manifest(&swapped, &"models/slimsam.toml".into()).diagnostics;
    assert_eq!(problems[0].code, "invalid-decoder");
}
