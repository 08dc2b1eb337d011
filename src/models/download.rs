//! A file from the web: over https, going on where an earlier download was broken off.

use std::time::Duration;

use reqwest::{Client, StatusCode, header, redirect::Policy};

use super::{
    ModelError,
    pull::{Partial, PullOptions},
};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(20);

/// Longest silence of a server.
const SILENCE: Duration = Duration::from_mins(1);

/// Most servers that one address may lead through.
const MOST_REDIRECTS: usize = 8;

/// Downloads the file at `address`.
pub(super) async fn fetch(
    partial: &mut Partial<'_>,
    address: &str,
    options: &PullOptions<'_>,
) -> Result<(), ModelError> {
    let wrong = |what: String| ModelError::not_as_promised(what);
    let client = client(address).map_err(|error| wrong(chain(&error)))?;
    let there = partial.len();
    if there == partial.wanted.size {
        return Ok(());
    }
    let mut request = client.get(address).header(header::ACCEPT_ENCODING, "identity");
    if there > 0 {
        request = request.header(header::RANGE, format!("bytes={there}-"));
    }
    let mut response = request.send().await.map_err(|error| wrong(chain(&error)))?;
    let keep = match response.status() {
        StatusCode::PARTIAL_CONTENT if begins_at(&response, there) => there,
        StatusCode::OK => 0,
        // It has no such range: what is there is not a part of it.
        StatusCode::RANGE_NOT_SATISFIABLE => {
            partial.begin(address, 0, options)?;
            return Err(wrong("the server has less of it than is here; run again to begin anew".to_owned()));
        }
        status => return Err(wrong(format!("the server answers {status}"))),
    };
    partial.begin(address, keep, options)?;
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => partial.append(&bytes)?,
            Ok(None) => return Ok(()),
            Err(error) => {
                let what = format!("{}; {} bytes are kept, run again to go on", chain(&error), partial.len());
                return Err(wrong(what));
            }
        }
        options.progress(partial.wanted, partial.len());
    }
}

fn client(address: &str) -> reqwest::Result<Client> {
    // Somebody else may have chosen a provider before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_secure = address.starts_with("https:");
    let policy = Policy::custom(move |attempt| {
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("it leads from server to server")
        } else if is_secure && attempt.url().scheme() != "https" {
            attempt.error("it leads from https to http")
        } else {
            attempt.follow()
        }
    });
    let mut builder = Client::builder().redirect(policy).connect_timeout(CONNECT).read_timeout(SILENCE);
    if !is_secure {
        // Only addresses of this machine are plain http.
        builder = builder.no_proxy();
    }
    builder.user_agent(concat!("comfywright/", env!("CARGO_PKG_VERSION"))).build()
}

/// Whether the part that the server sends begins where ours ends.
fn begins_at(response: &reqwest::Response, there: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {there}-")))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
