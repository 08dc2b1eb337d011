//! Reading and writing `[node.<id>.<Class>]`: scalars are metadata, the one table is the class.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::Value;

use super::document::{NodeDef, ValueMap};

impl<'de> Deserialize<'de> for NodeDef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NodeVisitor)
    }
}

/// Reads the inputs where they stand: a document has more of them than of anything else.
struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = NodeDef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node: its class as a table with the inputs, and metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeDef, A::Error> {
        let (mut title, mut bypass, mut pos) = (None, None, None);
        let mut found: Option<(String, ValueMap)> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "title" => title = Some(map.next_value::<String>()?),
                "bypass" => bypass = Some(map.next_value::<Value>()?),
                "pos" => pos = Some(map.next_value::<[f64; 2]>()?),
                _ => {
                    if let Some((class, _)) = &found {
                        return Err(A::Error::custom(format!("a node has one class, not `{class}` and `{key}`")));
                    }
                    found = Some((key, map.next_value()?));
                }
            }
        }
        let (class, inputs) = found.ok_or_else(|| A::Error::custom("a node needs a class"))?;
        Ok(NodeDef { title, bypass, pos, class, inputs })
    }
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
