//! What all calls share.

use std::path::PathBuf;

use super::findings::{Refusal, refused};
use crate::app::{AppError, Session, SessionOptions, Sources};

/// The workspace that is served.
pub(super) struct Shared {
    start: Option<PathBuf>,
}

impl Shared {
    pub(super) fn new(start: Option<PathBuf>) -> Self {
        Self { start }
    }

    /// The workspace as it is now.
    pub(super) fn session(&self) -> Result<Session, Refusal> {
        let options = SessionOptions { start: self.start.clone(), object_info: None };
        Session::open_for_client(&options).map_err(|e| refused(&e, &Sources::default()))
    }

    /// Does `work` with the workspace as it is now.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Session) -> Result<T, AppError>) -> Result<T, Refusal> {
        let session = self.session()?;
        work(&session).map_err(|e| refused(&e, &Sources::of(&session)))
    }
}
