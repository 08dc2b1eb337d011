//! Notes which files are read.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::files::{FileInfo, Listed, Stream, World, WorldError};

/// A world that notes which of its files are opened.
pub(super) struct RecordingWorld {
    inner: Arc<dyn World>,
    opened: Mutex<BTreeSet<String>>,
}

impl RecordingWorld {
    /// The files of `inner`, none of them opened yet.
    pub(super) fn new(inner: Arc<dyn World>) -> Self {
        Self { inner, opened: Mutex::default() }
    }

    /// Forgets which were opened.
    pub(super) fn forget(&self) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The files that were opened.
    pub(super) fn opened(&self) -> BTreeSet<String> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl World for RecordingWorld {
    fn info(&self, path: &str) -> Result<FileInfo, WorldError> {
        self.inner.info(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Stream>, WorldError> {
        let stream = self.inner.open(path)?;
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Ok(stream)
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, WorldError> {
        self.inner.list(path)
    }
}
