//! The classes of a server on which every file is that some graphs name.

use std::collections::BTreeSet;

use comfywright::graph::{Graph, Input, NodeSet, check_graph};
use serde_json::{Value, json};

/// The `object_info` with every file added that a graph names and the server did not have. Files in
/// what a server lists are all that is added: nothing else is made to fit.
pub fn with_all_files<'a>(
    mut object_info: Value,
    graphs: impl IntoIterator<Item = &'a Graph>,
    nodes: &NodeSet,
) -> Value {
    let mut missing = BTreeSet::new();
    for graph in graphs {
        for problem in check_graph(graph, nodes).into_iter().filter(|p| p.of_files) {
            let node = &graph.nodes[&problem.node];
            let input = problem.input.unwrap_or_default();
            let name = node.inputs.get(&input).and_then(|i| match i {
                Input::Value(value) => value.as_str().map(str::to_owned),
                _ => None,
            });
            missing.insert((node.class.clone(), input, name.unwrap_or_default()));
        }
    }
    for (class, input, name) in missing {
        for section in ["required", "optional"] {
            // Looked up without making what is not there.
            let inputs = object_info.get_mut(&class).and_then(|class| class.get_mut("input")?.get_mut(section));
            let Some(spec) = inputs.and_then(|inputs| inputs.get_mut(&input)) else { continue };
            let list =
                if spec[0].is_array() { spec.get_mut(0) } else { spec.get_mut(1).and_then(|o| o.get_mut("options")) };
            if let Some(Value::Array(list)) = list {
                list.push(json!(name));
            }
        }
    }
    object_info
}
