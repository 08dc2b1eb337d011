//! A preset from a graph and the inputs that it is to expose.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    ImportError, Range,
    names::{Names, node_names, own_title},
    outputs::outputs,
    params,
    texts::texts,
    view::{View, grouped},
};
use crate::{
    compile::escape_interpolation,
    graph::{
        ClassInfo, ComboSource, Graph, GraphNode, Input, InputInfo, InputKind, Link, NodeSet, escape_literal,
        is_model_file,
    },
    ident::{IndexMap, did_you_mean},
    model::{Bind, Body, Document, GraphFile, Header, Kind, NodeDef, Param, ParamType, Preset, ValueMap},
};

/// Most nodes of a preset.
const MOST_NODES: usize = 10_000;

/// What documents say of a node beside its class.
const METADATA: [&str; 3] = ["title", "bypass", "pos"];

/// Roles that a parameter has by its name.
const ROLES: [&str; 9] = ["prompt", "negative", "seed", "steps", "cfg", "width", "height", "image", "mask"];

/// What the preset is to be.
#[derive(Clone, Debug, Default)]
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
    /// Nodes that are passed by, by id.
    pub bypassed: BTreeSet<String>,
    /// The file that holds the graph, relative to the preset; the nodes stand in the preset without
    /// it.
    pub workflow: Option<String>,
}

/// An input of a node that becomes a parameter. Its present value becomes the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExposedInput {
    /// The node: its id, its title or its class, as long as that means only one.
    pub node: String,
    /// The input.
    pub input: String,
    /// Other nodes and inputs that take the same value.
    pub also: Vec<(String, String)>,
    /// Its type; read off the node's signature without it.
    pub kind: Option<ParamType>,
    /// Its role; read off its name without it.
    pub role: Option<String>,
    /// Whether it must be given; it has no default then.
    pub required: bool,
    /// One line for people.
    pub help: Option<String>,
    /// What numbers it takes.
    pub range: Range,
}

/// The preset that `request` makes of `graph`. Nodes get names and an order to be read in, links
/// the names of outputs; texts are escaped so that they say what they said. Inputs that are null
/// are left out.
pub fn preset(graph: &Graph, nodes: &NodeSet, request: &PresetRequest) -> Result<Document, ImportError> {
    let view = checked_view(graph, nodes, request)?;
    let order = view.reading_order();
    let names = node_names(&view, &order, &texts(&view, &order));
    let mut source = Source { view: &view, names, params: IndexMap::default(), roles: BTreeSet::new() };
    for (name, exposed) in &request.params {
        let param = source.param(name, exposed)?;
        source.params.insert(name.clone(), param);
    }
    let mut body = match &request.workflow {
        Some(workflow) => source.kept(workflow, request)?,
        None => source.inline(&order, request)?,
    };
    body.outputs = source.outputs(&order, request)?;
    body.params = source.params;
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
    Ok(Document { header, body: Body::Preset(body) })
}

/// The inputs of `graph` that people are likely to set, by the name of the parameter: texts, files,
/// models, seeds, what samplers are told, sizes, and primitives with titles. Those of nodes that are
/// passed by are left out; where the graph is kept as a file, no parameter sets several inputs.
pub fn likely_params(
    graph: &Graph,
    nodes: &NodeSet,
    request: &PresetRequest,
) -> Result<IndexMap<String, ExposedInput>, ImportError> {
    let view = checked_view(graph, nodes, request)?;
    let order = view.reading_order();
    let texts = texts(&view, &order);
    let names = node_names(&view, &order, &texts);
    Ok(params::likely(&view, &order, &texts, &names, request.workflow.is_some()))
}

/// The classes of `graph` that `nodes` does not know, and how many nodes are of each.
pub fn unknown_classes<'a>(graph: &'a Graph, nodes: &NodeSet) -> IndexMap<&'a str, usize> {
    let unknown = graph.nodes.values().filter(|node| !nodes.contains(&node.class));
    let groups = grouped(unknown.map(|node| (node.class.as_str(), ())));
    groups.into_iter().map(|(class, nodes)| (class, nodes.len())).collect()
}

fn checked_view<'a>(graph: &'a Graph, nodes: &'a NodeSet, request: &'a PresetRequest) -> Result<View<'a>, ImportError> {
    match graph.nodes.len() {
        0 => Err(ImportError::Empty),
        nodes if nodes > MOST_NODES && request.workflow.is_none() => {
            Err(ImportError::TooLarge { nodes, most: MOST_NODES })
        }
        _ => View::new(graph, nodes, &request.bypassed),
    }
}

struct Source<'v, 'a> {
    view: &'v View<'a>,
    names: IndexMap<String, String>,
    params: IndexMap<String, Param>,
    /// Roles that parameters have.
    roles: BTreeSet<String>,
}

impl<'a> Source<'_, 'a> {
    /// The nodes in the preset itself.
    fn inline(&mut self, order: &[&str], request: &PresetRequest) -> Result<Preset, ImportError> {
        let mut inserted = BTreeMap::new();
        for (name, exposed) in &request.params {
            let id = self.find(&exposed.node)?.to_owned();
            inserted.insert((id, exposed.input.clone()), name.as_str());
            inserted.extend(exposed.also.iter().cloned().map(|place| (place, name.as_str())));
        }
        let mut node: IndexMap<String, NodeDef> = IndexMap::default();
        for id in order {
            let mut made = self.node(id, &inserted)?;
            made.bypass = self.view.is_bypassed(id).then_some(Value::Bool(true));
            node.insert(self.names[*id].clone(), made);
        }
        Ok(Preset { node, ..Preset::default() })
    }

    /// The nodes in a file of their own, where a parameter sets one input.
    fn kept(&mut self, workflow: &str, request: &PresetRequest) -> Result<Preset, ImportError> {
        for (name, exposed) in &request.params {
            let bind = self.bind(self.find(&exposed.node)?, &exposed.input);
            self.params[name].bind = Some(bind);
        }
        let graph = Some(GraphFile { workflow: workflow.to_owned() });
        Ok(Preset { graph, ..Preset::default() })
    }

    /// By the title that somebody gave it, where only one node with that input has it, else by the id.
    fn bind(&self, id: &str, input: &str) -> Bind {
        let title = own_title(self.view.node(id), self.view.class(id)).filter(|title| {
            let all = self.view.graph.nodes.values();
            all.filter(|node| node.title.as_deref() == Some(*title) && node.inputs.contains_key(input)).count() == 1
        });
        let title = title.map(str::to_owned);
        let node = title.is_none().then(|| id.to_owned());
        Bind { node, title, class: None, input: input.to_owned() }
    }

    /// A node; `inserted` are the inputs that take a parameter.
    fn node(&mut self, id: &str, inserted: &BTreeMap<(String, String), &str>) -> Result<NodeDef, ImportError> {
        let node = self.view.node(id);
        if METADATA.contains(&node.class.as_str()) {
            return Err(ImportError::Class { node: id.to_owned(), class: node.class.clone() });
        }
        let mut inputs = ValueMap::default();
        for (name, input) in self.in_order(id) {
            let is_whole =
                || self.view.input((id, name)).is_some_and(|info| matches!(info.kind, InputKind::Int { .. }));
            let value = match (inserted.get(&(id.to_owned(), name.clone())), input) {
                (Some(param), _) => Value::from(format!("{{{param}}}")),
                (None, Input::Link(link)) => self.link(link),
                (None, Input::Value(value)) => self
                    .literal(name, value, is_whole())
                    .ok_or_else(|| ImportError::Null { node: id.to_owned(), input: name.clone() })?,
                (None, Input::Files(_)) => Value::Null,
            };
            if !value.is_null() {
                inputs.insert(name.clone(), value);
            }
        }
        let is_default = |title: &String| self.view.class(id).is_some_and(|class| *title == class.display_name);
        let title = node.title.clone().filter(|title| !is_default(title));
        Ok(NodeDef { title, bypass: None, pos: None, class: node.class.clone(), inputs })
    }

    /// The inputs of a node in the order of its class, then those that it does not have.
    fn in_order(&self, id: &str) -> Vec<(&'a String, &'a Input)> {
        let class = self.view.class(id);
        let place = |name: &str| {
            let head = name.split('.').next().unwrap_or(name);
            class
                .and_then(|class| class.inputs.iter().position(|i| i.name == name || i.name == head))
                .unwrap_or(usize::MAX)
        };
        let mut inputs: Vec<_> = self.view.node(id).inputs.iter().collect();
        inputs.sort_by_key(|(name, _)| place(name));
        inputs
    }

    fn link(&self, link: &Link) -> Value {
        let class = self.view.class(&link.node);
        Value::from(format!("@{}.{}", self.names[&link.node], output_text(class, link.output)))
    }

    /// A literal as documents write it, null for null; none for null in a list. What cannot be
    /// written where it stands is the default of a parameter. `digits` stand for a number where one
    /// is wanted.
    fn literal(&mut self, name: &str, value: &Value, digits: bool) -> Option<Value> {
        Some(match value {
            Value::String(text) => match escape_interpolation(text) {
                Ok(escaped) => Value::from(escape_literal(&escaped).into_owned()),
                Err(_) => self.carried(name, value.clone(), ParamType::String),
            },
            Value::Number(number) if number.is_u64() && !number.is_i64() => {
                let text = Value::from(number.to_string());
                if digits { text } else { self.carried(name, text, ParamType::Seed) }
            }
            Value::Array(list) if list.iter().any(Value::is_null) => return None,
            Value::Array(list) => list.iter().map(|value| self.literal(name, value, false)).collect::<Option<_>>()?,
            Value::Object(map) => {
                let known = map.iter().filter(|(_, value)| !value.is_null());
                Value::Object(
                    known.map(|(key, v)| Some((key.clone(), self.literal(key, v, false)?))).collect::<Option<_>>()?,
                )
            }
            other => other.clone(),
        })
    }

    /// Inserts a parameter that only carries a value.
    fn carried(&mut self, name: &str, value: Value, kind: ParamType) -> Value {
        let mut names = Names::default();
        self.params.keys().for_each(|taken| drop(names.free(taken)));
        let name = super::names::snake_case(name);
        let name = names.free(if crate::ident::is_identifier(&name) { &name } else { "value" });
        let written = Value::from(format!("{{{name}}}"));
        self.params.insert(name, Param { default: Some(value), ..plain_param(kind) });
        written
    }

    /// The id of the node that `text` means.
    fn find(&self, text: &str) -> Result<&str, ImportError> {
        let nodes = &self.view.graph.nodes;
        if let Some((id, _)) = nodes.get_key_value(text) {
            return Ok(id);
        }
        let is_called = |id: &str, node: &GraphNode| {
            node.title.as_deref() == Some(text) || node.class == text || self.names[id] == text
        };
        let found: Vec<&str> =
            nodes.iter().filter(|(id, node)| is_called(id, node)).map(|(id, _)| id.as_str()).collect();
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
        let nodes = &self.view.graph.nodes;
        let titles = nodes.values().filter_map(|n| n.title.as_deref());
        let classes = nodes.values().map(|n| n.class.as_str());
        let ids = nodes.keys().map(String::as_str);
        let near = did_you_mean(text, ids.chain(titles).chain(classes)).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| {
            let nodes = nodes.iter().map(|(id, node)| format!("{id} ({})", node.class));
            format!("it has {}", nodes.collect::<Vec<_>>().join(", "))
        });
        ImportError::NoNode { node: text.to_owned(), hint }
    }

    fn param(&mut self, name: &str, exposed: &ExposedInput) -> Result<Param, ImportError> {
        let id = self.find(&exposed.node)?.to_owned();
        let node = self.view.node(&id);
        let Some(Input::Value(value)) = node.inputs.get(&exposed.input) else {
            let values = node.inputs.iter().filter(|(_, input)| matches!(input, Input::Value(_)));
            return Err(ImportError::NoInput {
                node: id,
                input: exposed.input.clone(),
                inputs: values.map(|(name, _)| name.clone()).collect(),
            });
        };
        let info = self.view.input((&id, &exposed.input));
        let kind = exposed.kind.unwrap_or_else(|| kind_of(&exposed.input, info, value));
        let by_name = || ROLES.iter().find(|role| **role == name).map(|role| (*role).to_owned());
        let by_kind = || (kind == ParamType::Seed).then(|| "seed".to_owned());
        let guessed = || by_name().or_else(by_kind).filter(|role| !self.roles.contains(role));
        let role = exposed.role.clone().or_else(guessed);
        self.roles.extend(role.clone());
        let Range { min, max, step } = exposed.range;
        Ok(Param {
            role,
            required: exposed.required,
            default: (!exposed.required).then(|| plain(value)).filter(|value| !value.is_null()),
            values: if kind == ParamType::Enum { options(info, value) } else { Vec::new() },
            min,
            max,
            step,
            help: exposed.help.clone(),
            ..plain_param(kind)
        })
    }

    fn outputs(&self, order: &[&'a str], request: &PresetRequest) -> Result<IndexMap<String, String>, ImportError> {
        let is_kept = request.workflow.is_some();
        let name = |id: &str| if is_kept { id.to_owned() } else { self.names[id].clone() };
        if request.outputs.is_empty() {
            let found = outputs(self.view, order);
            let link = |(id, output): (&str, Option<usize>)| match output {
                Some(output) => format!("@{}.{}", name(id), output_text(self.view.class(id), output)),
                None => format!("@{}", name(id)),
            };
            let found: IndexMap<_, _> = found.into_iter().map(|(name, output)| (name, link(output))).collect();
            return if found.is_empty() { Err(ImportError::NoOutput) } else { Ok(found) };
        }
        let link = |text: &str| {
            let text = text.trim_start_matches('@');
            let (node, output) = text.rsplit_once('.').filter(|_| self.find(text).is_err()).unzip();
            let name = name(self.find(node.unwrap_or(text))?);
            Ok(output.map_or_else(|| format!("@{name}"), |output| format!("@{name}.{output}")))
        };
        request.outputs.iter().map(|(name, text)| Ok((name.clone(), link(text)?))).collect()
    }
}

fn plain_param(kind: ParamType) -> Param {
    Param {
        kind,
        role: None,
        required: false,
        default: None,
        values: Vec::new(),
        min: None,
        max: None,
        step: None,
        pattern: None,
        min_length: None,
        max_length: None,
        help: None,
        bind: None,
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
            value if is_model_file(value) => ParamType::Model,
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
        PresetRequest { name: "blurred".to_owned(), version: "1.0.0".to_owned(), ..PresetRequest::default() }
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
            "image": {"LoadImage": {"image": "photo.png"}},
            "soft": {"title": "Soft", "ImageBlur": {"image": "@image.IMAGE", "blur_radius": "{radius}", "sigma": 1.5}},
            "mystery": {"Mystery": {"text": "@@{{name}} {a|b}", "from": "@soft.1", "seed": "{seed}"}},
            "save": {"SaveImage": {"images": "@soft.IMAGE", "filename_prefix": "x"}},
        });
        assert_eq!(document["node"], expected);
        assert_eq!(document["outputs"], json!({"image": "@save"}));
    }

    #[test]
    fn outputs_are_named_by_id_and_name() {
        let mut request = request();
        request.outputs.insert("blurred".to_owned(), "2.IMAGE".to_owned());
        request.outputs.insert("saved".to_owned(), "@9".to_owned());
        let document = preset(&graph(), builtin(), &request).unwrap().to_json();
        assert_eq!(document["outputs"], json!({"blurred": "@soft.IMAGE", "saved": "@save"}));
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
