//! What documents need of a server.

use std::{collections::BTreeMap, sync::Arc};

use rayon::prelude::*;

use super::super::{Session, selection::Selection};
use crate::{
    check::{Subject, check_with_needs},
    compile::{Context, Library},
    graph::{GraphNeeds, NodeSet, own_classes},
    model::{Body, Kind, Loaded},
};

/// A document that needs a server.
#[derive(Clone, Debug)]
pub(super) struct Needy {
    /// Its path.
    pub(super) document: String,
    /// What its graphs need.
    pub(super) needs: GraphNeeds,
}

/// Those documents of `selection` that need a server, by path, judged by the classes `nodes`.
pub(super) fn needs(session: &Session, selection: &Selection, nodes: &NodeSet) -> Vec<Needy> {
    let mut all: BTreeMap<Arc<str>, (GraphNeeds, Vec<Arc<str>>)> = selection
        .documents
        .par_iter()
        .map(|loaded| (loaded.path.clone(), of_document(session, loaded, nodes)))
        .collect();
    // What a preset needs, its users need: their own graphs are not known while a class is missing.
    let wanted: Vec<Arc<str>> = all.values().flat_map(|(_, presets)| presets.iter().cloned()).collect();
    let others: Vec<_> = wanted.iter().filter(|path| !all.contains_key(*path)).cloned().collect();
    for path in others {
        if let Some(loaded) = session.workspace.document(&path) {
            all.insert(path, of_document(session, &loaded, nodes));
        }
    }
    let is_selected = |path: &str| selection.documents.iter().any(|d| &*d.path == path);
    let users = all.iter().filter(|(path, _)| is_selected(path));
    users
        .map(|(path, (own, presets))| {
            let mut needs = own.clone();
            for (theirs, _) in presets.iter().filter_map(|preset| all.get(preset)) {
                needs.extend(theirs);
            }
            needs.classes.retain(|class| !own_classes().contains(class));
            Needy { document: path.to_string(), needs }
        })
        .filter(|needy| !needy.needs.classes.is_empty())
        .collect()
}

/// What the documents of `selection` need of servers.
pub(in crate::app) fn documents_needs(session: &Session, selection: &Selection) -> Vec<GraphNeeds> {
    needs(session, selection, &session.nodes).into_iter().map(|needy| needy.needs).collect()
}

/// What one document's own graphs need, and the presets whose graphs are not among them.
fn of_document(session: &Session, loaded: &Loaded, nodes: &NodeSet) -> (GraphNeeds, Vec<Arc<str>>) {
    let Some(subject) = Subject::of(loaded) else { return Default::default() };
    let context = Context { nodes, ..session.context() };
    let outcome = check_with_needs(subject, context);
    let (mut needs, mut presets) = (outcome.needs, Vec::new());
    if let Some(program) = &outcome.program {
        needs.extend(&program.needs(context));
        let unknown = program.tasks.iter().filter(|task| task.sample.is_none());
        presets.extend(unknown.filter_map(|task| task.preset.as_ref()).map(|preset| preset.path.clone()));
    }
    if let Body::AbTest(test) = &subject.document.body {
        let reference = test.preset.as_ref().or(session.config.defaults.preset.as_ref());
        let preset = reference.and_then(|reference| session.resolve(reference, Kind::Preset).ok());
        presets.extend(preset.map(|preset| preset.path));
    }
    (needs, presets)
}
