//! All classes that a server knows, as its `object_info` tells.
//!
//! The file has megabytes and a document uses a few classes, so it is only cut into classes at
//! first; each is read when somebody asks for it.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use indexmap::IndexMap;
use serde_json::{Value, value::RawValue};

use super::{class::ClassInfo, class_reader::read_class};
use crate::{content_hash::ContentHash, ident::did_you_mean};

/// The classes of a server, or of a snapshot of one.
#[derive(Clone, Debug, Default)]
pub struct NodeSet {
    classes: IndexMap<String, LazyClass>,
}

#[derive(Clone, Debug)]
struct LazyClass {
    text: Arc<str>,
    range: Range<usize>,
    info: OnceLock<Box<ClassInfo>>,
}

/// Why a text is not an `object_info`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectInfoError {
    /// The text is not JSON.
    #[error("read object_info: line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A class is not described by an object.
    #[error("read object_info: class \"{class}\" is not an object")]
    NotAClass {
        /// The class.
        class: String,
    },
}

impl NodeSet {
    /// The classes that `text`, the JSON that `GET /object_info` returns, describes.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, ObjectInfoError> {
        let text: Arc<str> = text.into();
        let raw: IndexMap<String, &RawValue> =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| ObjectInfoError::Json {
                line: error.line(),
                column: error.column(),
                message: error.to_string(),
            })?;
        let mut classes = IndexMap::with_capacity(raw.len());
        for (name, value) in raw {
            if !value.get().starts_with('{') {
                return Err(ObjectInfoError::NotAClass { class: name });
            }
            let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
            let range = start..start + value.get().len();
            classes.insert(name, LazyClass { text: text.clone(), range, info: OnceLock::new() });
        }
        Ok(Self { classes })
    }

    /// The class called `name`.
    pub fn class(&self, name: &str) -> Option<&ClassInfo> {
        self.classes.get_key_value(name).map(|(name, lazy)| lazy.info(name))
    }

    /// Whether there is a class called `name`; cheaper than [`NodeSet::class`].
    pub fn contains(&self, name: &str) -> bool {
        self.classes.contains_key(name)
    }

    /// The names of all classes, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.classes.keys().map(String::as_str)
    }

    /// All classes, in the order of the file.
    pub fn classes(&self) -> impl Iterator<Item = &ClassInfo> {
        self.classes.iter().map(|(name, lazy)| lazy.info(name))
    }

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class that `name` was probably meant to be.
    pub fn suggest(&self, name: &str) -> Option<&str> {
        did_you_mean(name, self.names())
    }

    /// Adds those classes of `other` that this set does not have.
    pub fn add_missing(&mut self, other: &Self) {
        for (name, lazy) in &other.classes {
            if !self.contains(name) {
                self.classes.insert(name.clone(), lazy.clone());
            }
        }
    }

    /// Hash of the signatures of all classes. Two servers that differ only in their files, or in
    /// the order of their classes, have the same.
    pub fn digest(&self) -> ContentHash {
        let mut lines: Vec<String> =
            self.classes().map(|class| format!("{} {}\n", class.signature_hash(), class.name)).collect();
        lines.sort_unstable();
        ContentHash::of_bytes(lines.concat().as_bytes())
    }
}

impl LazyClass {
    fn info(&self, name: &str) -> &ClassInfo {
        self.info.get_or_init(|| {
            // The text was parsed once already, so this yields the class; an empty one otherwise.
            let value: Value = serde_json::from_str(&self.text[self.range.clone()]).unwrap_or_default();
            Box::new(read_class(name, &value))
        })
    }
}
