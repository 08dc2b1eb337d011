//! The shipped chain on a real ComfyUI: as a whole, and picture by picture from the same inputs as in-process.
//!
//! Along a chain differences grow: sharpening multiplies what is there by up to ten. So the whole runs are compared by
//! what was done and by the size of the mean difference; each step, given the same files, by the largest one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use comfywright::{
    app::{JobOptions, Knowledge, Session, SessionOptions, connect, make_job},
    comfy::{ComfyExecutor, ComfySettings, Patience},
    graph::{Graph, Input, NodeSet, builtin, own_classes},
    native::{NativeExecutor, NativeSettings},
    plan::{Capabilities, Estimates, ItemResult, Placement, Prepared},
    run::{
        Clock, Entry, Executor, Failure, ItemState, Job, Journal, JournalError, Kept, PortFuture, Ports, Produced,
        ResultGroups, ResultNumber, ResultStore, RunSetup, RunState, Signals, run_plan,
    },
    scorers::NativeScorers,
};
use image::RgbaImage;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    comfyui,
    workspace::{Workspace, files_below},
};

const DOCUMENT: &str = "pipelines/product-catalog.toml";

/// A turned JPEG, two grey ones, one with transparency. Not the one of 16 bits: newer versions of Pillow make it white
/// on a server, and in this process it is what older ones made of it.
const PHOTOS: [&str; 4] = ["chelsea.jpg", "clock.png", "camera.png", "retina.png"];

/// How far two pictures are apart, in steps of 1/255.
#[derive(Clone, Copy, Debug, Default)]
struct Difference {
    largest: u8,
    mean: f64,
}

impl Difference {
    fn max(self, other: Self) -> Self {
        Self { largest: self.largest.max(other.largest), mean: self.mean.max(other.mean) }
    }
}

fn open(path: &Path) -> RgbaImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_rgba8()
}

fn difference(a: &Path, b: &Path) -> Difference {
    let (a, b) = (open(a), open(b));
    assert_eq!(a.dimensions(), b.dimensions());
    let apart = || a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = apart().map(u64::from).sum();
    Difference { largest: apart().max().unwrap_or(0), mean: sum as f64 / a.as_raw().len() as f64 }
}

#[test]
fn the_catalog_is_the_same_on_a_server() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&PHOTOS[..2], &server);
    let (native, native_counts) = workspace.carry_out(&[DOCUMENT]);
    let (served, served_counts) = workspace.carry_out(&[DOCUMENT, "--server", "local"]);
    assert_eq!(native_counts, served_counts, "the same items are made, and none is taken over from the other");
    let files = files_below(&native);
    assert_eq!(files, files_below(&served), "under the same names");
    let mut worst: BTreeMap<PathBuf, Difference> = BTreeMap::new();
    for file in &files {
        let found = difference(&native.join(file), &served.join(file));
        let task = file.parent().expect("a task's folder").to_owned();
        let entry = worst.entry(task).or_default();
        *entry = entry.max(found);
    }
    println!("largest and mean difference in 1/255, along the whole chain:");
    for (task, worst) in &worst {
        println!("{:<10} {:>3} {:.4}", task.display(), worst.largest, worst.mean);
        assert!(worst.mean <= 2.0, "{} differs by {worst:?}", task.display());
    }
}

/// Runs every item in this process and on a server from the same files, and goes on with what this process made.
struct Both {
    root: PathBuf,
    native: NativeExecutor,
    served: ComfyExecutor,
    found: Mutex<BTreeMap<String, Vec<(Job, Difference)>>>,
}

impl Both {
    async fn run(&self, job: Job, signals: Signals) -> Result<Produced, Failure> {
        let made = self.native.execute(job.clone(), signals.clone()).await?;
        if job.prepared.graph.nodes.values().any(|node| own_classes().contains(&node.class)) {
            return Ok(made);
        }
        let there = Job {
            prompt_id: Uuid::now_v7(),
            folder: Path::new("served").join(&job.folder),
            place: "local".to_owned(),
            prepared: Arc::new(Prepared { placement: Placement::Comfy(Vec::new()), ..Prepared::clone(&job.prepared) }),
            ..job.clone()
        };
        let served = self.served.execute(there, signals).await?;
        assert_eq!(made.files.len(), served.files.len(), "{}", job.address);
        for (ours, theirs) in made.files.iter().zip(&served.files) {
            assert_eq!((&ours.output, ours.index), (&theirs.output, theirs.index), "{}", job.address);
            let found = difference(&self.root.join(&ours.path), &self.root.join(&theirs.path));
            let task = job.address.split('[').next().unwrap_or_default().to_owned();
            self.found.lock().expect("not poisoned").entry(task).or_default().push((job.clone(), found));
        }
        Ok(made)
    }
}

impl Executor for Both {
    fn execute(&self, job: Job, signals: Signals) -> PortFuture<'_, Result<Produced, Failure>> {
        Box::pin(self.run(job, signals))
    }
}

/// Nothing is kept.
struct Nowhere;

impl Journal for Nowhere {
    fn append(&self, _: Vec<Entry>) -> PortFuture<'_, Result<Vec<Kept>, JournalError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl ResultStore for Nowhere {
    fn reuse(&self, _: &str, _: &[&str], _: &Path, _: &str) -> Option<ItemResult> {
        None
    }

    fn result(&self, _: ResultNumber) -> Option<ItemResult> {
        None
    }

    fn damaged(&self, _: ResultGroups<'_>, _: bool) -> Result<Vec<ResultNumber>, JournalError> {
        Ok(Vec::new())
    }
}

/// The computer's clock.
struct Now;

impl Clock for Now {
    fn now_ns(&self) -> i64 {
        jiff::Timestamp::now().as_nanosecond() as i64
    }

    fn steady(&self) -> Duration {
        static FIRST: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        FIRST.elapsed()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Most that a picture of this graph may differ: JPEG decoders differ (`tests/pictures/imagefile.rs`), bicubic and lanczos
/// round differently.
fn tolerance(graph: &Graph) -> u8 {
    let nodes = || graph.nodes.values();
    let is_jpeg = |input: &Input| matches!(input, Input::Files(files) if files.iter().any(|f| Path::new(&f.path).extension().is_some_and(|e| e == "jpg")));
    let is_smooth = |input: &Input| matches!(input, Input::Value(v) if v == "lanczos" || v == "bicubic");
    if nodes().any(|node| node.inputs.values().any(is_jpeg)) {
        4
    } else if nodes().any(|node| node.inputs.values().any(is_smooth)) {
        2
    } else {
        1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_the_same_from_the_same_files() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&PHOTOS, &server);
    let root = workspace.path("").canonicalize().expect("a folder");
    let session = Session::open(&SessionOptions { start: Some(root.clone()), object_info: None }).expect("a workspace");
    let connected = connect(&session, &["local".to_owned()], Knowledge::Fresh).expect("a server");
    let mut nodes = NodeSet::clone(&connected.nodes);
    nodes.add_missing(builtin());
    let nodes = Arc::new(nodes);
    let loaded = session.document(root.join(DOCUMENT).to_str().expect("UTF-8")).expect("the catalog");
    let job = make_job(&session, &loaded, &JobOptions::default(), &nodes).expect("a plan");
    let settings = ComfySettings {
        root: root.clone(),
        client_id: Uuid::now_v7().simple().to_string(),
        patience: Patience::default(),
        nodes,
        may_spend: false,
        previews: None,
    };
    let limits = NativeSettings::default();
    let both = Arc::new(Both {
        root: root.clone(),
        native: NativeExecutor::new(&root, limits),
        served: ComfyExecutor::new(connected.servers, settings).expect("a pool"),
        found: Mutex::default(),
    });
    let setup = RunSetup {
        run: Uuid::now_v7(),
        folder: PathBuf::from("outputs/both"),
        capabilities: Capabilities::native(2),
        estimates: Estimates::default(),
        past: None,
        hash_all: false,
    };
    let ports = Ports {
        people: None,
        prices: Arc::default(),
        preparer: job.preparation.clone(),
        scorer: Arc::new(NativeScorers::new(&root, limits.image_limits)),
        native: both.clone(),
        comfy: None,
        store: Arc::new(Nowhere),
        clock: Arc::new(Now),
    };
    let (_controls, heard) = mpsc::unbounded_channel();
    let run = run_plan(job.plan.clone(), setup, ports, Arc::new(Nowhere), Arc::new(|_| {}), heard);
    let outcome = tokio::time::timeout(Duration::from_mins(10), run).await.expect("in time").expect("it runs");
    assert_eq!((outcome.state, outcome.counts.of(ItemState::Failed)), (RunState::Complete, 0), "{outcome:?}");

    let found = both.found.lock().expect("not poisoned");
    println!("largest and mean difference in 1/255, from the same files:");
    let mut wrong = Vec::new();
    for (task, pictures) in &*found {
        let worst = pictures.iter().fold(Difference::default(), |worst, (_, d)| worst.max(*d));
        println!("{task:<10} {:>3} {:.4}   {} pictures", worst.largest, worst.mean, pictures.len());
        let too_far = pictures.iter().filter(|(job, d)| d.largest > tolerance(&job.prepared.graph));
        wrong.extend(too_far.map(|(job, d)| format!("{} differs by {d:?}", job.address)));
    }
    let tasks: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(tasks, ["crisp", "cutout", "finish", "fit", "large", "photo", "scene"]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
