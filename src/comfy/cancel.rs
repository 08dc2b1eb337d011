//! What is done about prompts for which nobody waits any longer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{follow::Ended, server::Server};
use crate::model::ErrorClass;

/// Longest wait for cancellations at the end.
const SETTLE: Duration = Duration::from_secs(10);

/// Cancellations that are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancels(Arc<Mutex<JoinSet<()>>>);

impl Cancels {
    /// Waits a short time for them.
    pub(super) async fn settle(&self) {
        let mut cancels = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // What is not cancelled by then goes on and is found by the next process.
        let _ = tokio::time::timeout(SETTLE, async { while cancels.join_next().await.is_some() {} }).await;
    }
}

/// Cancels a prompt for which nobody waits any longer, beside everything else.
pub(super) struct CancelOnDrop {
    server: Arc<Server>,
    pub(super) id: Uuid,
    pub(super) is_armed: bool,
    cancels: Cancels,
}

impl CancelOnDrop {
    /// A guard of prompt `id` on `server`.
    pub(super) fn new(server: &Arc<Server>, id: Uuid, cancels: &Cancels) -> Self {
        Self { server: Arc::clone(server), id, is_armed: true, cancels: cancels.clone() }
    }

    /// What has ended needs no cancelling; what took too long does.
    pub(super) fn release(&mut self, ended: &Ended) {
        self.is_armed = matches!(ended, Ended::Failed(fault) if fault.class == ErrorClass::Timeout);
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        // Without a runtime the process is ending.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (server, id) = (Arc::clone(&self.server), self.id);
        let cancel = async move { server.cancel(id).await };
        self.cancels.0.lock().unwrap_or_else(PoisonError::into_inner).spawn_on(cancel, &runtime);
    }
}
