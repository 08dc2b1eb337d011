//! A small world for the engine: a real folder, a real ledger, and an executor that writes text
//! files made of its inputs.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use comfywright::{
    compile::OutputSpec,
    content_hash::ContentHash,
    graph::Graph,
    ledger::{Ledger, NewRun},
    plan::{Capabilities, Estimates, ItemIx, Outline, OutputFile, Prepared, Upstream, Visit},
    run::{
        Claim, Clock, Control, Executor, Failure, Fault, Job, PortFuture, Ports, Preparer, Produced, RunEvent,
        RunOutcome, RunSetup, Scorer, Signal, Signals, run_plan,
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::scenario::{Outcome, Scenario};

/// Answers an event of a run.
type React = dyn Fn(&RunEvent, &mpsc::UnboundedSender<Control>) + Send + Sync;

pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) scenario: Scenario,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) delay: Duration,
    /// Answers of all runs in this process.
    pub(crate) events: Arc<Mutex<Vec<RunEvent>>>,
    /// Sees every event, and may answer it.
    pub(crate) controls: Arc<React>,
    /// Part of every fingerprint.
    pub(crate) salt: String,
    pub(crate) clock: Arc<dyn Clock>,
}

impl World {
    pub(crate) fn new(root: &Path, text: &str) -> Self {
        let ledger = Arc::new(Ledger::open(&root.join(".comfywright"), root).unwrap());
        Self {
            root: root.to_owned(),
            scenario: Scenario::parse(text),
            ledger,
            delay: Duration::ZERO,
            events: Arc::default(),
            controls: Arc::new(|_, _| {}),
            salt: String::new(),
            clock: Arc::new(RealClock),
        }
    }

    /// Begins a run and carries it out.
    pub(crate) fn run(&self) -> (String, RunOutcome) {
        let id = self.begin();
        let outcome = self.resume(&id, &[]);
        (id, outcome)
    }

    /// Begins a run.
    pub(crate) fn begin(&self) -> String {
        let id = Uuid::now_v7().to_string();
        let plan = &self.scenario.plan;
        let run = NewRun {
            id: id.clone(),
            document: plan.document.clone(),
            version: plan.version.clone(),
            hash: plan.hash.to_string(),
            path: "pipelines/test.toml".to_owned(),
            settings: json!({}),
            folder: format!("outputs/test/{id}"),
            items: plan.items.len() as u32,
            outline: Outline::of(plan),
            test: None,
            started_ns: self.clock.now_ns(),
        };
        self.ledger.begin_run(&run).unwrap();
        id
    }

    /// Goes on with a run.
    pub(crate) fn resume(&self, id: &str, first: &[Control]) -> RunOutcome {
        let _lock = self.ledger.lock_run(id).unwrap();
        let journal = Arc::new(self.ledger.journal(id).unwrap());
        let (sender, controls) = mpsc::unbounded_channel();
        for control in first {
            sender.send(control.clone()).unwrap();
        }
        let setup = RunSetup {
            run: id.parse().unwrap(),
            folder: PathBuf::from(format!("outputs/test/{id}")),
            capabilities: Capabilities::native(4),
            estimates: Estimates::default(),
            past: Some(Box::new(self.ledger.past(id).unwrap())),
            hash_all: false,
        };
        let executor = Arc::new(TextExecutor {
            root: self.root.clone(),
            scenario: self.scenario.clone(),
            tries: Mutex::default(),
            delay: self.delay,
        });
        let ports = Ports {
            people: None,
            prices: Arc::default(),
            preparer: Arc::new(TextPreparer { scenario: self.scenario.clone(), salt: self.salt.clone() }),
            native: executor,
            comfy: None,
            scorer: Arc::new(SizeScorer),
            store: self.ledger.clone(),
            clock: self.clock.clone(),
        };
        let (events, react) = (self.events.clone(), self.controls.clone());
        let observer = Arc::new(move |event: &RunEvent| {
            react(event, &sender);
            events.lock().unwrap().push(event.clone());
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run_plan(self.scenario.plan.clone(), setup, ports, journal, observer, controls)).unwrap()
    }

    /// What was executed, in order, by all processes.
    pub(crate) fn executed(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.root.join("executed.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// What was executed although an earlier process may have submitted it.
    pub(crate) fn resumed(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.root.join("resumed.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Path below the folder of the run, and content, of every file it made; not what a killed
    /// process left of a file that it had not finished.
    pub(crate) fn files(&self, id: &str) -> BTreeMap<String, String> {
        let folder = self.root.join(format!("outputs/test/{id}"));
        let mut files = BTreeMap::new();
        for task in std::fs::read_dir(&folder).into_iter().flatten() {
            for file in std::fs::read_dir(task.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
                if !name.contains("/.") {
                    files.insert(name, std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        files
    }
}

pub(crate) struct RealClock;

impl Clock for RealClock {
    fn now_ns(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64
    }

    fn steady(&self) -> Duration {
        static FIRST: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        FIRST.elapsed()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that somebody sets while it is looked at: days forward, days back, before 1970.
#[derive(Default)]
pub(crate) struct JumpingClock(AtomicUsize);

impl Clock for JumpingClock {
    fn now_ns(&self) -> i64 {
        const DAY: i64 = 86_400_000_000_000;
        let jumps = [0, 3 * DAY, -2 * DAY, 400 * DAY, -30_000 * DAY];
        RealClock.now_ns() + jumps[self.0.fetch_add(1, Ordering::Relaxed) % jumps.len()]
    }

    fn steady(&self) -> Duration {
        RealClock.steady()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'_, ()> {
        RealClock.sleep(duration)
    }
}

struct TextPreparer {
    scenario: Scenario,
    salt: String,
}

impl Preparer for TextPreparer {
    fn prepare(&self, item: ItemIx, visit: &Visit, upstream: &dyn Upstream) -> Result<Prepared, Fault> {
        let plan = &self.scenario.plan;
        let task = &plan.tasks[plan.items.task[item.0 as usize].0 as usize];
        let mut inputs: Vec<ItemIx> = visit.routed_from.into_iter().collect();
        let mut group = 0;
        for (entry, choice) in task.depends_on.iter().zip(&visit.chosen) {
            let parents = plan.items.parents(item, group + choice).iter();
            inputs.extend(parents.filter(|parent| !visit.absent.contains(parent)));
            group += entry.alternatives.len();
        }
        let hash_of = |item: &ItemIx| upstream.result(*item).map(|result| result.files[0].hash.clone());
        let hashes: Vec<String> = inputs
            .iter()
            .map(|item| hash_of(item).unwrap_or_else(|| panic!("no result of {}", self.address(*item))))
            .collect();
        let content = json!([self.address(item), hashes, visit.attempt, visit.with, self.salt]);
        Ok(Prepared {
            fingerprint: ContentHash::of_json(&content),
            parts: BTreeMap::from([("inputs".to_owned(), hashes.join(" "))]),
            graph: Graph::default(),
            outputs: vec![OutputSpec { name: "text".to_owned(), node: "1".to_owned() }],
            placement: task.placement.clone(),
            scores: task.scores.clone(),
            provenance: content,
            primary: "text".to_owned(),
            passed_on: Vec::new(),
            reusable: true,
        })
    }

    /// What is light and what is not goes the same way otherwise.
    fn is_light(&self, item: ItemIx) -> bool {
        item.0.is_multiple_of(2)
    }

    fn address(&self, item: ItemIx) -> String {
        self.scenario.addresses[item.0 as usize].clone()
    }

    fn keys(&self, item: ItemIx) -> Vec<(String, Value)> {
        self.scenario.keys(item)
    }
}

struct TextExecutor {
    root: PathBuf,
    scenario: Scenario,
    tries: Mutex<BTreeMap<String, usize>>,
    delay: Duration,
}

impl Executor for TextExecutor {
    fn execute(&self, job: Job, signals: Signals) -> PortFuture<'_, Result<Produced, Failure>> {
        Box::pin(async move {
            tokio::time::sleep(self.delay).await;
            signals(Signal::Share(0.5));
            let number = {
                let mut tries = self.tries.lock().unwrap();
                let number = tries.entry(job.address.clone()).or_default();
                *number += 1;
                *number - 1
            };
            let mut log =
                std::fs::File::options().create(true).append(true).open(self.root.join("executed.log")).unwrap();
            log.write_all(format!("{} {}\n", job.address, job.prompt_id).as_bytes()).unwrap();
            if job.claim == Claim::Earlier {
                let options = std::fs::File::options().create(true).append(true).open(self.root.join("resumed.log"));
                options.unwrap().write_all(format!("{} {}\n", job.address, job.prompt_id).as_bytes()).unwrap();
            }
            let list = self.scenario.outcomes.get(&job.address);
            let outcome = list.map(|list| list[number.min(list.len() - 1)].clone());
            match outcome.unwrap_or(Outcome::Metrics(BTreeMap::new())) {
                Outcome::Fault(class) => Err(Fault::new(class, "it broke").into()),
                Outcome::Metrics(metrics) => Ok(Produced { files: vec![write(&self.root, &job)], metrics }),
            }
        })
    }
}

fn write(root: &Path, job: &Job) -> OutputFile {
    let folder = root.join(&job.folder);
    std::fs::create_dir_all(&folder).unwrap();
    let content = job.prepared.provenance.to_string();
    let mut file = tempfile::NamedTempFile::new_in(&folder).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    let path = folder.join(format!("{}.txt", job.stem));
    file.persist(&path).unwrap();
    let metadata = std::fs::metadata(&path).unwrap();
    OutputFile {
        output: "text".to_owned(),
        index: 0,
        path: path.strip_prefix(root).unwrap().to_string_lossy().into_owned(),
        hash: ContentHash::of_bytes(content.as_bytes()).to_string(),
        size: metadata.len(),
        mtime_ns: metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64,
        inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        width: 0,
        height: 0,
    }
}

/// Knows one metric: the size of the file.
struct SizeScorer;

impl Scorer for SizeScorer {
    fn score<'a>(
        &'a self,
        metrics: &'a [String],
        files: &'a [OutputFile],
        _: &'a Value,
    ) -> PortFuture<'a, Result<BTreeMap<String, f64>, Fault>> {
        Box::pin(async move { Ok(metrics.iter().map(|name| (name.clone(), files[0].size as f64)).collect()) })
    }
}
