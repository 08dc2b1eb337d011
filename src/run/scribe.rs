//! Writes the journal in order, as much at a time as has queued up, and tells what is durable.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{
    ports::{Entry, Journal, JournalError},
    report::RunEvent,
    results::Results,
};

/// Most batches that are written together.
const MOST: usize = 1024;

/// Entries that belong together, and who waits for them.
#[derive(Default)]
pub(super) struct Batch {
    /// What is written.
    pub(super) entries: Vec<Entry>,
    /// What the observer is told when it is on disk.
    pub(super) reports: Vec<RunEvent>,
    /// Who may go on when it is on disk.
    pub(super) durable: Option<oneshot::Sender<()>>,
}

/// Told what happens in a run, in order.
pub type Observer = Arc<dyn Fn(&RunEvent) + Send + Sync>;

/// Writes everything from `batches`, to their end or to the first error.
pub(super) async fn write_journal(
    journal: Arc<dyn Journal>,
    results: Arc<Results>,
    observer: Observer,
    mut batches: mpsc::UnboundedReceiver<Batch>,
) -> Result<(), JournalError> {
    let mut queued = Vec::new();
    while batches.recv_many(&mut queued, MOST).await > 0 {
        let entries: Vec<Entry> = queued.iter_mut().flat_map(|batch| std::mem::take(&mut batch.entries)).collect();
        if !entries.is_empty() {
            results.are_kept(&journal.append(entries).await?);
        }
        for batch in queued.drain(..) {
            batch.reports.iter().for_each(|report| observer(report));
            if let Some(durable) = batch.durable {
                // Whoever waited may have been aborted.
                let _ = durable.send(());
            }
        }
    }
    Ok(())
}
