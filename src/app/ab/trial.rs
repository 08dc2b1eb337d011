//! Which items of a plan are which samples of a test, and that each is a picture of its own.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{
    super::AppError,
    analyze::{no_plan, understood},
};
use crate::{
    analysis::TestTerms,
    content_hash::ContentHash,
    diagnostic::Diagnostic,
    model::{Body, Document, Loaded},
    path,
    plan::{ItemIx, ItemResult, Plan, Preparation, Trial, Upstream, Visit},
};

/// What is fixed of `document` before its first sample, when it is a test.
pub(in crate::app) fn terms_of(document: &Document) -> Option<TestTerms> {
    match &document.body {
        Body::AbTest(test) => Some(TestTerms::of(&document.header, test)),
        _ => None,
    }
}

/// How the items of `plan` are samples: a task for each variation, whose items are its blocks in order.
pub(in crate::app) fn trial_of(loaded: &Loaded, terms: &TestTerms, plan: &Plan) -> Result<Trial, AppError> {
    let tree = understood(loaded)?.tree;
    let rules = terms.plan().map_err(|error| no_plan(loaded, tree, error))?;
    let of_variation = |name: &String| plan.tasks.iter().find(|task| task.name == *name).map(|task| task.items.clone());
    let items: Vec<_> = terms.variations.iter().filter_map(of_variation).collect();
    let block = |number: u32| items.iter().map(|items| ItemIx(items.start + number)).collect();
    let blocks = (0..terms.samples).map(block).collect();
    let (metric, scale) = (terms.decision.metric.clone(), terms.scale());
    Ok(Trial { metric, asks_people: terms.asks_people(), scale, rules, blocks })
}

/// Samples have no parents.
pub(super) struct NoParents;

impl Upstream for NoParents {
    fn result(&self, _item: ItemIx) -> Option<std::sync::Arc<ItemResult>> {
        None
    }
}

/// Refuses a test of which two samples would be the same picture: one would be taken for two.
pub(in crate::app) fn refuse_same_samples(loaded: &Loaded, preparation: &Preparation) -> Result<(), AppError> {
    let Some(trial) = &preparation.plan().trial else { return Ok(()) };
    let tree = understood(loaded)?.tree;
    let visit = Visit { attempt: 1, visits: 1, ..Visit::default() };
    let all: Vec<(usize, usize, ItemIx)> = trial
        .blocks
        .iter()
        .enumerate()
        .flat_map(|(block, items)| items.iter().enumerate().map(move |(variation, item)| (block, variation, *item)))
        .collect();
    // What cannot be made ready is told when its time comes.
    let fingerprints: Vec<Option<ContentHash>> = all
        .par_iter()
        .map(|(.., item)| Some(preparation.prepare(*item, &visit, &NoParents).ok()?.fingerprint))
        .collect();
    let mut seen: HashMap<ContentHash, (usize, usize, ItemIx)> = HashMap::new();
    for (sample, fingerprint) in all.into_iter().zip(fingerprints) {
        let Some(first) = fingerprint.and_then(|fingerprint| seen.insert(fingerprint, sample)) else { continue };
        let (one, other) = (preparation.address(first.2), preparation.address(sample.2));
        let message = format!("`{one}` and `{other}` are the same picture");
        let found = if first.1 == sample.1 {
            let place = if tree.get(&path!["seeds"]).is_some() { path!["seeds"] } else { path!["preset"] };
            let hint = "a sample is taken once: let the preset's seed reach a node, or let [blocks] vary something";
            Diagnostic::error("same-samples", &loaded.path, tree.key_span_of(&place), message).with_hint(hint)
        } else {
            let hint = "let what differs between them reach a node of the preset";
            let place = tree.key_span_of(&path!["variations"]);
            Diagnostic::error("same-samples", &loaded.path, place, message).with_hint(hint)
        };
        return Err(AppError::Wrong(vec![found]));
    }
    Ok(())
}
