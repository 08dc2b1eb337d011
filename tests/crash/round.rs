//! One run that is killed until it is complete, and what must hold then.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    os::unix::{fs::MetadataExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Random,
    shop::{Disturbance, Shop},
    table::Table,
};

/// Most processes of one run: more would mean that it makes no progress.
const MOST_LIVES: usize = 120;

/// Longest life of a process: more would mean that it hangs.
const LONGEST: Duration = Duration::from_secs(90);

pub const NATIVE: &str = r#"kind = "chain"
format = 1
name = "cards"
version = "1.0.0"
checkpoint = { every = 5 }

[task.paper]
type = "graph"
[task.paper.foreach]
side = { from = 24, to = 43 }
[task.paper.node.sheet.EmptyImage]
width = "{side}"
height = 40
batch_size = 1
color = 16711680
[task.paper.outputs]
image = "@sheet.IMAGE"

[task.look]
type = "score"
depends_on = ["paper"]
with.scorers = ["contrast"]
route = [
  { if = "width % 2 == 0", to = "big" },
  { if = "width % 3 == 0", to = "@skip" },
]

[task.big]
type = "upscale"
with.scale = 2

[task.sheet]
type = "contact_sheet"
depends_on = ["big|look"]
gather = ["side"]

# The same papers once more: they are reused.
[task.again]
type = "graph"
depends_on = ["sheet"]
[task.again.foreach]
side = { from = 24, to = 43 }
[task.again.node.sheet.EmptyImage]
width = "{side}"
height = 40
batch_size = 1
color = 16711680
[task.again.outputs]
image = "@sheet.IMAGE"
"#;

const SERVER: &str = r#"kind = "chain"
format = 1
name = "cards"
version = "1.0.0"
checkpoint = { every = 5 }

[task.make]
type = "graph"
on = "comfy"
[task.make.foreach]
n = { from = 1, to = 12 }
[task.make.node.make.EmptyImage]
width = 8
height = 8
batch_size = 1
color = "{n}"
[task.make.node.save.SaveImage]
images = "@make.IMAGE"
filename_prefix = "x"
[task.make.outputs]
image = "@save"

[task.soft]
type = "adjust"
on = "native"
depends_on = ["make"]
with.invert = true

[task.turned]
type = "graph"
on = "comfy"
depends_on = ["soft"]
[task.turned.node.load.LoadImage]
image = "@soft.image"
[task.turned.node.turn.ImageInvert]
image = "@load.IMAGE"
[task.turned.node.save.SaveImage]
images = "@turn.IMAGE"
filename_prefix = "x"
[task.turned.outputs]
image = "@save"

[task.sheet]
type = "contact_sheet"
depends_on = ["turned"]
gather = ["n"]
"#;

/// Where a run happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Native,
    Server(Disturbance),
}

impl Place {
    fn name(self) -> String {
        match self {
            Self::Native => "in the process".to_owned(),
            Self::Server(Disturbance::None) => "on a server".to_owned(),
            Self::Server(disturbance) => format!("on a server: {disturbance:?}"),
        }
    }

    fn is_native(self) -> bool {
        self == Self::Native
    }
}

/// A run that nobody disturbs: what it leaves, and how often it reaches which point.
pub struct Undisturbed {
    outputs: BTreeMap<String, Vec<u8>>,
    points: BTreeMap<String, u64>,
    time: Duration,
}

/// The undisturbed runs in the process and on a server.
pub struct Calm {
    native: Undisturbed,
    server: Undisturbed,
}

impl Calm {
    pub async fn measure() -> Self {
        Self { native: undisturbed(Place::Native).await, server: undisturbed(Place::Server(Disturbance::None)).await }
    }

    fn of(&self, place: Place) -> &Undisturbed {
        if place.is_native() { &self.native } else { &self.server }
    }
}

async fn undisturbed(place: Place) -> Undisturbed {
    let (folder, _shop) = workspace(place).await;
    let log = folder.path().join("points.log");
    let began = Instant::now();
    let (status, events) = Life::begin(folder.path(), &format!("log={}", log.display())).ended().await;
    let time = began.elapsed();
    assert!(status.success(), "{status}: {events:#?}");
    let mut points: BTreeMap<String, u64> = BTreeMap::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        *points.entry(line.to_owned()).or_default() += 1;
    }
    let outputs = outputs(folder.path());
    assert!(outputs.len() > 30, "{:?}", outputs.keys());
    Undisturbed { outputs, points, time }
}

async fn workspace(place: Place) -> (tempfile::TempDir, Option<Shop>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    let (chain, config, shop) = match place {
        Place::Native => (NATIVE, String::new(), None),
        Place::Server(disturbance) => {
            let shop = Shop::open(disturbance).await;
            // Longer than validation takes, as the configuration wants it.
            let grace = disturbance.validation().as_millis() + 500;
            let config = format!("[server.shop]\nurl = \"{}\"\ngrace = \"{grace}ms\"\n", shop.url);
            (SERVER, config, Some(shop))
        }
    };
    std::fs::write(folder.path().join("comfywright.toml"), config).unwrap();
    std::fs::write(folder.path().join("pipelines/cards.toml"), chain).unwrap();
    (folder, shop)
}

/// One process that works on the run.
struct Life {
    child: Child,
    reader: JoinHandle<Vec<Value>>,
}

impl Life {
    fn begin(folder: &Path, points: &str) -> Self {
        let mut command = program(folder, &["run", "cards", "--events"]);
        let mut child = command.env("COMFYWRIGHT_FAILPOINTS", points).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The last line may be cut off.
        let reader = std::thread::spawn(move || {
            lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()).collect()
        });
        Self { child, reader }
    }

    /// Waits for the end.
    async fn ended(mut self) -> (ExitStatus, Vec<Value>) {
        let until = Instant::now() + LONGEST;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                self.child.kill().unwrap();
                panic!("it hangs: {:#?}", self.reader.join().unwrap());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        (status, self.reader.join().unwrap())
    }
}

pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Every output by its path below the run's folder, but for the list of results.
pub fn outputs(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let runs: Vec<PathBuf> =
        std::fs::read_dir(folder.join("outputs/cards")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "one run, however often it was killed: {runs:?}");
    let mut out = BTreeMap::new();
    for task in std::fs::read_dir(&runs[0]).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&task).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(&runs[0]).unwrap().display().to_string();
            out.insert(name, std::fs::read(&file).unwrap());
        }
    }
    out
}

fn pixels(png: &[u8]) -> image::DynamicImage {
    image::load_from_memory(png).unwrap()
}

/// Inode and time of a file.
type Stamp = (u64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec()))
}

/// What is meant to happen to a process.
enum Fate {
    /// It is killed after so long, perhaps where it takes longer than usual.
    KilledAfter(Duration, Option<String>),
    /// It ends at this point.
    KilledAt(String, u64),
    /// It gets an error at this point.
    Error(String, u64),
    /// Nothing.
    Spared,
}

/// One run.
pub struct Round {
    number: usize,
    place: Place,
    random: Random,
    calm: Arc<Calm>,
    table: Table,
    /// Items that were told to be finished, and their files.
    acknowledged: BTreeMap<String, Vec<(PathBuf, Option<Stamp>)>>,
}

impl Round {
    pub fn new(number: usize, place: Place, random: Random, calm: Arc<Calm>) -> Self {
        Self { number, place, random, calm, table: Table::default(), acknowledged: BTreeMap::new() }
    }

    /// Kills it as long as kills are `left`, lets it come to its end, and judges it.
    pub async fn until_complete(mut self, left: &AtomicUsize) -> Table {
        let (folder, shop) = workspace(self.place).await;
        *self.table.rounds.entry(self.place.name()).or_default() += 1;
        for life in 0.. {
            assert!(life < MOST_LIVES, "{}: no progress", self.about());
            let fate = if left.load(Ordering::Relaxed) > 0 { self.fate() } else { Fate::Spared };
            let (status, events) = self.live(folder.path(), shop.as_ref(), &fate).await;
            self.table.lives += 1;
            let was_killed = status.signal().is_some();
            self.note(folder.path(), &events);
            if was_killed {
                self.count_kill(&fate);
                // Others may have taken the last one; it does no harm to have one more.
                let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(1)));
            }
            // A server that is away when a process begins is told as such.
            let may_fail = matches!(fate, Fate::Error(..)) || self.place == Place::Server(Disturbance::Restart);
            let code = status.code();
            assert!(
                was_killed || code == Some(0) || may_fail && code == Some(3),
                "{}: {status}: {events:#?}",
                self.about()
            );
            if state(folder.path()).is_some_and(|state| state == "complete") {
                break;
            }
        }
        self.judge(folder.path(), shop.as_ref());
        self.table
    }

    fn about(&self) -> String {
        format!("round {} {}", self.number, self.place.name())
    }

    fn fate(&mut self) -> Fate {
        let undisturbed = self.calm.of(self.place);
        let points: Vec<(&String, u64)> = undisturbed.points.iter().map(|(point, n)| (point, *n)).collect();
        let time = undisturbed.time.as_millis() as u64;
        let (point, most) = *self.random.one_of(&points);
        // Most processes find only a part left to do.
        let most = if self.random.one_in(2) { most } else { most.div_ceil(6) };
        match self.random.below(10) {
            0..4 => Fate::KilledAt(point.clone(), 1 + self.random.below(most)),
            4 => Fate::Error(point.clone(), 1 + self.random.below(most)),
            5..7 => {
                let delay = 20 + self.random.below(80);
                let delayed = Some(format!("{point}=delay:{delay}@1+"));
                Fate::KilledAfter(Duration::from_millis(20 + self.random.below(time * 2)), delayed)
            }
            _ => Fate::KilledAfter(Duration::from_millis(20 + self.random.below(time)), None),
        }
    }

    async fn live(&mut self, folder: &Path, shop: Option<&Shop>, fate: &Fate) -> (ExitStatus, Vec<Value>) {
        let points = match fate {
            Fate::KilledAfter(_, delayed) => delayed.clone().unwrap_or_default(),
            Fate::KilledAt(point, time) => format!("{point}=abort@{time}"),
            Fate::Error(point, time) => {
                *self.table.errors.entry(point.clone()).or_default() += 1;
                format!("{point}=error@{time}")
            }
            Fate::Spared => String::new(),
        };
        let mut life = Life::begin(folder, &points);
        let kill = match fate {
            Fate::KilledAfter(after, _) => Some(Instant::now() + *after),
            _ => None,
        };
        let trouble = Duration::from_millis(40 + self.random.below(400));
        let mut disturb = shop.map(|_| Instant::now() + trouble);
        loop {
            if life.child.try_wait().unwrap().is_some() {
                return life.ended().await;
            }
            if kill.is_some_and(|at| Instant::now() >= at) {
                life.child.kill().unwrap();
                return life.ended().await;
            }
            if let (Some(at), Some(shop)) = (disturb, shop)
                && Instant::now() >= at
            {
                self.disturb(shop);
                disturb = None;
            }
            if disturb.is_none() && kill.is_none() {
                return life.ended().await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn disturb(&mut self, shop: &Shop) {
        let Place::Server(disturbance) = self.place else { return };
        match disturbance {
            Disturbance::Restart => shop.restart(),
            Disturbance::SocketDrop => shop.close_sockets(),
            Disturbance::HistoryLost => shop.lose_history(),
            _ => return,
        }
        *self.table.disturbances.entry(format!("{disturbance:?}")).or_default() += 1;
    }

    /// Notes what a process told, and that nothing told before has been made again.
    fn note(&mut self, folder: &Path, events: &[Value]) {
        for (item, files) in &self.acknowledged {
            for (path, before) in files {
                assert_eq!(stamp(path), *before, "{}: {item} was made again", self.about());
            }
        }
        let finished = events.iter().filter(|event| event["event"] == "item_finished");
        for event in finished.filter(|event| !["failed", "blocked"].iter().any(|state| event["state"] == *state)) {
            let files = event["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let files = files.map(|file| folder.join(file)).map(|path| (path.clone(), stamp(&path)));
            self.acknowledged.insert(event["item"].as_str().unwrap().to_owned(), files.collect());
        }
    }

    fn count_kill(&mut self, fate: &Fate) {
        let place = match fate {
            Fate::KilledAt(point, _) => point.clone(),
            _ => "a random time".to_owned(),
        };
        *self.table.kills.entry(place).or_default() += 1;
        let items = if self.place.is_native() { 81 } else { 37 };
        self.table.progress[(self.acknowledged.len() * 10 / items).min(9)] += 1;
        self.table.acknowledged += self.acknowledged.len();
    }

    /// Everything that must hold at the end.
    fn judge(&mut self, folder: &Path, shop: Option<&Shop>) {
        let about = self.about();
        let expected = &self.calm.of(self.place).outputs;
        let made = outputs(folder);
        assert_eq!(made.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{about}");
        // What cannot be reused is made again, and says so in its text: its pixels are the same.
        let same = |name: &String| {
            made[name] == expected[name] || name.starts_with("again/") && pixels(&made[name]) == pixels(&expected[name])
        };
        let other: Vec<&String> = expected.keys().filter(|name| !same(name)).collect();
        assert!(other.is_empty(), "{about}: other bytes in {other:?}");

        let shown: Value =
            serde_json::from_slice(&program(folder, &["show", "last", "--json"]).output().unwrap().stdout).unwrap();
        let items: BTreeMap<&str, &str> = shown["data"]["items_list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["item"].as_str().unwrap(), item["state"].as_str().unwrap()))
            .collect();
        for item in self.acknowledged.keys() {
            let state = items.get(item.as_str()).copied();
            assert!(
                matches!(state, Some("done" | "reused" | "skipped")),
                "{about}: {item} was acknowledged and is {state:?}"
            );
        }
        let ledger = rusqlite::Connection::open(folder.join(".comfywright/ledger.db")).unwrap();
        let sound: String = ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{about}");

        let Some(shop) = shop else { return };
        let (queued, mut by_item) = (shop.queued(), BTreeMap::<&str, Vec<&str>>::new());
        for submission in queued.iter().filter(|queued| !queued.lost && !queued.taken_back) {
            by_item.entry(&submission.item).or_default().push(&submission.id);
        }
        let reviewed: BTreeSet<&str> =
            items.iter().filter(|(_, state)| **state == "needs_review").map(|(item, _)| *item).collect();
        for (item, ids) in &by_item {
            assert!(
                ids.len() == 1 || reviewed.contains(item),
                "{about}: {item} was submitted more than once: {queued:#?}"
            );
        }
        let all: BTreeSet<&String> = queued.iter().map(|queued| &queued.item).collect();
        self.table.queued = (queued.len(), all.len());
    }
}

pub fn state(folder: &Path) -> Option<String> {
    let output = program(folder, &["status", "--json"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    answer["data"]["state"].as_str().map(str::to_owned)
}
