//! Fingerprints: what an item does, as a hash. The same fingerprint means the same result.
//!
//! A Merkle hash over the nodes that reach the outputs: class, signature of the class, canonical
//! inputs. Ids, titles and file name prefixes do not count. Files count by content, or by the
//! fingerprint of the item that made them.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::lower::Lowered;
use crate::{
    content_hash::{ContentHash, canonical_json},
    graph::{BoundFile, Graph, GraphNode, Input, NodeSet, coerce_value},
};

/// A fingerprint and the parts it was made of, by name, for `explain`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// The hash.
    pub hash: ContentHash,
    /// `node.input` -> value, `class NAME` -> signature, `executor` -> kind and version.
    pub parts: BTreeMap<String, String>,
}

/// The fingerprint of an item that runs on executors of the kind `executor`.
pub fn fingerprint(lowered: &Lowered, nodes: &NodeSet, executor: &str) -> Fingerprint {
    let mut hasher = Hasher { graph: &lowered.graph, nodes, seen: HashMap::new(), parts: BTreeMap::new() };
    hasher.parts.insert("executor".to_owned(), executor.to_owned());
    let outputs: Vec<Value> = lowered.outputs.iter().map(|o| json!([o.name, hasher.node(&o.node)])).collect();
    let passed: Vec<Value> = lowered
        .passed_on
        .iter()
        .map(|(name, files)| {
            hasher.parts.insert(format!("input {name}"), identities(files));
            json!([name, identities(files)])
        })
        .collect();
    let hash = ContentHash::of_json(&json!([executor, outputs, passed]));
    Fingerprint { hash, parts: hasher.parts }
}

struct Hasher<'a> {
    graph: &'a Graph,
    nodes: &'a NodeSet,
    seen: HashMap<&'a str, String>,
    parts: BTreeMap<String, String>,
}

impl<'a> Hasher<'a> {
    /// The hash of node `id` and all that reaches it. A link of a cycle, which is reported
    /// elsewhere, counts as nothing.
    fn node(&mut self, id: &'a str) -> String {
        let mut open = HashSet::new();
        let mut stack = vec![id];
        while let Some(at) = stack.last().copied() {
            let Some(node) = self.graph.nodes.get(at).filter(|_| !self.seen.contains_key(at)) else {
                stack.pop();
                continue;
            };
            if open.insert(at) {
                let sources = node.inputs.values().filter_map(|input| match input {
                    Input::Link(link) => Some(link.node.as_str()),
                    Input::Value(_) | Input::Files(_) => None,
                });
                stack.extend(sources.filter(|source| !self.seen.contains_key(source) && !open.contains(source)));
            } else {
                let hash = self.one(at, node);
                self.seen.insert(at, hash);
                stack.pop();
            }
        }
        self.seen.get(id).cloned().unwrap_or_default()
    }

    /// The hash of a node whose sources have theirs.
    fn one(&mut self, id: &str, node: &GraphNode) -> String {
        let class = self.nodes.class(&node.class);
        let signature = class.map_or_else(String::new, |c| c.signature_hash().to_string());
        self.parts.insert(format!("class {}", node.class), signature.chars().take(16).collect());
        let mut inputs = BTreeMap::new();
        for (name, input) in &node.inputs {
            if name == "filename_prefix" && class.is_none_or(|c| c.output_node) {
                continue;
            }
            let value = match input {
                Input::Link(link) => json!(["link", self.seen.get(link.node.as_str()), link.output]),
                Input::Files(files) => {
                    self.parts.insert(format!("{id}.{name}"), identities(files));
                    json!(["files", identities(files)])
                }
                Input::Value(value) => {
                    let kind = class.and_then(|c| c.inputs.iter().find(|i| i.name == *name)).map(|i| &i.kind);
                    let canonical = kind.and_then(|k| coerce_value(k, value).ok()).unwrap_or_else(|| value.clone());
                    self.parts.insert(format!("{id}.{name}"), canonical_json(&canonical));
                    json!(["value", canonical])
                }
            };
            inputs.insert(name.clone(), value);
        }
        ContentHash::of_json(&json!([node.class, signature, inputs])).to_string()
    }
}

fn identities(files: &[BoundFile]) -> String {
    files.iter().map(|f| f.identity.as_str()).collect::<Vec<_>>().join(" ")
}
