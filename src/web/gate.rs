//! Who may ask: the token in the path, the name in `Host`, the site in `Origin`.

use hyper::{HeaderMap, header};
use uuid::Uuid;

/// What a request must show.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    token: String,
    port: u16,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It was sent to another name, or by a page of another site.
    Foreign,
    /// It does not know the token.
    Unknown,
}

impl Gate {
    /// A gate with a token of its own for a server on `port`.
    pub(super) fn new(port: u16) -> Self {
        // Each of the two has 74 random bits.
        let chance = [Uuid::now_v7(), Uuid::now_v7()].map(Uuid::into_bytes).concat();
        let token = blake3::hash(&chance).to_hex()[..32].to_owned();
        Self { token, port }
    }

    /// The address of the page.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}/", self.port, self.token)
    }

    /// What of `path` comes after the token.
    pub(super) fn pass<'a>(&self, headers: &HeaderMap, path: &'a str) -> Result<&'a str, Refused> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let names = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", self.port));
        if !text(header::HOST).is_some_and(|host| names.iter().any(|name| name == host)) {
            return Err(Refused::Foreign);
        }
        let is_own = |origin: &str| names.iter().any(|name| origin == format!("http://{name}"));
        if headers.contains_key(header::ORIGIN) && !text(header::ORIGIN).is_some_and(is_own) {
            return Err(Refused::Foreign);
        }
        let (token, rest) = path.strip_prefix('/').and_then(|path| path.split_once('/')).ok_or(Refused::Unknown)?;
        // Hashes are compared in constant time.
        let is_token = blake3::hash(token.as_bytes()) == blake3::hash(self.token.as_bytes());
        if is_token { Ok(rest) } else { Err(Refused::Unknown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<hyper::header::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_who_was_told_passes() {
        let gate = Gate { token: "secret".to_owned(), port: 81 };
        let pass = |pairs: &[(&'static str, &str)], path| gate.pass(&headers(pairs), path).map(str::to_owned);
        let host = ("host", "127.0.0.1:81");
        assert_eq!(pass(&[host], "/secret/queue"), Ok("queue".to_owned()));
        assert_eq!(pass(&[("host", "localhost:81"), ("origin", "http://localhost:81")], "/secret/"), Ok(String::new()));
        for path in ["/", "/secret", "/secre/", "/secrets/", "//secret/", "/queue"] {
            assert_eq!(pass(&[host], path), Err(Refused::Unknown), "{path}");
        }
        for foreign in [
            &[][..],
            &[("host", "evil.example:81")],
            &[("host", "127.0.0.1")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "null")],
        ] {
            assert_eq!(pass(foreign, "/secret/"), Err(Refused::Foreign), "{foreign:?}");
        }
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (Gate::new(1), Gate::new(1));
        assert_eq!(one.token.len(), 32);
        assert_ne!(one.token, other.token);
    }
}
