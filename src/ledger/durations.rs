//! How long items take: condensed while they are journaled, read for estimates.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{error::LedgerError, open::Ledger};
use crate::plan::{History, Observed, Sort, Warmth};

impl Ledger {
    /// What is known of these shapes, and of shapes of these families.
    pub fn history(&self, shapes: &[&str], families: &[&str]) -> Result<History, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT shape, family, executor, warmth, count, mean, spread FROM durations
             WHERE shape IN (SELECT value FROM json_each(?1)) OR family IN (SELECT value FROM json_each(?2))",
        )?;
        let (shapes, families) = (serde_json::to_string(shapes)?, serde_json::to_string(families)?);
        let rows = statement.query_map(params![shapes, families], read)?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<(Sort, Observed)>> {
    let Some(warmth) = Warmth::from_number(row.get(3)?) else { return Ok(None) };
    let sort = Sort { shape: row.get(0)?, family: row.get(1)?, executor: row.get(2)?, warmth };
    Ok(Some((sort, Observed { count: row.get(4)?, mean: row.get(5)?, spread: row.get(6)? })))
}

/// Durations that become known in one transaction.
#[derive(Default)]
pub(super) struct Durations<'a>(Vec<(&'a Sort, Observed)>);

impl<'a> Durations<'a> {
    /// Adds one to what is known.
    pub(super) fn add(
        &mut self,
        transaction: &Transaction<'_>,
        sort: &'a Sort,
        seconds: f64,
    ) -> Result<(), LedgerError> {
        if let Some((_, observed)) = self.0.iter_mut().find(|(known, _)| *known == sort) {
            observed.add(seconds);
            return Ok(());
        }
        let mut observed = known(transaction, sort)?;
        observed.add(seconds);
        self.0.push((sort, observed));
        Ok(())
    }

    /// Writes what is known now.
    pub(super) fn write(self, transaction: &Transaction<'_>) -> Result<(), LedgerError> {
        let mut statement = transaction.prepare_cached(
            "INSERT OR REPLACE INTO durations (shape, executor, warmth, family, count, mean, spread)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        for (sort, Observed { count, mean, spread }) in self.0 {
            let warmth = sort.warmth.number();
            statement.execute(params![sort.shape, sort.executor, warmth, sort.family, count, mean, spread])?;
        }
        Ok(())
    }
}

fn known(transaction: &Transaction<'_>, sort: &Sort) -> Result<Observed, LedgerError> {
    let key = params![sort.shape, sort.executor, sort.warmth.number()];
    let mut statement = transaction
        .prepare_cached("SELECT count, mean, spread FROM durations WHERE shape = ? AND executor = ? AND warmth = ?")?;
    let found = statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    Ok(found.map_or_else(Observed::default, |(count, mean, spread)| Observed { count, mean, spread }))
}
