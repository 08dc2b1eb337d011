//! A seed that is the same for all items of a task: the same noise in every picture.

use serde_json::Value;

use super::judge::Visit;
use crate::{
    compile::{Fillable, Program},
    diagnostic::Diagnostic,
    files::Path,
    model::{Body, ParamType, Preset, TaskType},
    path,
};

const CODE: &str = "fixed-seed";

/// Most items of a task that are compared.
const COMPARED: usize = 1000;

pub(super) fn check(visit: &mut Visit<'_>) {
    let Some(program) = visit.program.take() else { return };
    for number in 0..program.tasks.len() {
        if program.expansion.items[number].len() > 1 {
            let found = match program.chain_task(number).kind {
                TaskType::Graph => in_nodes(visit, &program, number),
                _ => in_preset(&program, number),
            };
            found.into_iter().for_each(|(place, seed)| report(visit, &program, number, &place, &seed));
        }
    }
    visit.program = Some(program);
}

/// Parameters of the task's preset that are seeds and get one value.
fn in_preset(program: &Program, number: usize) -> Vec<(Path, Value)> {
    let task = &program.tasks[number];
    let Some(Body::Preset(preset)) = task.preset.as_ref().map(|d| &d.document.body) else { return Vec::new() };
    let fixed = seeds(preset).filter_map(|name| {
        let of_task = path!["task", &program.structure.tasks[number].name];
        match task.settings.get(name) {
            Some(setting) => {
                let seed = only_value(program, number, setting)?;
                Some((task.places.get(name).cloned().unwrap_or(of_task), seed))
            }
            None => Some((of_task.join("preset"), preset.params[name].default.clone()?)),
        }
    });
    fixed.collect()
}

/// The parameters of a preset that are seeds.
fn seeds(preset: &Preset) -> impl Iterator<Item = &str> {
    let is_seed = |kind: ParamType, role: Option<&str>| role == Some("seed") || kind == ParamType::Seed;
    let params = preset.params.iter().filter(move |(_, p)| is_seed(p.kind, p.role.as_deref()));
    params.map(|(name, _)| name.as_str())
}

/// Inputs of the task's own nodes that are seeds and hold one value.
fn in_nodes(visit: &Visit<'_>, program: &Program, number: usize) -> Vec<(Path, Value)> {
    let (task, name) = (program.chain_task(number), &program.structure.tasks[number].name);
    let nodes = task.node.iter().flat_map(|(id, node)| {
        let class = visit.context.nodes.class(&node.class);
        let inputs = class.into_iter().flat_map(|c| &c.inputs).filter(|input| input.control_after_generate);
        inputs.filter_map(move |input| Some((id, node, input.name.as_str(), node.inputs.get(&input.name)?)))
    });
    let fixed = nodes.filter_map(|(id, node, input, value)| {
        let seed = only_value(program, number, &Fillable::read(value).ok()?)?;
        // A link is no value.
        let is_link = value.as_str().is_some_and(|text| text.starts_with('@'));
        Some((path!["task", name, "node", id, &node.class, input], seed)).filter(|_| !is_link)
    });
    fixed.collect()
}

/// The value of `setting`, when it is the same for all items.
fn only_value(program: &Program, number: usize, setting: &Fillable) -> Option<Value> {
    let items = &program.expansion.items[number];
    let mut values = (0..items.len().min(COMPARED)).map(|index| {
        let scope = program.scope(number, items.row(index), 1, 1);
        setting.fill(&scope).ok()
    });
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

fn report(visit: &mut Visit<'_>, program: &Program, number: usize, place: &Path, seed: &Value) {
    let items = &program.expansion.items[number];
    let keys: Vec<&str> = items.keys.iter().map(|key| program.expansion.keys.name(*key)).collect();
    let name = &program.structure.tasks[number].name;
    let message = format!("all {} items of `{name}` have the seed {seed}", items.len());
    let span = visit.subject.tree.span_of(place);
    let warning = Diagnostic::warning(CODE, visit.subject.file, span, message);
    visit.report.push(warning.with_hint(format!("give each its own: \"{{hash({})}}\"", keys.join(", "))));
}
