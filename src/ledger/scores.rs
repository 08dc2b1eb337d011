//! Metrics that were measured, by the content of the file and what measured it.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{error::LedgerError, open::Ledger};

impl Ledger {
    /// The metrics that `scorer` (a fingerprint) measured on the file with this content hash.
    pub fn metrics(&self, hash: &str, scorer: &str) -> Result<BTreeMap<String, f64>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT name, value FROM metrics WHERE hash = ?1 AND scorer = ?2")?;
        let rows = statement.query_map(params![hash, scorer], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps metrics that `scorer` measured on the file with this content hash. They are written in
    /// the background, and nobody waits for the disk: when they are lost, they are measured again.
    pub fn keep_metrics(&self, hash: &str, scorer: &str, metrics: &BTreeMap<String, f64>) {
        let (hash, scorer, metrics) = (hash.to_owned(), scorer.to_owned(), metrics.clone());
        drop(self.writer.write_lazily(Box::new(move |transaction| {
            let mut statement = transaction
                .prepare_cached("INSERT OR REPLACE INTO metrics (hash, scorer, name, value) VALUES (?, ?, ?, ?)")?;
            for (name, value) in metrics.iter().filter(|(_, value)| value.is_finite()) {
                statement.execute(params![hash, scorer, name, value])?;
            }
            Ok(())
        })));
    }
}
