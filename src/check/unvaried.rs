//! Keys of an A/B test that are the same in all of its variations, or in all of its blocks.

use super::judge::Visit;
use crate::{
    diagnostic::Diagnostic,
    files::Path,
    model::{AbTest, Body},
    path,
};

const CODE: &str = "unvaried-parameter";

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::AbTest(test) = &visit.subject.document.body else { return };
    for (name, key) in unvaried(test) {
        let message = format!("every variation says the same `{key}`, so that the test says nothing about it");
        warn(visit, &path!["variations", name, key], &message, &format!("give it to all: with.{key} = …"));
    }
    for (key, _) in test.blocks.iter().filter(|(_, values)| values.len() == 1) {
        let message = format!("the block `{key}` has one value, so that nothing varies");
        warn(visit, &path!["blocks", key], &message, "give it more values, or give the one to all: with");
    }
}

/// Keys with one value, each with the first variation that has it.
fn unvaried(test: &AbTest) -> Vec<(&str, &str)> {
    let Some((first, variation)) = test.variations.first() else { return Vec::new() };
    let same = |key: &str| test.variations.values().all(|other| other.get(key) == variation.get(key));
    if test.variations.len() < 2 {
        return Vec::new();
    }
    variation.keys().filter(|key| same(key)).map(|key| (first.as_str(), key.as_str())).collect()
}

fn warn(visit: &mut Visit<'_>, place: &Path, message: &str, hint: &str) {
    let span = visit.subject.tree.key_span_of(place);
    visit.report.push(Diagnostic::warning(CODE, visit.subject.file, span, message).with_hint(hint));
}
