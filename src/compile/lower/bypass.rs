//! Nodes that are passed by, as ComfyUI's editor does it.

use crate::graph::{ClassInfo, Graph, GraphNode, Input, InputKind, NodeSet, Types};

/// Takes node `id` out of `graph`: whoever took an output of it takes what is linked to the input
/// that corresponds to it, or nothing.
pub fn pass_by(graph: &mut Graph, id: &str, known: &NodeSet) {
    let Some(removed) = graph.nodes.shift_remove(id) else { return };
    let class = known.class(&removed.class);
    for other in graph.nodes.values_mut() {
        let takes: Vec<(String, usize)> = other
            .inputs
            .iter()
            .filter_map(|(name, input)| match input {
                Input::Link(link) if link.node == id => Some((name.clone(), link.output)),
                _ => None,
            })
            .collect();
        for (name, output) in takes {
            let wanted =
                known.input_of(other, &name).map_or_else(Types::any, |info| info.kind.link_types().into_owned());
            match passed_on(&removed, class, output, &wanted) {
                Some(source) => other.inputs.insert(name, source),
                None => other.inputs.shift_remove(&name),
            };
        }
    }
}

/// What is linked to the input that stands for `output`: the one in the same place where its type
/// fits, else the first of the wanted type, else the first that fits. Of a class that is not known,
/// the first link.
fn passed_on(node: &GraphNode, class: Option<&ClassInfo>, output: usize, wanted: &Types) -> Option<Input> {
    let is_link = |input: &&Input| matches!(input, Input::Link(_));
    let Some(class) = class else { return node.inputs.values().find(is_link).cloned() };
    let given = class.outputs.get(output).map_or_else(Types::any, |output| output.types.clone());
    let sockets = sockets(node, class);
    let fits = |(_, types): &&(String, Types)| types.accepts(&given) && wanted.accepts(types);
    let same_place = sockets.get(output).filter(fits);
    let found = same_place.or_else(|| sockets.iter().find(|(_, types)| types == wanted));
    let (name, _) = found.or_else(|| sockets.iter().find(fits))?;
    node.inputs.get(name).filter(is_link).cloned()
}

/// The inputs of a node that the editor draws as sockets, with their types: those that only take
/// links, then those that hold one instead of a value.
fn sockets(node: &GraphNode, class: &ClassInfo) -> Vec<(String, Types)> {
    let (mut sockets, mut others) = (Vec::new(), Vec::new());
    for info in &class.inputs {
        let types = info.kind.link_types().into_owned();
        match &info.kind {
            InputKind::Link { .. } | InputKind::MatchType { .. } => sockets.push((info.name.clone(), types)),
            InputKind::Autogrow { names, .. } => {
                sockets.extend(names.iter().map(|part| (format!("{}.{part}", info.name), types.clone())));
            }
            _ if matches!(node.inputs.get(&info.name), Some(Input::Link(_))) => others.push((info.name.clone(), types)),
            _ => {}
        }
    }
    sockets.append(&mut others);
    sockets
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{from_api, to_api};

    fn passed(middle: &str, inputs: &serde_json::Value, taken: &serde_json::Value) -> serde_json::Value {
        let class = |inputs: &str, outputs: &str| {
            format!(r#"{{"input": {{"required": {{{inputs}}}}}, "output": [{outputs}], "output_name": [{outputs}]}}"#)
        };
        let both = r#""positive": ["C"], "negative": ["C"], "image": ["IMAGE"]"#;
        let nodes = NodeSet::parse(format!(
            r#"{{"Both": {}, "Switch": {}, "Take": {}}}"#,
            class(both, r#""C", "C""#),
            class(
                r#""name": ["STRING"], "model": ["M"], "clip": ["L"], "c": ["COMFY_AUTOGROW_V3", {"template":
                    {"input": {"required": {"x": ["C"]}}, "prefix": "c", "max": 2}}]"#,
                r#""L", "M", "C", "STRING""#
            ),
            class(r#""a": ["C"], "b": ["C"], "m": ["M"], "l": ["L"], "s": ["STRING"]"#, "")
        ))
        .unwrap();
        let source = json!({"class_type": "Source", "inputs": {}});
        let mut graph = from_api(&json!({
            "s": source, "x": {"class_type": middle, "inputs": inputs}, "t": {"class_type": "Take", "inputs": taken},
        }))
        .unwrap();
        pass_by(&mut graph, "x", &nodes);
        to_api(&graph, &mut |_| json!(null))["t"]["inputs"].clone()
    }

    #[test]
    fn outputs_are_what_stands_beside_them() {
        let both = json!({"positive": ["s", 0], "negative": ["s", 1]});
        let found = passed("Both", &both, &json!({"a": ["x", 0], "b": ["x", 1]}));
        assert_eq!(found, json!({"a": ["s", 0], "b": ["s", 1]}), "in the same place");
        let other = json!({"name": "n", "model": ["s", 2], "clip": ["s", 3]});
        let found = passed("Switch", &other, &json!({"m": ["x", 1], "l": ["x", 0]}));
        assert_eq!(found, json!({"m": ["s", 2], "l": ["s", 3]}), "of the same type");
        let group = json!({"name": ["s", 5], "c.c0": ["s", 4]});
        let found = passed("Switch", &group, &json!({"a": ["x", 2], "s": ["x", 3]}));
        assert_eq!(found, json!({"a": ["s", 4], "s": ["s", 5]}), "of a group, and in the place of a value");
        let found = passed("Both", &json!({"positive": ["s", 0]}), &json!({"a": ["x", 0], "b": ["x", 1]}));
        assert_eq!(found, json!({"a": ["s", 0]}), "nothing where nothing is linked");
        let found = passed("Unheard", &json!({"text": "t", "any": ["s", 4]}), &json!({"a": ["x", 3]}));
        assert_eq!(found, json!({"a": ["s", 4]}));
    }
}
