//! What the engine needs of the outside world, as traits. Adapters implement them; `app` wires
//! them. The engine itself has no clock, no files and no network.

use std::{collections::BTreeMap, future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    event::{AttemptId, Decision, Event, PastEvent, TrialBlock},
    state::ItemState,
};
use crate::{
    model::ErrorClass,
    plan::{ItemIx, ItemResult, OutputFile, Prepared, Sort, Upstream, Visit},
};

/// A future that a port returns.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One attempt at one item, for an executor.
#[derive(Debug, Clone)]
pub struct Job {
    /// The item.
    pub item: ItemIx,
    /// Its address: `generate[sku=A1,angle=front]`.
    pub address: String,
    /// Id of the submission, the same after a crash.
    pub prompt_id: Uuid,
    /// What to run.
    pub prepared: Arc<Prepared>,
    /// Folder for the files, relative to the workspace; the executor makes it.
    pub folder: PathBuf,
    /// Start of every file's name: `front-a1`.
    pub stem: String,
    /// Longest time, from when it really runs. In this process the engine sees to it, on a server
    /// the executor.
    pub timeout: Option<Duration>,
    /// Where it runs: `native`, or the name of a server.
    pub place: String,
    /// What is known of earlier submissions under this `prompt_id`.
    pub claim: Claim,
}

/// What is known of earlier submissions of a job under its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// There were none.
    Fresh,
    /// An earlier process meant to submit it: it may be known where it was submitted to.
    Earlier,
    /// It was given up because its server stayed away, and a late result is welcome: it is waited for,
    /// and never submitted.
    GivenUp,
}

/// What an executor tells while it works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signal {
    /// How far it is, from 0 to 1.
    Share(f32),
    /// The server has done its part; what it made is being fetched.
    Executed,
    /// The server does not answer; it is waited for.
    Silent,
}

/// Who hears what an executor tells.
pub type Signals = Arc<dyn Fn(Signal) + Send + Sync>;

/// Runs graphs.
pub trait Executor: Send + Sync {
    /// Runs `job` to its end in its place. Every file is complete and on disk (temp file, fsync,
    /// rename) when this returns. Dropping the future cancels the job.
    fn execute(&self, job: Job, signals: Signals) -> PortFuture<'_, Result<Produced, Failure>>;

    /// Whether a server answers.
    fn probe<'a>(&'a self, _server: &'a str) -> PortFuture<'a, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// How a job ended without a result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It failed.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// Nobody can know whether it ran, and running it again may cost money: a person has to look.
    #[error("{0}")]
    Unknown(String),
    /// The server cannot be reached, and surely has not got it.
    #[error("{0}")]
    Unreached(String),
    /// The server was out of reach for too long; it may have it.
    #[error("{0}")]
    Away(String),
    /// The server has lost it: it has restarted.
    #[error("{0}")]
    Forgotten(String),
    /// There is no room here for what was made. Nothing is wrong with the item.
    #[error("{0}")]
    NoRoom(String),
}

/// What a job made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Produced {
    /// The files.
    pub files: Vec<OutputFile>,
    /// Metrics that nodes of the graph measured.
    pub metrics: BTreeMap<String, f64>,
}

/// Why a job did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The class that rules and retries match.
    pub class: ErrorClass,
    /// One sentence.
    pub message: String,
    /// The node that failed, if it is known.
    pub node: Option<String>,
    /// Everything that was found wrong, where more is known than `message` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<FaultDetail>,
}

/// One thing that was found wrong with a job's graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultDetail {
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The node's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What kind of mistake it is, in the words of who found it: `value_smaller_than_min`.
    pub kind: String,
    /// One sentence.
    pub message: String,
    /// What else is said about it; may be empty or long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
}

impl Fault {
    /// A fault of this class.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), node: None, details: Vec::new() }
    }

    /// The same fault, at `node`.
    #[must_use]
    pub fn at(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }
}

/// Measures metrics on files.
pub trait Scorer: Send + Sync {
    /// Measures `metrics` on the first of `files`. A metric that nobody can measure is an error. `about` is
    /// what the files of the item carry: its address, the values that its preset was given.
    fn score<'a>(
        &'a self,
        metrics: &'a [String],
        files: &'a [OutputFile],
        about: &'a Value,
    ) -> PortFuture<'a, Result<BTreeMap<String, f64>, Fault>>;
}

/// A sample of a test about which people are asked.
#[derive(Clone, Debug)]
pub struct AskedSample {
    /// The item's address.
    pub address: String,
    /// What was made.
    pub result: Arc<ItemResult>,
}

/// What people say of the samples of a test.
pub trait People: Send + Sync {
    /// For each sample of one block the value of `metric`; none as long as something is not said of one of them.
    fn said(&self, metric: &str, block: &[AskedSample]) -> Option<Vec<f64>>;
}

/// Time, so that tests and simulations have their own.
pub trait Clock: Send + Sync {
    /// Nanoseconds since 1970, as the computer believes: it may jump, also backwards. For people only.
    fn now_ns(&self) -> i64;
    /// The time since some moment before, which never jumps: what measures how long something takes.
    fn steady(&self) -> Duration;
    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> PortFuture<'_, ()>;
}

/// Names a result in the store, whichever run it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultNumber(pub i64);

/// Results that become known one group after the other.
pub type ResultGroups<'a> = &'a mut dyn Iterator<Item = Vec<ResultNumber>>;

/// Results, those of earlier runs by fingerprint.
pub trait ResultStore: Send + Sync {
    /// The files of `outputs` of an earlier result with this fingerprint, still there and
    /// unaltered, placed in `folder` under `stem`; none when there is nothing to reuse.
    fn reuse(&self, fingerprint: &str, outputs: &[&str], folder: &std::path::Path, stem: &str) -> Option<ItemResult>;

    /// The result with this number; none when there is none, or when it cannot be read.
    fn result(&self, number: ResultNumber) -> Option<ItemResult>;

    /// Those of `results`, which come in groups, each in ascending order, of which a file is gone or altered: by
    /// size, time and inode, by hash when those differ or when `hash_all` says so.
    ///
    /// # Errors
    /// When what is known of the files cannot be read.
    fn damaged(&self, results: ResultGroups<'_>, hash_all: bool) -> Result<Vec<ResultNumber>, JournalError>;
}

/// What a plan says about an item whose time has come.
pub trait Preparer: Send + Sync {
    /// Binds the graph of `item` to what its parents left, and computes its fingerprint.
    fn prepare(&self, item: ItemIx, visit: &Visit, upstream: &dyn Upstream) -> Result<Prepared, Fault>;

    /// Whether to prepare `item` takes so little that no other thread is needed: it has no graph, and few results are read.
    fn is_light(&self, item: ItemIx) -> bool;

    /// `generate[sku=A1,angle=front]`.
    fn address(&self, item: ItemIx) -> String;

    /// Names and values of the keys of `item`, in the order of addresses.
    fn keys(&self, item: ItemIx) -> Vec<(String, Value)>;
}

/// One entry of a run's journal.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Something happened; the events alone give the run's state again.
    Event {
        /// Nanoseconds since 1970.
        time_ns: i64,
        /// Address of the item that it is about; empty when it is about the run.
        address: String,
        /// What happened.
        event: Event,
    },
    /// What follows from the events, for readers.
    Change(Change),
    /// How rules decided.
    Decision {
        /// Nanoseconds since 1970.
        time_ns: i64,
        /// The decision.
        decision: Decision,
    },
    /// A block of a test, as its race took it.
    Block {
        /// Nanoseconds since 1970.
        time_ns: i64,
        /// The block.
        block: TrialBlock,
    },
    /// How long an item took, for estimates.
    Timing {
        /// What it was, and where.
        sort: Sort,
        /// Seconds that it really ran.
        seconds: f64,
    },
    /// The process leaves the run.
    Closed {
        /// Nanoseconds since 1970.
        time_ns: i64,
        /// In this state.
        state: RunState,
    },
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process works on it, or was killed while it did.
    Running,
    /// A person lets it wait; a process does, or was killed while it did.
    Paused,
    /// It was stopped before the end.
    Stopped,
    /// Only held items remain.
    Held,
    /// Every item is final.
    Complete,
    /// It was given up.
    Cancelled,
}

impl RunState {
    /// Whether nothing happens to it any more unless a person asks for it.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled)
    }

    /// Its name in the ledger and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Held => "held",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Paused, Self::Stopped, Self::Held, Self::Complete, Self::Cancelled]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// The new state of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Nanoseconds since 1970.
    pub time_ns: i64,
    /// The item.
    pub item: ItemIx,
    /// Its address.
    pub address: String,
    /// Its last try.
    pub id: AttemptId,
    /// Its state.
    pub state: ItemState,
    /// Why: `not routed`, `cutout was skipped`, the rule, the error.
    pub reason: Option<String>,
}

/// The journal could not be written or read; nothing may be done that depends on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It could not be written.
    #[error("failed to write the journal: {0}")]
    Write(String),
    /// What it says could not be read.
    #[error("failed to read the journal: {0}")]
    Read(String),
}

/// A result that the journal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose result it is.
    pub item: ItemIx,
    /// The try that brought it.
    pub id: AttemptId,
    /// Its number in the store.
    pub number: ResultNumber,
}

/// What a run did before.
pub trait Past: Send + Sync {
    /// The events that come next, in order; nothing when there are no more.
    fn next(&mut self) -> PortFuture<'_, Result<Vec<PastEvent>, JournalError>>;
}

/// The durable journal of one run.
pub trait Journal: Send + Sync {
    /// Appends `entries` together, after all that were appended before. They are on disk when the
    /// future ends, but for what only says that a process came or went. Gives the results that they brought:
    /// [`ResultStore::result`] has them now.
    fn append(&self, entries: Vec<Entry>) -> PortFuture<'_, Result<Vec<Kept>, JournalError>>;
}
