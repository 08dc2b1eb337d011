//! Everything that differs between two sides.

use schemars::JsonSchema;
use serde::Serialize;

use super::{change::Change, classes::ClassDifference, work::WorkDiff};
use crate::amounts::duration_text;

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentState {
    /// It is new.
    New,
    /// It is gone.
    Deleted,
    /// It says something else.
    Changed,
    /// It says what it said, in another file.
    Moved,
    /// It says what it said, and its work is other work: something that it uses has changed.
    Affected,
    /// Nothing.
    Same,
}

/// What differs about one document.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DocumentReport {
    /// Its name; the path of a graph.
    pub name: String,
    /// preset, template, `ab_test`, chain, mask or graph.
    pub kind: String,
    /// What became of it.
    pub state: DocumentState,
    /// Its file; where it was, when it is gone.
    pub path: String,
    /// The file in which it was, when that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_before: Option<String>,
    /// Its version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_before: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it says that it did not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What a run of it does that it did not do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkDiff>,
    /// What could not be compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What differs between two versions of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SnapshotReport {
    /// Its file.
    pub path: String,
    /// What differs.
    pub difference: ClassDifference,
}

/// Everything that differs between two sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The first side, for people.
    pub before: String,
    /// The second side, for people.
    pub after: String,
    /// Documents that differ.
    pub documents: Vec<DocumentReport>,
    /// Snapshots of servers that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<SnapshotReport>,
    /// Sums over all documents.
    pub totals: Totals,
    /// What could not be compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What results are there was not asked: there is no ledger here.
    pub no_ledger: bool,
}

/// Sums over all documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Totals {
    /// Single differences of documents.
    pub changes: usize,
    /// Items before.
    pub items_before: usize,
    /// Items after.
    pub items_after: usize,
    /// Items that are new, or do something else than before.
    pub items_to_make: usize,
    /// Items whose results are there already.
    pub reused: usize,
    /// Items that runs would make.
    pub to_run: usize,
    /// Seconds that making them takes, by earlier runs; none when nothing is known of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Some tasks were not run before, so the seconds are the least.
    pub seconds_are_partial: bool,
}

impl Report {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.snapshots.is_empty()
    }

    /// Adds everything up.
    pub fn sum_up(&mut self) {
        let mut totals = Totals::default();
        for document in &self.documents {
            totals.changes += document.changes.len();
            let Some(work) = &document.work else { continue };
            totals.items_before += work.items_before;
            totals.items_after += work.items_after;
            totals.items_to_make += work.items_to_make;
            totals.reused += work.reused;
            totals.to_run += work.to_run;
            work.seconds.into_iter().for_each(|seconds| *totals.seconds.get_or_insert(0.0) += seconds);
            totals.seconds_are_partial |= !work.without_history.is_empty();
        }
        self.totals = totals;
    }
}

impl DocumentReport {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.state == DocumentState::Same && self.notes.is_empty()
    }

    /// `product-photo 2.1.0 → 2.2.0`.
    pub(super) fn title(&self) -> String {
        match (&self.version_before, &self.version) {
            (Some(before), Some(after)) if before != after => format!("{} {before} → {after}", self.name),
            (before, after) => match after.as_ref().or(before.as_ref()) {
                Some(version) => format!("{} {version}", self.name),
                None => self.name.clone(),
            },
        }
    }
}

/// How long it takes to make what a run would make.
pub(super) fn forecast(to_run: usize, seconds: Option<f64>, is_partial: bool) -> String {
    match seconds {
        _ if to_run == 0 => "nothing to run".to_owned(),
        None => "no history".to_owned(),
        Some(seconds) if is_partial => format!("at least {}", duration_text(seconds)),
        Some(seconds) => format!("about {}", duration_text(seconds)),
    }
}

impl Totals {
    /// How long it takes to make what runs would make.
    pub(super) fn forecast(&self) -> String {
        forecast(self.to_run, self.seconds, self.seconds_are_partial)
    }
}

impl WorkDiff {
    /// How long it takes to make what a run would make.
    pub(super) fn forecast(&self) -> String {
        forecast(self.to_run, self.seconds, !self.without_history.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_are_readable() {
        assert_eq!(forecast(0, None, true), "nothing to run");
        assert_eq!(forecast(3, None, false), "no history");
        assert_eq!(forecast(3, Some(5.0), true), "at least 5 s");
    }
}
