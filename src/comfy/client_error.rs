//! What can go wrong with a request. Reads "failed to {error}".

/// Why a server gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The configuration cannot be used.
    #[error("use the server \"{server}\": {reason}")]
    Settings {
        /// Name of the server.
        server: String,
        /// What is wrong.
        reason: String,
    },
    /// No connection came about: nothing was sent.
    #[error("reach the server \"{server}\" at {url}: {reason}")]
    Unreachable {
        /// Name of the server.
        server: String,
        /// Its address.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The connection broke, or the answer did not come in time. The request may have arrived.
    #[error("get an answer to {path} from the server \"{server}\": {reason}")]
    Broken {
        /// Name of the server.
        server: String,
        /// Path of the request.
        path: String,
        /// What happened.
        reason: String,
    },
    /// It sends everyone to another place: a login page, or the same server with TLS.
    #[error("use the server \"{server}\" at {url}: {path} redirects to {location}")]
    Redirected {
        /// Name of the server.
        server: String,
        /// Its address.
        url: String,
        /// Path of the request.
        path: String,
        /// Where to.
        location: String,
    },
    /// It answered with an error.
    #[error("use the server \"{server}\" at {url}: {path} answered {status}{text}")]
    Status {
        /// Name of the server.
        server: String,
        /// Its address.
        url: String,
        /// Path of the request.
        path: String,
        /// Status of HTTP.
        status: u16,
        /// Beginning of the answer, with ": " before it; empty when there is none.
        text: String,
    },
    /// It answered with something that ComfyUI does not say.
    #[error("use the server \"{server}\" at {url}: it is not ComfyUI, {path} answered {found}")]
    NotComfy {
        /// Name of the server.
        server: String,
        /// Its address.
        url: String,
        /// Path of the request.
        path: String,
        /// What came.
        found: String,
    },
}

impl ClientError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Settings { server, .. } => format!("correct [server.{server}] in comfywright.toml"),
            Self::Unreachable { server, reason, .. } if reason.contains("certificate") => {
                format!("the certificate of [server.{server}] is not trusted on this computer")
            }
            Self::Unreachable { server, .. } => {
                format!("start ComfyUI there, or correct url of [server.{server}] in comfywright.toml")
            }
            Self::Broken { .. } => "see whether ComfyUI still runs there".to_owned(),
            Self::Redirected { server, url, location, .. } if is_upgrade(url, location) => {
                format!("write the https address as url of [server.{server}] in comfywright.toml")
            }
            Self::Redirected { server, .. } => format!(
                "it seems to want a login: give it one with headers of [server.{server}] in comfywright.toml, \
                 such as headers = {{ Authorization = \"env:TOKEN\" }}"
            ),
            Self::Status { server, status: 401 | 403 | 407, .. } => format!(
                "it wants credentials: headers of [server.{server}] in comfywright.toml, \
                 such as headers = {{ Authorization = \"env:TOKEN\" }}"
            ),
            Self::Status { server, status: 404, .. } | Self::NotComfy { server, .. } => {
                format!("url of [server.{server}] in comfywright.toml must be the address of a ComfyUI server")
            }
            Self::Status { .. } => "see what ComfyUI's own log says".to_owned(),
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Settings { .. } | Self::Redirected { .. } | Self::NotComfy { .. } => false,
        }
    }

    /// Whether it is certain that the server has not got the request.
    pub fn was_not_sent(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Settings { .. })
    }
}

/// Whether a redirection only leads to the same host with TLS.
fn is_upgrade(url: &str, location: &str) -> bool {
    let host = |text: &str| url::Url::parse(text).ok().and_then(|u| u.host_str().map(str::to_owned));
    url.starts_with("http:") && location.starts_with("https:") && host(url) == host(location)
}
