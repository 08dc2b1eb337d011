//! The native executor on real graphs and real photographs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use comfywright::{
    compile::OutputSpec,
    content_hash::ContentHash,
    graph::{self, BoundFile, Graph, GraphNode, Input},
    imagefile,
    model::ErrorClass,
    native::{self, NativeExecutor, NativeSettings},
    plan::{ItemIx, OutputFile, Placement, Prepared},
    run::{Claim, Executor as _, Failure, Fault, Job, Produced, Scorer as _, Signal},
    scorers::{self, NativeScorers},
};
use serde_json::{Value, json};

use super::{PHOTOS, output_file};

/// A workspace of its own with the photographs and the broken images in `photos/`.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("photos")).unwrap();
        for source in ["photos", "images"] {
            for entry in fs::read_dir(fixtures().join(source)).unwrap() {
                let entry = entry.unwrap();
                fs::copy(entry.path(), folder.path().join("photos").join(entry.file_name())).unwrap();
            }
        }
        Self { folder }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root().join(path)).unwrap()
    }

    fn run(&self, job: Job) -> Result<Produced, Fault> {
        self.run_with(job, NativeSettings::default())
    }

    fn run_with(&self, job: Job, settings: NativeSettings) -> Result<Produced, Fault> {
        let executor = NativeExecutor::new(self.root(), settings);
        block_on(executor.execute(job, Arc::new(|_| {}))).map_err(|failure| match failure {
            Failure::Fault(fault) => fault,
            other => panic!("in this process nothing is lost: {other:?}"),
        })
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// A graph from JSON: `{id: [class, {input: value}]}`. As values, `["node", 0]` is a link, and
/// `{"file": path}` and `{"files": [[path, label]]}` are files.
fn graph_of(nodes: &Value) -> Graph {
    let nodes = nodes.as_object().unwrap().iter().map(|(id, node)| {
        let inputs = node[1].as_object().unwrap().iter().map(|(name, value)| (name.clone(), input(value))).collect();
        (id.clone(), GraphNode { class: node[0].as_str().unwrap().to_owned(), title: None, inputs })
    });
    Graph { nodes: nodes.collect() }
}

fn input(value: &Value) -> Input {
    let bound = |path: &Value, label: &Value| BoundFile {
        path: path.as_str().unwrap().to_owned(),
        label: label.as_str().unwrap_or_default().to_owned(),
        ..BoundFile::default()
    };
    if let Some([Value::String(node), Value::Number(output)]) = value.as_array().map(Vec::as_slice) {
        return Input::link(node, output.as_u64().unwrap() as usize);
    }
    if let Some(path) = value.get("file") {
        return Input::Files(vec![bound(path, &Value::Null)]);
    }
    if let Some(files) = value.get("files").and_then(Value::as_array) {
        return Input::Files(files.iter().map(|file| bound(&file[0], &file[1])).collect());
    }
    Input::value(value.clone())
}

fn job(graph: Graph, outputs: &[(&str, &str)]) -> Job {
    let outputs = outputs.iter().map(|(name, node)| OutputSpec { name: (*name).to_owned(), node: (*node).to_owned() });
    let prepared = Prepared {
        fingerprint: ContentHash::of_bytes(b"test"),
        parts: BTreeMap::new(),
        graph,
        outputs: outputs.collect(),
        placement: Placement::Native,
        scores: Vec::new(),
        primary: "image".to_owned(),
        passed_on: Vec::new(),
        reusable: true,
        provenance: json!({ "document": "test", "item": "süß" }),
    };
    Job {
        item: ItemIx(0),
        address: "task[sku=A1]".to_owned(),
        prompt_id: uuid::Uuid::nil(),
        prepared: Arc::new(prepared),
        folder: PathBuf::from("outputs/test/run/task"),
        stem: "task-a1".to_owned(),
        timeout: None,
        place: "native".to_owned(),
        claim: Claim::Fresh,
    }
}

fn paths(produced: &Produced) -> Vec<&str> {
    produced.files.iter().map(|file| file.path.as_str()).collect()
}

fn sheet_graph(background: &str) -> Graph {
    let angles = ["front", "three quarters from the upper left side, a little behind"];
    let files: Vec<_> = PHOTOS
        .iter()
        .enumerate()
        .map(|(at, name)| json!([format!("photos/{name}"), format!("photo={name}, angle={}", angles[at % 2])]))
        .collect();
    graph_of(&json!({
        "sheet": ["ComfywrightContactSheet", {
            "images": { "files": files }, "title": "Product catalogue: every photograph", "columns": 0,
            "background": background
        }],
        "save": ["SaveImage", { "images": ["sheet", 0], "filename_prefix": "x" }]
    }))
}

#[test]
fn a_contact_sheet_of_all_photographs() {
    let workspace = Workspace::new();
    let produced = workspace.run(job(sheet_graph("#fafaf8"), &[("image", "save")])).unwrap();
    assert_eq!(paths(&produced), ["outputs/test/run/task/task-a1.png"]);
    let sheet = decode(&workspace.read(&produced.files[0].path)).image;
    // Three cards of 340 pixels with gaps of 20 and margins of 32; the corner is plain background.
    assert_eq!(sheet.width, 3 * 340 + 2 * 20 + 2 * 32);
    assert_eq!(sheet.data[..3].iter().map(|v| (v * 255.0).round() as u8).collect::<Vec<_>>(), [250, 250, 248]);
    let colorful = sheet.data.chunks_exact(3).filter(|p| p[0] - p[2] > 0.3).count();
    assert!(colorful > sheet.width * sheet.height / 20, "the photographs are on it: {colorful}");
}

fn decode(bytes: &[u8]) -> imagefile::Decoded {
    imagefile::decode(bytes, &imagefile::Limits::default()).unwrap()
}

/// Loads, scales and saves one photograph.
fn scaled(photo: &str, by: f64) -> Graph {
    graph_of(&json!({
        "load": ["LoadImage", { "image": { "file": photo } }],
        "scale": ["ImageScaleBy", { "image": ["load", 0], "upscale_method": "lanczos", "scale_by": by }],
        "save": ["SaveImage", { "images": ["scale", 0], "filename_prefix": "x" }]
    }))
}

#[test]
fn a_photograph_is_loaded_scaled_and_saved() {
    let workspace = Workspace::new();
    let produced = workspace.run(job(scaled("photos/chelsea.jpg", 0.5), &[("image", "save")])).unwrap();
    let [file] = produced.files.as_slice() else { panic!("{produced:?}") };
    let bytes = workspace.read("outputs/test/run/task/task-a1.png");
    assert_eq!(file.path, "outputs/test/run/task/task-a1.png");
    assert_eq!((file.output.as_str(), file.index, file.width, file.height), ("image", 0, 226, 150));
    assert_eq!((file.size, &file.hash), (bytes.len() as u64, &ContentHash::of_bytes(&bytes).to_string()));
    assert!(file.mtime_ns > 0);
    assert_eq!(decode(&bytes).image.width, 226);
    // Nothing else is left in the folder.
    assert_eq!(fs::read_dir(workspace.root().join("outputs/test/run/task")).unwrap().count(), 1);
}

#[test]
fn files_carry_what_made_them_and_nothing_of_the_run() {
    let workspace = Workspace::new();
    let one = job(scaled("photos/coffee.jpg", 0.25), &[("image", "save")]);
    let other =
        Job { folder: PathBuf::from("outputs/test/another-run/task"), prompt_id: uuid::Uuid::max(), ..one.clone() };
    let first = workspace.run(one).unwrap();
    let second = workspace.run(other).unwrap();
    let bytes = workspace.read(&first.files[0].path);
    assert_eq!(bytes, workspace.read(&second.files[0].path));

    let texts: BTreeMap<_, _> = imagefile::text_chunks(&bytes).into_iter().collect();
    assert!(texts.values().all(|text| text.is_ascii()));
    let read = |key: &str| serde_json::from_str::<Value>(&texts[key]).unwrap();
    assert_eq!(read("comfywright"), json!({ "document": "test", "item": "süß" }));
    let prompt = read("prompt");
    assert_eq!(prompt["load"]["inputs"]["image"], "coffee.jpg");
    assert_eq!(prompt["scale"]["class_type"], "ImageScaleBy");
    assert_eq!(prompt["save"]["inputs"]["images"], json!(["scale", 0]));
    let workflow = read("workflow");
    assert_eq!(workflow["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(workflow["nodes"][0]["widgets_values"], json!(["coffee.jpg"]));
    assert_eq!(workflow["nodes"][0]["outputs"][0]["links"], json!([1]));
    assert_eq!(workflow["links"], json!([[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]));
}

#[test]
fn load_image_gives_the_mask_and_a_small_empty_one_without_alpha() {
    let workspace = Workspace::new();
    let mask_of = |photo: &str, class: &str, channel: Value| {
        let nodes = json!({
            "load": [class, { "image": { "file": photo }, "channel": channel }],
            "save": ["SaveImage", { "images": ["load", usize::from(class == "LoadImage")] }]
        });
        let produced = workspace.run(job(graph_of(&nodes), &[("mask", "save")])).unwrap();
        decode(&workspace.read(&produced.files[0].path)).image
    };
    let empty = mask_of("photos/coffee.jpg", "LoadImage", Value::Null);
    assert_eq!((empty.width, empty.height, empty.data.iter().copied().fold(0.0, f32::max)), (64, 64, 0.0));
    let retina = mask_of("photos/retina.png", "LoadImage", Value::Null);
    assert_eq!((retina.width, retina.data[0]), (320, 1.0));
    assert_eq!(retina.data, mask_of("photos/retina.png", "LoadImageMask", json!("alpha")).data);
    let opaque = mask_of("photos/coffee.jpg", "LoadImageMask", json!("alpha"));
    assert_eq!((opaque.width, opaque.data.iter().copied().fold(0.0, f32::max)), (600, 0.0));
    let red = mask_of("photos/rocket.jpg", "LoadImageMask", json!("red"));
    let rocket = decode(&workspace.read("photos/rocket.jpg")).image;
    assert!(red.data.chunks_exact(3).zip(rocket.data.chunks_exact(3)).all(|(a, b)| (a[0] - b[0]).abs() < 1.5 / 255.0));
    assert!(red.data.chunks_exact(3).zip(rocket.data.chunks_exact(3)).any(|(a, b)| (a[0] - b[2]).abs() > 0.05));
}

#[test]
fn several_outputs_and_frames_get_names_of_their_own() {
    let workspace = Workspace::new();
    let nodes = json!({
        "load": ["LoadImage", { "image": { "file": "photos/animated.gif" } }],
        "mask": ["MaskToImage", { "mask": ["load", 1] }],
        "save": ["SaveImage", { "images": ["load", 0] }],
        "save_mask": ["PreviewImage", { "images": ["mask", 0] }]
    });
    let mut job = job(graph_of(&nodes), &[("image", "save"), ("mask", "save_mask")]);
    job.stem = "CON".to_owned();
    let produced = workspace.run(job).unwrap();
    let stems: std::collections::BTreeSet<_> = paths(&produced)
        .iter()
        .map(|path| path.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(stems.len(), 1);
    assert!(stems.first().unwrap().starts_with("con-"), "{stems:?}");
    let ends: Vec<_> = paths(&produced)
        .iter()
        .map(|path| path.rsplit('/').next().unwrap().split_once('.').unwrap().1.to_owned())
        .collect();
    assert_eq!(ends, ["1.png", "2.png", "3.png", "mask.1.png", "mask.2.png", "mask.3.png"]);
    let records: Vec<_> = produced.files.iter().map(|file| (file.output.as_str(), file.index)).collect();
    assert_eq!(records, [("image", 0), ("image", 1), ("image", 2), ("mask", 0), ("mask", 1), ("mask", 2)]);
}

/// What `plan` places here runs here.
#[test]
fn every_class_of_the_builtin_snapshot_runs_natively() {
    let missing: Vec<_> = graph::builtin().names().filter(|class| !native::is_native(class)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    let unknown: Vec<_> = native::native_classes().filter(|class| graph::builtin().class(class).is_none()).collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

fn failure(nodes: &Value, output: &str) -> Fault {
    Workspace::new().run(job(graph_of(nodes), &[("image", output)])).unwrap_err()
}

#[test]
fn faults_name_the_node_and_the_reason() {
    let load = |file: &str| json!({ "a": ["LoadImage", { "image": { "file": file } }], "s": ["SaveImage", { "images": ["a", 0] }] });
    for (file, words) in [
        ("photos/bomb.png", "100000 x 100000"),
        ("photos/truncated.png", "decode the image"),
        ("photos/not-an-image.png", "not a PNG"),
        ("photos/empty.png", "empty"),
        ("photos/absent.png", "photos/absent.png"),
        ("../outside.png", "stay inside the workspace"),
        ("/etc/hostname", "stay inside the workspace"),
    ] {
        let fault = failure(&load(file), "s");
        assert_eq!((fault.node.as_deref(), fault.class), (Some("a"), ErrorClass::Error), "{fault:?}");
        assert!(fault.message.contains(words) && fault.message.contains("`a`"), "{file}: {}", fault.message);
    }
    for (nodes, node, words) in [
        (json!({ "k": ["KSampler", {}] }), "k", "only a ComfyUI server"),
        (json!({ "i": ["ImageInvert", {}], "s": ["SaveImage", { "images": ["i", 0] }] }), "i", "missing"),
        (json!({ "s": ["SaveImage", { "images": ["x", 0] }] }), "s", "`x`, which is not in the graph"),
        (json!({ "s": ["SaveImage", { "images": "text" }] }), "s", "IMAGE"),
        (
            json!({ "e": ["EmptyImage", { "width": 8, "height": 8, "batch_size": 1, "color": 0 }], "s": ["SaveImage", { "images": ["e", 3] }] }),
            "s",
            "output 3",
        ),
        (
            json!({ "a": ["ImageInvert", { "image": ["b", 0] }], "b": ["ImageInvert", { "image": ["a", 0] }], "s": ["SaveImage", { "images": ["b", 0] }] }),
            "a",
            "cycle",
        ),
        (json!({ "t": ["SaveImage", { "images": ["t", 0] }] }), "t", "cycle"),
    ] {
        let fault = failure(&nodes, nodes.as_object().unwrap().keys().next_back().unwrap());
        assert_eq!(fault.node.as_deref(), Some(node), "{fault:?}");
        assert!(fault.message.contains(words), "{}", fault.message);
    }
    assert!(failure(&json!({}), "gone").message.contains("`gone`"));
}

/// What is changed in place has no other use: each saver, and a node that takes one image twice, gets what it was promised.
#[test]
fn an_image_that_several_nodes_take_is_the_same_for_all() {
    let workspace = Workspace::new();
    let graph = graph_of(&json!({
        "grey": ["EmptyImage", { "width": 8, "height": 4, "batch_size": 1, "color": 0xff_00_00 }],
        "negative": ["ImageInvert", { "image": ["grey", 0] }],
        "positive": ["ImageInvert", { "image": ["negative", 0] }],
        "difference": ["ImageBlend", {
            "image1": ["grey", 0], "image2": ["grey", 0], "blend_factor": 1.0, "blend_mode": "difference"
        }],
        "save_negative": ["SaveImage", { "images": ["negative", 0], "filename_prefix": "x" }],
        "save_positive": ["SaveImage", { "images": ["positive", 0], "filename_prefix": "x" }],
        "save_difference": ["SaveImage", { "images": ["difference", 0], "filename_prefix": "x" }]
    }));
    let outputs = ["positive", "difference", "negative"].map(|name| (name, format!("save_{name}")));
    let outputs: Vec<_> = outputs.iter().map(|(name, node)| (*name, node.as_str())).collect();
    let produced = workspace.run(job(graph, &outputs)).unwrap();
    let first_pixel = |file: &OutputFile| {
        let image = decode(&workspace.read(&file.path)).image;
        [0, 1, 2].map(|channel| (image.data[channel] * 255.0).round() as u8)
    };
    let pixels: Vec<_> = produced.files.iter().map(first_pixel).collect();
    assert_eq!(pixels, [[255, 0, 0], [0, 0, 0], [0, 255, 255]]);
}

#[test]
fn an_item_that_needs_more_than_the_limit_is_out_of_memory() {
    let workspace = Workspace::new();
    let settings = NativeSettings { memory_bytes: 24 << 20, ..NativeSettings::default() };
    let fault = workspace.run_with(job(scaled("photos/coffee.jpg", 8.0), &[("image", "save")]), settings).unwrap_err();
    assert_eq!((fault.class, fault.node.as_deref()), (ErrorClass::Oom, Some("scale")), "{fault:?}");
    assert!(fault.message.contains("the 24 MiB allowed"), "{}", fault.message);
    assert!(workspace.run_with(job(scaled("photos/coffee.jpg", 0.5), &[("image", "save")]), settings).is_ok());
}

#[test]
fn many_items_share_little_memory_without_waiting_for_each_other() {
    let workspace = Workspace::new();
    // Each of them grows to more than half of the limit.
    let settings = NativeSettings { slots: 4, memory_bytes: 64 << 20, ..NativeSettings::default() };
    let executor = NativeExecutor::new(workspace.root(), settings);
    let steps = Arc::new(AtomicU32::new(0));
    block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for n in 0..6 {
            let mut job = job(scaled("photos/coffee.jpg", 3.0), &[("image", "save")]);
            job.stem = format!("item-{n}");
            let (executor, steps) = (executor.clone(), Arc::clone(&steps));
            running.spawn(async move {
                let signals = move |signal: Signal| {
                    assert!(matches!(signal, Signal::Share(0.0..=1.0)));
                    steps.fetch_add(1, Ordering::Relaxed);
                };
                executor.execute(job, Arc::new(signals)).await.map(|produced| produced.files[0].hash.clone())
            });
        }
        let hashes: std::collections::BTreeSet<_> = running.join_all().await.into_iter().map(Result::unwrap).collect();
        assert_eq!(hashes.len(), 1);
    });
    assert!(steps.load(Ordering::Relaxed) >= 18);
}

#[test]
fn a_dropped_item_stops_and_writes_nothing() {
    let workspace = Workspace::new();
    let executor = NativeExecutor::new(workspace.root(), NativeSettings { slots: 1, ..NativeSettings::default() });
    block_on(async {
        let started = Arc::new(tokio::sync::Notify::new());
        let reached = Arc::clone(&started);
        // The first node is held until the sender is gone.
        let (gate, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let progress = move |_| {
            reached.notify_one();
            held.lock().unwrap().recv().unwrap_err();
        };
        let future = executor.execute(job(scaled("photos/coffee.jpg", 0.5), &[("image", "save")]), Arc::new(progress));
        tokio::select! {
            _ = future => panic!("it cannot end before the gate opens"),
            () = started.notified() => {}
        }
        drop(gate);
        // The slot comes free only when the work has really ended.
        let mut next = job(scaled("photos/rocket.jpg", 0.5), &[("image", "save")]);
        next.stem = "next".to_owned();
        executor.execute(next, Arc::new(|_| {})).await.unwrap();
    });
    let names: Vec<_> = fs::read_dir(workspace.root().join("outputs/test/run/task"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["next.png"]);
}

#[test]
fn contact_sheets_are_the_same_every_time_and_take_any_images() {
    let workspace = Workspace::new();
    let sheet = |background| {
        let produced = workspace.run(job(sheet_graph(background), &[("image", "save")])).unwrap();
        workspace.read(&produced.files[0].path)
    };
    assert_eq!(sheet("#fafaf8"), sheet("#fafaf8"));
    assert_ne!(sheet("#fafaf8"), sheet("#101418"));
    let frames = json!({
        "load": ["LoadImage", { "image": { "file": "photos/animated.gif" } }],
        "sheet": ["ComfywrightContactSheet", { "images": ["load", 0], "columns": 3, "cell": 32, "labels": ["one", "two"] }],
        "save": ["SaveImage", { "images": ["sheet", 0] }]
    });
    let produced = workspace.run(job(graph_of(&frames), &[("image", "save")])).unwrap();
    assert!(produced.files[0].width > 3 * 24 && produced.files[0].height < 100);
    let none = json!({ "sheet": ["ComfywrightContactSheet", { "images": { "files": [] } }], "s": ["SaveImage", { "images": ["sheet", 0] }] });
    assert!(failure(&none, "s").message.contains("no picture"));
}

/// The mean of a mask that `layers` draw on a white image of 200 x 100 pixels, and of every layer.
fn drawn(workspace: &Workspace, layers: &Value) -> Result<(imagefile::Decoded, usize), Fault> {
    let nodes = json!({
        "white": ["EmptyImage", { "width": 200, "height": 100, "batch_size": 1, "color": 0x00ff_ffff }],
        "mask": ["ComfywrightMask", { "image": ["white", 0], "layers": layers }],
        "merged": ["SaveImage", { "images": ["mask", 0] }],
        "layers": ["SaveImage", { "images": ["mask", 1] }]
    });
    let produced = workspace.run(job(graph_of(&nodes), &[("mask", "merged"), ("layers", "layers")]))?;
    Ok((decode(&workspace.read(&produced.files[0].path)), produced.files.len() - 1))
}

fn share(decoded: &imagefile::Decoded) -> f64 {
    decoded.image.data.iter().map(|value| f64::from(*value)).sum::<f64>() / decoded.image.data.len() as f64
}

#[test]
fn mask_layers_are_drawn_and_blended() {
    let workspace = Workspace::new();
    let half = json!({ "name": "half", "shape": { "type": "rectangle", "width": 0.5 } });
    let disc = json!({ "name": "disc", "shape": { "type": "ellipse", "x": 0.25, "width": 0.5 } });
    let with = |layer: &Value, key: &str, value: Value| {
        let mut layer = layer.clone();
        layer[key] = value;
        layer
    };
    let quarter = std::f64::consts::PI / 8.0;
    let triangle = json!({ "name": "t", "shape": { "type": "polygon", "points": [[0, 0], [1, 0], [0, 1]] } });
    let round = json!({ "name": "r", "shape": { "type": "rectangle", "radius": 0.5 } });
    for (layers, wanted, slack) in [
        (json!([half]), 0.5, 1e-6),
        (json!([with(&half, "invert", json!(true))]), 0.5, 1e-6),
        (json!([with(&half, "opacity", json!(0.5))]), 0.25, 0.003),
        (json!([with(&half, "grow", json!(10))]), 0.55, 1e-6),
        (json!([with(&half, "grow", json!(-10))]), 0.45, 1e-6),
        (json!([with(&half, "feather", json!(20))]), 0.5, 0.003),
        (json!([disc]), 2.0 * quarter / 2.0, 0.002),
        (json!([triangle]), 0.5, 0.003),
        // A stadium: a square and two half discs.
        (json!([round]), 0.5 + 2.0 * quarter / 2.0, 0.003),
        (json!([half, disc]), 0.5 + quarter / 2.0, 0.002),
        (json!([half, with(&disc, "blend", json!("subtract"))]), 0.5 - quarter / 2.0, 0.002),
        (json!([half, with(&disc, "blend", json!("intersect"))]), quarter / 2.0, 0.002),
        (json!([half, with(&disc, "blend", json!("multiply"))]), quarter / 2.0, 0.002),
        (json!([half, with(&disc, "blend", json!("difference"))]), 0.5, 0.003),
        (json!([half, with(&disc, "blend", json!("max"))]), 0.5 + quarter / 2.0, 0.002),
        (
            json!([half, with(&with(&disc, "blend", json!("subtract")), "opacity", json!(0.5))]),
            0.5 - quarter / 4.0,
            0.003,
        ),
        (json!([{ "name": "c", "color": "#ffffff" }]), 1.0, 1e-6),
        (json!([{ "name": "c", "color": "#f0f0f0" }]), 0.0, 1e-6),
        (json!([{ "name": "c", "color": "#f0f0f0", "tolerance": 0.06 }]), 1.0, 1e-6),
        // A file without alpha counts by its luminance, one with alpha by that.
        (json!([{ "name": "f", "file": "photos/retina.png" }]), 1.0 - 0.280_788, 0.003),
        (json!([{ "name": "f", "file": "photos/retina.png", "threshold": 0.5 }]), 1.0 - 0.280_788, 0.003),
        (json!([{ "name": "f", "file": "photos/grey.png" }]), 0.498, 0.02),
    ] {
        let (merged, count) = drawn(&workspace, &layers).unwrap_or_else(|fault| panic!("{layers}: {fault}"));
        assert_eq!((merged.image.width, merged.image.height), (200, 100));
        assert_eq!(count, layers.as_array().unwrap().len());
        let found = share(&merged);
        assert!((found - wanted).abs() <= slack, "{layers}: {found}, not {wanted}");
    }
}

#[test]
fn wrong_layers_say_what_is_wrong() {
    let workspace = Workspace::new();
    for (layers, words) in [
        (json!([{ "name": "a", "semantic": "the red car" }]), "layer `a`: no model here finds things by their names"),
        (json!([{ "name": "a", "salient": true }]), "`salient` is the name of a model"),
        (json!([{ "name": "a", "points": [[0.5, 1.5]] }]), "a point is [x, y] or [x, y, 0]"),
        (json!([{ "name": "a", "box": [0, 0.5, 1, 0.5] }]), "`box` is [left, top, right, bottom]"),
        (json!([{ "name": "a" }]), "no source"),
        (json!([{ "name": "a", "color": "#fff", "file": "x.png" }]), "several sources (color, file)"),
        (json!([{ "name": "a", "color": "reddish" }]), "is not a colour"),
        (json!([{ "name": "a", "color": "#fff", "opacity": 2 }]), "opacity is 2"),
        (json!([{ "name": "a", "color": "#fff", "feather": -1 }]), "feather is -1"),
        (json!([{ "name": "a", "shape": { "type": "polygon", "points": [[0, 0], [1, 1]] } }]), "at least 3 points"),
        (json!([{ "name": "a", "shape": { "type": "ellipse", "width": 0 } }]), "no width"),
        (json!([{ "name": "a", "file": "photos/absent.png" }]), "photos/absent.png"),
        (json!([{ "name": "a", "file": "../x.png" }]), "inside the workspace"),
        (json!([{ "name": "a", "color": "#fff" }, { "name": "a", "color": "#fff" }]), "the same name"),
        (json!([]), "no layer"),
        (json!("not json"), "layers"),
        (json!([{ "name": "a", "colour": 1, "color": 5 }]), "layers"),
    ] {
        let fault = drawn(&workspace, &layers).unwrap_err();
        assert_eq!(fault.node.as_deref(), Some("mask"), "{fault:?}");
        assert!(fault.message.contains(words), "{layers}: {}", fault.message);
    }
}

#[test]
fn scores_of_a_graph_and_of_files_agree() {
    let workspace = Workspace::new();
    let measured = |photo: &str| {
        let names: Vec<_> = scorers::KNOWN.iter().map(|metric| metric.name.to_owned()).collect();
        let nodes = json!({
            "load": ["LoadImage", { "image": { "file": photo } }],
            "score": ["ComfywrightScore", { "image": ["load", 0], "metrics": names }],
            "save": ["SaveImage", { "images": ["score", 0] }]
        });
        let produced = workspace.run(job(graph_of(&nodes), &[("image", "save")])).unwrap();
        let scorer = NativeScorers::new(workspace.root(), imagefile::Limits::default());
        let from_files = block_on(scorer.score(&names, &produced.files, &Value::Null)).unwrap();
        for (name, value) in &from_files {
            // Saving cuts to 8 bits, and half a step may be lost on the way.
            let near = (value - produced.metrics[name]).abs() <= 1e-3 + 0.01 * value.abs();
            assert!(near, "{photo}: {name} is {value} and {}", produced.metrics[name]);
            let info = scorers::KNOWN.iter().find(|metric| metric.name == name).unwrap();
            assert!((info.range.0..=info.range.1).contains(value), "{photo}: {name} = {value}");
        }
        assert_eq!(from_files.len(), scorers::KNOWN.len());
        produced.metrics
    };
    let (camera, clock) = (measured("photos/camera.png"), measured("photos/clock.png"));
    assert!(camera["sharpness"] > 0.8 && clock["sharpness"] < 0.3, "{camera:?} {clock:?}");
    assert_eq!((camera["colorfulness"], camera["width"]), (0.0, 384.0));
    let (coffee, hubble) = (measured("photos/coffee.jpg"), measured("photos/hubble.jpg"));
    assert!(coffee["colorfulness"] > 40.0 && hubble["clipping"] < 0.5);
    assert!(hubble["noise"] > clock["noise"]);
}

#[test]
fn scorers_know_alpha_and_refuse_what_they_do_not_know() {
    let workspace = Workspace::new();
    let scorer = NativeScorers::new(workspace.root(), imagefile::Limits::default());
    let score =
        |metric: &str, path: &str| block_on(scorer.score(&[metric.to_owned()], &[output_file(path)], &Value::Null));
    let coverage = score("alpha_coverage", "photos/retina.png").unwrap()["alpha_coverage"];
    assert!((coverage - (1.0 - 0.280_788)).abs() < 1e-4, "{coverage}");
    assert!((score("alpha_coverage", "photos/coffee.jpg").unwrap()["alpha_coverage"] - 1.0).abs() < 1e-12);
    let fault = score("sharpnes", "photos/coffee.jpg").unwrap_err();
    assert!(fault.message.contains("did you mean `sharpness`") && fault.message.contains("noise"), "{fault}");
    assert!(score("noise", "photos/bomb.png").unwrap_err().message.contains("100000"));
    assert!(block_on(scorer.score(&["noise".to_owned()], &[], &Value::Null)).is_err());
    assert!(scorer.fingerprint("noise").is_some() && scorer.fingerprint("beauty").is_none());
}

#[test]
fn exports_copy_or_convert() {
    let workspace = Workspace::new();
    let export = |inputs: Value| {
        let nodes = json!({ "export": ["ComfywrightExport", inputs] });
        workspace.run(job(graph_of(&nodes), &[("file", "export")]))
    };
    let produced = export(json!({ "images": { "file": "photos/retina.png" }, "path": "out/a/retina.png" })).unwrap();
    assert_eq!(workspace.read("out/a/retina.png"), workspace.read("photos/retina.png"));
    assert_eq!((paths(&produced), produced.files[0].width), (vec!["out/a/retina.png"], 320));
    export(json!({ "images": { "file": "photos/retina.png" }, "path": "out/retina.jpg", "quality": 80 })).unwrap();
    assert!(workspace.read("out/retina.jpg").starts_with(b"\xff\xd8"));
    export(json!({ "images": { "file": "photos/retina.png" }, "path": "out/retina.bin", "format": "webp" })).unwrap();
    assert!(decode(&workspace.read("out/retina.bin")).mask.is_some());
    let two = json!({ "files": [["photos/coffee.jpg", ""], ["photos/rocket.jpg", ""]] });
    let produced = export(json!({ "images": two, "path": "out/x.y.png" })).unwrap();
    assert_eq!(paths(&produced), ["out/x.y.1.png", "out/x.y.2.png"]);
    for (inputs, words) in [
        (json!({ "images": { "file": "photos/coffee.jpg" }, "path": "../x.png" }), "inside the workspace"),
        (json!({ "images": { "file": "photos/coffee.jpg" }, "path": "/tmp/x.png" }), "inside the workspace"),
        (
            json!({ "images": { "file": "photos/coffee.jpg" }, "path": "x.png", "format": "xcf" }),
            "png, jpeg, webp, tiff",
        ),
        (json!({ "images": { "file": "photos/coffee.jpg" }, "path": "x.jpg", "quality": 101 }), "1 to 100"),
        (json!({ "images": { "file": "photos/not-an-image.png" }, "path": "x.jpg" }), "not a PNG"),
    ] {
        let fault = export(inputs.clone()).unwrap_err();
        assert!(fault.message.contains(words), "{inputs}: {}", fault.message);
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_workspace_are_not_followed() {
    let workspace = Workspace::new();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), workspace.root().join("out")).unwrap();
    let nodes =
        json!({ "e": ["ComfywrightExport", { "images": { "file": "photos/coffee.jpg" }, "path": "out/x.jpg" }] });
    let fault = workspace.run(job(graph_of(&nodes), &[("file", "e")])).unwrap_err();
    assert!(fault.message.contains("outside the workspace"), "{fault}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
