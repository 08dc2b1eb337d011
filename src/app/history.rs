//! What was: runs, their items, and why an item was or was not made again.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{AppError, run::ledger_error};
use crate::{
    imagefile,
    ledger::{DecisionRow, ItemRow, Ledger, RunRow},
};

/// How many runs are looked through for a name.
pub(super) const RECENT: u32 = 10_000;

/// The newest runs, newest first.
pub fn runs(ledger: &Ledger, limit: u32) -> Result<Vec<RunRow>, AppError> {
    ledger.runs(limit).map_err(|e| ledger_error(&e))
}

/// The run that `name` means: `last`, an id or its beginning, the name of its folder, or a
/// document, whose newest run is meant.
pub fn find_run(ledger: &Ledger, name: &str) -> Result<RunRow, AppError> {
    let all = runs(ledger, RECENT)?;
    let found = if name == "last" {
        all.first()
    } else {
        let exact =
            all.iter().find(|r| r.id == name || r.folder_name() == name || r.document == name || r.path == name);
        exact.or_else(|| {
            all.iter().find(|r| name.len() >= 4 && (r.id.starts_with(name) || r.folder_name().ends_with(name)))
        })
    };
    found.cloned().ok_or_else(|| {
        AppError::usage(format!("there is no run \"{name}\""))
            .with_hint("`comfywright runs` lists them; `last` is the newest")
    })
}

/// The items of a run.
pub fn items(ledger: &Ledger, run: &RunRow) -> Result<Vec<ItemRow>, AppError> {
    ledger.items(&run.id).map_err(|e| ledger_error(&e))
}

/// One item with its decisions.
pub fn item(ledger: &Ledger, run: &RunRow, address: &str) -> Result<(ItemRow, Vec<DecisionRow>), AppError> {
    ledger.item(&run.id, address).map_err(|e| ledger_error(&e))?.ok_or_else(|| {
        AppError::usage(format!("the run has no item \"{address}\" to which anything has happened"))
            .with_hint("`comfywright show RUN` lists them")
    })
}

/// Whether a process works on the run. One that says so of itself may have been killed.
pub fn is_active(ledger: &Ledger, run: &RunRow) -> bool {
    ledger.is_locked(&run.id)
}

/// The record of comfywright that a file carries, without the preset, which `import` gives back.
pub fn record(bytes: &[u8]) -> Option<Map<String, Value>> {
    let texts = imagefile::metadata(bytes);
    let (_, text) = texts.iter().find(|(key, _)| key == "comfywright")?;
    let mut record: Map<String, Value> = serde_json::from_str(text).ok()?;
    record.retain(|key, _| !["preset", "workflow"].contains(&key.as_str()));
    Some(record)
}

/// Why an item was made, or made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The run before with the same item, if there is one.
    pub earlier: Option<RunRow>,
    /// Parts of the fingerprint that differ: name, before, now.
    pub changes: Vec<(String, Option<String>, Option<String>)>,
}

/// Compares an item with the same item of the newest earlier run of the document in which it was
/// made.
pub fn explain(ledger: &Ledger, run: &RunRow, item: &ItemRow) -> Result<Explanation, AppError> {
    let all = runs(ledger, RECENT)?;
    // In the order in which they began, whatever the clock said then.
    let before = all.into_iter().skip_while(|r| r.id != run.id).skip(1);
    let earlier = before.filter(|r| r.document == run.document);
    for candidate in earlier {
        let Some((before, _)) = ledger.item(&candidate.id, &item.address).map_err(|e| ledger_error(&e))? else {
            continue;
        };
        if before.parts.is_empty() {
            continue;
        }
        return Ok(Explanation { earlier: Some(candidate), changes: changes(&before.parts, &item.parts) });
    }
    Ok(Explanation { earlier: None, changes: Vec::new() })
}

/// What differs between two fingerprints. A part that only follows from another item's is told as
/// such by its value.
fn changes(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<(String, Option<String>, Option<String>)> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name))
        .map(|name| (name.clone(), before.get(name).cloned(), now.get(name).cloned()))
        .collect()
}
