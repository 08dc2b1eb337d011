//! Names that hide other names: what is inserted is not what a reader may think.

use super::judge::Visit;
use crate::{
    diagnostic::Diagnostic,
    files::Path,
    model::{AbTest, Body, Chain},
    path,
};

const CODE: &str = "shadowed-parameter";

/// Names that every item has.
const OF_ITEMS: [&str; 2] = ["attempt", "visits"];

pub(super) fn check(visit: &mut Visit<'_>) {
    match &visit.subject.document.body {
        Body::Chain(chain) => check_chain(visit, chain),
        Body::AbTest(test) => check_test(visit, test),
        _ => {}
    }
}

fn check_chain(visit: &mut Visit<'_>, chain: &Chain) {
    for name in chain.vars.keys().filter(|name| OF_ITEMS.contains(&name.as_str())) {
        warn(
            visit,
            &path!["vars", name],
            &format!("`{name}` hides the number of the item's own"),
            "choose another name",
        );
    }
    for (task, definition) in &chain.task {
        let keys = definition.foreach.iter().flat_map(|foreach| foreach.keys.keys());
        for key in keys {
            let place = path!["task", task, "foreach", key];
            if chain.vars.contains_key(key) {
                let message = format!("the key `{key}` of `{task}` hides the variable of the same name");
                warn(visit, &place, &message, "choose another name for one of them");
            } else if OF_ITEMS.contains(&key.as_str()) {
                let message = format!("the key `{key}` of `{task}` hides the number of the item's own");
                warn(visit, &place, &message, "choose another name");
            }
        }
    }
}

fn check_test(visit: &mut Visit<'_>, test: &AbTest) {
    for key in test.with.keys() {
        let varied = test.variations.iter().find(|(_, variation)| variation.contains_key(key)).map(|(name, _)| name);
        let by = match varied {
            Some(variation) => format!("the variation `{variation}`"),
            None if test.blocks.contains_key(key) => "a block".to_owned(),
            None => continue,
        };
        let message = format!("`{key}` is given by {by}, too, which hides this value");
        warn(visit, &path!["with", key], &message, "remove it here, or from the variations and blocks");
    }
}

fn warn(visit: &mut Visit<'_>, place: &Path, message: &str, hint: &str) {
    let span = visit.subject.tree.key_span_of(place);
    visit.report.push(Diagnostic::warning(CODE, visit.subject.file, span, message).with_hint(hint));
}
