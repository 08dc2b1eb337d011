//! The file: against what the documents were checked, and the hashes of what they use.
//!
//! Written by the program, committed by people: sorted, one fact a line, the same bytes for the
//! same facts.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Span},
    graph::{ClassOutline, Versions},
    model::{read::Parsed, reference::HashAlgorithm},
};

/// Its name, in the workspace.
pub const LOCK_FILE: &str = "comfywright.lock";

/// The version of the file that this program writes, and the newest that it reads.
pub const LOCK_FORMAT: u32 = 1;

const HEAD: &str = "# Written by comfywright; commit it, do not edit it.\n";

/// What the documents of a workspace were checked against and what they use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of the file.
    pub format: u32,
    /// Where node classes came from: the name of a server or of its snapshot, or "built-in".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub object_info: BTreeMap<String, LockedServer>,
    /// The classes that documents use of a server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node: BTreeMap<String, ClassOutline>,
    /// Model files, by folder and name as ComfyUI knows them: `checkpoints/sd_xl_base_1.0.safetensors`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, LockedHash>,
    /// Input files, by path relative to the workspace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, LockedHash>,
}

impl Default for Lock {
    fn default() -> Self {
        let (object_info, node) = (BTreeMap::new(), BTreeMap::new());
        Self { format: LOCK_FORMAT, object_info, node, models: BTreeMap::new(), inputs: BTreeMap::new() }
    }
}

/// A server as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedServer {
    /// Hash of the signatures of all its classes.
    pub digest: LockedHash,
    /// Version of ComfyUI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comfyui: Option<String>,
    /// Version of `PyTorch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pytorch: Option<String>,
    /// Packs of custom nodes with their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub packs: BTreeMap<String, String>,
}

impl LockedServer {
    /// A server with these programs and classes.
    pub fn new(digest: ContentHash, versions: &Versions) -> Self {
        let Versions { comfyui, pytorch, packs, python: _ } = versions.clone();
        Self { digest: digest.into(), comfyui, pytorch, packs }
    }
}

/// The hash of something, where it can be had.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LockedHash {
    /// It could not be had: a model on a server that does not tell.
    Unknown,
    /// 64 hexadecimal digits in lower case.
    Known {
        /// How it was computed.
        algorithm: HashAlgorithm,
        /// The digits.
        digits: String,
    },
}

impl From<ContentHash> for LockedHash {
    fn from(hash: ContentHash) -> Self {
        Self::Known { algorithm: HashAlgorithm::Blake3, digits: hash.to_string() }
    }
}

impl fmt::Display for LockedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Known { algorithm, digits } => write!(f, "{algorithm}:{digits}"),
        }
    }
}

impl FromStr for LockedHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unknown" {
            return Ok(Self::Unknown);
        }
        let (algorithm, digits) = HashAlgorithm::split(text).ok_or(NO_HASH)?;
        if digits.len() != 64 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NO_HASH);
        }
        Ok(Self::Known { algorithm, digits: digits.to_owned() })
    }
}

const NO_HASH: &str = "a locked hash is \"unknown\", or \"blake3:\" or \"sha256:\" and 64 hexadecimal digits";

impl Serialize for LockedHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LockedHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Reads a lock file. The first fault ends the reading: nobody writes this file by hand.
pub fn read_lock(text: &str, file: &Arc<str>) -> Parsed<Lock> {
    let newer = |format: u32| {
        Diagnostic::error(
            "newer-lock",
            file,
            None,
            format!("the lock has format {format}; this program reads {LOCK_FORMAT}"),
        )
        .with_hint("use the newer comfywright that wrote it")
    };
    // The format first: a newer file may hold anything.
    let format = toml::from_str::<LockHead>(text).map(|head| head.format);
    let diagnostic = match (format, toml::from_str::<Lock>(text)) {
        (Ok(format), _) if format > LOCK_FORMAT => newer(format),
        (_, Ok(lock)) => return Parsed { value: Some(lock), tree: None, diagnostics: Vec::new() },
        (_, Err(error)) => {
            let message = format!("the lock cannot be read: {}", error.message().trim_end_matches('.'));
            Diagnostic::error("invalid-lock", file, error.span().map(Span::from), message)
                .with_hint("write it anew: comfywright lock")
        }
    };
    Parsed { value: None, tree: None, diagnostics: vec![diagnostic] }
}

#[derive(Deserialize)]
struct LockHead {
    format: u32,
}

impl Lock {
    /// The text of the file: the same for the same facts, on every system.
    pub fn to_text(&self) -> String {
        // Strings in sorted maps can always be written.
        format!("{HEAD}{}", toml::to_string_pretty(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Lock {
        let mut lock = Lock::default();
        let versions = Versions { comfyui: Some("0.3.75".into()), ..Versions::default() };
        lock.object_info.insert("local".into(), LockedServer::new(ContentHash::of_bytes(b"nodes"), &versions));
        lock.node.insert("A B".into(), ClassOutline { outputs: vec!["IMAGE".into()], ..ClassOutline::default() });
        lock.models.insert("loras/b.safetensors".into(), LockedHash::Unknown);
        lock.models.insert(
            "checkpoints/a \"b\".safetensors".into(),
            LockedHash::Known { algorithm: HashAlgorithm::Sha256, digits: "0f".repeat(32) },
        );
        lock.inputs.insert("photos/a.jpg".into(), ContentHash::of_bytes(b"a").into());
        lock
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let text = example().to_text();
        let parsed = read_lock(&text, &"comfywright.lock".into());
        assert_eq!(parsed.diagnostics, []);
        assert_eq!(parsed.value, Some(example()));
        assert!(text.starts_with(HEAD) && text.contains("\"loras/b.safetensors\" = \"unknown\"\n"), "{text}");
        let order = ["[object_info.local]", "[node.\"A B\"]", "[models]", "checkpoints/a", "loras/b", "[inputs]"]
            .map(|part| text.find(part));
        assert!(order.is_sorted() && order[0].is_some(), "{text}");
        assert_eq!(read_lock(&Lock::default().to_text(), &"l".into()).value, Some(Lock::default()));
    }

    #[test]
    fn faults() {
        for (text, code) in [
            ("format = 2\nnews = 1", "newer-lock"),
            ("", "invalid-lock"),
            ("format = 1\n[models]\na = \"blake3:00\"", "invalid-lock"),
            ("format = 1\n[model]", "invalid-lock"),
            ("<<<<<<< ours", "invalid-lock"),
        ] {
            let parsed = read_lock(text, &"comfywright.lock".into());
            assert_eq!(parsed.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [code], "{text}");
            assert_eq!(parsed.value, None);
        }
    }
}
