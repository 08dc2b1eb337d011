//! Prompts of processes that are gone are taken back.

use std::time::Duration;

use uuid::Uuid;

use super::{Patience, ServerSettings, server::Server};

/// Longest time that one server gets.
const LONGEST: Duration = Duration::from_secs(10);

/// Cancels those of `ids` that wait or run on `servers`; a server that does not answer is left alone.
pub async fn withdraw(servers: Vec<ServerSettings>, ids: Vec<Uuid>) {
    for settings in servers {
        let Ok(server) = Server::new(settings, Patience::default()) else { continue };
        // Whatever goes on running is somebody's electricity, and nobody's result.
        let _ = tokio::time::timeout(LONGEST, withdraw_from(&server, &ids)).await;
    }
}

async fn withdraw_from(server: &Server, ids: &[Uuid]) {
    let Ok(queue) = server.client.queue().await else { return };
    for id in ids.iter().filter(|id| queue.is_pending(**id) || queue.is_running(**id)) {
        server.cancel(*id).await;
    }
}
