//! What has changed since the lock was written: on a server, and in the workspace.
//!
//! Compares; asks nobody.

use super::file::{LOCK_FILE, Lock, LockedHash, LockedServer};
use crate::{
    diagnostic::{Diagnostic, Severity},
    files::{Path, toml},
    graph::{ClassChange, ClassOutline, GraphNeeds, Lack, NodeSet},
    path,
};

/// What is now, as far as it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Programs of servers, by name.
    pub servers: &'a [(String, LockedServer)],
    /// Where the classes are from, for people: `the server local`.
    pub against: &'a str,
}

/// What documents use: it is to be as it was locked.
#[derive(Clone, Copy, Debug)]
pub struct LockedFacts<'a> {
    /// Classes and model files of their graphs.
    pub needs: &'a GraphNeeds,
    /// Classes of servers as they are now; without them, classes are not compared.
    pub nodes: Option<&'a NodeSet>,
}

/// Where a change comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftKind {
    /// A server, or what is installed on it.
    Surroundings,
    /// The workspace: the lock is older than it.
    Workspace,
}

/// One thing that is not as it was locked.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Where it comes from.
    pub kind: DriftKind,
    /// A warning at the line of the lock.
    pub diagnostic: Diagnostic,
}

impl Drift {
    fn hint(&mut self) {
        let hint = match self.kind {
            DriftKind::Surroundings => "undo it there, or accept it: comfywright lock",
            DriftKind::Workspace => "bring the lock up to date: comfywright lock",
        };
        self.diagnostic.hint = Some(hint.to_owned());
    }
}

/// Compares what documents use with `lock`, whose text is `text`.
pub(super) fn compare(lock: &Lock, text: &str, facts: &LockedFacts<'_>, now: &Surroundings<'_>) -> Vec<Drift> {
    let file = LOCK_FILE.into();
    let tree = toml::parse(text, &file).0;
    let place = |path: &Path| tree.as_ref().filter(|tree| tree.get(path).is_some()).map(|tree| tree.key_span_of(path));
    let drift = |kind, code, path: &Path, message: String| Drift {
        kind,
        diagnostic: Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, &file, place(path), message) },
    };
    let outside = |code, path: &Path, message| drift(DriftKind::Surroundings, code, path, message);
    let mut found: Vec<Drift> = Vec::new();
    for (name, server) in now.servers {
        found.extend(versions(lock, name, server).map(|(path, message)| outside("lock-version", &path, message)));
    }
    for class in &facts.needs.classes {
        let path = path!["node", class];
        let Some(locked) = lock.node.get(class) else {
            let message = format!("documents use {class}, which is not in the lock");
            found.push(drift(DriftKind::Workspace, "not-locked", &path, message));
            continue;
        };
        match facts.nodes.map(|nodes| nodes.class(class)) {
            None => {}
            Some(None) => {
                found.push(outside("lock-node-gone", &path, format!("{} has no {class} any more", now.against)));
            }
            Some(Some(info)) => {
                let changes = locked.changes(&ClassOutline::of(info));
                found.extend(changes.iter().map(|change| {
                    let (code, path, message) = words(class, locked, change);
                    outside(code, &path, message)
                }));
            }
        }
    }
    let lacking = facts.nodes.map_or_else(Vec::new, |nodes| facts.needs.lacking(nodes));
    for file in &facts.needs.files {
        let path = path!["models", &file.path()];
        if !lock.models.contains_key(&file.path()) {
            let message = format!("documents use the model {}, which is not in the lock", file.path());
            found.push(drift(DriftKind::Workspace, "not-locked", &path, message));
        } else if lacking.iter().any(|lack| matches!(lack, Lack::File { file: lacking, .. } if lacking == file)) {
            let message = format!("{} does not list the model {} any more", now.against, file.path());
            found.push(outside("lock-model-gone", &path, message));
        }
    }
    found.iter_mut().for_each(Drift::hint);
    found
}

fn versions<'a>(lock: &'a Lock, name: &'a str, now: &'a LockedServer) -> impl Iterator<Item = (Path, String)> + 'a {
    let locked = lock.object_info.get(name);
    let programs = locked.into_iter().flat_map(move |locked| {
        let pairs = [
            ("comfyui", "ComfyUI", &locked.comfyui, &now.comfyui),
            ("pytorch", "PyTorch", &locked.pytorch, &now.pytorch),
        ];
        pairs.into_iter().filter_map(move |(key, what, before, after)| {
            let (before, after) = (before.as_ref()?, after.as_ref()?);
            (before != after)
                .then(|| (path!["object_info", name, key], format!("{what} of {name} was {before} and is {after}")))
        })
    });
    let packs = locked.into_iter().flat_map(move |locked| {
        locked.packs.iter().filter_map(move |(pack, before)| {
            let path = path!["object_info", name, "packs", pack];
            match now.packs.get(pack) {
                // A server that tells of no pack at all was not asked.
                None if now.packs.is_empty() => None,
                None => Some((path, format!("the custom node pack {pack} of {name} is gone"))),
                Some(after) if after != before && after != "unknown" && before != "unknown" => {
                    Some((path, format!("the custom node pack {pack} of {name} was {before} and is {after}")))
                }
                Some(_) => None,
            }
        })
    });
    programs.chain(packs)
}

fn words(class: &str, locked: &ClassOutline, change: &ClassChange) -> (&'static str, Path, String) {
    let place = |input: &str| {
        let section = if locked.required.contains_key(input) { "required" } else { "optional" };
        path!["node", class, section, input]
    };
    match change {
        ClassChange::InputAdded { input, takes, required } => {
            let must = if *required { "a required input" } else { "an input" };
            ("lock-input-added", path!["node", class], format!("{class} has {must} more: {input} ({takes})"))
        }
        ClassChange::InputRemoved { input } => {
            ("lock-input-gone", place(input), format!("{class} has no input {input} any more"))
        }
        ClassChange::InputChanged { input, before, after } => {
            ("lock-input-changed", place(input), format!("{input} of {class} took {before} and takes {after}"))
        }
        ClassChange::ValuesGone { input, values } => {
            let listed: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
            ("lock-value-gone", place(input), format!("{input} of {class} no longer takes {}", listed.join(", ")))
        }
        ClassChange::OutputsChanged { before, after } => {
            let message = format!("{class} gave {} and gives {}", list(before), list(after));
            ("lock-outputs-changed", path!["node", class, "outputs"], message)
        }
    }
}

fn list(types: &[String]) -> String {
    if types.is_empty() { "nothing".to_owned() } else { types.join(", ") }
}

impl Lock {
    /// What documents use that is not as it was locked. `text` is the text of the lock.
    pub fn drift(&self, text: &str, facts: &LockedFacts<'_>, now: &Surroundings<'_>) -> Vec<Drift> {
        compare(self, text, facts, now)
    }

    /// What of the hashes that are `known` now is not as it was locked. A model of which either
    /// hash is not known may be the same.
    pub fn changed_hashes<'a>(
        &self,
        section: HashSection,
        known: impl IntoIterator<Item = (&'a String, &'a LockedHash)>,
        text: &str,
    ) -> Vec<Drift> {
        let file = LOCK_FILE.into();
        let tree = toml::parse(text, &file).0;
        let (locked, key, what, kind) = match section {
            HashSection::Models => (&self.models, "models", "model", DriftKind::Surroundings),
            HashSection::Inputs => (&self.inputs, "inputs", "file", DriftKind::Workspace),
        };
        let differs = |(path, now): (&'a String, &'a LockedHash)| {
            let place = tree.as_ref().map(|tree| tree.span_of(&path![key, path]));
            let (code, message) = match locked.get(path) {
                None => ("not-locked", format!("documents use the {what} {path}, which is not in the lock")),
                Some(before) if before == now || LockedHash::Unknown == *before || LockedHash::Unknown == *now => {
                    return None;
                }
                Some(_) => ("lock-hash", format!("the {what} {path} is not what it was")),
            };
            let mut drift = Drift { kind, diagnostic: Diagnostic::warning(code, &file, place, message) };
            drift.hint();
            Some(drift)
        };
        known.into_iter().filter_map(differs).collect()
    }
}

/// Which hashes of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashSection {
    /// Of models.
    Models,
    /// Of input files.
    Inputs,
}
