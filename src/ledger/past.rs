//! Reads what a run did before, while it is replayed.

use std::{sync::Arc, thread};

use rusqlite::params;
use tokio::sync::mpsc;

use super::{error::LedgerError, event_text::read_event, open::Ledger};
use crate::run::{JournalError, Past, PastEvent, PortFuture, ResultNumber};

/// Events that are read at a time.
const GROUP: usize = 512;

/// So many bytes of the ledger are mapped meanwhile: they are read once, from the beginning on.
const MAPPED: u32 = 32 << 20;

/// Groups that are read ahead: of a long run, no more are in memory.
const AHEAD: usize = 16;

/// The events of a run in order, read by a thread of its own.
#[derive(Debug)]
pub struct ReadPast(mpsc::Receiver<Result<Vec<PastEvent>, LedgerError>>);

impl Ledger {
    /// The events of a run in order, for replay. Nobody may append to its journal until they are read.
    pub fn past(self: &Arc<Self>, id: &str) -> Result<ReadPast, LedgerError> {
        let run = self.run_number(id)?;
        let (groups, past) = mpsc::channel(AHEAD);
        let ledger = self.clone();
        thread::Builder::new()
            .name("past".to_owned())
            .spawn(move || {
                ledger.map(MAPPED);
                ledger.read_past(run, &groups);
                ledger.map(0);
            })
            .map_err(|error| LedgerError::Write(error.to_string()))?;
        Ok(ReadPast(past))
    }

    fn read_past(&self, run: i64, groups: &mpsc::Sender<Result<Vec<PastEvent>, LedgerError>>) {
        let mut after = 0;
        loop {
            let group = self.events_after(run, &mut after);
            let is_last = group.as_ref().map_or(true, |group| group.len() < GROUP);
            // Who does not want to know more has let go of the other end.
            if groups.blocking_send(group).is_err() || is_last {
                return;
            }
        }
    }

    /// The next events after number `after`, which becomes that of the last of a full group.
    fn events_after(&self, run: i64, after: &mut i64) -> Result<Vec<PastEvent>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader
            .prepare_cached("SELECT seq, event, result FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?")?;
        let mut rows = statement.query(params![run, *after, GROUP as u32])?;
        let mut events = Vec::with_capacity(GROUP);
        while let Some(row) = rows.next()? {
            let event = read_event(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
            events.push(PastEvent { event, result: row.get::<_, Option<i64>>(2)?.map(ResultNumber) });
            if events.len() == GROUP {
                *after = row.get(0)?;
            }
        }
        Ok(events)
    }
}

impl Past for ReadPast {
    fn next(&mut self) -> PortFuture<'_, Result<Vec<PastEvent>, JournalError>> {
        Box::pin(async {
            let group = self.0.recv().await.unwrap_or_else(|| Ok(Vec::new()));
            group.map_err(|error| JournalError::Read(error.to_string()))
        })
    }
}
