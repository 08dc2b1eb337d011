//! The chain made ready: everything that compiling finds.

use super::judge::Visit;
use crate::{
    compile::{Report, compile},
    diagnostic::Severity,
    model::Body,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let subject = visit.subject;
    let Body::Chain(chain) = &subject.document.body else { return };
    let mut report = Report::new(subject.file, subject.text, subject.tree);
    visit.program = compile(subject.document, chain, visit.context, &mut report);
    for mut found in report.finish() {
        if found.code == "unknown-class" && !visit.knows_all_classes {
            (found.code, found.severity) = ("not-examined", Severity::Warning);
            found.message = format!("not examined: {}", found.message);
        }
        visit.report.push(found);
    }
}
