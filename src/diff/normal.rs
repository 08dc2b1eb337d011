//! The normal form of a document, in which what means the same is the same.

use serde_json::{Map, Value, json};

use crate::{
    graph::{NodeSet, coerce_value, output_index, parse_link},
    ident::IndexMap,
    model::{Body, Document, NodeDef, TASK_KEYS, canonical_numbers},
};

/// The document without what means nothing: nodes as `{class, title, bypass, inputs}`, everything that a
/// task gives in `with`, links by one way of writing, numbers as the class declares them.
pub(super) fn normal(document: &Document, nodes: &NodeSet) -> Map<String, Value> {
    let Value::Object(mut all) = document.to_json() else { return Map::new() };
    all.shift_remove("format");
    sort_texts(all.get_mut("tags"));
    match &document.body {
        Body::Preset(preset) => replace_nodes(&mut all, &preset.node, &preset.outputs, nodes),
        Body::Chain(chain) => {
            let Some(Value::Object(tasks)) = all.get_mut("task") else { return all };
            for ((_, task), (_, definition)) in tasks.iter_mut().zip(&chain.task) {
                if let Value::Object(task) = task {
                    normal_task(task);
                    replace_nodes(task, &definition.node, &definition.outputs, nodes);
                }
            }
        }
        _ => {}
    }
    all
}

/// The nodes and outputs of `owner`.
fn replace_nodes(
    owner: &mut Map<String, Value>,
    definitions: &IndexMap<String, NodeDef>,
    outputs: &IndexMap<String, String>,
    nodes: &NodeSet,
) {
    if !definitions.is_empty() {
        let normal = definitions.iter().map(|(id, node)| (id.clone(), normal_node(node, definitions, nodes)));
        owner.insert("node".to_owned(), Value::Object(normal.collect()));
    }
    if !outputs.is_empty() {
        let link = |text: &String| link(text, definitions, nodes).map_or_else(|| text.clone().into(), Value::String);
        let normal = outputs.iter().map(|(name, text)| (name.clone(), link(text)));
        owner.insert("outputs".to_owned(), Value::Object(normal.collect()));
    }
}

fn normal_node(node: &NodeDef, all: &IndexMap<String, NodeDef>, nodes: &NodeSet) -> Value {
    let class = nodes.class(&node.class);
    let inputs = node.inputs.iter().map(|(name, value)| {
        let as_link = value.as_str().and_then(|text| link(text, all, nodes)).map(Value::String);
        let as_declared = || coerce_value(&class?.input(name)?.kind, value).ok();
        let mut normal = as_link.or_else(as_declared).unwrap_or_else(|| value.clone());
        canonical_numbers(&mut normal);
        (name.clone(), normal)
    });
    let mut normal = json!({ "class": node.class });
    if let Some(title) = &node.title {
        normal["title"] = title.as_str().into();
    }
    // False is what it is without it.
    if let Some(bypass) = node.bypass.as_ref().filter(|bypass| **bypass != false) {
        normal["bypass"] = bypass.clone();
    }
    normal["inputs"] = Value::Object(inputs.collect());
    normal
}

/// A link by the name of its output where that is unique, else by its index.
fn link(text: &str, all: &IndexMap<String, NodeDef>, nodes: &NodeSet) -> Option<String> {
    let link = parse_link(text)?;
    let output = link.output?;
    let class = nodes.class(&all.get(link.node)?.class)?;
    let index = output_index(class, output).ok()?;
    let name = &class.outputs[index].name;
    let name = if output_index(class, name) == Ok(index) { name.clone() } else { index.to_string() };
    Some(format!("@{}.{name}", link.node))
}

/// Settings may stand on the task or in `with`.
fn normal_task(task: &mut Map<String, Value>) {
    let settings: Vec<String> = task.keys().filter(|key| !TASK_KEYS.contains(&key.as_str())).cloned().collect();
    for key in settings {
        if let (Some(value), Value::Object(with)) =
            (task.shift_remove(&key), task.entry("with").or_insert_with(|| json!({})))
        {
            with.insert(key, value);
        }
    }
    sort_texts(task.get_mut("scores"));
}

/// A list whose order means nothing.
fn sort_texts(list: Option<&mut Value>) {
    if let Some(list) = list.and_then(Value::as_array_mut) {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
}
