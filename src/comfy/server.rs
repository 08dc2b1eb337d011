//! One server of the pool: its client, its WebSocket, what was uploaded to it, and how it is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
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

/// Longest time for which a server that cannot be reached is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(30);

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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    silent_until: Option<Instant>,
    /// How often in a row it could not be reached.
    silences: u32,
    last_number: f64,
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
    pub(super) fn new(settings: ServerSettings, patience: Patience) -> Result<Self, ClientError> {
        Ok(Self {
            client: Client::new(&settings)?,
            settings,
            patience,
            routes: Arc::default(),
            uploads: Uploads::default(),
            socket: Mutex::default(),
            state: Mutex::default(),
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

    /// Whether it answered lately.
    pub(super) fn answers(&self) -> bool {
        self.lock().silent_until.is_none_or(|until| until <= Instant::now())
    }

    /// Notes that it could not be reached: it is left alone, longer each time.
    pub(super) fn note_silence(&self) {
        let mut state = self.lock();
        let wait = self.patience.without_socket * 2_u32.saturating_pow(state.silences.min(8));
        state.silences += 1;
        state.silent_until = Some(Instant::now() + wait.min(LEFT_ALONE));
    }

    /// Notes the number of a submission. A smaller one than before means that the server has
    /// restarted: everybody looks whether his prompt is still there.
    pub(super) fn note_number(&self, number: f64) {
        let before = {
            let mut state = self.lock();
            state.silences = 0;
            std::mem::replace(&mut state.last_number, number)
        };
        if number < before {
            self.routes.look_all();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
