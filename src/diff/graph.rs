//! What differs between two ComfyUI graphs. Their ids come from a program, so that other numbers alone are no
//! difference.

use serde_json::{Map, Value};

use super::{
    change::{Change, ChangeKind, Place},
    matching::{Linked, Names, Side, matching},
    values::maps,
};
use crate::{
    graph::{Graph, GraphNode, Input, NodeSet, coerce_value},
    ident::IndexMap,
    model::canonical_numbers,
};

/// What differs. A node is called by its class and its id in `after`: `KSampler#3`.
pub fn graphs(before: &Graph, after: &Graph, nodes: &NodeSet) -> Vec<Change> {
    let pairs = matching(&side(before, nodes), &side(after, nodes), Names::Given);
    let called = |id: &str| pairs.get(id).cloned().unwrap_or_else(|| format!("{id} (gone)"));
    let own = |id: &str| id.to_owned();
    let mut changes = Vec::new();
    for (id, node) in &before.nodes {
        match pairs.get(id).and_then(|new| Some((new, after.nodes.get(new)?))) {
            Some((new, other)) => {
                let place = Place::default().key(&label(new, other));
                if node.class != other.class {
                    let (old, new) = (node.class.as_str(), other.class.as_str());
                    changes.push(Change::of(&place.key("class"), ChangeKind::Changed, old, new));
                }
                maps(&place, &normal(node, nodes, &called), &normal(other, nodes, &own), &mut changes);
            }
            None => changes.push(Change::removed(&Place::default().key(&label(id, node)), &told(node, nodes))),
        }
    }
    let new = after.nodes.iter().filter(|(id, _)| !pairs.values().any(|known| known == *id));
    changes.extend(new.map(|(id, node)| Change::added(&Place::default().key(&label(id, node)), &told(node, nodes))));
    changes
}

fn label(id: &str, node: &GraphNode) -> String {
    format!("{}#{id}", node.class)
}

fn told(node: &GraphNode, nodes: &NodeSet) -> Value {
    Value::Object(normal(node, nodes, &str::to_owned))
}

/// Title and inputs; a link as `@node.index`, with the node as `called` says.
fn normal(node: &GraphNode, nodes: &NodeSet, called: &dyn Fn(&str) -> String) -> Map<String, Value> {
    let mut normal = Map::new();
    normal.extend(node.title.as_ref().map(|title| ("title".to_owned(), title.as_str().into())));
    let class = nodes.class(&node.class);
    for (name, input) in &node.inputs {
        let value = match input {
            Input::Link(link) => format!("@{}.{}", called(&link.node), link.output).into(),
            Input::Value(value) => {
                let declared = class.and_then(|c| coerce_value(&c.input(name)?.kind, value).ok());
                let mut value = declared.unwrap_or_else(|| value.clone());
                canonical_numbers(&mut value);
                value
            }
            Input::Files(files) => files.iter().map(|file| Value::from(file.path.as_str())).collect(),
        };
        normal.insert(name.clone(), value);
    }
    normal
}

fn side(graph: &Graph, nodes: &NodeSet) -> Side {
    let linked = |node: &GraphNode| {
        let mut linked = Linked { kind: node.class.clone(), title: node.title.clone(), ..Linked::default() };
        for (name, value) in normal(node, nodes, &str::to_owned).into_iter().filter(|(name, _)| name != "title") {
            match node.inputs.get(&name) {
                Some(Input::Link(link)) => linked.links.push((name, link.node.clone(), link.output.to_string())),
                _ => drop(linked.values.insert(name, value)),
            }
        }
        linked
    };
    let all: IndexMap<String, Linked> = graph.nodes.iter().map(|(id, node)| (id.clone(), linked(node))).collect();
    Side { all, outer: Vec::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{builtin, from_api};

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let graph = |api: &Value| from_api(api).unwrap();
        let changes = graphs(&graph(before), &graph(after), builtin());
        changes.iter().map(|c| format!("{:?} {} {:?} {:?}", c.kind, c.path, c.before, c.after)).collect()
    }

    #[test]
    fn other_numbers_are_no_difference() {
        let node = |class: &str, inputs: Value| json!({"class_type": class, "inputs": inputs});
        let before = json!({
            "1": node("EmptyImage", json!({"width": 64, "height": "64", "batch_size": 1, "color": 0})),
            "2": node("ImageBlur", json!({"image": ["1", 0], "blur_radius": 2, "sigma": 1.0})),
            "3": node("SaveImage", json!({"images": ["2", 0], "filename_prefix": "x"})),
        });
        let other = json!({
            "7": node("SaveImage", json!({"filename_prefix": "x", "images": ["4", 0]})),
            "4": node("ImageBlur", json!({"image": ["9", 0], "blur_radius": 2, "sigma": 1})),
            "9": node("EmptyImage", json!({"width": 64, "height": 64, "batch_size": 1, "color": 0})),
        });
        assert_eq!(told(&before, &other), Vec::<String>::new());
        let mut changed = other.clone();
        changed["4"]["inputs"]["sigma"] = json!(2.5);
        changed["5"] = node("PreviewImage", json!({"images": ["4", 0]}));
        let found = told(&before, &changed);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("Changed ImageBlur#4.sigma Some(Number(1)) Some(Number(2.5))"), "{found:?}");
        assert!(found[1].starts_with("Added PreviewImage#5"), "{found:?}");
    }
}
