//! `lock`: documents are checked, and what they were checked against and use is written down.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;
use serde_json::Value;

use super::{
    super::{
        AppError, CheckOptions, Session, Sources, atomic_write, check,
        doctor::documents_needs,
        selection::select,
        servers::{Connected, Knowledge, connect, server_error, wait_for},
        snapshots::Judged,
        survey::used_by,
        write_new,
    },
    compare::read,
    facts::{ServerFacts, add_packs, clients, of_snapshots},
};
use crate::{
    comfy::ClientError,
    content_hash::ContentHash,
    diagnostic::{Diagnostic, Severity},
    diff::{Change, json},
    files::Format,
    graph::{ClassOutline, GraphNeeds, NodeSet, builtin, own_classes},
    model::{CONFIG_FILE, HashAlgorithm, LOCK_FILE, Lock, LockedHash, LockedServer},
};

/// What to write the lock from.
#[derive(Clone, Debug, Default)]
pub struct LockOptions {
    /// Servers to ask. Without any, what `check` judges by; without a snapshot, all servers.
    pub servers: Vec<String>,
}

/// What became of the lock.
pub struct LockReport {
    /// Whether it said exactly this already.
    pub unchanged: bool,
    /// Whether there was none.
    pub is_new: bool,
    /// What it says that it did not say.
    pub changes: Vec<Change>,
    /// What it says.
    pub lock: Lock,
    /// What the documents were checked against.
    pub against: String,
    /// Warnings of the check.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they are about.
    pub sources: Sources,
}

/// Checks all documents and writes the lock. Wrong documents are not locked.
pub fn write_lock(mut session: Session, options: &LockOptions) -> Result<LockReport, AppError> {
    let old = read(&session)?;
    let (facts, is_live) = judge(&mut session, options)?;
    let checked = check(&session, &CheckOptions::default())?;
    if checked.errors() > 0 {
        return Err(AppError::Wrong(checked.diagnostics));
    }
    if checked.documents == 0 {
        return Err(AppError::usage("there are no documents in pipelines/, so there is nothing to lock"));
    }
    let selection = select(&session, &[])?;
    let mut needs = GraphNeeds::default();
    documents_needs(&session, &selection).iter().for_each(|of_document| needs.extend(of_document));
    let (opened, of_runs) = used_by(&session, &selection.documents, &session.nodes);
    needs.extend(&of_runs);
    needs.classes.retain(|class| !own_classes().contains(class));
    let mut lock = Lock {
        object_info: facts.iter().map(|f| (f.name.clone(), LockedServer::new(f.nodes.digest(), &f.versions))).collect(),
        node: outlines(&needs, &session.nodes),
        models: models(&session, &facts, &needs, is_live)?,
        inputs: inputs(&session, opened)?,
        ..Lock::default()
    };
    lock.object_info
        .insert(BUILT_IN.to_owned(), LockedServer::new(builtin().digest(), &crate::graph::Versions::default()));
    if let Some(old) = &old {
        keep_hashes(&mut lock.models, &old.lock.models);
    }
    write(&session, old.as_ref().map(|old| &*old.text), &lock.to_text())?;
    let is_new = old.is_none();
    let before = old.map(|old| old.lock).unwrap_or_default();
    Ok(LockReport {
        unchanged: before == lock && !is_new,
        is_new,
        changes: json(&to_json(&before), &to_json(&lock)),
        against: session.against.clone(),
        diagnostics: checked.diagnostics.into_iter().filter(|d| d.file.as_ref() != LOCK_FILE).collect(),
        sources: checked.sources,
        lock,
    })
}

/// The name under which the lock has the classes that run in-process.
pub(super) const BUILT_IN: &str = "built-in";

/// What to judge and lock by; whether servers were asked for it.
fn judge(session: &mut Session, options: &LockOptions) -> Result<(Vec<ServerFacts>, bool), AppError> {
    if options.servers.is_empty() && (!session.snapshots.is_empty() || session.config.server.is_empty()) {
        return Ok((of_snapshots(session), false));
    }
    let Connected { nodes, against, each, silent, .. } = connect(session, &options.servers, Knowledge::Fresh)?;
    if let Some((_, error)) = silent.first() {
        // A lock without it would be another lock.
        return Err(server_error(error));
    }
    let mut facts = each;
    add_packs(session, &mut facts)?;
    let mut all = NodeSet::clone(&nodes);
    all.add_missing(builtin());
    session.judge_by(Judged { nodes: Arc::new(all), against, snapshots: Vec::new(), faults: Vec::new() });
    Ok((facts, true))
}

fn outlines(needs: &GraphNeeds, nodes: &NodeSet) -> BTreeMap<String, ClassOutline> {
    let known = needs.classes.iter().filter_map(|name| nodes.class(name));
    known.map(|class| (class.name.clone(), ClassOutline::of(class))).collect()
}

/// The model files, with the hashes that servers tell.
fn models(
    session: &Session,
    facts: &[ServerFacts],
    needs: &GraphNeeds,
    is_live: bool,
) -> Result<BTreeMap<String, LockedHash>, AppError> {
    let mut models: BTreeMap<String, LockedHash> =
        needs.files.iter().map(|file| (file.path(), LockedHash::Unknown)).collect();
    if is_live {
        let known = model_hashes(session, facts.iter().map(|facts| &facts.name), needs)?;
        models.extend(known);
    }
    Ok(models)
}

/// The hashes of models that servers tell.
pub(super) fn model_hashes<'a>(
    session: &Session,
    servers: impl Iterator<Item = &'a String>,
    needs: &GraphNeeds,
) -> Result<BTreeMap<String, LockedHash>, AppError> {
    let clients = clients(session, servers)?;
    let wanted: BTreeSet<(&str, &str, String)> =
        needs.files.iter().filter_map(|file| Some((file.folder()?, file.name.as_str(), file.path()))).collect();
    let asked = wait_for(async {
        let mut hashes = BTreeMap::new();
        for (folder, name, path) in wanted {
            for client in &clients {
                if let Some(digits) = client.model_hash(folder, name).await? {
                    let hash = LockedHash::Known { algorithm: HashAlgorithm::Sha256, digits };
                    hashes.insert(path.clone(), hash);
                    break;
                }
            }
        }
        Ok::<_, ClientError>(hashes)
    })?;
    asked.map_err(|e| server_error(&e))
}

/// A hash that is not told now is the one that was told before.
fn keep_hashes(now: &mut BTreeMap<String, LockedHash>, before: &BTreeMap<String, LockedHash>) {
    for (path, hash) in now.iter_mut().filter(|(_, hash)| **hash == LockedHash::Unknown) {
        if let Some(known) = before.get(path) {
            hash.clone_from(known);
        }
    }
}

/// The files that documents read, but for documents.
pub(super) fn inputs(session: &Session, opened: BTreeSet<String>) -> Result<BTreeMap<String, LockedHash>, AppError> {
    let is_input = |path: &String| Format::of_path(path).is_none() && path != CONFIG_FILE && path != LOCK_FILE;
    let hash = |path: String| {
        let hash = session.world.hash(&path).map_err(|e| AppError::environment(format!("failed to {e}")))?;
        Ok((path, LockedHash::from(hash)))
    };
    opened.into_iter().filter(is_input).collect::<Vec<_>>().into_par_iter().map(hash).collect()
}

fn write(session: &Session, old: Option<&str>, new: &str) -> Result<(), AppError> {
    let path = session.root.join(LOCK_FILE);
    match old {
        Some(old) if old == new => Ok(()),
        Some(old) => Ok(atomic_write(&path, new.as_bytes(), Some(ContentHash::of_bytes(old.as_bytes())))?),
        None => Ok(write_new(&path, new.as_bytes())?),
    }
}

fn to_json(lock: &Lock) -> Value {
    serde_json::to_value(lock).unwrap_or_default()
}

impl LockReport {
    /// Warnings of the check.
    pub fn warnings(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Warning).count()
    }

    /// Hashes of models that nobody tells.
    pub fn unknown_models(&self) -> usize {
        self.lock.models.values().filter(|hash| **hash == LockedHash::Unknown).count()
    }
}
