//! What people said of the pictures of tests.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{error::LedgerError, open::Ledger};

/// What somebody said of one picture, or of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Name of the test.
    pub test: String,
    /// Version of the test.
    pub version: String,
    /// Who said it.
    pub rater: String,
    /// Seed of the sample, as the item's address has it.
    pub seed: String,
    /// The variation.
    pub variation: String,
    /// The variation that it was compared with, later in the alphabet; none for a rating.
    pub other: Option<String>,
    /// What was said.
    pub value: Opinion,
    /// Hash of the picture's content.
    pub picture: String,
    /// That of the other one; empty for a rating.
    pub other_picture: String,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// From 1 (bad) to 5 (good).
    Rating(u8),
    /// The first of two is better.
    First,
    /// The second is.
    Second,
    /// Neither is.
    Tie,
}

impl Opinion {
    /// As tables have it: `1` to `5`, `first`, `second`, `tie`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rating(rating) => ["1", "2", "3", "4", "5"][usize::from(rating.clamp(1, 5)) - 1],
            Self::First => "first",
            Self::Second => "second",
            Self::Tie => "tie",
        }
    }

    /// The opinion that tables have as `text`.
    pub fn from_name(text: &str) -> Option<Self> {
        let all = (1..=5).map(Self::Rating).chain([Self::First, Self::Second, Self::Tie]);
        all.into_iter().find(|opinion| opinion.name() == text)
    }
}

impl Judgement {
    /// What it is about: nobody says something of the same twice.
    pub fn subject(&self) -> [&str; 6] {
        let other = self.other.as_deref().unwrap_or_default();
        [&self.test, &self.version, &self.rater, &self.seed, &self.variation, other]
    }
}

const COLUMNS: &str = "test, version, rater, seed, variation, other, value, picture, other_picture, time_ns";

impl Ledger {
    /// What was said of the pictures of `test`; of all tests without it. In no order that means something.
    pub fn judgements(&self, test: Option<&str>) -> Result<Vec<Judgement>, LedgerError> {
        let reader = self.reader();
        let query = format!("SELECT {COLUMNS} FROM judgements WHERE ?1 IS NULL OR test = ?1");
        let mut statement = reader.prepare_cached(&query)?;
        let rows = statement.query_map([test], judgement)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps `judgements`, all or none; they are on disk when this returns. Gives those in whose place somebody had
    /// said something else already: then nothing is kept. Not to be called within async code.
    pub fn judge(&self, judgements: &[Judgement]) -> Result<Vec<Judgement>, LedgerError> {
        let (given, (tell, told)) = (judgements.to_vec(), std::sync::mpsc::channel());
        self.writer.write_and_wait(Box::new(move |transaction| {
            let mut against = Vec::new();
            let mut find = transaction.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM judgements
                 WHERE test = ?1 AND version = ?2 AND rater = ?3 AND seed = ?4 AND variation = ?5 AND other = ?6"
            ))?;
            for new in &given {
                let earlier = find.query_row(new.subject(), judgement).optional()?;
                against.extend(earlier.filter(|earlier| earlier.value != new.value));
            }
            if against.is_empty() {
                let mut insert = transaction.prepare_cached(&format!(
                    "INSERT OR IGNORE INTO judgements ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                ))?;
                for new in &given {
                    let [test, version, rater, seed, variation, other] = new.subject();
                    let (value, time) = (new.value.name(), new.time_ns);
                    let pictures = (&new.picture, &new.other_picture);
                    insert.execute(params![
                        test, version, rater, seed, variation, other, value, pictures.0, pictures.1, time
                    ])?;
                }
            }
            // Whoever asked may be gone.
            let _ = tell.send(against);
            Ok(())
        }))?;
        // A transaction that was tried again tells the same twice.
        Ok(told.try_iter().last().unwrap_or_default())
    }

    /// Takes `judgement` back. Not to be called within async code.
    pub fn take_back(&self, judgement: &Judgement) -> Result<(), LedgerError> {
        let subject = judgement.subject().map(str::to_owned);
        self.writer.write_and_wait(Box::new(move |transaction| {
            transaction.execute(
                "DELETE FROM judgements
                 WHERE test = ?1 AND version = ?2 AND rater = ?3 AND seed = ?4 AND variation = ?5 AND other = ?6",
                subject.each_ref(),
            )?;
            Ok(())
        }))
    }
}

fn judgement(row: &Row<'_>) -> rusqlite::Result<Judgement> {
    let other: String = row.get(5)?;
    let value: String = row.get(6)?;
    let unknown = || {
        let text = format!("unknown opinion {value}");
        rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, text.into())
    };
    Ok(Judgement {
        test: row.get(0)?,
        version: row.get(1)?,
        rater: row.get(2)?,
        seed: row.get(3)?,
        variation: row.get(4)?,
        other: Some(other).filter(|other| !other.is_empty()),
        value: Opinion::from_name(&value).ok_or_else(unknown)?,
        picture: row.get(7)?,
        other_picture: row.get(8)?,
        time_ns: row.get(9)?,
    })
}
