//! What of a server is not as it was locked.

use std::sync::Arc;

use super::{
    super::{
        Session,
        lock::{Locked, ServerFacts},
        selection::Selection,
    },
    documents,
    findings::DoctorFinding,
    server::Asked,
};
use crate::{
    diagnostic::Diagnostic,
    graph::{GraphNeeds, NodeSet},
};

/// Compares a server with the lock.
pub(super) fn examine(
    lock: &Locked,
    session: &Session,
    selection: &Selection,
    asked: &Asked,
    nodes: &NodeSet,
) -> Vec<DoctorFinding> {
    let mut needs = GraphNeeds::default();
    documents::needs(session, selection, nodes).iter().for_each(|needy| needs.extend(&needy.needs));
    let name = asked.report.name.clone();
    let facts = ServerFacts { name, versions: asked.versions.clone(), nodes: Arc::new(nodes.clone()) };
    let area = format!("server {}", asked.report.name);
    let found = lock.drift(&needs, Some(nodes), &[facts], "it");
    if found.is_empty() {
        return vec![DoctorFinding::ok(&area, "lock", "it is as comfywright.lock says")];
    }
    let told = found.into_iter().map(|drift| {
        let Diagnostic { code, message, hint, .. } = drift.diagnostic;
        DoctorFinding::warning(&area, code, message).advise(hint)
    });
    told.collect()
}
