//! The servers of a run as an [`Executor`]: submits where it is told to, follows, fetches, and cleans up
//! behind whoever stops waiting.
//!
//! **Invariant:** a prompt is submitted only where it is not known already. Whatever leaves that
//! open (an earlier process, a broken connection, an error after queueing) is looked up first.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    cancel::{CancelOnDrop, Cancels},
    client::Answer,
    client_error::ClientError,
    follow::{Ended, Follower},
    outputs, problems,
    protocol::{Submission, Submitted},
    server::{Server, Whereabouts},
    settings::{Patience, ServerSettings},
    socket_message::Preview,
    submit::{Prompt, PromptError, prompt},
};
use crate::{
    graph::NodeSet,
    model::ErrorClass,
    run::{Claim, Executor, Failure, Fault, Job, PortFuture, Produced, Signal, Signals},
};

/// Between two looks for a prompt that may still be on its way.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

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
    servers: Vec<Arc<Server>>,
    settings: ComfySettings,
    cancels: Cancels,
}

/// How a submission ended.
enum Submitting {
    /// The server has it, under this id.
    Known(Uuid),
    /// It will not run there.
    Failed(Failure),
}

impl ComfyExecutor {
    /// An executor for these servers; connects to nothing yet.
    pub fn new(servers: Vec<ServerSettings>, settings: ComfySettings) -> Result<Self, ClientError> {
        let servers = servers.into_iter().map(|s| Server::new(s, settings.patience).map(Arc::new));
        Ok(Self { servers: servers.collect::<Result<_, _>>()?, settings, cancels: Cancels::default() })
    }

    /// Waits a short time for cancellations that are under way.
    pub async fn settle(&self) {
        self.cancels.settle().await;
    }

    async fn run(&self, job: Job, signals: Signals) -> Result<Produced, Failure> {
        self.refuse_spending(&job)?;
        let Some(server) = self.servers.iter().find(|server| server.settings.name == job.place) else {
            let message = format!("the server \"{}\", to which it was submitted, is not used any more", job.place);
            return Err(self.unless_it_costs(&job, Failure::Away(message)));
        };
        let is_known = match job.claim {
            Claim::Fresh => false,
            Claim::Earlier => self.find_earlier(server, &job, &signals).await?,
            Claim::GivenUp => self.find_late(server, &job).await?,
        };
        let ended = if is_known {
            self.follow_adopted(server, &job, &signals).await
        } else {
            self.submit_and_follow(server, &job, &signals).await?
        };
        match ended {
            Ended::Done(left, seconds) => {
                signals(Signal::Executed);
                let mut produced = outputs::fetch(server, &self.settings.root, &job, &left).await?;
                produced.metrics.extend(seconds.map(|seconds| ("seconds".to_owned(), seconds)));
                Ok(produced)
            }
            Ended::Failed(fault) => Err(fault.into()),
            Ended::Away(message) => Err(self.unless_it_costs(&job, Failure::Away(message))),
            Ended::Lost => {
                server.uploads.forget();
                let message = format!("the server \"{}\" lost it, probably by a restart", server.settings.name);
                Err(self.unless_it_costs(&job, Failure::Forgotten(message)))
            }
        }
    }

    /// What may have run must not run again when that may cost money.
    fn unless_it_costs(&self, job: &Job, failure: Failure) -> Failure {
        if !self.costs_money(job) {
            return failure;
        }
        Failure::Unknown(format!("{failure}; it may have run, and running it again may cost money"))
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

    /// Whether the server knows what an earlier process meant to submit there. When it does not, this
    /// takes longer than a submission may be on its way.
    async fn find_earlier(&self, server: &Server, job: &Job, signals: &Signals) -> Result<bool, Failure> {
        let until = Instant::now() + server.patience.grace;
        loop {
            match self.find_surely(server, job, signals).await {
                Ok(Whereabouts::Unknown) if Instant::now() >= until => return Ok(false),
                Ok(Whereabouts::Unknown) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) => return Ok(true),
                Err(fault) => return Err(self.unless_it_costs(job, Failure::Away(fault.message))),
            }
        }
    }

    /// Waits until a server that was given up answers. An error when it does not know the prompt.
    async fn find_late(&self, server: &Server, job: &Job) -> Result<bool, Failure> {
        let mut absent = 0;
        loop {
            match server.find(job.prompt_id).await {
                Ok(Whereabouts::Unknown) if absent > 0 => {
                    let message = format!("the server \"{}\" does not know it any more", server.settings.name);
                    return Err(Failure::Forgotten(message));
                }
                Ok(Whereabouts::Unknown) => absent += 1,
                Ok(_) => return Ok(true),
                Err(_) => absent = 0,
            }
            tokio::time::sleep(self.settings.patience.late).await;
        }
    }

    /// Where a prompt is, waiting for a server that does not answer.
    async fn find_surely(&self, server: &Server, job: &Job, signals: &Signals) -> Result<Whereabouts, Fault> {
        let until = Instant::now() + server.patience.dead_after;
        loop {
            match server.find(job.prompt_id).await {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() >= until => return Err(problems::request(&error)),
                Err(_) => {
                    signals(Signal::Silent);
                    tokio::time::sleep(server.patience.without_socket).await;
                }
            }
        }
    }

    async fn follow_adopted(&self, server: &Arc<Server>, job: &Job, signals: &Signals) -> Ended {
        let mut guard = CancelOnDrop::new(server, job.prompt_id, &self.cancels);
        let socket = server.socket(&self.settings.client_id, self.settings.previews.as_ref()).await;
        let mut follower = Follower::new(server, socket, job.prompt_id, job, signals);
        follower.adopt();
        let ended = follower.follow().await;
        guard.release(&ended);
        ended
    }

    async fn submit_and_follow(&self, server: &Arc<Server>, job: &Job, signals: &Signals) -> Result<Ended, Failure> {
        let previews = self.settings.previews.is_some();
        let made = prompt(server, &self.settings.root, job, &self.settings.nodes, previews).await;
        let prompt = made.map_err(|error| match error {
            PromptError::Client(error) if error.is_transient() => Failure::Unreached(problems::request(&error).message),
            error => error.fault().into(),
        })?;
        let socket = server.socket(&self.settings.client_id, self.settings.previews.as_ref()).await;
        let mut follower = Follower::new(server, socket, job.prompt_id, job, signals);
        let mut guard = CancelOnDrop::new(server, job.prompt_id, &self.cancels);
        let ended = match self.submit(server, job, &prompt, signals).await {
            Submitting::Known(id) => {
                guard.id = id;
                follower.rename(id);
                follower.follow().await
            }
            Submitting::Failed(failure) => {
                guard.is_armed = false;
                return Err(failure);
            }
        };
        guard.release(&ended);
        server.routes.tidy();
        Ok(ended)
    }

    async fn submit(&self, server: &Server, job: &Job, prompt: &Prompt, signals: &Signals) -> Submitting {
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
                Submitting::Failed(problems::partly_refused(name, &node_errors).into())
            }
            Ok(Answer::Refused(refusal)) => {
                // A file that was uploaded may have been removed since.
                server.uploads.forget();
                Submitting::Failed(problems::refused(name, &refusal, &job.prepared.graph).into())
            }
            Err(error) if error.was_not_sent() => {
                Submitting::Failed(Failure::Unreached(problems::request(&error).message))
            }
            Err(error) if error.is_transient() => self.look_for(server, job, error, signals).await,
            Err(error) => Submitting::Failed(problems::request(&error).into()),
        }
    }

    /// After an error that leaves open whether the server has the prompt: it may have queued it and
    /// broken off afterwards.
    async fn look_for(&self, server: &Server, job: &Job, error: ClientError, signals: &Signals) -> Submitting {
        let until = Instant::now() + server.patience.grace;
        loop {
            match self.find_surely(server, job, signals).await {
                Ok(Whereabouts::Unknown) if Instant::now() >= until => break,
                Ok(Whereabouts::Unknown) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) => return Submitting::Known(job.prompt_id),
                Err(fault) => return Submitting::Failed(self.unless_it_costs(job, Failure::Away(fault.message))),
            }
        }
        let fault = problems::request(&error);
        Submitting::Failed(match error {
            ClientError::Status { .. } => fault.into(),
            _ => Failure::Unreached(fault.message),
        })
    }
}

impl Executor for ComfyExecutor {
    fn execute(&self, job: Job, signals: Signals) -> PortFuture<'_, Result<Produced, Failure>> {
        Box::pin(self.run(job, signals))
    }

    fn probe<'a>(&'a self, server: &'a str) -> PortFuture<'a, bool> {
        let found = self.servers.iter().find(|known| known.settings.name == server);
        Box::pin(async move {
            match found {
                Some(server) => server.client.queue().await.is_ok(),
                None => false,
            }
        })
    }
}
