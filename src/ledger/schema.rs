//! The tables, as migrations that are only ever appended.

use rusqlite::{Connection, TransactionBehavior};

use super::error::LedgerError;

/// Each entry takes a file from the format of its index to the next. Entries never change once
/// they were released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
    include_str!("migrations/8.sql"),
];

/// The newest format.
pub(super) const NEWEST: u32 = MIGRATIONS.len() as u32;

/// Brings a file to the newest format; a newer one is refused.
pub(super) fn migrate(connection: &mut Connection, path: &std::path::Path) -> Result<(), LedgerError> {
    if version(connection)? == NEWEST {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > NEWEST {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known: NEWEST });
    }
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", NEWEST)?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
