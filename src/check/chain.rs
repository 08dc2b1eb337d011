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
    report_missing_models(visit);
}

/// Models that tasks use and that are not on this machine: the file is right, and cannot run here yet.
fn report_missing_models(visit: &mut Visit<'_>) {
    let Some(program) = &visit.program else { return };
    let models = visit.context.models;
    for (number, task) in program.tasks.iter().enumerate() {
        for name in task.models.iter().filter(|name| models.get(name).is_some_and(|model| !model.is_here)) {
            let key = ["model", "salient", "layer", "scorers"].into_iter().find(|key| task.places.contains_key(*key));
            let message = format!(
                "task `{}` uses the model \"{name}\", which is not on this machine",
                program.structure.tasks[number].name
            );
            visit.report.warning("absent-model", &program.place(number, key), message).hint =
                Some(format!("fetch it: comfywright models pull {name}"));
        }
    }
}
