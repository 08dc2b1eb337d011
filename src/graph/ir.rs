//! The graph itself: nodes with classes, inputs and links, as ComfyUI's API format has them, and
//! inputs that are files not yet uploaded anywhere.

use crate::ident::IndexMap;
use serde_json::Value;

/// A ComfyUI graph. Nodes are in order of appearance; the order means nothing to ComfyUI.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Nodes by id.
    pub nodes: IndexMap<String, GraphNode>,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNode {
    /// The ComfyUI class.
    pub class: String,
    /// Title in the editor.
    pub title: Option<String>,
    /// Inputs by name.
    pub inputs: IndexMap<String, Input>,
}

/// The value of one input.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A literal.
    Value(Value),
    /// Another node's output.
    Link(Link),
    /// Files: an executor replaces them by what its nodes understand (a native node reads them; a
    /// server gets them uploaded).
    Files(Vec<BoundFile>),
}

/// Refers to an output of another node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// Id of the node.
    pub node: String,
    /// Index of the output, from 0.
    pub output: usize,
}

/// A file that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoundFile {
    /// Path relative to the workspace, with `/`.
    pub path: String,
    /// What makes it what it is, for fingerprints: the hash of its content, or the fingerprint of
    /// the item that made it with output and index.
    pub identity: String,
    /// What to print under it on a contact sheet: the keys of its item.
    pub label: String,
    /// Pixels across; 0 when it is not an image.
    pub width: u32,
    /// Pixels down; 0 when it is not an image.
    pub height: u32,
    /// Whether it has an alpha channel that counts.
    pub alpha: bool,
}

impl Graph {
    /// Adds a node and returns the id under which it stands: `id`, or `id_2`, `id_3`, … when taken.
    pub fn add(&mut self, id: &str, class: &str, inputs: impl IntoIterator<Item = (&'static str, Input)>) -> String {
        let mut free = id.to_owned();
        let mut number = 1;
        while self.nodes.contains_key(&free) {
            number += 1;
            free = format!("{id}_{number}");
        }
        let inputs = inputs.into_iter().map(|(name, input)| (name.to_owned(), input)).collect();
        self.nodes.insert(free.clone(), GraphNode { class: class.to_owned(), title: None, inputs });
        free
    }
}

impl GraphNode {
    /// The text that an input holds.
    pub fn text(&self, input: &str) -> Option<&str> {
        match self.inputs.get(input)? {
            Input::Value(value) => value.as_str(),
            Input::Link(_) | Input::Files(_) => None,
        }
    }
}

impl Input {
    /// A literal.
    pub fn value(value: impl Into<Value>) -> Self {
        Self::Value(value.into())
    }

    /// A link to output `output` of node `node`.
    pub fn link(node: impl Into<String>, output: usize) -> Self {
        Self::Link(Link { node: node.into(), output })
    }
}
