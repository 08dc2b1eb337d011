//! What people and clients say of outputs, whatever made them.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::{error::LedgerError, open::Ledger};

/// What is said of one output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// Id of the submission that is meant, when it was called by that.
    pub prompt_id: Option<String>,
    /// What was done to make it, as a hash.
    pub fingerprint: String,
    /// Values from 0 to 1 by name.
    pub metrics: BTreeMap<String, f64>,
    /// From 1 to 5.
    pub rating: Option<u8>,
    /// Words.
    pub tags: Vec<String>,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
}

/// An output that can be called by the id of its submission or by its fingerprint.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkedItem {
    /// Id of the run that made it last.
    pub run: String,
    /// The item's address.
    pub address: String,
    /// What was done, as a hash.
    pub fingerprint: String,
    /// Id of its submission.
    pub prompt_id: Option<String>,
}

impl Ledger {
    /// The item whose submission has this id, whose fingerprint is or begins with it, or that made the file at this
    /// path; of several the newest.
    pub fn item_called(&self, name: &str) -> Result<Option<MarkedItem>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT runs.id, items.address, items.fingerprint, items.prompt_id FROM items JOIN runs ON items.run = runs.number
             WHERE items.fingerprint IS NOT NULL
               AND (items.prompt_id = ?1 OR length(?1) >= 8 AND substr(items.fingerprint, 1, length(?1)) = ?1
                    OR items.result IN (SELECT result FROM outputs WHERE path = ?1))
             ORDER BY runs.number DESC LIMIT 1",
        )?;
        let found = statement.query_row([name], |row| {
            Ok(MarkedItem { run: row.get(0)?, address: row.get(1)?, fingerprint: row.get(2)?, prompt_id: row.get(3)? })
        });
        Ok(found.optional()?)
    }

    /// Keeps a mark.
    pub fn keep_mark(&self, mark: &Mark) -> Result<(), LedgerError> {
        let (metrics, tags) = (serde_json::to_string(&mark.metrics)?, serde_json::to_string(&mark.tags)?);
        let mark = mark.clone();
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute(
                "INSERT INTO marks (time_ns, prompt_id, fingerprint, metrics, rating, tags) VALUES (?, ?, ?, ?, ?, ?)",
                params![mark.time_ns, mark.prompt_id, mark.fingerprint, metrics, mark.rating, tags],
            )?;
            Ok(())
        }))
    }

    /// What was measured on the newest result with this fingerprint, and then said of it; what was said last counts.
    /// A rating is the metric `rating`: 1 to 5 as 0 to 1. None when nothing has this fingerprint.
    pub fn said_of(&self, fingerprint: &str) -> Result<Option<BTreeMap<String, f64>>, LedgerError> {
        let reader = self.reader();
        let mut statement =
            reader.prepare_cached("SELECT metrics FROM results WHERE fingerprint = ? ORDER BY number DESC LIMIT 1")?;
        let measured: Option<String> = statement.query_row([fingerprint], |row| row.get(0)).optional()?;
        let mut said: Option<BTreeMap<String, f64>> = measured.map(|text| serde_json::from_str(&text)).transpose()?;
        let mut statement =
            reader.prepare_cached("SELECT metrics, rating FROM marks WHERE fingerprint = ? ORDER BY number")?;
        let rows =
            statement.query_map([fingerprint], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<u8>>(1)?)))?;
        for row in rows {
            let (metrics, rating) = row?;
            let said = said.get_or_insert_default();
            said.extend(serde_json::from_str::<BTreeMap<String, f64>>(&metrics)?);
            said.extend(rating.map(|rating| ("rating".to_owned(), f64::from(rating.saturating_sub(1)) / 4.0)));
        }
        Ok(said)
    }

    /// The rating, from 1 to 5, that was said last of the output with this fingerprint.
    pub fn rating_of(&self, fingerprint: &str) -> Result<Option<f64>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT rating FROM marks WHERE fingerprint = ? AND rating IS NOT NULL ORDER BY number DESC LIMIT 1",
        )?;
        Ok(statement.query_row([fingerprint], |row| row.get(0)).optional()?)
    }
}
