//! The text of a template and its examples.

use serde_json::Value;

use super::{judge::Visit, stand_ins::StandIns};
use crate::{
    compile::{Fillable, RenderError, SEED, Template, TemplateText},
    diagnostic::Diagnostic,
    model::{self, Body, ValueMap},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Template(template) = &visit.subject.document.body else { return };
    let text = path!["text"];
    let values = StandIns::new(&template.params);
    let before = visit.report.count();
    let fillable = Fillable::parse(&Value::from(template.text.as_str()), &text, &mut visit.report);
    fillable.check(&values, &text, &mut visit.report);
    let is_sound = visit.report.count() == before;
    report_unused(visit, template);
    let ready = TemplateText::new(template, visit.context.world);
    let Ok(ready) = ready.map_err(|error| {
        let span =
            error.span.map_or_else(|| visit.subject.tree.span_of(&text), |span| visit.report.span_within(&text, span));
        let found = Diagnostic::error(error.code, visit.subject.file, span, error.message);
        visit.report.push(Diagnostic { hint: error.hint, ..found });
    }) else {
        return;
    };
    for (index, example) in template.examples.iter().enumerate() {
        check_example(visit, &ready, index, example, is_sound);
    }
}

fn report_unused(visit: &mut Visit<'_>, template: &model::Template) {
    let Ok(parsed) = Template::parse(&template.text) else { return };
    let used: Vec<&String> = parsed.paths().iter().filter_map(|(path, _)| path.first()).collect();
    // What is drawn from need not be inserted.
    let is_used = |name: &String| used.contains(&name) || (name == SEED && template.choices);
    for name in template.params.keys().filter(|name| !is_used(name)) {
        let span = visit.subject.tree.key_span_of(&path!["params", name]);
        let message = format!("the text does not insert `{name}`");
        visit.report.push(Diagnostic::warning("unused-parameter", visit.subject.file, span, message));
    }
}

/// Renders an example; one that draws and says no seed is drawn from 0.
fn check_example(visit: &mut Visit<'_>, template: &TemplateText, index: usize, example: &ValueMap, is_sound: bool) {
    let mut given = example.clone();
    if template.draws() && !template.params().contains_key(SEED) {
        given.entry(SEED.to_owned()).or_insert_with(|| Value::from(0));
    }
    // What is wrong with the text has been told.
    let faults = template.faults(&given).into_iter().filter(|fault| is_sound || fault.code != "bad-interpolation");
    faults.for_each(|fault| report_example(visit, index, &fault));
}

fn report_example(visit: &mut Visit<'_>, index: usize, error: &RenderError) {
    let base = path!["examples", index];
    let diagnostic = match (error.code, &error.variable) {
        ("unknown-parameter", Some(name)) => visit.report.error_at_key(error.code, &base.join(name), &error.message),
        ("missing-parameter", _) | (_, None) => {
            let code = if error.code == "bad-interpolation" { "bad-example" } else { error.code };
            visit.report.error(code, &base, format!("the example does not render: {error}"))
        }
        (_, Some(name)) => visit.report.error(error.code, &base.join(name), &error.message),
    };
    diagnostic.hint.clone_from(&error.hint);
}
