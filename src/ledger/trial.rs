//! A/B tests: what was fixed before their first sample, the blocks that decide them, and what was decided.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::Value;

use super::{error::LedgerError, open::Ledger};
use crate::run::TrialBlock;

/// What is fixed of a test before its first sample.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTest {
    /// The name of the test.
    pub name: String,
    /// What is fixed.
    pub terms: Value,
}

/// A run of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRow {
    /// Id of the run.
    pub run: String,
    /// What was fixed.
    pub terms: Value,
    /// How often it was looked at.
    pub looks: u32,
}

/// A block as it was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockRow {
    /// Its number, from 1.
    pub block: u32,
    /// For each variation the value of its metric; none where its sample failed, or it was not in any more.
    pub values: Vec<Option<f64>>,
}

const TEST_COLUMNS: &str = "runs.id, tests.terms,
    (SELECT count(*) FROM blocks WHERE blocks.run = tests.run AND look IS NOT NULL)";

impl Ledger {
    /// What was fixed of the test of which `run` is a run; none when it is no test.
    pub fn test(&self, run: &str) -> Result<Option<TestRow>, LedgerError> {
        self.newest_test("runs.id = ?1", run)
    }

    /// The newest run of the test `name` that took a sample into account.
    pub fn last_test(&self, name: &str) -> Result<Option<TestRow>, LedgerError> {
        self.newest_test("tests.name = ?1 AND EXISTS (SELECT 1 FROM blocks WHERE blocks.run = tests.run)", name)
    }

    fn newest_test(&self, which: &str, value: &str) -> Result<Option<TestRow>, LedgerError> {
        let query = format!(
            "SELECT {TEST_COLUMNS} FROM tests JOIN runs ON tests.run = runs.number WHERE {which}
             ORDER BY runs.number DESC LIMIT 1"
        );
        let reader = self.reader();
        let found = reader.prepare_cached(&query)?.query_row([value], test_columns).optional()?;
        let Some((run, terms, looks)) = found else { return Ok(None) };
        Ok(Some(TestRow { run, terms: serde_json::from_str(&terms)?, looks }))
    }

    /// The terms and blocks of the newest `most` runs of tests that took a sample into account.
    pub fn earlier_tests(&self, most: u32) -> Result<Vec<(Value, Vec<BlockRow>)>, LedgerError> {
        let runs: Vec<(String, String)> = {
            let reader = self.reader();
            let mut statement = reader.prepare_cached(
                "SELECT runs.id, tests.terms FROM tests JOIN runs ON tests.run = runs.number
                 WHERE EXISTS (SELECT 1 FROM blocks WHERE blocks.run = tests.run) ORDER BY runs.number DESC LIMIT ?",
            )?;
            let rows = statement.query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        runs.into_iter().map(|(run, terms)| Ok((serde_json::from_str(&terms)?, self.blocks(&run)?))).collect()
    }

    /// The blocks of a test in order.
    pub fn blocks(&self, run: &str) -> Result<Vec<BlockRow>, LedgerError> {
        let number = self.run_number(run)?;
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT block, scores FROM blocks WHERE run = ? ORDER BY block")?;
        let rows = statement.query_map([number], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (block, scores) = row?;
            Ok(BlockRow { block, values: serde_json::from_str(&scores)? })
        })
        .collect()
    }

    /// Keeps what was decided.
    pub fn keep_verdict(&self, run: &str, method: &str, verdict: &Value, time_ns: i64) -> Result<(), LedgerError> {
        let (run, method, verdict) = (self.run_number(run)?, method.to_owned(), verdict.to_string());
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO verdicts (run, time_ns, method, verdict) VALUES (?, ?, ?, ?)",
                params![run, time_ns, method, verdict],
            )?;
            Ok(())
        }))
    }

    /// What was decided, as it was kept; none where no process has left the test.
    pub fn verdict(&self, run: &str) -> Result<Option<Value>, LedgerError> {
        let number = self.run_number(run)?;
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT verdict FROM verdicts WHERE run = ?")?;
        let found: Option<String> = statement.query_row([number], |row| row.get(0)).optional()?;
        Ok(found.map(|text| serde_json::from_str(&text)).transpose()?)
    }
}

fn test_columns(row: &Row<'_>) -> rusqlite::Result<(String, String, u32)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

pub(super) fn write_test(transaction: &Transaction<'_>, run: i64, test: &NewTest) -> Result<(), LedgerError> {
    let terms = test.terms.to_string();
    transaction.execute("INSERT INTO tests (run, name, terms) VALUES (?, ?, ?)", params![run, test.name, terms])?;
    Ok(())
}

/// A block that is there already was taken by an earlier process and stays as it is.
pub(super) fn write_block(
    transaction: &Transaction<'_>,
    run: i64,
    time_ns: i64,
    block: &TrialBlock,
) -> Result<(), LedgerError> {
    let look = block.look.as_ref().map(serde_json::to_string).transpose()?;
    let mut statement = transaction
        .prepare_cached("INSERT OR IGNORE INTO blocks (run, block, time_ns, scores, look) VALUES (?, ?, ?, ?, ?)")?;
    statement.execute(params![run, block.block, time_ns, serde_json::to_string(&block.values)?, look])?;
    Ok(())
}
