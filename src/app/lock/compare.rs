//! The lock, compared with a snapshot or with live servers.

use std::sync::Arc;

use serde_json::Map;

use super::{
    super::{
        AppError, Session,
        placed::PlacedJob,
        servers::{server_error, wait_for},
        survey::used_by,
    },
    facts::{ServerFacts, add_packs, clients, locked_servers, of_snapshots},
    write::{BUILT_IN, inputs, model_hashes},
};
use crate::{
    comfy::ClientError,
    diagnostic::{Diagnostic, Severity},
    graph::{GraphNeeds, NodeSet, builtin},
    model::{
        Drift, DriftKind, HashSection, LOCK_FILE, Loaded, Lock, LockedFacts, LockedHash, MAX_DOCUMENT_BYTES,
        Surroundings, read_lock,
    },
};

/// The lock of a workspace.
pub(in crate::app) struct Locked {
    /// What it says.
    pub(in crate::app) lock: Lock,
    /// Its text.
    pub(in crate::app) text: Arc<str>,
}

/// The lock of a workspace, if there is one.
pub(super) fn read(session: &Session) -> Result<Option<Locked>, AppError> {
    Locked::read(session).map_err(AppError::Wrong)
}

impl Locked {
    /// The lock, if there is one, or why it cannot be read.
    pub(in crate::app) fn read(session: &Session) -> Result<Option<Self>, Vec<Diagnostic>> {
        let file: Arc<str> = LOCK_FILE.into();
        if !session.world.is_file(LOCK_FILE) {
            return Ok(None);
        }
        let unreadable = |why: String| vec![Diagnostic::error("unreadable-file", &file, None, why)];
        let bytes =
            session.world.read(LOCK_FILE, MAX_DOCUMENT_BYTES).map_err(|e| unreadable(format!("failed to {e}")))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("the lock is not UTF-8".to_owned()))?;
        let parsed = read_lock(&text, &file);
        parsed.value.map(|lock| Some(Self { lock, text: text.into() })).ok_or(parsed.diagnostics)
    }

    /// What `--locked` says when there is none.
    pub(in crate::app) fn missing() -> AppError {
        AppError::usage(format!("there is no {LOCK_FILE} to compare with")).with_hint("comfywright lock writes it")
    }

    /// What of `needs` is not as it was locked, by the snapshots of the workspace.
    pub(in crate::app) fn drift_of_snapshots(&self, session: &Session, needs: &GraphNeeds) -> Vec<Drift> {
        let facts = of_snapshots(session);
        let nodes = (!facts.is_empty()).then_some(&*session.nodes);
        self.drift(needs, nodes, &facts, &session.against)
    }

    /// What of `needs` is not as it was locked. Without `nodes`, classes are not compared.
    pub(in crate::app) fn drift(
        &self,
        needs: &GraphNeeds,
        nodes: Option<&NodeSet>,
        servers: &[ServerFacts],
        against: &str,
    ) -> Vec<Drift> {
        let now = Surroundings { servers: &locked_servers(servers), against };
        let mut found = self.lock.drift(&self.text, &LockedFacts { needs, nodes }, &now);
        let digest = LockedHash::from(builtin().digest());
        if self.lock.object_info.get(BUILT_IN).is_some_and(|locked| locked.digest != digest) {
            let message = "the nodes that run in-process are not those of the comfywright that wrote the lock";
            let diagnostic = Diagnostic::warning("lock-version", &LOCK_FILE.into(), None, message)
                .with_hint("accept it: comfywright lock");
            found.push(Drift { kind: DriftKind::Surroundings, diagnostic });
        }
        found
    }

    /// Which of the files that documents read are not as they were locked.
    pub(in crate::app) fn drift_of_inputs(
        &self,
        session: &Session,
        documents: &[Arc<Loaded>],
        nodes: &Arc<NodeSet>,
    ) -> Result<Vec<Drift>, AppError> {
        let hashes = inputs(session, used_by(session, documents, nodes).0)?;
        Ok(self.lock.changed_hashes(HashSection::Inputs, &hashes, &self.text))
    }
}

/// Compares a job that is about to run with the lock, if there is one. Gives warnings; with `locked`,
/// everything that is not as it was locked refuses the run.
pub(in crate::app) fn drift_of_run(
    session: &Session,
    placed: &PlacedJob,
    locked: bool,
) -> Result<Vec<Diagnostic>, AppError> {
    let file = match read(session)? {
        Some(file) => file,
        None if locked => return Err(Locked::missing()),
        None => return Ok(Vec::new()),
    };
    let connected = placed.connected.as_ref();
    let nodes = connected.map_or(&session.nodes, |connected| &connected.nodes);
    let needs = placed.job.program.needs(session.context_with(nodes));
    let mut found = match connected {
        None => file.drift(&needs, None, &[], &session.against),
        Some(connected) => {
            let mut servers = connected.each.clone();
            if locked {
                add_packs(session, &mut servers)?;
            }
            // What was kept of a server may be what it was, not what it is.
            let fresh = if connected.kept { asked_again(session, &servers, &needs)? } else { None };
            let nodes = fresh.as_ref().map_or(&*connected.nodes, |fresh| fresh);
            file.drift(&needs, Some(nodes), &servers, &connected.against)
        }
    };
    if locked {
        if let Some(connected) = connected {
            let hashes = model_hashes(session, connected.each.iter().map(|facts| &facts.name), &needs)?;
            found.extend(file.lock.changed_hashes(HashSection::Models, &hashes, &file.text));
        }
        found.extend(file.drift_of_inputs(session, std::slice::from_ref(&placed.job.loaded), nodes)?);
        return refused(found);
    }
    Ok(found.into_iter().map(|drift| drift.diagnostic).collect())
}

/// The classes that are needed, as the servers have them now; of several, as the first has them.
fn asked_again(session: &Session, servers: &[ServerFacts], needs: &GraphNeeds) -> Result<Option<NodeSet>, AppError> {
    let clients = clients(session, servers.iter().map(|facts| &facts.name))?;
    let asked = wait_for(async {
        let mut classes = Map::new();
        for class in &needs.classes {
            for client in &clients {
                if !classes.contains_key(class) {
                    classes.extend(client.class_info(class).await?);
                }
            }
        }
        Ok::<_, ClientError>(classes)
    })?;
    let classes = asked.map_err(|e| server_error(&e))?;
    Ok(NodeSet::parse(serde_json::Value::Object(classes).to_string()).ok())
}

/// Nothing, or a refusal: wrong files come before other servers.
pub(in crate::app) fn refused(found: Vec<Drift>) -> Result<Vec<Diagnostic>, AppError> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let is_outdated = found.iter().any(|drift| drift.kind == DriftKind::Workspace);
    let errors: Vec<Diagnostic> =
        found.into_iter().map(|drift| Diagnostic { severity: Severity::Error, ..drift.diagnostic }).collect();
    Err(if is_outdated { AppError::Wrong(errors) } else { AppError::Drifted(errors) })
}
