//! What documents are judged by when no server is asked.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use super::super::AppError;
use crate::{
    diagnostic::{Diagnostic, Severity},
    files::World,
    graph::{NodeSet, Snapshot, builtin, own_classes},
    model::{CONFIG_FILE, Config, Server},
};

/// The folder of snapshots.
const FOLDER: &str = "snapshots";

/// Most bytes of a snapshot.
const MOST_BYTES: u64 = 256 << 20;

/// A snapshot of the workspace.
#[derive(Clone, Debug)]
pub struct KeptSnapshot {
    /// The server that it is of: its name in the configuration, or that of the file.
    pub server: String,
    /// Its path, relative to the workspace.
    pub path: String,
    /// What it says.
    pub snapshot: Arc<Snapshot>,
}

/// What documents are judged by.
pub(in crate::app) struct Judged {
    /// Signatures of classes.
    pub(in crate::app) nodes: Arc<NodeSet>,
    /// Where they are from, for people.
    pub(in crate::app) against: String,
    /// The snapshots among them.
    pub(in crate::app) snapshots: Vec<KeptSnapshot>,
    /// Snapshots that cannot be read.
    pub(in crate::app) faults: Vec<Diagnostic>,
}

/// Where the snapshot of a server is, relative to the workspace.
pub(in crate::app) fn snapshot_path(name: &str, server: Option<&Server>) -> String {
    let named = server.and_then(|server| server.snapshot.clone());
    named.unwrap_or_else(|| format!("{FOLDER}/{name}.json"))
}

/// The snapshots of the configured servers in their order; without servers, all that there are.
/// Without any, the classes that run in-process.
pub(in crate::app) fn judged_by(world: &dyn World, config: &Config) -> Judged {
    let mut judged =
        Judged { nodes: shared_builtin(), against: String::new(), snapshots: Vec::new(), faults: Vec::new() };
    for (server, path, is_named) in candidates(world, config) {
        if !is_named && !world.is_file(&path) {
            continue;
        }
        match read(world, &path) {
            Ok(snapshot) => judged.snapshots.push(KeptSnapshot { server, path, snapshot: Arc::new(snapshot) }),
            Err(reason) => judged.faults.push(fault(&path, is_named, reason)),
        }
    }
    judged.against = match judged.snapshots.as_slice() {
        [] => return Judged { against: BUILT_IN.to_owned(), ..judged },
        [only] => format!("the snapshot {}", told(only)),
        several => format!("the snapshots {}", several.iter().map(told).collect::<Vec<_>>().join(" and ")),
    };
    let mut nodes = NodeSet::default();
    judged.snapshots.iter().for_each(|kept| nodes.add_missing(&kept.snapshot.nodes));
    // What needs no server runs in this process, whether the servers could or not.
    nodes.add_missing(builtin());
    judged.nodes = Arc::new(nodes);
    judged
}

const BUILT_IN: &str = "the built-in snapshot of ComfyUI 0.3.75's model-free nodes";

/// The one file that somebody named.
pub(in crate::app) fn judged_by_file(path: &Path) -> Result<Judged, AppError> {
    let failed = |e: String| AppError::usage(format!("failed to read {}: {e}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let snapshot = Snapshot::parse(text).map_err(|e| failed(e.to_string()))?;
    let mut nodes = snapshot.nodes.clone();
    nodes.add_missing(own_classes());
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let kept = KeptSnapshot { server: name, path: path.display().to_string(), snapshot: Arc::new(snapshot) };
    let against = format!("the snapshot {}", told(&kept));
    Ok(Judged { nodes: Arc::new(nodes), against, snapshots: vec![kept], faults: Vec::new() })
}

/// The classes of the file that somebody named; the built-in ones without it.
pub(in crate::app) fn classes(object_info: Option<&Path>) -> Result<Arc<NodeSet>, AppError> {
    object_info.map_or_else(|| Ok(shared_builtin()), |path| judged_by_file(path).map(|judged| judged.nodes))
}

/// The built-in classes, read once in a process.
fn shared_builtin() -> Arc<NodeSet> {
    static SHARED: OnceLock<Arc<NodeSet>> = OnceLock::new();
    SHARED.get_or_init(|| Arc::new(builtin().clone())).clone()
}

/// Server, path, and whether the configuration names it.
fn candidates(world: &dyn World, config: &Config) -> Vec<(String, String, bool)> {
    if config.server.is_empty() {
        let files = world.glob(&format!("{FOLDER}/*.json")).unwrap_or_default();
        let name = |path: &str| path.trim_start_matches(FOLDER).trim_matches('/').trim_end_matches(".json").to_owned();
        return files.into_iter().map(|path| (name(&path), path, false)).collect();
    }
    let servers = config.server.iter();
    servers.map(|(name, s)| (name.clone(), snapshot_path(name, Some(s)), s.snapshot.is_some())).collect()
}

fn read(world: &dyn World, path: &str) -> Result<Snapshot, String> {
    let bytes = world.read(path, MOST_BYTES).map_err(|e| format!("failed to {e}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "failed to read the snapshot: it is not UTF-8".to_owned())?;
    Snapshot::parse(text).map_err(|e| format!("failed to {e}"))
}

fn fault(path: &str, is_named: bool, reason: String) -> Diagnostic {
    let file = Arc::from(if is_named { CONFIG_FILE } else { path });
    Diagnostic { severity: Severity::Error, ..Diagnostic::error("unreadable-snapshot", &file, None, reason) }
        .with_hint(format!("write it anew: comfywright snapshot NAME (it is {path})"))
}

fn told(kept: &KeptSnapshot) -> String {
    match &kept.snapshot.versions.comfyui {
        Some(version) => format!("{} (ComfyUI {version})", kept.path),
        None => kept.path.clone(),
    }
}
