//! Values as the editor handles them: it is a JavaScript program, so all numbers are doubles, and
//! anything can become a number or a text.

use serde_json::{Map, Number, Value};

/// `value` with all numbers as the editor writes them: `7.0` is `7`, and whole numbers beyond 2^53
/// are what a double makes of them.
pub(super) fn written(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(written_number(&number)),
        Value::Array(list) => Value::Array(list.into_iter().map(written).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, written(value))).collect()),
        other => other,
    }
}

fn written_number(number: &Number) -> Number {
    const EXACT: i64 = 1 << 53;
    if number.as_i64().is_some_and(|whole| (-EXACT..=EXACT).contains(&whole)) {
        return number.clone();
    }
    number.as_f64().and_then(number_of).unwrap_or_else(|| number.clone())
}

/// The JSON number that the editor writes for `double`; none for what is no number.
fn number_of(double: f64) -> Option<Number> {
    if double == 0.0 {
        return Some(Number::from(0));
    }
    if double.fract() == 0.0 && double.abs() < 1e21 {
        let digits = double.to_string();
        let whole = digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
        if let Ok(whole) = whole {
            return Some(whole);
        }
    }
    Number::from_f64(double)
}

/// The JSON value of `double`; what is no number becomes `null`.
pub(super) fn value_of(double: f64) -> Value {
    number_of(double).map_or(Value::Null, Value::Number)
}

/// What the editor takes `value` for when it wants a number.
pub(super) fn to_number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(on) => f64::from(u8::from(*on)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => {
            let text = text.trim();
            if text.is_empty() { 0.0 } else { text.parse().unwrap_or(f64::NAN) }
        }
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

/// What the editor takes `value` for when it wants text.
pub(super) fn to_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(on) => on.to_string(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), number_text),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let element = |value: &Value| if value.is_null() { String::new() } else { to_text(value) };
            list.iter().map(element).collect::<Vec<_>>().join(",")
        }
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

fn number_text(double: f64) -> String {
    let size = double.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{double:e}");
        return if size >= 1.0 { text.replace('e', "e+") } else { text };
    }
    if double == 0.0 { "0".to_owned() } else { double.to_string() }
}

/// Whether the editor takes `value` for true.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64().is_some_and(|n| n != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// To the nearest whole number, halves upwards.
pub(super) fn round(double: f64) -> f64 {
    let floor = double.floor();
    if double - floor >= 0.5 { floor + 1.0 } else { floor }
}

/// The members of an object in the order in which the editor sees them: keys that are indices come
/// first, smallest first.
pub(super) fn members(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = map.iter().collect();
    if members.iter().any(|(key, _)| index_key(key).is_some()) {
        // Stable, and what is no index keeps its place behind those that are.
        members.sort_by_key(|(key, _)| index_key(key).unwrap_or(u64::MAX));
    }
    members
}

/// The index that a key is, if it is one.
pub(super) fn index_key(key: &str) -> Option<u64> {
    let index: u32 = key.parse().ok()?;
    (index < u32::MAX && index.to_string() == key).then_some(u64::from(index))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_doubles() {
        let cases = [
            ("7.0", "7"),
            ("-0.0", "0"),
            ("9007199254740993", "9007199254740992"),
            ("1234567890123456789", "1234567890123456800"),
            ("18446744073709551615", "1.8446744073709552e+19"),
            ("0.1", "0.1"),
            ("1e300", "1e+300"),
            ("[1.0, {\"a\": 2.50}]", "[1,{\"a\":2.5}]"),
            ("\"7.0\"", "\"7.0\""),
        ];
        for (given, expected) in cases {
            let value: Value = serde_json::from_str(given).unwrap_or_default();
            assert_eq!(written(value).to_string(), expected, "{given}");
        }
    }

    #[test]
    fn anything_becomes_text_or_a_number() {
        let texts = [
            (json!(7.0), "7"),
            (json!(1e-7), "1e-7"),
            (json!(2.5e21), "2.5e+21"),
            (json!([1, null, "a"]), "1,,a"),
            (json!({}), "[object Object]"),
            (json!(null), "null"),
        ];
        for (value, expected) in texts {
            assert_eq!(to_text(&value), expected);
        }
        assert!((to_number(&json!(" 5 ")) - 5.0).abs() < f64::EPSILON);
        assert!(to_number(&json!("x")).is_nan());
        assert_eq!(value_of(f64::NAN), Value::Null);
        assert_eq!(value_of(round(-2.5)), json!(-2));
        assert_eq!(value_of(round(2.5)), json!(3));
    }

    #[test]
    fn keys_that_are_indices_come_first() {
        let map = json!({"b": 1, "10": 2, "2": 3, "a": 4, "02": 5});
        let keys: Vec<_> = map.as_object().map(members).unwrap_or_default().iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["2", "10", "b", "a", "02"]);
    }
}
