//! The canonical form of a document: its meaning without comments, layout, format or defaults
//! left out, and the hashes of it.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::document::{Body, Document, Kind};
use crate::content_hash::{ContentHash, canonical_json};

/// Whole numbers up to here are exact as floats.
const LARGEST_EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

impl Document {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Preset(_) => Kind::Preset,
            Body::Template(_) => Kind::Template,
            Body::AbTest(_) => Kind::AbTest,
            Body::Chain(_) => Kind::Chain,
            Body::Mask(_) => Kind::Mask,
        }
    }

    /// The document as JSON, keys in the order of the model; numbers without a fraction are whole
    /// numbers.
    pub fn to_json(&self) -> Value {
        let mut value = self.to_exact_json();
        canonical_numbers(&mut value);
        value
    }

    /// The document as JSON, keys in the order of the model, with its numbers as they are.
    pub fn to_exact_json(&self) -> Value {
        let mut all = object(&self.header);
        all.append(&mut match &self.body {
            Body::Preset(body) => object(body),
            Body::Template(body) => object(body),
            Body::AbTest(body) => object(body),
            Body::Chain(body) => object(body),
            Body::Mask(body) => object(body),
        });
        Value::Object(all)
    }

    /// The BLAKE3 hash of the canonical form: the same for TOML and KDL, whatever the comments,
    /// the layout and the order of keys.
    pub fn canonical_hash(&self) -> ContentHash {
        ContentHash::of_json(&self.to_json())
    }

    /// The SHA-256 hash of the same canonical form, as 64 hexadecimal digits.
    pub fn canonical_sha256(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(canonical_json(&self.to_json())).into();
        // Both hashes are printed alike.
        ContentHash::from_bytes(digest).to_string()
    }
}

fn object(part: &impl Serialize) -> Map<String, Value> {
    // The model has string keys and finite numbers only, which JSON can always say.
    match serde_json::to_value(part) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Writes 7.0 as 7 everywhere in `value`.
pub fn canonical_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() <= LARGEST_EXACT_FLOAT) {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(canonical_numbers),
        Value::Object(map) => map.values_mut().for_each(canonical_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers() {
        let mut value = json!({"a": [7.0, 7, -0.0, 0.5, 1e300], "b": {"c": 9_007_199_254_740_993_i64}});
        canonical_numbers(&mut value);
        assert_eq!(canonical_json(&value), r#"{"a":[7,7,0,0.5,1e+300],"b":{"c":9007199254740993}}"#);
    }
}
