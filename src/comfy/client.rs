//! One server's HTTP. Every request has a limit of time; secrets are sent and never shown.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, LOCATION},
    multipart::{Form, Part},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::{
    client_error::ClientError,
    protocol::{HistoryEntry, OutputRef, Queue, Refusal, Submission, Submitted, SystemStats, Upload},
    settings::{Secret, ServerSettings},
};
use crate::failpoint::{Point, pass_async};

/// Longest time until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest time for an answer that needs no work. While a server loads a model it answers nothing.
pub(super) const ANSWER: Duration = Duration::from_secs(30);

/// Longest time for what has to be computed: validation, all classes.
const SLOW_ANSWER: Duration = Duration::from_mins(2);

/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_mins(1);

/// Characters of an unexpected answer that are told.
const TOLD: usize = 200;

/// One server's HTTP. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    name: String,
    base: Url,
    http: reqwest::Client,
    headers: HeaderMap,
    api_key: Option<Secret>,
}

/// What a submission came to, when the server answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is queued.
    Queued(Submitted),
    /// The graph is wrong.
    Refused(Box<Refusal>),
}

impl Client {
    /// A client for `settings`; connects to nothing yet.
    pub fn new(settings: &ServerSettings) -> Result<Self, ClientError> {
        let wrong = |reason: String| ClientError::Settings { server: settings.name.clone(), reason };
        let mut base = Url::parse(&settings.url).map_err(|e| wrong(format!("its url is none: {e}")))?;
        if !["http", "https"].contains(&base.scheme()) || base.host().is_none() {
            return Err(wrong("its url must begin with http:// or https://".to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("its url holds a user or password; use headers with env: or file:".to_owned()));
        }
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut headers = HeaderMap::new();
        for (name, secret) in &settings.headers {
            let key: HeaderName = name.parse().map_err(|_| wrong(format!("\"{name}\" is no name of a header")))?;
            let mut value = HeaderValue::from_str(secret.reveal())
                .map_err(|_| wrong(format!("the value of the header {name} has characters that no header may have")))?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        // Somebody else may have chosen a provider before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .tcp_nodelay(true)
            .default_headers(headers.clone());
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| wrong(chain(&e)))?;
        Ok(Self { name: settings.name.clone(), base, http, headers, api_key: settings.api_key.clone() })
    }

    /// Name of the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of the server, without the last `/`.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Headers of every request, for the WebSocket.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Address of the WebSocket.
    pub(super) fn socket_url(&self, client_id: &str) -> String {
        let mut url = self.address("ws");
        // The scheme is http or https, and both may become the other pair.
        let _ = url.set_scheme(if url.scheme() == "https" { "wss" } else { "ws" });
        url.query_pairs_mut().append_pair("clientId", client_id);
        url.into()
    }

    /// Versions, memory and devices. Fails unless a ComfyUI answers.
    pub async fn system_stats(&self) -> Result<SystemStats, ClientError> {
        self.json(self.get("system_stats", ANSWER), "/system_stats").await
    }

    /// The signatures of all classes, as JSON text.
    pub async fn object_info(&self) -> Result<String, ClientError> {
        let path = "/object_info";
        let response = self.send(self.get("object_info", SLOW_ANSWER), path).await?;
        response.text().await.map_err(|e| self.broken(path, &e))
    }

    /// What runs and what waits.
    pub async fn queue(&self) -> Result<Queue, ClientError> {
        let path = "/queue";
        self.before(Point::QueueSend).await?;
        let queue = self.json(self.get("queue", ANSWER), path).await?;
        self.after(Point::QueueAnswered, path).await?;
        Ok(queue)
    }

    /// What the server remembers of a prompt that has ended; none when it is unknown or unfinished.
    pub async fn history(&self, id: Uuid) -> Result<Option<HistoryEntry>, ClientError> {
        let path = format!("history/{id}");
        self.before(Point::HistorySend).await?;
        let mut found: crate::ident::IndexMap<String, HistoryEntry> =
            self.json(self.get(&path, ANSWER), &format!("/{path}")).await?;
        self.after(Point::HistoryAnswered, &path).await?;
        Ok(found.swap_remove(&id.to_string()))
    }

    /// Submits a graph. The key for partner nodes is added to its `extra_data`.
    pub async fn submit(&self, submission: &Submission<'_>) -> Result<Answer, ClientError> {
        let path = "/prompt";
        let mut body = serde_json::to_value(submission).unwrap_or_default();
        if let Some(key) = &self.api_key {
            body["extra_data"]["api_key_comfy_org"] = Value::from(key.reveal());
        }
        let request = self.http.post(self.address("prompt")).timeout(SLOW_ANSWER).json(&body);
        self.before(Point::SubmitSend).await?;
        let response = request.send().await.map_err(|e| self.fault(path, &e))?;
        self.after(Point::SubmitAnswered, path).await?;
        if response.status() == StatusCode::BAD_REQUEST {
            let text = response.text().await.map_err(|e| self.broken(path, &e))?;
            return serde_json::from_str(&text)
                .map(|refusal| Answer::Refused(Box::new(refusal)))
                .map_err(|_| self.status_error(path, StatusCode::BAD_REQUEST, &text));
        }
        let response = self.accepted(response, path).await?;
        self.read_json(response, path).await.map(Answer::Queued)
    }

    /// The size of a file on the server; none when it is not there.
    pub async fn size_of(&self, file: &OutputRef) -> Result<Option<u64>, ClientError> {
        let path = "/view";
        let request = self.http.request(Method::HEAD, self.view_address(file)).timeout(ANSWER);
        let response = request.send().await.map_err(|e| self.fault(path, &e))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = self.accepted(response, path).await?;
        let length = response.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        Ok(length)
    }

    /// The bytes of a file on the server.
    pub async fn view(&self, file: &OutputRef) -> Result<Vec<u8>, ClientError> {
        let path = "/view";
        self.before(Point::ViewSend).await?;
        let response = self.http.get(self.view_address(file)).send().await.map_err(|e| self.fault(path, &e))?;
        let response = self.accepted(response, path).await?;
        let bytes = response.bytes().await.map_err(|e| self.broken(path, &e))?;
        self.after(Point::ViewAnswered, path).await?;
        Ok(bytes.into())
    }

    /// Puts `bytes` into the server's input folder, replacing a file of that name.
    pub async fn upload(&self, bytes: Vec<u8>, name: &str, subfolder: &str) -> Result<Upload, ClientError> {
        let part = Part::bytes(bytes).file_name(name.to_owned());
        let form = Form::new()
            .part("image", part)
            .text("type", "input")
            .text("subfolder", subfolder.to_owned())
            .text("overwrite", "true");
        let path = "/upload/image";
        self.before(Point::UploadSend).await?;
        let uploaded = self.json(self.http.post(self.address("upload/image")).multipart(form), path).await?;
        self.after(Point::UploadAnswered, path).await?;
        Ok(uploaded)
    }

    /// Cancels a prompt in one step, where the server can; says whether it could be asked.
    pub async fn cancel_job(&self, id: Uuid) -> Result<bool, ClientError> {
        let path = format!("api/jobs/{id}/cancel");
        let request = self.http.post(self.address(&path)).timeout(ANSWER);
        let response = request.send().await.map_err(|e| self.fault(&path, &e))?;
        Ok(response.status().is_success())
    }

    /// Interrupts what runs if it is this prompt.
    pub async fn interrupt(&self, id: Uuid) -> Result<(), ClientError> {
        let request = self.http.post(self.address("interrupt")).timeout(ANSWER).json(&json!({ "prompt_id": id }));
        self.send(request, "/interrupt").await.map(drop)
    }

    /// Takes a prompt that waits out of the queue.
    pub async fn delete_pending(&self, id: Uuid) -> Result<(), ClientError> {
        let request = self.http.post(self.address("queue")).timeout(ANSWER).json(&json!({ "delete": [id] }));
        self.send(request, "/queue").await.map(drop)
    }

    pub(super) fn address(&self, path: &str) -> Url {
        // A path of ours is always a relative reference.
        self.base.join(path).unwrap_or_else(|_| self.base.clone())
    }

    fn view_address(&self, file: &OutputRef) -> Url {
        let mut url = self.address("view");
        url.query_pairs_mut()
            .append_pair("filename", &file.filename)
            .append_pair("subfolder", &file.subfolder)
            .append_pair("type", &file.folder);
        url
    }

    pub(super) fn get(&self, path: &str, longest: Duration) -> RequestBuilder {
        self.http.get(self.address(path)).timeout(longest)
    }

    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        path: &str,
    ) -> Result<T, ClientError> {
        let response = self.send(request, path).await?;
        self.read_json(response, path).await
    }

    pub(super) async fn send(&self, request: RequestBuilder, path: &str) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|e| self.fault(path, &e))?;
        self.accepted(response, path).await
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response, path: &str) -> Result<T, ClientError> {
        let text = response.text().await.map_err(|e| self.broken(path, &e))?;
        serde_json::from_str(&text).map_err(|error| ClientError::NotComfy {
            server: self.name.clone(),
            url: self.url().to_owned(),
            path: path.to_owned(),
            found: unexpected(&text, &error),
        })
    }

    /// The response, unless it is a redirection or an error.
    async fn accepted(&self, response: Response, path: &str) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("another place");
            return Err(ClientError::Redirected {
                server: self.name.clone(),
                url: self.url().to_owned(),
                path: path.to_owned(),
                location: location.split('?').next().unwrap_or(location).to_owned(),
            });
        }
        let text = response.text().await.unwrap_or_default();
        Err(self.status_error(path, status, &text))
    }

    fn status_error(&self, path: &str, status: StatusCode, text: &str) -> ClientError {
        let told = if text.trim_start().starts_with('<') { String::new() } else { beginning(text.trim()) };
        let text = if told.is_empty() { told } else { format!(": {told}") };
        ClientError::Status {
            server: self.name.clone(),
            url: self.url().to_owned(),
            path: path.to_owned(),
            status: status.as_u16(),
            text,
        }
    }

    /// Where a test may want that nothing is sent.
    async fn before(&self, point: Point) -> Result<(), ClientError> {
        let (server, url) = (self.name.clone(), self.url().to_owned());
        pass_async(point).await.map_err(|e| ClientError::Unreachable { server, url, reason: e.to_string() })
    }

    /// Where a test may want that the answer is lost.
    async fn after(&self, point: Point, path: &str) -> Result<(), ClientError> {
        let (server, path) = (self.name.clone(), path.to_owned());
        pass_async(point).await.map_err(|e| ClientError::Broken { server, path, reason: e.to_string() })
    }

    fn fault(&self, path: &str, error: &reqwest::Error) -> ClientError {
        if error.is_connect() {
            let (server, url) = (self.name.clone(), self.url().to_owned());
            return ClientError::Unreachable { server, url, reason: chain(error) };
        }
        self.broken(path, error)
    }

    fn broken(&self, path: &str, error: &reqwest::Error) -> ClientError {
        let reason = if error.is_timeout() { "it took too long".to_owned() } else { chain(error) };
        ClientError::Broken { server: self.name.clone(), path: path.to_owned(), reason }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// The innermost reason, which says what happened; the outer ones repeat the address.
fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn beginning(text: &str) -> String {
    let told: String = text.chars().take(TOLD).collect();
    if told.len() < text.len() { format!("{told}…") } else { told }
}

fn unexpected(text: &str, error: &serde_json::Error) -> String {
    match text.trim_start() {
        "" => "nothing".to_owned(),
        html if html.starts_with('<') => "a web page".to_owned(),
        _ if error.is_data() => format!("other JSON ({error})"),
        other => format!("\"{}\"", beginning(other)),
    }
}
