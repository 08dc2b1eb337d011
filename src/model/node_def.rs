//! Reading and writing `[node.<id>.<Class>]`: scalars are metadata, the one table is the class.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap as _};
use serde_json::Value;

use super::document::{NodeDef, ValueMap};

impl<'de> Deserialize<'de> for NodeDef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = ValueMap::deserialize(deserializer)?;
        let title = take(&mut map, "title")?;
        let bypass = map.shift_remove("bypass");
        let pos = take(&mut map, "pos")?;
        let mut classes = map.into_iter();
        match (classes.next(), classes.next()) {
            (Some((class, Value::Object(inputs))), None) => {
                Ok(Self { title, bypass, pos, class, inputs: inputs.into_iter().collect() })
            }
            (Some((key, _)), None) => Err(D::Error::custom(format!("`{key}` is neither metadata nor a class"))),
            (None, _) => Err(D::Error::custom("a node needs a class")),
            (Some((a, _)), Some((b, _))) => Err(D::Error::custom(format!("a node has one class, not `{a}` and `{b}`"))),
        }
    }
}

fn take<T: serde::de::DeserializeOwned, E: serde::de::Error>(map: &mut ValueMap, key: &str) -> Result<Option<T>, E> {
    map.shift_remove(key).map(serde_json::from_value).transpose().map_err(E::custom)
}

impl Serialize for NodeDef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(title) = &self.title {
            map.serialize_entry("title", title)?;
        }
        if let Some(bypass) = &self.bypass {
            map.serialize_entry("bypass", bypass)?;
        }
        if let Some(pos) = &self.pos {
            map.serialize_entry("pos", pos)?;
        }
        map.serialize_entry(&self.class, &self.inputs)?;
        map.end()
    }
}

impl JsonSchema for NodeDef {
    fn schema_name() -> Cow<'static, str> {
        "NodeDef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A node: its class as a table with the inputs, and metadata.",
            "properties": {
                "title": { "type": "string", "description": "Title in the editor." },
                "bypass": {
                    "anyOf": [{ "type": "boolean" }, { "type": "string" }],
                    "description": "Whether the node is passed by; may be an interpolation that gives true or false."
                },
                "pos": {
                    "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2,
                    "description": "Place in the editor, in pixels."
                }
            },
            "additionalProperties": {
                "type": "object", "additionalProperties": true,
                "description": "The ComfyUI class with its inputs: values, or links such as \"@checkpoint.CLIP\"."
            }
        })
    }
}
