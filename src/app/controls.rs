//! What people tell runs: by way of the ledger, so that it does not matter which process works on
//! the run, and whether one does.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::sleep};
use uuid::Uuid;

use super::{
    AppError, Session,
    history::is_active,
    run::ledger_error,
    servers::{server_settings, wait_for},
};
use crate::{
    comfy::{ServerSettings, withdraw},
    ledger::{Ledger, RunRow},
    run::{Control, ItemState},
};

/// How often a process looks whether its run was told something.
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

/// The same controls, and what the run is told by way of the ledger after number `after`.
pub(super) fn with_told(
    mut controls: mpsc::UnboundedReceiver<Control>,
    ledger: Arc<Ledger>,
    run: Uuid,
    mut after: i64,
) -> mpsc::UnboundedReceiver<Control> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // What was said already counts although nothing else may be left to do.
    while let Ok(control) = controls.try_recv() {
        let _ = sender.send(control);
    }
    tokio::spawn(async move {
        let run = run.to_string();
        let mut are_open = true;
        loop {
            tokio::select! {
                control = controls.recv(), if are_open => match control {
                    Some(control) => { let _ = sender.send(control); }
                    None => are_open = false,
                },
                () = sleep(BETWEEN_LOOKS) => {
                    // What cannot be read now is read at the next look.
                    for (number, control) in ledger.told(&run, after).unwrap_or_default() {
                        after = number;
                        let _ = sender.send(control);
                    }
                }
                () = sender.closed() => return,
            }
        }
    });
    receiver
}

/// Tells the process that works on the run. False when there is none.
pub fn tell(ledger: &Ledger, run: &RunRow, control: &Control) -> Result<bool, AppError> {
    if !is_active(ledger, run) {
        return Ok(false);
    }
    ledger.tell(&run.id, control, now_ns()).map_err(|e| ledger_error(&e))?;
    Ok(true)
}

/// Gives a run up: by the process that works on it, which is waited for so long, or without one.
/// The run as it is then.
pub fn cancel(session: &Session, ledger: &Ledger, run: &RunRow, patience: Duration) -> Result<RunRow, AppError> {
    let until = Instant::now() + patience;
    let mut told = tell(ledger, run, &Control::Cancel)?;
    loop {
        let row = ledger.run(&run.id).map_err(|e| ledger_error(&e))?;
        if told && is_active(ledger, &row) {
            if Instant::now() >= until {
                return Ok(row);
            }
            thread::sleep(BETWEEN_LOOKS / 3);
        } else if row.state.has_ended() {
            return Ok(row);
        } else if told {
            // It may have ended in the meantime, in whatever way: looked at once more.
            told = false;
        } else {
            ledger.give_up(&row.id, now_ns()).map_err(|e| ledger_error(&e))?;
            take_back(session, ledger, &row);
        }
    }
}

/// Asks the servers to forget what a process that is gone had submitted: as far as they answer, for
/// what they make then is only lost work.
fn take_back(session: &Session, ledger: &Ledger, run: &RunRow) {
    let items = ledger.items(&run.id).unwrap_or_default();
    let submitted = items.iter().filter(|i| i.state == ItemState::Cancelled && i.executor.as_deref() != Some("native"));
    let ids: Vec<Uuid> = submitted.filter_map(|i| i.prompt_id.as_deref()?.parse().ok()).collect();
    let servers: Vec<ServerSettings> =
        session.config.server.keys().filter_map(|name| server_settings(session, name).ok()).collect();
    if !ids.is_empty() && !servers.is_empty() {
        let _ = wait_for(withdraw(servers, ids));
    }
}

pub(super) fn now_ns() -> i64 {
    jiff::Timestamp::now().as_nanosecond() as i64
}
