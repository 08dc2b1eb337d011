//! Documents and graphs on a real ComfyUI. Left out where there is none:
//! `python3 tests/comfyui/server.py run -- cargo nextest run`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Read as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::comfyui::{CHECKPOINT, PrivateServer, server};
use comfywright::{
    comfy::{Client, ComfyExecutor, ComfySettings, Patience, ServerSettings},
    compile::OutputSpec,
    content_hash::ContentHash,
    graph::{Graph, NodeSet, from_api},
    imagefile,
    model::ErrorClass,
    plan::{ItemIx, Placement, Prepared},
    run::{Claim, Executor as _, Failure, Fault, Job, Produced, Signal},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A workspace for the program.
struct Workspace(tempfile::TempDir);

impl Workspace {
    fn new(url: &str) -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        workspace.write("comfywright.toml", format!("[server.local]\nurl = \"{url}\"\n"));
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// Exit code and the JSON answer.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let Output { status, stdout, stderr } = self.command(arguments).arg("--json").output().unwrap();
        let text = String::from_utf8(stdout).unwrap();
        let value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text} {}", String::from_utf8_lossy(&stderr)));
        (status.code().unwrap_or(-1), value)
    }

    /// The files of the newest run by the addresses of its items.
    fn files(&self) -> BTreeMap<String, Vec<Value>> {
        let (_, shown) = self.json(&["show", "last"]);
        let items = shown["data"]["items_list"].as_array().unwrap().iter();
        let files = |item: &Value| item["files"].as_array().cloned().unwrap_or_default();
        items.map(|item| (item["item"].as_str().unwrap().to_owned(), files(item))).collect()
    }

    fn outputs(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.path("outputs"), ending, &mut found);
        found.sort();
        found
    }
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn tiny(name: &str, more: &str) -> String {
    format!(
        r#"kind = "preset"
format = 1
name = "{name}"
version = "1.0.0"

[params.subject]
type = "string"
role = "prompt"
default = "a cat"

[params.seed]
type = "seed"
role = "seed"
default = 1

[node.model.CheckpointLoaderSimple]
ckpt_name = "{CHECKPOINT}"

[node.positive.CLIPTextEncode]
clip = "@model.CLIP"
text = "photo of {{subject}}"

[node.negative.CLIPTextEncode]
clip = "@model.CLIP"
text = ""

[node.latent.EmptyLatentImage]
width = 64
height = 64
batch_size = 1

[node.sampler.KSampler]
model = "@model.MODEL"
positive = "@positive.CONDITIONING"
negative = "@negative.CONDITIONING"
latent_image = "@latent.LATENT"
seed = "{{seed}}"
steps = 2
cfg = 7.0
sampler_name = "euler"
scheduler = "normal"
denoise = 1.0

[node.decode.VAEDecode]
samples = "@sampler.LATENT"
vae = "@model.VAE"

[outputs]
image = "@decode.IMAGE"
{more}"#
    )
}

#[test]
fn a_preset_samples_and_its_files_carry_what_made_them() {
    let Some(url) = server() else { return };
    let workspace = Workspace::new(&url);
    workspace.write("pipelines/tiny.toml", tiny("tiny", ""));
    let (code, run) = workspace.json(&["run", "tiny", "--seeds", "1..2", "--server", "local"]);
    assert_eq!((code, &run["data"]["counts"]), (0, &json!({ "done": 2 })), "{run}");
    assert_eq!(run["data"]["against"], "the server local (ComfyUI 0.3.75)");
    let files = workspace.outputs(".png");
    assert_eq!(files.len(), 2);
    let mut contents = Vec::new();
    for file in &files {
        let bytes = fs::read(file).unwrap();
        assert_eq!(imagefile::size(&bytes).unwrap(), (64, 64));
        let texts: BTreeMap<String, String> = imagefile::metadata(&bytes).into_iter().collect();
        let prompt: Value = serde_json::from_str(&texts["prompt"]).unwrap();
        assert_eq!(prompt["sampler"]["class_type"], "KSampler", "ids are kept");
        let prefix = prompt["save_image"]["inputs"]["filename_prefix"].as_str().unwrap();
        assert!(prefix.starts_with("comfywright/"), "{prefix}");
        let workflow: Value = serde_json::from_str(&texts["workflow"]).unwrap();
        assert_eq!(workflow["nodes"].as_array().map(Vec::len), Some(7));
        let record: Value = serde_json::from_str(&texts["comfywright"]).unwrap();
        assert_eq!((&record["document"], &record["version"]), (&json!("tiny"), &json!("1.0.0")));
        contents.push(bytes);
    }
    assert_ne!(contents[0], contents[1]);
    // The same again is reused; what another workspace makes of the same comes from the server's
    // cache and is saved all the same.
    let (code, run) = workspace.json(&["run", "tiny", "--seeds", "1..2", "--server", "local", "--new"]);
    assert_eq!((code, &run["data"]["counts"]), (0, &json!({ "reused": 2 })), "{run}");
    let other = Workspace::new(&url);
    other.write("pipelines/tiny.toml", tiny("tiny", ""));
    let (code, run) = other.json(&["run", "tiny", "--seeds", "1..2"]);
    assert_eq!(
        (code, &run["data"]["counts"]),
        (0, &json!({ "done": 2 })),
        "a server is used when one is needed: {run}"
    );
    assert_eq!(other.outputs(".png").len(), 2);
}

const MIXED: &str = r#"kind = "chain"
format = 1
name = "mixed"
version = "1.0.0"

[task.load]
type = "load"
with.path = "{photo}"
[task.load.foreach]
photo = { glob = "*.png" }

[task.mask]
type = "mask"
depends_on = ["load"]
with.shape = { type = "ellipse" }

[task.cut]
type = "remove_bg"
with.image = "@load.image"
with.mask = "@mask.mask"

[task.large]
type = "upscale"
depends_on = ["cut"]
with.scale = 2

[task.sheet]
type = "contact_sheet"
depends_on = ["large"]
gather = ["photo"]
"#;

fn gradient(seed: u32) -> Vec<u8> {
    let pixel = |i: u32| ((i * 7 + seed) % 256) as f32 / 255.0;
    let data = (0..32 * 24 * 3).map(pixel).collect();
    let image = comfywright::raster::Image { batch: 1, height: 24, width: 32, channels: 3, data };
    imagefile::encode_png(&image, 0, &[]).unwrap()
}

#[test]
fn what_needs_no_model_gives_the_same_on_the_server() {
    let Some(url) = server() else { return };
    let workspace = Workspace::new(&url);
    workspace.write("pipelines/mixed.toml", MIXED);
    workspace.write("pipelines/a.png", gradient(0));
    workspace.write("pipelines/b.png", gradient(90));
    let pixels = |path: &Path| {
        let decoded = imagefile::decode(&fs::read(path).unwrap(), &imagefile::Limits::default()).unwrap();
        decoded.image.data.iter().chain(decoded.mask.iter().flat_map(|m| &m.data)).copied().collect::<Vec<f32>>()
    };
    let sheets: Vec<Vec<f32>> = ["native", "local"]
        .iter()
        .map(|server| {
            let (code, run) = workspace.json(&["run", "mixed", "--server", server]);
            assert_eq!((code, &run["data"]["counts"]["done"]), (0, &json!(9)), "nothing is reused across kinds: {run}");
            let folder = run["data"]["folder"].as_str().unwrap().to_owned();
            let mut found = Vec::new();
            collect(&workspace.path(&format!("{folder}/large")), ".png", &mut found);
            found.sort();
            assert_eq!(found.len(), 2);
            found.iter().flat_map(|file| pixels(file)).collect()
        })
        .collect();
    let largest = sheets[0].iter().zip(&sheets[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert_eq!(sheets[0].len(), sheets[1].len());
    assert!(largest <= 1.01 / 255.0, "{largest}");
}

const LINES: &str = r#"kind = "chain"
format = 1
name = "lines"
version = "1.0.0"

[task.make]
type = "generate"
preset = "loads"
with.first = "no-such-file.png"

[task.text]
type = "graph"
[task.text.node.regex.RegexReplace]
string = "a"
regex_pattern = "("
replace = "b"
[task.text.node.model.CheckpointLoaderSimple]
ckpt_name = "CHECKPOINT"
[task.text.node.encode.CLIPTextEncode]
clip = "@model.CLIP"
text = "@regex.STRING"
[task.text.node.latent.EmptyLatentImage]
width = 64
height = 64
batch_size = 1
[task.text.node.sampler.KSampler]
model = "@model.MODEL"
positive = "@encode.CONDITIONING"
negative = "@encode.CONDITIONING"
latent_image = "@latent.LATENT"
seed = 1
steps = 1
cfg = 1.0
sampler_name = "euler"
scheduler = "normal"
denoise = 1.0
[task.text.node.decode.VAEDecode]
samples = "@sampler.LATENT"
vae = "@model.VAE"
[task.text.outputs]
image = "@decode.IMAGE"
"#;

const LOADS: &str = r#"kind = "preset"
format = 1
name = "loads"
version = "1.0.0"

[params.first]
type = "string"
required = true

[node.a.LoadImage]
image = "{first}"

[node.b.LoadImage]
image = "neither-this.png"

[outputs]
image = "@a.IMAGE"
other = "@b.IMAGE"
"#;

#[test]
fn what_the_server_says_is_shown_at_the_lines_that_caused_it() {
    let Some(url) = server() else { return };
    let workspace = Workspace::new(&url);
    workspace.write("pipelines/lines.toml", LINES.replace("CHECKPOINT", CHECKPOINT));
    workspace.write("pipelines/loads.toml", LOADS);
    let (code, run) = workspace.json(&["run", "lines", "--server", "local"]);
    assert_eq!((code, &run["data"]["counts"]), (1, &json!({ "failed": 2 })), "{run}");
    let (_, shown) = workspace.json(&["show", "last"]);
    for answer in [&run, &shown] {
        let said: Vec<(&str, u64, u64, &str, &str)> = answer["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|d| d["code"] == "server-says")
            .map(|d| {
                let text = |key: &str| d[key].as_str().unwrap_or_default();
                let number = |key: &str| d[key].as_u64().unwrap_or_default();
                (text("file"), number("line"), number("column"), text("message"), text("hint"))
            })
            .collect();
        let find = |file: &str, line: u64| {
            said.iter().find(|d| d.0 == file && d.1 == line).unwrap_or_else(|| panic!("{file}:{line} in {said:?}"))
        };
        let first = find("pipelines/lines.toml", 9);
        assert!(first.3.contains("custom_validation_failed") && first.3.contains("no-such-file.png"), "{first:?}");
        assert!(first.3.contains("input `image` of node `a` (LoadImage)"), "{first:?}");
        assert!(first.4.contains("parameter `first`") && first.4.contains("pipelines/loads.toml:11"), "{first:?}");
        let second = find("pipelines/loads.toml", 14);
        assert!(second.3.contains("neither-this.png") && second.2 == 9, "{second:?}");
        let third = find("pipelines/lines.toml", 13);
        assert!(third.3.contains("node `regex` (RegexReplace)") && third.3.contains("re.error"), "{third:?}");
        assert_eq!(said.len(), 3, "{said:?}");
    }
}

const KINDS: &str = r#"kind = "preset"
format = 1
name = "kinds"
version = "1.0.0"

[params.picture]
type = "image"
required = true

[params.sound]
type = "audio"
required = true

[node.sound.LoadAudio]
audio = "{sound}"

[node.invert.ImageInvert]
image = "{picture}"

[node.alpha.ImageToMask]
image = "@invert.IMAGE"
channel = "red"

[node.batch.RepeatImageBatch]
image = "@invert.IMAGE"
amount = 4

[node.video.CreateVideo]
images = "@batch.IMAGE"
fps = 4.0

[node.shown.PreviewImage]
images = "@batch.IMAGE"

[outputs]
image = "@invert.IMAGE"
mask = "@alpha.MASK"
sound = "@sound.AUDIO"
film = "@video.VIDEO"
shown = "@shown"
"#;

/// A tenth of a second of a tone: 800 samples of 16 bits.
fn tone() -> Vec<u8> {
    let samples: Vec<u8> = (0..800_i32).flat_map(|i| ((i % 40 - 20) * 800).to_le_bytes()[..2].to_vec()).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + samples.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(16000_u32.to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((samples.len() as u32).to_le_bytes());
    wav.extend(samples);
    wav
}

#[test]
fn images_masks_audio_and_video_come_back() {
    let Some(url) = server() else { return };
    let workspace = Workspace::new(&url);
    workspace.write("pipelines/kinds.toml", KINDS);
    workspace.write("pipelines/in.png", gradient(5));
    workspace.write("pipelines/in.wav", tone());
    let set = ["--set", "picture=in.png", "--set", "sound=in.wav"];
    let (code, run) = workspace.json(&[&["run", "kinds"], &set[..]].concat());
    assert_eq!((code, &run["data"]["counts"]), (0, &json!({ "done": 1 })), "{run}");
    let files = workspace.files();
    let names: Vec<String> = files["generate"]
        .iter()
        .map(|file| file.as_str().or(file["path"].as_str()).unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    let shown: Vec<String> = (1..=4).map(|n| format!("generate.shown.{n}.png")).collect();
    let expected = ["generate.png", "generate.mask.png", "generate.sound.flac", "generate.film.mp4"];
    let expected: Vec<String> = expected.map(str::to_owned).into_iter().chain(shown).collect();
    assert_eq!(names, expected);
    let film = fs::read(&workspace.outputs(".mp4")[0]).unwrap();
    assert_eq!(&film[4..8], b"ftyp");
    assert_eq!(&fs::read(&workspace.outputs(".flac")[0]).unwrap()[..4], b"fLaC");
}

/// A graph that keeps a server busy for some seconds: blurs of a large image.
fn slow(color: u32, blurs: usize) -> Value {
    let mut graph = json!({
        "0": { "class_type": "EmptyImage",
               "inputs": { "width": 640, "height": 640, "batch_size": 1, "color": color } },
        "s": { "class_type": "SaveImage", "inputs": { "images": [blurs.to_string(), 0], "filename_prefix": "x" } },
    });
    for number in 1..=blurs {
        graph[number.to_string()] = json!({
            "class_type": "ImageBlur",
            "inputs": { "image": [(number - 1).to_string(), 0], "blur_radius": 15 + number % 16, "sigma": 3.0 },
        });
    }
    graph
}

fn job(graph: &Value, outputs: &[&str]) -> Job {
    let graph: Graph = from_api(graph).unwrap();
    let outputs = outputs.iter().map(|node| OutputSpec { name: format!("o{node}"), node: (*node).to_owned() });
    Job {
        item: ItemIx(0),
        address: "make".to_owned(),
        prompt_id: Uuid::now_v7(),
        prepared: Arc::new(Prepared {
            fingerprint: ContentHash::of_bytes(b""),
            parts: BTreeMap::new(),
            graph,
            primary: "o".to_owned(),
            outputs: outputs.collect(),
            passed_on: Vec::new(),
            placement: Placement::Comfy(Vec::new()),
            scores: Vec::new(),
            provenance: json!({ "format": 1 }),
            reusable: true,
        }),
        folder: PathBuf::from("outputs/test/run/make"),
        stem: "make".to_owned(),
        timeout: None,
        place: "local".to_owned(),
        claim: Claim::Fresh,
    }
}

struct Place {
    folder: tempfile::TempDir,
    executor: ComfyExecutor,
    client: Client,
}

impl Place {
    async fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plain = ServerSettings::plain("local", url);
        let client = Client::new(&plain).unwrap();
        let nodes = NodeSet::parse(client.object_info().await.unwrap()).unwrap();
        let settings = ComfySettings {
            root: folder.path().to_path_buf(),
            client_id: Uuid::now_v7().simple().to_string(),
            patience: Patience { grace: Duration::from_millis(500), ..Patience::default() },
            nodes: Arc::new(nodes),
            may_spend: false,
            previews: None,
        };
        Self { folder, executor: ComfyExecutor::new(vec![plain], settings).unwrap(), client }
    }

    async fn run(&self, job: Job) -> Result<Produced, Fault> {
        self.executor.execute(job, Arc::new(|_| {})).await.map_err(|failure| match failure {
            Failure::Fault(fault) => fault,
            other => panic!("the server was there all the time: {other:?}"),
        })
    }

    /// Waits until the server says something about a prompt.
    async fn until(&self, id: Uuid, is_running: bool) {
        loop {
            let queue = self.client.queue().await.unwrap();
            if if is_running { queue.is_running(id) } else { queue.is_pending(id) } {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn every_field_of_a_refusal_is_kept() {
    let Some(url) = server() else { return };
    let place = Place::new(&url).await;
    let save = json!({ "class_type": "SaveImage", "inputs": { "images": ["2", 0] } });
    let of = |node: Value| {
        json!({ "1": { "class_type": "EmptyImage", "inputs":
        { "width": 64, "height": 64, "batch_size": 1, "color": 5 } }, "2": node, "3": save })
    };
    let scale = |inputs: Value| {
        let mut all = json!({ "image": ["1", 0], "upscale_method": "nearest-exact", "width": 32, "height": 32,
                              "crop": "disabled" });
        all.as_object_mut().unwrap().extend(inputs.as_object().unwrap().clone());
        of(json!({ "class_type": "ImageScale", "inputs": all }))
    };
    let mut without = scale(json!({}));
    without["2"]["inputs"].as_object_mut().unwrap().shift_remove("image");
    let cases = [
        (without, "required_input_missing", Some("image")),
        (scale(json!({ "width": -1 })), "value_smaller_than_min", Some("width")),
        (scale(json!({ "width": 999_999 })), "value_bigger_than_max", Some("width")),
        (scale(json!({ "upscale_method": "magic" })), "value_not_in_list", Some("upscale_method")),
        (scale(json!({ "width": "wide" })), "invalid_input_type", Some("width")),
        (scale(json!({ "image": ["4", 0] })), "exception_during_inner_validation", None),
        (
            of(json!({ "class_type": "LoadImage", "inputs": { "image": "absent.png" } })),
            "custom_validation_failed",
            Some("image"),
        ),
        (of(json!({ "class_type": "NoSuchNode", "inputs": {} })), "missing_node_type", None),
    ];
    for (graph, kind, input) in cases {
        let fault = place.run(job(&graph, &["3"])).await.unwrap_err();
        assert_eq!(fault.class, ErrorClass::Error);
        let detail = fault.details.iter().find(|d| d.kind == kind).unwrap_or_else(|| panic!("{kind}: {fault:?}"));
        assert!(detail.node.is_some() && !detail.message.is_empty(), "{detail:?}");
        if input.is_some() {
            assert_eq!(detail.input.as_deref(), input, "{detail:?}");
        }
        if kind == "missing_node_type" {
            assert_eq!(detail.class.as_deref(), Some("NoSuchNode"));
        }
    }
    let both = json!({
        "1": { "class_type": "EmptyImage", "inputs": { "width": 64, "height": 64, "batch_size": 1, "color": 5 } },
        "2": { "class_type": "ImageScale", "inputs":
            { "image": ["1", 0], "upscale_method": "magic", "width": -1, "height": 9, "crop": "no" } },
        "3": save,
    });
    let fault = place.run(job(&both, &["3"])).await.unwrap_err();
    assert_eq!(fault.details.len(), 3, "{fault:?}");
    assert!(fault.message.contains("and 2 more"), "{}", fault.message);
}

#[tokio::test]
async fn a_graph_of_which_only_a_part_is_valid_fails() {
    let Some(url) = server() else { return };
    let place = Place::new(&url).await;
    let mut graph = slow(77, 40);
    graph["bad"] = json!({ "class_type": "LoadImage", "inputs": { "image": "absent.png" } });
    graph["t"] = json!({ "class_type": "SaveImage", "inputs": { "images": ["bad", 0] } });
    let job = job(&graph, &["s", "t"]);
    let id = job.prompt_id;
    let fault = place.run(job).await.unwrap_err();
    assert!(fault.message.contains("refused a part of the graph"), "{}", fault.message);
    assert_eq!(fault.details[0].node.as_deref(), Some("bad"));
    let queue = place.client.queue().await.unwrap();
    assert!(!queue.is_pending(id), "what was queued of it is taken back");
}

#[tokio::test]
async fn whoever_stops_waiting_cancels_and_nobody_else_is_hurt() {
    let Some(url) = server() else { return };
    let place = Arc::new(Place::new(&url).await);
    let other = Place::new(&url).await;
    let (one, two, theirs) = (job(&slow(1, 60), &["s"]), job(&slow(2, 60), &["s"]), job(&slow(3, 2), &["s"]));
    let ids = (one.prompt_id, two.prompt_id);
    let progress = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = tokio::task::JoinSet::new();
    let (runs, noted) = (place.clone(), progress.clone());
    let signals = move |signal| {
        if let Signal::Share(share) = signal {
            noted.lock().unwrap().push(share);
        }
    };
    waiting.spawn(async move { runs.executor.execute(one, Arc::new(signals)).await });
    place.until(ids.0, true).await;
    let waits = place.clone();
    waiting.spawn(async move { waits.executor.execute(two, Arc::new(|_| {})).await });
    place.until(ids.1, false).await;
    waiting.shutdown().await;
    let theirs = tokio::spawn(async move { other.run(theirs).await.map(|made| (made, other)) });
    place.executor.settle().await;
    let queue = place.client.queue().await.unwrap();
    assert!(!queue.is_pending(ids.0) && !queue.is_pending(ids.1) && !queue.is_running(ids.1));
    assert!(theirs.await.unwrap().is_ok());
    let ended = place.client.history(ids.0).await.unwrap().unwrap();
    assert!(!ended.status.unwrap().completed, "it was interrupted");
    assert_eq!(place.client.history(ids.1).await.unwrap(), None, "it never ran");
    assert!(progress.lock().unwrap().windows(2).all(|pair| pair[0] <= pair[1]), "progress goes on");
}

#[tokio::test]
async fn what_an_earlier_process_submitted_is_adopted() {
    let Some(url) = server() else { return };
    let place = Place::new(&url).await;
    for color in [11, 12] {
        let job = job(&slow(color, 3), &["s"]);
        let id = job.prompt_id;
        let body = comfywright::graph::to_api(&job.prepared.graph, &mut |_| Value::Null);
        let submission = comfywright::comfy::Submission {
            prompt: &body,
            prompt_id: id,
            client_id: "somebody-who-is-gone",
            partial_execution_targets: &["s"],
            extra_data: json!({}),
        };
        place.client.submit(&submission).await.unwrap();
        // Once while it is on its way, once when it has ended.
        while color == 12 && place.client.history(id).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let made = place.run(Job { claim: Claim::Earlier, ..job }).await.unwrap();
        assert_eq!((made.files.len(), made.files[0].width), (1, 640));
        assert!(place.folder.path().join(&made.files[0].path).is_file());
        let queue = place.client.queue().await.unwrap();
        assert!(!queue.is_running(id) && !queue.is_pending(id), "it was not submitted again");
    }
}

fn slow_chain(items: usize) -> String {
    let graph = slow(0, 6);
    let mut text = "kind = \"chain\"\nformat = 1\nname = \"slow\"\nversion = \"1.0.0\"\n[task.blur]\ntype = \"graph\"\non = \"comfy\"\n".to_owned();
    let _ = writeln!(text, "[task.blur.foreach]\nn = {{ from = 1, to = {items} }}");
    text += "[task.blur.node.n0.EmptyImage]\nwidth = 640\nheight = 640\nbatch_size = 1\ncolor = \"{n}\"\n";
    for number in 1..=6 {
        let radius = &graph[number.to_string()]["inputs"]["blur_radius"];
        let before = number - 1;
        let _ = writeln!(
            text,
            "[task.blur.node.n{number}.ImageBlur]\nimage = \"@n{before}.IMAGE\"\nblur_radius = {radius}\nsigma = 3.0"
        );
    }
    text + "[task.blur.outputs]\nimage = \"@n6.IMAGE\"\n"
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a run and waits until the first of its items is done.
fn until_the_first_is_done(workspace: &Workspace) -> Running {
    let mut child = workspace.command(&["run", "slow", "--events"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let running = Running(child);
    let (mut seen, mut bytes) = (String::new(), [0; 4096]);
    while !seen.contains("\"item_finished\"") {
        let read = out.read(&mut bytes).unwrap();
        assert!(read > 0, "it ended early: {seen}");
        seen += &String::from_utf8_lossy(&bytes[..read]);
    }
    // Somebody must go on reading.
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    running
}

#[tokio::test]
async fn a_killed_run_goes_on_and_submits_nothing_twice() {
    let Some(private) = PrivateServer::start() else { return };
    let workspace = Workspace::new(&private.url());
    workspace.write("pipelines/slow.toml", slow_chain(5));
    drop(until_the_first_is_done(&workspace));
    let (code, run) = workspace.json(&["run", "slow"]);
    assert_eq!((code, &run["data"]["counts"]), (0, &json!({ "done": 5 })), "{run}");
    assert_eq!(workspace.outputs(".png").len(), 5);
    let mut saved = Vec::new();
    collect(&private.base().join("output"), ".png", &mut saved);
    assert_eq!(saved.len(), 5, "each was made once: {saved:?}");
}

#[tokio::test]
async fn a_restarted_server_gets_again_what_it_lost() {
    let Some(mut private) = PrivateServer::start() else { return };
    let workspace = Workspace::new(&private.url());
    workspace.write("pipelines/slow.toml", slow_chain(4));
    let mut running = until_the_first_is_done(&workspace);
    private.restart();
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    assert_eq!(workspace.outputs(".png").len(), 4);
}

#[tokio::test]
async fn each_content_is_uploaded_once() {
    let Some(private) = PrivateServer::start() else { return };
    for _ in 0..2 {
        let workspace = Workspace::new(&private.url());
        workspace.write("pipelines/mixed.toml", MIXED);
        workspace.write("pipelines/a.png", gradient(0));
        workspace.write("pipelines/b.png", gradient(0));
        let (code, run) = workspace.json(&["run", "mixed", "--server", "local"]);
        // The same content is the same work: of two such items the second is reused, if it comes late enough.
        let counts = run["data"]["counts"].as_object().unwrap();
        let finished: u64 = ["done", "reused"].iter().filter_map(|state| counts.get(*state)?.as_u64()).sum();
        assert_eq!((code, finished), (0, 9), "{run}");
        let mut uploaded = Vec::new();
        collect(&private.base().join("input"), ".png", &mut uploaded);
        let names: Vec<_> = uploaded.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
        let hash = ContentHash::of_bytes(&gradient(0)).to_string();
        assert_eq!(names.iter().filter(|name| name.starts_with(&hash)).count(), 1, "{names:?}");
        assert!(uploaded.iter().all(|path| path.parent().unwrap().ends_with("input/comfywright")));
    }
}

/// Answers every request with a page, and notes the first line of each.
fn web_page() -> (String, Arc<Mutex<Vec<String>>>) {
    answering(|_| ("text/html", "<p>Hi</p>".to_owned()))
}

/// Answers requests by their first line, and notes it.
fn answering(answer: fn(&str) -> (&'static str, String)) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = log.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 1024];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let line = String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or("").to_owned();
            let (kind, body) = answer(&line);
            noted.lock().unwrap().push(line);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}", body.len());
            let answer = format!("{head}\r\nConnection: close\r\n\r\n{body}");
            let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
        }
    });
    (url, log)
}

#[test]
fn a_wrong_or_missing_server_is_said_before_anything_is_submitted() {
    let (url, log) = web_page();
    let workspace = Workspace::new(&url);
    workspace.write("pipelines/tiny.toml", tiny("tiny", ""));
    let (code, answer) = workspace.json(&["run", "tiny"]);
    let text = |answer: &Value, key: &str| answer["diagnostics"][0][key].as_str().unwrap().to_owned();
    assert_eq!(code, 3);
    let message = text(&answer, "message");
    assert!(message.contains("\"local\"") && message.contains(&url) && message.contains("not ComfyUI"), "{message}");
    assert!(text(&answer, "hint").contains("[server.local]"));
    assert!(log.lock().unwrap().iter().all(|line| line.starts_with("GET /system_stats")), "{log:?}");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let workspace = Workspace::new(&format!("http://{free}"));
    workspace.write("pipelines/tiny.toml", tiny("tiny", ""));
    let (code, answer) = workspace.json(&["run", "tiny", "--server", "local"]);
    assert_eq!(code, 3);
    assert!(text(&answer, "message").contains("reach the server \"local\""), "{answer}");
    assert!(text(&answer, "hint").contains("start ComfyUI there"), "{answer}");
}

#[test]
fn what_is_missing_in_the_configuration_is_said() {
    let workspace = Workspace::new("http://127.0.0.1:9");
    workspace.write("pipelines/tiny.toml", tiny("tiny", ""));
    let message = |arguments: &[&str]| {
        let (code, answer) = workspace.json(arguments);
        let text = |key: &str| answer["diagnostics"][0][key].as_str().unwrap_or_default().to_owned();
        (code, text("message"), text("hint"))
    };
    let (code, text, hint) = message(&["run", "tiny", "--server", "big"]);
    assert!(code == 2 && text.contains("no server \"big\"") && hint.contains("local"), "{text}: {hint}");
    let (code, text, _) = message(&["run", "tiny", "--server", "native"]);
    assert!(code == 2 && text.contains("--server native permits none"), "{text}");
    workspace.write("comfywright.toml", "");
    let (code, text, hint) = message(&["run", "tiny"]);
    assert!(code == 2 && text.contains("none is configured") && hint.contains("[server.local]"), "{text}: {hint}");
    workspace.write("comfywright.toml", "[server.a]\nurl = \"http://127.0.0.1:9\"\napi_key = \"env:NO_SUCH_KEY\"\n");
    let (code, text, hint) = message(&["run", "tiny"]);
    assert!(code == 3 && text.contains("env:NO_SUCH_KEY of [server.a] api_key"), "{text}");
    assert!(hint.contains("NO_SUCH_KEY"), "{hint}");
}

const PARTNER: &str = r#"kind = "preset"
format = 1
name = "partner"
version = "1.0.0"

[params.seed]
type = "seed"
role = "seed"
default = 1

[node.picture.PartnerImage]
seed = "{seed}"

[outputs]
image = "@picture.IMAGE"
"#;

/// No server of the tests has partner nodes; this one says that it does, and runs none.
#[test]
fn partner_nodes_are_refused_before_anything_is_submitted() {
    let (url, log) = answering(|line| {
        let body = if line.starts_with("GET /object_info") {
            let seed = json!({ "required": { "seed": ["INT", {}] } });
            let save = json!({ "required": { "images": ["IMAGE"], "filename_prefix": ["STRING", {}] } });
            json!({
                "PartnerImage": { "input": seed, "output": ["IMAGE"], "output_name": ["IMAGE"], "api_node": true },
                "SaveImage": { "input": save, "output": [], "output_node": true },
            })
        } else {
            json!({ "system": { "comfyui_version": "1.2.3" }, "devices": [] })
        };
        ("application/json", body.to_string())
    });
    let workspace = Workspace::new(&url);
    workspace.write("pipelines/partner.toml", PARTNER);
    let refused = |arguments: &[&str]| {
        let (code, answer) = workspace.json(arguments);
        assert_eq!(code, 2, "{answer}");
        let text = |key: &str| answer["diagnostics"][0][key].as_str().unwrap_or_default().to_owned();
        (text("message"), text("hint"))
    };
    let (message, hint) = refused(&["run", "partner"]);
    assert!(message.contains("PartnerImage") && hint.contains("--allow-spend"), "{message}: {hint}");
    workspace.write("comfywright.toml", format!("[server.local]\nurl = \"{url}\"\n[limits]\npartner_items = 2\n"));
    let (message, _) = refused(&["run", "partner", "--seeds", "1..3"]);
    assert!(message.contains("3 items") && message.contains("permits 2"), "{message}");
    assert!(log.lock().unwrap().iter().all(|line| line.starts_with("GET ")), "{log:?}");
}
