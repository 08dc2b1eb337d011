//! A disk without room: the run stops with a word about it, nothing is half-written, and it goes on when there
//! is room. Needs a small file system of its own, which only root can mount.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::round::{NATIVE, outputs, program, state};

/// A file system of a few hundred KiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None when it cannot be mounted here.
    fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves so much room.
    fn fill_but(&self, kib: u64) {
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        let block = [0_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(kib * 1024)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

fn workspace(folder: &Path) {
    std::fs::create_dir(folder.join("pipelines")).unwrap();
    std::fs::write(folder.join("comfywright.toml"), "").unwrap();
    std::fs::write(folder.join("pipelines/cards.toml"), NATIVE).unwrap();
}

#[test]
fn a_full_disk_stops_a_run_and_loses_nothing() {
    let calm = tempfile::tempdir().unwrap();
    workspace(calm.path());
    assert!(program(calm.path(), &["run", "cards", "--json"]).output().unwrap().status.success());
    let expected = outputs(calm.path());
    for room in [0, 40, 120, 200, 280, 360] {
        let Some(disk) = SmallDisk::mount(4096) else {
            println!("skipped: no file system can be mounted here");
            return;
        };
        workspace(disk.path());
        disk.fill_but(room);
        let run = program(disk.path(), &["run", "cards", "--json"]).output().unwrap();
        let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
        println!("{room} KiB left: {:?} {}", run.status.code(), answer["diagnostics"][0]["message"]);
        if !run.status.success() {
            assert_eq!(run.status.code(), Some(3), "{answer:#}");
            assert!(answer["diagnostics"][0]["message"].as_str().is_some_and(|text| text.starts_with("failed to")));
        }
        std::fs::remove_file(disk.ballast()).unwrap();
        if state(disk.path()).is_none_or(|state| state != "complete") {
            let again = program(disk.path(), &["run", "cards", "--json"]).output().unwrap();
            assert!(again.status.success(), "{room}: {}", String::from_utf8_lossy(&again.stdout));
        }
        assert!(outputs(disk.path()) == expected, "{room}: other files, or other bytes");
        let ledger = rusqlite::Connection::open(disk.path().join(".comfywright/ledger.db")).unwrap();
        let sound: String = ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
}

#[test]
fn an_output_without_room_stops_a_run_and_fails_no_item() {
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path());
    let mut command = program(folder.path(), &["run", "cards", "--json"]);
    let run = command.env("COMFYWRIGHT_FAILPOINTS", "output.write=error@5+").output().unwrap();
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(3), "{answer:#}");
    assert!(answer["diagnostics"][0]["hint"].as_str().is_some_and(|hint| hint.contains("make room")), "{answer:#}");
    assert_eq!(state(folder.path()).as_deref(), Some("stopped"));
    let again = program(folder.path(), &["run", "cards", "--json"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((again.status.code(), &answer["data"]["counts"]["failed"]), (Some(0), &Value::Null), "{answer:#}");
}
