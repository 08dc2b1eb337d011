//! Why items went the way they went.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AppError, history, run::ledger_error, run_view::task_of};
use crate::{
    analysis::{TracedDecision, trace},
    compile::error_name,
    ledger::{DecisionRow, ItemRow, Ledger, RunRow, TryEnd, TryRow},
    plan::Outline,
};

/// The way of one item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemTrace {
    /// Its address.
    pub item: String,
    /// Where it stands.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// Its tries, in their order.
    pub tries: Vec<TracedTry>,
    /// The decisions about it, in their order.
    pub decisions: Vec<TracedDecision>,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TracedTry {
    /// How many times the item had passed its task.
    pub visit: u16,
    /// Attempts that rules had asked for in this visit.
    pub attempt: u16,
    /// Which try of this attempt, from 1.
    pub number: u16,
    /// `native`, or the name of a server.
    pub executor: String,
    /// Nanoseconds since 1970.
    pub submitted_ns: i64,
    /// Nanoseconds since 1970.
    pub ended_ns: Option<i64>,
    /// `finished`, `failed`, `unknown`, `given up` or `running`.
    pub end: &'static str,
    /// The class of its error.
    pub error: Option<&'static str>,
    /// What the error says.
    pub message: Option<String>,
}

/// The ways of the item at `what`, or of all items of the task `what`, in the order of the plan.
pub fn item_traces(ledger: &Ledger, run: &RunRow, what: &str) -> Result<Vec<ItemTrace>, AppError> {
    let read = |error| ledger_error(&error);
    let outline = ledger.outline(&run.id).map_err(read)?;
    let tries = ledger.course(&run.id).map_err(read)?.tries;
    let found: Vec<(ItemRow, Vec<DecisionRow>)> =
        if what.contains('[') { vec![history::item(ledger, run, what)?] } else { of_task(ledger, run, what)? };
    if found.is_empty() {
        return Err(unknown(run, what, outline.as_ref()));
    }
    let mut by_item: BTreeMap<u32, Vec<TracedTry>> = BTreeMap::new();
    for row in &tries {
        by_item.entry(row.item).or_default().push(traced(row));
    }
    let of = |(item, decisions): (ItemRow, Vec<DecisionRow>)| ItemTrace {
        decisions: trace(&item, &decisions, outline.as_ref()),
        tries: by_item.remove(&item.item).unwrap_or_default(),
        item: item.address,
        state: item.state.name().to_owned(),
        reason: item.reason,
    };
    Ok(found.into_iter().map(of).collect())
}

/// The items of a task with the decisions about them.
fn of_task(ledger: &Ledger, run: &RunRow, task: &str) -> Result<Vec<(ItemRow, Vec<DecisionRow>)>, AppError> {
    let mut decisions: BTreeMap<u32, Vec<DecisionRow>> = BTreeMap::new();
    for row in ledger.decisions(&run.id).map_err(|error| ledger_error(&error))? {
        decisions.entry(row.decision.item.0).or_default().push(row);
    }
    let items = history::items(ledger, run)?.into_iter().filter(|item| task_of(&item.address) == task);
    let with_decisions = |item: ItemRow| {
        let own = decisions.remove(&item.item).unwrap_or_default();
        (item, own)
    };
    Ok(items.map(with_decisions).collect())
}

fn traced(row: &TryRow) -> TracedTry {
    let (end, error, message) = match &row.end {
        TryEnd::Finished => ("finished", None, None),
        TryEnd::Failed(fault) => ("failed", Some(error_name(fault.class)), Some(fault.message.clone())),
        TryEnd::Unknown(message) => ("unknown", None, Some(message.clone())),
        TryEnd::GivenUp => ("given up", None, None),
        TryEnd::Open => ("running", None, None),
    };
    TracedTry {
        visit: row.id.visits,
        attempt: row.id.attempt,
        number: row.id.epoch + 1,
        executor: row.executor.clone(),
        submitted_ns: row.submitted_ns,
        ended_ns: row.ended_ns,
        end,
        error,
        message,
    }
}

fn unknown(run: &RunRow, what: &str, outline: Option<&Outline>) -> AppError {
    let names: Vec<&str> = outline.iter().flat_map(|o| &o.tasks).map(|task| task.name.as_str()).collect();
    if names.contains(&what) {
        return AppError::usage(format!("nothing has happened to the items of {what} yet"));
    }
    let error = AppError::usage(format!("the run of {} has no task \"{what}\"", run.document));
    match crate::ident::did_you_mean(what, names.iter().copied()) {
        Some(near) => error.with_hint(format!("did you mean {near}?")),
        None => error.with_hint(format!("it has {}", names.join(", "))),
    }
}
