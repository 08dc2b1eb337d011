//! One try at one item: prepare, look for an earlier result, submit, measure.
//!
//! Runs beside the dispatcher and shares no state with it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::{
    dispatcher::Message,
    event::AttemptId,
    ports::{
        Claim, Clock, Executor, Failure, Fault, Job, People, Preparer, Produced, ResultStore, Scorer, Signal, Signals,
    },
    results::Results,
};
use crate::{
    model::ErrorClass,
    plan::{ItemIx, ItemResult, NATIVE, OutputFile, Prepared, Prices, Visit},
};

/// Everything through which the engine reaches the world, but the journal.
#[derive(Clone)]
pub struct Ports {
    /// The plan's own part: graphs, addresses, keys.
    pub preparer: Arc<dyn Preparer>,
    /// Runs items in this process.
    pub native: Arc<dyn Executor>,
    /// Runs items on servers, if there are any.
    pub comfy: Option<Arc<dyn Executor>>,
    /// Measures.
    pub scorer: Arc<dyn Scorer>,
    /// What people say of samples, where a test asks them.
    pub people: Option<Arc<dyn People>>,
    /// What running costs.
    pub prices: Arc<Prices>,
    /// Earlier results.
    pub store: Arc<dyn ResultStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// One try.
pub(super) struct Try {
    /// The item.
    pub(super) item: ItemIx,
    /// Which try.
    pub(super) id: AttemptId,
    /// Its way here.
    pub(super) visit: Visit,
    /// Its address.
    pub(super) address: String,
    /// Id of the submission.
    pub(super) prompt_id: Uuid,
    /// Folder for its files.
    pub(super) folder: PathBuf,
    /// Start of their names.
    pub(super) stem: String,
    /// Longest time.
    pub(super) timeout: Option<Duration>,
    /// Where it runs: `native`, or the name of a server.
    pub(super) place: String,
    /// What is known of earlier submissions.
    pub(super) claim: Claim,
    /// Whether it is to be made although there may be an earlier result.
    pub(super) anew: bool,
    /// Where it waits for its turn to be prepared.
    pub(super) turn: Arc<Semaphore>,
}

/// How a try ended.
pub(super) enum Ending {
    /// With a result.
    Finished {
        /// The result.
        result: ItemResult,
        /// Whether it is an earlier run's.
        reused: bool,
        /// The parts of the fingerprint.
        parts: BTreeMap<String, String>,
    },
    /// Without one.
    Failed(Failure),
    /// The dispatcher did not want it to be submitted.
    Withdrawn,
}

/// Makes one try.
pub(super) async fn make_try(
    attempt: Try,
    ports: Ports,
    results: Arc<Results>,
    messages: mpsc::UnboundedSender<Message>,
) -> Ending {
    let attempt = Arc::new(attempt);
    let (prepared, earlier) = match prepare(attempt.clone(), ports.clone(), results).await {
        Ok(prepared) => prepared,
        Err(fault) => return Ending::Failed(fault.into()),
    };
    let reused = earlier.is_some();
    let produced = match earlier {
        Some(result) => Ok(Produced { files: result.files, metrics: result.metrics }),
        None if attempt.claim == Claim::GivenUp => execute(&attempt, &prepared, &ports, &messages).await,
        None => match submit(&attempt, &prepared, &messages).await {
            Some(()) => execute(&attempt, &prepared, &ports, &messages).await,
            None => return Ending::Withdrawn,
        },
    };
    let produced_at = ports.clock.steady();
    match measure(produced, &prepared, &ports, reused).await {
        Ok(mut result) => {
            if prepared.outputs.is_empty() && !reused {
                // All that was done was to measure what it passes on.
                let seconds = ports.clock.steady().saturating_sub(produced_at).as_secs_f64();
                result.metrics.entry("seconds".to_owned()).or_insert(seconds);
            }
            Ending::Finished { result, reused, parts: prepared.parts.clone() }
        }
        Err(failure) => Ending::Failed(failure),
    }
}

/// Binds the graph and looks for an earlier result, on a thread where it may take its time if it takes any.
async fn prepare(
    attempt: Arc<Try>,
    ports: Ports,
    results: Arc<Results>,
) -> Result<(Arc<Prepared>, Option<ItemResult>), Fault> {
    let (is_light, turn) = (ports.preparer.is_light(attempt.item), attempt.turn.clone());
    let work = move || {
        let prepared = ports.preparer.prepare(attempt.item, &attempt.visit, &*results)?;
        let outputs: Vec<&str> = prepared.outputs.iter().map(|output| output.name.as_str()).collect();
        let earlier = if prepared.reusable && !outputs.is_empty() && !attempt.anew {
            ports.store.reuse(&prepared.fingerprint.to_string(), &outputs, &attempt.folder, &attempt.stem)
        } else {
            None
        };
        Ok((Arc::new(prepared), earlier))
    };
    if is_light {
        return work();
    }
    let turn = turn.acquire_owned().await;
    let in_turn = move || {
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(in_turn).await.unwrap_or_else(|error| Err(internal(&error)))
}

/// Waits until the intent is on disk; none when the dispatcher does not want the submission.
async fn submit(attempt: &Try, prepared: &Arc<Prepared>, messages: &mpsc::UnboundedSender<Message>) -> Option<()> {
    let (durable, wait) = oneshot::channel();
    let message = Message::Submit {
        item: attempt.item,
        id: attempt.id,
        prompt_id: attempt.prompt_id,
        place: attempt.place.clone(),
        prepared: prepared.clone(),
        durable,
    };
    messages.send(message).ok()?;
    wait.await.ok()
}

async fn execute(
    attempt: &Try,
    prepared: &Arc<Prepared>,
    ports: &Ports,
    messages: &mpsc::UnboundedSender<Message>,
) -> Result<Produced, Failure> {
    if prepared.outputs.is_empty() {
        return Ok(Produced::default());
    }
    let is_native = attempt.place == NATIVE;
    let executor = match &ports.comfy {
        _ if is_native => &ports.native,
        Some(comfy) => comfy,
        None => {
            let message = format!("the server \"{}\", to which it was submitted, is not used any more", attempt.place);
            return Err(Failure::Away(message));
        }
    };
    let job = Job {
        item: attempt.item,
        address: attempt.address.clone(),
        prompt_id: attempt.prompt_id,
        prepared: prepared.clone(),
        folder: attempt.folder.clone(),
        stem: attempt.stem.clone(),
        timeout: attempt.timeout,
        place: attempt.place.clone(),
        claim: attempt.claim,
    };
    let (item, id, messages, place) = (attempt.item, attempt.id, messages.clone(), attempt.place.clone());
    let signals: Signals = Arc::new(move |signal| {
        let message = match signal {
            Signal::Share(progress) => Message::Progress { item, id, progress },
            Signal::Executed => Message::Executed { item, id },
            Signal::Silent => Message::Silent { server: place.clone() },
        };
        // When the run has ended, nobody is interested any more.
        let _ = messages.send(message);
    });
    let started = ports.clock.steady();
    let execution = executor.execute(job, signals);
    // A server's queue is not the item's time: who runs it there counts by himself.
    let timeout = attempt.timeout.filter(|_| is_native);
    let mut produced = match timeout {
        None => execution.await,
        Some(timeout) => tokio::select! {
            biased;
            produced = execution => produced,
            () = ports.clock.sleep(timeout) => {
                Err(fault(ErrorClass::Timeout, format!("it took longer than {} s", timeout.as_secs_f64())).into())
            }
        },
    }?;
    let seconds = ports.clock.steady().saturating_sub(started).as_secs_f64();
    let seconds = *produced.metrics.entry("seconds".to_owned()).or_insert(seconds);
    let classes = prepared.graph.nodes.values().map(|node| node.class.as_str());
    let cost = ports.prices.cost(&attempt.place, seconds, classes);
    produced.metrics.extend(cost.map(|cost| ("cost".to_owned(), cost)));
    Ok(produced)
}

/// The result of what was produced, with the size of the primary output and the metrics asked for.
async fn measure(
    produced: Result<Produced, Failure>,
    prepared: &Prepared,
    ports: &Ports,
    reused: bool,
) -> Result<ItemResult, Failure> {
    let Produced { mut files, mut metrics } = produced?;
    files.extend(prepared.passed_on.iter().cloned());
    // The primary output first: it is what scorers and readers look at.
    files.sort_by_key(|file| file.output != prepared.primary);
    if let Some(primary) = files.first().filter(|file| file.width > 0) {
        metrics.insert("width".to_owned(), primary.width.into());
        metrics.insert("height".to_owned(), primary.height.into());
    }
    if !files.is_empty() {
        let measured = score(prepared, ports, &files, &metrics, reused).await?;
        metrics.extend(measured);
    }
    metrics.retain(|_, value| value.is_finite());
    Ok(ItemResult { fingerprint: prepared.fingerprint.to_string(), files, metrics })
}

/// The metrics asked for that `known` lacks. Those of a reused result are measured again where they
/// can be: a scorer may have changed, and one that has not remembers what it measured.
async fn score(
    prepared: &Prepared,
    ports: &Ports,
    files: &[OutputFile],
    known: &BTreeMap<String, f64>,
    reused: bool,
) -> Result<BTreeMap<String, f64>, Fault> {
    let about = &prepared.provenance;
    let missing: Vec<String> = prepared.scores.iter().filter(|name| !known.contains_key(*name)).cloned().collect();
    if reused
        && missing.len() < prepared.scores.len()
        && let Ok(metrics) = ports.scorer.score(&prepared.scores, files, about).await
    {
        return Ok(metrics);
    }
    if missing.is_empty() { Ok(BTreeMap::new()) } else { ports.scorer.score(&missing, files, about).await }
}

fn fault(class: ErrorClass, message: String) -> Fault {
    Fault::new(class, message)
}

/// The error of a thread or task that panicked.
pub(super) fn internal(error: &tokio::task::JoinError) -> Fault {
    fault(ErrorClass::Error, format!("an internal error: {error}"))
}
