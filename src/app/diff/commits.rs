//! Two commits, or a commit and the folder as it is: all documents of both.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    super::{AppError, Session, run::existing_ledger, survey::Servers},
    pairs::{How, Side, compare as compare_document},
};
use crate::{
    diff::{DocumentReport, DocumentState, Report, SnapshotReport, classes},
    files::{Format, World},
    git::{GitError, GitHistory, GitTree, Range, Revision},
    graph::Snapshot,
    model::{CONFIG_FILE, DOCUMENTS_FOLDER, LOCK_FILE, Loaded},
};

/// Compares the documents below `paths` at both ends of `range`.
pub(super) fn compare(session: &Session, range: &str, paths: &[PathBuf]) -> Result<Report, AppError> {
    let range = Range::parse(&session.root, range).map_err(|e| failed(&e))?;
    let old_tree = Arc::new(GitTree::open(&session.root, &range.before).map_err(|e| failed(&e))?);
    let new_tree = range.after.as_ref().map(|commit| GitTree::open(&session.root, commit).map(Arc::new));
    let new_tree = new_tree.transpose().map_err(|e| failed(&e))?;
    let mut before = at(session, &old_tree, &range.before);
    let mut after = match (&range.after, &new_tree) {
        (Some(commit), Some(tree)) => Some(at(session, tree, commit)),
        _ => None,
    };
    // What is known of servers on one side only is what both are judged by.
    let snapshots = snapshots(&before, after.as_ref().unwrap_or(session));
    if before.snapshots.is_empty() {
        before.judge_as(after.as_ref().unwrap_or(session));
    } else if let Some(after) = after.as_mut().filter(|after| after.snapshots.is_empty()) {
        after.judge_as(&before);
    }
    let after = after.as_ref().unwrap_or(session);
    let ledger = existing_ledger(session)?;
    // Documents that have not changed may do something else when something that they use has.
    let changed = new_tree.as_ref().map(|tree| old_tree.changed(tree));
    let may_be_affected = changed.as_ref().is_none_or(|paths| paths.iter().any(|path| may_matter(path)));
    let how = How { ledger: ledger.as_deref(), servers: Servers::AreLeftAlone, may_be_affected };
    let wanted = Wanted::new(session, paths)?;
    let pairs: Vec<_> = pairs(before.workspace.documents(), after.workspace.documents());
    let compared: Vec<DocumentReport> = pairs
        .into_par_iter()
        .filter(|(old, new)| [old, new].into_iter().flatten().any(|loaded| wanted.contains(&loaded.path)))
        .filter_map(|(old, new)| {
            let (before, after) = (Side { session: &before, loaded: old }, Side { session: after, loaded: new });
            compare_document(before, after, how)
        })
        .filter(|report| !report.is_empty())
        .collect();
    let (unknown, documents) = compared.into_iter().partition(|report| report.state == DocumentState::Same);
    Ok(Report {
        before: range.before.name.clone(),
        after: range.after.as_ref().map_or_else(|| "the folder as it is".to_owned(), |commit| commit.name.clone()),
        documents,
        snapshots: if paths.is_empty() { snapshots } else { Vec::new() },
        notes: not_compared(unknown),
        no_ledger: ledger.is_none(),
        ..Report::default()
    })
}

/// Documents that say the same, and of which nobody knows whether they do the same: one line for each reason.
fn not_compared(reports: Vec<DocumentReport>) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for report in reports {
        let reason = report.notes.first().map(|note| note.split_once(": ").map_or(note.as_str(), |(_, reason)| reason));
        reasons.entry(reason.unwrap_or_default().to_owned()).or_default().push(report.path);
    }
    let told = reasons
        .into_iter()
        .map(|(reason, paths)| format!("whether these do the same is not known: {} ({reason})", paths.join(", ")));
    told.collect()
}

fn failed(error: &GitError) -> AppError {
    let message = format!("failed to {error}");
    let error_of = |message| match error {
        GitError::NoRepository { .. } | GitError::Broken { .. } => AppError::environment(message),
        GitError::UnknownRevision { .. } | GitError::Unrelated { .. } => AppError::usage(message),
    };
    error.hint().into_iter().fold(error_of(message), AppError::with_hint)
}

fn at(session: &Session, tree: &Arc<GitTree>, commit: &Revision) -> Session {
    let world: Arc<dyn World> = tree.clone();
    session.with_files(world, GitHistory::of(&session.root, commit))
}

/// Whether the work of a document may depend on the file at `path`.
fn may_matter(path: &str) -> bool {
    let is_text =
        path.rsplit_once('.').is_some_and(|(_, ending)| ["md", "txt", "rst", "yml", "yaml"].contains(&ending));
    path != LOCK_FILE && (path == CONFIG_FILE || path.starts_with(DOCUMENTS_FOLDER) || !is_text)
}

/// The files that somebody asked for; they may be gone on one side.
struct Wanted(Vec<String>);

impl Wanted {
    fn new(session: &Session, paths: &[PathBuf]) -> Result<Self, AppError> {
        let inside = |path: &PathBuf| {
            let written = path.to_string_lossy().replace('\\', "/");
            let written = written.trim_start_matches("./").trim_end_matches('/').to_owned();
            let outside = || AppError::usage(format!("{} is not in the workspace", path.display()));
            match session.inside(path) {
                Some(inside) => Ok(inside),
                None if path.is_absolute() || written.starts_with("..") => Err(outside()),
                None => Ok(written),
            }
        };
        paths.iter().map(inside).collect::<Result<_, _>>().map(Self)
    }

    fn contains(&self, path: &str) -> bool {
        let is_below = |folder: &String| {
            folder.is_empty()
                || path == folder
                || path.strip_prefix(folder.as_str()).is_some_and(|r| r.starts_with('/'))
        };
        self.0.is_empty() || self.0.iter().any(is_below)
    }
}

type Pair<'a> = (Option<&'a Arc<Loaded>>, Option<&'a Arc<Loaded>>);

/// The documents of both sides: those of one path, then those in the other format, then those of one name, then
/// those that say the same.
fn pairs<'a>(before: &'a [Arc<Loaded>], after: &'a [Arc<Loaded>]) -> Vec<Pair<'a>> {
    let mut old: Vec<&Arc<Loaded>> = before.iter().collect();
    let mut pairs: Vec<Pair<'a>> = after.iter().map(|new| (None, Some(new))).collect();
    let is_path = |old: &Loaded, new: &Loaded| old.path == new.path;
    let is_file = |old: &Loaded, new: &Loaded| stem(&old.path) == stem(&new.path);
    let is_name = |old: &Loaded, new: &Loaded| {
        let name = |loaded: &Loaded| loaded.identity.as_ref().map(|i| (i.kind, i.name.clone()));
        name(old).is_some() && name(old) == name(new)
    };
    let says_the_same = |old: &Loaded, new: &Loaded| meaning(old).is_some() && meaning(old) == meaning(new);
    let rules: [&dyn Fn(&Loaded, &Loaded) -> bool; 4] = [&is_path, &is_file, &is_name, &says_the_same];
    for rule in rules {
        for (partner, new) in &mut pairs {
            let Some(new) = new.filter(|_| partner.is_none()) else { continue };
            if let Some(at) = old.iter().position(|old| rule(old, new)) {
                *partner = Some(old.remove(at));
            }
        }
    }
    pairs.extend(old.into_iter().map(|gone| (Some(gone), None)));
    pairs.sort_by_key(|(old, new)| new.or(*old).map(|loaded| loaded.path.clone()));
    pairs
}

/// A path without the ending of its format.
fn stem(path: &str) -> &str {
    path.rsplit_once('.').filter(|_| Format::of_path(path).is_some()).map_or(path, |(stem, _)| stem)
}

/// What a document says, whatever it is called.
fn meaning(loaded: &Loaded) -> Option<serde_json::Value> {
    let mut json = loaded.parsed.value.as_ref()?.to_json();
    for key in ["name", "title", "version", "description"] {
        json.as_object_mut()?.shift_remove(key);
    }
    Some(json)
}

fn snapshots(before: &Session, after: &Session) -> Vec<SnapshotReport> {
    let paths: BTreeSet<&str> =
        [before, after].iter().flat_map(|side| &side.snapshots).map(|kept| kept.path.as_str()).collect();
    let nothing = Snapshot::default();
    let at = |session: &Session, path: &str| {
        session.snapshots.iter().find(|kept| kept.path == path).map(|kept| kept.snapshot.clone())
    };
    let reports = paths.into_iter().map(|path| {
        let (old, new) = (at(before, path), at(after, path));
        let difference = match (&old, &new) {
            // All of it is new or gone; its classes are no news.
            (Some(old), Some(new)) => classes(old, new),
            (None, Some(new)) => crate::diff::ClassDifference {
                classes_added: vec![format!("{} classes", new.nodes.len())],
                ..classes(&nothing, &Snapshot { nodes: crate::graph::NodeSet::default(), ..Snapshot::clone(new) })
            },
            _ => crate::diff::ClassDifference {
                classes_removed: vec![format!("{} classes", old.map_or(0, |old| old.nodes.len()))],
                ..crate::diff::ClassDifference::default()
            },
        };
        SnapshotReport { path: path.to_owned(), difference }
    });
    reports.filter(|report| !report.difference.is_empty()).collect()
}
