//! Fingerprints: what an item does, as a hash. The same fingerprint means the same result.
//!
//! A Merkle hash over the nodes that reach the outputs: class, signature of the class, canonical
//! inputs. Ids, titles and file name prefixes do not count. Files count by content, or by the
//! fingerprint of the item that made them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::lower::Lowered;
use crate::{
    content_hash::{ContentHash, canonical_json},
    graph::{BoundFile, Graph, Input, NodeSet, coerce_value},
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
    let outputs: Vec<Value> = lowered.outputs.iter().map(|o| json!([o.name, hasher.node(&o.node, 0)])).collect();
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

/// Deepest graph that is followed; a cycle is reported elsewhere.
const DEEPEST: usize = 10_000;

struct Hasher<'a> {
    graph: &'a Graph,
    nodes: &'a NodeSet,
    seen: HashMap<&'a str, String>,
    parts: BTreeMap<String, String>,
}

impl<'a> Hasher<'a> {
    fn node(&mut self, id: &str, depth: usize) -> String {
        if let Some(hash) = self.seen.get(id) {
            return hash.clone();
        }
        let Some((id, node)) = self.graph.nodes.get_key_value(id).filter(|_| depth < DEEPEST) else {
            return String::new();
        };
        let class = self.nodes.class(&node.class);
        let signature = class.map_or_else(String::new, |c| c.signature_hash().to_string());
        self.parts.insert(format!("class {}", node.class), signature.chars().take(16).collect());
        let mut inputs = BTreeMap::new();
        for (name, input) in &node.inputs {
            if name == "filename_prefix" && class.is_none_or(|c| c.output_node) {
                continue;
            }
            let value = match input {
                Input::Link(link) => json!(["link", self.node(&link.node, depth + 1), link.output]),
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
        let hash = ContentHash::of_json(&json!([node.class, signature, inputs])).to_string();
        self.seen.insert(id, hash.clone());
        hash
    }
}

fn identities(files: &[BoundFile]) -> String {
    files.iter().map(|f| f.identity.as_str()).collect::<Vec<_>>().join(" ")
}
