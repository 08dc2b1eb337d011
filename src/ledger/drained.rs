//! Servers that a person took out of use.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{error::LedgerError, open::Ledger};

/// Since when a server is out of use, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Nanoseconds since 1970.
    pub since_ns: i64,
    /// What the person said.
    pub reason: Option<String>,
}

impl Ledger {
    /// Takes a server out of use, for all runs. False when it was already. Not to be called within async code.
    pub fn drain(&self, server: &str, since_ns: i64, reason: Option<&str>) -> Result<bool, LedgerError> {
        let is_new = !self.drained()?.contains_key(server);
        let (server, reason) = (server.to_owned(), reason.map(str::to_owned));
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute(
                "INSERT INTO drained (server, since_ns, reason) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET reason = coalesce(excluded.reason, reason)",
                params![server, since_ns, reason],
            )?;
            Ok(())
        }))?;
        Ok(is_new)
    }

    /// Puts a server back into use. False when it was not out of use. Not to be called within async code.
    pub fn resume(&self, server: &str) -> Result<bool, LedgerError> {
        let was_drained = self.drained()?.contains_key(server);
        let server = server.to_owned();
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute("DELETE FROM drained WHERE server = ?", [&server])?;
            Ok(())
        }))?;
        Ok(was_drained)
    }

    /// The servers that are out of use.
    pub fn drained(&self) -> Result<BTreeMap<String, Drained>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT server, since_ns, reason FROM drained")?;
        let rows =
            statement.query_map([], |row| Ok((row.get(0)?, Drained { since_ns: row.get(1)?, reason: row.get(2)? })))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
