//! The thread that writes: one transaction for whatever has queued up (group commit), on disk when it ends if
//! somebody relies on that.

use std::{
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::LedgerError;
use crate::failpoint::{Point, pass};

/// Writes something within a transaction. It may be called again, when a write beside it failed.
pub(super) type Job = Box<dyn Fn(&Transaction<'_>) -> Result<(), LedgerError> + Send>;

/// Most jobs of one transaction.
const BATCH: usize = 4096;

struct Write {
    job: Job,
    /// Whether somebody relies on it being on disk.
    durable: bool,
    done: oneshot::Sender<Result<(), LedgerError>>,
}

/// Where writes queue up.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<Sender<Write>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread that writes through `connection`.
    pub(super) fn start(connection: Connection, path: &Path) -> Result<Self, LedgerError> {
        let (queue, writes) = channel();
        let thread = std::thread::Builder::new().name("ledger".to_owned());
        let thread = thread
            .spawn(move || write_all(connection, &writes))
            .map_err(|source| LedgerError::File { path: path.to_owned(), source })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues `job`; it takes its place in the order now. What it wrote is on disk when the
    /// receiver says so.
    pub(super) fn write(&self, job: Job) -> oneshot::Receiver<Result<(), LedgerError>> {
        self.queue(job, true)
    }

    /// Queues `job`, on which nothing depends that is not written after it: others see it at once, and it is on disk
    /// with the next write that has to be.
    pub(super) fn write_lazily(&self, job: Job) -> oneshot::Receiver<Result<(), LedgerError>> {
        self.queue(job, false)
    }

    fn queue(&self, job: Job, durable: bool) -> oneshot::Receiver<Result<(), LedgerError>> {
        let (done, receiver) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // When the thread has ended, the receiver tells it: its sender is gone.
            let _ = queue.send(Write { job, durable, done });
        }
        receiver
    }

    /// Queues `job` and waits until it is on disk. Not to be called within async code.
    pub(super) fn write_and_wait(&self, job: Job) -> Result<(), LedgerError> {
        wait(self.write(job))
    }

    /// As [`Self::write_lazily`], and waits until others see it. Not to be called within async code.
    pub(super) fn write_lazily_and_wait(&self, job: Job) -> Result<(), LedgerError> {
        wait(self.write_lazily(job))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn wait(written: oneshot::Receiver<Result<(), LedgerError>>) -> Result<(), LedgerError> {
    written.blocking_recv().unwrap_or_else(|_| Err(LedgerError::Write("its thread has ended".to_owned())))
}

fn write_all(mut connection: Connection, writes: &Receiver<Write>) {
    while let Ok(first) = writes.recv() {
        let mut batch = vec![first];
        batch.extend(writes.try_iter().take(BATCH - 1));
        match commit(&mut connection, &batch) {
            Ok(()) => batch.into_iter().for_each(|write| drop(write.done.send(Ok(())))),
            Err(error) if batch.len() == 1 => batch.into_iter().for_each(|write| {
                drop(write.done.send(Err(LedgerError::Write(error.to_string()))));
            }),
            // One bad write must not take the others with it.
            Err(_) => batch.into_iter().for_each(|write| {
                let result = commit(&mut connection, std::slice::from_ref(&write));
                drop(write.done.send(result));
            }),
        }
    }
}

fn commit(connection: &mut Connection, batch: &[Write]) -> Result<(), LedgerError> {
    pass(Point::LedgerBegin)?;
    let durable = batch.iter().any(|write| write.durable);
    connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    batch.iter().try_for_each(|write| (write.job)(&transaction))?;
    pass(Point::LedgerCommit)?;
    transaction.commit()?;
    Ok(pass(Point::LedgerCommitted)?)
}
