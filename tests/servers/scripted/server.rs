//! A server that says what a script says: for what a real ComfyUI cannot be made to do.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::AbortHandle,
};
use tokio_tungstenite::tungstenite::{Message, http};

/// A request, as far as tests look at it.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /prompt`, with the query.
    pub line: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null when it is none.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

/// Status, type or place, and body.
pub struct Response {
    pub status: u16,
    pub header: &'static str,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(value: &Value) -> Self {
        Self { status: 200, header: "Content-Type: application/json", body: value.to_string().into_bytes() }
    }

    /// What a server says of itself.
    pub fn system_stats() -> Self {
        let system = json!({ "comfyui_version": "0.33.0", "python_version": "3.12", "argv": [] });
        Self::json(&json!({ "system": system, "devices": [] }))
    }

    /// The classes of a small server.
    pub fn object_info() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graph/server-0.33.0.json");
        Self { status: 200, header: "Content-Type: application/json", body: std::fs::read(path).unwrap() }
    }

    /// No answer at all: the connection breaks.
    pub fn broken() -> Self {
        Self { status: 0, header: "", body: Vec::new() }
    }

    pub fn status(status: u16, body: &str) -> Self {
        Self { status, header: "Content-Type: text/html", body: body.as_bytes().to_vec() }
    }
}

/// What is done on the WebSocket.
#[derive(Clone, Debug)]
pub enum Said {
    Text(String),
    Close,
}

type Script = dyn Fn(&Request, &Scripted) -> Response + Send + Sync;

/// The server.
#[derive(Clone)]
pub struct Scripted {
    pub url: String,
    log: Arc<Mutex<Vec<Request>>>,
    said: broadcast::Sender<Said>,
    has_socket: bool,
    accepting: Arc<Mutex<Option<AbortHandle>>>,
}

impl Scripted {
    /// Starts on a free port of the loopback.
    pub async fn start(script: impl Fn(&Request, &Self) -> Response + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", true, script).await
    }

    /// The same at this address, with or without a WebSocket.
    pub async fn start_at(
        address: &str,
        has_socket: bool,
        script: impl Fn(&Request, &Self) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server =
            Self { url, log: Arc::default(), said: broadcast::channel(64).0, has_socket, accepting: Arc::default() };
        let (mine, script): (Self, Arc<Script>) = (server.clone(), Arc::new(script));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(mine.clone().serve(stream, script.clone()));
            }
        });
        *server.accepting.lock().unwrap() = Some(accepting.abort_handle());
        server
    }

    /// Dies: nobody is at its address any more.
    pub fn stop(&self) {
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            accepting.abort();
        }
        self.close_sockets();
    }

    /// Says something about a prompt on every WebSocket.
    pub fn say(&self, kind: &str, data: &Value) {
        let _ = self.said.send(Said::Text(json!({ "type": kind, "data": data }).to_string()));
    }

    /// Closes every WebSocket.
    pub fn close_sockets(&self) {
        let _ = self.said.send(Said::Close);
    }

    /// The requests so far whose line begins with `start`.
    pub fn requests(&self, start: &str) -> Vec<Request> {
        self.log.lock().unwrap().iter().filter(|r| r.line.starts_with(start)).cloned().collect()
    }

    async fn serve(self, stream: TcpStream, script: Arc<Script>) {
        let mut start = [0; 8];
        let seen = stream.peek(&mut start).await.unwrap_or(0);
        if start[..seen].starts_with(b"GET /ws?") && self.has_socket {
            self.serve_socket(stream).await;
        } else {
            self.serve_http(stream, script).await;
        }
    }

    async fn serve_socket(self, stream: TcpStream) {
        let mut said = self.said.subscribe();
        let log = self.log.clone();
        #[expect(clippy::result_large_err, reason = "the crate's own type")]
        let note = |request: &http::Request<()>, response: http::Response<()>| {
            let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap_or_default().to_owned())
            };
            let headers = request.headers().iter().map(header).collect();
            let line = format!("SOCKET {}", request.uri());
            log.lock().unwrap().push(Request { line, headers, body: Value::Null, bytes: Vec::new() });
            Ok(response)
        };
        let accepted = tokio_tungstenite::accept_hdr_async(stream, note).await;
        let Ok(mut socket) = accepted else { return };
        loop {
            tokio::select! {
                said = said.recv() => match said {
                    Ok(Said::Text(text)) => { let _ = socket.send(Message::text(text)).await; }
                    Ok(Said::Close) | Err(_) => { let _ = socket.close(None).await; return; }
                },
                heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
            }
        }
    }

    async fn serve_http(&self, mut stream: TcpStream, script: Arc<Script>) {
        let Some((head, body)) = read_request(&mut stream).await else { return };
        let mut lines = head.lines();
        let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let request = Request {
            line: format!("{} {}", line[0], line[1]),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            bytes: body,
        };
        self.log.lock().unwrap().push(request.clone());
        let (asked, server) = (request.clone(), self.clone());
        // A script may take its time, as a real server does.
        let answer = tokio::task::spawn_blocking(move || script(&asked, &server)).await;
        let Ok(Response { status: status @ 1.., header, body }) = answer else { return };
        let head =
            format!("HTTP/1.1 {status} x\r\n{header}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).await;
        if !request.line.starts_with("HEAD") {
            let _ = stream.write_all(&body).await;
        }
        let _ = stream.shutdown().await;
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}
