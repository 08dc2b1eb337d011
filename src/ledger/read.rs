//! What readers ask: runs, items, decisions.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use super::{
    error::LedgerError,
    journal::{OUTPUT_COLUMNS, output_file},
    open::Ledger,
};
use crate::{
    plan::{ItemIx, ItemResult},
    run::{Decision, Event, Fault, ItemState, RunState},
};

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// Name of the document.
    pub document: String,
    /// Version of the document.
    pub version: String,
    /// Canonical hash of the document with the values that `--set` gave, hex.
    pub hash: String,
    /// Path of the document, relative to the workspace.
    pub path: String,
    /// What the command line gave.
    pub settings: Value,
    /// Folder of its outputs, relative to the workspace.
    pub folder: String,
    /// How many items it has.
    pub items: u32,
    /// Where it stands.
    pub state: RunState,
    /// Nanoseconds since 1970.
    pub started_ns: i64,
    /// Nanoseconds since 1970; none while a process works on it.
    pub finished_ns: Option<i64>,
    /// When its files were removed to make room, nanoseconds since 1970; none while they are there.
    pub collected_ns: Option<i64>,
    /// Items by state; the ones to which nothing has happened yet are missing.
    pub counts: BTreeMap<ItemState, u32>,
}

impl RunRow {
    /// The name of its folder, by which people call it.
    pub fn folder_name(&self) -> &str {
        folder_name(&self.folder)
    }
}

/// The name of the folder of a run's outputs, by which people call the run.
pub fn folder_name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// One item of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRow {
    /// Number of the item in the plan.
    pub item: u32,
    /// `generate[sku=A1,angle=front]`.
    pub address: String,
    /// Where it stands.
    pub state: ItemState,
    /// Why: `not routed`, `cutout was skipped`, the rule, the error.
    pub reason: Option<String>,
    /// How many times it passed its task.
    pub visits: u32,
    /// Attempts that rules asked for in the last visit.
    pub attempt: u32,
    /// Submissions of the last attempt that failed.
    pub epoch: u32,
    /// Id of the last submission.
    pub prompt_id: Option<String>,
    /// `native`, or the name of a server.
    pub executor: Option<String>,
    /// What was done, as a hash.
    pub fingerprint: Option<String>,
    /// The parts of the fingerprint.
    pub parts: BTreeMap<String, String>,
    /// Start of the last submission, nanoseconds since 1970.
    pub started_ns: Option<i64>,
    /// Nanoseconds since 1970.
    pub finished_ns: Option<i64>,
    /// What it left.
    pub result: Option<ItemResult>,
}

/// One decision about an item.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// Nanoseconds since 1970.
    pub time_ns: i64,
    /// The decision with its inputs.
    pub decision: Decision,
}

const RUN_COLUMNS: &str = "number, id, document, version, hash, path, settings, folder, items, state, started_ns, finished_ns, \
     collected_ns";

const ITEM_COLUMNS: &str = "item, address, state, reason, visits, attempt, epoch, prompt_id, executor, fingerprint, \
                            parts, started_ns, finished_ns, result";

impl Ledger {
    /// The newest `limit` runs, newest first.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRow>, LedgerError> {
        self.counted_runs("ORDER BY number DESC LIMIT ?1", params![limit])
    }

    /// The run whose id is or begins with `id`; of several the newest.
    pub fn run(&self, id: &str) -> Result<RunRow, LedgerError> {
        let runs =
            self.counted_runs("WHERE substr(id, 1, length(?1)) = ?1 ORDER BY number DESC LIMIT 1", params![id])?;
        runs.into_iter().next().ok_or_else(|| LedgerError::NoSuchRun { run: id.to_owned() })
    }

    /// The newest run of this document in exactly this form that has not ended; its items are not counted.
    pub fn unfinished_run(&self, document: &str, hash: &str) -> Result<Option<RunRow>, LedgerError> {
        let which = "WHERE document = ?1 AND hash = ?2 ORDER BY number DESC LIMIT 1";
        let reader = self.reader();
        let newest = select_runs(&reader, which, params![document, hash])?.into_iter().next();
        Ok(newest.map(|(_, run)| run).filter(|run| !run.state.has_ended()))
    }

    /// The newest run of the document at `path`.
    pub fn newest_run_at(&self, path: &str) -> Result<Option<RunRow>, LedgerError> {
        let newest = select_runs(&self.reader(), "WHERE path = ?1 ORDER BY number DESC LIMIT 1", params![path])?;
        Ok(newest.into_iter().next().map(|(_, run)| run))
    }

    /// The items of a run to which something has happened, in the order of the plan.
    pub fn items(&self, run: &str) -> Result<Vec<ItemRow>, LedgerError> {
        let number = self.run_number(run)?;
        let mut results = self.results_of_run(number)?;
        let reader = self.reader();
        let query = format!("SELECT {ITEM_COLUMNS} FROM items WHERE run = ? ORDER BY item");
        let mut statement = reader.prepare_cached(&query)?;
        let mut rows = statement.query([number])?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            let result: Option<i64> = row.get(13)?;
            items.push(item_row(row, result.and_then(|result| results.remove(&result)))?);
        }
        Ok(items)
    }

    /// One item of a run by its address, with the decisions about it in order.
    pub fn item(&self, run: &str, address: &str) -> Result<Option<(ItemRow, Vec<DecisionRow>)>, LedgerError> {
        let number = self.run_number(run)?;
        let reader = self.reader();
        let query = format!("SELECT {ITEM_COLUMNS} FROM items WHERE run = ? AND address = ?");
        let mut statement = reader.prepare_cached(&query)?;
        let mut rows = statement.query(params![number, address])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let result: Option<i64> = row.get(13)?;
        let result = result.map(|result| read_result(&reader, result)).transpose()?.flatten();
        let item = item_row(row, result)?;
        let mut statement =
            reader.prepare_cached("SELECT time_ns, decision FROM decisions WHERE run = ? AND item = ? ORDER BY seq")?;
        let rows = statement.query_map(params![number, item.item], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut decisions = Vec::new();
        for row in rows {
            let (time_ns, text): (i64, String) = row?;
            decisions.push(DecisionRow { time_ns, decision: serde_json::from_str(&text)? });
        }
        Ok(Some((item, decisions)))
    }

    /// The last error of each item of a run that has ended with one, in the order of the plan.
    pub fn faults(&self, run: &str) -> Result<Vec<(ItemIx, Fault)>, LedgerError> {
        let number = self.run_number(run)?;
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT event FROM events WHERE run = ?1 AND json_extract(event, '$.event') = 'failed'
               AND json_extract(event, '$.item') IN
                   (SELECT item FROM items WHERE run = ?1 AND state IN ('failed', 'needs_review', 'backoff', 'held'))
             ORDER BY seq",
        )?;
        let rows = statement.query_map([number], |row| row.get::<_, String>(0))?;
        let mut faults = BTreeMap::new();
        for row in rows {
            if let Event::Failed { item, fault, .. } = serde_json::from_str(&row?)? {
                faults.insert(item, fault);
            }
        }
        Ok(faults.into_iter().collect())
    }

    fn results_of_run(&self, run: i64) -> Result<BTreeMap<i64, ItemResult>, LedgerError> {
        let reader = self.reader();
        let mut results = BTreeMap::new();
        let mut statement = reader.prepare_cached("SELECT number, fingerprint, metrics FROM results WHERE run = ?")?;
        let mut rows = statement.query([run])?;
        while let Some(row) = rows.next()? {
            let metrics = serde_json::from_str(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?;
            results.insert(row.get(0)?, ItemResult { fingerprint: row.get(1)?, files: Vec::new(), metrics });
        }
        let query = format!(
            "SELECT result, {OUTPUT_COLUMNS} FROM results JOIN outputs ON result = number
             WHERE run = ? ORDER BY result, position"
        );
        let mut statement = reader.prepare_cached(&query)?;
        let mut rows = statement.query([run])?;
        while let Some(row) = rows.next()? {
            if let Some(result) = results.get_mut(&row.get(0)?) {
                result.files.push(output_file(row, 1)?);
            }
        }
        Ok(results)
    }

    fn counted_runs(&self, which: &str, params: &[&dyn rusqlite::ToSql]) -> Result<Vec<RunRow>, LedgerError> {
        let reader = self.reader();
        let runs = select_runs(&reader, which, params)?.into_iter();
        runs.map(|(number, run)| Ok(RunRow { counts: counts(&reader, number)?, ..run })).collect()
    }
}

/// Runs with their numbers, of which the items are not counted yet.
fn select_runs(
    reader: &rusqlite::Connection,
    which: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<(i64, RunRow)>, LedgerError> {
    let mut statement = reader.prepare_cached(&format!("SELECT {RUN_COLUMNS} FROM runs {which}"))?;
    let mut rows = statement.query(params)?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push((row.get(0)?, run_row(row)?));
    }
    Ok(runs)
}

/// The result with this number.
pub(super) fn read_result(reader: &rusqlite::Connection, number: i64) -> Result<Option<ItemResult>, LedgerError> {
    let mut statement = reader.prepare_cached("SELECT fingerprint, metrics FROM results WHERE number = ?")?;
    let found: Option<(String, String)> =
        statement.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((fingerprint, metrics)) = found else { return Ok(None) };
    let query = format!("SELECT {OUTPUT_COLUMNS} FROM outputs WHERE result = ? ORDER BY position");
    let mut statement = reader.prepare_cached(&query)?;
    let files = statement.query_map([number], |row| output_file(row, 0))?.collect::<Result<_, _>>()?;
    Ok(Some(ItemResult { fingerprint, files, metrics: serde_json::from_str(&metrics)? }))
}

fn counts(reader: &rusqlite::Connection, run: i64) -> Result<BTreeMap<ItemState, u32>, LedgerError> {
    let mut statement = reader.prepare_cached("SELECT state, count(*) FROM items WHERE run = ? GROUP BY state")?;
    let rows = statement.query_map([run], |row| Ok((item_state(row, 0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn run_row(row: &Row<'_>) -> Result<RunRow, LedgerError> {
    let state: String = row.get(9)?;
    Ok(RunRow {
        id: row.get(1)?,
        document: row.get(2)?,
        version: row.get(3)?,
        hash: row.get(4)?,
        path: row.get(5)?,
        settings: serde_json::from_str(&row.get::<_, String>(6)?)?,
        folder: row.get(7)?,
        items: row.get(8)?,
        state: RunState::from_name(&state).ok_or_else(|| unknown(9, &state))?,
        started_ns: row.get(10)?,
        finished_ns: row.get(11)?,
        collected_ns: row.get(12)?,
        counts: BTreeMap::new(),
    })
}

fn item_row(row: &Row<'_>, result: Option<ItemResult>) -> Result<ItemRow, LedgerError> {
    let parts: Option<String> = row.get(10)?;
    Ok(ItemRow {
        item: row.get(0)?,
        address: row.get(1)?,
        state: item_state(row, 2)?,
        reason: row.get(3)?,
        visits: row.get(4)?,
        attempt: row.get(5)?,
        epoch: row.get(6)?,
        prompt_id: row.get(7)?,
        executor: row.get(8)?,
        fingerprint: row.get(9)?,
        parts: parts.map(|parts| serde_json::from_str(&parts)).transpose()?.unwrap_or_default(),
        started_ns: row.get(11)?,
        finished_ns: row.get(12)?,
        result,
    })
}

fn item_state(row: &Row<'_>, column: usize) -> rusqlite::Result<ItemState> {
    let name: String = row.get(column)?;
    ItemState::from_name(&name).ok_or_else(|| unknown(column, &name))
}

fn unknown(column: usize, name: &str) -> rusqlite::Error {
    let text = format!("unknown state {name}");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, text.into())
}
