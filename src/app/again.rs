//! Items that a person wants again, and runs that a person lets wait.

use super::{
    AppError,
    controls::tell,
    history::{find_run, items},
    run_view::{RunView, task_of},
};
use crate::{
    ident::did_you_mean,
    ledger::{ItemRow, Ledger, RunRow},
    plan::ItemIx,
    run::{Control, ItemState},
};

/// Which items a person wants again.
#[derive(Clone, Debug, Default)]
pub struct AgainRequest {
    /// The run.
    pub run: String,
    /// Addresses of items, or tasks for those of their items that failed; all that failed when there are none.
    pub items: Vec<String>,
    /// Whether a task stands for all of its items that are final.
    pub all: bool,
    /// Whether what was made of them is wanted again as well.
    pub downstream: bool,
}

/// What is to be made again.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The run.
    pub run: RunRow,
    /// Addresses of the items that were chosen.
    pub items: Vec<String>,
    /// What the run has to be told.
    pub control: Control,
}

/// The items that `request` means.
pub fn wanted_again(ledger: &Ledger, request: &AgainRequest) -> Result<Wanted, AppError> {
    let run = find_run(ledger, &request.run)?;
    let rows = items(ledger, &run)?;
    let mut chosen: Vec<&ItemRow> = Vec::new();
    for name in &request.items {
        if name.contains('[') || !rows.iter().any(|row| row.address.contains('[') && task_of(&row.address) == name) {
            chosen.push(one(&rows, name)?);
        } else {
            let of_task = rows.iter().filter(|row| task_of(&row.address) == name);
            let before = chosen.len();
            chosen.extend(of_task.filter(|row| if request.all { may_begin(row) } else { has_failed(row) }));
            if chosen.len() == before {
                return Err(AppError::usage(format!("no item of task `{name}` has failed"))
                    .with_hint("name an item to make it again whatever became of it, or add --all"));
            }
        }
    }
    if request.items.is_empty() {
        chosen = rows.iter().filter(|row| has_failed(row)).collect();
        if chosen.is_empty() {
            return Err(AppError::usage("nothing has failed in this run".to_owned())
                .with_hint("name items or tasks to make them again whatever became of them"));
        }
    }
    chosen.sort_by_key(|row| row.item);
    chosen.dedup_by_key(|row| row.item);
    let control =
        Control::Again { items: chosen.iter().map(|row| ItemIx(row.item)).collect(), downstream: request.downstream };
    let items = chosen.iter().map(|row| row.address.clone()).collect();
    Ok(Wanted { run, items, control })
}

/// One item, which must be one that can be made again.
fn one<'a>(rows: &'a [ItemRow], address: &str) -> Result<&'a ItemRow, AppError> {
    let Some(row) = rows.iter().find(|row| row.address == address) else {
        let error = AppError::usage(format!("the run has no item \"{address}\" to which anything has happened"));
        let known = rows.iter().flat_map(|row| [row.address.as_str(), task_of(&row.address)]);
        return Err(match did_you_mean(address, known) {
            Some(near) => error.with_hint(format!("did you mean \"{near}\"?")),
            None => error.with_hint("`comfywright show RUN` lists them"),
        });
    };
    if may_begin(row) {
        return Ok(row);
    }
    let why = row.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let error = AppError::usage(format!("{address} is {}{why}: there is nothing to make again", row.state.name()));
    Err(match row.state {
        ItemState::Blocked | ItemState::Skipped => {
            error.with_hint("retry what it needs: this is decided anew then, without being named")
        }
        _ => error.with_hint("wait until it has ended"),
    })
}

fn has_failed(row: &ItemRow) -> bool {
    matches!(row.state, ItemState::Failed | ItemState::NeedsReview)
}

/// Whether it has run, and does not any more.
fn may_begin(row: &ItemRow) -> bool {
    match row.state {
        ItemState::Held | ItemState::Done | ItemState::Reused | ItemState::Failed | ItemState::NeedsReview => true,
        // One that a rule skipped has run.
        ItemState::Skipped => row.fingerprint.is_some(),
        _ => false,
    }
}

/// Lets a run wait: what runs is finished, and nothing new begins.
pub fn pause(ledger: &Ledger, name: &str) -> Result<RunRow, AppError> {
    tell_worker(ledger, name, &Control::Pause, "it is not working, so there is nothing to pause")
}

/// Lets a run that waits go on.
pub fn continue_run(ledger: &Ledger, name: &str) -> Result<RunRow, AppError> {
    tell_worker(ledger, name, &Control::Continue, "comfywright run --resume RUN works on it")
}

fn tell_worker(ledger: &Ledger, name: &str, control: &Control, hint: &str) -> Result<RunRow, AppError> {
    let run = find_run(ledger, name)?;
    if tell(ledger, &run, control)? {
        return Ok(run);
    }
    let view = RunView::of(&run);
    let folder = view.folder_name();
    Err(AppError::usage(format!("no process works on run {folder}, which is {}", run.state.name()))
        .with_hint(hint.replace("RUN", folder)))
}
