//! What a server lacks of what documents need, gathered by part.

use std::collections::BTreeMap;

use serde::Serialize;

use super::documents::Needy;
use crate::graph::{InputKind, Lack, NeededFile, NodeSet};

/// A node class or model file that a server lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingPart {
    /// The class; of the node that wants it, when a file is missing.
    pub class: String,
    /// The input that names the file; empty for a class.
    pub input: String,
    /// The file; none when the class itself is missing.
    pub file: Option<String>,
    /// The folder below `models` in which ComfyUI looks for it, where that is known.
    pub folder: Option<&'static str>,
    /// What the server has of the nearest name.
    pub nearest: Option<String>,
    /// The files that the server has for the input.
    pub listed: Vec<String>,
    /// The documents that need it.
    pub documents: Vec<String>,
}

impl MissingPart {
    /// Whether `other` is the same part.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.class, &self.input, &self.file) == (&other.class, &other.input, &other.file)
    }
}

/// What a server with the classes `nodes` lacks: classes first, each part once.
pub(super) fn missing(needy: &[Needy], nodes: &NodeSet) -> Vec<MissingPart> {
    let mut parts: BTreeMap<Lack, Vec<String>> = BTreeMap::new();
    for needy in needy {
        for lack in needy.needs.lacking(nodes) {
            parts.entry(lack).or_default().push(needy.document.clone());
        }
    }
    parts.into_iter().map(|(lack, documents)| part(lack, documents, nodes)).collect()
}

/// The files that a server lists for the input that wants `file`.
fn listed(file: &NeededFile, nodes: &NodeSet) -> Vec<String> {
    match nodes.class(&file.class).and_then(|class| class.input(&file.input)).map(|input| &input.kind) {
        Some(InputKind::Combo { options, .. }) => {
            options.iter().filter_map(|o| o.as_str()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn part(lack: Lack, documents: Vec<String>, nodes: &NodeSet) -> MissingPart {
    match lack {
        Lack::Class { class, nearest } => MissingPart {
            class,
            input: String::new(),
            file: None,
            folder: None,
            nearest,
            listed: Vec::new(),
            documents,
        },
        Lack::File { file, nearest } => MissingPart {
            folder: file.folder(),
            listed: listed(&file, nodes),
            class: file.class,
            input: file.input,
            file: Some(file.name),
            nearest,
            documents,
        },
    }
}
