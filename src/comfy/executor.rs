//! The pool of servers as an [`Executor`]: chooses a server, submits, follows, fetches, and cleans
//! up behind whoever stops waiting.
//!
//! **Invariant:** a prompt is submitted only where it is not known already. Whatever leaves that
//! open (an earlier process, a broken connection, an error after queueing) is looked up first.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinSet, time::Instant};
use uuid::Uuid;

use super::{
    client::Answer,
    client_error::ClientError,
    follow::{Ended, Follower},
    outputs, problems,
    protocol::{Submission, Submitted},
    room::{Room, choose},
    server::{Server, Whereabouts},
    settings::{Patience, ServerSettings},
    socket_message::Preview,
    submit::{Prompt, PromptError, prompt},
};
use crate::{
    graph::NodeSet,
    model::ErrorClass,
    plan::Placement,
    run::{Executor, Fault, Job, PortFuture, Produced, Progress},
};

/// Items beyond what a server holds that may be on their way: their files are uploaded or fetched
/// while it works on others.
const BESIDE: u32 = 2;

/// How often a prompt that a server lost is submitted again.
const MOST_LOSSES: u32 = 3;

/// Between two looks for a prompt that may still be on its way.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Longest wait for cancellations at the end.
const SETTLE: Duration = Duration::from_secs(10);

/// Gets intermediate images: the server's name and the image.
pub type PreviewSink = Arc<dyn Fn(&str, &Preview) + Send + Sync>;

/// What the executor needs beside the servers.
#[derive(Clone)]
pub struct ComfySettings {
    /// The workspace.
    pub root: PathBuf,
    /// Id of each WebSocket of ours: the same for the same run, so that a process that continues it hears
    /// what an earlier one submitted.
    pub client_id: String,
    /// How long to wait for what.
    pub patience: Patience,
    /// Signatures of the servers' classes.
    pub nodes: Arc<NodeSet>,
    /// Whether nodes that cost money may run.
    pub may_spend: bool,
    /// Who wants intermediate images, if anybody does.
    pub previews: Option<PreviewSink>,
}

impl fmt::Debug for ComfySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComfySettings")
            .field("root", &self.root)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Runs items on ComfyUI servers.
#[derive(Debug)]
pub struct ComfyExecutor {
    pool: Arc<Pool>,
    settings: ComfySettings,
    cancels: Arc<Mutex<JoinSet<()>>>,
}

#[derive(Debug)]
struct Pool {
    servers: Vec<Server>,
    /// Prompts that are with each server.
    held: Mutex<Vec<u32>>,
    freed: Notify,
}

/// A place in a server's queue; leaving it lets another item in.
#[derive(Debug)]
struct Seat {
    pool: Arc<Pool>,
    number: usize,
}

impl Seat {
    fn server(&self) -> &Server {
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
    fn held(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers of the servers on which a job with this placement may run.
    fn suiting(&self, placement: &Placement) -> Vec<usize> {
        let names: &[String] = if let Placement::Comfy(names) = placement { names } else { &[] };
        let suits = |server: &Server| names.is_empty() || names.iter().any(|name| server.settings.is_called(name));
        self.servers.iter().enumerate().filter(|(_, server)| suits(server)).map(|(number, _)| number).collect()
    }

    fn take(self: &Arc<Self>, number: usize) -> Seat {
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
    async fn seat(self: &Arc<Self>, suiting: &[usize]) -> Seat {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(seat) = self.try_seat(suiting) {
                return seat;
            }
            // A silent server is tried again after a while, whether a place was freed or not.
            let _ = tokio::time::timeout(LOOK_AGAIN, freed).await;
        }
    }
}

/// How a submission ended.
enum Submitting {
    /// The server has it, under this id.
    Known(Uuid),
    /// The server does not have it and may be asked again later.
    NotYet(ClientError),
    /// It will not run.
    Failed(Fault),
}

impl ComfyExecutor {
    /// An executor for these servers; connects to nothing yet.
    pub fn new(servers: Vec<ServerSettings>, settings: ComfySettings) -> Result<Self, ClientError> {
        let servers: Vec<Server> =
            servers.into_iter().map(|s| Server::new(s, settings.patience)).collect::<Result<_, _>>()?;
        let held = Mutex::new(vec![0; servers.len()]);
        let pool = Arc::new(Pool { servers, held, freed: Notify::new() });
        Ok(Self { pool, settings, cancels: Arc::default() })
    }

    /// Notes that a server could not be reached just now: others are used first.
    pub fn note_silence(&self, name: &str) {
        self.pool.servers.iter().filter(|server| server.settings.name == name).for_each(Server::note_silence);
    }

    /// Items that may be on their way at the same time.
    pub fn capacity(&self) -> u32 {
        self.pool.servers.iter().map(|server| server.settings.depth() + BESIDE).sum()
    }

    /// Waits a short time for cancellations that are under way.
    pub async fn settle(&self) {
        let mut cancels = std::mem::take(&mut *self.cancels.lock().unwrap_or_else(PoisonError::into_inner));
        // What is not cancelled by then goes on and is found by the next process.
        let _ = tokio::time::timeout(SETTLE, async { while cancels.join_next().await.is_some() {} }).await;
    }

    async fn run(&self, job: Job, progress: Progress) -> Result<Produced, Fault> {
        self.refuse_spending(&job)?;
        let suiting = self.pool.suiting(&job.prepared.placement);
        if suiting.is_empty() {
            return Err(Fault::new(ErrorClass::Error, "none of the servers of this run is meant by the task"));
        }
        let mut adopted = if job.submitted_before { self.find_earlier(&job, &suiting).await? } else { None };
        let mut losses = 0;
        loop {
            let (seat, ended) = match adopted.take() {
                Some(seat) => {
                    let ended = self.follow_adopted(&seat, &job, &progress).await;
                    (seat, ended)
                }
                None => self.submit_somewhere(&job, &progress, &suiting).await?,
            };
            match ended {
                Ended::Done(left) => {
                    let pool = Arc::clone(&seat.pool);
                    let number = seat.number;
                    drop(seat);
                    return outputs::fetch(&pool.servers[number].client, &self.settings.root, &job, &left).await;
                }
                Ended::Failed(fault) => return Err(fault),
                Ended::Lost => {
                    losses += 1;
                    self.lost(&seat, &job, losses)?;
                }
            }
        }
    }

    /// A server that does not know a prompt any more has restarted, and it may be submitted again:
    /// not for ever, and not when it may have cost money.
    fn lost(&self, seat: &Seat, job: &Job, losses: u32) -> Result<(), Fault> {
        let server = seat.server();
        server.uploads.forget();
        let message = format!("the server \"{}\" lost it, probably by a restart", server.settings.name);
        if self.costs_money(job) {
            let message = format!("{message}; it may have run, and running it again may cost money");
            return Err(Fault { unknown: true, ..Fault::new(ErrorClass::Transient, message) });
        }
        if losses >= MOST_LOSSES {
            return Err(Fault::new(ErrorClass::Transient, format!("{message}, {losses} times")));
        }
        Ok(())
    }

    fn costs_money(&self, job: &Job) -> bool {
        let classes = job.prepared.graph.nodes.values().map(|node| node.class.as_str());
        classes.filter_map(|class| self.settings.nodes.class(class)).any(|class| class.api_node)
    }

    fn refuse_spending(&self, job: &Job) -> Result<(), Fault> {
        if self.settings.may_spend || !self.costs_money(job) {
            return Ok(());
        }
        let message = "it uses a partner node, which costs money; allow it with --allow-spend";
        Err(Fault::new(ErrorClass::Error, message))
    }

    /// The server that knows what an earlier process meant to submit. When none does, it waits
    /// longer than a submission may be on its way.
    async fn find_earlier(&self, job: &Job, suiting: &[usize]) -> Result<Option<Seat>, Fault> {
        let until = Instant::now() + self.settings.patience.grace;
        loop {
            for number in suiting {
                let server = &self.pool.servers[*number];
                match self.find_surely(server, job.prompt_id).await {
                    Ok(Whereabouts::Unknown) => {}
                    Ok(_) => return Ok(Some(self.pool.take(*number))),
                    // What a dead server had moves to others, unless that may cost money twice.
                    Err(fault) if self.costs_money(job) || suiting.len() == 1 => {
                        return Err(Fault { unknown: self.costs_money(job), ..fault });
                    }
                    Err(_) => server.note_silence(),
                }
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Where a prompt is, waiting for a server that does not answer.
    async fn find_surely(&self, server: &Server, id: Uuid) -> Result<Whereabouts, Fault> {
        let until = Instant::now() + self.settings.patience.dead_after;
        loop {
            match server.find(id).await {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() >= until => return Err(problems::request(&error)),
                Err(_) => tokio::time::sleep(self.settings.patience.without_socket).await,
            }
        }
    }

    async fn follow_adopted(&self, seat: &Seat, job: &Job, progress: &Progress) -> Ended {
        let server = seat.server();
        let mut guard = self.guard(seat, job.prompt_id);
        let socket = server.socket(&self.settings.client_id, self.settings.previews.as_ref()).await;
        let mut follower = Follower::new(server, socket, job.prompt_id, job, progress);
        follower.adopt();
        let ended = follower.follow().await;
        guard.release(&ended);
        ended
    }

    /// Submits to the server with the most room and waits for the end. A server that cannot be
    /// reached is waited for, or another one takes the item.
    async fn submit_somewhere(
        &self,
        job: &Job,
        progress: &Progress,
        suiting: &[usize],
    ) -> Result<(Seat, Ended), Fault> {
        let mut silent_since = None;
        loop {
            let seat = self.pool.seat(suiting).await;
            let server = seat.server();
            let previews = self.settings.previews.is_some();
            let made = prompt(server, &self.settings.root, job, &self.settings.nodes, previews);
            let error = match made.await {
                Ok(prompt) => match self.submit_and_follow(&seat, job, progress, &prompt).await? {
                    Ok(ended) => return Ok((seat, ended)),
                    Err(error) => error,
                },
                Err(PromptError::Client(error)) if error.is_transient() => error,
                Err(error) => return Err(error.fault()),
            };
            server.note_silence();
            let since = *silent_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.settings.patience.dead_after {
                return Err(problems::request(&error));
            }
        }
    }

    /// The inner error: the server does not have it and may be asked again.
    async fn submit_and_follow(
        &self,
        seat: &Seat,
        job: &Job,
        progress: &Progress,
        prompt: &Prompt,
    ) -> Result<Result<Ended, ClientError>, Fault> {
        let server = seat.server();
        let socket = server.socket(&self.settings.client_id, self.settings.previews.as_ref()).await;
        let mut follower = Follower::new(server, socket, job.prompt_id, job, progress);
        let mut guard = self.guard(seat, job.prompt_id);
        let ended = match self.submit(server, job, prompt).await {
            Submitting::Known(id) => {
                guard.id = id;
                follower.rename(id);
                follower.follow().await
            }
            Submitting::NotYet(error) => {
                guard.is_armed = false;
                return Ok(Err(error));
            }
            Submitting::Failed(fault) => Ended::Failed(fault),
        };
        guard.release(&ended);
        server.routes.tidy();
        Ok(Ok(ended))
    }

    async fn submit(&self, server: &Server, job: &Job, prompt: &Prompt) -> Submitting {
        let targets: Vec<&str> = job.prepared.outputs.iter().map(|spec| spec.node.as_str()).collect();
        let submission = Submission {
            prompt: &prompt.graph,
            prompt_id: job.prompt_id,
            client_id: &self.settings.client_id,
            partial_execution_targets: &targets,
            extra_data: prompt.extra.clone(),
        };
        let name = &server.settings.name;
        match server.client.submit(&submission).await {
            Ok(Answer::Queued(Submitted { prompt_id, number, node_errors })) => {
                server.note_number(number);
                if node_errors.0.is_empty() {
                    return Submitting::Known(prompt_id);
                }
                server.cancel(prompt_id).await;
                Submitting::Failed(problems::partly_refused(name, &node_errors))
            }
            Ok(Answer::Refused(refusal)) => {
                // A file that was uploaded may have been removed since.
                server.uploads.forget();
                Submitting::Failed(problems::refused(name, &refusal, &job.prepared.graph))
            }
            Err(error) if error.was_not_sent() => Submitting::NotYet(error),
            Err(error) if error.is_transient() => self.look_for(server, job, error).await,
            Err(error) => Submitting::Failed(problems::request(&error)),
        }
    }

    /// After an error that leaves open whether the server has the prompt: it may have queued it and
    /// broken off afterwards.
    async fn look_for(&self, server: &Server, job: &Job, error: ClientError) -> Submitting {
        let until = Instant::now() + self.settings.patience.grace;
        loop {
            match self.find_surely(server, job.prompt_id).await {
                Ok(Whereabouts::Unknown) if Instant::now() >= until => break,
                Ok(Whereabouts::Unknown) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) => return Submitting::Known(job.prompt_id),
                Err(fault) => return Submitting::Failed(Fault { unknown: self.costs_money(job), ..fault }),
            }
        }
        match error {
            ClientError::Status { .. } => Submitting::Failed(problems::request(&error)),
            broken => Submitting::NotYet(broken),
        }
    }

    fn guard(&self, seat: &Seat, id: Uuid) -> CancelOnDrop {
        CancelOnDrop {
            pool: Arc::clone(&seat.pool),
            number: seat.number,
            id,
            is_armed: true,
            cancels: Arc::clone(&self.cancels),
        }
    }
}

impl Executor for ComfyExecutor {
    fn execute(&self, job: Job, progress: Progress) -> PortFuture<'_, Result<Produced, Fault>> {
        Box::pin(self.run(job, progress))
    }
}

/// Cancels a prompt for which nobody waits any longer, beside everything else.
struct CancelOnDrop {
    pool: Arc<Pool>,
    number: usize,
    id: Uuid,
    is_armed: bool,
    cancels: Arc<Mutex<JoinSet<()>>>,
}

impl CancelOnDrop {
    /// What has ended needs no cancelling; what took too long does.
    fn release(&mut self, ended: &Ended) {
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
        let (pool, number, id) = (Arc::clone(&self.pool), self.number, self.id);
        let cancel = async move { pool.servers[number].cancel(id).await };
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner).spawn_on(cancel, &runtime);
    }
}
