//! The servers of a run, and who may submit to which of them now.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    room::{Room, choose},
    server::Server,
};
use crate::plan::Placement;

/// How soon a server that was silent is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// The servers, and how full each is.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) servers: Vec<Server>,
    /// Prompts that are with each server.
    held: Mutex<Vec<u32>>,
    freed: Notify,
}

/// A place in a server's queue; leaving it lets another item in.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) pool: Arc<Pool>,
    pub(super) number: usize,
}

impl Seat {
    pub(super) fn server(&self) -> &Server {
        &self.pool.servers[self.number]
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pool.held()[self.number] -= 1;
        self.pool.freed.notify_waiters();
    }
}

impl Pool {
    pub(super) fn new(servers: Vec<Server>) -> Self {
        let held = Mutex::new(vec![0; servers.len()]);
        Self { servers, held, freed: Notify::new() }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers of the servers on which a job with this placement may run.
    pub(super) fn suiting(&self, placement: &Placement) -> Vec<usize> {
        let names: &[String] = if let Placement::Comfy(names) = placement { names } else { &[] };
        let suits = |server: &Server| names.is_empty() || names.iter().any(|name| server.settings.is_called(name));
        self.servers.iter().enumerate().filter(|(_, server)| suits(server)).map(|(number, _)| number).collect()
    }

    pub(super) fn take(self: &Arc<Self>, number: usize) -> Seat {
        self.held()[number] += 1;
        Seat { pool: Arc::clone(self), number }
    }

    /// A place on one of these servers, if there is one now.
    fn try_seat(self: &Arc<Self>, suiting: &[usize]) -> Option<Seat> {
        let mut held = self.held();
        let room = |(number, server): (usize, &Server)| Room {
            suits: suiting.contains(&number),
            answers: server.answers(),
            free: server.settings.depth().saturating_sub(held[number]),
        };
        let rooms: Vec<Room> = self.servers.iter().enumerate().map(room).collect();
        let number = choose(&rooms)?;
        held[number] += 1;
        Some(Seat { pool: Arc::clone(self), number })
    }

    /// Waits for a place on one of these servers.
    pub(super) async fn seat(self: &Arc<Self>, suiting: &[usize]) -> Seat {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(seat) = self.try_seat(suiting) {
                return seat;
            }
            // A silent server is tried again after a while, whether a place was freed or not.
            let _ = tokio::time::timeout(TRY_AGAIN, freed).await;
        }
    }
}
