//! Which models a graph loads, and what loading them usually takes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::merkle::links;
use crate::{
    content_hash::canonical_json,
    graph::{ClassInfo, Graph, GraphNeeds, GraphNode, Input, NodeSet},
};

/// A model that a server loads.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Seconds that loading takes, as far as its class tells.
    pub load: f64,
    /// Bytes that it takes, as far as its class tells.
    pub bytes: u64,
}

/// Words in the names of a class and its input, and what such a model usually takes: seconds and
/// gigabytes. Only ratios matter much: what is really seen counts more after a few items.
const USUAL: &[(&str, f64, f64)] = &[
    ("checkpoint", 10.0, 6.5),
    ("unet", 15.0, 12.0),
    ("diffusion", 15.0, 12.0),
    ("lora", 1.0, 0.3),
    ("control", 2.0, 1.5),
    ("clip_vision", 2.0, 1.2),
    ("clip", 6.0, 5.0),
    ("vae", 1.0, 0.3),
    ("upscale", 0.5, 0.1),
];

/// What any other model takes.
const OTHER: (f64, f64) = (3.0, 2.0);

/// Types of outputs that are models, beside all that have MODEL in their names.
const MODEL_TYPES: [&str; 5] = ["CLIP", "VAE", "CONTROL_NET", "CLIP_VISION", "GLIGEN"];

/// The models that a graph loads, by name: the files that its nodes name, and what nodes without links
/// make that is a model by its type.
pub(super) fn models(graph: &Graph, nodes: &NodeSet) -> BTreeMap<String, Model> {
    let mut needs = GraphNeeds::default();
    needs.add(graph, nodes);
    let mut found: BTreeMap<String, Model> = BTreeMap::new();
    for file in needs.files {
        let usual = usual(&file.class, &file.input);
        found.entry(file.name).or_insert(usual);
    }
    for node in graph.nodes.values() {
        let names_a_file =
            |input: &Input| matches!(input, Input::Value(Value::String(name)) if found.contains_key(name));
        if is_loader(node, nodes.class(&node.class)) && !node.inputs.values().any(names_a_file) {
            let constants: BTreeMap<&String, &Value> = node
                .inputs
                .iter()
                .filter_map(|(name, input)| if let Input::Value(value) = input { Some((name, value)) } else { None })
                .collect();
            let constants = serde_json::to_value(constants).unwrap_or_default();
            let name = format!("{} {}", node.class, canonical_json(&constants));
            let usual = usual(&node.class, "");
            found.insert(name, usual);
        }
    }
    found
}

/// Whether a node makes a model of constants alone.
pub(super) fn is_loader(node: &GraphNode, class: Option<&ClassInfo>) -> bool {
    let Some(class) = class else { return false };
    let is_model = |name: &str| name.contains("MODEL") || MODEL_TYPES.contains(&name);
    let makes_one = class.outputs.iter().any(|output| output.types.iter().any(is_model));
    makes_one && links(node).next().is_none()
}

fn usual(class: &str, input: &str) -> Model {
    let said = format!("{class} {input}").to_lowercase();
    let known = USUAL.iter().find(|(word, ..)| said.contains(word)).map(|(_, load, gigabytes)| (*load, *gigabytes));
    let (load, gigabytes) = known.unwrap_or(OTHER);
    Model { load, bytes: (gigabytes * f64::from(1 << 30)) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_loaders_are_models() {
        let nodes = NodeSet::parse(
            r#"{"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["a.safetensors"]]}},
                  "output": ["MODEL", "CLIP", "VAE"]},
                "LoraLoader": {"input": {"required": {"model": ["MODEL"], "lora_name": [["b.safetensors"]]}},
                  "output": ["MODEL", "CLIP"]},
                "SamLoader": {"input": {"required": {"kind": [["base", "large"]]}}, "output": ["SAM_MODEL"]},
                "CLIPTextEncode": {"input": {"required": {"clip": ["CLIP"], "text": ["STRING"]}},
                  "output": ["CONDITIONING"]}}"#,
        )
        .unwrap_or_default();
        let mut graph = Graph::default();
        graph.add("c", "CheckpointLoaderSimple", [("ckpt_name", Input::value("a.safetensors"))]);
        let lora = [("model", Input::link("c", 0)), ("lora_name", Input::value("b.safetensors"))];
        graph.add("l", "LoraLoader", lora);
        graph.add("s", "SamLoader", [("kind", Input::value("base"))]);
        graph.add("t", "CLIPTextEncode", [("clip", Input::link("l", 1)), ("text", Input::value("a.safetensors"))]);
        let found = models(&graph, &nodes);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, [r#"SamLoader {"kind":"base"}"#, "a.safetensors", "b.safetensors"]);
        assert!(found["a.safetensors"].load > found["b.safetensors"].load);
    }
}
