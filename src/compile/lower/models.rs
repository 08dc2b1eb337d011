//! The models that the nodes of a graph use: each is named, and pinned by its digest, so that another model
//! is other work.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::LowerError;
use crate::{
    graph::{Graph, GraphNode, Input},
    model::{KnownModel, KnownModels, ModelRole},
};

/// Names and pins the models of all nodes of `graph`; gives their names.
pub(super) fn pin(graph: &mut Graph, models: &KnownModels) -> Result<BTreeSet<String>, LowerError> {
    let mut names = BTreeSet::new();
    for node in graph.nodes.values_mut() {
        match node.class.as_str() {
            "ComfywrightSalient" => pin_salient(node, models, &mut names)?,
            "ComfywrightMask" => pin_layers(node, models, &mut names)?,
            _ => {}
        }
    }
    Ok(names)
}

fn pin_salient(node: &mut GraphNode, models: &KnownModels, names: &mut BTreeSet<String>) -> Result<(), LowerError> {
    let given = match node.inputs.get("model") {
        Some(Input::Value(Value::String(name))) if !name.is_empty() => Value::from(name.as_str()),
        _ => Value::Bool(true),
    };
    let (name, digest) = salient(&given, "model", models)?;
    node.inputs.insert("model".to_owned(), Input::value(name.as_str()));
    node.inputs.insert("digest".to_owned(), Input::value(digest));
    names.insert(name);
    Ok(())
}

fn pin_layers(node: &mut GraphNode, models: &KnownModels, names: &mut BTreeSet<String>) -> Result<(), LowerError> {
    let Some(Input::Value(Value::Array(layers))) = node.inputs.get_mut("layers") else { return Ok(()) };
    let mut digests = Map::new();
    for given in layers.iter_mut().filter_map(|layer| layer.get_mut("salient")) {
        let (name, digest) = salient(given, "salient", models)?;
        digests.insert(name.clone(), digest.into());
        *given = name.clone().into();
        names.insert(name);
    }
    let mut chosen: Vec<(&str, Option<&KnownModel>)> = Vec::new();
    let text = |layer: &Value, key: &str| layer.get(key).and_then(Value::as_str).map(str::to_owned);
    for layer in layers.iter().filter(|layer| layer.get("semantic").is_some()) {
        let named = text(layer, "model");
        let model = finds(&text(layer, "semantic").unwrap_or_default(), named.as_deref(), models)?;
        if named.is_some() {
            digests.insert(model.manifest.name.clone(), model.manifest.digest().into());
            names.insert(model.manifest.name.clone());
        } else {
            chosen = vec![("detector", Some(model))];
        }
    }
    let has = |key: &&str| layers.iter().any(|layer| layer.get(*key).is_some());
    if let Some(key) = ["semantic", "box", "points"].into_iter().find(has) {
        let found = models.outliner(None);
        let found = found.map_err(|error| LowerError::at(error.code, key, error.message).hint(error.hint))?;
        // Where it is not here it does not help, which is another result. At points only a promptable one does.
        if key != "points" || found.is_some_and(|model| model.manifest.role == ModelRole::Promptable) {
            chosen.push(("outliner", found));
        }
    }
    for (key, model) in chosen {
        let name = model.map_or("", |model| &model.manifest.name);
        node.inputs.insert(key.to_owned(), Input::value(name));
        if let Some(model) = model {
            digests.insert(name.to_owned(), model.manifest.digest().into());
            names.insert(name.to_owned());
        }
    }
    if !digests.is_empty() {
        node.inputs.insert("digests".to_owned(), Input::Value(Value::Object(digests)));
    }
    Ok(())
}

/// The model that finds what `text` says, which it must be able to: the one called `named`, else the workspace's choice.
pub fn finds<'a>(text: &str, named: Option<&str>, models: &'a KnownModels) -> Result<&'a KnownModel, LowerError> {
    let key = if named.is_some() { "model" } else { "semantic" };
    let model = models.by_words(named);
    let model = model.map_err(|error| LowerError::at(error.code, key, error.message).hint(error.hint))?;
    let Err(error) = model.manifest.words(text) else { return Ok(model) };
    let known = match &model.manifest.text {
        None => &model.manifest.output.labels,
        Some(text) if !text.names.is_empty() => &text.names,
        Some(text) => &text.words,
    };
    let knows =
        if known.is_empty() { "is asked in any words".to_owned() } else { format!("knows {}", examples(known)) };
    let hint = format!("the model {} {knows}", model.manifest.name);
    Err(LowerError::at("bad-query", "semantic", error.to_string()).hint(hint))
}

/// Some of `labels`, and how many there are.
fn examples(labels: &[String]) -> String {
    let some = labels.iter().take(6).map(String::as_str).collect::<Vec<_>>().join(", ");
    if labels.len() > 6 { format!("{some} and {} more", labels.len() - 6) } else { some }
}

/// Name and digest of the model that `given` means: true is the workspace's own choice.
fn salient(given: &Value, key: &str, models: &KnownModels) -> Result<(String, String), LowerError> {
    let name = match given {
        Value::Bool(true) => models.defaults.salient(),
        Value::String(name) => name,
        _ => {
            return Err(LowerError::at("wrong-type", key, format!("`{key}` is true or the name of a model"))
                .hint("leave it out to have none"));
        }
    };
    let model = models.find(name, ModelRole::Salient);
    let model = model.map_err(|error| LowerError::at(error.code, key, error.message).hint(error.hint))?;
    Ok((name.to_owned(), model.manifest.digest()))
}
