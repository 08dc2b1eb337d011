//! Waits for a prompt to end: listens to the WebSocket, and looks into queue and history while
//! that is silent.

use std::{sync::Arc, time::Duration};

use crate::ident::IndexMap;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::{
    problems,
    progress::Steps,
    protocol::{HistoryEntry, HistoryStatus},
    server::{Server, Whereabouts},
    socket::{Socket, Update},
    socket_message::{PromptEvent, prompt_event},
};
use crate::{
    model::ErrorClass,
    run::{Fault, Job, Signal, Signals},
};

/// Between two looks when the first did not find the prompt.
const SECOND_LOOK: Duration = Duration::from_millis(200);

/// How often a prompt must be nowhere to be found before it counts as lost.
const LOOKS: u32 = 2;

/// First and longest wait for the history to have what has ended.
const HISTORY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// How a prompt ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With what its output nodes left, by id, and how many seconds it ran, if that is known.
    Done(IndexMap<String, Value>, Option<f64>),
    /// With an error.
    Failed(Fault),
    /// The server does not know it: it has restarted.
    Lost,
    /// The server has been out of reach for too long.
    Away(String),
}

/// Somebody who waits for a prompt.
pub(super) struct Follower<'a> {
    server: &'a Server,
    id: Uuid,
    job: &'a Job,
    signals: &'a Signals,
    socket: Arc<Socket>,
    updates: mpsc::UnboundedReceiver<Update>,
    steps: Steps,
    left: IndexMap<String, Value>,
    /// Whether everything that was said about it was heard.
    heard_all: bool,
    /// When it began to run.
    began: Option<Instant>,
    answered: Instant,
    absent: u32,
}

impl<'a> Follower<'a> {
    /// Begins to listen; before the submission, so that nothing is missed.
    pub(super) fn new(server: &'a Server, socket: Arc<Socket>, id: Uuid, job: &'a Job, signals: &'a Signals) -> Self {
        let updates = server.routes.follow(id);
        Self {
            server,
            id,
            job,
            signals,
            updates,
            steps: Steps::of(&job.prepared.graph),
            left: IndexMap::default(),
            heard_all: socket.is_connected(),
            socket,
            began: None,
            answered: Instant::now(),
            absent: 0,
        }
    }

    /// Listens to another id, by which an old server knows the prompt.
    pub(super) fn rename(&mut self, id: Uuid) {
        if id != self.id {
            (self.id, self.heard_all) = (id, false);
            self.updates = self.server.routes.follow(id);
        }
    }

    /// It was not followed from its beginning.
    pub(super) fn adopt(&mut self) {
        self.heard_all = false;
    }

    /// Waits for the end.
    pub(super) async fn follow(mut self) -> Ended {
        // What was adopted or renamed may have ended already.
        if !self.heard_all
            && let Some(ended) = self.look().await
        {
            return ended;
        }
        loop {
            let ended = match timeout(self.wait(), self.updates.recv()).await {
                Ok(Some(Update::Event(event))) => self.event(event).await,
                Ok(Some(Update::Look)) => {
                    self.heard_all = false;
                    self.look().await
                }
                Ok(None) | Err(_) => self.look().await,
            };
            if let Some(ended) = ended.or_else(|| self.overdue()) {
                return ended;
            }
        }
    }

    /// How long it may be silent before somebody looks.
    fn wait(&self) -> Duration {
        let patience = &self.server.patience;
        let wait = match (self.absent, self.socket.is_connected()) {
            (1.., _) => SECOND_LOOK,
            (0, true) => patience.silence,
            (0, false) => patience.without_socket,
        };
        match self.deadline() {
            Some(deadline) => wait.min(deadline.saturating_duration_since(Instant::now())),
            None => wait,
        }
    }

    /// The timeout counts from the time when the prompt begins to run: it is no matter of the
    /// prompt how long the queue is.
    fn deadline(&self) -> Option<Instant> {
        Some(self.began? + self.job.timeout?)
    }

    fn overdue(&self) -> Option<Ended> {
        let timeout = self.job.timeout?;
        if self.deadline()? > Instant::now() {
            return None;
        }
        let message = format!("it took longer than {} s", timeout.as_secs_f64());
        Some(Ended::Failed(Fault::new(ErrorClass::Timeout, message)))
    }

    async fn event(&mut self, event: PromptEvent) -> Option<Ended> {
        (self.answered, self.absent) = (Instant::now(), 0);
        self.began.get_or_insert(self.answered);
        if self.steps.note(&event) {
            (self.signals)(Signal::Share(self.steps.share()));
        }
        match event {
            PromptEvent::Executed { node, output } => {
                self.left.insert(node, output);
                None
            }
            PromptEvent::Succeeded => Some(self.succeeded().await),
            PromptEvent::Failed(error) => Some(Ended::Failed(problems::broke_off(&self.server.settings.name, &error))),
            PromptEvent::Interrupted => Some(self.interrupted()),
            _ => None,
        }
    }

    fn interrupted(&self) -> Ended {
        let message = format!("somebody interrupted it on the server \"{}\"", self.server.settings.name);
        Ended::Failed(Fault::new(ErrorClass::Error, message))
    }

    /// What its output nodes left: as it was heard, or from the history, which is written after the
    /// message.
    async fn succeeded(&mut self) -> Ended {
        let is_complete = self.job.prepared.outputs.iter().all(|spec| self.left.contains_key(&spec.node));
        if self.heard_all && is_complete {
            let seconds = self.began.map(|began| began.elapsed().as_secs_f64());
            return Ended::Done(std::mem::take(&mut self.left), seconds);
        }
        let until = Instant::now() + self.server.patience.history;
        let mut wait = HISTORY.0;
        loop {
            match self.server.client.history(self.id).await {
                Ok(Some(entry)) => return self.ended(entry),
                Err(error) if Instant::now() >= until => return Ended::Failed(problems::request(&error)),
                // Where its files are is forgotten, as after a restart.
                Ok(None) if Instant::now() >= until => return Ended::Lost,
                Ok(None) | Err(_) => tokio::time::sleep(wait).await,
            }
            wait = (wait * 2).min(HISTORY.1);
        }
    }

    /// Looks where it is.
    async fn look(&mut self) -> Option<Ended> {
        let found = match self.server.find(self.id).await {
            Ok(found) => found,
            Err(error) => {
                let is_dead = self.answered.elapsed() > self.server.patience.dead_after;
                if !is_dead {
                    (self.signals)(Signal::Silent);
                    // A refused connection comes back at once.
                    tokio::time::sleep(self.server.patience.without_socket).await;
                }
                return is_dead.then(|| Ended::Away(problems::request(&error).message));
            }
        };
        self.answered = Instant::now();
        self.absent = if found == Whereabouts::Unknown { self.absent + 1 } else { 0 };
        match found {
            Whereabouts::Pending => None,
            Whereabouts::Running => {
                self.began.get_or_insert(self.answered);
                None
            }
            Whereabouts::Ended(entry) => Some(self.ended(*entry)),
            Whereabouts::Unknown => (self.absent >= LOOKS).then_some(Ended::Lost),
        }
    }

    /// What the history says.
    fn ended(&self, entry: HistoryEntry) -> Ended {
        let status = entry.status.unwrap_or_default();
        for (kind, data) in &status.messages {
            match prompt_event(kind, data) {
                Some(PromptEvent::Failed(error)) => {
                    return Ended::Failed(problems::broke_off(&self.server.settings.name, &error));
                }
                Some(PromptEvent::Interrupted) => return self.interrupted(),
                _ => {}
            }
        }
        if status.status_str == "error" {
            let message = format!("the server \"{}\" says that it failed, and not why", self.server.settings.name);
            return Ended::Failed(Fault::new(ErrorClass::Error, message));
        }
        Ended::Done(entry.outputs, seconds(&status))
    }
}

/// How long a prompt ran, by the times that the server noted.
fn seconds(status: &HistoryStatus) -> Option<f64> {
    let time = |wanted: &str| {
        let (_, data) = status.messages.iter().find(|(kind, _)| kind == wanted)?;
        data.get("timestamp")?.as_f64()
    };
    let milliseconds = time("execution_success")? - time("execution_start")?;
    (milliseconds >= 0.0).then_some(milliseconds / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_tells_how_long_it_took() {
        let message = |kind: &str, time: u64| (kind.to_owned(), serde_json::json!({ "timestamp": time }));
        let messages = vec![message("execution_start", 1_000), message("execution_success", 3_500)];
        let mut status = HistoryStatus { messages, ..HistoryStatus::default() };
        assert_eq!(seconds(&status), Some(2.5));
        status.messages.pop();
        assert_eq!(seconds(&status), None);
    }
}
