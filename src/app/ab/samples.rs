//! The samples of an A/B test as items of a chain: a task for each variation, an item for each block.

use serde_json::{Value, json};

use super::super::{AppError, Session};
use crate::{
    compile::{Library as _, SEED, TEMPLATE},
    files::{Node, NodeKind},
    ident::IndexMap,
    model::{
        AbTest, Body, Chain, Document, Foreach, Kind, Param, Task, TaskType, Template, ValueMap, Values, is_measured,
    },
    path,
};

/// A task for each variation with an item for each block: the same seeds, and the same values of blocks, for all
/// variations. Every sample is measured by the metric that decides.
pub(in crate::app) fn all_samples(session: &Session, test: &AbTest) -> Result<Chain, AppError> {
    let reference = test.preset.as_ref().or(session.config.defaults.preset.as_ref());
    let reference = reference.ok_or_else(|| AppError::usage("the test names no preset"))?;
    let found = session.resolve(reference, Kind::Preset).map_err(|e| AppError::usage(e.message))?;
    let Body::Preset(preset) = &found.document.body else { return Err(AppError::usage("not a preset")) };
    let with_role = |role: &str| {
        let is_it = |param: &Param| param.role.as_deref() == Some(role);
        preset.params.iter().find(|(_, param)| is_it(param)).map(|(name, _)| name.clone())
    };
    let no_role = |role: &str| AppError::usage(format!("the preset has no parameter with the role \"{role}\""));
    let prompt = test.prompt_param.clone().or_else(|| with_role("prompt")).ok_or_else(|| no_role("prompt"))?;
    let seed = with_role("seed").ok_or_else(|| no_role("seed"))?;
    let template = template_of(session, test)?;
    let parts = Parts { test, reference, prompt: &prompt, seed: &seed, template: template.as_ref() };
    let tasks = test.variations.iter().map(|(name, variation)| (name.clone(), parts.task(variation)));
    Ok(Chain { task: tasks.collect(), ..Chain::default() })
}

/// The tree of `document`, of a test with its variations where a chain has its tasks, so that what is wrong with a task
/// is found at its variation.
pub(in crate::app) fn tree_of_samples(tree: &Node, document: &Document) -> Node {
    let mut tree = tree.clone();
    let variations = tree.get(&path!["variations"]).cloned();
    let (Body::AbTest(_), Some(mut tasks)) = (&document.body, variations) else { return tree };
    if let NodeKind::Table(table) = &mut tasks.kind {
        for entry in table.entries.values_mut() {
            let with = entry.node.clone();
            if let NodeKind::Table(task) = &mut entry.node.kind {
                task.insert("with", with);
            }
        }
    }
    if let NodeKind::Table(root) = &mut tree.kind {
        root.insert("task", tasks);
    }
    tree
}

/// The template that makes the prompts of `test`, if one does.
fn template_of(session: &Session, test: &AbTest) -> Result<Option<Template>, AppError> {
    let Some(reference) = &test.template else { return Ok(None) };
    let found = session.resolve(reference, Kind::Template).map_err(|e| AppError::usage(e.message))?;
    match &found.document.body {
        Body::Template(template) => Ok(Some(template.clone())),
        _ => Err(AppError::usage(format!("\"{reference}\" is no template"))),
    }
}

/// What every variation has in common.
struct Parts<'a> {
    test: &'a AbTest,
    reference: &'a str,
    prompt: &'a str,
    seed: &'a str,
    template: Option<&'a Template>,
}

impl Parts<'_> {
    fn task(&self, variation: &ValueMap) -> Task {
        let test = self.test;
        let mut task = Task::of(TaskType::Generate);
        task.preset = Some(self.reference.to_owned());
        let metric = &test.decision.metric;
        if is_measured(metric) {
            task.scores = vec![metric.clone()];
        }
        task.with.clone_from(&test.with);
        let key = self.seed_key(variation);
        task.with.insert(self.prompt.to_owned(), self.words(variation, key));
        task.with.insert(self.seed.to_owned(), format!("{{{key}}}").into());
        let in_prompt = |name: &str| match self.template {
            Some(template) => template.params.contains_key(name),
            None => test.base_prompt.contains(&format!("{{{name}")),
        };
        task.with.retain(|name, _| {
            self.template.is_none() || !in_prompt(name) || name.as_str() == self.prompt || name.as_str() == self.seed
        });
        let mut keys: IndexMap<String, Values> = IndexMap::default();
        for (name, value) in variation {
            if in_prompt(name) {
                keys.insert(name.clone(), Values::List(vec![value.clone()]));
            } else {
                task.with.insert(name.clone(), value.clone());
            }
        }
        for name in test.blocks.keys().filter(|name| !in_prompt(name)) {
            task.with.insert(name.clone(), format!("{{{name}}}").into());
        }
        task.foreach = Some(self.foreach(keys, key));
        task
    }

    /// The prompt as the task writes it: a text, or a template that takes the keys that are its variables.
    fn words(&self, variation: &ValueMap, seed_key: &str) -> Value {
        let (Some(template), Some(reference)) = (self.template, &self.test.template) else {
            return self.test.base_prompt.clone().into();
        };
        let keys = variation.keys().chain(self.test.blocks.keys()).filter(|key| template.params.contains_key(*key));
        let mut used: serde_json::Map<String, Value> =
            keys.map(|key| (key.clone(), format!("{{{key}}}").into())).collect();
        for (key, value) in self.test.with.iter().filter(|(key, _)| template.params.contains_key(*key)) {
            used.entry(key.clone()).or_insert_with(|| value.clone());
        }
        if template.choices {
            used.entry(SEED).or_insert_with(|| format!("{{{seed_key}}}").into());
        }
        used.insert(TEMPLATE.to_owned(), reference.clone().into());
        used.into()
    }

    /// A row for each sample: blocks go on from sample to sample.
    fn foreach(&self, mut keys: IndexMap<String, Values>, key: &str) -> Foreach {
        let (first, count) = (self.test.seeds.from, self.test.samples_per_variation);
        if self.test.blocks.is_empty() {
            let (from, to) = (f64::from(first), f64::from(first) + f64::from(count) - 1.0);
            keys.insert(key.to_owned(), Values::Range { from, to, step: None });
            return Foreach { keys, ..Foreach::default() };
        }
        let fixed: Vec<(String, Value)> = keys
            .iter()
            .filter_map(|(name, values)| match values {
                Values::List(list) => Some((name.clone(), list.first()?.clone())),
                _ => None,
            })
            .collect();
        let row = |number: u32| -> ValueMap {
            let blocks = self.test.blocks.iter().filter_map(|(name, values)| {
                let value = values.get(number as usize % values.len().max(1))?;
                Some((name.clone(), value.clone()))
            });
            let seed = (key.to_owned(), json!(u64::from(first) + u64::from(number)));
            fixed.iter().cloned().chain(blocks).chain([seed]).collect()
        };
        // The first row is the only combination of the keys; the others are added.
        keys.extend(row(0).into_iter().map(|(name, value)| (name, Values::List(vec![value]))));
        Foreach { keys, include: (1..count).map(row).collect(), ..Foreach::default() }
    }

    /// A name for the seed that nothing else has.
    fn seed_key(&self, variation: &ValueMap) -> &'static str {
        let is_taken = |name: &str| variation.contains_key(name) || self.test.blocks.contains_key(name);
        if is_taken("seed") { "sample_seed" } else { "seed" }
    }
}
