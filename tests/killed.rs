//! A run that is killed again and again ends as one that nobody disturbed: nothing that had
//! finished is made again, and every file has the same bytes.
#![cfg(unix)]

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

const KILLS: usize = 50;

const CHAIN: &str = r#"kind = "chain"
format = 1
name = "cards"
version = "1.0.0"

[task.paper]
type = "graph"
[task.paper.foreach]
side = { from = 24, to = 63 }
[task.paper.node.sheet.EmptyImage]
width = "{side}"
height = 40
batch_size = 1
color = 16711680
[task.paper.outputs]
image = "@sheet.IMAGE"

[task.soft]
type = "adjust"
depends_on = ["paper"]
with.blur = 3

[task.look]
type = "score"
depends_on = ["soft"]
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
"#;

fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    std::fs::write(folder.path().join("comfywright.toml"), "").unwrap();
    std::fs::write(folder.path().join("pipelines/cards.toml"), CHAIN).unwrap();
    folder
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Every output by its path below the run's folder.
fn outputs(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let runs: Vec<_> = std::fs::read_dir(folder.join("outputs/cards")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "one run, however often it was killed: {runs:?}");
    let mut out = BTreeMap::new();
    for task in std::fs::read_dir(&runs[0]).unwrap().map(|e| e.unwrap().path()) {
        for file in std::fs::read_dir(&task).unwrap().map(|e| e.unwrap().path()) {
            let name = file.strip_prefix(&runs[0]).unwrap().display().to_string();
            out.insert(name, std::fs::read(&file).unwrap());
        }
    }
    out
}

/// Inode and time of the first file of every item that is done.
fn finished(folder: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let output = program(folder, &["show", "last", "--json"]).output().unwrap();
    let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) else { return BTreeMap::new() };
    let items = answer["data"]["items_list"].as_array().cloned().unwrap_or_default();
    let done = items.iter().filter(|i| i["state"] == "done");
    let stamps = done.filter_map(|item| {
        let path = item["files"][0]["path"].as_str()?;
        let metadata = std::fs::metadata(folder.join(path)).ok()?;
        Some((item["item"].as_str()?.to_owned(), (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())))
    });
    stamps.collect()
}

fn is_complete(folder: &Path) -> bool {
    let output = program(folder, &["status", "--json"]).output().unwrap();
    serde_json::from_slice::<Value>(&output.stdout).is_ok_and(|answer| answer["data"]["state"] == "complete")
}

#[test]
fn killed_fifty_times() {
    let calm = workspace();
    assert!(program(calm.path(), &["run", "pipelines/cards.toml"]).status().unwrap().success());
    let expected = outputs(calm.path());
    assert!(expected.len() > 90, "{}", expected.len());

    // A fixed sequence: a failure comes again.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let (mut kills, mut rounds) = (0, 0);
    while kills < KILLS {
        let folder = workspace();
        let mut done = BTreeMap::new();
        rounds += 1;
        loop {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut child =
                program(folder.path(), &["run", "pipelines/cards.toml"]).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(20 + random % 230));
            let ended = child.try_wait().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            for (item, stamp) in finished(folder.path()) {
                let before = *done.entry(item.clone()).or_insert(stamp);
                assert_eq!(before, stamp, "{item} was made again");
            }
            if let Some(status) = ended {
                assert!(status.success(), "round {rounds}");
                break;
            }
            kills += 1;
            // It may have been killed after its last item; another run would be a new one.
            if is_complete(folder.path()) {
                break;
            }
        }
        assert_eq!(outputs(folder.path()), expected, "round {rounds}, after {kills} kills");
    }
}
