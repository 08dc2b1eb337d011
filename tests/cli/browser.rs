//! A headless Chromium that opens pages from the disk, driven over its own protocol.
//!
//! `COMFYWRIGHT_TEST_BROWSER` names the program; without it, the usual names are looked for.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, runtime::Runtime};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

const PROGRAM: &str = "COMFYWRIGHT_TEST_BROWSER";
const REQUIRED: &str = "COMFYWRIGHT_REQUIRE_BROWSER";
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Longest wait for an answer of the browser: the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A browser with one page. It ends with the test.
pub struct Browser {
    process: Child,
    _profile: tempfile::TempDir,
    runtime: Runtime,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    calls: u64,
    /// Messages of the console, exceptions, and what the page asked the network for.
    pub heard: Vec<Value>,
}

impl Browser {
    /// Starts a browser. Without one the test is left out, and says so; where one is required, it
    /// fails.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            let message = "left out: there is no Chromium (set COMFYWRIGHT_TEST_BROWSER)";
            assert!(std::env::var_os(REQUIRED).is_none(), "{message}");
            eprintln!("{message}");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("listening on ").map(|(_, address)| address.trim().to_owned()))
            .expect("the browser says where it listens");
        // What it says later is read, or it would wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (socket, _) = runtime.block_on(connect_async(address)).unwrap();
        let heard = Vec::new();
        let mut browser = Self { process, _profile: profile, runtime, socket, session: None, calls: 0, heard };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for area in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{area}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Opens a file in a window of this size, in light or dark, and waits until it is loaded.
    pub fn open(&mut self, path: &Path, size: (u32, u32), is_dark: bool) {
        self.go(&format!("file://{}", path.canonicalize().unwrap().display()), size, is_dark);
    }

    /// Opens an address in the same way.
    pub fn go(&mut self, url: &str, (width, height): (u32, u32), is_dark: bool) {
        let is_phone = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &features);
        self.heard.clear();
        let went = self.call("Page.navigate", &json!({ "url": url }));
        assert_eq!(went.get("errorText"), None, "{went}");
        while !self.heard.iter().any(|message| message["method"] == "Page.loadEventFired") {
            self.hear();
        }
        assert_eq!(self.value("document.readyState"), "complete");
    }

    /// A picture of the whole page: PNG in base64.
    pub fn whole_page(&mut self) -> String {
        let shot = json!({ "format": "png", "captureBeyondViewport": true });
        self.call("Page.captureScreenshot", &shot)["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Writes text where the focus is.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// The value of an expression in the page, once it is there.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", &asked);
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// Does something in the page and waits until it is drawn.
    pub fn act(&mut self, statement: &str) {
        let drawn = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        self.value(&format!("{{ {statement} }}; {drawn}"));
    }

    /// Presses a key where the focus is.
    pub fn press(&mut self, key: &str) {
        let text = match key {
            "Enter" => "\r",
            key if key.chars().count() == 1 => key,
            _ => "",
        };
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", &json!({ "type": kind, "key": key, "text": text }));
        }
    }

    /// What went wrong in the page: exceptions, and errors and warnings of the console.
    pub fn complaints(&self) -> Vec<&Value> {
        let is_complaint = |message: &&Value| match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => ["error", "warning"].iter().any(|kind| message["params"]["type"] == *kind),
            "Log.entryAdded" => message["params"]["entry"]["level"] != "info",
            _ => false,
        };
        self.heard.iter().filter(is_complaint).collect()
    }

    /// Addresses that the page asked for, itself left out.
    pub fn requests(&self) -> Vec<&str> {
        let sent = self.heard.iter().filter(|message| message["method"] == "Network.requestWillBeSent");
        let addresses = sent.filter_map(|message| message["params"]["request"]["url"].as_str());
        addresses.filter(|address| !address.starts_with("data:")).skip(1).collect()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.runtime.block_on(self.socket.send(Message::text(message.to_string()))).unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == id {
                assert_eq!(answer.get("error"), None, "{method}: {answer}");
                return answer["result"].clone();
            }
            self.heard.push(answer);
        }
    }

    fn hear(&mut self) {
        let message = self.next();
        self.heard.push(message);
    }

    fn next(&mut self) -> Value {
        let socket = &mut self.socket;
        let next = async { tokio::time::timeout(PATIENCE, socket.next()).await };
        let message = self.runtime.block_on(next).expect("the browser answers").expect("it is there").unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<String> {
    if let Some(named) = std::env::var(PROGRAM).ok().filter(|name| !name.is_empty()) {
        return Some(named);
    }
    let runs = |name: &&&str| {
        let version = Command::new(**name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    NAMES.iter().find(runs).map(|name| (*name).to_owned())
}
