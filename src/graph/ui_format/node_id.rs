//! Ids of nodes: whole numbers nearly always, texts sometimes. `5` and `"5"` are the same id.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// The id of a node in its graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NodeId {
    /// A whole number.
    Number(i64),
    /// Anything else.
    Text(Arc<str>),
}

impl NodeId {
    /// What links of a subgraph name as their origin when they come in from outside.
    pub(crate) const SUBGRAPH_INPUT: Self = Self::Number(-10);
    /// What links of a subgraph name as their target when they go out.
    pub(crate) const SUBGRAPH_OUTPUT: Self = Self::Number(-20);
    /// What a link names that ends nowhere.
    pub(crate) const NOWHERE: Self = Self::Number(-1);

    /// The id that `text` is.
    pub(crate) fn of_text(text: &str) -> Self {
        match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Self::Number(number),
            _ => Self::Text(Arc::from(text)),
        }
    }

    /// The id as a number, if it is one.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;

        impl Visitor<'_> for Id {
            type Value = NodeId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a node")
            }

            fn visit_i64<E>(self, value: i64) -> Result<NodeId, E> {
                Ok(NodeId::Number(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<NodeId, E> {
                Ok(i64::try_from(value).map_or_else(|_| NodeId::Text(value.to_string().into()), NodeId::Number))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<NodeId, E> {
                Ok(NodeId::of_text(&value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<NodeId, E> {
                Ok(NodeId::of_text(value))
            }
        }

        deserializer.deserialize_any(Id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_text_are_one_id() {
        let read = |json: &str| serde_json::from_str::<NodeId>(json).map_err(|e| e.to_string());
        for same in ["5", "5.0", "\"5\""] {
            assert_eq!(read(same), Ok(NodeId::Number(5)), "{same}");
        }
        assert_eq!(read("\"05\""), Ok(NodeId::Text("05".into())));
        assert_eq!(read("\"29:5\"").map(|id| id.to_string()), Ok("29:5".to_owned()));
        assert_eq!(read("1.5").map(|id| id.to_string()), Ok("1.5".to_owned()));
        assert!(read("null").is_err());
    }
}
