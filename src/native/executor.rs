//! The native executor: runs graphs whose nodes all run in this process.
//!
//! As many items compute at the same time as there are slots, while the files of others are written;
//! their memory together stays below a limit.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    evaluate::{Allowance, SMALLEST, Stop, Surroundings, evaluate, write},
    step::is_native,
};
use crate::{
    imagefile,
    model::ErrorClass,
    models::ModelStore,
    run::{Executor, Failure, Fault, Job, PortFuture, Produced, Signals},
};

/// Version of the native nodes' arithmetic and of the files' encoding: part of the fingerprint of
/// every item that runs natively. To be raised when either changes.
pub const NATIVE_VERSION: u32 = 4;

/// Bytes of one unit of the memory semaphore.
const UNIT: u64 = 64 << 10;

/// What the native executor may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeSettings {
    /// Items that compute at the same time, at least 1.
    pub slots: usize,
    /// Bytes of pixels, of all running items together.
    pub memory_bytes: u64,
    /// What an input image may cost.
    pub image_limits: imagefile::Limits,
}

impl Default for NativeSettings {
    /// One item for each core, half of the machine's memory (2 GiB where that is unknown), the
    /// default limits of images.
    fn default() -> Self {
        Self {
            slots: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: machine_memory().map_or(2 << 30, |bytes| bytes / 2),
            image_limits: imagefile::Limits::default(),
        }
    }
}

/// Bytes of memory of this machine, where the system tells.
fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// A job and the slot that it holds until it is computed, or the last thread that works on it has ended.
struct Work {
    job: Job,
    slot: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Work {
    /// Nothing is left to do but to write: others may compute.
    fn is_computed(&self) {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Runs graphs in this process.
#[derive(Debug, Clone)]
pub struct NativeExecutor {
    root: PathBuf,
    settings: NativeSettings,
    models: ModelStore,
    slots: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl NativeExecutor {
    /// An executor for the workspace at `root`, without models.
    pub fn new(root: impl Into<PathBuf>, settings: NativeSettings) -> Self {
        Self {
            root: root.into(),
            settings,
            models: ModelStore::empty(),
            slots: Arc::new(Semaphore::new(settings.slots.max(1))),
            memory: Arc::new(Semaphore::new(units(settings.memory_bytes) as usize)),
        }
    }

    /// The same with the models of `models`.
    #[must_use]
    pub fn with_models(self, models: ModelStore) -> Self {
        Self { models, ..self }
    }

    /// Items that compute at the same time.
    pub fn slots(&self) -> usize {
        self.settings.slots.max(1)
    }

    /// The timeout is the engine's: it drops the future.
    async fn run(&self, job: Job, signals: Signals) -> Result<Produced, Failure> {
        check_classes(&job)?;
        let slot = Mutex::new(Some(acquire(&self.slots, 1).await?));
        let started = Instant::now();
        let root: Arc<Path> = self.root.as_path().into();
        let limit = units(self.settings.memory_bytes);
        let work = Arc::new(Work { job, slot });
        let mut wanted = units(SMALLEST).min(limit);
        // Dropping this future sets the flag, and the work ends after the node that it is at.
        let cancelled = CancelOnDrop(Arc::new(AtomicBool::new(false)));
        loop {
            let permit = acquire(&self.memory, wanted).await?;
            let mut allowance = Units { semaphore: Arc::clone(&self.memory), permit, limit };
            let (work, root, signals) = (Arc::clone(&work), Arc::clone(&root), Arc::clone(&signals));
            let (flag, limits, models) = (Arc::clone(&cancelled.0), self.settings.image_limits, self.models.clone());
            let evaluated = tokio::task::spawn_blocking(move || {
                let (root, limits, models) = (&root, &limits, &models);
                let around = Surroundings { root, limits, models, job: &work.job, cancelled: &flag, signals: &signals };
                let made = evaluate(&around, &mut allowance)?;
                work.is_computed();
                write(&around, made)
            });
            match evaluated.await {
                Ok(Ok(mut produced)) => {
                    // Without the wait for a slot.
                    produced.metrics.insert("seconds".to_owned(), started.elapsed().as_secs_f64());
                    return Ok(produced);
                }
                Ok(Err(Stop::Fault(fault))) => return Err(fault.into()),
                Ok(Err(Stop::Cancelled)) => return Err(error("the item was cancelled".to_owned()).into()),
                Ok(Err(Stop::NoRoom(message))) => return Err(Failure::NoRoom(message)),
                // Others hold the rest: begin again with more, so that two items that both wait for
                // more never wait for each other.
                Ok(Err(Stop::NeedsMemory(bytes))) => wanted = units(bytes.saturating_add(bytes / 4)).clamp(1, limit),
                Err(broken) => return Err(broke_off(&broken).into()),
            }
        }
    }
}

impl Executor for NativeExecutor {
    fn execute(&self, job: Job, signals: Signals) -> PortFuture<'_, Result<Produced, Failure>> {
        Box::pin(self.run(job, signals))
    }
}

fn error(message: String) -> Fault {
    Fault::new(ErrorClass::Error, message)
}

fn broke_off(broken: &tokio::task::JoinError) -> Fault {
    error(format!("a native node broke off: {broken}"))
}

/// Every class is known before anything runs.
fn check_classes(job: &Job) -> Result<(), Fault> {
    match job.prepared.graph.nodes.iter().find(|(_, node)| !is_native(&node.class)) {
        None => Ok(()),
        Some((id, node)) => {
            Err(error(format!("node `{id}` has the class `{}`, which only a ComfyUI server runs", node.class)).at(id))
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, units: u32) -> Result<OwnedSemaphorePermit, Fault> {
    Arc::clone(semaphore).acquire_many_owned(units).await.map_err(|closed| error(closed.to_string()))
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

/// An item's share of the memory.
struct Units {
    semaphore: Arc<Semaphore>,
    permit: OwnedSemaphorePermit,
    limit: u32,
}

impl Allowance for Units {
    fn grow_to(&mut self, bytes: u64) -> bool {
        let missing = units(bytes).saturating_sub(u32::try_from(self.permit.num_permits()).unwrap_or(u32::MAX));
        match Arc::clone(&self.semaphore).try_acquire_many_owned(missing) {
            Ok(more) => {
                self.permit.merge(more);
                true
            }
            Err(_) => false,
        }
    }

    fn limit(&self) -> u64 {
        u64::from(self.limit) * UNIT
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
