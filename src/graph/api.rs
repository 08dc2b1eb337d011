//! Graphs in API format: what `POST /prompt` takes.

use crate::ident::IndexMap;
use serde_json::{Map, Value, json};

use super::ir::{BoundFile, Graph, GraphNode, Input, Link};

/// The key under which a list stands that is a value, not a link.
const VALUE_KEY: &str = "__value__";

/// Why a JSON value is not a graph in API format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// It is no JSON object.
    #[error("read graph: it is not a JSON object of nodes")]
    NotAnObject,
    /// It is what the editor saves, not what it sends.
    #[error("read graph: this is the editor's own format; save it with \"Export (API)\"")]
    EditorFormat,
    /// A node is no JSON object, or its inputs are none.
    #[error("read graph: node \"{node}\" is not an object with class_type and inputs")]
    NotANode {
        /// The node's id.
        node: String,
    },
    /// A node has no class.
    #[error("read graph: node \"{node}\" has no class_type")]
    NoClass {
        /// The node's id.
        node: String,
    },
    /// A list is not `[node, index]`.
    #[error(
        "read graph: input \"{input}\" of node \"{node}\" is a list but no link; \
         a link is [node, index], any other list is written {{\"__value__\": […]}}"
    )]
    NotALink {
        /// The node's id.
        node: String,
        /// The input.
        input: String,
    },
}

/// Reads a graph in API format. Keys of a node other than `class_type`, `inputs` and `_meta.title`
/// are dropped; the order of nodes and inputs is kept.
pub fn from_api(value: &Value) -> Result<Graph, ApiError> {
    let nodes = value.as_object().ok_or(ApiError::NotAnObject)?;
    if nodes.get("nodes").is_some_and(Value::is_array) {
        return Err(ApiError::EditorFormat);
    }
    let nodes = nodes.iter().map(|(id, node)| Ok((id.clone(), read_node(id, node)?)));
    Ok(Graph { nodes: nodes.collect::<Result<_, _>>()? })
}

fn read_node(id: &str, node: &Value) -> Result<GraphNode, ApiError> {
    let not_a_node = || ApiError::NotANode { node: id.to_owned() };
    let object = node.as_object().ok_or_else(not_a_node)?;
    let class = object.get("class_type").and_then(Value::as_str);
    let class = class.ok_or_else(|| ApiError::NoClass { node: id.to_owned() })?;
    let mut inputs = IndexMap::default();
    if let Some(values) = object.get("inputs") {
        for (name, value) in values.as_object().ok_or_else(not_a_node)? {
            let not_a_link = || ApiError::NotALink { node: id.to_owned(), input: name.clone() };
            inputs.insert(name.clone(), read_input(value).ok_or_else(not_a_link)?);
        }
    }
    let title = node["_meta"]["title"].as_str().map(str::to_owned);
    Ok(GraphNode { class: class.to_owned(), title, inputs })
}

/// The input that `value` stands for; none for a list that is no link.
pub(super) fn read_input(value: &Value) -> Option<Input> {
    match value {
        Value::Array(list) => read_link(list).map(Input::Link),
        Value::Object(object) => Some(Input::Value(wrapped(object).unwrap_or(value).clone())),
        scalar => Some(Input::Value(scalar.clone())),
    }
}

fn read_link(list: &[Value]) -> Option<Link> {
    let [node, output] = list else { return None };
    let node = match node {
        Value::String(id) => id.clone(),
        Value::Number(id) if id.is_u64() => id.to_string(),
        _ => return None,
    };
    Some(Link { node, output: usize::try_from(output.as_u64()?).ok()? })
}

/// Writes `graph` in API format, nodes and inputs in their order. `resolve` says what stands for
/// files: the name of an uploaded file, for example.
pub fn to_api(graph: &Graph, resolve: &mut dyn FnMut(&[BoundFile]) -> Value) -> Value {
    let mut nodes = Map::new();
    for (id, node) in &graph.nodes {
        let inputs: Map<String, Value> =
            node.inputs.iter().map(|(name, input)| (name.clone(), write_input(input, resolve))).collect();
        let mut object = Map::new();
        object.insert("inputs".to_owned(), Value::Object(inputs));
        object.insert("class_type".to_owned(), Value::from(node.class.as_str()));
        if let Some(title) = &node.title {
            object.insert("_meta".to_owned(), json!({ "title": title }));
        }
        nodes.insert(id.clone(), Value::Object(object));
    }
    Value::Object(nodes)
}

fn write_input(input: &Input, resolve: &mut dyn FnMut(&[BoundFile]) -> Value) -> Value {
    match input {
        Input::Link(link) => json!([link.node, link.output]),
        Input::Value(value) => wrap(value.clone()),
        Input::Files(files) => wrap(resolve(files)),
    }
}

/// What an object stands for that only protects its value. One that says more of it stays as it is.
fn wrapped(object: &Map<String, Value>) -> Option<&Value> {
    object.get(VALUE_KEY).filter(|_| object.len() == 1)
}

/// Protects a value that would be taken for something else.
fn wrap(value: Value) -> Value {
    let ambiguous = match &value {
        Value::Array(_) => true,
        Value::Object(object) => wrapped(object).is_some(),
        _ => false,
    };
    if ambiguous { json!({ VALUE_KEY: value }) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_files(_: &[BoundFile]) -> Value {
        Value::Null
    }

    #[test]
    fn api_format_survives_a_round_trip() {
        let api = json!({
            "9": {"inputs": {"images": ["29:5", 1], "filename_prefix": "x"}, "class_type": "SaveImage",
                  "_meta": {"title": "Save"}},
            "29:5": {"inputs": {
                "seed": 18_446_744_073_709_551_615_u64, "cfg": 7.0, "text": "{a|b}",
                "view": {"__value__": ["", ""]}, "curve": {"points": [[0, 1]]},
                "odd": {"__value__": {"__value__": 1}}, "on": true
            }, "class_type": "Any"},
        });
        let graph = from_api(&api).map_err(|e| e.to_string());
        assert_eq!(graph.as_ref().map(|g| to_api(g, &mut no_files)), Ok(api.clone()));
        let text = |value: &Value| value.to_string();
        assert_eq!(graph.map(|g| text(&to_api(&g, &mut no_files))), Ok(text(&api)), "the order is kept, too");
    }

    #[test]
    fn files_are_resolved_in_order() {
        let mut graph = Graph::default();
        let file = |path: &str| vec![BoundFile { path: path.to_owned(), ..BoundFile::default() }];
        let files = |path: &str| Input::Files(file(path));
        graph.add("sheet", "ComfywrightContactSheet", [("images", files("a")), ("more", files("b"))]);
        let mut seen = Vec::new();
        let api = to_api(&graph, &mut |file| {
            seen.push(file.to_vec());
            json!(["a.png", seen.len()])
        });
        assert_eq!(seen, [file("a"), file("b")]);
        assert_eq!(api["sheet"]["inputs"]["images"], json!({"__value__": ["a.png", 1]}));
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let node = |inputs: Value| json!({"1": {"class_type": "X", "inputs": inputs}});
        let cases = [
            (json!([]), "it is not a JSON object"),
            (json!({"nodes": [], "links": []}), "editor's own format"),
            (json!({"1": 5}), "node \"1\" is not an object"),
            (json!({"1": {"inputs": {}}}), "node \"1\" has no class_type"),
            (json!({"1": {"class_type": "X", "inputs": []}}), "node \"1\" is not an object"),
            (node(json!({"image": ["2"]})), "input \"image\" of node \"1\" is a list but no link"),
            (node(json!({"image": ["2", -1]})), "is a list but no link"),
            (node(json!({"image": ["2", "0"]})), "is a list but no link"),
            (node(json!({"image": [null, 0]})), "is a list but no link"),
        ];
        for (value, expected) in cases {
            let message = from_api(&value).map_or_else(|e| e.to_string(), |g| format!("{g:?}"));
            assert!(message.contains(expected), "{value}: {message}");
        }
        assert_eq!(from_api(&json!({})), Ok(Graph::default()));
        let by_number = from_api(&node(json!({"image": [2, 0]}))).map(|g| g.nodes["1"].inputs["image"].clone());
        assert_eq!(by_number, Ok(Input::link("2", 0)));
    }
}
