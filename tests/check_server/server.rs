//! The real server: what it says of a graph, and what becomes of it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::comfyui::{CHECKPOINT, PrivateServer};

/// A file of the server's input folder.
pub const PICTURE: &str = "in.png";

/// A LoRA of the server: it changes nothing.
pub const LORA: &str = "tiny.safetensors";

/// Longest time for one graph, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// A server that works uses more of the processor than `AWAKE` in this time.
const LOOK: Duration = Duration::from_secs(15);
const AWAKE: Duration = Duration::from_millis(600);

/// What a server made of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It refused it, or an output of it.
    Refused(String),
    /// It carried it out.
    Executed,
    /// It accepted it, and a node broke off.
    BrokeOff(String),
    /// It accepted it, and runs nothing any more.
    Hangs,
    /// It accepted it, and it was taken from the queue again.
    Accepted,
}

/// A server of our own, with a picture, a checkpoint and a LoRA.
pub struct Server {
    process: PrivateServer,
    address: String,
}

impl Server {
    /// None without ComfyUI, which is said on standard error.
    pub fn start() -> Option<Self> {
        let process = PrivateServer::start_in(prepare)?;
        let address = process.url().trim_start_matches("http://").to_owned();
        Some(Self { process, address })
    }

    /// What it can do.
    pub fn object_info(&self) -> String {
        let (status, text) = self.request("GET", "/object_info", "").expect("an answer");
        assert_eq!(status, 200, "{text}");
        text
    }

    /// What it says of itself.
    pub fn stats(&self) -> Value {
        let (_, text) = self.request("GET", "/system_stats", "").expect("an answer");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Submits `graph`, which has this number of output nodes, and waits for what comes of it, unless its being
    /// accepted is enough. A server that hangs is started again.
    pub fn judge(&mut self, graph: &Value, outputs: usize, accepted_is_enough: bool) -> Verdict {
        let body = json!({ "prompt": graph, "extra_data": { "extra_pnginfo": { "workflow": {} } } }).to_string();
        let (status, text) = self.request("POST", "/prompt", &body).expect("an answer");
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let faults = fault_types(&answer);
        if status != 200 || !faults.is_empty() {
            if status == 200 {
                // What is not at fault runs.
                self.wait_for(|server| server.runs_nothing().then_some(Verdict::Accepted));
            }
            let kind = answer["error"]["type"].as_str().map_or_else(|| status.to_string(), str::to_owned);
            return Verdict::Refused(if faults.is_empty() { kind } else { faults.join(", ") });
        }
        let id = answer["prompt_id"].as_str().unwrap_or_default().to_owned();
        if accepted_is_enough {
            let stop = json!({ "delete": [id] }).to_string();
            self.request("POST", "/queue", &stop).expect("an answer");
            self.request("POST", "/interrupt", &json!({ "prompt_id": id }).to_string()).expect("an answer");
            return self.wait_for(|server| server.runs_nothing().then_some(Verdict::Accepted));
        }
        self.wait_for(|server| server.outcome(&id, outputs))
    }

    fn outcome(&self, id: &str, outputs: usize) -> Option<Verdict> {
        let history = self.get(&format!("/history/{id}"));
        let status = &history[id]["status"];
        let is_success = status["status_str"].as_str()? == "success";
        // Outputs in whose way a node takes its own output are left out without a word.
        if history[id]["prompt"][4].as_array().is_none_or(|chosen| chosen.len() < outputs) {
            return Some(Verdict::Refused("left out".to_owned()));
        }
        // Of a circle of nodes it says "success", and that there was an error.
        let has_error = status["messages"].as_array().into_iter().flatten().any(|m| m[0] == "execution_error");
        Some(if is_success && !has_error { Verdict::Executed } else { Verdict::BrokeOff(breaking(status)) })
    }

    fn runs_nothing(&self) -> bool {
        let queue = self.get("/queue");
        ["queue_running", "queue_pending"].iter().all(|part| queue[part].as_array().is_some_and(Vec::is_empty))
    }

    fn get(&self, path: &str) -> Value {
        let (_, text) = self.request("GET", path, "").expect("an answer");
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn wait_for(&mut self, verdict: impl Fn(&Self) -> Option<Verdict>) -> Verdict {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(5);
        let mut looked = (Instant::now(), self.process.processor_time());
        while Instant::now() < end {
            if let Some(verdict) = verdict(self) {
                return verdict;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(250));
            if looked.0.elapsed() > LOOK {
                let now = self.process.processor_time();
                if now.saturating_sub(looked.1) < AWAKE {
                    break;
                }
                looked = (Instant::now(), now);
            }
        }
        self.process.restart();
        Verdict::Hangs
    }

    fn request(&self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, text.to_owned()))
    }
}

fn prepare(installation: &Path, base: &Path) {
    let models = base.join("models");
    for folder in ["input", "models/checkpoints", "models/loras"] {
        fs::create_dir_all(base.join(folder)).expect("a folder");
    }
    let checkpoint = installation.join("models/checkpoints").join(CHECKPOINT);
    fs::copy(checkpoint, models.join("checkpoints").join(CHECKPOINT)).expect("the checkpoint");
    // A safetensors file without tensors: the length of its header, and the header.
    fs::write(models.join("loras").join(LORA), [&2u64.to_le_bytes()[..], b"{}"].concat()).expect("a LoRA");
    let picture = image::RgbaImage::from_fn(64, 64, |x, y| image::Rgba([x as u8 * 4, y as u8 * 4, 128, 255 - x as u8]));
    picture.save(base.join("input").join(PICTURE)).expect("a picture");
}

/// The kinds of fault that the server found in nodes, each once.
fn fault_types(answer: &Value) -> Vec<String> {
    let nodes = answer["node_errors"].as_object().into_iter().flatten();
    let errors = nodes.flat_map(|(_, node)| node["errors"].as_array().into_iter().flatten());
    let mut kinds: Vec<String> = errors.filter_map(|e| e["type"].as_str().map(str::to_owned)).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Which class broke off, and on what.
fn breaking(status: &Value) -> String {
    let messages = status["messages"].as_array().into_iter().flatten();
    let error = messages.filter(|m| m[0] == "execution_error").map(|m| &m[1]).next_back();
    error.map_or_else(String::new, |error| {
        let text = |key: &str| error[key].as_str().unwrap_or_default().lines().next().unwrap_or_default();
        format!("{}: {}", text("node_type"), text("exception_message"))
    })
}
