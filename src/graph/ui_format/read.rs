//! Text to workflow, or what is wrong with it.

use serde_json::{Value, value::RawValue};

use super::{Place, RawWorkflow};
use crate::{diagnostic::Span, ident::IndexMap};

/// The newest version of the schema that is understood.
const NEWEST_VERSION: f64 = 1.0;

/// Most nodes in one graph. The editor holds no more.
const MOST_NODES: usize = 10_000;

/// Why a text is not a workflow that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileFault {
    /// Stable code.
    pub(crate) code: &'static str,
    /// One sentence without a full stop, beginning in lower case.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<&'static str>,
    /// Where.
    pub(crate) at: FaultPlace,
}

/// Where a fault stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultPlace {
    /// At these bytes.
    Bytes(Span),
    /// At a part that is still to be looked for.
    Part(Place),
}

impl FileFault {
    fn new(code: &'static str, message: impl Into<String>, place: Place) -> Self {
        Self { code, message: message.into(), hint: None, at: FaultPlace::Part(place) }
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// The workflow that `text` holds.
pub(crate) fn read(text: &str) -> Result<RawWorkflow<'_>, FileFault> {
    let json = text.trim_start_matches('\u{feff}');
    let workflow: RawWorkflow<'_> = match serde_json::from_str(json) {
        Ok(workflow) => workflow,
        Err(error) => return Err(json_fault(text, json, &error)),
    };
    let Some(nodes) = &workflow.nodes else { return Err(no_workflow(json)) };
    check_version(workflow.version.as_ref())?;
    check_size(nodes.len(), Place::Key("nodes"))?;
    Ok(workflow)
}

/// Whether a graph of `count` nodes can be read.
pub(crate) fn check_size(count: usize, place: Place) -> Result<(), FileFault> {
    if count <= MOST_NODES {
        return Ok(());
    }
    let message = format!("the graph has {count} nodes; ComfyUI's editor holds {MOST_NODES} in one graph");
    Err(FileFault::new("too-many-nodes", message, place))
}

fn check_version(version: Option<&Value>) -> Result<(), FileFault> {
    match version {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Number(number)) if number.as_f64().is_some_and(|v| (0.0..=NEWEST_VERSION).contains(&v)) => Ok(()),
        Some(other) => {
            let message = format!("the workflow has schema version {other}; versions up to {NEWEST_VERSION} are known");
            let fault = FileFault::new("unknown-workflow-version", message, Place::Key("version"));
            Err(fault.hint("a newer comfywright may know it"))
        }
    }
}

/// What is wrong with the JSON, or with the type of a value in it.
fn json_fault(text: &str, json: &str, error: &serde_json::Error) -> FileFault {
    let skipped = text.len() - json.len();
    let start = skipped + offset(json, error.line(), error.column());
    let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let code = if error.is_data() { "not-a-workflow" } else { "invalid-json" };
    let message = format!("the file is no {}: {message}", if error.is_data() { "workflow" } else { "JSON" });
    FileFault { code, message, hint: None, at: FaultPlace::Bytes(Span::new(start, end)) }
}

/// The byte at a line and column as `serde_json` counts them: both from 1, columns in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n').map_or(text.len() - start, |i| i + 1);
    }
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn no_workflow(json: &str) -> FileFault {
    let members: IndexMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
    let is_node = |value: &&RawValue| value.get().starts_with('{') && value.get().contains("\"class_type\"");
    if !members.is_empty() && members.values().all(is_node) {
        let message = "the graph is in API format already";
        return FileFault::new("not-a-workflow", message, Place::Whole)
            .hint("save it with the editor's \"Save\" instead of \"Export (API)\"");
    }
    FileFault::new("not-a-workflow", "the file has no list of nodes", Place::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        match read(text) {
            Ok(_) => "read".to_owned(),
            Err(fault) => match fault.at {
                FaultPlace::Bytes(span) => format!("{}: {} [{}]", fault.code, fault.message, &text[span.start..]),
                FaultPlace::Part(place) => format!("{}: {} {place:?}", fault.code, fault.message),
            },
        }
    }

    #[test]
    fn what_is_no_workflow_is_refused_with_its_place() {
        let cases = [
            ("", "invalid-json: the file is no JSON: EOF while parsing a value []"),
            ("\u{feff}{\"nodes\": [}", "invalid-json: the file is no JSON: expected value [}]"),
            ("[1]", "not-a-workflow: "),
            ("{\"nodes\": {}}", "not-a-workflow: the file is no workflow: invalid type: map, expected a sequence"),
            ("{\"nodes\": [], \"version\": 2}", "unknown-workflow-version: the workflow has schema version 2;"),
            ("{\"nodes\": [], \"version\": \"1\"}", "unknown-workflow-version: the workflow has schema version \"1\";"),
            ("{}", "not-a-workflow: the file has no list of nodes Whole"),
            ("{\"3\": {\"class_type\": \"X\"}}", "not-a-workflow: the graph is in API format already"),
            ("{\"nodes\": [], \"version\": 0.4}", "read"),
            ("{\"nodes\": [], \"version\": 1}", "read"),
            ("{\"nodes\": []}", "read"),
        ];
        for (text, expected) in cases {
            assert!(fault(text).starts_with(expected), "{text}: {}", fault(text));
        }
        let deep = "[".repeat(100_000);
        assert!(fault(&deep).starts_with("not-a-workflow") || fault(&deep).starts_with("invalid-json"));
    }

    #[test]
    fn what_may_be_missing_has_a_default() {
        let text = r#"{"nodes": [{"id": "7", "type": "X", "inputs": null, "mode": null, "title": ""}], "links": null,
            "last_node_id": 9}"#;
        let mut workflow = read(text).map_err(|f| f.message).unwrap_or_default();
        assert_eq!(workflow.last_node_id(), 9);
        let node = &workflow.nodes_mut()[0];
        assert_eq!((node.class(), node.title(), node.mode()), (Some("X"), None, 0));
        assert_eq!(node.values, super::super::RawValues::None);
    }

    #[test]
    fn links_are_lists_or_objects() {
        let text = r#"{"nodes": [], "links": [[1, 2, 0, "3", 1, "IMAGE"], null, [4], 
            {"id": 5, "origin_id": -10, "origin_slot": 2, "target_id": 7, "target_slot": 0, "type": "*"}]}"#;
        let links = read(text).map(|workflow| workflow.links).unwrap_or_default();
        let seen: Vec<_> = links
            .iter()
            .map(|l| (l.id, l.origin.to_string(), l.origin_slot, l.target.to_string(), l.target_slot))
            .collect();
        let nowhere = |id| (id, "-1".to_owned(), -1, "-1".to_owned(), -1);
        let expected = [
            (Some(1), "2".to_owned(), 0, "3".to_owned(), 1),
            nowhere(None),
            nowhere(Some(4)),
            (Some(5), "-10".to_owned(), 2, "7".to_owned(), 0),
        ];
        assert_eq!(seen, expected);
    }
}
