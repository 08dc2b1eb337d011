//! Whether two graphs are the same but for the ids of their nodes.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use comfywright::graph::{Graph, GraphNode, Input, NodeSet, coerce_value};
use serde_json::Value;

/// What tells two nodes apart beside their links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Label {
    class: String,
    title: String,
    values: BTreeMap<String, String>,
}

fn label(node: &GraphNode, nodes: &NodeSet) -> Label {
    // Without a title of its own a node is called as its class.
    let default = nodes.class(&node.class).map_or(&node.class, |class| &class.display_name);
    let value = |(name, input): (&String, &Input)| match input {
        Input::Value(Value::Null) | Input::Link(_) => None,
        Input::Value(value) => {
            let declared = nodes.input_of(node, name).and_then(|info| coerce_value(&info.kind, value).ok());
            let mut value = declared.unwrap_or_else(|| value.clone());
            forget_nulls(&mut value);
            Some((name.clone(), value.to_string()))
        }
        Input::Files(files) => panic!("{name} has the files {files:?}"),
    };
    Label {
        class: node.class.clone(),
        title: node.title.clone().unwrap_or_else(|| default.clone()),
        values: node.inputs.iter().filter_map(value).collect(),
    }
}

/// Null is what nothing is in a document.
fn forget_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(forget_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_nulls),
        _ => {}
    }
}

/// Colours of all nodes that only nodes in the same place of the same graph share: what a node is,
/// refined by what it takes and who takes from it until nothing changes.
fn colours(graph: &Graph, nodes: &NodeSet) -> HashMap<String, u64> {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let first = graph.nodes.iter().map(|(id, node)| (id.clone(), hash(&|h| label(node, nodes).hash(h))));
    let mut colours: HashMap<String, u64> = first.collect();
    let mut different = 0;
    loop {
        let mut taken: HashMap<&str, Vec<(u64, &str, usize)>> = HashMap::new();
        let mut takes: HashMap<&str, Vec<(&str, usize, u64)>> = HashMap::new();
        for (id, node) in &graph.nodes {
            for (name, input) in &node.inputs {
                let Input::Link(link) = input else { continue };
                taken.entry(&link.node).or_default().push((colours[id], name, link.output));
                takes.entry(id).or_default().push((name, link.output, colours[&link.node]));
            }
        }
        let refined = graph.nodes.keys().map(|id| {
            let (mut above, mut below) = (takes.remove(id.as_str()), taken.remove(id.as_str()));
            above.iter_mut().for_each(|list| list.sort_unstable());
            below.iter_mut().for_each(|list| list.sort_unstable());
            (id.clone(), hash(&|h| (colours[id], &above, &below).hash(h)))
        });
        let refined: HashMap<String, u64> = refined.collect();
        let mut distinct: Vec<u64> = refined.values().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        colours = refined;
        if distinct.len() == different {
            return colours;
        }
        different = distinct.len();
    }
}

/// How `found` differs from `wanted` beyond the ids of nodes; none when it does not.
pub fn difference(wanted: &Graph, found: &Graph, nodes: &NodeSet) -> Option<String> {
    let sorted = |graph: &Graph| {
        let mut labels: Vec<Label> = graph.nodes.values().map(|node| label(node, nodes)).collect();
        labels.sort();
        labels
    };
    let (a, b) = (sorted(wanted), sorted(found));
    let lost: Vec<&Label> = a.iter().filter(|label| !b.contains(label)).collect();
    let new: Vec<&Label> = b.iter().filter(|label| !a.contains(label)).collect();
    if !lost.is_empty() || !new.is_empty() || a.len() != b.len() {
        return Some(format!("{} nodes became {}\nlost: {lost:#?}\nnew: {new:#?}", a.len(), b.len()));
    }
    let mut colours = [wanted, found].map(|graph| {
        let mut all: Vec<u64> = colours(graph, nodes).into_values().collect();
        all.sort_unstable();
        all
    });
    let other = colours[1].split_off(0);
    (colours[0] != other).then(|| "the same nodes are linked in another way".to_owned())
}

#[cfg(test)]
mod tests {
    use comfywright::graph::{builtin, from_api};
    use serde_json::json;

    use super::difference;

    fn compare(a: &serde_json::Value, b: &serde_json::Value) -> Option<String> {
        difference(&from_api(a).unwrap(), &from_api(b).unwrap(), builtin())
    }

    #[test]
    fn ids_and_order_do_not_matter_and_links_do() {
        let twins = |first: &str, second: &str| {
            json!({
                "a": {"class_type": "EmptyImage", "inputs": {"width": 8}},
                "b": {"class_type": "EmptyImage", "inputs": {"width": 8}},
                "x": {"class_type": "ImageInvert", "inputs": {"image": [first, 0]}},
                "y": {"class_type": "ImageInvert", "inputs": {"image": [second, 0]}},
            })
        };
        assert_eq!(compare(&twins("a", "b"), &twins("b", "a")), None);
        assert!(compare(&twins("a", "b"), &twins("a", "a")).is_some());
        let one = |width: serde_json::Value| json!({"1": {"class_type": "EmptyImage", "inputs": {"width": width}}});
        assert_eq!(compare(&one(json!(8)), &one(json!("8"))), None);
        assert!(compare(&one(json!(8)), &one(json!(9))).is_some());
    }
}
