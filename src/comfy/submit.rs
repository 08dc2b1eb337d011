//! One item as a server gets it: files uploaded, savers with names of their own, and what travels
//! in the outputs.

use std::path::Path;

use serde_json::{Value, json};

use super::{problems, server::Server, upload::UploadError};
use crate::{
    graph::{Graph, Input, NodeSet, embed, to_api},
    model::ErrorClass,
    outputs::safe_stem,
    run::{Fault, Job},
};

/// The input that says where a saver writes.
const PREFIX: &str = "filename_prefix";

/// Folder of ours in a server's output folder.
const FOLDER: &str = "comfywright";

/// What is submitted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prompt {
    /// The graph in API format.
    pub(super) graph: Value,
    /// `extra_data`, without keys.
    pub(super) extra: Value,
}

/// Uploads what `job` reads and writes down what is submitted.
pub(super) async fn prompt(
    server: &Server,
    root: &Path,
    job: &Job,
    nodes: &NodeSet,
    previews: bool,
) -> Result<Prompt, PromptError> {
    let mut graph = job.prepared.graph.clone();
    for (id, node) in &mut graph.nodes {
        for input in node.inputs.values_mut() {
            let Input::Files(files) = input else { continue };
            let mut names = Vec::new();
            for file in files.iter() {
                names.push(server.uploads.name_of(&server.client, root, &file.path).await.map_err(|e| at(e, id))?);
            }
            *input = Input::Value(match names.as_slice() {
                [one] => Value::from(one.as_str()),
                several => Value::from(several),
            });
        }
    }
    set_prefixes(&mut graph, job, nodes);
    let workflow = embed::ui_format(&graph, nodes);
    let mut extra = json!({ "extra_pnginfo": { "workflow": workflow, "comfywright": job.prepared.provenance } });
    if previews {
        extra["preview_method"] = Value::from("auto");
    }
    Ok(Prompt { graph: to_api(&graph, &mut |_| Value::Null), extra })
}

/// Why nothing could be submitted.
#[derive(Debug)]
pub(super) enum PromptError {
    /// The server.
    Client(super::ClientError),
    /// A file of ours.
    Fault(Fault),
}

fn at(error: UploadError, node: &str) -> PromptError {
    match error {
        UploadError::Client(error) => PromptError::Client(error),
        UploadError::File(error) => {
            PromptError::Fault(Fault::new(ErrorClass::Error, format!("node `{node}` failed to {error}")).at(node))
        }
    }
}

impl PromptError {
    /// The same as a fault.
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Client(error) => problems::request(&error),
            Self::Fault(fault) => fault,
        }
    }
}

/// Gives every saver a name of its own. So a prompt whose nodes are all in the server's cache saves
/// all the same, and its files can be told from all others.
fn set_prefixes(graph: &mut Graph, job: &Job, nodes: &NodeSet) {
    let saves = |class: &str| nodes.class(class).is_some_and(|c| c.inputs.iter().any(|i| i.name == PREFIX));
    for (id, node) in &mut graph.nodes {
        let is_literal = matches!(node.inputs.get(PREFIX), Some(Input::Value(_)));
        let is_missing = !node.inputs.contains_key(PREFIX) && saves(&node.class);
        if is_literal || is_missing {
            node.inputs.insert(PREFIX.to_owned(), Input::value(prefix(job, id)));
        }
    }
}

/// `comfywright/RUN/TASK/ITEM.NODE.ID`: a folder for each task of each run.
fn prefix(job: &Job, node: &str) -> String {
    let mut folder: Vec<String> =
        job.folder.iter().rev().take(2).map(|part| safe_stem(&part.to_string_lossy())).collect();
    folder.reverse();
    let id = job.prompt_id.simple().to_string();
    let short: String = id.chars().take(8).collect();
    let stem: String = safe_stem(&job.stem).chars().take(120).collect();
    let node: String = safe_stem(node).chars().take(60).collect();
    format!("{FOLDER}/{}/{stem}.{node}.{short}", folder.join("/"))
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use super::*;
    use crate::{
        graph::builtin,
        plan::{ItemIx, Placement, Prepared},
    };

    fn job(graph: Graph, id: u128) -> Job {
        Job {
            item: ItemIx(0),
            address: "generate[sku=A1]".to_owned(),
            prompt_id: uuid::Uuid::from_u128(id << 96),
            prepared: Arc::new(Prepared {
                fingerprint: crate::content_hash::ContentHash::of_bytes(b""),
                parts: std::collections::BTreeMap::new(),
                graph,
                outputs: Vec::new(),
                primary: "image".to_owned(),
                passed_on: Vec::new(),
                placement: Placement::Comfy(Vec::new()),
                scores: Vec::new(),
                provenance: Value::Null,
                reusable: true,
            }),
            folder: PathBuf::from("outputs/catalog/20261123-101010-ab12/01-generate"),
            stem: "a1".to_owned(),
            timeout: None,
            place: "fake".to_owned(),
            claim: crate::run::Claim::Fresh,
        }
    }

    #[test]
    fn every_saver_has_a_name_of_its_own() {
        let mut graph = Graph::default();
        graph.add("9", "SaveImage", [(PREFIX, Input::value("ComfyUI"))]);
        graph.add("10", "SaveImage", []);
        graph.add("11", "VHS_VideoCombine", [(PREFIX, Input::value("x"))]);
        graph.add("12", "VHS_VideoCombine", [(PREFIX, Input::link("1", 0))]);
        graph.add("13", "ImageScale", []);
        let prefixes = |id| {
            let job = job(graph.clone(), id);
            let mut graph = graph.clone();
            set_prefixes(&mut graph, &job, builtin());
            let of = |id: &str| graph.nodes[id].inputs.get(PREFIX).cloned();
            ["9", "10", "11", "12", "13"].map(of)
        };
        let [nine, ten, film, linked, none] = prefixes(1);
        assert_eq!(nine, Some(Input::value("comfywright/20261123-101010-ab12/01-generate/a1.9.00000001")));
        assert_eq!(ten, Some(Input::value("comfywright/20261123-101010-ab12/01-generate/a1.10.00000001")));
        assert_eq!((film.is_some(), linked, none), (true, Some(Input::link("1", 0)), None));
        assert_ne!(prefixes(2)[0], nine, "another submission has other names");
    }
}
