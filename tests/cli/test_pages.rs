//! `ab report`: the page of a test with few and with many variations, as a browser shows it, and its plots as files.
//!
//! `COMFYWRIGHT_KEEP_PAGES` names a folder for the pages, the plots, and pictures of how they look.

use std::{fmt::Write as _, fs, io::Read as _, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{browser::Browser, support::Folder};

const PRESET: &str = include_str!("../../pipelines/enlarge.toml");
const STUDY: &str = include_str!("../../pipelines/enlarge-study.toml");

/// Windows in which a page is looked at: what they are called, their size, whether in the dark.
const WINDOWS: [(&str, (u32, u32), bool); 4] = [
    ("wide", (1280, 900), false),
    ("wide-dark", (1280, 900), true),
    ("phone", (390, 844), false),
    ("phone-dark", (390, 844), true),
];

const METHODS: [&str; 3] = ["bilinear", "bicubic", "lanczos"];

/// A workspace in which a test of `count` variations has run without a server.
pub fn tested(count: usize) -> Folder {
    let folder = Folder::with(&[("enlarge.toml", PRESET), ("enlarge-study.toml", &study(count))]);
    folder.copy("fixtures/photos", "fixtures/photos");
    let answer = folder.run(&["run", "enlarge-study"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    folder
}

/// The shipped test with other variations: ways of enlarging, each after another softening.
fn study(count: usize) -> String {
    let (head, tail) = STUDY.split_once("[variations]").unwrap();
    let (_, tail) = tail.split_once("[blocks]").unwrap();
    let mut variations = String::new();
    for number in 0..count {
        let (method, soften) = (METHODS[number % METHODS.len()], 1 + number / METHODS.len());
        let name = if soften == 1 { method.to_owned() } else { format!("{method}_softened_by_{soften}_pixels") };
        writeln!(variations, "{name} = {{ method = \"{method}\", soften = {soften} }}").unwrap();
    }
    let samples = head.replace("samples_per_variation = 20", "samples_per_variation = 12");
    format!("{samples}[variations]\n{variations}\n[blocks]{tail}")
}

fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("COMFYWRIGHT_KEEP_PAGES") {
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(name), bytes).unwrap();
    }
}

/// Labels of the plots that lie on another one, or reach out of their plot.
const OVERLAPPING: &str = r#"
    (() => {
        const wrong = [];
        for (const plot of document.querySelectorAll("svg.plot")) {
            const frame = plot.getBoundingClientRect();
            const texts = [...plot.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
            texts.forEach(([name, box], number) => {
                if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
                    wrong.push(`${name} reaches out`);
                for (const [other, next] of texts.slice(number + 1)) {
                    const wide = Math.min(box.right, next.right) - Math.max(box.left, next.left);
                    const high = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
                    if (wide > 1 && high > 4) wrong.push(`${name} on ${other}`);
                }
            });
        }
        return wrong;
    })()
"#;

/// Whether anything but what scrolls is wider than the window, and letters that are too small to be read.
const CRAMPED: &str = r#"
    (() => {
        const wrong = [];
        if (document.documentElement.scrollWidth > window.innerWidth) wrong.push("the page scrolls sideways");
        for (const text of document.querySelectorAll("svg.plot text")) {
            const scale = text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width;
            const size = parseFloat(getComputedStyle(text).fontSize) * scale;
            if (size < 9) { wrong.push(`${text.textContent} is set in ${size.toFixed(1)} pixels`); break; }
        }
        return wrong;
    })()
"#;

#[test]
fn pages_of_few_and_of_many_variations_are_readable() {
    for count in [2, 5, 20] {
        let folder = tested(count);
        let answer = folder.run(&["ab", "report", "enlarge-study", "--out", "test.html", "--plots"]);
        assert_eq!(answer.code, 0, "{answer:?}");
        for name in ["forest", "evidence", "spend", "pareto"] {
            keep(&format!("{count}-{name}.png"), &fs::read(folder.path(&format!("test.{name}.png"))).unwrap());
        }
        keep(&format!("{count}.html"), folder.read("test.html").as_bytes());
        keep(&format!("{count}.md"), folder.read("test.md").as_bytes());
        keep(&format!("{count}.vl.json"), folder.read("test.vl.json").as_bytes());
        let Some(mut browser) = Browser::start() else { return };
        for (name, size, is_dark) in WINDOWS {
            browser.open(&folder.path("test.html"), size, is_dark);
            keep(&format!("{count}-{name}.png"), &browser.picture());
            let none: [&str; 0] = [];
            assert_eq!(browser.value(OVERLAPPING), serde_json::json!(none), "{count} variations, {name}");
            assert_eq!(browser.value(CRAMPED), serde_json::json!(none), "{count} variations, {name}");
            assert_eq!(browser.complaints(), Vec::<&Value>::new());
            assert_eq!(browser.requests(), none);
        }
    }
}

#[test]
fn plots_are_painted_and_exported() {
    let folder = tested(3);
    let plain = folder.run(&["ab", "report", "enlarge-study", "--json"]).json()["data"].clone();
    assert_eq!((&plain["plots"], &plain["vega_lite"]), (&serde_json::json!([]), &Value::Null), "unless asked for");
    let data = folder.run(&["ab", "report", "enlarge-study", "--plots", "--json"]).json()["data"].clone();
    let plots = data["plots"].as_array().unwrap();
    assert_eq!(plots.len(), 4, "{data}");
    for plot in plots {
        let picture = image::open(plot.as_str().unwrap()).unwrap().to_rgb8();
        assert_eq!(picture.width(), 1800, "{plot}");
        let dark = picture.pixels().filter(|pixel| pixel.0.iter().all(|channel| *channel < 110)).count();
        assert!(dark > 500, "{plot} has letters: {dark}");
        assert_eq!(picture.get_pixel(0, 0).0, [255; 3], "{plot} has a ground of its own");
    }
    let document: Value =
        serde_json::from_str(&fs::read_to_string(data["vega_lite"].as_str().unwrap()).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&vega_lite_schema()).unwrap();
    let faults: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let mut wrong = document.clone();
    wrong["vconcat"][0]["layer"][2]["mark"]["type"] = "spiral".into();
    assert!(!schema.is_valid(&wrong), "the schema finds what is wrong");
    let variations = document["datasets"]["variations"].as_array().unwrap();
    assert_eq!(variations.iter().filter(|row| row["leads"] == true).count(), 1, "{variations:#?}");
    assert!(document["datasets"]["samples"].as_array().unwrap().len() >= 12);
}

/// The schema of Vega-Lite 6, as its package has it.
fn vega_lite_schema() -> Value {
    let packed = include_bytes!("../../fixtures/vega-lite/vega-lite-v6.schema.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let mut schema = serde_json::from_str(&text).unwrap();
    escape_references(&mut schema);
    schema
}

/// The names of its definitions hold signs that no address may have.
fn escape_references(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            for (key, value) in table.iter_mut() {
                let name = value.as_str().and_then(|text| text.strip_prefix("#/definitions/"));
                if let Some(name) = name.filter(|_| key == "$ref") {
                    *value = format!("#/definitions/{}", utf8_percent_encode(name, NON_ALPHANUMERIC)).into();
                } else {
                    escape_references(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(escape_references),
        _ => {}
    }
}

impl Browser {
    /// The whole page, as PNG.
    fn picture(&mut self) -> Vec<u8> {
        BASE64_STANDARD.decode(self.whole_page()).unwrap()
    }
}
