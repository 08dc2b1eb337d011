//! The rating page's server.

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{
    gate::{Gate, Refused},
    rating_page::page,
};
use crate::app::{Answer, AppError, Desk, JudgeError, Mode, Side};

/// Largest request, in bytes.
const LARGEST: usize = 16 << 10;

/// What the page may do: show its own pictures and talk to its server.
const POLICY: &str = "default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct RatingOptions {
    /// The port; any that is free for 0.
    pub port: u16,
    /// The name that is filled in.
    pub rater: Option<String>,
    /// The way of judging that is chosen at first.
    pub mode: Option<Mode>,
}

struct Shop {
    desk: Arc<Desk>,
    gate: Gate,
    page: Bytes,
}

type Reply = Response<Full<Bytes>>;

/// Serves the rating page of `desk` on the loopback interface until `interrupted` ends. `ready` is told the address.
pub fn serve_rating(
    desk: Desk,
    options: &RatingOptions,
    ready: impl FnOnce(&str),
    interrupted: impl Future<Output = ()> + Send,
) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| AppError::environment(format!("failed to start threads: {e}")))?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(|e| {
            AppError::environment(format!("failed to listen on port {}: {e}", options.port))
                .with_hint("give another one: --port N; without it a free one is taken")
        })?;
        let port = listener.local_addr().map_err(|e| AppError::environment(e.to_string()))?.port();
        let page = Bytes::from(page(&desk, options));
        let shop = Arc::new(Shop { desk: Arc::new(desk), gate: Gate::new(port), page });
        ready(&shop.gate.url());
        tokio::select! {
            () = accept(&listener, &shop) => {}
            () = interrupted => {}
        }
        Ok(())
    });
    // A browser keeps its connections open.
    runtime.shutdown_background();
    served
}

async fn accept(listener: &TcpListener, shop: &Arc<Shop>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(talk(stream, shop.clone()))),
            // Too many open files pass; nothing else does harm.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

async fn talk(stream: TcpStream, shop: Arc<Shop>) {
    let service = service_fn(move |request| {
        let shop = shop.clone();
        async move { Ok::<_, Infallible>(shop.answer(request).await) }
    });
    // A connection that breaks is the browser's business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// What the page sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    rater: String,
    mode: Mode,
    #[serde(default)]
    task: Option<usize>,
    #[serde(default)]
    stars: Option<u8>,
    #[serde(default)]
    better: Option<Side>,
}

impl Shop {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let rest = match self.gate.pass(&head.headers, head.uri.path()) {
            Ok(rest) => rest,
            Err(Refused::Foreign) => return wrong(StatusCode::FORBIDDEN, "this server answers its own page only"),
            Err(Refused::Unknown) => return wrong(StatusCode::NOT_FOUND, "open the address that was printed"),
        };
        match (&head.method, rest) {
            (&Method::GET, "") => reply(StatusCode::OK, "text/html; charset=utf-8", self.page.clone()),
            (&Method::GET, rest) if rest.starts_with("picture/") => self.picture(&rest["picture/".len()..]).await,
            (&Method::POST, "queue" | "judge" | "undo") => {
                let Ok(body) = Limited::new(body, LARGEST).collect().await else {
                    return wrong(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
                };
                match serde_json::from_slice::<Said>(&body.to_bytes()) {
                    Ok(said) => self.call(rest.to_owned(), said).await,
                    Err(error) => wrong(StatusCode::BAD_REQUEST, &error.to_string()),
                }
            }
            _ => wrong(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    /// Does what the page asks for, on a thread where it may wait for the disk.
    async fn call(&self, what: String, said: Said) -> Reply {
        let desk = self.desk.clone();
        let done = tokio::task::spawn_blocking(move || called(&desk, &what, &said)).await;
        match done {
            Ok(Ok(value)) => json_reply(StatusCode::OK, &value),
            Ok(Err(error @ JudgeError::Wrong(_))) => wrong(StatusCode::BAD_REQUEST, &error.to_string()),
            Ok(Err(error @ JudgeError::Twice(_))) => wrong(StatusCode::CONFLICT, &error.to_string()),
            Ok(Err(error @ JudgeError::Ledger(_))) => wrong(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            Err(error) => wrong(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    async fn picture(&self, number: &str) -> Reply {
        let path = number.parse().ok().and_then(|number| self.desk.picture(number));
        let Some(path) = path else { return wrong(StatusCode::NOT_FOUND, "there is no such picture") };
        match tokio::fs::read(&path).await {
            Ok(bytes) => {
                let kind = kind_of(&bytes);
                let mut reply = reply(StatusCode::OK, kind, bytes.into());
                let kept = header::HeaderValue::from_static("private, max-age=3600");
                reply.headers_mut().insert(header::CACHE_CONTROL, kept);
                reply
            }
            // Its name would say of which variation it is.
            Err(error) => wrong(StatusCode::GONE, &format!("the picture cannot be read: {}", error.kind())),
        }
    }
}

fn called(desk: &Desk, what: &str, said: &Said) -> Result<Value, JudgeError> {
    match what {
        "queue" => Ok(json!(desk.queue(&said.rater, said.mode)?)),
        "undo" => Ok(json!({ "task": desk.undo(&said.rater, said.mode)? })),
        _ => {
            let task = said.task.ok_or_else(|| JudgeError::Wrong("an answer says its question".to_owned()))?;
            let answer = said.stars.map_or(Answer::Better(said.better), Answer::Stars);
            desk.judge(&said.rater, said.mode, task, answer)?;
            Ok(json!({}))
        }
    }
}

/// The kind of a picture by its first bytes.
fn kind_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'G', b'I', b'F', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => "application/octet-stream",
    }
}

fn wrong(status: StatusCode, message: &str) -> Reply {
    json_reply(status, &json!({ "error": message }))
}

fn json_reply(status: StatusCode, value: &Value) -> Reply {
    reply(status, "application/json", value.to_string().into())
}

fn reply(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        reply.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    reply
}
