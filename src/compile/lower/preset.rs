//! Presets and inline graphs: nodes with parameters put in.

use std::borrow::Cow;

use foldhash::fast::RandomState;
use serde_json::Value;

use super::{Builder, LowerError, OutputSpec, Referred, bypass::pass_by, savers::save_as};
use crate::{
    compile::{Fillable, Scope, Template, TemplateText, bound_node, is_plain},
    graph::{BoundFile, Graph, GraphNode, Input, InputKind, NodeSet, coerce_value, from_api, output_index, parse_link},
    ident::IndexMap,
    model::{Body, NodeDef, Param, ParamType, Preset},
};

/// What a parameter is given.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// A value.
    Value(Value),
    /// Files that a link delivers.
    Files(Vec<BoundFile>),
}

/// The parameters of `preset` that take files, in order.
pub fn file_params(preset: &Preset) -> impl Iterator<Item = &str> {
    preset
        .params
        .iter()
        .filter(|(_, p)| matches!(p.kind, ParamType::Image | ParamType::Mask | ParamType::Video | ParamType::Audio))
        .map(|(name, _)| name.as_str())
}

/// `generate`: the preset's graph.
pub(super) fn generate(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let (preset, values) = given_values(builder)?;
    if let Some(source) = &preset.graph {
        let missing =
            || LowerError::at("missing-workflow", "preset", format!("the workflow {} cannot be read", source.workflow));
        let workflow = builder.input.workflow.ok_or_else(missing)?;
        builder.out.graph = bound_workflow(workflow, &preset.params, &values, builder.input.nodes)?;
        return collect_outputs(builder, &preset.outputs);
    }
    let scope = ParamScope { values: &values, item: builder.input.scope };
    let files: IndexMap<&str, &[BoundFile]> = values
        .iter()
        .filter_map(|(name, value)| match value {
            ParamValue::Files(files) => Some((name.as_str(), files.as_slice())),
            ParamValue::Value(_) => None,
        })
        .collect();
    builder.out.graph = build_graph(&preset.node, &scope, &files, builder.input.nodes)?;
    bypass(builder, &preset.node, &scope)?;
    collect_outputs(builder, &preset.outputs)
}

/// Whether the graphs of all items have the same nodes and links, and take any value that the
/// parameters take.
pub(super) fn differs_in_values_alone(preset: &Referred) -> bool {
    matches!(&preset.document.body, Body::Preset(preset)
        if preset.graph.is_none() && preset.node.values().all(|node| node.bypass.is_none()))
}

/// The preset, and its parameters as given, else their defaults.
pub(super) fn given_values<'a>(
    builder: &Builder<'a>,
) -> Result<(&'a Preset, IndexMap<String, ParamValue>), LowerError> {
    let Some((place, Body::Preset(preset))) = builder.input.preset.map(|d| (&d.path, &d.document.body)) else {
        return Err(LowerError::new("missing-preset", "a generate task says `preset`"));
    };
    Ok((preset, param_values(builder, preset, place)?))
}

/// Parameters as given, else their defaults.
fn param_values(
    builder: &Builder<'_>,
    preset: &Preset,
    place: &str,
) -> Result<IndexMap<String, ParamValue>, LowerError> {
    let mut values = IndexMap::default();
    for (name, param) in &preset.params {
        if let Some(files) = builder.input.files.get(name) {
            values.insert(name.clone(), ParamValue::Files(files.clone()));
        } else if let Some(given) = builder.input.with.get(name).or(param.default.as_ref()) {
            let value = check_param(param, given)
                .map_err(|m| LowerError::at("bad-parameter", name, format!("parameter `{name}`: {m}")))?;
            // A default is relative to the preset, what the task says to the task's document.
            let document = if builder.input.with.contains_key(name) { builder.input.document } else { place };
            let is_file = file_params(preset).any(|f| f == name);
            let value = match &value {
                Value::String(path) if is_file => ParamValue::Files(vec![(builder.input.file)(document, path)?]),
                _ => ParamValue::Value(value),
            };
            values.insert(name.clone(), value);
        } else if param.required {
            let message = format!("the preset's parameter `{name}` is required");
            return Err(LowerError::new("missing-parameter", message).hint(format!("write with.{name} = …")));
        }
    }
    let known = |name: &String| preset.params.contains_key(name);
    let settings = |name: &String| builder.input.kind == crate::model::TaskType::Enhance && name == "amount";
    if let Some(unknown) =
        builder.input.with.keys().chain(builder.input.files.keys()).find(|n| !known(n) && !settings(n))
    {
        let near = crate::ident::did_you_mean(unknown, preset.params.keys().map(String::as_str));
        let error = LowerError::at("unknown-parameter", unknown, format!("the preset has no parameter `{unknown}`"));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    Ok(values)
}

/// The value of a parameter in its declared type: digits for a number, a number for a text.
pub fn check_param(param: &Param, value: &Value) -> Result<Value, String> {
    let kind = match param.kind {
        ParamType::Int => InputKind::Int { min: None, max: None, step: None },
        ParamType::Seed => InputKind::Int { min: Some(0), max: Some(i128::from(u64::MAX)), step: None },
        ParamType::Float => InputKind::Float { min: None, max: None, step: None },
        ParamType::Bool => InputKind::Bool,
        ParamType::Enum => return one_of(&param.values, value),
        _ => InputKind::String { multiline: true },
    };
    let value = coerce_value(&kind, value).map_err(|e| e.to_string())?;
    if let Some(number) = value.as_f64().filter(|_| value.is_number()) {
        if param.min.is_some_and(|min| number < min) || param.max.is_some_and(|max| number > max) {
            let bound = |b: Option<f64>| b.map_or_else(|| "…".to_owned(), |b| b.to_string());
            return Err(format!("{value} is not within {} to {}", bound(param.min), bound(param.max)));
        }
        if let Some(step) = param.step.filter(|s| *s > 0.0) {
            let steps = (number - param.min.unwrap_or(0.0)) / step;
            if (steps - steps.round()).abs() > 1e-6 {
                return Err(format!("{value} is not a multiple of {step}"));
            }
        }
    }
    if let Value::String(text) = &value {
        check_text(param, text)?;
    }
    if param.values.is_empty() { Ok(value) } else { one_of(&param.values, &value) }
}

fn one_of(values: &[Value], value: &Value) -> Result<Value, String> {
    let texts = || values.iter().map(|v| super::super::to_text(v).unwrap_or_default());
    let given = super::super::to_text(value).unwrap_or_default();
    values.iter().find(|v| super::super::to_text(v).is_some_and(|t| t == given)).cloned().ok_or_else(|| {
        let all: Vec<String> = texts().collect();
        format!("\"{given}\" is not one of {}", all.join(", "))
    })
}

fn check_text(param: &Param, text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if param.min_length.is_some_and(|min| length < min as usize)
        || param.max_length.is_some_and(|max| length > max as usize)
    {
        return Err(format!("the text has {length} characters, outside the permitted length"));
    }
    if let Some(pattern) = &param.pattern {
        let whole = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|e| format!("the pattern is wrong: {e}"))?;
        if !whole.is_match(text) {
            return Err(format!("\"{text}\" does not match the pattern {pattern}"));
        }
    }
    Ok(())
}

struct ParamScope<'a> {
    values: &'a IndexMap<String, ParamValue>,
    item: &'a dyn Scope,
}

impl Scope for ParamScope<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        let [name, rest @ ..] = path else { return None };
        match self.values.get(name)? {
            ParamValue::Value(value) => rest.iter().try_fold(value, |v, key| v.get(key)).cloned(),
            ParamValue::Files(files) => files.first().map(|f| Value::from(f.path.as_str())),
        }
    }

    fn index(&self, _: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    fn template(&self, reference: &str) -> Option<&TemplateText> {
        self.item.template(reference)
    }
}

/// `graph`: nodes that stand in the task itself.
pub(super) fn inline(builder: &mut Builder<'_>) -> Result<(), LowerError> {
    let Some((nodes, outputs)) = builder.input.inline else {
        return Err(LowerError::new("missing-input", "a graph task has nodes: [task.NAME.node.ID.Class]"));
    };
    let mut graph = build_graph(nodes, builder.input.scope, &IndexMap::default(), builder.input.nodes)?;
    for (input, files) in &builder.input.files {
        if let Some((id, name)) = input.split_once('.') {
            set_files(&mut graph, id, name, files, builder.input.nodes)?;
        }
    }
    builder.out.graph = graph;
    bypass(builder, nodes, builder.input.scope)?;
    collect_outputs(builder, outputs)
}

/// A graph from node definitions: parameters inserted, links resolved.
fn build_graph(
    nodes: &IndexMap<String, NodeDef>,
    scope: &dyn Scope,
    files: &IndexMap<&str, &[BoundFile]>,
    known: &NodeSet,
) -> Result<Graph, LowerError> {
    let mut graph = Graph::default();
    graph.nodes.reserve(nodes.len());
    let mut uploads = Vec::new();
    for (id, node) in nodes {
        let mut inputs = IndexMap::with_capacity_and_hasher(node.inputs.len(), RandomState::default());
        let class = known.class(&node.class);
        for (name, value) in &node.inputs {
            let key = || format!("{id}.{name}");
            if let Some(text) = value.as_str().filter(|_| !is_plain(value)) {
                let template = if files.is_empty() { None } else { Template::parse(text).ok() };
                let sole = template.and_then(|template| template.sole_path().map(|path| path.join(".")));
                if let Some(files) = sole.and_then(|path| files.get(path.as_str()).copied()) {
                    uploads.push((id.clone(), name.clone(), files.to_vec()));
                    continue;
                }
                match link(text, nodes, known, &key)? {
                    LinkOrLiteral::Link(link) => {
                        inputs.insert(name.clone(), link);
                        continue;
                    }
                    LinkOrLiteral::OtherTask => continue,
                    LinkOrLiteral::Literal => {}
                }
            }
            let chosen = |choice: &str| node.inputs.get(choice).and_then(Value::as_str);
            let kind = class.and_then(|c| c.input_of(name, &chosen)).map(|i| &i.kind);
            let value = if is_plain(value) {
                Cow::Borrowed(value)
            } else {
                let filled = Fillable::read(value).and_then(|texts| texts.fill(scope));
                Cow::Owned(filled.map_err(|e| interpolation_error(&key(), &e))?)
            };
            let value = kind.and_then(|k| coerce_value(k, &value).ok()).unwrap_or_else(|| value.into_owned());
            inputs.insert(name.clone(), Input::Value(value));
        }
        graph.nodes.insert(id.clone(), GraphNode { class: node.class.clone(), title: node.title.clone(), inputs });
    }
    for (id, name, files) in uploads {
        set_files(&mut graph, &id, &name, &files, known)?;
    }
    Ok(graph)
}

fn interpolation_error(key: &str, error: &super::super::InterpolationError) -> LowerError {
    let out = LowerError::at("bad-interpolation", key, &error.message);
    match &error.suggestion {
        Some(near) => out.hint(format!("did you mean `{near}`?")),
        None => out,
    }
}

enum LinkOrLiteral {
    Link(Input),
    OtherTask,
    Literal,
}

fn link(
    text: &str,
    nodes: &IndexMap<String, NodeDef>,
    known: &NodeSet,
    key: &dyn Fn() -> String,
) -> Result<LinkOrLiteral, LowerError> {
    let Some(parts) = parse_link(text) else { return Ok(LinkOrLiteral::Literal) };
    let Some(target) = nodes.get(parts.node) else { return Ok(LinkOrLiteral::OtherTask) };
    let output = parts.output.unwrap_or("0");
    let index = match known.class(&target.class) {
        Some(class) => output_index(class, output).map_err(|e| {
            let error = LowerError::at("bad-link", &key(), e.to_string());
            match e.hint() {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })?,
        None => output.parse().map_err(|_| {
            LowerError::at("unknown-class", &key(), format!("the outputs of {} are not known", target.class))
                .hint("give a snapshot that has the class: --object-info FILE")
        })?,
    };
    Ok(LinkOrLiteral::Link(Input::link(parts.node, index)))
}

/// Gives input `name` of node `id` these files: as they are where the class reads files, through
/// a `LoadImage` where it takes images.
fn set_files(graph: &mut Graph, id: &str, name: &str, files: &[BoundFile], known: &NodeSet) -> Result<(), LowerError> {
    let Some(node) = graph.nodes.get(id) else { return Ok(()) };
    let info = known.input_of(node, name);
    let wanted = info.and_then(|i| match &i.kind {
        InputKind::Link { types, .. } if !i.takes_files => Some(types.clone()),
        _ => None,
    });
    if files.len() != 1 {
        let message = format!("`{name}` takes one file and gets {}", files.len());
        return Err(LowerError::at("several-files", &format!("{id}.{name}"), message));
    }
    let value = match wanted {
        None => Input::Files(files.to_vec()),
        Some(types) if types.contains("MASK") && !types.contains("IMAGE") => {
            let inputs = [("image", Input::Files(files.to_vec())), ("channel", Input::value("red"))];
            Input::link(graph.add(&format!("load_{id}_{name}"), "LoadImageMask", inputs), 0)
        }
        Some(_) => Input::link(
            graph.add(&format!("load_{id}_{name}"), "LoadImage", [("image", Input::Files(files.to_vec()))]),
            0,
        ),
    };
    graph.nodes[id].inputs.insert(name.to_owned(), value);
    Ok(())
}

/// Takes the nodes out that are bypassed, unless they are to stay.
fn bypass(builder: &mut Builder<'_>, nodes: &IndexMap<String, NodeDef>, scope: &dyn Scope) -> Result<(), LowerError> {
    for (id, node) in nodes {
        let Some(value) = &node.bypass else { continue };
        let value = Fillable::read(value)
            .and_then(|texts| texts.fill(scope))
            .map_err(|e| interpolation_error(&format!("{id}.bypass"), &e))?;
        let bypassed = coerce_value(&InputKind::Bool, &value).map_err(|_| {
            LowerError::at("wrong-type", &format!("{id}.bypass"), format!("`bypass` is true or false, not {value}"))
        })?;
        match bypassed {
            Value::Bool(true) if builder.input.keeps_bypassed => builder.out.bypassed.push(id.clone()),
            Value::Bool(true) => pass_by(&mut builder.out.graph, id, builder.input.nodes),
            _ => {}
        }
    }
    Ok(())
}

/// Appends savers for the declared outputs; an output that is itself a saver is collected.
fn collect_outputs(builder: &mut Builder<'_>, outputs: &IndexMap<String, String>) -> Result<(), LowerError> {
    for (name, text) in outputs {
        let key = format!("outputs.{name}");
        let wrong = || {
            LowerError::at("bad-link", &key, format!("\"{text}\" names no node of the graph"))
                .hint("an output reads \"@node.OUTPUT\"")
        };
        let link = parse_link(text).ok_or_else(wrong)?;
        let class = builder.out.graph.nodes.get(link.node).map(|n| n.class.clone()).ok_or_else(wrong)?;
        let info = builder.input.nodes.class(&class);
        // A class that is not known is taken at its word.
        let is_saver = info.is_none_or(|c| c.output_node);
        if is_saver && (link.output.is_none() || info.is_some_and(|c| c.outputs.is_empty())) {
            builder.out.outputs.push(OutputSpec { name: name.clone(), node: link.node.to_owned() });
            continue;
        }
        let Some(info) = info else {
            return Err(LowerError::at("unknown-class", &key, format!("the outputs of {class} are not known"))
                .hint("give a snapshot that has the class: --object-info FILE"));
        };
        let index = output_index(info, link.output.unwrap_or("0"))
            .map_err(|e| LowerError::at("bad-link", &key, e.to_string()))?;
        let types = &info.outputs[index].types;
        let source = Input::link(link.node, index);
        save_as(builder, name, source, types, &key)?;
    }
    if builder.out.outputs.is_empty() {
        return Err(LowerError::new("no-output", "the graph has no outputs")
            .hint("declare one: [outputs] image = \"@node.IMAGE\""));
    }
    Ok(())
}

/// The graph of a kept workflow in API format with its bound parameters set.
fn bound_workflow(
    workflow: &Value,
    params: &IndexMap<String, Param>,
    values: &IndexMap<String, ParamValue>,
    known: &NodeSet,
) -> Result<Graph, LowerError> {
    let mut graph = from_api(workflow).map_err(|e| LowerError::at("bad-workflow", "workflow", e.to_string()))?;
    for (name, param) in params {
        let (Some(bind), Some(value)) = (&param.bind, values.get(name)) else { continue };
        let id = bound_node(&graph, bind).map_err(|m| LowerError::at("bad-bind", name, m))?;
        match value {
            ParamValue::Value(value) => {
                graph.nodes[&id].inputs.insert(bind.input.clone(), Input::Value(value.clone()));
            }
            ParamValue::Files(files) => set_files(&mut graph, &id, &bind.input, files, known)?,
        }
    }
    Ok(graph)
}
