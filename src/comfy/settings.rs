//! How to reach a server, and how long to wait for it.

use std::{fmt, time::Duration};

/// A value that must never be seen in logs or messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the request that needs it and nothing else.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One server, with its secrets resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Its name in the configuration.
    pub name: String,
    /// Address, such as `http://127.0.0.1:8188`; a path in it is kept.
    pub url: String,
    /// Headers of every request.
    pub headers: Vec<(String, Secret)>,
    /// Key for partner nodes.
    pub api_key: Option<Secret>,
    /// Items that run there at the same time, at least 1.
    pub slots: u32,
    /// Items submitted at the same time, the running ones included, at least 1.
    pub prefetch: u32,
    /// Words by which a task may choose it.
    pub tags: Vec<String>,
    /// How long it may be out of reach before its items move; the rule for all servers without it.
    pub dead_after: Option<Duration>,
    /// How long a submission that cannot be found there may still be on its way; the rule for all servers
    /// without it.
    pub grace: Option<Duration>,
}

impl ServerSettings {
    /// A server without secrets, with one slot and one item ahead.
    pub fn plain(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            headers: Vec::new(),
            api_key: None,
            slots: 1,
            prefetch: 2,
            tags: Vec::new(),
            dead_after: None,
            grace: None,
        }
    }
}

/// How long to wait before something is done about a silent server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Between two looks at queue and history while the WebSocket says nothing about an item.
    pub silence: Duration,
    /// The same while the WebSocket is down.
    pub without_socket: Duration,
    /// How long a submission that is nowhere to be found may still be on its way: longer than the
    /// server's validation takes.
    pub grace: Duration,
    /// How long the history may lack an item that has ended.
    pub history: Duration,
    /// How long a server may be out of reach before its items move to others.
    pub dead_after: Duration,
    /// Between two looks at a server that is waited for although its items moved.
    pub late: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(5),
            without_socket: Duration::from_millis(500),
            grace: Duration::from_secs(5),
            history: Duration::from_secs(5),
            dead_after: Duration::from_mins(3),
            late: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let mut server = ServerSettings::plain("cloud", "https://example.org");
        server.api_key = Some(Secret::new("sk-live-123"));
        server.headers.push(("Authorization".to_owned(), Secret::new("Bearer abc")));
        let text = format!("{server:?}");
        assert!(!text.contains("sk-live") && !text.contains("Bearer") && text.contains("Authorization"), "{text}");
    }
}
