//! What of a server goes into the lock.

use std::sync::Arc;

use super::super::{
    AppError, Session,
    servers::{server_error, server_settings, wait_for},
};
use crate::{
    comfy::{Client, ClientError},
    content_hash::ContentHash,
    graph::{NodeSet, Versions},
    model::{LockedHash, LockedServer},
};

/// A server, or a snapshot of one.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Its name.
    pub name: String,
    /// Its programs.
    pub versions: Versions,
    /// Its classes, without ours.
    pub nodes: Arc<NodeSet>,
}

/// As the lock has them, without what takes long.
pub(in crate::app) fn locked_servers(facts: &[ServerFacts]) -> Vec<(String, LockedServer)> {
    let nothing = ContentHash::of_bytes(b"");
    let server = |facts: &ServerFacts| LockedServer {
        digest: LockedHash::Unknown,
        ..LockedServer::new(nothing, &facts.versions)
    };
    facts.iter().map(|facts| (facts.name.clone(), server(facts))).collect()
}

/// The snapshots by which a session judges.
pub(super) fn of_snapshots(session: &Session) -> Vec<ServerFacts> {
    let facts = session.snapshots.iter().map(|kept| ServerFacts {
        name: kept.server.clone(),
        versions: kept.snapshot.versions.clone(),
        nodes: Arc::new(kept.snapshot.nodes.clone()),
    });
    facts.collect()
}

/// The clients of the servers called `names`.
pub(super) fn clients<'a>(session: &Session, names: impl Iterator<Item = &'a String>) -> Result<Vec<Client>, AppError> {
    names.map(|name| Client::new(&server_settings(session, name)?).map_err(|e| server_error(&e))).collect()
}

/// Adds the packs of custom nodes that servers tell of.
pub(super) fn add_packs(session: &Session, facts: &mut [ServerFacts]) -> Result<(), AppError> {
    let clients = clients(session, facts.iter().map(|facts| &facts.name))?;
    let packs = wait_for(async {
        let mut packs = Vec::new();
        for client in &clients {
            packs.push(client.node_packs().await?);
        }
        Ok::<_, ClientError>(packs)
    })?;
    for (facts, packs) in facts.iter_mut().zip(packs.map_err(|e| server_error(&e))?) {
        facts.versions.packs = packs;
    }
    Ok(())
}
