//! What people tell the process that works on a run, and runs that are given up without one.

use rusqlite::params;

use super::{error::LedgerError, open::Ledger};
use crate::run::{Control, Event, ItemState, RunState};

impl Ledger {
    /// Tells the process that works on the run; it hears of it a moment later.
    pub fn tell(&self, run: &str, control: Control, time_ns: i64) -> Result<(), LedgerError> {
        let run = self.run_number(run)?;
        let control = serde_json::to_string(&control)?;
        self.writer.write_and_wait(Box::new(move |transaction| {
            let mut statement =
                transaction.prepare_cached("INSERT INTO controls (run, time_ns, control) VALUES (?, ?, ?)")?;
            statement.execute(params![run, time_ns, control])?;
            Ok(())
        }))
    }

    /// Number of the last word to any run: who begins to work now need not heed what was told before.
    pub fn last_told(&self) -> Result<i64, LedgerError> {
        let query = "SELECT coalesce(max(number), 0) FROM controls";
        Ok(self.reader().query_row(query, [], |row| row.get(0))?)
    }

    /// What the run was told after number `after`, in order and with its numbers.
    pub fn told(&self, run: &str, after: i64) -> Result<Vec<(i64, Control)>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT controls.number, control FROM controls JOIN runs ON controls.run = runs.number
             WHERE controls.number > ?1 AND runs.id = ?2 ORDER BY controls.number",
        )?;
        let mut rows = statement.query(params![after, run])?;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            told.push((row.get(0)?, serde_json::from_str(text)?));
        }
        Ok(told)
    }

    /// Gives up a run on which nobody works: what has not ended is cancelled, in the journal as in
    /// the rows.
    pub fn give_up(&self, run: &str, time_ns: i64) -> Result<(), LedgerError> {
        let _lock = self.lock_run(run)?;
        let number = self.run_number(run)?;
        let event = serde_json::to_string(&Event::Cancelled)?;
        let ended: Vec<String> =
            ItemState::ALL.into_iter().filter(|s| s.is_final()).map(|s| format!("'{}'", s.name())).collect();
        let items = format!(
            "UPDATE items SET state = 'cancelled', reason = NULL, result = NULL, finished_ns = ?
             WHERE run = ? AND state NOT IN ({})",
            ended.join(", ")
        );
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute(
                "INSERT INTO events (run, seq, time_ns, event)
                 SELECT ?1, 1 + max(coalesce((SELECT max(seq) FROM events WHERE run = ?1), 0),
                                    coalesce((SELECT max(seq) FROM decisions WHERE run = ?1), 0)), ?2, ?3",
                params![number, time_ns, event],
            )?;
            transaction.execute(&items, params![time_ns, number])?;
            transaction.execute(
                "UPDATE runs SET state = ?, finished_ns = ? WHERE number = ?",
                params![RunState::Cancelled.name(), time_ns, number],
            )?;
            Ok(())
        }))
    }
}
