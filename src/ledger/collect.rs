//! Files that runs have made, and runs whose files were removed to make room.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{error::LedgerError, open::Ledger};

impl Ledger {
    /// The files of all results, by the id of the run to which the results belong. Most lie in the folder of
    /// their run; a result that was only passed on lies where its maker put it.
    pub fn files_by_run(&self) -> Result<BTreeMap<String, Vec<String>>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT DISTINCT runs.id, outputs.path FROM outputs
             JOIN results ON outputs.result = results.number JOIN runs ON results.run = runs.number
             WHERE runs.collected_ns IS NULL",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows {
            let (run, path): (String, String) = row?;
            files.entry(run).or_default().push(path);
        }
        Ok(files)
    }

    /// Notes that the files of a run were removed. Not to be called within async code.
    pub fn set_collected(&self, run: &str, time_ns: i64) -> Result<(), LedgerError> {
        let number = self.run_number(run)?;
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute("UPDATE runs SET collected_ns = ? WHERE number = ?", params![time_ns, number])?;
            Ok(())
        }))
    }
}
