//! A ComfyUI that does what its queue says, and what a disturbance says.
//!
//! Like the real one it keeps queue and history in memory and files on disk, queues what it has begun to
//! validate although nobody waits for the answer, and says everything once on the WebSocket.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use comfywright::content_hash::ContentHash;
use serde_json::{Value, json};

use super::scripted::{Request, Response, Scripted};

/// How long a prompt runs.
const WORK: Duration = Duration::from_millis(12);

/// How long it is away when it restarts.
const START: Duration = Duration::from_millis(150);

/// What a server does beside its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// Nothing.
    None,
    /// It takes 300 ms to validate a graph.
    SlowValidation,
    /// It takes a second.
    VerySlowValidation,
    /// It restarts now and then, and loses queue and history.
    Restart,
    /// It breaks off what it has open for messages now and then.
    SocketDrop,
    /// It answers 500 to every third submission, after it has queued it.
    ErrorAfterQueueing,
    /// It breaks the connection at every third submission, after it has queued it.
    AnswerLost,
    /// It forgets its history now and then.
    HistoryLost,
    /// Something on the way repeats every third submission: what is queued already is queued again, under
    /// the same id.
    Repeated,
}

impl Disturbance {
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::SlowValidation,
        Self::VerySlowValidation,
        Self::Restart,
        Self::SocketDrop,
        Self::ErrorAfterQueueing,
        Self::AnswerLost,
        Self::HistoryLost,
        Self::Repeated,
    ];

    pub fn validation(self) -> Duration {
        match self {
            Self::SlowValidation => Duration::from_millis(300),
            Self::VerySlowValidation => Duration::from_secs(1),
            _ => Duration::ZERO,
        }
    }
}

/// One submission that was queued.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: String,
    pub item: String,
    /// The server has lost it, so that it has to be made again.
    pub lost: bool,
    /// Whoever submitted it took it back.
    pub taken_back: bool,
}

struct Prompt {
    id: String,
    number: u64,
    graph: Value,
}

#[derive(Default)]
struct State {
    pending: VecDeque<Prompt>,
    running: Option<Prompt>,
    history: BTreeMap<String, Value>,
    files: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, usize>,
    number: u64,
    submissions: u64,
    /// Until when it is not there.
    down: Option<Instant>,
    queued: Vec<Queued>,
}

/// The server.
pub struct Shop {
    pub url: String,
    state: Arc<Mutex<State>>,
    server: Scripted,
    is_open: Arc<AtomicBool>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::Relaxed);
        self.server.stop();
    }
}

impl Shop {
    pub async fn open(disturbance: Disturbance) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        let script = move |request: &Request, _: &Scripted| answer(request, &shared, disturbance);
        let server = Scripted::start(script).await;
        let is_open = Arc::new(AtomicBool::new(true));
        let shop = Self { url: server.url.clone(), state, server, is_open };
        shop.work();
        shop
    }

    /// Every submission that was queued, in order.
    pub fn queued(&self) -> Vec<Queued> {
        lock(&self.state).queued.clone()
    }

    /// Loses everything that is in its memory.
    pub fn restart(&self) {
        let mut state = lock(&self.state);
        state.pending.clear();
        (state.running, state.number) = (None, 0);
        state.down = Some(Instant::now() + START);
        forget_history(&mut state);
        drop(state);
        self.server.close_sockets();
    }

    /// Loses what it knows of prompts that have ended.
    pub fn lose_history(&self) {
        let mut state = lock(&self.state);
        let here: BTreeSet<String> = ids(&state).collect();
        for queued in state.queued.iter_mut().filter(|queued| !here.contains(&queued.id)) {
            queued.lost = true;
        }
        state.history.clear();
    }

    pub fn close_sockets(&self) {
        self.server.close_sockets();
    }

    /// Runs what is queued, one after the other.
    fn work(&self) {
        let (state, server, is_open) = (self.state.clone(), self.server.clone(), self.is_open.clone());
        tokio::spawn(async move {
            while is_open.load(Ordering::Relaxed) {
                let id = {
                    let mut state = lock(&state);
                    state.running = state.pending.pop_front();
                    state.running.as_ref().map(|prompt| prompt.id.clone())
                };
                let Some(id) = id else {
                    tokio::time::sleep(WORK / 4).await;
                    continue;
                };
                server.say("execution_start", &json!({ "prompt_id": id }));
                tokio::time::sleep(WORK).await;
                let Some((node, output)) = finish(&mut lock(&state), &id) else { continue };
                server.say("executed", &json!({ "prompt_id": id, "node": node, "output": output }));
                server.say("execution_success", &json!({ "prompt_id": id }));
            }
        });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

fn ids(state: &State) -> impl Iterator<Item = String> + '_ {
    state.pending.iter().chain(&state.running).map(|prompt| prompt.id.clone())
}

fn forget_history(state: &mut State) {
    state.history.clear();
    state.queued.iter_mut().for_each(|queued| queued.lost = true);
}

/// Ends what runs, unless it was lost or interrupted: a picture that depends on the graph alone, what the
/// saver says of it, and an entry of the history.
fn finish(state: &mut State, id: &str) -> Option<(String, Value)> {
    let prompt = state.running.take_if(|prompt| prompt.id == id)?;
    let (node, saver) = prompt.graph.as_object()?.iter().find(|(_, node)| node["class_type"] == "SaveImage")?;
    let prefix = saver["inputs"]["filename_prefix"].as_str()?;
    let (subfolder, stem) = prefix.rsplit_once('/').unwrap_or(("", prefix));
    let name = format!("{stem}_00001_.png");
    state.files.insert(format!("{subfolder}/{name}"), picture(&prompt.graph));
    let output = json!({ "images": [{ "filename": name, "subfolder": subfolder, "type": "output" }] });
    let status = json!({ "status_str": "success", "completed": true, "messages": [] });
    state.history.insert(prompt.id.clone(), json!({ "outputs": { node: output }, "status": status }));
    Some((node.clone(), output))
}

fn picture(graph: &Value) -> Vec<u8> {
    let mut graph = graph.clone();
    for node in graph.as_object_mut().into_iter().flat_map(|nodes| nodes.values_mut()) {
        if let Some(inputs) = node["inputs"].as_object_mut() {
            inputs.remove("filename_prefix");
        }
    }
    let bytes = *ContentHash::of_json(&graph).as_bytes();
    let data = bytes[..12].iter().map(|byte| f32::from(*byte) / 255.0).collect();
    let image = comfywright::raster::Image { batch: 1, height: 2, width: 2, channels: 3, data };
    comfywright::imagefile::encode_png(&image, 0, &[]).unwrap()
}

fn answer(request: &Request, state: &Mutex<State>, disturbance: Disturbance) -> Response {
    if request.line == "POST /prompt" {
        // Whoever asked may be gone when this is over.
        std::thread::sleep(disturbance.validation());
    }
    let mut state = lock(state);
    if state.down.is_some_and(|until| until > Instant::now()) {
        return Response::broken();
    }
    match request.line.as_str() {
        "GET /system_stats" => Response::system_stats(),
        "GET /object_info" => Response::object_info(),
        "POST /prompt" => submitted(request, &mut state, disturbance),
        "GET /queue" => {
            let entry = |prompt: &Prompt| json!([prompt.number, prompt.id, {}, {}, []]);
            let running: Vec<Value> = state.running.iter().map(entry).collect();
            let pending: Vec<Value> = state.pending.iter().map(entry).collect();
            Response::json(&json!({ "queue_running": running, "queue_pending": pending }))
        }
        "POST /queue" => {
            let gone: Vec<&str> =
                request.body["delete"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            take_back(&mut state, &gone);
            Response::status(200, "")
        }
        "POST /interrupt" => {
            let gone: Vec<&str> = request.body["prompt_id"].as_str().into_iter().collect();
            take_back(&mut state, &gone);
            Response::status(200, "")
        }
        "POST /upload/image" => uploaded(request, &mut state),
        line if line.starts_with("GET /history/") => {
            let id = line.trim_start_matches("GET /history/");
            Response::json(&state.history.get(id).map_or_else(|| json!({}), |entry| json!({ id: entry })))
        }
        line if line.starts_with("GET /view?") || line.starts_with("HEAD /view?") => viewed(line, &state),
        _ => Response::status(404, "<html>404</html>"),
    }
}

fn submitted(request: &Request, state: &mut State, disturbance: Disturbance) -> Response {
    let (id, item) = (&request.body["prompt_id"], &request.body["extra_data"]["extra_pnginfo"]["comfywright"]["item"]);
    let id = id.as_str().unwrap().to_owned();
    (state.number, state.submissions) = (state.number + 1, state.submissions + 1);
    state.queued.push(Queued {
        id: id.clone(),
        item: item.as_str().unwrap().to_owned(),
        lost: false,
        taken_back: false,
    });
    let repeats = disturbance == Disturbance::Repeated && state.submissions.is_multiple_of(3);
    for _ in 0..=usize::from(repeats) {
        state.pending.push_back(Prompt { id: id.clone(), number: state.number, graph: request.body["prompt"].clone() });
    }
    match disturbance {
        Disturbance::ErrorAfterQueueing if state.submissions.is_multiple_of(3) => Response::status(500, "it broke"),
        Disturbance::AnswerLost if state.submissions.is_multiple_of(3) => Response::broken(),
        _ => Response::json(&json!({ "prompt_id": id, "number": state.number, "node_errors": {} })),
    }
}

fn take_back(state: &mut State, gone: &[&str]) {
    state.pending.retain(|prompt| !gone.contains(&prompt.id.as_str()));
    state.running.take_if(|prompt| gone.contains(&prompt.id.as_str()));
    for queued in state.queued.iter_mut().filter(|queued| gone.contains(&queued.id.as_str())) {
        queued.taken_back = true;
    }
}

fn uploaded(request: &Request, state: &mut State) -> Response {
    let text = String::from_utf8_lossy(&request.bytes).into_owned();
    let name = text.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    let start = request.bytes.windows(4).position(|w| w == b"\x89PNG").unwrap_or(0);
    let end = request.bytes.windows(4).position(|w| w == b"IEND").map_or(start, |at| at + 8);
    state.uploads.insert(name.clone(), end - start);
    Response::json(&json!({ "name": name, "subfolder": "comfywright", "type": "input" }))
}

fn viewed(line: &str, state: &State) -> Response {
    let query: BTreeMap<String, String> = url::Url::parse(&format!("http://x/{}", line.split_once('/').unwrap().1))
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    let body = if query["type"] == "input" {
        state.uploads.get(&query["filename"]).map(|size| vec![0; *size])
    } else {
        state.files.get(&format!("{}/{}", query["subfolder"], query["filename"])).cloned()
    };
    match body {
        Some(body) => Response { status: 200, header: "Content-Type: image/png", body },
        None => Response::status(404, "not there"),
    }
}
