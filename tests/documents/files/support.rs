//! What the tests share: the shapes of all documents, and trees as text to compare.

use comfywright::{
    files::{Comments, Entry, KeyText, Node, NodeKind, Shape},
    model,
};
use schemars::{JsonSchema, schema_for};

/// The shape of a document of `kind`; of the configuration without one.
pub(crate) fn shape_of(kind: Option<&str>) -> Option<Shape> {
    Some(match kind {
        Some("preset") => document::<model::Preset>(),
        Some("template") => document::<model::Template>(),
        Some("ab_test") => document::<model::AbTest>(),
        Some("chain") => document::<model::Chain>(),
        Some("mask") => document::<model::Mask>(),
        None => shape::<model::Config>(),
        Some(_) => return None,
    })
}

fn shape<T: JsonSchema>() -> Shape {
    Shape::from_schema(schema_for!(T).as_value())
}

fn document<T: JsonSchema>() -> Shape {
    let (Shape::Table(mut header), Shape::Table(body)) = (shape::<model::Header>(), shape::<T>()) else {
        panic!("documents are tables")
    };
    header.fields.extend(body.fields);
    Shape::Table(header)
}

/// A value as text to compare: with the order of keys where it means something, without places
/// and comments.
pub(crate) fn canonical(node: &Node, shape: &Shape) -> String {
    match &node.kind {
        NodeKind::Table(table) => {
            let entry = |(key, entry): (&KeyText, &Entry)| {
                format!("{key:?}: {}", canonical(&entry.node, shape.at_key(key).unwrap_or(&Shape::Any)))
            };
            let mut entries: Vec<String> = table.entries.iter().map(entry).collect();
            if !shape.known_keys().is_empty() {
                entries.sort();
            }
            format!("{{{}}}", entries.join(", "))
        }
        NodeKind::List(elements) => {
            let elements: Vec<String> = elements.iter().map(|e| canonical(&e.node, shape.element())).collect();
            format!("[{}]", elements.join(", "))
        }
        scalar => format!("{scalar:?}"),
    }
}

/// All comments of a tree, in order of appearance.
pub(crate) fn comments(node: &Node) -> Vec<String> {
    let beside = |c: &Comments| c.above.iter().chain(&c.trailing).cloned().collect::<Vec<_>>();
    let all: Vec<String> = match &node.kind {
        NodeKind::Table(table) => {
            let entries = table.entries.values().map(|e| [beside(&e.comments), comments(&e.node)].concat());
            entries.flatten().chain(table.dangling.clone()).collect()
        }
        NodeKind::List(list) => list.iter().flat_map(|e| [beside(&e.comments), comments(&e.node)].concat()).collect(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|line| !line.is_empty()).collect()
}
