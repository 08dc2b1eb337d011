//! What a server says is wrong, as faults.

use super::{
    client_error::ClientError,
    protocol::{ExecutionError, NodeErrors, Problem, Refusal},
};
use crate::{
    graph::Graph,
    model::ErrorClass,
    run::{Fault, FaultDetail},
};

/// Characters of a server's details that go into a message.
const TOLD: usize = 240;

/// The fault of a graph that was refused.
pub(super) fn refused(server: &str, refusal: &Refusal, graph: &Graph) -> Fault {
    let mut details = refusal.node_errors.details();
    if details.is_empty() {
        details.push(whole_graph(&refusal.error, graph));
    }
    with_details(&format!("the server \"{server}\" refused the graph"), details)
}

/// The fault of a graph of which the server runs only a part.
pub(super) fn partly_refused(server: &str, errors: &NodeErrors) -> Fault {
    with_details(&format!("the server \"{server}\" refused a part of the graph"), errors.details())
}

/// A mistake of the graph as a whole; the node, where one is meant, stands in the text on older
/// servers: `Node ID '#2'`.
fn whole_graph(problem: &Problem, graph: &Graph) -> FaultDetail {
    let mut detail = problem.detail(None, None);
    if detail.node.is_none()
        && let Some((_, rest)) = problem.details.split_once("Node ID '#")
        && let Some((id, _)) = rest.split_once('\'')
    {
        detail.node = Some(id.to_owned());
    }
    if detail.class.is_none() {
        detail.class = detail.node.as_ref().and_then(|id| graph.nodes.get(id)).map(|node| node.class.clone());
    }
    let is_missing = detail.kind == "missing_node_type" || detail.message.contains("does not exist");
    if let Some(class) = detail.class.clone().filter(|_| is_missing) {
        "missing_node_type".clone_into(&mut detail.kind);
        detail.message = format!("the server does not have the class {class}");
        detail.details = String::new();
    }
    detail
}

fn with_details(what: &str, details: Vec<FaultDetail>) -> Fault {
    let mut message = what.to_owned();
    if let Some(first) = details.first() {
        message = format!("{message}: {}", sentence(first));
        if details.len() > 1 {
            message = format!("{message} (and {} more)", details.len() - 1);
        }
    }
    let node = details.first().and_then(|d| d.node.clone());
    Fault { node, details, ..Fault::new(ErrorClass::Error, message) }
}

/// A detail as one sentence: where, and what.
pub(super) fn sentence(detail: &FaultDetail) -> String {
    let place = match (&detail.node, &detail.class, &detail.input) {
        (Some(node), Some(class), Some(input)) => format!("node `{node}` ({class}), input `{input}`: "),
        (Some(node), Some(class), None) => format!("node `{node}` ({class}): "),
        (Some(node), None, _) => format!("node `{node}`: "),
        _ => String::new(),
    };
    let more = match detail.details.trim() {
        more if more.is_empty() || Some(more) == detail.input.as_deref() => String::new(),
        more => format!(" ({})", shortened(more)),
    };
    format!("{place}{}{more}", detail.message)
}

fn shortened(text: &str) -> String {
    let told: String = text.chars().take(TOLD).collect();
    if told.len() < text.len() { format!("{told}…") } else { told }
}

/// The fault of a node that broke off.
pub(super) fn broke_off(server: &str, error: &ExecutionError) -> Fault {
    let text = error.exception_message.trim();
    let message = format!(
        "node `{}` ({}) failed on the server \"{server}\": {}: {}",
        error.node_id,
        error.node_type,
        error.exception_type,
        shortened(text)
    );
    let detail = FaultDetail {
        node: Some(error.node_id.clone()),
        class: Some(error.node_type.clone()),
        input: None,
        kind: error.exception_type.clone(),
        message: text.lines().next().unwrap_or_default().to_owned(),
        details: text.to_owned(),
    };
    let class = if is_out_of_memory(error) { ErrorClass::Oom } else { ErrorClass::Error };
    Fault { details: vec![detail], ..Fault::new(class, message).at(&error.node_id) }
}

/// What exceptions for want of memory say, in small letters, where their type does not: CUDA, `ROCm`,
/// Apple and Intel say "out of memory", `DirectML` and the processor's allocator do not.
const NO_MEMORY: [&str; 5] = [
    "out of memory",
    "allocation on device",
    "could not allocate tensor with",
    "not enough memory: you tried to allocate",
    "can't allocate memory: you tried to allocate",
];

/// Whether the node ran out of memory, by the type of the exception (`torch.OutOfMemoryError`,
/// `MemoryError`, `NumPy`'s `_ArrayMemoryError`) or by its message. `fixtures/comfy/out-of-memory.json`
/// has what servers said.
fn is_out_of_memory(error: &ExecutionError) -> bool {
    let message = error.exception_message.to_lowercase();
    error.exception_type.ends_with("MemoryError") || NO_MEMORY.iter().any(|sign| message.contains(sign))
}

/// The fault of a request that came to nothing.
pub(super) fn request(error: &ClientError) -> Fault {
    let class = if error.is_transient() { ErrorClass::Transient } else { ErrorClass::Error };
    Fault::new(class, format!("failed to {error}; {}", error.hint()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Said {
        oom: bool,
        #[serde(rename = "type")]
        kind: String,
        message: String,
        from: String,
    }

    #[test]
    fn memory_is_recognised_by_what_servers_said() {
        let text = include_str!("../../fixtures/comfy/out-of-memory.json");
        for Said { oom, kind, message, from } in serde_json::from_str::<Vec<Said>>(text).unwrap() {
            let error =
                ExecutionError { exception_type: kind, exception_message: message, ..ExecutionError::default() };
            let expected = if oom { ErrorClass::Oom } else { ErrorClass::Error };
            assert_eq!(broke_off("a", &error).class, expected, "{from}: {error:?}");
        }
    }
}
