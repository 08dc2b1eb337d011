//! What a file holds that a preset can be made of: a graph as JSON, or one that travels in a
//! picture or a film.

use std::borrow::Cow;

use serde_json::Value;

use crate::{diagnostic::Span, imagefile};

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The graph in API format, as it was run.
    pub prompt: Option<Value>,
    /// The workflow in the editor's format, as text.
    pub workflow: Option<String>,
    /// Whether that text is the file.
    pub is_workflow_file: bool,
    /// The record of comfywright.
    pub record: Option<Value>,
}

/// Why nothing can be made of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It begins as JSON and is none.
    #[error("the file is not JSON: {message}")]
    Json {
        /// Where, in bytes.
        span: Span,
        /// What is wrong.
        message: String,
    },
    /// It is JSON of another kind.
    #[error("the file holds no graph: neither what ComfyUI's editor saves nor what it sends")]
    OtherJson,
    /// It is neither JSON nor a file that carries a graph.
    #[error("the file carries no graph of ComfyUI")]
    NoGraph,
    /// It carries settings as a text for people.
    #[error("the file carries settings as text, but no graph of ComfyUI")]
    OnlySettings,
}

impl SourceError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json { .. } => "json-syntax",
            Self::OtherJson => "bad-workflow",
            Self::NoGraph | Self::OnlySettings => "no-graph",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Json { message, .. } if message.starts_with("EOF") => "the file is cut off",
            Self::Json { .. } => return None,
            Self::OtherJson => {
                "a workflow has \"nodes\"; what ComfyUI exports as API has a \"class_type\" for each node"
            }
            Self::NoGraph => {
                "give a workflow, or a PNG, WebP, JPEG or film that ComfyUI saved; many sites remove what is in them"
            }
            Self::OnlySettings => "another program made it; start from a preset and set its parameters",
        })
    }
}

/// Reads a file by its content, whatever it is called.
pub fn read_source(bytes: &[u8]) -> Result<Source, SourceError> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let is_json = text.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['));
    if is_json { of_json(bytes) } else { of_media(bytes) }
}

fn of_json(bytes: &[u8]) -> Result<Source, SourceError> {
    let at = |offset: usize, message: String| SourceError::Json { span: Span::new(offset, offset), message };
    let text = std::str::from_utf8(bytes).map_err(|error| at(error.valid_up_to(), "it is not UTF-8".to_owned()))?;
    let value = json(text).map_err(|error| at(offset(text, &error), message(&error)))?;
    if value["nodes"].is_array() {
        return Ok(Source { workflow: Some(text.to_owned()), is_workflow_file: true, ..Source::default() });
    }
    of_value(value).ok_or(SourceError::OtherJson)
}

/// What is wrong, without the place that the parser adds.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The byte at which reading stopped.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (line + error.column().saturating_sub(1)).min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A graph in API format, or the body of a request with one.
fn of_value(value: Value) -> Option<Source> {
    let is_graph =
        |value: &Value| value.as_object().is_some_and(|nodes| nodes.values().any(|n| n["class_type"].is_string()));
    if is_graph(&value) || value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Some(Source { prompt: Some(value), ..Source::default() });
    }
    let prompt = Some(&value["prompt"]).filter(|prompt| is_graph(prompt)).cloned();
    let around = &value["extra_data"]["extra_pnginfo"]["workflow"];
    let workflow =
        [&value["workflow"], around].into_iter().find(|value| value["nodes"].is_array()).map(Value::to_string);
    (prompt.is_some() || workflow.is_some()).then_some(Source { prompt, workflow, ..Source::default() })
}

fn of_media(bytes: &[u8]) -> Result<Source, SourceError> {
    let texts = imagefile::metadata(bytes);
    let find = |name: &str| texts.iter().filter(|(key, _)| key == name).find_map(|(_, text)| json(text).ok());
    let object = |value: &Value| value.is_object();
    let found = Source {
        prompt: find("prompt").filter(object),
        workflow: find("workflow").filter(object).map(|workflow| workflow.to_string()),
        record: find("comfywright").filter(object),
        is_workflow_file: false,
    };
    if found.prompt.is_some() || found.workflow.is_some() {
        return Ok(found);
    }
    let has_settings = texts.iter().any(|(key, _)| key == "parameters");
    Err(if has_settings { SourceError::OnlySettings } else { SourceError::NoGraph })
}

/// Reads JSON, and what Python calls so: NaN and infinities, which stand where no value matters.
fn json(text: &str) -> serde_json::Result<Value> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).or_else(|error| match without_nan(text) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(text) => serde_json::from_str(&text),
    })
}

/// `text` with null for the numbers that JSON does not have.
fn without_nan(text: &str) -> Cow<'_, str> {
    let (mut out, mut copied, mut is_string, mut is_escaped) = (String::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b'N' | b'I' | b'-' if !is_string && at >= copied => {
                let words = ["NaN", "Infinity", "-Infinity"];
                let Some(word) = words.into_iter().find(|word| text[at..].starts_with(word)) else { continue };
                out.extend([&text[copied..at], "null"]);
                copied = at + word.len();
            }
            _ => {}
        }
    }
    if copied == 0 { Cow::Borrowed(text) } else { Cow::Owned(out + &text[copied..]) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn graphs_are_known_by_what_they_are() {
        let graph = json!({"1": {"class_type": "X", "inputs": {}}});
        let workflow = json!({"nodes": [], "links": []});
        let read = |value: &Value| read_source(value.to_string().as_bytes()).map(|s| (s.prompt, s.workflow));
        assert_eq!(read(&graph), Ok((Some(graph.clone()), None)));
        assert_eq!(read(&workflow), Ok((None, Some(workflow.to_string()))));
        let body = json!({"prompt": graph, "extra_data": {"extra_pnginfo": {"workflow": workflow}}});
        assert_eq!(read(&body), Ok((Some(graph), Some(workflow.to_string()))));
        assert_eq!(read(&json!({"a": 1})), Err(SourceError::OtherJson));
        assert_eq!(read(&json!([])), Err(SourceError::OtherJson));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let text = "{\n  \"é\": }";
        let Err(SourceError::Json { span, .. }) = read_source(text.as_bytes()) else { panic!("not JSON") };
        assert_eq!(&text[span.start..], "}");
        assert!(matches!(read_source(b"{\xff"), Err(SourceError::Json { span, .. }) if span.start == 1));
        assert!(matches!(read_source(b"{\"1\": {\"class_type\""), Err(SourceError::Json { .. })));
        assert_eq!(read_source(b""), Err(SourceError::NoGraph));
        assert_eq!(read_source(b"\x89PNG\r\n\x1a\n"), Err(SourceError::NoGraph));
        let deep = "[".repeat(100_000);
        assert!(matches!(read_source(deep.as_bytes()), Err(SourceError::Json { .. })));
    }

    #[test]
    fn numbers_of_python() {
        let text = r#"{"1": {"class_type": "NaN \" NaN", "is_changed": [NaN, -Infinity,Infinity, -1]}}"#;
        let node = read_source(text.as_bytes()).unwrap().prompt.unwrap()["1"].clone();
        assert_eq!(node, json!({"class_type": "NaN \" NaN", "is_changed": [null, null, null, -1]}));
        assert!(read_source(b"{NaN}").is_err());
    }
}
