//! The list of results of a run that goes on: `results.jsonl` in the folder of its outputs, for
//! whoever wants to use what is there without asking the ledger.
//!
//! A line is an `item_finished` event, as `run --events` writes it; the last line about an item
//! counts. The list is brought up to date after every so many finished items and at the end. It
//! says nothing that is not in the ledger: there an item is as soon as it has finished.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use super::{run_view::task_of, write::atomic_write};
use crate::{
    ledger::{ItemRow, Ledger},
    run::{Observer, RunEvent},
};

/// Name of the list.
pub(super) const FILE: &str = "results.jsonl";

/// Writes the list of one run on a thread of its own.
pub(super) struct Checkpoints {
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// An observer that tells `observer` and keeps the list in `folder` after every `every` finished
    /// items.
    pub(super) fn start(
        observer: Observer,
        ledger: Arc<Ledger>,
        run: String,
        folder: PathBuf,
        every: u32,
    ) -> (Observer, Self) {
        let (sender, receiver) = channel();
        let thread = thread::spawn(move || {
            // What cannot be written now is written by the next process: the ledger has it.
            let _ = keep(&ledger, &run, &folder.join(FILE), every, &receiver);
        });
        let observer: Observer = Arc::new(move |event| {
            if let RunEvent::ItemFinished { .. } | RunEvent::ItemRepeated { .. } | RunEvent::RunFinished { .. } = event
            {
                tell(&sender, event);
            }
            observer(event);
        });
        (observer, Self { thread: Some(thread) })
    }

    /// Waits until everything that was told is in the list. The observer must be gone.
    pub(super) fn finish(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn tell(sender: &Sender<Line>, event: &RunEvent) {
    if let Ok(text) = serde_json::to_string(event) {
        let is_last = matches!(event, RunEvent::RunFinished { .. });
        // When the thread has ended, it could not write.
        let _ = sender.send(Line { text: (!is_last).then_some(text), is_last });
    }
}

struct Line {
    text: Option<String>,
    is_last: bool,
}

fn keep(ledger: &Ledger, run: &str, path: &PathBuf, every: u32, lines: &Receiver<Line>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = begin(ledger, run, path)?;
    let (mut waiting, mut count) = (String::new(), 0);
    for line in lines {
        if let Some(text) = line.text {
            waiting.push_str(&text);
            waiting.push('\n');
            count += 1;
        }
        if line.is_last || count >= every {
            file.write_all(waiting.as_bytes())?;
            file.sync_data()?;
            ledger.checkpoint();
            waiting.clear();
            count = 0;
        }
    }
    Ok(())
}

/// The list with what is finished already; an earlier process may have left a broken line.
fn begin(ledger: &Ledger, run: &str, path: &PathBuf) -> io::Result<File> {
    let items = ledger.items(run).unwrap_or_default();
    let mut text = String::new();
    for item in items.iter().filter(|item| item.state.is_final()) {
        text.push_str(&serde_json::to_string(&finished(item))?);
        text.push('\n');
    }
    atomic_write(path, text.as_bytes(), None).map_err(|error| io::Error::other(error.to_string()))?;
    File::options().append(true).open(path)
}

fn finished(item: &ItemRow) -> RunEvent {
    let result = item.result.as_ref();
    RunEvent::ItemFinished {
        item: item.address.clone(),
        task: task_of(&item.address).to_owned(),
        state: item.state,
        reason: item.reason.clone(),
        error: None,
        files: result.iter().flat_map(|r| &r.files).map(|file| file.path.clone()).collect(),
        metrics: result.map(|r| r.metrics.clone()).unwrap_or_default(),
    }
}
