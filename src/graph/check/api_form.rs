//! The form of a graph that was not written by this program: what a server does with links that are
//! none. Readers of graphs are more lenient; servers compare ids as texts and count with whole numbers.

use serde_json::{Map, Value};

use super::{GraphProblem, bad_link, inspection::Inspection, rules::check};
use crate::{
    graph::{
        api::{ApiError, read_input},
        ir::{Graph, GraphNode, Input, Link},
        object_info::NodeSet,
    },
    ident::IndexMap,
};

/// A node that is none.
pub(super) const CODE: &str = "bad-workflow";

/// A graph as it was read, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiCheck {
    /// The graph, as far as it can be read.
    pub graph: Graph,
    /// What is wrong with it, its form included.
    pub problems: Vec<GraphProblem>,
}

/// Judges `value`, a graph in API format as somebody would submit it.
///
/// # Errors
/// When it is no such graph at all.
pub fn check_api(value: &Value, nodes: &NodeSet) -> Result<ApiCheck, ApiError> {
    let objects = value.as_object().ok_or(ApiError::NotAnObject)?;
    if objects.get("nodes").is_some_and(Value::is_array) {
        return Err(ApiError::EditorFormat);
    }
    let mut reader = Reader { objects, nodes, graph: Graph::default(), problems: IndexMap::default() };
    for (id, node) in objects {
        reader.node(id, node);
    }
    let Reader { graph, problems, .. } = reader;
    let found = check(&Inspection::of_form(&graph, nodes, problems));
    Ok(ApiCheck { problems: found, graph })
}

struct Reader<'a> {
    objects: &'a Map<String, Value>,
    nodes: &'a NodeSet,
    graph: Graph,
    /// What is wrong with its form, by node.
    problems: IndexMap<String, Vec<GraphProblem>>,
}

impl Reader<'_> {
    fn node(&mut self, id: &str, node: &Value) {
        let class = node["class_type"].as_str();
        let Some(class) = class.filter(|_| node.is_object()) else {
            let message = format!("node \"{id}\" has no class_type");
            self.note(GraphProblem::new(id, None, CODE, message));
            return;
        };
        let mut inputs = IndexMap::default();
        if let Some(values) = node["inputs"].as_object() {
            for (name, value) in values {
                if let Some(input) = self.input(id, class, name, value) {
                    inputs.insert(name.clone(), input);
                }
            }
        } else {
            let problem = GraphProblem::new(id, None, CODE, format!("node \"{id}\" has no inputs"));
            self.note(problem.hint("write \"inputs\": {} where there are none".to_owned()));
        }
        let title = node["_meta"]["title"].as_str().map(str::to_owned);
        self.graph.nodes.insert(id.to_owned(), GraphNode { class: class.to_owned(), title, inputs });
    }

    /// The input that `value` stands for; none when it stands for nothing.
    fn input(&mut self, id: &str, class: &str, name: &str, value: &Value) -> Option<Input> {
        let Some(list) = value.as_array() else { return read_input(value) };
        if let [Value::String(_), Value::Number(index)] = list.as_slice()
            && index.is_u64()
        {
            return read_input(value);
        }
        // What a class does not declare is handed on as it is, unless it is a link.
        let is_declared = self.nodes.class(class).is_none_or(|c| c.declares(name));
        if !is_declared && !matches!(list.as_slice(), [Value::String(_), Value::Number(_) | Value::Bool(_)]) {
            return Some(Input::Value(value.clone()));
        }
        let (problem, input) = self.malformed(id, name, list);
        self.note(problem);
        input
    }

    fn note(&mut self, problem: GraphProblem) {
        self.problems.entry(problem.node.clone()).or_default().push(problem);
    }

    /// What is wrong with a list that is no link, and the link that was probably meant.
    fn malformed(&self, id: &str, name: &str, list: &[Value]) -> (GraphProblem, Option<Input>) {
        let problem = |message: String| GraphProblem::new(id, Some(name), bad_link::CODE, message);
        let [source, output] = list else {
            let message = format!("input \"{name}\" is a list of {}, which is neither a link nor a value", list.len());
            let hint = "a link is [node, index]; any other list is written {\"__value__\": […]}".to_owned();
            return (problem(message).hint(hint), None);
        };
        let Some(source) = source.as_str() else {
            let message = format!("input \"{name}\" is linked to node {source}, but ids of nodes are texts");
            let hint = format!("write it in quotes: [\"{source}\", {output}]");
            return (problem(message).hint(hint), self.meant(&source.to_string(), 0));
        };
        let outputs = self.objects.get(source).and_then(|n| n["class_type"].as_str());
        let outputs = outputs.and_then(|class| self.nodes.class(class)).map(|c| c.outputs.len());
        let counted = output.as_i64().or_else(|| output.as_bool().map(i64::from)).filter(|_| !output.is_f64());
        match (counted, outputs) {
            (Some(index), Some(count)) if index < 0 && index + count as i64 >= 0 => {
                let index = (index + count as i64) as usize;
                let message = format!("input \"{name}\" counts the outputs of node \"{source}\" from the end");
                let problem = GraphProblem::warning(id, Some(name), bad_link::CODE, message);
                (problem.hint(format!("write [\"{source}\", {index}]")), self.meant(source, index))
            }
            (Some(index), _) if output.is_boolean() => {
                let message = format!("input \"{name}\" is linked to output {output} of node \"{source}\"");
                let fits = outputs.is_none_or(|count| (index as usize) < count);
                let problem = if fits {
                    GraphProblem::warning(id, Some(name), bad_link::CODE, message)
                } else {
                    problem(message)
                };
                (problem.hint(format!("write [\"{source}\", {index}]")), self.meant(source, index as usize))
            }
            _ => {
                let message =
                    format!("input \"{name}\" is linked to output {output} of node \"{source}\", which is no index");
                (problem(message).hint("outputs are counted from 0".to_owned()), self.meant(source, 0))
            }
        }
    }

    fn meant(&self, source: &str, output: usize) -> Option<Input> {
        let link = Link { node: source.to_owned(), output };
        self.objects.contains_key(source).then_some(Input::Link(link))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{diagnostic::Severity, graph::builtin};

    fn found(image: &Value) -> Vec<String> {
        let graph = json!({
            "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
            "2": {"class_type": "SaveImage", "inputs": {"images": image, "filename_prefix": "x"}},
        });
        told(&graph)
    }

    fn told(graph: &Value) -> Vec<String> {
        let problems = check_api(graph, builtin()).map(|c| c.problems).unwrap_or_default();
        let line = |p: &GraphProblem| {
            let warning = if p.severity == Severity::Warning { "warning " } else { "" };
            format!("{}.{} {warning}{}", p.node, p.input.as_deref().unwrap_or("-"), p.code)
        };
        problems.iter().map(line).collect()
    }

    /// As ComfyUI 0.3.75 answered to each of these.
    #[test]
    fn links_that_are_none() {
        let (bad, odd) = (["2.images bad-link"], ["2.images warning bad-link"]);
        assert_eq!(found(&json!(["1", 0])), [""; 0]);
        assert_eq!(found(&json!(["1", -1])), odd);
        assert_eq!(found(&json!(["1", false])), odd);
        for link in [
            json!(["1", true]),
            json!(["1", -2]),
            json!(["1", 0.0]),
            json!(["1", "0"]),
            json!(["1", null]),
            json!([1, 0]),
        ] {
            assert_eq!(found(&link), bad, "{link}");
        }
        assert_eq!(found(&json!(["1", 0, 0])), ["2.images bad-link"]);
        assert_eq!(found(&json!([])), ["2.images bad-link"]);
    }

    #[test]
    fn lists_that_nobody_reads() {
        let graph = |extra: Value| {
            json!({
                "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
                "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x", "extra": extra}},
            })
        };
        for extra in [json!([1, 2, 3]), json!([1, 2]), json!(["1", "0"]), json!([])] {
            assert_eq!(told(&graph(extra.clone())), ["2.extra warning unknown-input"], "{extra}");
        }
        assert_eq!(told(&graph(json!(["1", 0.5]))), ["2.extra bad-link"]);
    }

    #[test]
    fn nodes_that_are_none() {
        let graph = json!({"1": 5, "2": {"inputs": {}}, "3": {"class_type": 7, "inputs": {}}, "4": {"class_type": "EmptyImage"},
                           "5": {"class_type": "SaveImage", "inputs": []}});
        let told = told(&graph);
        assert_eq!(told[..3], ["1.- bad-workflow", "2.- bad-workflow", "3.- bad-workflow"]);
        assert!(
            told.contains(&"4.- bad-workflow".to_owned()) && told.contains(&"5.- bad-workflow".to_owned()),
            "{told:?}"
        );
        assert_eq!(check_api(&json!([]), builtin()), Err(ApiError::NotAnObject));
        assert_eq!(check_api(&json!({"nodes": []}), builtin()), Err(ApiError::EditorFormat));
    }
}
