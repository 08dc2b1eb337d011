//! Turns a literal into the form that an input declares: `"7"` into 7 for an INT, 7 into 7.0 for a
//! FLOAT.
//!
//! Accepts what ComfyUI accepts, except where ComfyUI would silently do something else than
//! written: a fraction for an INT (it truncates), true for a number (it is 1), `"false"` for a
//! BOOLEAN (it is true).

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Number, Value};

use super::class::{ComboSource, InputKind, Types};
use crate::ident::did_you_mean;

/// Endings of model files.
const MODEL_SUFFIXES: [&str; 9] = [".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx"];

/// Whether `value` is the name of a model file.
pub fn is_model_file(value: &Value) -> bool {
    value.as_str().is_some_and(|name| MODEL_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)))
}

/// Why a literal does not fit an input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoerceError {
    /// It is of another type.
    #[error("{expected} is wanted, not {}", describe(given))]
    WrongType {
        /// What the input takes, with its article.
        expected: String,
        /// The literal.
        given: Value,
        /// The literal that was probably meant.
        suggestion: Option<String>,
    },
    /// It is too small or too large.
    #[error("{given} is {}", bound_text(*below, bound))]
    OutOfRange {
        /// The number.
        given: String,
        /// Whether it is below the smallest value; above the largest otherwise.
        below: bool,
        /// The bound it breaks.
        bound: String,
    },
    /// It is not one of the values.
    #[error("{} is not in the list", describe(given))]
    NotInList {
        /// The literal.
        given: Value,
        /// The list.
        options: Vec<Value>,
        /// Whether the list only tells which files a server had.
        of_files: bool,
        /// The nearest value of the list.
        suggestion: Option<String>,
    },
    /// Only another node's output fits.
    #[error("a link to an output of type {types} is wanted, not {}", describe(given))]
    OnlyLinks {
        /// The types.
        types: Types,
        /// The literal.
        given: Value,
    },
}

fn bound_text(below: bool, bound: &str) -> String {
    if below { format!("below the smallest value, {bound}") } else { format!("above the largest value, {bound}") }
}

/// What `value` is, for people, with the value where it is short.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(_) => short(value),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

/// `value` as JSON, cut to a length that fits a line.
pub(super) fn short(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `value` in the form that an input of `kind` declares.
///
/// # Errors
/// When the input does not take it.
pub fn coerce_value(kind: &InputKind, value: &Value) -> Result<Value, CoerceError> {
    match kind {
        InputKind::Int { min, max, .. } => coerce_int(value, *min, *max),
        InputKind::Float { min, max, .. } => coerce_float(value, *min, *max),
        InputKind::String { .. } => coerce_string(value),
        InputKind::Bool => coerce_bool(value),
        InputKind::Combo { options, source, multiselect, .. } => coerce_combo(value, options, *source, *multiselect),
        InputKind::DynamicCombo { options } => {
            let keys: Vec<Value> = options.iter().map(|o| Value::from(o.key.as_str())).collect();
            coerce_combo(value, &keys, ComboSource::Fixed, false)
        }
        InputKind::Link { types, widget, min, max } => coerce_union(value, types, *widget, *min, *max),
        InputKind::MatchType { allowed, .. } => coerce_union(value, allowed, false, None, None),
        InputKind::Autogrow { template, .. } => coerce_value(&template.kind, value),
        InputKind::Json | InputKind::Opaque { .. } => Ok(value.clone()),
    }
}

fn wrong_type(expected: &str, given: &Value, suggestion: Option<String>) -> CoerceError {
    CoerceError::WrongType { expected: expected.to_owned(), given: given.clone(), suggestion }
}

fn coerce_int(value: &Value, min: Option<i128>, max: Option<i128>) -> Result<Value, CoerceError> {
    let error = || wrong_type("a whole number", value, rounded(value));
    let whole = match value {
        Value::Number(number) => whole_number(number).ok_or_else(error)?,
        Value::String(text) => text.trim().parse::<i128>().map_err(|_| error())?,
        _ => return Err(error()),
    };
    let broken = |below: bool, bound: i128| CoerceError::OutOfRange {
        given: whole.to_string(),
        below,
        bound: bound.to_string(),
    };
    // Whatever the class says, JSON numbers end here.
    let (min, max) = (min.unwrap_or(i128::from(i64::MIN)), max.unwrap_or(i128::from(u64::MAX)));
    if whole < min {
        return Err(broken(true, min));
    }
    if whole > max {
        return Err(broken(false, max));
    }
    let number = i64::try_from(whole).map(Number::from).or_else(|_| u64::try_from(whole).map(Number::from));
    number.map(Value::Number).map_err(|_| error())
}

fn whole_number(number: &Number) -> Option<i128> {
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    whole.or_else(|| number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e19).map(|f| f as i128))
}

fn rounded(value: &Value) -> Option<String> {
    value.as_f64().filter(|f| f.abs() < 1e15).map(|f| format!("{}", f.round()))
}

fn coerce_float(value: &Value, min: Option<f64>, max: Option<f64>) -> Result<Value, CoerceError> {
    let error = || wrong_type("a number", value, None);
    let number = match value {
        Value::Number(number) => number.as_f64().ok_or_else(error)?,
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(error)?,
        _ => return Err(error()),
    };
    check_bounds(number, min, max)?;
    Number::from_f64(number).map(Value::Number).ok_or_else(error)
}

fn check_bounds(number: f64, min: Option<f64>, max: Option<f64>) -> Result<(), CoerceError> {
    let breaks = |bound: Option<f64>, order: Ordering| bound.filter(|b| number.partial_cmp(b) == Some(order));
    let broken = |below: bool, bound: f64| {
        Err(CoerceError::OutOfRange { given: number.to_string(), below, bound: bound.to_string() })
    };
    if let Some(bound) = breaks(min, Ordering::Less) {
        return broken(true, bound);
    }
    breaks(max, Ordering::Greater).map_or(Ok(()), |bound| broken(false, bound))
}

fn coerce_string(value: &Value) -> Result<Value, CoerceError> {
    match value {
        Value::String(_) => Ok(value.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(Value::String(value.to_string())),
        _ => Err(wrong_type("text", value, None)),
    }
}

fn coerce_bool(value: &Value) -> Result<Value, CoerceError> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::Number(n) if n.as_f64() == Some(0.0) => Ok(Value::Bool(false)),
        Value::Number(n) if n.as_f64() == Some(1.0) => Ok(Value::Bool(true)),
        _ => Err(wrong_type("true or false", value, meant_bool(value))),
    }
}

fn meant_bool(value: &Value) -> Option<String> {
    match value.as_str()?.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some("true".to_owned()),
        "false" | "no" | "off" => Some("false".to_owned()),
        _ => None,
    }
}

fn coerce_combo(value: &Value, options: &[Value], source: ComboSource, multi: bool) -> Result<Value, CoerceError> {
    if let (true, Value::Array(list)) = (multi, value) {
        return list.iter().map(|v| coerce_combo(v, options, source, false)).collect();
    }
    if !matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
        return Err(wrong_type("one of a list", value, None));
    }
    let text = option_text(value);
    if let Some(option) = options.iter().find(|option| *option == value || option_text(option) == text) {
        return Ok(option.clone());
    }
    if matches!(source, ComboSource::Upload | ComboSource::Open) {
        return Ok(value.clone());
    }
    let suggestion = nearest_option(&text, options);
    // A list may have built-in values beside the files of a folder that was empty: "pixel_space".
    let of_files = source == ComboSource::ModelFiles || is_model_file(value);
    Err(CoerceError::NotInList { given: value.clone(), options: options.to_vec(), of_files, suggestion })
}

/// The option that `text` was probably meant to be. Texts of one or two letters are near to anything.
fn nearest_option(text: &str, options: &[Value]) -> Option<String> {
    let texts: Vec<Cow<'_, str>> = options.iter().map(option_text).collect();
    let same_letters = texts.iter().find(|option| option.eq_ignore_ascii_case(text)).map(AsRef::as_ref);
    let near = || did_you_mean(text, texts.iter().map(AsRef::as_ref)).filter(|_| text.chars().count() > 2);
    same_letters.or_else(near).map(str::to_owned)
}

fn option_text(option: &Value) -> Cow<'_, str> {
    option.as_str().map_or_else(|| Cow::Owned(option.to_string()), Cow::Borrowed)
}

/// A literal for an input that takes several types: the first primitive type that fits counts.
fn coerce_union(
    value: &Value,
    types: &Types,
    widget: bool,
    min: Option<f64>,
    max: Option<f64>,
) -> Result<Value, CoerceError> {
    // The nearest type first.
    let primitive = match value {
        Value::Bool(_) => ["BOOLEAN", "INT", "FLOAT", "STRING"],
        Value::Number(n) if n.is_f64() => ["FLOAT", "INT", "BOOLEAN", "STRING"],
        Value::Number(_) => ["INT", "FLOAT", "BOOLEAN", "STRING"],
        _ => ["STRING", "INT", "FLOAT", "BOOLEAN"],
    };
    for type_name in primitive.into_iter().filter(|t| types.contains(t)) {
        let fits = match type_name {
            "INT" => coerce_int(value, None, None),
            "FLOAT" => coerce_float(value, None, None),
            "BOOLEAN" => coerce_bool(value),
            _ => coerce_string(value),
        };
        if let Ok(value) = fits {
            value.as_f64().map_or(Ok(()), |number| check_bounds(number, min, max))?;
            return Ok(value);
        }
    }
    if widget || types.is_any() || types.contains("COMBO") {
        return Ok(value.clone());
    }
    if primitive.iter().any(|t| types.contains(t)) {
        return Err(wrong_type(&format!("a value of type {types}"), value, None));
    }
    Err(CoerceError::OnlyLinks { types: types.clone(), given: value.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::ComboForm;

    fn int(min: i128, max: i128) -> InputKind {
        InputKind::Int { min: Some(min), max: Some(max), step: Some(8) }
    }

    fn float() -> InputKind {
        InputKind::Float { min: Some(0.0), max: Some(1.5), step: None }
    }

    fn union(types: &str) -> InputKind {
        InputKind::Link { types: Types::parse(types), widget: false, min: Some(1.0), max: None }
    }

    #[test]
    fn literals_take_the_declared_form() {
        let text = InputKind::String { multiline: false };
        let seed = int(0, i128::from(u64::MAX));
        let numbers = InputKind::Combo {
            options: vec![json!(5), json!(10)],
            source: ComboSource::Fixed,
            form: ComboForm::Named,
            multiselect: true,
        };
        let cases = [
            (int(0, 10), json!(7), json!(7)),
            (int(0, 10), json!(7.0), json!(7)),
            (int(0, 10), json!("7"), json!(7)),
            (int(0, 10), json!(" 7 "), json!(7)),
            (int(-10, 10), json!("-7"), json!(-7)),
            (seed.clone(), json!("18446744073709551615"), json!(u64::MAX)),
            (seed, json!(u64::MAX), json!(u64::MAX)),
            (float(), json!(1), json!(1.0)),
            (float(), json!("0.5"), json!(0.5)),
            (float(), json!(0.333), json!(0.333)),
            (text.clone(), json!(7), json!("7")),
            (text.clone(), json!(7.5), json!("7.5")),
            (text.clone(), json!(true), json!("true")),
            (text, json!("{a|b}"), json!("{a|b}")),
            (InputKind::Bool, json!(0), json!(false)),
            (InputKind::Bool, json!(1.0), json!(true)),
            (numbers.clone(), json!("5"), json!(5)),
            (numbers, json!(["10", 5]), json!([10, 5])),
            (union("FLOAT,INT"), json!(25), json!(25)),
            (union("FLOAT,INT"), json!(2.5), json!(2.5)),
            (union("FLOAT,STRING"), json!(25), json!(25.0)),
            (union("INT,STRING"), json!("25"), json!("25")),
            (union("*"), json!({"a": []}), json!({"a": []})),
            (InputKind::Json, json!([1]), json!([1])),
        ];
        for (kind, given, expected) in cases {
            assert_eq!(coerce_value(&kind, &given), Ok(expected.clone()), "{given} for {}", kind.type_text());
            // `1 == 1.0` in no JSON text: the form matters for fingerprints.
            let written = coerce_value(&kind, &given).map(|v| v.to_string());
            assert_eq!(written, Ok(expected.to_string()));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cases = [
            (int(0, 10), json!(7.5), "a whole number is wanted, not 7.5"),
            (int(0, 10), json!("x"), "a whole number is wanted, not \"x\""),
            (int(0, 10), json!(true), "a whole number is wanted, not true"),
            (int(0, 10), json!(1e300), "a whole number is wanted, not 1e+300"),
            (int(0, 10), json!(11), "11 is above the largest value, 10"),
            (int(0, 10), json!("-1"), "-1 is below the smallest value, 0"),
            (
                InputKind::Int { min: None, max: None, step: None },
                json!("99999999999999999999"),
                "99999999999999999999 is above the largest value, 18446744073709551615",
            ),
            (float(), json!(1.6), "1.6 is above the largest value, 1.5"),
            (float(), json!("nan"), "a number is wanted, not \"nan\""),
            (float(), json!([1]), "a number is wanted, not a list"),
            (InputKind::Bool, json!("false"), "true or false is wanted, not \"false\""),
            (InputKind::Bool, json!(2), "true or false is wanted, not 2"),
            (union("FLOAT,INT"), json!(0.5), "0.5 is below the smallest value, 1"),
            (union("IMAGE"), json!("x"), "a link to an output of type IMAGE is wanted, not \"x\""),
            (InputKind::String { multiline: true }, json!(null), "text is wanted, not null"),
        ];
        for (kind, given, expected) in cases {
            let message = coerce_value(&kind, &given).map_or_else(|e| e.to_string(), |v| v.to_string());
            assert_eq!(message, expected, "{given}");
        }
        let long = json!("é".repeat(200));
        assert!(describe(&long).chars().count() < 70);
    }
}
