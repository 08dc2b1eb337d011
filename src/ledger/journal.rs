//! The journal of a run: events for replay, and the rows that readers see.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use rayon::prelude::*;
use rusqlite::{OptionalExtension, ToSql, Transaction, params, params_from_iter};
use serde_json::Value;

use super::{
    durations,
    error::LedgerError,
    open::Ledger,
    trial::{NewTest, write_block, write_test},
};
use crate::{
    plan::{ItemIx, ItemResult, Outline, OutputFile},
    run::{AttemptId, Change, Decision, Entry, Event, Journal, JournalError, PortFuture, RunState},
};

/// What the ledger keeps of a run from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// A UUID.
    pub id: String,
    /// Name of the document.
    pub document: String,
    /// Its version.
    pub version: String,
    /// Canonical hash of the document with the values that `--set` gave, hex.
    pub hash: String,
    /// Path of the document, relative to the workspace.
    pub path: String,
    /// What the command line gave.
    pub settings: Value,
    /// Folder of its outputs, relative to the workspace, with `/`.
    pub folder: String,
    /// How many items it has.
    pub items: u32,
    /// Its tasks.
    pub outline: Outline,
    /// What is fixed of a test before its first sample; none for what is no test.
    pub test: Option<NewTest>,
    /// Nanoseconds since 1970.
    pub started_ns: i64,
}

/// The journal of one run.
#[derive(Debug)]
pub struct RunJournal {
    ledger: Arc<Ledger>,
    run: i64,
    next: AtomicI64,
}

impl Ledger {
    /// Begins a run. Not to be called within async code.
    pub fn begin_run(self: &Arc<Self>, run: &NewRun) -> Result<RunJournal, LedgerError> {
        self.insert_run(run, false)?;
        self.journal(&run.id)
    }

    /// Begins a run unless there is an unfinished one of the same work, which another process may have
    /// begun a moment ago; none then. Not to be called within async code.
    pub fn begin_only_run(self: &Arc<Self>, run: &NewRun) -> Result<Option<RunJournal>, LedgerError> {
        self.insert_run(run, true)?;
        match self.journal(&run.id) {
            Ok(journal) => Ok(Some(journal)),
            Err(LedgerError::NoSuchRun { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn insert_run(&self, run: &NewRun, only: bool) -> Result<(), LedgerError> {
        let row = run.clone();
        let outline = serde_json::to_string(&row.outline)?;
        self.writer.write_and_wait(Box::new(move |transaction| {
            if only && newest_is_unfinished(transaction, &row)? {
                return Ok(());
            }
            transaction.execute(
                "INSERT INTO runs (id, document, version, hash, path, settings, folder, items, outline, state,
                                   started_ns)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)",
                params![
                    row.id,
                    row.document,
                    row.version,
                    row.hash,
                    row.path,
                    row.settings.to_string(),
                    row.folder,
                    row.items,
                    outline,
                    row.started_ns
                ],
            )?;
            row.test.iter().try_for_each(|test| write_test(transaction, transaction.last_insert_rowid(), test))
        }))
    }

    /// Keeps what the command line gave this time.
    pub fn set_settings(&self, run: &str, settings: &Value) -> Result<(), LedgerError> {
        let (run, settings) = (self.run_number(run)?, settings.to_string());
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute("UPDATE runs SET settings = ? WHERE number = ?", params![settings, run])?;
            Ok(())
        }))
    }

    /// The journal of an earlier run, to go on with it.
    pub fn journal(self: &Arc<Self>, id: &str) -> Result<RunJournal, LedgerError> {
        let number = self.run_number(id)?;
        let next: i64 = self.reader().query_row(
            "SELECT 1 + max(coalesce((SELECT max(seq) FROM events WHERE run = ?1), 0),
                            coalesce((SELECT max(seq) FROM decisions WHERE run = ?1), 0))",
            [number],
            |row| row.get(0),
        )?;
        Ok(RunJournal { ledger: self.clone(), run: number, next: AtomicI64::new(next) })
    }

    /// The events of a run in order, for replay.
    pub fn events(&self, id: &str) -> Result<Vec<Event>, LedgerError> {
        let run = self.run_number(id)?;
        let mut results = self.results_of_run(run)?;
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT event, result FROM events WHERE run = ? ORDER BY seq")?;
        let rows = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(String, Option<i64>)> = rows.collect::<Result<_, _>>()?;
        let mut events: Vec<Event> =
            rows.par_iter().map(|(text, _)| serde_json::from_str(text)).collect::<Result<_, _>>()?;
        for (event, (_, number)) in events.iter_mut().zip(&rows) {
            if let (Event::Finished { result, .. }, Some(number)) = (event, number) {
                *result = results.remove(number).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            }
        }
        Ok(events)
    }

    pub(super) fn run_number(&self, id: &str) -> Result<i64, LedgerError> {
        let number =
            self.reader().query_row("SELECT number FROM runs WHERE id = ?", [id], |row| row.get(0)).optional()?;
        number.ok_or_else(|| LedgerError::NoSuchRun { run: id.to_owned() })
    }
}

impl Journal for RunJournal {
    fn append(&self, entries: Vec<Entry>) -> PortFuture<'_, Result<(), JournalError>> {
        let count = entries.len() as i64;
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let run = self.run;
        let entries = Mutex::new(entries);
        let done = self.ledger.writer.write(Box::new(move |transaction| {
            let entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.iter().zip(first..).try_for_each(|(entry, seq)| write_entry(transaction, run, seq, entry))
        }));
        Box::pin(async move {
            let result = done.await.unwrap_or_else(|_| Err(LedgerError::Write("its thread has ended".to_owned())));
            result.map_err(|error| JournalError { message: error.to_string() })
        })
    }
}

/// Whether the newest run of the same work may be continued.
fn newest_is_unfinished(transaction: &Transaction<'_>, row: &NewRun) -> Result<bool, LedgerError> {
    let query = "SELECT state FROM runs WHERE document = ? AND hash = ? ORDER BY number DESC LIMIT 1";
    let newest = transaction.query_row(query, params![row.document, row.hash], |row| row.get::<_, String>(0));
    let ended = [RunState::Complete.name(), RunState::Cancelled.name()];
    Ok(newest.optional()?.is_some_and(|state| !ended.contains(&state.as_str())))
}

fn write_entry(transaction: &Transaction<'_>, run: i64, seq: i64, entry: &Entry) -> Result<(), LedgerError> {
    match entry {
        Entry::Event { time_ns, address, event } => {
            let result = write_item(transaction, run, *time_ns, address, event)?;
            let mut statement = transaction
                .prepare_cached("INSERT INTO events (run, seq, time_ns, event, result) VALUES (?, ?, ?, ?, ?)")?;
            statement.execute(params![run, seq, time_ns, serde_json::to_string(event)?, result])?;
            Ok(())
        }
        Entry::Change(change) => write_change(transaction, run, change),
        Entry::Block { time_ns, block } => write_block(transaction, run, *time_ns, block),
        Entry::Timing { sort, seconds } => durations::write(transaction, sort, *seconds),
        Entry::Decision { time_ns, decision } => write_decision(transaction, run, seq, *time_ns, decision),
        Entry::Closed { time_ns, state } => set_run_state(transaction, run, *state, Some(*time_ns)),
    }
}

/// The statement that writes the row of an item, whether there is one or not: `$columns` with `$values` beside its key
/// and its try, or, where it is there, `$set`.
macro_rules! upsert_item {
    ($columns:literal, $values:literal, $set:literal) => {
        concat!(
            "INSERT INTO items (run, item, address, visits, attempt, epoch, ",
            $columns,
            ") VALUES (?, ?, ?, ?, ?, ?, ",
            $values,
            ") ON CONFLICT DO UPDATE SET visits = excluded.visits, attempt = excluded.attempt, epoch = excluded.epoch, ",
            $set
        )
    };
}

/// Which item a row is about, and its last try.
struct ItemKey<'a> {
    run: i64,
    item: ItemIx,
    address: &'a str,
    id: AttemptId,
}

impl ItemKey<'_> {
    /// Carries out a statement of `upsert_item!`, whose own values are `values`.
    fn write(
        &self,
        transaction: &Transaction<'_>,
        sql: &'static str,
        values: &[&dyn ToSql],
    ) -> Result<(), LedgerError> {
        let Self { run, item: ItemIx(item), address, id: AttemptId { visits, attempt, epoch } } = self;
        let key: [&dyn ToSql; 6] = [run, item, address, visits, attempt, epoch];
        transaction.prepare_cached(sql)?.execute(params_from_iter(key.iter().chain(values)))?;
        Ok(())
    }
}

/// Updates what readers see of the event. The number of the result, if it brought one.
fn write_item(
    transaction: &Transaction<'_>,
    run: i64,
    time_ns: i64,
    address: &str,
    event: &Event,
) -> Result<Option<i64>, LedgerError> {
    match event {
        Event::Opened => {
            set_run_state(transaction, run, RunState::Running, None)?;
            // Whoever works on it makes again what was removed.
            let mut statement = transaction.prepare_cached("UPDATE runs SET collected_ns = NULL WHERE number = ?")?;
            statement.execute([run])?;
        }
        Event::Continued => set_run_state(transaction, run, RunState::Running, None)?,
        Event::Paused => set_run_state(transaction, run, RunState::Paused, None)?,
        Event::Submitted { item, id, prompt_id, fingerprint, parts, executor } => {
            let sql = upsert_item!(
                "state, prompt_id, executor, fingerprint, parts, started_ns",
                "'running', ?, ?, ?, ?, ?",
                "state = 'running', reason = NULL, prompt_id = excluded.prompt_id, executor = excluded.executor,
                 fingerprint = excluded.fingerprint, parts = excluded.parts, started_ns = excluded.started_ns,
                 finished_ns = NULL, result = NULL"
            );
            let (prompt_id, parts) = (prompt_id.to_string(), serde_json::to_string(parts)?);
            let key = ItemKey { run, item: *item, address, id: *id };
            key.write(transaction, sql, &[&prompt_id, executor, fingerprint, &parts, &time_ns])?;
        }
        Event::Late { item, id, server } => {
            let sql = upsert_item!("state, executor", "'starting', ?", "executor = excluded.executor");
            ItemKey { run, item: *item, address, id: *id }.write(transaction, sql, &[server])?;
        }
        Event::Finished { item, id, parts, result, .. } => {
            let number = write_result(transaction, run, result)?;
            let sql = upsert_item!(
                "state, result, fingerprint, parts, finished_ns",
                "'starting', ?, ?, ?, ?",
                "result = excluded.result, fingerprint = excluded.fingerprint, parts = coalesce(excluded.parts, parts),
                 finished_ns = excluded.finished_ns"
            );
            let parts = if parts.is_empty() { None } else { Some(serde_json::to_string(parts)?) };
            let key = ItemKey { run, item: *item, address, id: *id };
            key.write(transaction, sql, &[&number, &result.fingerprint, &parts, &time_ns])?;
            return Ok(Some(number));
        }
        _ => {}
    }
    Ok(None)
}

fn write_change(transaction: &Transaction<'_>, run: i64, change: &Change) -> Result<(), LedgerError> {
    let Change { time_ns, item, address, id, state, reason } = change;
    let sql = upsert_item!(
        "state, reason, finished_ns",
        "?, ?, ?",
        "state = excluded.state, reason = excluded.reason, finished_ns = excluded.finished_ns,
         result = CASE WHEN excluded.state IN ('done', 'reused', 'held') THEN result END"
    );
    let finished = state.is_final().then_some(time_ns);
    ItemKey { run, item: *item, address, id: *id }.write(transaction, sql, &[&state.name(), reason, &finished])
}

fn write_decision(
    transaction: &Transaction<'_>,
    run: i64,
    seq: i64,
    time_ns: i64,
    decision: &Decision,
) -> Result<(), LedgerError> {
    let mut statement = transaction
        .prepare_cached("INSERT INTO decisions (run, seq, item, time_ns, decision) VALUES (?, ?, ?, ?, ?)")?;
    statement.execute(params![run, seq, decision.item.0, time_ns, serde_json::to_string(decision)?])?;
    Ok(())
}

fn set_run_state(
    transaction: &Transaction<'_>,
    run: i64,
    state: RunState,
    finished_ns: Option<i64>,
) -> Result<(), LedgerError> {
    let mut statement = transaction.prepare_cached("UPDATE runs SET state = ?, finished_ns = ? WHERE number = ?")?;
    statement.execute(params![state.name(), finished_ns, run])?;
    Ok(())
}

fn write_result(transaction: &Transaction<'_>, run: i64, result: &ItemResult) -> Result<i64, LedgerError> {
    let mut statement =
        transaction.prepare_cached("INSERT INTO results (run, fingerprint, metrics) VALUES (?, ?, ?)")?;
    let number = statement.insert(params![run, result.fingerprint, serde_json::to_string(&result.metrics)?])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO outputs (result, position, output, place, path, hash, size, mtime_ns, inode, width, height)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (position, file) in result.files.iter().enumerate() {
        statement.execute(params![
            number,
            position as i64,
            file.output,
            file.index,
            file.path,
            file.hash,
            file.size as i64,
            file.mtime_ns,
            file.inode as i64,
            file.width,
            file.height
        ])?;
    }
    Ok(number)
}

/// A file as its row says; columns in the order of [`OUTPUT_COLUMNS`], from column `first`.
pub(super) fn output_file(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<OutputFile> {
    Ok(OutputFile {
        output: row.get(first)?,
        index: row.get(first + 1)?,
        path: row.get(first + 2)?,
        hash: row.get(first + 3)?,
        size: row.get::<_, i64>(first + 4)? as u64,
        mtime_ns: row.get(first + 5)?,
        inode: row.get::<_, i64>(first + 6)? as u64,
        width: row.get(first + 7)?,
        height: row.get(first + 8)?,
    })
}

/// Columns that [`output_file`] reads.
pub(super) const OUTPUT_COLUMNS: &str = "output, place, path, hash, size, mtime_ns, inode, width, height";
