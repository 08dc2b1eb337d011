//! A test document from a preset and values.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::super::{AppError, Session};
use crate::{
    check::{self, Subject},
    compile::{Template, to_text},
    diagnostic::{Diagnostic, Severity},
    files::{Format, Node, toml},
    graph::unescape_literal,
    ident::{is_document_name, is_identifier},
    model::{Better, DOCUMENTS_FOLDER, DecisionPlan, Kind, MAX_DOCUMENT_BYTES, Origin, ValueMap, loaded, shape_of},
};

/// Most variations that values are multiplied to.
const MOST_VARIATIONS: usize = 20;

/// What a test is to be.
#[derive(Clone, Debug, Default)]
pub struct TestRequest {
    /// The name of the document.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// The preset; without it, the default one of the workspace.
    pub preset: Option<String>,
    /// The prompt.
    pub base_prompt: String,
    /// The variations in order.
    pub variations: Vec<(String, ValueMap)>,
    /// Most samples for each variation.
    pub samples: u32,
    /// The metric that decides.
    pub metric: Option<String>,
    /// The rule that decides.
    pub plan: Option<DecisionPlan>,
}

/// A test that is not written yet.
#[derive(Clone, Debug)]
pub struct TestDraft {
    /// Where it belongs, relative to the workspace.
    pub path: String,
    /// Its text.
    pub text: String,
    /// What is to be said about it; errors among them when it is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

impl TestDraft {
    /// Whether something is wrong with it.
    pub fn is_wrong(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// The text of the test that `request` describes, judged as `check` does.
pub fn draft_test(session: &Session, request: &TestRequest) -> Result<TestDraft, AppError> {
    if !is_document_name(&request.name) {
        return Err(AppError::usage(format!("`{}` is no name for a document", request.name))
            .with_hint("lower case letters, digits and hyphens"));
    }
    let document = document(request)?;
    let tree = Node::from_json(&document)
        .ok_or_else(|| AppError::usage("a value cannot stand in a document: null, or a number beyond 64 bits"))?;
    let text = toml::print(&tree, shape_of(Kind::AbTest));
    if text.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(AppError::usage(format!("the test is longer than {} MiB", MAX_DOCUMENT_BYTES >> 20)));
    }
    let path = format!("{DOCUMENTS_FOLDER}/{}.toml", request.name);
    let file: Arc<str> = Arc::from(path.as_str());
    let read = loaded(file, Format::Toml, Arc::from(text.as_str()), Origin::Workspace);
    let mut diagnostics = read.parsed.diagnostics.clone();
    if let Some(subject) = Subject::of(&read) {
        diagnostics.extend(check::check(subject, session.context()).diagnostics);
    }
    Ok(TestDraft { path, text, diagnostics })
}

fn document(request: &TestRequest) -> Result<Value, AppError> {
    let mut variations = Map::new();
    for (name, values) in &request.variations {
        if !is_identifier(name) {
            return Err(AppError::usage(format!(
                "`{name}` is no name for a variation: letters, digits and underscores"
            ))
            .with_hint(format!("such as `{}`", identifier(name))));
        }
        if variations.insert(name.clone(), json!(values)).is_some() {
            return Err(AppError::usage(format!("two variations are called `{name}`")));
        }
    }
    let mut document = json!({ "kind": "ab_test", "format": 1, "name": request.name, "version": "1.0.0" });
    for (key, value) in [("title", &request.title), ("preset", &request.preset)] {
        if let Some(value) = value {
            document[key] = Value::from(value.as_str());
        }
    }
    document["base_prompt"] = Value::from(request.base_prompt.as_str());
    document["samples_per_variation"] = Value::from(request.samples);
    document["seeds"] = json!({ "from": 1 });
    document["variations"] = variations.into();
    let mut decision = Map::new();
    let metric = request.metric.as_deref().unwrap_or("quality");
    decision.insert("metric".to_owned(), Value::from(metric));
    if check::less_is_better(metric) {
        decision.insert("better".to_owned(), json!(Better::Lower));
    }
    decision.insert("plan".to_owned(), json!(request.plan.unwrap_or_default()));
    decision.insert("alpha".to_owned(), json!(0.05));
    decision.insert("equivalence".to_owned(), json!(0.02));
    document["decision"] = decision.into();
    Ok(document)
}

/// A name for a variation that looks like `text`.
pub fn identifier(text: &str) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let joined: Vec<String> =
        text.chars().map(letters).collect::<String>().split('_').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let name = joined.join("_");
    if is_identifier(&name) { name } else { format!("v_{name}") }
}

/// A variation for each combination of `values`, named after them; keys in their order.
pub fn combinations(values: &[(String, Vec<Value>)]) -> Result<Vec<(String, ValueMap)>, AppError> {
    let count = values.iter().map(|(_, values)| values.len()).product::<usize>();
    if count > MOST_VARIATIONS {
        return Err(AppError::usage(format!("these values make {count} variations, more than {MOST_VARIATIONS}"))
            .with_hint("vary less at once: every further variation needs more samples of all"));
    }
    let mut all = vec![ValueMap::default()];
    for (key, values) in values {
        let with = |variation: &ValueMap, value: &Value| {
            let mut variation = variation.clone();
            variation.insert(key.clone(), value.clone());
            variation
        };
        all = all.iter().flat_map(|variation| values.iter().map(|v| with(variation, v)).collect::<Vec<_>>()).collect();
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    let named = |variation: ValueMap| {
        let texts: Vec<String> = variation
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) => text.clone(),
                other => format!("{key} {}", to_text(other).unwrap_or_default()),
            })
            .collect();
        let base = identifier(&texts.join(" "));
        let further = (2..).map(|number| format!("{base}_{number}"));
        let mut candidates = std::iter::once(base.clone()).chain(further);
        let name = candidates.find(|name| !names.contains(name)).unwrap_or(base);
        names.insert(name.clone());
        (name, variation)
    };
    Ok(all.into_iter().map(named).collect())
}

/// Names that `prompt` inserts.
pub fn inserted(prompt: &str) -> Vec<String> {
    let template = Template::parse(unescape_literal(prompt)).ok();
    let names = template.iter().flat_map(Template::paths).filter_map(|(path, _)| path.first().cloned());
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variations_are_named_after_their_values() {
        let values = |texts: &[&str]| texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
        let named = |all: &[(String, Vec<Value>)]| -> Vec<String> {
            combinations(all).unwrap().into_iter().map(|(name, _)| name).collect()
        };
        let light = ("lighting".to_owned(), values(&["soft", "Hard Light", "hard-light"]));
        assert_eq!(named(std::slice::from_ref(&light)), ["soft", "hard_light", "hard_light_2"]);
        let steps = ("steps".to_owned(), vec![json!(20), json!(30)]);
        assert_eq!(named(std::slice::from_ref(&steps)), ["steps_20", "steps_30"]);
        assert_eq!(named(&[light, steps])[..2], ["soft_steps_20", "soft_steps_30"]);
        assert!(combinations(&[("x".to_owned(), vec![json!(1); 21])]).is_err());
        assert_eq!((identifier("7 up!"), identifier("…")), ("v_7_up".to_owned(), "v_".to_owned()));
    }
}
