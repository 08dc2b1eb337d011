//! Files of the workspace as a server's input files: each content once for each server.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use tokio::sync::OnceCell;

use super::{client::Client, client_error::ClientError, protocol::OutputRef};
use crate::{
    content_hash::ContentHash,
    outputs::{FileError, inside, read},
};

/// Folder of ours in a server's input folder.
const FOLDER: &str = "comfywright";

/// Most characters of a file's ending.
const LONGEST_ENDING: usize = 8;

/// What was uploaded to one server, or found there.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    /// The name on the server, by content and ending.
    names: Mutex<BTreeMap<String, Arc<OnceCell<String>>>>,
    /// The content of a file that has not changed since.
    hashes: Mutex<BTreeMap<PathBuf, (u64, SystemTime, ContentHash)>>,
}

/// Why a file is not on the server. Reads "failed to {error}".
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    /// It cannot be read here.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server did not take it.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Uploads {
    /// The name under which the server's loaders know the file at `relative`; uploads it unless
    /// the server has its content already.
    pub(super) async fn name_of(&self, client: &Client, root: &Path, relative: &str) -> Result<String, UploadError> {
        let hash = self.hash(root, relative).await?;
        let name = format!("{hash}{}", ending(relative));
        let cell = self.names.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone();
        let known = cell.get_or_try_init(|| upload(client, root, relative, &name)).await?;
        Ok(known.clone())
    }

    /// Forgets what is on the server: its input folder may have been emptied.
    pub(super) fn forget(&self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn hash(&self, root: &Path, relative: &str) -> Result<ContentHash, UploadError> {
        let path = inside(root, relative)?;
        let found = std::fs::metadata(&path).and_then(|found| Ok((found.len(), found.modified()?)));
        let known = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).get(&path).copied();
        if let (Ok((size, time)), Some((known_size, known_time, hash))) = (&found, known)
            && (*size, *time) == (known_size, known_time)
        {
            return Ok(hash);
        }
        let hash = ContentHash::of_bytes(&read_file(root, relative).await?);
        if let Ok((size, time)) = found {
            self.hashes.lock().unwrap_or_else(PoisonError::into_inner).insert(path, (size, time, hash));
        }
        Ok(hash)
    }
}

async fn read_file(root: &Path, relative: &str) -> Result<Vec<u8>, FileError> {
    let (root, path) = (root.to_owned(), relative.to_owned());
    let broken = |e: tokio::task::JoinError| FileError::Io {
        action: "read",
        path: relative.to_owned(),
        source: std::io::Error::other(e),
    };
    tokio::task::spawn_blocking(move || read(&root, &path)).await.map_err(broken)?
}

async fn upload(client: &Client, root: &Path, relative: &str, name: &str) -> Result<String, UploadError> {
    let bytes = read_file(root, relative).await?;
    let there = OutputRef { filename: name.to_owned(), subfolder: FOLDER.to_owned(), folder: "input".to_owned() };
    // A server that cannot be asked gets the file.
    if client.size_of(&there).await.ok().flatten() == Some(bytes.len() as u64) {
        return Ok(format!("{FOLDER}/{name}"));
    }
    let stored = client.upload(bytes, name, FOLDER).await?;
    let folder = stored.subfolder.trim_matches('/');
    Ok(if folder.is_empty() { stored.name } else { format!("{folder}/{}", stored.name) })
}

/// The ending of a file's name with its dot, by which a server knows what it is.
fn ending(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((_, ending)) if ending.len() <= LONGEST_ENDING && ending.chars().all(|c| c.is_ascii_alphanumeric()) => {
            format!(".{}", ending.to_ascii_lowercase())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings() {
        assert_eq!(ending("photos/A b.PNG"), ".png");
        assert_eq!(ending("a.b/c"), "");
        assert_eq!(ending("x.tar/../y.mp4"), ".mp4");
        assert_eq!(ending("y.a-very-long-ending"), "");
    }
}
