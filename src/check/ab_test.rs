//! Variations of a test: what differs between them goes into the prompt or to the preset.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::judge::Visit;
use crate::{
    compile::{Referred, SEED, Scope, TEMPLATE, Template, Templates, Told, check_param},
    content_hash::canonical_json,
    files::Path,
    graph::unescape_literal,
    ident::did_you_mean,
    model::{AbTest, Body, Kind, PREFERENCE, Param, Preset, RATING, TAKEN, ValueMap, is_measured},
    path, vision,
};

/// The metric that a model gives.
const UNSAFE: &str = "nsfw";

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::AbTest(test) = &visit.subject.document.body else { return };
    if test.variations.len() < 2 {
        let message = "a test compares at least 2 variations";
        visit.report.error_at_key("too-few-variations", &path!["variations"], message);
    }
    check_metric(visit, test);
    let used = check_words(visit, test);
    check_blocks(visit, test);
    check_same_keys(visit, test);
    let Some(preset) = resolve(visit, test) else { return };
    let Body::Preset(preset) = &preset.document.body else { return };
    let prompt = prompt_param(visit, test, preset);
    if !preset.params.values().any(|p| p.role.as_deref() == Some("seed")) {
        let place = preset_place(test);
        visit.report.error_at_key("missing-role", &place, "the preset has no parameter with the role \"seed\"").hint =
            Some("give its seed the role: role = \"seed\"".to_owned());
    }
    check_params(visit, test, preset, prompt.as_deref(), &used);
}

fn check_metric(visit: &mut Visit<'_>, test: &AbTest) {
    let (path, decision) = (path!["decision", "metric"], &test.decision);
    let name = decision.metric.as_str();
    if visit.subject.tree.get(&path).is_some() && is_measured(name) && !visit.context.metrics.contains(name) {
        let others = visit.context.metrics.iter().map(String::as_str).chain(TAKEN).chain([RATING, PREFERENCE]);
        let near = did_you_mean(name, others);
        let message = format!("nothing measures `{name}`");
        visit.report.error("unknown-metric", &path, message).hint = near.map(|near| format!("did you mean `{near}`?"));
    }
    let known = vision::KNOWN.iter().find(|known| known.name == name);
    if decision.range.is_none() && (TAKEN.contains(&name) || known.is_some_and(|known| known.range != (0.0, 1.0))) {
        let what = known.map_or("what every sample is measured by", |known| known.description);
        let message = format!("`{name}` is no score from 0 to 1: it is {what}");
        visit.report.error("unfit-metric", &path, message).hint =
            Some("say which values make a difference: range = [smallest, largest]".to_owned());
    }
    let config = visit.context.config;
    let has_price = config.server.values().any(|s| s.cost_per_hour > 0.0) || config.prices.values().any(|p| *p > 0.0);
    if name == "cost" && !has_price {
        let message = "nothing here has a price, so every sample would cost the same";
        visit.report.error("unfit-metric", &path, message).hint =
            Some("say cost_per_hour of a server, or [prices] of node classes, in comfywright.toml".to_owned());
    }
    if let Some([low, high]) = decision.range.filter(|[low, high]| low >= high) {
        let message = format!("a range from {low} to {high} is empty");
        visit.report.error("bad-range", &path!["decision", "range"], message).hint =
            Some("the smaller number first".to_owned());
    }
    let is_said = visit.subject.tree.get(&path!["decision", "better"]).is_some();
    if less_is_better(name) && !is_said {
        let message = format!("of `{name}` less is better, and the test does not say so");
        visit.report.error("unsaid-direction", &path, message).hint =
            Some("write better = \"lower\" (or \"higher\", where that is meant)".to_owned());
    }
}

/// Whether less of `metric` is better, as far as it is known.
pub fn less_is_better(metric: &str) -> bool {
    let is_it = |known: &vision::MetricInfo| known.name == metric && known.less_is_better;
    vision::KNOWN.iter().any(is_it) || TAKEN.contains(&metric) || metric == UNSAFE
}

/// The prompt is written, or a template makes it. Gives the names that go into it.
fn check_words(visit: &mut Visit<'_>, test: &AbTest) -> BTreeSet<String> {
    let Some(reference) = &test.template else {
        if test.base_prompt.is_empty() {
            visit.report.error_at_key("missing-key", &path!["kind"], "the test says no prompt").hint =
                Some("write base_prompt = \"…\", or template = \"name\"".to_owned());
        }
        return check_prompt(visit, test);
    };
    if !test.base_prompt.is_empty() {
        let message = "the template makes the prompt already";
        visit.report.error_at_key("written-twice", &path!["base_prompt"], message).hint =
            Some("remove it, or `template`".to_owned());
    }
    let place = path!["template"];
    let mut templates = Templates::default();
    let used = json!({ TEMPLATE: reference });
    templates.find(&used, Told::At(&place), visit.context, &mut visit.report);
    let Some(template) = templates.get(reference) else {
        return test.variations.values().chain([&first_block(test)]).flat_map(|keys| keys.keys().cloned()).collect();
    };
    let block = first_block(test);
    for (name, variation) in &test.variations {
        let all = test.with.iter().chain(variation).chain(&block);
        let mut given: ValueMap = all.map(|(key, value)| (key.clone(), value.clone())).collect();
        given.retain(|key, _| template.params().contains_key(key));
        if template.draws() {
            given.entry(SEED.to_owned()).or_insert_with(|| test.seeds.from.into());
        }
        for fault in template.faults(&given) {
            let key = fault.variable.filter(|key| variation.contains_key(key));
            let at = key.map_or_else(|| path!["variations", name], |key| path!["variations", name, &key]);
            visit.report.error(fault.code, &at, format!("template \"{reference}\": {}", fault.message)).hint =
                fault.hint;
        }
    }
    template.params().keys().cloned().collect()
}

/// The first value of each block.
fn first_block(test: &AbTest) -> ValueMap {
    test.blocks.iter().filter_map(|(key, values)| Some((key.clone(), values.first()?.clone()))).collect()
}

/// Reports places of the prompt that nothing fills; gives the names that it inserts.
fn check_prompt(visit: &mut Visit<'_>, test: &AbTest) -> BTreeSet<String> {
    let place = path!["base_prompt"];
    let template = match Template::parse(unescape_literal(&test.base_prompt)) {
        Ok(template) => template,
        Err(error) => {
            visit.report.interpolation(&place, &error);
            return BTreeSet::new();
        }
    };
    let keys: BTreeSet<&String> = test.variations.values().flat_map(|v| v.keys()).chain(test.blocks.keys()).collect();
    let mut used = BTreeSet::new();
    for (path, span) in template.paths() {
        let Some(name) = path.first() else { continue };
        used.insert(name.clone());
        if !keys.contains(name) {
            let near = did_you_mean(name, keys.iter().map(|k| k.as_str()));
            let message = format!("no variation and no block has a key `{name}`");
            visit.report.error_within("bad-interpolation", &place, span, message).hint =
                near.map(|near| format!("did you mean `{near}`?"));
        }
    }
    used
}

fn check_blocks(visit: &mut Visit<'_>, test: &AbTest) {
    for (name, values) in &test.blocks {
        let path = path!["blocks", name];
        if values.is_empty() {
            visit.report.error("no-items", &path, "a block without values leaves nothing to test");
        }
        if test.variations.values().any(|v| v.contains_key(name)) {
            let message = format!("`{name}` is a key of the variations, too");
            visit.report.error_at_key("duplicate-key", &path, message).hint =
                Some("a block varies equally for all variations; choose another name".to_owned());
        }
    }
}

/// A key that only some variations say would leave the others to the preset's default.
fn check_same_keys(visit: &mut Visit<'_>, test: &AbTest) {
    let all: BTreeSet<&String> = test.variations.values().flat_map(|v| v.keys()).collect();
    for (name, variation) in &test.variations {
        let missing: Vec<String> =
            all.iter().filter(|key| !variation.contains_key(**key)).map(|key| format!("`{key}`")).collect();
        if !missing.is_empty() {
            let message = format!("the variation `{name}` does not say {}, which others do", missing.join(", "));
            visit.report.error_at_key("uneven-variations", &path!["variations", name], message).hint =
                Some("every variation says every key, so that what differs is known".to_owned());
        }
    }
    let mut seen: Vec<(&String, String)> = Vec::new();
    for (name, variation) in &test.variations {
        let rendered = rendered(test, variation);
        if let Some((first, _)) = seen.iter().find(|(_, other)| *other == rendered) {
            let message = format!("the variations `{first}` and `{name}` are the same");
            visit.report.error_at_key("same-variation", &path!["variations", name], message);
        }
        seen.push((name, rendered));
    }
}

/// What a variation comes to: its prompt, and the parameters that do not stand in it, with numbers as they count.
fn rendered(test: &AbTest, variation: &ValueMap) -> String {
    let template = Template::parse(unescape_literal(&test.base_prompt)).ok();
    let in_prompt = |key: &String| {
        let paths = template.as_ref().map(Template::paths).unwrap_or_default();
        paths.iter().any(|(path, _)| path.first() == Some(key))
    };
    // What blocks insert is the same for all.
    let prompt = template.as_ref().and_then(|template| template.fill(&Keys(variation)).ok());
    let as_number = |value: &Value| value.as_f64().map_or_else(|| value.clone(), |number| json!(number));
    let rest = variation.iter().filter(|(key, _)| prompt.is_none() || !in_prompt(key));
    let rest: BTreeMap<&String, Value> = rest.map(|(key, value)| (key, as_number(value))).collect();
    canonical_json(&json!([prompt, rest]))
}

/// The keys of a variation; whatever else a prompt inserts stands for itself.
struct Keys<'a>(&'a ValueMap);

impl Scope for Keys<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        let value = path.first().and_then(|name| self.0.get(name)).cloned();
        Some(value.unwrap_or_else(|| format!("{{{}}}", path.join(".")).into()))
    }

    fn index(&self, _key: &str) -> Option<usize> {
        Some(0)
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn preset_place(test: &AbTest) -> Path {
    if test.preset.is_some() { path!["preset"] } else { path!["kind"] }
}

fn resolve(visit: &mut Visit<'_>, test: &AbTest) -> Option<Referred> {
    let place = preset_place(test);
    let Some(reference) = test.preset.as_ref().or(visit.context.config.defaults.preset.as_ref()) else {
        visit.report.error_at_key("missing-preset", &place, "the test names no preset, and there is no default").hint =
            Some("write preset = \"name\", or set [defaults] preset in comfywright.toml".to_owned());
        return None;
    };
    let found = visit.context.library.resolve(reference, Kind::Preset);
    found.map_err(|e| visit.report.error(e.code, &place, e.message).hint = e.hint).ok()
}

/// The preset's parameter that takes the prompt.
fn prompt_param(visit: &mut Visit<'_>, test: &AbTest, preset: &Preset) -> Option<String> {
    if let Some(name) = &test.prompt_param {
        if preset.params.contains_key(name) {
            return Some(name.clone());
        }
        let message = format!("the preset has no parameter `{name}`");
        let near = did_you_mean(name, preset.params.keys().map(String::as_str));
        visit.report.error("unknown-parameter", &path!["prompt_param"], message).hint =
            near.map(|near| format!("did you mean `{near}`?"));
        return None;
    }
    let with_role = preset.params.iter().find(|(_, p)| p.role.as_deref() == Some("prompt"));
    if with_role.is_none() {
        let message = "the preset has no parameter with the role \"prompt\"";
        visit.report.error_at_key("missing-role", &preset_place(test), message).hint =
            Some("name the one that takes the prompt: prompt_param = \"…\"".to_owned());
    }
    with_role.map(|(name, _)| name.clone())
}

/// Keys that the prompt does not insert are parameters of the preset, and their values fit.
fn check_params(visit: &mut Visit<'_>, test: &AbTest, preset: &Preset, prompt: Option<&str>, used: &BTreeSet<String>) {
    let mut given: BTreeSet<&str> = prompt.into_iter().collect();
    for (name, variation) in &test.variations {
        for (key, value) in variation.iter().filter(|(key, _)| !used.contains(*key)) {
            check_value(visit, preset, prompt, key, value, &path!["variations", name, key]);
            given.insert(key);
        }
    }
    for (key, values) in test.blocks.iter().filter(|(key, _)| !used.contains(*key)) {
        for (index, value) in values.iter().enumerate() {
            check_value(visit, preset, prompt, key, value, &path!["blocks", key, index]);
        }
        given.insert(key);
    }
    // What a template takes goes to it, whoever says it.
    for (key, value) in test.with.iter().filter(|(key, _)| test.template.is_none() || !used.contains(*key)) {
        check_value(visit, preset, prompt, key, value, &path!["with", key]);
        given.insert(key);
    }
    if prompt.is_none() {
        return;
    }
    let is_free = |param: &Param| param.required && param.default.is_none() && param.role.as_deref() != Some("seed");
    for (name, _) in preset.params.iter().filter(|(name, p)| is_free(p) && !given.contains(name.as_str())) {
        let message = format!("the preset's parameter `{name}` is required");
        visit.report.error_at_key("missing-parameter", &preset_place(test), message).hint =
            Some(format!("give it to all: with.{name} = …"));
    }
}

fn check_value(visit: &mut Visit<'_>, preset: &Preset, prompt: Option<&str>, key: &str, value: &Value, path: &Path) {
    let Some(param) = preset.params.get(key) else {
        let message = format!("`{key}` is neither in the prompt nor a parameter of the preset");
        let near = did_you_mean(key, preset.params.keys().map(String::as_str));
        visit.report.error_at_key("unknown-parameter", path, message).hint =
            near.map(|near| format!("did you mean `{near}`?"));
        return;
    };
    if prompt == Some(key) {
        visit.report.error_at_key("unknown-parameter", path, format!("`{key}` takes the prompt itself")).hint =
            Some("insert what differs into base_prompt".to_owned());
    } else if let Err(message) = check_param(param, value) {
        visit.report.error("bad-parameter", path, message);
    }
}
