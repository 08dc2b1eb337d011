//! The journal of a run: events for replay, and the rows that readers see.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use rusqlite::{OptionalExtension, ToSql, Transaction, params, params_from_iter};
use serde_json::Value;

use super::{
    durations::Durations,
    error::LedgerError,
    open::Ledger,
    trial::{NewTest, write_block, write_test},
    writer::Job,
};
use crate::{
    plan::{ItemIx, ItemResult, Outline, OutputFile},
    run::{
        AttemptId, Change, Decision, Entry, Event, ItemState, Journal, JournalError, Kept, PortFuture, ResultNumber,
        RunState,
    },
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
        // Whatever the run does is written after it.
        self.writer.write_lazily_and_wait(Box::new(move |transaction| {
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

    pub(super) fn run_number(&self, id: &str) -> Result<i64, LedgerError> {
        let number =
            self.reader().query_row("SELECT number FROM runs WHERE id = ?", [id], |row| row.get(0)).optional()?;
        number.ok_or_else(|| LedgerError::NoSuchRun { run: id.to_owned() })
    }
}

impl Journal for RunJournal {
    fn append(&self, entries: Vec<Entry>) -> PortFuture<'_, Result<Vec<Kept>, JournalError>> {
        let count = entries.len() as i64;
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let (run, kept) = (self.run, Arc::new(Mutex::new(Vec::new())));
        let is_lazy = entries.iter().all(says_nothing_new);
        let (entries, told) = (Mutex::new(entries), kept.clone());
        let job: Job = Box::new(move |transaction| {
            let entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
            // A transaction that is tried again gives other numbers.
            *told.lock().unwrap_or_else(PoisonError::into_inner) = write_entries(transaction, run, first, &entries)?;
            Ok(())
        });
        let writer = &self.ledger.writer;
        let done = if is_lazy { writer.write_lazily(job) } else { writer.write(job) };
        Box::pin(async move {
            let result = done.await.unwrap_or_else(|_| Err(LedgerError::Write("its thread has ended".to_owned())));
            result.map_err(|error| JournalError::Write(error.to_string()))?;
            Ok(std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner)))
        })
    }
}

/// Whether nothing is lost with `entry`: who goes on with the run comes to the same.
fn says_nothing_new(entry: &Entry) -> bool {
    matches!(entry, Entry::Event { event: Event::Opened, .. } | Entry::Closed { .. })
}

/// Whether the newest run of the same work may be continued.
fn newest_is_unfinished(transaction: &Transaction<'_>, row: &NewRun) -> Result<bool, LedgerError> {
    let query = "SELECT state FROM runs WHERE document = ? AND hash = ? ORDER BY number DESC LIMIT 1";
    let newest = transaction.query_row(query, params![row.document, row.hash], |row| row.get::<_, String>(0));
    let ended = [RunState::Complete.name(), RunState::Cancelled.name()];
    Ok(newest.optional()?.is_some_and(|state| !ended.contains(&state.as_str())))
}

/// Writes what belongs together, numbered from `first`; the results that it brought.
fn write_entries(
    transaction: &Transaction<'_>,
    run: i64,
    first: i64,
    entries: &[Entry],
) -> Result<Vec<Kept>, LedgerError> {
    let (mut kept, mut durations) = (Vec::new(), Durations::default());
    let mut numbered = entries.iter().zip(first..).peekable();
    while let Some((entry, seq)) = numbered.next() {
        match entry {
            Entry::Event { time_ns, address, event } => {
                // What an item ends with mostly follows at once: one row for both.
                let end = numbered.next_if(|(next, _)| is_end_of(event, next)).and_then(|(next, _)| change(next));
                let result = write_item(transaction, run, (*time_ns, address, event), end)?;
                write_event(transaction, run, seq, (*time_ns, event), result)?;
                kept.extend(result.and_then(|number| brought(event, number)));
            }
            Entry::Change(change) => write_change(transaction, run, change)?,
            Entry::Block { time_ns, block } => write_block(transaction, run, *time_ns, block)?,
            Entry::Timing { sort, seconds } => durations.add(transaction, sort, *seconds)?,
            Entry::Decision { time_ns, decision } => write_decision(transaction, run, seq, *time_ns, decision)?,
            Entry::Closed { time_ns, state } => set_run_state(transaction, run, *state, Some(*time_ns))?,
        }
    }
    durations.write(transaction)?;
    Ok(kept)
}

fn change(entry: &Entry) -> Option<&Change> {
    if let Entry::Change(change) = entry { Some(change) } else { None }
}

/// Whether `next` is what became of an item because of its result.
fn is_end_of(event: &Event, next: &Entry) -> bool {
    let Event::Finished { item, id, .. } = event else { return false };
    change(next).is_some_and(|change| (change.item, change.id) == (*item, *id))
}

fn brought(event: &Event, number: i64) -> Option<Kept> {
    let Event::Finished { item, id, .. } = event else { return None };
    Some(Kept { item: *item, id: *id, number: ResultNumber(number) })
}

fn write_event(
    transaction: &Transaction<'_>,
    run: i64,
    seq: i64,
    (time_ns, event): (i64, &Event),
    result: Option<i64>,
) -> Result<(), LedgerError> {
    let mut statement =
        transaction.prepare_cached("INSERT INTO events (run, seq, time_ns, event, result) VALUES (?, ?, ?, ?, ?)")?;
    statement.execute(params![run, seq, time_ns, serde_json::to_string(event)?, result])?;
    Ok(())
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

/// Updates what readers see of the event, and of the `end` that an item found by it. The number of the result, if
/// it brought one.
fn write_item(
    transaction: &Transaction<'_>,
    run: i64,
    (time_ns, address, event): (i64, &str, &Event),
    end: Option<&Change>,
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
            let parts = if parts.is_empty() { None } else { Some(serde_json::to_string(parts)?) };
            let key = ItemKey { run, item: *item, address, id: *id };
            if let Some(Change { time_ns, state, reason, .. }) = end {
                let sql = upsert_item!(
                    "result, fingerprint, parts, state, reason, finished_ns",
                    "?, ?, ?, ?, ?, ?",
                    "result = excluded.result, fingerprint = excluded.fingerprint,
                     parts = coalesce(excluded.parts, parts), state = excluded.state, reason = excluded.reason,
                     finished_ns = excluded.finished_ns"
                );
                let kept = keeps_result(*state).then_some(number);
                let finished = state.is_final().then_some(time_ns);
                let values: [&dyn ToSql; 6] = [&kept, &result.fingerprint, &parts, &state.name(), reason, &finished];
                key.write(transaction, sql, &values)?;
            } else {
                let sql = upsert_item!(
                    "state, result, fingerprint, parts, finished_ns",
                    "'starting', ?, ?, ?, ?",
                    "result = excluded.result, fingerprint = excluded.fingerprint,
                     parts = coalesce(excluded.parts, parts), finished_ns = excluded.finished_ns"
                );
                key.write(transaction, sql, &[&number, &result.fingerprint, &parts, &time_ns])?;
            }
            return Ok(Some(number));
        }
        _ => {}
    }
    Ok(None)
}

/// Whether readers see the result of an item in this state.
fn keeps_result(state: ItemState) -> bool {
    state.is_finished() || state == ItemState::Held
}

fn write_change(transaction: &Transaction<'_>, run: i64, change: &Change) -> Result<(), LedgerError> {
    let Change { time_ns, item, address, id, state, reason } = change;
    let sql = upsert_item!(
        "state, reason, finished_ns",
        "?, ?, ?",
        "state = excluded.state, reason = excluded.reason, finished_ns = excluded.finished_ns,
         result = CASE WHEN ? THEN result END"
    );
    let (finished, keeps_result) = (state.is_final().then_some(time_ns), keeps_result(*state));
    let values: [&dyn ToSql; 4] = [&state.name(), reason, &finished, &keeps_result];
    ItemKey { run, item: *item, address, id: *id }.write(transaction, sql, &values)
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
