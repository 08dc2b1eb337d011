//! The WebSocket to one server: kept open, its messages handed to whoever follows a prompt.
//!
//! It has no replay: after every connection, followers are told to look for themselves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _},
};
use uuid::Uuid;

use super::{
    client::Client,
    executor::PreviewSink,
    socket_message::{PromptEvent, SocketMessage, read_binary, read_text},
};
use crate::failpoint::{Point, pass_async};

/// Longest time until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);

/// First and longest wait before the next connection.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a follower of a prompt is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Update {
    /// Something happened to it.
    Event(PromptEvent),
    /// Something may have happened unseen: the connection is new, or the server has restarted.
    Look,
}

/// How a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The first attempt is not over.
    Opening,
    /// It stands.
    Up,
    /// It does not.
    Down,
}

/// Who follows which prompt.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<BTreeMap<Uuid, mpsc::UnboundedSender<Update>>>);

impl Routes {
    /// What is said about `id` from now on. A follower before is told nothing more.
    pub(super) fn follow(&self, id: Uuid) -> mpsc::UnboundedReceiver<Update> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().insert(id, sender);
        receiver
    }

    /// Forgets followers that are gone.
    pub(super) fn tidy(&self) {
        self.lock().retain(|_, sender| !sender.is_closed());
    }

    /// Tells every follower to look.
    pub(super) fn look_all(&self) {
        for sender in self.lock().values() {
            // A follower that is gone needs nothing.
            let _ = sender.send(Update::Look);
        }
    }

    fn tell(&self, id: Uuid, event: PromptEvent) {
        if let Some(sender) = self.lock().get(&id) {
            let _ = sender.send(Update::Event(event));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, mpsc::UnboundedSender<Update>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A WebSocket that reconnects until it is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    task: JoinHandle<()>,
    link: watch::Receiver<Link>,
}

impl Socket {
    /// Begins to connect.
    pub(super) fn open(client: &Client, client_id: &str, routes: Arc<Routes>, previews: Option<PreviewSink>) -> Self {
        let (sender, link) = watch::channel(Link::Opening);
        let connection =
            Connection { client: client.clone(), client_id: client_id.to_owned(), routes, previews, link: sender };
        Self { task: tokio::spawn(connection.keep()), link }
    }

    /// Whether it is connected.
    pub(super) fn is_connected(&self) -> bool {
        *self.link.borrow() == Link::Up
    }

    /// Waits until the first attempt to connect is over.
    pub(super) async fn opened(&self) {
        // The sender lives as long as the task.
        let _ = self.link.clone().wait_for(|link| *link != Link::Opening).await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Connection {
    client: Client,
    client_id: String,
    routes: Arc<Routes>,
    previews: Option<PreviewSink>,
    link: watch::Sender<Link>,
}

impl Connection {
    async fn keep(self) {
        let mut wait = AGAIN.0;
        loop {
            if self.serve().await {
                wait = AGAIN.0;
            }
            self.link.send_replace(Link::Down);
            self.routes.look_all();
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AGAIN.1);
        }
    }

    /// Connects and hands out messages until the connection ends; says whether there was one.
    async fn serve(&self) -> bool {
        if pass_async(Point::SocketOpen).await.is_err() {
            return false;
        }
        let Ok(mut request) = self.client.socket_url(&self.client_id).into_client_request() else { return false };
        request.headers_mut().extend(self.client.headers().clone());
        let connecting = tokio::time::timeout(CONNECT, connect_async_with_config(request, None, true));
        let Ok(Ok((mut socket, _))) = connecting.await else { return false };
        // The first message may say what we understand; a server that does not know it passes it over.
        let flags = r#"{"type":"feature_flags","data":{"supports_preview_metadata":true}}"#;
        if socket.send(Message::text(flags)).await.is_err() {
            return false;
        }
        self.routes.look_all();
        self.link.send_replace(Link::Up);
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) => self.hand_out(read_text(&text)),
                Message::Binary(bytes) => self.hand_out(read_binary(&bytes)),
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        true
    }

    fn hand_out(&self, message: SocketMessage) {
        match (message, &self.previews) {
            (SocketMessage::Prompt(id, event), _) => self.routes.tell(id, event),
            (SocketMessage::Preview(preview), Some(sink)) => sink(self.client.name(), &preview),
            _ => {}
        }
    }
}
