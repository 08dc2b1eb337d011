//! One server: its client, its WebSocket, what was uploaded to it, and how it is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use uuid::Uuid;

use super::{
    client::Client,
    client_error::ClientError,
    executor::PreviewSink,
    protocol::HistoryEntry,
    settings::{Patience, ServerSettings},
    socket::{Routes, Socket},
    upload::Uploads,
};

/// How long a submission waits for the WebSocket, without which it is only polled.
const SOCKET: Duration = Duration::from_secs(2);

/// Longest time that is spent on cancelling one prompt.
const CANCEL: Duration = Duration::from_secs(10);

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) settings: ServerSettings,
    pub(super) client: Client,
    pub(super) patience: Patience,
    pub(super) routes: Arc<Routes>,
    pub(super) uploads: Uploads,
    socket: Mutex<Option<Arc<Socket>>>,
    /// Number of the last submission.
    last_number: Mutex<f64>,
}

/// Where a prompt is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whereabouts {
    /// It waits for its turn.
    Pending,
    /// It runs.
    Running,
    /// It has ended.
    Ended(Box<HistoryEntry>),
    /// The server does not know it.
    Unknown,
}

impl Server {
    pub(super) fn new(settings: ServerSettings, mut patience: Patience) -> Result<Self, ClientError> {
        patience.dead_after = settings.dead_after.unwrap_or(patience.dead_after);
        patience.grace = settings.grace.unwrap_or(patience.grace);
        Ok(Self {
            client: Client::new(&settings)?,
            settings,
            patience,
            routes: Arc::default(),
            uploads: Uploads::default(),
            socket: Mutex::default(),
            last_number: Mutex::default(),
        })
    }

    /// The WebSocket, which is opened at the first use; waits a little for the
    /// first attempt to connect.
    pub(super) async fn socket(&self, client_id: &str, previews: Option<&PreviewSink>) -> Arc<Socket> {
        let socket = {
            let mut slot = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
            let open = || Arc::new(Socket::open(&self.client, client_id, self.routes.clone(), previews.cloned()));
            slot.get_or_insert_with(open).clone()
        };
        // Without it, queue and history are asked.
        let _ = tokio::time::timeout(SOCKET, socket.opened()).await;
        socket
    }

    /// Notes the number of a submission. A smaller one than before means that the server has
    /// restarted: everybody looks whether his prompt is still there.
    pub(super) fn note_number(&self, number: f64) {
        let before = std::mem::replace(&mut *self.last_number.lock().unwrap_or_else(PoisonError::into_inner), number);
        if number < before {
            self.routes.look_all();
        }
    }

    /// Where `id` is. The queue is asked first: what left it in between is in the history.
    pub(super) async fn find(&self, id: Uuid) -> Result<Whereabouts, ClientError> {
        let queue = self.client.queue().await?;
        if queue.is_running(id) {
            return Ok(Whereabouts::Running);
        }
        if queue.is_pending(id) {
            return Ok(Whereabouts::Pending);
        }
        let entry = self.client.history(id).await?;
        Ok(entry.map_or(Whereabouts::Unknown, |entry| Whereabouts::Ended(Box::new(entry))))
    }

    /// Cancels `id` and nothing else, as well as it can be done in a short time.
    pub(super) async fn cancel(&self, id: Uuid) {
        // Nobody waits for the outcome: what goes on running is somebody's electricity.
        let _ = tokio::time::timeout(CANCEL, self.try_cancel(id)).await;
    }

    async fn try_cancel(&self, id: Uuid) -> Result<(), ClientError> {
        if self.client.cancel_job(id).await? {
            return Ok(());
        }
        // The submission may still be on its way, and a prompt that is deleted may have begun.
        for _ in 0..5 {
            match self.find(id).await? {
                Whereabouts::Running => self.client.interrupt(id).await?,
                Whereabouts::Pending => self.client.delete_pending(id).await?,
                Whereabouts::Ended(_) => return Ok(()),
                Whereabouts::Unknown => {}
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}
