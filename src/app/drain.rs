//! Servers that a person takes out of use and puts back: kept in the ledger, noticed by runs that go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;

use super::{AppError, Session, existing_ledger, open_ledger, run::ledger_error};
use crate::{
    ledger::{Drained, Ledger},
    plan::Capability,
    run::Control,
};

/// How soon a run that goes on notices.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Takes a server out of use for all runs of the workspace: what is with it is finished, and nothing new
/// goes there. False when it was out of use already.
pub fn drain(session: &Session, server: &str, reason: Option<&str>) -> Result<bool, AppError> {
    check_name(session, server)?;
    let now = jiff::Timestamp::now().as_nanosecond() as i64;
    open_ledger(session)?.drain(server, now, reason).map_err(|e| ledger_error(&e))
}

/// Puts a server back into use. False when it was in use.
pub fn resume(session: &Session, server: &str) -> Result<bool, AppError> {
    check_name(session, server)?;
    open_ledger(session)?.resume(server).map_err(|e| ledger_error(&e))
}

/// The servers that are out of use.
pub(super) fn drained(session: &Session) -> Result<BTreeMap<String, Drained>, AppError> {
    match existing_ledger(session)? {
        Some(ledger) => ledger.drained().map_err(|e| ledger_error(&e)),
        None => Ok(BTreeMap::new()),
    }
}

fn check_name(session: &Session, server: &str) -> Result<(), AppError> {
    if session.config.server.contains_key(server) {
        return Ok(());
    }
    let known: Vec<&str> = session.config.server.keys().map(String::as_str).collect();
    let error = AppError::usage(format!("there is no server \"{server}\""));
    Err(match crate::ident::did_you_mean(server, known.iter().copied()) {
        Some(near) => error.with_hint(format!("did you mean {near}?")),
        None if known.is_empty() => error.with_hint("comfywright.toml has none"),
        None => error.with_hint(format!("comfywright.toml has {}", known.join(", "))),
    })
}

/// What a person says to the run, and what becomes of its servers in the ledger. Must be called within a
/// tokio runtime.
pub(super) fn with_drains(
    mut controls: mpsc::UnboundedReceiver<Control>,
    ledger: Arc<Ledger>,
    servers: &[Capability],
) -> mpsc::UnboundedReceiver<Control> {
    let (sender, merged) = mpsc::unbounded_channel();
    // What was said before the run began is heard before it begins.
    while let Ok(control) = controls.try_recv() {
        let _ = sender.send(control);
    }
    let forward = sender.clone();
    tokio::spawn(async move {
        loop {
            let control = tokio::select! {
                control = controls.recv() => control,
                () = forward.closed() => return,
            };
            match control.map(|control| forward.send(control)) {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    });
    if !servers.is_empty() {
        let names = servers.iter().map(|server| server.name.clone()).collect();
        let known = servers.iter().filter(|server| server.drained).map(|server| server.name.clone()).collect();
        tokio::spawn(watch(sender, ledger, names, known));
    }
    merged
}

async fn watch(
    controls: mpsc::UnboundedSender<Control>,
    ledger: Arc<Ledger>,
    servers: BTreeSet<String>,
    mut known: BTreeSet<String>,
) {
    loop {
        tokio::select! {
            () = controls.closed() => return,
            () = tokio::time::sleep(BETWEEN_LOOKS) => {}
        }
        let reader = ledger.clone();
        // A ledger that cannot be read now is read at the next look.
        let Ok(Ok(drained)) = tokio::task::spawn_blocking(move || reader.drained()).await else { continue };
        let now: BTreeSet<String> = servers.iter().filter(|name| drained.contains_key(*name)).cloned().collect();
        let changes = known.symmetric_difference(&now).cloned();
        for server in changes {
            let control = if now.contains(&server) { Control::Drain(server) } else { Control::Resume(server) };
            // The run has ended when nobody listens.
            let _ = controls.send(control);
        }
        known = now;
    }
}
