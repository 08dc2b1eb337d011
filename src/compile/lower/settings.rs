//! Typed access to the settings of a task.

use serde_json::Value;

use super::LowerError;
use crate::model::ValueMap;

/// The settings of one item.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a>(pub &'a ValueMap);

impl<'a> Settings<'a> {
    /// The value of `key`, if it is given.
    pub fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    /// A number; digits in a text count.
    pub fn number(self, key: &str) -> Result<Option<f64>, LowerError> {
        self.get(key).map(|v| as_number(key, v)).transpose()
    }

    /// A whole number in `range`.
    pub fn integer(self, key: &str, range: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, LowerError> {
        let Some(number) = self.number(key)? else { return Ok(None) };
        let whole = number.fract() == 0.0 && range.contains(&(number as i64));
        if whole {
            Ok(Some(number as i64))
        } else {
            let message = format!("`{key}` is a whole number from {} to {}, not {number}", range.start(), range.end());
            Err(LowerError::at("out-of-range", key, message))
        }
    }

    /// A text.
    pub fn text(self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    /// One of `choices`, the first without it.
    pub fn choice(self, key: &str, choices: &[&'static str]) -> Result<&'static str, LowerError> {
        let Some(given) = self.get(key) else { return Ok(choices[0]) };
        choices.iter().find(|c| Some(**c) == given.as_str()).copied().ok_or_else(|| {
            LowerError::at("not-in-list", key, format!("`{key}` is one of {}, not {given}", choices.join(", ")))
        })
    }

    /// True or false; false without it.
    pub fn flag(self, key: &str) -> Result<bool, LowerError> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(b)) => Ok(*b),
            Some(other) => Err(LowerError::at("wrong-type", key, format!("`{key}` is true or false, not {other}"))),
        }
    }
}

/// A number, or digits in a text.
pub(super) fn as_number(key: &str, value: &Value) -> Result<f64, LowerError> {
    let number = match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok().filter(|f: &f64| f.is_finite()),
        _ => None,
    };
    number.ok_or_else(|| LowerError::at("wrong-type", key, format!("`{key}` is a number, not {value}")))
}

/// The colour `#rgb`, `#rrggbb` or `#rrggbbaa` as 0xRRGGBB; alpha is left out.
pub(super) fn color(key: &str, text: &str) -> Result<u32, LowerError> {
    let wrong =
        || LowerError::at("bad-color", key, format!("`{text}` is not a colour")).hint("write it as \"#rrggbb\"");
    let digits = text.strip_prefix('#').filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
    let full: String = match digits.len() {
        3 => digits.chars().flat_map(|c| [c, c]).collect(),
        6 | 8 => digits[..6].to_owned(),
        _ => return Err(wrong()),
    };
    u32::from_str_radix(&full, 16).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors() {
        assert_eq!(color("bg", "#fff"), Ok(0xff_ff_ff));
        assert_eq!(color("bg", "#10203040"), Ok(0x10_20_30));
        for bad in ["fff", "#ff", "#ggg", "#é12"] {
            assert_eq!(color("bg", bad).map_err(|e| e.code), Err("bad-color"), "{bad}");
        }
    }
}
