//! The native nodes against recorded answers of real ComfyUI nodes (`fixtures/parity`, made by
//! `tests/parity/record.py`): same values within a tolerance, and refused where ComfyUI refuses.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, sync::Arc};

use comfywright::{
    native::{Inputs, NodeError, NodeValue, classes, estimate_bytes, run},
    raster::{Image, Mask},
};
use serde_json::Value;

struct Fixture {
    cases: Vec<Value>,
    tensors: Vec<(Vec<usize>, Vec<f32>)>,
}

/// Takes one tensor off the front of `bytes`; `described` is its encoding and its shape.
fn take_tensor(described: &Value, bytes: &mut &[u8]) -> (Vec<usize>, Vec<f32>) {
    let described = described.as_array().expect("a tensor is a list");
    let shape: Vec<usize> = described[1..].iter().map(|size| size.as_u64().expect("a size") as usize).collect();
    let count: usize = shape.iter().product();
    let (taken, rest) = bytes.split_at(if described[0] == "u1" { count } else { 4 * count });
    *bytes = rest;
    let values = match described[0].as_str() {
        Some("u1") => taken.iter().map(|&byte| f32::from(byte) / 255.0).collect(),
        _ => taken.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    };
    (shape, values)
}

impl Fixture {
    fn load() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity");
        let text = fs::read_to_string(folder.join("cases.json")).expect("cases.json is there");
        let mut header: Value = serde_json::from_str(&text).expect("cases.json is JSON");
        let bytes = fs::read(folder.join("tensors.bin")).expect("tensors.bin is there");
        let mut rest = bytes.as_slice();
        let described = header["tensors"].as_array().expect("tensors are a list").iter();
        let tensors = described.map(|tensor| take_tensor(tensor, &mut rest)).collect();
        let Value::Array(cases) = header["cases"].take() else { panic!("cases are a list") };
        Self { cases, tensors }
    }

    fn value(&self, recorded: &Value) -> NodeValue {
        let Value::Object(tensor) = recorded else { return NodeValue::from(recorded) };
        let index = tensor.values().next().and_then(Value::as_u64).expect("a tensor has a number") as usize;
        let (shape, data) = self.tensors[index].clone();
        match *shape.as_slice() {
            [batch, height, width, channels] => Image { batch, height, width, channels, data }.into(),
            [batch, height, width] => Mask { batch, height, width, data }.into(),
            _ => panic!("a tensor has 3 or 4 dimensions"),
        }
    }

    fn inputs(&self, case: &Value) -> Inputs {
        let inputs = case["inputs"].as_object().expect("inputs are an object");
        inputs.iter().map(|(name, value)| (name, self.value(value))).collect()
    }
}

/// How far the outputs of a case may be from the recorded ones.
enum Tolerance {
    /// Every value.
    Each(f32),
    /// The mean of all values.
    Mean(f32),
}

fn tolerance(case: &Value) -> Tolerance {
    let inputs = &case["inputs"];
    match case["class"].as_str() {
        Some("ImageQuantize") => Tolerance::Mean(1e-6),
        // ComfyUI adds up a kernel with large weights of both signs in single precision.
        Some("ImageSharpen") => Tolerance::Each(2e-4),
        _ if inputs["upscale_method"] == "lanczos" => Tolerance::Each(1.01 / 255.0),
        _ => Tolerance::Each(1e-5),
    }
}

fn distance(expected: &[f32], found: &[f32]) -> (f32, f32) {
    let differences = || expected.iter().zip(found).map(|(a, b)| (a - b).abs());
    (differences().fold(0.0, f32::max), differences().sum::<f32>() / expected.len() as f32)
}

/// What is wrong with `found`, if anything.
fn compare(expected: &NodeValue, found: &NodeValue, tolerance: &Tolerance) -> Result<(), String> {
    let shape = |image: &Arc<Image>| [image.batch, image.height, image.width, image.channels];
    let (same_shape, (largest, mean)) = match (expected, found) {
        (NodeValue::Image(a), NodeValue::Image(b)) => (shape(a) == shape(b), distance(&a.data, &b.data)),
        (NodeValue::Mask(a), NodeValue::Mask(b)) => {
            ((a.batch, a.height, a.width) == (b.batch, b.height, b.width), distance(&a.data, &b.data))
        }
        _ if expected == found => return Ok(()),
        _ => return Err(format!("expected {expected:?}, found {found:?}")),
    };
    let near = match tolerance {
        Tolerance::Each(most) => largest <= *most,
        Tolerance::Mean(most) => mean <= *most,
    };
    if !same_shape {
        Err("another shape".to_owned())
    } else if near {
        Ok(())
    } else {
        Err(format!("values differ by up to {:.3}/255, on average {:.4}/255", largest * 255.0, mean * 255.0))
    }
}

fn check(fixture: &Fixture, case: &Value) -> Result<(), String> {
    let class = case["class"].as_str().ok_or("no class")?;
    let inputs = fixture.inputs(case);
    let estimate = estimate_bytes(class, &inputs);
    let outputs = match (run(class, inputs), case.get("error").is_some()) {
        (Ok(_), true) => return Err("ComfyUI refuses this".to_owned()),
        (Err(_), true) => return Ok(()),
        (Err(error), false) => return Err(format!("failed to {error}")),
        (Ok(outputs), false) => outputs,
    };
    let expected: Vec<NodeValue> =
        case["outputs"].as_array().ok_or("no outputs")?.iter().map(|v| fixture.value(v)).collect();
    if outputs.len() != expected.len() {
        return Err(format!("{} outputs instead of {}", outputs.len(), expected.len()));
    }
    let bytes: u64 = outputs.iter().map(NodeValue::pixel_bytes).sum();
    let estimate = estimate.map_err(|error| error.to_string())?;
    if bytes > estimate {
        return Err(format!("{bytes} bytes were estimated as {estimate}"));
    }
    expected.iter().zip(&outputs).try_for_each(|(a, b)| compare(a, b, &tolerance(case)))
}

#[test]
fn every_case_is_at_parity() {
    let fixture = Fixture::load();
    let mut report = String::new();
    for (number, case) in fixture.cases.iter().enumerate() {
        if let Err(reason) = check(&fixture, case) {
            let _ = writeln!(report, "case {number}: {} {}: {reason}", case["class"], case["inputs"]);
        }
    }
    assert!(report.is_empty(), "{} of {} cases:\n{report}", report.lines().count(), fixture.cases.len());
}

#[test]
fn every_class_has_cases() {
    let fixture = Fixture::load();
    let recorded: BTreeSet<&str> = fixture.cases.iter().filter_map(|case| case["class"].as_str()).collect();
    assert_eq!(recorded, classes().collect());
    assert!(fixture.cases.iter().any(|case| case.get("error").is_some()));
}

fn inputs<const N: usize>(values: [(&str, NodeValue); N]) -> Inputs {
    values.into_iter().collect()
}

fn image() -> NodeValue {
    Image::filled(1, 4, 6, 3, 0.5).into()
}

#[test]
fn results_above_the_limit_are_refused_before_they_are_made() {
    let text = |text: &str| NodeValue::String(text.to_owned());
    let batch = Image::filled(2, 4, 6, 3, 0.5);
    let huge = inputs([
        ("image", batch.into()),
        ("upscale_method", text("lanczos")),
        ("width", NodeValue::Int(16384)),
        ("height", NodeValue::Int(16384)),
        ("crop", text("disabled")),
    ]);
    assert_eq!(estimate_bytes("ImageScale", &huge), Ok(6 << 30));
    let error = run("ImageScale", huge).expect_err("6 GiB");
    let expected = "run `ImageScale`: the result would take 6144 MiB, more than the 4096 MiB allowed; \
                    look at `width`, `height`, `image`";
    assert_eq!(error.to_string(), expected);
    let many = inputs([
        ("width", NodeValue::Int(16384)),
        ("height", NodeValue::Int(16384)),
        ("batch_size", NodeValue::Int(4096)),
        ("color", NodeValue::Int(0)),
    ]);
    assert!(matches!(run("EmptyImage", many), Err(NodeError::TooLarge { .. })));
}

#[test]
fn errors_name_the_input() {
    let missing = run("ImageInvert", Inputs::new());
    assert_eq!(missing, Err(NodeError::Missing { input: "image".to_owned() }));
    for (class, inputs, message) in [
        (
            "ImageInvert",
            inputs([("image", NodeValue::Int(3))]),
            "read input `image`: expected IMAGE, found the integer 3",
        ),
        (
            "RepeatImageBatch",
            inputs([("image", image()), ("amount", NodeValue::Int(0))]),
            "read input `amount`: 0 is not in the range 1 to 4096",
        ),
        (
            "ImageRotate",
            inputs([("image", image()), ("rotation", NodeValue::String("45 degrees".to_owned()))]),
            "read input `rotation`: \"45 degrees\" is none of none, 90 degrees, 180 degrees, 270 degrees",
        ),
        (
            "ImageBlur",
            inputs([("image", image()), ("blur_radius", NodeValue::Int(4)), ("sigma", NodeValue::Float(1.0))]),
            "use input `blur_radius`: a radius of 4 must be smaller than the width and the height of the image, 6x4",
        ),
        ("KSampler", Inputs::new(), "run `KSampler`: there is no native node of this class"),
    ] {
        assert_eq!(run(class, inputs).map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn literals_are_coerced_as_comfyui_does() {
    let repeated = inputs([("image", image()), ("amount", NodeValue::String("2".to_owned()))]);
    let outputs = run("RepeatImageBatch", repeated).expect("digits are an INT");
    assert!(matches!(&outputs[..], [NodeValue::Image(image)] if image.batch == 2));
    for (value, text) in [
        (NodeValue::Float(7.0), "7.0"),
        (NodeValue::Float(1e16), "1e+16"),
        (NodeValue::Float(0.000_01), "1e-05"),
        (NodeValue::Bool(true), "True"),
        (NodeValue::Int(-3), "-3"),
    ] {
        let outputs = run("PrimitiveString", inputs([("value", value)]));
        assert_eq!(outputs, Ok(vec![NodeValue::String(text.to_owned())]));
    }
}
