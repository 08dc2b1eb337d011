//! Literals as a server takes them, which is not quite what classes declare: it makes numbers of
//! what Python can make numbers of, and text of anything.

use serde_json::Value;

use crate::graph::{
    class::{ComboForm, ComboSource, InputInfo, InputKind},
    coerce::{CoerceError, coerce_value},
};

/// Numbers below it are whole as 64-bit integers, too.
const LARGEST: f64 = 9e18;

/// Why a literal is not what an input declares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ValueFault {
    /// The server refuses it, or the node breaks off on it.
    Wrong(CoerceError),
    /// The server makes something else of it and goes on.
    Odd(CoerceError, Value),
    /// The server hands it on without a look.
    Unchecked(CoerceError),
}

/// What is wrong with `value` for an input; `required` is whether the node must give it.
pub(super) fn judge(info: &InputInfo, required: bool, value: &Value) -> Option<ValueFault> {
    let is_unchecked = matches!(&info.kind, InputKind::Combo { form: ComboForm::Unchecked, source, .. } if *source != ComboSource::Upload);
    let error = match &info.kind {
        InputKind::Combo { .. } => unlisted(&info.kind, value)?,
        kind => coerce_value(kind, value).err()?,
    };
    Some(match &error {
        CoerceError::NotInList { of_files: false, .. } | CoerceError::WrongType { .. } if is_unchecked => {
            ValueFault::Unchecked(error)
        }
        // What is not given is null to a node, too.
        CoerceError::OnlyLinks { .. } if value.is_null() && !required => ValueFault::Unchecked(error),
        // Samplers go through conditioning as a list, and an empty text is an empty list, too.
        CoerceError::OnlyLinks { types, .. } if types.contains("CONDITIONING") && value == "" => {
            ValueFault::Unchecked(error)
        }
        CoerceError::WrongType { .. } => match as_python(&info.kind, value) {
            Some(made) => match coerce_value(&info.kind, &made) {
                Ok(_) => ValueFault::Odd(error, made),
                Err(of_made) => ValueFault::Wrong(of_made),
            },
            None => ValueFault::Wrong(error),
        },
        _ => ValueFault::Wrong(error),
    })
}

/// Why `value` is none of a list. Servers compare what they get: a value that would only fit after it
/// was put into the form of the list does not.
fn unlisted(kind: &InputKind, value: &Value) -> Option<CoerceError> {
    let InputKind::Combo { options, source, multiselect, .. } = kind else { return None };
    match (source, value) {
        (ComboSource::Open, _) | (ComboSource::Upload, Value::String(_)) => return None,
        (ComboSource::Upload, _) => {
            let expected = "the name of a file".to_owned();
            return Some(CoerceError::WrongType { expected, given: value.clone(), suggestion: None });
        }
        _ => {}
    }
    let is_listed = |value: &Value| options.iter().any(|option| are_equal(option, value));
    let given = match value {
        Value::Array(list) if *multiselect => list.iter().find(|value| !is_listed(value))?,
        _ => Some(value).filter(|value| !is_listed(value))?,
    };
    Some(coerce_value(kind, given).map_or_else(
        |error| error,
        |option| CoerceError::NotInList {
            given: given.clone(),
            options: options.clone(),
            of_files: false,
            suggestion: Some(option.to_string()),
        },
    ))
}

/// Whether Python calls the two equal: 5 and 5.0, 1 and true.
fn are_equal(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        other => other.as_f64(),
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

/// What Python's `int()`, `float()`, `str()` or `bool()` makes of a value for an input of such a type.
fn as_python(kind: &InputKind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (InputKind::Int { .. }, Value::Bool(b)) => Some(Value::from(i64::from(*b))),
        (InputKind::Int { .. }, Value::Number(n)) => {
            n.as_f64().filter(|f| f.abs() < LARGEST).map(|f| Value::from(f as i64))
        }
        (InputKind::Float { .. }, Value::Bool(b)) => Some(Value::from(f64::from(u8::from(*b)))),
        (InputKind::Int { .. } | InputKind::Float { .. }, Value::String(text)) => {
            without_underscores(text).map(Value::from)
        }
        (InputKind::String { .. }, other) => Some(Value::from(other.to_string())),
        (InputKind::Bool, other) => Some(Value::from(is_truthy(other))),
        _ => None,
    }
}

/// `1_000` as `1000`; none without an underscore between digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut underscores = (0..bytes.len()).filter(|at| bytes[*at] == b'_').peekable();
    underscores.peek()?;
    underscores.all(|at| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))).then(|| text.replace('_', ""))
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::NodeSet;

    fn info(spec: &Value) -> InputInfo {
        let text = json!({"X": {"input": {"required": {"x": spec}}}}).to_string();
        let nodes = NodeSet::parse(text).unwrap_or_default();
        nodes.class("X").map(|class| class.inputs[0].clone()).expect("an input")
    }

    fn told(spec: &Value, value: &Value) -> String {
        match judge(&info(spec), true, value) {
            None => "fits".to_owned(),
            Some(ValueFault::Wrong(error)) => format!("wrong: {error}"),
            Some(ValueFault::Odd(_, made)) => format!("odd: {made}"),
            Some(ValueFault::Unchecked(error)) => format!("unchecked: {error}"),
        }
    }

    /// As ComfyUI 0.3.75 answered to each of these.
    #[test]
    fn what_a_server_makes_of_literals() {
        let int = json!(["INT", {"min": 1, "max": 100}]);
        let float = json!(["FLOAT", {"min": 0.0, "max": 8.0}]);
        let cases = [
            (&int, json!(7.5), "odd: 7"),
            (&int, json!("12"), "fits"),
            (&int, json!("1_0"), "odd: \"10\""),
            (&int, json!("_10"), "wrong: a whole number is wanted, not \"_10\""),
            (&int, json!("7.5"), "wrong: a whole number is wanted, not \"7.5\""),
            (&int, json!(true), "odd: 1"),
            (&int, json!(false), "wrong: 0 is below the smallest value, 1"),
            (&int, json!(100.5), "odd: 100"),
            (&int, json!(1e300), "wrong: a whole number is wanted, not 1e+300"),
            (&int, json!(null), "wrong: a whole number is wanted, not null"),
            (&int, json!({"a": 1}), "wrong: a whole number is wanted, not a table"),
            (&float, json!("0.5"), "fits"),
            (&float, json!(true), "odd: 1.0"),
            (&float, json!("1_0"), "wrong: 10 is above the largest value, 8"),
            (&float, json!("inf"), "wrong: a number is wanted, not \"inf\""),
            (&float, json!([1]), "wrong: a number is wanted, not a list"),
            (&json!(["STRING"]), json!(null), "odd: \"null\""),
            (&json!(["STRING"]), json!(5), "fits"),
            (&json!(["BOOLEAN"]), json!("false"), "odd: true"),
            (&json!(["BOOLEAN"]), json!(2), "odd: true"),
            (&json!(["BOOLEAN"]), json!([]), "odd: false"),
            (&json!(["IMAGE"]), json!(null), "wrong: a link to an output of type IMAGE is wanted, not null"),
        ];
        for (spec, value, expected) in cases {
            assert_eq!(told(spec, &value), expected, "{value} for {spec}");
        }
    }

    #[test]
    fn lists_are_compared_as_they_are() {
        let numbers = json!(["COMBO", {"options": [5, 10]}]);
        for (value, expected) in [
            (json!(5), "fits"),
            (json!(5.0), "fits"),
            (json!("5"), "wrong: \"5\" is not in the list"),
            (json!(null), "wrong: one of a list is wanted, not null"),
        ] {
            assert_eq!(told(&numbers, &value), expected, "{value}");
        }
        let upload = json!([["a.png"], {"image_upload": true}]);
        assert_eq!(told(&upload, &json!("b.png")), "fits", "which files there are is another rule's");
        assert_eq!(told(&upload, &json!(5)), "wrong: the name of a file is wanted, not 5");
        let several = json!(["COMBO", {"options": [5, 10], "multiselect": true}]);
        assert_eq!(told(&several, &json!([5, 10])), "fits");
        assert_eq!(told(&several, &json!([5, "10"])), "wrong: \"10\" is not in the list");
    }

    #[test]
    fn an_optional_link_may_be_null() {
        let mask = info(&json!(["MASK"]));
        assert!(matches!(judge(&mask, false, &Value::Null), Some(ValueFault::Unchecked(_))));
        assert!(matches!(judge(&mask, false, &json!(0)), Some(ValueFault::Wrong(_))));
    }
}
