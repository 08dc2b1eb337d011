//! Why something does not become a preset.

/// Why a graph does not become a preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The graph has no nodes.
    #[error("make a preset: the graph has no nodes")]
    Empty,
    /// The graph has too many nodes for a document that people read.
    #[error("make a preset: the graph has {nodes} nodes, and a preset at most {most}")]
    TooLarge {
        /// How many it has.
        nodes: usize,
        /// How many it may have.
        most: usize,
    },
    /// A link leads nowhere.
    #[error("make a preset: input `{input}` of node `{node}` is linked to node `{target}`, which is not there")]
    Dangling {
        /// The node.
        node: String,
        /// Its input.
        input: String,
        /// What the link names.
        target: String,
    },
    /// A node is named that is not there.
    #[error("make a preset: the graph has no node `{node}`")]
    NoNode {
        /// As given.
        node: String,
        /// What was probably meant, or the nodes there are.
        hint: String,
    },
    /// Several nodes fit.
    #[error("make a preset: several nodes are called `{node}`")]
    Ambiguous {
        /// As given.
        node: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// An input is named that the node does not set, or that is a link.
    #[error("make a preset: node `{node}` has no value for `{input}` that could become a parameter")]
    NoInput {
        /// The node.
        node: String,
        /// As given.
        input: String,
        /// The inputs that hold values.
        inputs: Vec<String>,
    },
    /// A class is called as what documents say of a node.
    #[error("make a preset: the class of node `{node}` is called `{class}`, which is metadata in a document")]
    Class {
        /// The node.
        node: String,
        /// Its class.
        class: String,
    },
    /// A value that no document can hold.
    #[error("make a preset: input `{input}` of node `{node}` has null in a list, which no document can hold")]
    Null {
        /// The node.
        node: String,
        /// Its input.
        input: String,
    },
    /// Nothing is saved.
    #[error("make a preset: no node of the graph saves anything")]
    NoOutput,
}

impl ImportError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "no-graph",
            Self::TooLarge { .. } => "too-large",
            Self::Dangling { .. } => "bad-link",
            Self::NoNode { .. } | Self::Ambiguous { .. } | Self::NoInput { .. } => "bad-parameter",
            Self::Class { .. } | Self::Null { .. } => "not-writable",
            Self::NoOutput => "no-output",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoNode { hint, .. } => Some(hint.clone()),
            Self::Ambiguous { ids, .. } => Some(format!("name one by its id: {}", ids.join(" or "))),
            Self::NoInput { inputs, .. } if inputs.is_empty() => None,
            Self::NoInput { inputs, .. } => Some(format!("it has values for {}", inputs.join(", "))),
            Self::NoOutput => {
                Some("let a node save something, or name the outputs, such as image = \"8.IMAGE\"".to_owned())
            }
            Self::TooLarge { .. } | Self::Class { .. } | Self::Null { .. } => {
                Some("keep it as a workflow file beside the preset: --keep-workflow".to_owned())
            }
            Self::Empty | Self::Dangling { .. } => None,
        }
    }
}
