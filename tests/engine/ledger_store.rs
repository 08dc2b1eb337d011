//! The ledger: durability, group commit, formats, locks, reuse.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use comfywright::{
    content_hash::ContentHash,
    ledger::{Ledger, LedgerError, NewRun, RunJournal},
    plan::{ItemIx, ItemResult, Outline, OutlineTask, OutputFile, Sort, Warmth},
    run::{
        AttemptId, Change, Entry, Event, ItemState, Journal, Past as _, PastEvent, ResultNumber, ResultStore, RunState,
    },
};
use serde_json::json;

const ID: AttemptId = AttemptId { visits: 1, attempt: 1, epoch: 0 };

fn open(root: &Path) -> Arc<Ledger> {
    Arc::new(Ledger::open(&root.join(".comfywright"), root).unwrap())
}

fn outline() -> Outline {
    let task = |name: &str| OutlineTask { name: name.to_owned(), items: 500, ..OutlineTask::default() };
    Outline { tasks: vec![task("a"), task("b")], slots: Some(2) }
}

fn begin(ledger: &Arc<Ledger>, id: &str) -> RunJournal {
    let run = NewRun {
        id: id.to_owned(),
        document: "catalog".to_owned(),
        version: "1.0.0".to_owned(),
        hash: "abc".to_owned(),
        path: "pipelines/catalog.toml".to_owned(),
        settings: json!({"set": {"steps": 3}}),
        folder: format!("outputs/catalog/{id}"),
        items: 1000,
        outline: outline(),
        test: None,
        started_ns: 1,
    };
    ledger.begin_run(&run).unwrap()
}

fn finished(item: u32, result: ItemResult) -> Entry {
    let event = Event::Finished {
        item: ItemIx(item),
        id: ID,
        reused: false,
        parts: BTreeMap::new(),
        result,
        values: BTreeMap::new(),
    };
    Entry::Event { time_ns: 5, address: format!("a[x={item}]"), event }
}

fn change(item: u32, state: ItemState) -> Entry {
    let address = format!("a[x={item}]");
    Entry::Change(Change { time_ns: 6, item: ItemIx(item), address, id: ID, state, reason: None })
}

fn result(metric: f64) -> ItemResult {
    ItemResult {
        fingerprint: "f".to_owned(),
        files: Vec::new(),
        metrics: BTreeMap::from([("seconds".to_owned(), metric)]),
    }
}

/// Writes a file into the folder of run `run` and returns a result that has it.
fn result_with_file(root: &Path, run: &str, fingerprint: &str) -> ItemResult {
    let path = format!("outputs/catalog/{run}/a/0.mask.png");
    std::fs::create_dir_all(root.join(&path).parent().unwrap()).unwrap();
    std::fs::write(root.join(&path), "content").unwrap();
    let file = OutputFile {
        output: "mask".to_owned(),
        index: 0,
        path,
        hash: ContentHash::of_bytes(b"content").to_string(),
        size: 7,
        mtime_ns: 0,
        inode: u64::MAX,
        width: 3,
        height: 4,
    };
    ItemResult { fingerprint: fingerprint.to_owned(), files: vec![file], metrics: BTreeMap::new() }
}

async fn append(journal: &RunJournal, entries: Vec<Entry>) {
    journal.append(entries).await.unwrap();
}

/// The journal of the run `r1`, which begins.
async fn begun(ledger: &Arc<Ledger>) -> RunJournal {
    let worker = ledger.clone();
    tokio::task::spawn_blocking(move || begin(&worker, "r1")).await.unwrap()
}

/// All events of a run.
async fn events(ledger: &Arc<Ledger>, run: &str) -> Vec<PastEvent> {
    let (mut past, mut all) = (ledger.past(run).unwrap(), Vec::new());
    loop {
        let group = past.next().await.unwrap();
        if group.is_empty() {
            return all;
        }
        all.extend(group);
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_without_a_clean_end() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let journal = begun(&ledger).await;
    append(&journal, vec![Entry::Event { time_ns: 1, address: String::new(), event: Event::Opened }]).await;
    append(&journal, vec![finished(0, result(2.0)), change(0, ItemState::Done)]).await;
    // As a killed process: nothing is closed, the write-ahead log stays as it is.
    std::mem::forget(journal);
    std::mem::forget(ledger);
    let ledger = open(root.path());
    let events = events(&ledger, "r1").await;
    assert_eq!(events.len(), 2);
    assert!(matches!(&events[1].event, Event::Finished { result: left, .. } if *left == ItemResult::default()));
    assert_eq!(ledger.result(events[1].result.unwrap()), Some(result(2.0)));
    let run = ledger.unfinished_run("catalog", "abc").unwrap().unwrap();
    assert_eq!((run.id.as_str(), run.state, run.settings), ("r1", RunState::Running, json!({"set": {"steps": 3}})));
    assert!(ledger.unfinished_run("catalog", "other").unwrap().is_none());
    let journal = ledger.journal("r1").unwrap();
    append(&journal, vec![Entry::Closed { time_ns: 9, state: RunState::Complete }]).await;
    assert!(ledger.unfinished_run("catalog", "abc").unwrap().is_none());
}

#[tokio::test]
async fn what_became_of_an_item_by_its_result_is_what_readers_see() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let journal = begun(&ledger).await;
    let kept = journal.append(vec![finished(0, result(2.0)), change(0, ItemState::Done)]).await.unwrap();
    assert_eq!((kept.len(), kept[0].item), (1, ItemIx(0)));
    assert_eq!(ledger.result(kept[0].number), Some(result(2.0)));
    // A rule may say that a result is none, and what follows may be about another item, or come later.
    append(&journal, vec![finished(1, result(3.0)), change(1, ItemState::Failed)]).await;
    append(&journal, vec![finished(2, result(4.0)), change(3, ItemState::Skipped), change(2, ItemState::Done)]).await;
    append(&journal, vec![finished(4, result(5.0))]).await;
    append(&journal, vec![change(4, ItemState::Held)]).await;
    let items = ledger.items("r1").unwrap();
    let seen: Vec<_> = items.iter().map(|item| (item.item, item.state, item.result.clone())).collect();
    let expected = [
        (0, ItemState::Done, Some(result(2.0))),
        (1, ItemState::Failed, None),
        (2, ItemState::Done, Some(result(4.0))),
        (3, ItemState::Skipped, None),
        (4, ItemState::Held, Some(result(5.0))),
    ];
    assert_eq!(seen, expected);
    assert!(items[0].finished_ns.is_some() && items[4].finished_ns.is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn damaged_results_are_found_among_many() {
    use std::{os::unix::fs::MetadataExt as _, time::UNIX_EPOCH};

    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let journal = begun(&ledger).await;
    let folder = root.path().join("outputs/catalog/r1/a");
    let path = |item: u32| folder.join(format!("{item}.png"));
    let mut entries = Vec::new();
    for item in 0..600 {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(path(item), "content").unwrap();
        let metadata = std::fs::metadata(path(item)).unwrap();
        let mut made = result_with_file(root.path(), "r1", "f");
        made.files[0].path = format!("outputs/catalog/r1/a/{item}.png");
        made.files[0].mtime_ns = metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
        made.files[0].inode = metadata.ino();
        entries.push(finished(item, if item == 5 { result(1.0) } else { made }));
    }
    let numbers: Vec<ResultNumber> = journal.append(entries).await.unwrap().iter().map(|kept| kept.number).collect();
    let damaged = |results: &[ResultNumber], hash_all| {
        ledger.damaged(&mut results.chunks(256).map(<[ResultNumber]>::to_vec), hash_all)
    };
    assert_eq!(damaged(&numbers, false), Ok(Vec::new()), "one has no files, and all others are there");
    let touched = std::fs::File::options().write(true).open(path(7)).unwrap();
    touched.set_modified(UNIX_EPOCH).unwrap();
    std::fs::write(path(300), "altered").unwrap();
    std::fs::write(path(301), "longer than it was").unwrap();
    std::fs::remove_file(path(599)).unwrap();
    let expected = [300, 301, 599].map(|item| numbers[item]);
    assert_eq!(damaged(&numbers, false).unwrap(), expected, "a touched file is what it was");
    assert_eq!(damaged(&numbers, true).unwrap(), expected);
    assert_eq!(damaged(&numbers[..300], false), Ok(Vec::new()));
    assert_eq!(damaged(&numbers[300..301], false).unwrap(), [numbers[300]]);
    let unknown = ResultNumber(i64::MAX);
    assert_eq!(damaged(&[unknown], true).unwrap(), [unknown]);
}

#[test]
fn a_new_ledger_is_one_for_all_who_make_it_at_once() {
    let root = tempfile::tempdir().unwrap();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let root = root.path().to_owned();
            std::thread::spawn(move || drop(begin(&open(&root), &format!("r{number}"))))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(open(root.path()).runs(9).unwrap().len(), 8);
    let left = std::fs::read_dir(root.path().join(".comfywright")).unwrap();
    let temporary = left.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir()).count();
    assert_eq!(temporary, 0, "nothing temporary is left");
}

fn sort(shape: &str, executor: &str, warmth: Warmth) -> Sort {
    Sort { shape: shape.to_owned(), family: "blurs".to_owned(), executor: executor.to_owned(), warmth }
}

#[tokio::test]
async fn durations_are_condensed_by_shape_place_and_warmth() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let journal = begun(&ledger).await;
    let timing = |shape, executor, warmth, seconds| Entry::Timing { sort: sort(shape, executor, warmth), seconds };
    append(&journal, vec![timing("a", "big", Warmth::Warm, 4.0), timing("a", "big", Warmth::Warm, 9.0)]).await;
    append(&journal, vec![timing("a", "big", Warmth::Cold, 20.0), timing("b", "small", Warmth::Hot, 1.0)]).await;
    let history = ledger.history(&["a"], &[]).unwrap();
    assert_eq!(history.len(), 2, "{history:?}");
    let warm = history[&sort("a", "big", Warmth::Warm)];
    assert!((warm.seconds() - 6.0).abs() < 1e-9 && (warm.count - 2.0).abs() < 1e-9, "{warm:?}");
    assert_eq!(ledger.history(&[], &["blurs"]).unwrap().len(), 3, "a family knows what its shapes took");
    assert!(ledger.history(&["c"], &["d"]).unwrap().is_empty());
}

#[test]
fn servers_stay_out_of_use_until_they_are_put_back() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    assert!(ledger.drained().unwrap().is_empty());
    assert!(ledger.drain("big", 7, Some("a new driver")).unwrap());
    assert!(!ledger.drain("big", 9, None).unwrap(), "it was already");
    let other = open(root.path());
    let drained = other.drained().unwrap();
    assert_eq!((drained["big"].since_ns, drained["big"].reason.as_deref()), (7, Some("a new driver")));
    assert!(other.resume("big").unwrap() && !other.resume("big").unwrap());
    assert!(ledger.drained().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_share_transactions_and_keep_their_order() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let journal = begun(&ledger).await;
    let before = commits(root.path());
    let waits: Vec<_> = (0..500).map(|n| journal.append(vec![finished(n, result(f64::from(n)))])).collect();
    for wait in waits {
        wait.await.unwrap();
    }
    let items: Vec<u32> = events(&ledger, "r1")
        .await
        .iter()
        .filter_map(|past| match past.event {
            Event::Finished { item, .. } => Some(item.0),
            _ => None,
        })
        .collect();
    assert_eq!(items, (0..500).collect::<Vec<_>>());
    let frames = commits(root.path()) - before;
    assert!(frames < 250, "{frames} transactions for 500 appends");
}

/// Commits in the write-ahead log: frames whose header names a size of the database.
fn commits(root: &Path) -> usize {
    let log = std::fs::read(root.join(".comfywright/ledger.db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    log[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn a_bad_write_does_not_take_others_with_it() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let worker = ledger.clone();
    let (good, bad) = tokio::task::spawn_blocking(move || (begin(&worker, "r1"), begin(&worker, "r2"))).await.unwrap();
    rusqlite::Connection::open(root.path().join(".comfywright/ledger.db"))
        .unwrap()
        .execute("DELETE FROM runs WHERE id = 'r2'", [])
        .unwrap();
    let waits = [good.append(vec![finished(0, result(1.0))]), bad.append(vec![finished(0, result(1.0))])];
    let [first, second] = waits;
    assert!(first.await.is_ok());
    let error = second.await.unwrap_err().to_string();
    assert!(error.contains("failed to write the journal") && error.contains("FOREIGN KEY"), "{error}");
    assert_eq!(events(&ledger, "r1").await.len(), 1);
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    drop(open(root.path()));
    let path = root.path().join(".comfywright/ledger.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let error = Ledger::open(&root.path().join(".comfywright"), root.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { found: 999, .. }));
    assert!(error.to_string().contains("newer comfywright"), "{error}");
    let version: u32 =
        rusqlite::Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[test]
fn a_file_that_is_no_ledger_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("x")).unwrap();
    std::fs::write(root.path().join("x/ledger.db"), "this is no database, and long enough to look at").unwrap();
    assert!(matches!(Ledger::open(&root.path().join("x"), root.path()), Err(LedgerError::Sql(_))));
}

#[test]
fn runs_are_found_by_the_beginning_of_their_id() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    for id in ["0192-a", "0192-b", "0193-c"] {
        begin(&ledger, id);
    }
    let ids = |limit| ledger.runs(limit).unwrap().into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(2), ["0193-c", "0192-b"]);
    assert_eq!(ledger.run("0192").unwrap().id, "0192-b");
    assert!(matches!(ledger.run("%"), Err(LedgerError::NoSuchRun { .. })));
    assert!(matches!(ledger.past("0192"), Err(LedgerError::NoSuchRun { .. })));
}

#[test]
fn metrics_belong_to_a_content_and_a_scorer() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let metrics = BTreeMap::from([("sharpness".to_owned(), 0.5), ("odd".to_owned(), f64::NAN)]);
    ledger.keep_metrics("hash", "scorer/1", &metrics);
    begin(&ledger, "r1");
    assert_eq!(ledger.metrics("hash", "scorer/1").unwrap(), BTreeMap::from([("sharpness".to_owned(), 0.5)]));
    assert!(ledger.metrics("hash", "scorer/2").unwrap().is_empty());
}

#[tokio::test]
async fn results_are_reused_as_long_as_their_files_are_unaltered() {
    let root = tempfile::tempdir().unwrap();
    let ledger = open(root.path());
    let journal = begun(&ledger).await;
    let made = result_with_file(root.path(), "r1", "f1");
    append(&journal, vec![finished(0, made.clone())]).await;
    assert!(ledger.reuse("f2", &["mask"], Path::new("outputs/catalog/r2/a"), "0").is_none());
    let reused = ledger.reuse("f1", &["mask"], Path::new("outputs/catalog/r2/a"), "zero").unwrap();
    assert_eq!(reused.files[0].path, "outputs/catalog/r2/a/zero.mask.png");
    assert!(reused.files[0].mtime_ns > 0 && reused.files[0].hash == made.files[0].hash);
    assert_eq!(std::fs::read_to_string(root.path().join(&reused.files[0].path)).unwrap(), "content");
    assert!(ledger.is_intact(&reused, false) && ledger.is_intact(&reused, true));
    let left: Vec<_> = std::fs::read_dir(root.path().join("outputs/catalog/r2/a")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing temporary is left");
    // Again, onto itself: as after a crash between the link and the journal.
    assert!(ledger.reuse("f1", &["mask"], Path::new("outputs/catalog/r2/a"), "zero").is_some());
    std::fs::write(root.path().join(&made.files[0].path), "altered").unwrap();
    assert!(ledger.reuse("f1", &["mask"], Path::new("outputs/catalog/r3/a"), "0").is_none());
    std::fs::remove_file(root.path().join(&made.files[0].path)).unwrap();
    assert!(ledger.reuse("f1", &["mask"], Path::new("outputs/catalog/r3/a"), "0").is_none());
}
