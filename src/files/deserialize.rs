//! The tree as a source for serde: typed values are read from it without a copy of the whole.

use serde::{
    de::{
        self, Deserializer, IntoDeserializer, Visitor,
        value::{Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::tree::{Node, NodeKind};

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            NodeKind::String(text) => visitor.visit_borrowed_str(text),
            NodeKind::Int(value) => visitor.visit_i64(*value),
            NodeKind::Float(value) => visitor.visit_f64(*value),
            NodeKind::Bool(value) => visitor.visit_bool(*value),
            NodeKind::List(list) => {
                let mut elements = SeqDeserializer::new(list.iter().map(|element| &element.node));
                let value = visitor.visit_seq(&mut elements)?;
                elements.end()?;
                Ok(value)
            }
            NodeKind::Table(table) => {
                let mut entries = MapDeserializer::new(table.entries.iter().map(|(k, e)| (k.as_str(), &e.node)));
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is a word, or a table with the word as its only key.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.kind {
            NodeKind::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            NodeKind::Table(table) => {
                let entries = MapDeserializer::new(table.entries.iter().map(|(k, e)| (k.as_str(), &e.node)));
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            _ => Err(de::Error::custom(format_args!("{} is not a word", self.describe()))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::ident::IndexMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Soft,
        Scaled(f64),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Typed {
        word: Word,
        other: Word,
        maybe: Option<u32>,
        absent: Option<String>,
        ratio: f64,
        free: Value,
        map: IndexMap<String, Vec<i64>>,
    }

    #[test]
    fn typed_values_are_read() {
        let value = json!({
            "word": "soft", "other": { "scaled": 2 }, "maybe": 3, "ratio": 2, "free": { "a": [1, 2.5, "x", true] },
            "map": { "b": [1, 2], "a": [] }, "unknown": [{}]
        });
        let node = Node::from_json(&value).unwrap();
        let typed = Typed::deserialize(&node).unwrap();
        assert_eq!(
            typed,
            Typed {
                word: Word::Soft,
                other: Word::Scaled(2.0),
                maybe: Some(3),
                absent: None,
                ratio: 2.0,
                free: value["free"].clone(),
                map: IndexMap::from_iter([("b".to_owned(), vec![1, 2]), ("a".to_owned(), vec![])]),
            }
        );
        assert_eq!(typed.map.keys().collect::<Vec<_>>(), ["b", "a"], "order is kept");
    }

    #[test]
    fn a_wrong_value_is_an_error() {
        let node = Node::from_json(&json!({ "maybe": "three" })).unwrap();
        let read = IndexMap::<String, Option<u32>>::deserialize(&node);
        assert!(read.unwrap_err().to_string().contains("invalid type: string \"three\""));
        assert!(Word::deserialize(&Node::from(NodeKind::Int(1))).is_err());
    }
}
