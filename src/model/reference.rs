//! References from document to document: `name`, `name@2`, `name@2.1.0`, `name@blake3:…`.
//!
//! Only what a reference says and which version it means; `catalog` knows the documents.

use std::{fmt, str::FromStr};

use semver::Version;

use crate::ident::is_document_name;

/// A reference to a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The document's name.
    pub name: String,
    /// Which of its versions.
    pub version: VersionSpec,
}

/// Which versions a reference accepts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VersionSpec {
    /// Any: the highest.
    Any,
    /// All with this major version (and minor version): the highest of them.
    Series {
        /// First number.
        major: u64,
        /// Second number, if it is given.
        minor: Option<u64>,
    },
    /// Exactly this version. Build metadata counts only where the reference has it.
    Exact(Version),
    /// The document with this canonical hash.
    Hash {
        /// How it is computed.
        algorithm: HashAlgorithm,
        /// Its hexadecimal digits in lower case: all 64, or at least the first 12.
        digits: String,
    },
}

/// How a canonical hash is computed, always from the canonical JSON of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// BLAKE3, as everywhere else in comfywright.
    Blake3,
    /// SHA-256.
    Sha256,
}

/// What is wrong with the text of a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// The name is not one.
    #[error("`{0}` is not the name of a document: lower case letters, digits and hyphens")]
    Name(String),
    /// What follows the `@` is neither a version nor a hash.
    #[error("`{0}` is not a version such as \"2\", \"2.1\" or \"2.1.0\"")]
    Version(String),
    /// The hash has other than hexadecimal digits, or too few.
    #[error("`{0}` is not a hash of 12 to 64 hexadecimal digits")]
    Hash(String),
}

const FEWEST_HASH_DIGITS: usize = 12;

impl Reference {
    /// Reads `name`, `name@2`, `name@2.1`, `name@2.1.0`, `name@sha256:…` or `name@blake3:…`.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
        if !is_document_name(name) {
            return Err(InvalidReference::Name(name.to_owned()));
        }
        let version = version.map_or(Ok(VersionSpec::Any), parse_version_spec)?;
        Ok(Self { name: name.to_owned(), version })
    }
}

fn parse_version_spec(text: &str) -> Result<VersionSpec, InvalidReference> {
    if let Some((algorithm, digits)) = HashAlgorithm::split(text) {
        let is_hash =
            (FEWEST_HASH_DIGITS..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return if is_hash {
            Ok(VersionSpec::Hash { algorithm, digits: digits.to_ascii_lowercase() })
        } else {
            Err(InvalidReference::Hash(digits.to_owned()))
        };
    }
    let invalid = || InvalidReference::Version(text.to_owned());
    match text.split('.').collect::<Vec<_>>()[..] {
        [major] => Ok(VersionSpec::Series { major: parse_number(major).ok_or_else(invalid)?, minor: None }),
        [major, minor] => Ok(VersionSpec::Series {
            major: parse_number(major).ok_or_else(invalid)?,
            minor: Some(parse_number(minor).ok_or_else(invalid)?),
        }),
        _ => Version::parse(text).map(VersionSpec::Exact).map_err(|_| invalid()),
    }
}

/// A number as semver writes it: no sign, no leading zero.
fn parse_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl HashAlgorithm {
    /// Splits `sha256:…` or `blake3:…` into algorithm and digits; the digits are not looked at.
    pub fn split(text: &str) -> Option<(Self, &str)> {
        let (name, digits) = text.split_once(':')?;
        [Self::Blake3, Self::Sha256].into_iter().find(|a| a.as_str() == name).map(|a| (a, digits))
    }

    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl VersionSpec {
    /// Whether `version` is one of those that are meant. A hash is not a question of versions:
    /// always false.
    pub fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Any => true,
            Self::Series { major, minor } => {
                version.major == *major && minor.is_none_or(|minor| version.minor == minor)
            }
            Self::Exact(wanted) => {
                let same_release = version.cmp_precedence(wanted).is_eq();
                same_release && (wanted.build.is_empty() || wanted.build == version.build)
            }
            Self::Hash { .. } => false,
        }
    }
}

/// Whether a reference that accepts both prefers `a` to `b`: releases before pre-releases, then the higher version.
pub(super) fn preference(a: &Version, b: &Version) -> std::cmp::Ordering {
    a.pre.is_empty().cmp(&b.pre.is_empty()).then_with(|| a.cmp(b))
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        match &self.version {
            VersionSpec::Any => Ok(()),
            version => write!(f, "@{version}"),
        }
    }
}

impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::Series { major, minor: None } => write!(f, "{major}"),
            Self::Series { major, minor: Some(minor) } => write!(f, "{major}.{minor}"),
            Self::Exact(version) => write!(f, "{version}"),
            Self::Hash { algorithm, digits } => write!(f, "{algorithm}:{digits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_and_print() {
        let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for text in [
            "product-photo",
            "product-photo@2",
            "product-photo@2.1",
            "product-photo@2.1.0",
            "q4@0.0.0",
            "q4@1.0.0-rc.1+b7",
            &format!("q4@sha256:{hash}"),
            &format!("q4@blake3:{hash}"),
            "q4@blake3:0123456789ab",
        ] {
            assert_eq!(Reference::parse(text).map(|r| r.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_reference() {
        for (text, expected) in [
            ("", InvalidReference::Name(String::new())),
            ("Product", InvalidReference::Name("Product".into())),
            ("a_b@2", InvalidReference::Name("a_b".into())),
            ("a.toml", InvalidReference::Name("a.toml".into())),
            ("../a", InvalidReference::Name("../a".into())),
            ("a@", InvalidReference::Version(String::new())),
            ("a@v2", InvalidReference::Version("v2".into())),
            ("a@02", InvalidReference::Version("02".into())),
            ("a@^2", InvalidReference::Version("^2".into())),
            ("a@2.1.x", InvalidReference::Version("2.1.x".into())),
            ("a@1@2", InvalidReference::Version("1@2".into())),
            ("a@md5:00", InvalidReference::Version("md5:00".into())),
            ("a@sha256:0123", InvalidReference::Hash("0123".into())),
            ("a@blake3:0123456789ag", InvalidReference::Hash("0123456789ag".into())),
        ] {
            assert_eq!(Reference::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn versions_that_match() {
        for (spec, version, matches) in [
            ("a", "3.0.0-rc.1", true),
            ("a@2", "2.9.1", true),
            ("a@2", "3.0.0", false),
            ("a@2.1", "2.1.7", true),
            ("a@2.1", "2.10.0", false),
            ("a@2.1.0", "2.1.0", true),
            ("a@2.1.0", "2.1.0+b7", true),
            ("a@2.1.0+b7", "2.1.0+b8", false),
            ("a@2.1.0", "2.1.0-rc.1", false),
            ("a@2.1.0", "2.1.1", false),
        ] {
            let spec = Reference::parse(spec).unwrap().version;
            assert_eq!(spec.matches(&Version::parse(version).unwrap()), matches, "{spec} {version}");
        }
    }

    #[test]
    fn releases_are_preferred_to_pre_releases() {
        let mut versions: Vec<Version> =
            ["1.9.0", "2.0.0-rc.1", "1.10.0"].iter().map(|v| Version::parse(v).unwrap()).collect();
        versions.sort_by(preference);
        let order: Vec<_> = versions.iter().map(ToString::to_string).collect();
        assert_eq!(order, ["2.0.0-rc.1", "1.9.0", "1.10.0"]);
    }
}
