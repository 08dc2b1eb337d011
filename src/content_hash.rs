//! Content hashes: BLAKE3 of bytes and of canonical JSON.

use std::{fmt, io, str::FromStr};

use serde_json::Value;

/// A 256-bit BLAKE3 hash, printed as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Hash of `bytes`.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Hash of everything `reader` yields.
    pub fn of_reader(reader: impl io::Read) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }

    /// Hash of a JSON value in canonical form: object keys sorted, no white space.
    pub fn of_json(value: &Value) -> Self {
        let mut hasher = blake3::Hasher::new();
        write_canonical(value, &mut hasher);
        Self(*hasher.finalize().as_bytes())
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash with these raw bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first 12 hex digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({})", self.short())
    }
}

impl FromStr for ContentHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(|h| Self(*h.as_bytes())).map_err(|_| "a content hash is 64 hexadecimal digits")
    }
}

/// The canonical JSON text of `value`: object keys sorted by bytes, no white space, floats in
/// their shortest round-trip form.
pub fn canonical_json(value: &Value) -> String {
    let mut out = Vec::new();
    write_canonical(value, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn write_canonical(value: &Value, out: &mut impl io::Write) {
    // Writing to a hasher or a vector cannot fail.
    let _ = try_write_canonical(value, out);
}

fn try_write_canonical(value: &Value, out: &mut impl io::Write) -> io::Result<()> {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            out.write_all(b"{")?;
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.write_all(b",")?;
                }
                serde_json::to_writer(&mut *out, key)?;
                out.write_all(b":")?;
                try_write_canonical(&map[key], out)?;
            }
            out.write_all(b"}")
        }
        Value::Array(list) => {
            out.write_all(b"[")?;
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.write_all(b",")?;
                }
                try_write_canonical(item, out)?;
            }
            out.write_all(b"]")
        }
        scalar => Ok(serde_json::to_writer(out, scalar)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_does_not_matter() {
        let a = ContentHash::of_json(&json!({"b": [1, {"y": 1, "x": 2}], "a": "é\n"}));
        let b = ContentHash::of_json(&json!({"a": "é\n", "b": [1, {"x": 2, "y": 1}]}));
        assert_eq!(a, b);
        assert_eq!(a.to_string().parse(), Ok(a));
        assert_ne!(a, ContentHash::of_json(&json!({"a": "é\n"})));
    }
}
