//! What readers of a run's course ask: every try with its times, all decisions, the outline.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use serde::Deserialize;

use super::{error::LedgerError, open::Ledger, read::DecisionRow};
use crate::{
    plan::Outline,
    run::{AttemptId, Fault},
};

/// One try at an item, from its submission to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct TryRow {
    /// The item.
    pub item: u32,
    /// Which try.
    pub id: AttemptId,
    /// `native`, or the name of a server, or `comfy` where that is not known.
    pub executor: String,
    /// Nanoseconds since 1970.
    pub submitted_ns: i64,
    /// Nanoseconds since 1970; none while it runs.
    pub ended_ns: Option<i64>,
    /// How it ended.
    pub end: TryEnd,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TryEnd {
    /// With a result.
    Finished,
    /// With an error.
    Failed(Fault),
    /// Nobody knows.
    Unknown(String),
    /// The process or the run was given up, or a loop came back.
    GivenUp,
    /// Not yet.
    Open,
}

/// What is read of an event; what others add to events does not matter here.
#[derive(Deserialize)]
struct Told {
    event: String,
    #[serde(default)]
    item: Option<u32>,
    #[serde(default)]
    id: Option<AttemptId>,
    #[serde(default)]
    executor: Option<String>,
    #[serde(default)]
    fault: Option<Fault>,
    #[serde(default)]
    message: Option<String>,
}

/// The course of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CourseRows {
    /// All tries in the order of their submission. Results that were reused are none.
    pub tries: Vec<TryRow>,
    /// First and last sign of each process that worked on it, in nanoseconds since 1970.
    pub sessions: Vec<(i64, i64)>,
}

impl Ledger {
    /// The course of a run.
    pub fn course(&self, run: &str) -> Result<CourseRows, LedgerError> {
        let number = self.run_number(run)?;
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT time_ns, event FROM events WHERE run = ? ORDER BY seq")?;
        let mut rows = statement.query([number])?;
        let mut tries = Tries::default();
        while let Some(row) = rows.next()? {
            let told: Told = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
            tries.note(row.get(0)?, told);
        }
        Ok(CourseRows { tries: tries.all, sessions: tries.sessions })
    }

    /// All decisions of a run, item by item in the order in which they were made.
    pub fn decisions(&self, run: &str) -> Result<Vec<DecisionRow>, LedgerError> {
        let number = self.run_number(run)?;
        let reader = self.reader();
        let mut statement =
            reader.prepare_cached("SELECT time_ns, decision FROM decisions WHERE run = ? ORDER BY item, seq")?;
        let mut rows = statement.query([number])?;
        let mut decisions = Vec::new();
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            decisions.push(DecisionRow { time_ns: row.get(0)?, decision: serde_json::from_str(text)? });
        }
        Ok(decisions)
    }

    /// What the run was to do; none for one that an older program began.
    pub fn outline(&self, run: &str) -> Result<Option<Outline>, LedgerError> {
        let number = self.run_number(run)?;
        let text: Option<Option<String>> = self
            .reader()
            .query_row("SELECT outline FROM runs WHERE number = ?", [number], |row| row.get(0))
            .optional()?;
        Ok(text.flatten().map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Mean seconds of an item by task, from the last five runs of a document: what was measured, or
    /// else the time from submission to end.
    pub fn mean_seconds(&self, document: &str) -> Result<BTreeMap<String, f64>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT CASE instr(address, '[') WHEN 0 THEN address ELSE substr(address, 1, instr(address, '[') - 1) END
                        AS task,
                    avg(coalesce(json_extract(metrics, '$.seconds'), (finished_ns - started_ns) / 1e9)) AS seconds
             FROM items JOIN results ON items.result = results.number
             WHERE items.state = 'done' AND started_ns IS NOT NULL
               AND items.run IN (SELECT number FROM runs WHERE document = ? ORDER BY number DESC LIMIT 5)
             GROUP BY task HAVING seconds IS NOT NULL",
        )?;
        let rows = statement.query_map([document], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// For each task the share of its items that ran, of those that became final in the last five
    /// runs of a document.
    pub fn shares_run(&self, document: &str) -> Result<BTreeMap<String, f64>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT CASE instr(address, '[') WHEN 0 THEN address ELSE substr(address, 1, instr(address, '[') - 1) END
                        AS task,
                    avg(state IN ('done', 'reused', 'failed'))
             FROM items
             WHERE state IN ('done', 'reused', 'failed', 'skipped')
               AND run IN (SELECT number FROM runs WHERE document = ? ORDER BY number DESC LIMIT 5)
             GROUP BY task",
        )?;
        let rows = statement.query_map([document], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[derive(Default)]
struct Tries {
    all: Vec<TryRow>,
    sessions: Vec<(i64, i64)>,
    /// The try of each item that has not ended.
    open: BTreeMap<u32, usize>,
}

impl Tries {
    fn note(&mut self, time_ns: i64, told: Told) {
        match self.sessions.last_mut() {
            Some((_, last)) if told.event != "opened" => *last = (*last).max(time_ns),
            _ => self.sessions.push((time_ns, time_ns)),
        }
        match (told.event.as_str(), told.item) {
            ("submitted", Some(item)) => {
                self.close(item, time_ns, TryEnd::GivenUp);
                self.open.insert(item, self.all.len());
                self.all.push(TryRow {
                    item,
                    id: told.id.unwrap_or(AttemptId { visits: 1, attempt: 1, epoch: 0 }),
                    executor: told.executor.unwrap_or_default(),
                    submitted_ns: time_ns,
                    ended_ns: None,
                    end: TryEnd::Open,
                });
            }
            ("finished", Some(item)) => self.close(item, time_ns, TryEnd::Finished),
            ("failed", Some(item)) => {
                let end = told.fault.map_or_else(|| TryEnd::Unknown(String::new()), TryEnd::Failed);
                self.close(item, time_ns, end);
            }
            ("unknown", Some(item)) => {
                self.close(item, time_ns, TryEnd::Unknown(told.message.unwrap_or_default()));
            }
            ("cancelled", _) => self.close_all(time_ns),
            // What an earlier process left ended with its last sign at the latest.
            ("opened", _) => {
                let last = self.sessions.iter().rev().nth(1).map_or(time_ns, |(_, last)| *last);
                self.close_all(last);
            }
            _ => {}
        }
    }

    fn close_all(&mut self, time_ns: i64) {
        let open: Vec<u32> = self.open.keys().copied().collect();
        open.into_iter().for_each(|item| self.close(item, time_ns, TryEnd::GivenUp));
    }

    fn close(&mut self, item: u32, time_ns: i64, end: TryEnd) {
        if let Some(number) = self.open.remove(&item) {
            let row = &mut self.all[number];
            (row.ended_ns, row.end) = (Some(time_ns), end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end_with_their_item_or_with_their_process() {
        let mut tries = Tries::default();
        let events = [
            r#"{"event":"opened"}"#,
            r#"{"event":"submitted","item":4,"id":{"visits":1,"attempt":1,"epoch":0},"prompt_id":"x","executor":"a"}"#,
            r#"{"event":"submitted","item":5,"id":{"visits":1,"attempt":1,"epoch":0},"executor":"native"}"#,
            r#"{"event":"finished","item":5,"id":{"visits":1,"attempt":1,"epoch":0},"reused":false,"result":7}"#,
            r#"{"event":"finished","item":6,"id":{"visits":1,"attempt":1,"epoch":0},"reused":true,"result":8}"#,
            r#"{"event":"newer","item":4}"#,
            r#"{"event":"opened"}"#,
            r#"{"event":"submitted","item":4,"id":{"visits":1,"attempt":1,"epoch":0},"executor":"b"}"#,
            r#"{"event":"failed","item":4,"fault":{"class":"oom","message":"no room","node":null}}"#,
            r#"{"event":"submitted","item":4,"id":{"visits":1,"attempt":2,"epoch":0},"executor":"b"}"#,
        ];
        for (time, event) in events.iter().enumerate() {
            tries.note(time as i64, serde_json::from_str(event).unwrap());
        }
        let told: Vec<_> =
            tries.all.iter().map(|t| (t.item, t.executor.as_str(), t.submitted_ns, t.ended_ns)).collect();
        let expected = [(4, "a", 1, Some(5)), (5, "native", 2, Some(3)), (4, "b", 7, Some(8)), (4, "b", 9, None)];
        assert_eq!(told, expected);
        let ends: Vec<_> = tries.all.iter().map(|t| &t.end).collect();
        assert_eq!(tries.sessions, [(0, 5), (6, 9)]);
        assert!(matches!(ends[..], [TryEnd::GivenUp, TryEnd::Finished, TryEnd::Failed(_), TryEnd::Open]), "{ends:?}");
    }
}
