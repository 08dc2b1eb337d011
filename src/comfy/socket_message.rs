//! What comes over the WebSocket, as types.

use crate::ident::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::protocol::ExecutionError;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketMessage {
    /// How much the server has to do.
    Status {
        /// Prompts that run or wait.
        queue_remaining: u64,
    },
    /// Something about one prompt.
    Prompt(Uuid, PromptEvent),
    /// An intermediate image.
    Preview(Preview),
    /// A text that a node shows.
    Text,
    /// Anything else.
    Other,
}

/// Something that happened to a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptEvent {
    /// It begins.
    Started,
    /// These nodes need not run.
    Cached(Vec<String>),
    /// This node begins; none when the prompt has ended.
    Executing(Option<String>),
    /// A node is on its way.
    Progress {
        /// The node.
        node: String,
        /// 0 to 1.
        share: f32,
    },
    /// All nodes that have begun: 0 to 1.
    State(IndexMap<String, f32>),
    /// An output node has left something.
    Executed {
        /// The node.
        node: String,
        /// What.
        output: Value,
    },
    /// It came to its end.
    Succeeded,
    /// A node broke off.
    Failed(ExecutionError),
    /// Somebody interrupted it.
    Interrupted,
}

/// An intermediate image.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The prompt, where the server says it.
    pub prompt: Option<Uuid>,
    /// The node, where the server says it.
    pub node: Option<String>,
    /// `image/jpeg` or `image/png`.
    pub media_type: String,
    /// The file.
    pub image: Vec<u8>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

/// Reads a text message. What is not understood is [`SocketMessage::Other`].
pub fn read_text(text: &str) -> SocketMessage {
    let Ok(Envelope { kind, data }) = serde_json::from_str(text) else { return SocketMessage::Other };
    if kind == "status" {
        let remaining = data.pointer("/status/exec_info/queue_remaining").and_then(Value::as_u64);
        return SocketMessage::Status { queue_remaining: remaining.unwrap_or(0) };
    }
    match (data["prompt_id"].as_str().and_then(|id| id.parse().ok()), prompt_event(&kind, &data)) {
        (Some(id), Some(event)) => SocketMessage::Prompt(id, event),
        _ => SocketMessage::Other,
    }
}

/// What a message of this kind says about its prompt. The history keeps messages in the same form.
pub fn prompt_event(kind: &str, data: &Value) -> Option<PromptEvent> {
    let node = || data["node"].as_str().map(str::to_owned);
    Some(match kind {
        "execution_start" => PromptEvent::Started,
        "execution_cached" => {
            let nodes = data["nodes"].as_array().into_iter().flatten();
            PromptEvent::Cached(nodes.filter_map(Value::as_str).map(str::to_owned).collect())
        }
        "executing" => PromptEvent::Executing(node()),
        "progress" => PromptEvent::Progress { node: node()?, share: share(data) },
        "progress_state" => {
            let nodes = data["nodes"].as_object()?.iter();
            PromptEvent::State(nodes.map(|(id, state)| (id.clone(), share(state))).collect())
        }
        "executed" => PromptEvent::Executed { node: node()?, output: data["output"].clone() },
        "execution_success" => PromptEvent::Succeeded,
        "execution_error" => PromptEvent::Failed(serde_json::from_value(data.clone()).unwrap_or_default()),
        "execution_interrupted" => PromptEvent::Interrupted,
        _ => return None,
    })
}

fn share(data: &Value) -> f32 {
    if data["state"] == "finished" {
        return 1.0;
    }
    let number = |key: &str| data[key].as_f64().unwrap_or(0.0);
    let most = number("max");
    if most > 0.0 { (number("value") / most).clamp(0.0, 1.0) as f32 } else { 0.0 }
}

/// Reads a binary message: a type of four bytes, big end first, then what belongs to it.
pub fn read_binary(bytes: &[u8]) -> SocketMessage {
    let message = split_u32(bytes).and_then(|(kind, rest)| match kind {
        1 => plain_preview(rest).map(SocketMessage::Preview),
        3 => Some(SocketMessage::Text),
        4 => preview_with_metadata(rest).map(SocketMessage::Preview),
        _ => None,
    });
    message.unwrap_or(SocketMessage::Other)
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn plain_preview(bytes: &[u8]) -> Option<Preview> {
    let (format, image) = split_u32(bytes)?;
    let media_type = if format == 2 { "image/png" } else { "image/jpeg" };
    Some(Preview { prompt: None, node: None, media_type: media_type.to_owned(), image: image.to_vec() })
}

fn preview_with_metadata(bytes: &[u8]) -> Option<Preview> {
    let (length, rest) = split_u32(bytes)?;
    let (metadata, image) = rest.split_at_checked(length as usize)?;
    let metadata: Value = serde_json::from_slice(metadata).ok()?;
    Some(Preview {
        prompt: metadata["prompt_id"].as_str().and_then(|id| id.parse().ok()),
        node: metadata["node_id"].as_str().map(str::to_owned),
        media_type: metadata["image_type"].as_str().unwrap_or("image/jpeg").to_owned(),
        image: image.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn previews_of_both_forms() {
        let plain = [&1_u32.to_be_bytes()[..], &2_u32.to_be_bytes(), b"png"].concat();
        let SocketMessage::Preview(preview) = read_binary(&plain) else { panic!("a preview") };
        assert_eq!((preview.media_type.as_str(), preview.image.as_slice()), ("image/png", b"png".as_slice()));
        let id = Uuid::from_u128(7);
        let data = json!({ "node_id": "5", "prompt_id": id, "image_type": "image/jpeg" }).to_string();
        let full = [&4_u32.to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), data.as_bytes(), b"jpeg"].concat();
        let expected = Preview {
            prompt: Some(id),
            node: Some("5".to_owned()),
            media_type: "image/jpeg".to_owned(),
            image: b"jpeg".to_vec(),
        };
        assert_eq!(read_binary(&full), SocketMessage::Preview(expected));
        assert_eq!(read_binary(&3_u32.to_be_bytes()), SocketMessage::Text);
    }

    #[test]
    fn broken_messages_are_passed_over() {
        for bytes in [&b""[..], b"\0\0\0", b"\0\0\0\x01\0", b"\0\0\0\x04\xff\xff\xff\xff{}", b"\0\0\0\x09abc"] {
            assert_eq!(read_binary(bytes), SocketMessage::Other, "{bytes:?}");
        }
        for text in ["", "5", "{}", r#"{"type": "executing", "data": {"prompt_id": "x"}}"#, r#"{"type": "new"}"#] {
            assert_eq!(read_text(text), SocketMessage::Other, "{text}");
        }
    }

    #[test]
    fn shares_of_steps() {
        let id = Uuid::from_u128(1);
        let text = |data: Value| read_text(&json!({ "type": "progress", "data": data }).to_string());
        let share = |share| SocketMessage::Prompt(id, PromptEvent::Progress { node: "5".to_owned(), share });
        assert_eq!(text(json!({ "prompt_id": id, "node": "5", "value": 1, "max": 4 })), share(0.25));
        assert_eq!(text(json!({ "prompt_id": id, "node": "5", "value": 9, "max": 4 })), share(1.0));
        assert_eq!(text(json!({ "prompt_id": id, "node": "5", "value": 1, "max": 0 })), share(0.0));
    }
}
