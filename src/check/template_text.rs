//! The text of a template and its examples.

use serde_json::Value;

use super::{judge::Visit, stand_ins::StandIns};
use crate::{
    compile::{Fillable, Scope, Template, check_param},
    diagnostic::Diagnostic,
    ident::{IndexMap, did_you_mean},
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
    for (index, example) in template.examples.iter().enumerate() {
        check_example(visit, template, index, example, is_sound.then_some(&fillable));
    }
}

fn report_unused(visit: &mut Visit<'_>, template: &model::Template) {
    let Ok(parsed) = Template::parse(&template.text) else { return };
    let used: Vec<&String> = parsed.paths().iter().filter_map(|(path, _)| path.first()).collect();
    for name in template.params.keys().filter(|name| !used.contains(name)) {
        let span = visit.subject.tree.key_span_of(&path!["params", name]);
        let message = format!("the text does not insert `{name}`");
        visit.report.push(Diagnostic::warning("unused-parameter", visit.subject.file, span, message));
    }
}

fn check_example(
    visit: &mut Visit<'_>,
    template: &model::Template,
    index: usize,
    example: &ValueMap,
    text: Option<&Fillable>,
) {
    let base = path!["examples", index];
    let before = visit.report.count();
    let mut values = IndexMap::default();
    for (name, value) in example {
        let Some(param) = template.params.get(name) else {
            let near = did_you_mean(name, template.params.keys().map(String::as_str));
            let message = format!("the template has no parameter `{name}`");
            visit.report.error_at_key("unknown-parameter", &base.join(name), message).hint =
                near.map(|near| format!("did you mean `{near}`?"));
            continue;
        };
        match check_param(param, value) {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err(message) => drop(visit.report.error("bad-parameter", &base.join(name), message)),
        }
    }
    for (name, param) in &template.params {
        match &param.default {
            Some(default) => drop(values.entry(name.clone()).or_insert_with(|| default.clone())),
            None if param.required && !example.contains_key(name) => {
                let message = format!("the example does not give `{name}`, which is required");
                visit.report.error("missing-parameter", &base, message);
            }
            None => drop(values.entry(name.clone()).or_insert_with(|| Value::from(""))),
        }
    }
    let Some(text) = text.filter(|_| visit.report.count() == before) else { return };
    if let Err(error) = text.fill(&Given(&values)) {
        visit.report.error("bad-example", &base, format!("the example does not render: {error}"));
    }
}

struct Given<'a>(&'a ValueMap);

impl Scope for Given<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        let (name, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(name)?, |value, key| value.get(key)).cloned()
    }

    fn index(&self, _: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}
