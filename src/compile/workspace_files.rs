//! Files that documents name: found in the workspace, with content hash and size in pixels.

use std::{
    collections::HashMap,
    io::BufReader,
    sync::{Mutex, PoisonError},
};

use super::lower::LowerError;
use crate::{
    files::{PathError, World, WorldError, join_relative},
    graph::BoundFile,
    imagefile,
};

/// Remembers what was found, so that a file is read once however many items use it.
#[derive(Debug, Default)]
pub struct WorkspaceFiles {
    known: Mutex<HashMap<String, BoundFile>>,
}

/// Endings of files whose header is looked at.
const IMAGES: [&str; 9] = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "apng"];

impl WorkspaceFiles {
    /// The file that a document at `document` calls `path`. With `hash`, its identity is the hash
    /// of its content; without, its path. An image must have a header that can be read and a size
    /// within the limits.
    pub fn find(&self, world: &dyn World, document: &str, path: &str, hash: bool) -> Result<BoundFile, LowerError> {
        let inside = join_relative(document, path).map_err(|e| {
            let error = LowerError::new(e.code(), e.to_string());
            match e {
                PathError::Outside { .. } => {
                    error.hint("copy the file into the workspace, below the folder with comfywright.toml")
                }
                PathError::NotPortable { .. } => error,
            }
        })?;
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&inside) {
            return Ok(known.clone());
        }
        let unreadable = |e: WorldError| {
            LowerError::new(e.code(), format!("failed to {e}")).hint("paths are relative to the document")
        };
        let identity = if hash { world.hash(&inside).map_err(unreadable)?.to_string() } else { inside.clone() };
        let stream = world.open(&inside).map_err(unreadable)?;
        let mut bound = BoundFile { path: inside.clone(), identity, ..BoundFile::default() };
        let ending = inside.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
        if IMAGES.contains(&ending.as_str()) {
            let header = imagefile::header(BufReader::new(stream))
                .and_then(|h| imagefile::Limits::default().check(h.width, h.height, h.bits, 1).map(|()| h))
                .map_err(|e| LowerError::new("unreadable-image", format!("failed to {e} (\"{path}\")")))?;
            (bound.width, bound.height) = (header.width, header.height);
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(inside, bound.clone());
        Ok(bound)
    }
}
