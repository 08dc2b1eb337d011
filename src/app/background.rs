//! Runs that go on while their caller does something else, in this process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{AppError, ReadyRun};
use crate::run::{Control, Observer, RunOutcome};

/// The runs that this process works on.
#[derive(Default)]
pub struct BackgroundRuns {
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    controls: mpsc::UnboundedSender<Control>,
    task: JoinHandle<Result<RunOutcome, AppError>>,
}

impl BackgroundRuns {
    /// Carries a run out in the background; must be called within a tokio runtime.
    pub fn start(&self, ready: ReadyRun, observer: Observer) {
        let id = ready.id.to_string();
        let (controls, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(ready.carry_out(observer, receiver));
        self.running().insert(id, Running { controls, task });
    }

    /// Whether this process works on the run.
    pub fn has(&self, run: &str) -> bool {
        self.running().get(run).is_some_and(|running| !running.task.is_finished())
    }

    /// Tells a run to give up. False when this process does not work on it.
    pub fn cancel(&self, run: &str) -> bool {
        self.running().get(run).is_some_and(|running| running.controls.send(Control::Cancel).is_ok())
    }

    /// Why a run that this process had worked on broke off, once: the fault of the surroundings.
    pub async fn fault(&self, run: &str) -> Option<AppError> {
        let ended = {
            let mut all = self.running();
            let is_over = all.get(run).is_some_and(|running| running.task.is_finished());
            if is_over { all.remove(run) } else { None }
        }?;
        match ended.task.await {
            Ok(result) => result.err(),
            Err(error) => Some(AppError::environment(format!("the run broke off: {error}"))),
        }
    }

    /// Lets no run submit anything more, and waits until what is on its way has ended.
    pub async fn stop_all(&self) {
        let all = std::mem::take(&mut *self.running());
        for running in all.values() {
            // A run that has ended needs not be told.
            let _ = running.controls.send(Control::Stop);
        }
        for running in all.into_values() {
            // What a run left is in the ledger; nobody is there any more to hear of a fault.
            let _ = running.task.await;
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
