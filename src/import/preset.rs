//! A preset from a graph and the inputs that it is to expose.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names::{free_name, node_names};
use crate::{
    compile::escape_interpolation,
    graph::{ClassInfo, ComboSource, Graph, GraphNode, Input, InputInfo, InputKind, Link, NodeSet, escape_literal},
    ident::{IndexMap, did_you_mean},
    model::{Body, Document, Header, Kind, NodeDef, Param, ParamType, Preset, ValueMap},
};

/// Roles that a parameter has by its name.
const ROLES: [&str; 9] = ["prompt", "negative", "seed", "steps", "cfg", "width", "height", "image", "mask"];

/// What the preset is to be.
#[derive(Clone, Debug)]
pub struct PresetRequest {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Title for people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Inputs that become parameters, by the name of the parameter.
    pub params: IndexMap<String, ExposedInput>,
    /// What the preset makes, by name: `9` or `8.IMAGE`. Empty for all nodes that save.
    pub outputs: IndexMap<String, String>,
}

/// An input of a node that becomes a parameter. Its present value becomes the default.
#[derive(Clone, Debug, Default)]
pub struct ExposedInput {
    /// The node: its id, its title or its class, as long as that means only one.
    pub node: String,
    /// The input.
    pub input: String,
    /// Its type; read off the node's signature without it.
    pub kind: Option<ParamType>,
    /// Its role; read off its name without it.
    pub role: Option<String>,
    /// Whether it must be given; it has no default then.
    pub required: bool,
    /// One line for people.
    pub help: Option<String>,
}

/// Why a graph does not become a preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The graph has no nodes.
    #[error("make a preset: the graph has no nodes")]
    Empty,
    /// A node is named that is not there.
    #[error("make a preset: the graph has no node `{node}`")]
    NoNode {
        /// As given.
        node: String,
        /// What was probably meant, or the nodes there are.
        hint: String,
    },
    /// Several nodes fit.
    #[error("make a preset: several nodes are called `{node}`")]
    Ambiguous {
        /// As given.
        node: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// An input is named that the node does not set, or that is a link.
    #[error("make a preset: node `{node}` has no value for `{input}` that could become a parameter")]
    NoInput {
        /// The node.
        node: String,
        /// As given.
        input: String,
        /// The inputs that hold values.
        inputs: Vec<String>,
    },
    /// A text that no document can hold.
    #[error("make a preset: a text of node `{node}` cannot stand in a document: {message}")]
    Text {
        /// The node.
        node: String,
        /// Why.
        message: String,
    },
    /// Nothing is saved.
    #[error("make a preset: no node of the graph saves anything")]
    NoOutput,
}

impl ImportError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoNode { hint, .. } => Some(hint.clone()),
            Self::Ambiguous { ids, .. } => Some(format!("name one by its id: {}", ids.join(" or "))),
            Self::NoInput { inputs, .. } if inputs.is_empty() => None,
            Self::NoInput { inputs, .. } => Some(format!("it has values for {}", inputs.join(", "))),
            Self::NoOutput => Some("name the outputs, such as image = \"8.IMAGE\"".to_owned()),
            Self::Empty | Self::Text { .. } => None,
        }
    }
}

/// The preset that `request` makes of `graph`. Nodes get names, links the names of outputs; texts
/// are escaped so that they say what they said. Inputs that are null are left out.
pub fn preset(graph: &Graph, nodes: &NodeSet, request: &PresetRequest) -> Result<Document, ImportError> {
    if graph.nodes.is_empty() {
        return Err(ImportError::Empty);
    }
    let source = Source { graph, nodes, names: node_names(graph) };
    let mut node: IndexMap<String, NodeDef> = IndexMap::default();
    for (id, found) in &graph.nodes {
        node.insert(source.names[id].clone(), source.node(id, found)?);
    }
    let mut params = IndexMap::default();
    for (name, exposed) in &request.params {
        let id = source.find(&exposed.node)?;
        params.insert(name.clone(), source.param(name, id, exposed)?);
        node[&source.names[id]].inputs[&exposed.input] = Value::from(format!("{{{name}}}"));
    }
    let outputs = if request.outputs.is_empty() { source.savers()? } else { source.outputs(&request.outputs)? };
    let header = Header {
        kind: Kind::Preset,
        format: 1,
        name: request.name.clone(),
        version: request.version.clone(),
        title: request.title.clone(),
        description: request.description.clone(),
        tags: request.tags.clone(),
        metadata: ValueMap::default(),
    };
    Ok(Document { header, body: Body::Preset(Preset { params, node, outputs, ..Preset::default() }) })
}

struct Source<'a> {
    graph: &'a Graph,
    nodes: &'a NodeSet,
    names: IndexMap<String, String>,
}

impl Source<'_> {
    fn node(&self, id: &str, node: &GraphNode) -> Result<NodeDef, ImportError> {
        let mut inputs = ValueMap::default();
        for (name, input) in &node.inputs {
            let value = match input {
                Input::Link(link) => self.link(link)?,
                Input::Value(value) => {
                    escaped(value).map_err(|message| ImportError::Text { node: id.to_owned(), message })?
                }
                Input::Files(_) => Value::Null,
            };
            if !value.is_null() {
                inputs.insert(name.clone(), value);
            }
        }
        Ok(NodeDef { title: node.title.clone(), bypass: None, pos: None, class: node.class.clone(), inputs })
    }

    fn link(&self, link: &Link) -> Result<Value, ImportError> {
        let name = self.names.get(&link.node).ok_or_else(|| self.no_node(&link.node))?;
        let class = self.nodes.class(&self.graph.nodes[&link.node].class);
        Ok(Value::from(format!("@{name}.{}", output_text(class, link.output))))
    }

    /// The id of the node that `text` means.
    fn find(&self, text: &str) -> Result<&str, ImportError> {
        if let Some((id, _)) = self.graph.nodes.get_key_value(text) {
            return Ok(id);
        }
        let is_called = |id: &str, node: &GraphNode| {
            node.title.as_deref() == Some(text) || node.class == text || self.names[id] == text
        };
        let found: Vec<&str> =
            self.graph.nodes.iter().filter(|(id, node)| is_called(id, node)).map(|(id, _)| id.as_str()).collect();
        match found[..] {
            [id] => Ok(id),
            [] => Err(self.no_node(text)),
            _ => Err(ImportError::Ambiguous {
                node: text.to_owned(),
                ids: found.iter().map(|id| (*id).to_owned()).collect(),
            }),
        }
    }

    fn no_node(&self, text: &str) -> ImportError {
        let titles = self.graph.nodes.values().filter_map(|n| n.title.as_deref());
        let classes = self.graph.nodes.values().map(|n| n.class.as_str());
        let ids = self.graph.nodes.keys().map(String::as_str);
        let near = did_you_mean(text, ids.chain(titles).chain(classes)).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| {
            let nodes = self.graph.nodes.iter().map(|(id, node)| format!("{id} ({})", node.class));
            format!("it has {}", nodes.collect::<Vec<_>>().join(", "))
        });
        ImportError::NoNode { node: text.to_owned(), hint }
    }

    fn param(&self, name: &str, id: &str, exposed: &ExposedInput) -> Result<Param, ImportError> {
        let node = &self.graph.nodes[id];
        let Some(Input::Value(value)) = node.inputs.get(&exposed.input) else {
            let values = node.inputs.iter().filter(|(_, input)| matches!(input, Input::Value(_)));
            return Err(ImportError::NoInput {
                node: id.to_owned(),
                input: exposed.input.clone(),
                inputs: values.map(|(name, _)| name.clone()).collect(),
            });
        };
        let class = self.nodes.class(&node.class);
        let info = class.and_then(|class| class.inputs.iter().find(|input| input.name == exposed.input));
        let kind = exposed.kind.unwrap_or_else(|| kind_of(&exposed.input, info, value));
        let by_name = || ROLES.iter().find(|role| **role == name).map(|role| (*role).to_owned());
        let by_kind = || (kind == ParamType::Seed).then(|| "seed".to_owned());
        Ok(Param {
            kind,
            role: exposed.role.clone().or_else(by_name).or_else(by_kind),
            required: exposed.required,
            default: (!exposed.required).then(|| plain(value)).filter(|value| !value.is_null()),
            values: if kind == ParamType::Enum { options(info, value) } else { Vec::new() },
            min: None,
            max: None,
            step: None,
            pattern: None,
            min_length: None,
            max_length: None,
            help: exposed.help.clone(),
            bind: None,
        })
    }

    fn outputs(&self, wanted: &IndexMap<String, String>) -> Result<IndexMap<String, String>, ImportError> {
        let link = |text: &str| {
            let text = text.trim_start_matches('@');
            let (node, output) = text.rsplit_once('.').filter(|_| self.find(text).is_err()).unzip();
            let name = &self.names[self.find(node.unwrap_or(text))?];
            Ok(output.map_or_else(|| format!("@{name}"), |output| format!("@{name}.{output}")))
        };
        wanted.iter().map(|(name, text)| Ok((name.clone(), link(text)?))).collect()
    }

    /// All nodes that save something, as outputs.
    fn savers(&self) -> Result<IndexMap<String, String>, ImportError> {
        let saves = |node: &GraphNode| match self.nodes.class(&node.class) {
            Some(class) => class.output_node,
            None => node.class.starts_with("Save") || node.class.starts_with("Preview"),
        };
        let mut taken = BTreeSet::new();
        let savers = self.graph.nodes.iter().filter(|(_, node)| saves(node));
        let found: IndexMap<String, String> =
            savers.map(|(id, _)| (free_name("image", &mut taken), format!("@{}", self.names[id]))).collect();
        if found.is_empty() { Err(ImportError::NoOutput) } else { Ok(found) }
    }
}

/// The name of an output, where the class has only one of that name; its index otherwise.
fn output_text(class: Option<&ClassInfo>, output: usize) -> String {
    let names = || class.into_iter().flat_map(|class| &class.outputs).map(|o| o.name.as_str());
    let name = names().nth(output).filter(|name| {
        let is_word = !name.is_empty() && !name.bytes().all(|b| b.is_ascii_digit());
        is_word && names().filter(|other| other == name).count() == 1
    });
    name.map_or_else(|| output.to_string(), str::to_owned)
}

/// A literal as documents write it.
fn escaped(value: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => {
            Value::from(escape_literal(&escape_interpolation(text).map_err(|e| e.to_string())?).into_owned())
        }
        Value::Array(list) => Value::Array(list.iter().map(escaped).collect::<Result<_, _>>()?),
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| Ok((key.clone(), escaped(value)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => plain(other),
    })
}

/// A number that is too large for a document as its digits.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_u64() && !number.is_i64() => Value::from(number.to_string()),
        other => other.clone(),
    }
}

fn kind_of(name: &str, info: Option<&InputInfo>, value: &Value) -> ParamType {
    let is_seed = name == "seed" || name == "noise_seed" || info.is_some_and(|info| info.control_after_generate);
    match info.map(|info| &info.kind) {
        Some(InputKind::Int { .. }) if is_seed => ParamType::Seed,
        Some(InputKind::Int { .. }) => ParamType::Int,
        Some(InputKind::Float { .. }) => ParamType::Float,
        Some(InputKind::Bool) => ParamType::Bool,
        Some(InputKind::Combo { source: ComboSource::ModelFiles, .. }) => ParamType::Model,
        Some(InputKind::Combo { source: ComboSource::Upload, .. }) => ParamType::Image,
        Some(InputKind::Combo { source: ComboSource::Fixed, .. }) => ParamType::Enum,
        _ => match value {
            Value::Bool(_) => ParamType::Bool,
            Value::Number(number) if number.is_f64() => ParamType::Float,
            Value::Number(_) if is_seed => ParamType::Seed,
            Value::Number(_) => ParamType::Int,
            Value::String(text) if [".safetensors", ".ckpt", ".gguf"].iter().any(|end| text.ends_with(end)) => {
                ParamType::Model
            }
            _ => ParamType::String,
        },
    }
}

fn options(info: Option<&InputInfo>, value: &Value) -> Vec<Value> {
    match info.map(|info| &info.kind) {
        Some(InputKind::Combo { options, .. }) if !options.is_empty() => options.clone(),
        _ => vec![value.clone()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{builtin, from_api};

    fn request() -> PresetRequest {
        PresetRequest {
            name: "blurred".to_owned(),
            version: "1.0.0".to_owned(),
            title: None,
            description: None,
            tags: Vec::new(),
            params: IndexMap::default(),
            outputs: IndexMap::default(),
        }
    }

    fn graph() -> Graph {
        let api = json!({
            "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
            "2": {"class_type": "ImageBlur", "_meta": {"title": "Soft"},
                  "inputs": {"image": ["1", 0], "blur_radius": 3, "sigma": 1.5}},
            "7": {"class_type": "Mystery", "inputs": {"text": "@{name} {a|b}", "any": null, "from": ["2", 1],
                  "seed": 18_446_744_073_709_551_615_u64}},
            "9": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
        });
        from_api(&api).unwrap()
    }

    fn exposed(node: &str, input: &str) -> ExposedInput {
        ExposedInput { node: node.to_owned(), input: input.to_owned(), ..ExposedInput::default() }
    }

    #[test]
    fn a_graph_becomes_a_preset() {
        let mut request = request();
        request.params.insert("radius".to_owned(), exposed("Soft", "blur_radius"));
        request.params.insert("seed".to_owned(), ExposedInput { required: true, ..exposed("7", "seed") });
        let document = preset(&graph(), builtin(), &request).unwrap().to_json();
        assert_eq!(document["params"]["radius"], json!({"type": "int", "default": 3}));
        assert_eq!(document["params"]["seed"], json!({"type": "seed", "role": "seed", "required": true}));
        let expected = json!({
            "load_image": {"LoadImage": {"image": "photo.png"}},
            "soft": {"title": "Soft", "ImageBlur": {"image": "@load_image.IMAGE", "blur_radius": "{radius}", "sigma": 1.5}},
            "mystery": {"Mystery": {"text": "@@{{name}} {a|b}", "from": "@soft.1", "seed": "{seed}"}},
            "save_image": {"SaveImage": {"images": "@soft.IMAGE", "filename_prefix": "x"}},
        });
        assert_eq!(document["node"], expected);
        assert_eq!(document["outputs"], json!({"image": "@save_image"}));
    }

    #[test]
    fn outputs_are_named_by_id_and_name() {
        let mut request = request();
        request.outputs.insert("blurred".to_owned(), "2.IMAGE".to_owned());
        request.outputs.insert("saved".to_owned(), "@9".to_owned());
        let document = preset(&graph(), builtin(), &request).unwrap().to_json();
        assert_eq!(document["outputs"], json!({"blurred": "@soft.IMAGE", "saved": "@save_image"}));
    }

    #[test]
    fn what_is_not_there_is_told_with_a_hint() {
        let told = |node: &str, input: &str| {
            let mut request = request();
            request.params.insert("x".to_owned(), exposed(node, input));
            let error = preset(&graph(), builtin(), &request).unwrap_err();
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        assert!(told("Sofd", "sigma").ends_with("no node `Sofd`; did you mean `Soft`?"));
        assert!(told("2", "image").contains("it has values for blur_radius, sigma"));
        assert_eq!(preset(&Graph::default(), builtin(), &request()), Err(ImportError::Empty));
    }
}
