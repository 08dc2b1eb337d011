//! What flows between native nodes, and typed access to the inputs of one node with ComfyUI's
//! coercions. Must not know graphs, files or any node.

use std::{ops::RangeInclusive, sync::Arc};

use serde_json::Value;

use super::nodes::NodeError;
use crate::{
    ident::IndexMap,
    raster::{Image, Mask},
};

/// One value on a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// `IMAGE`.
    Image(Arc<Image>),
    /// `MASK`.
    Mask(Arc<Mask>),
    /// `INT`.
    Int(i64),
    /// `FLOAT`.
    Float(f64),
    /// `BOOLEAN`.
    Bool(bool),
    /// `STRING`, and the choice of a combo.
    String(String),
    /// Several values in order, of images that need not have one size for example.
    List(Vec<NodeValue>),
    /// A literal that is none of the above: an object, null, an integer outside `i64`.
    Json(Value),
}

impl NodeValue {
    /// What it is called in messages: ComfyUI's type name.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Image(_) => "IMAGE",
            Self::Mask(_) => "MASK",
            Self::Int(_) => "INT",
            Self::Float(_) => "FLOAT",
            Self::Bool(_) => "BOOLEAN",
            Self::String(_) => "STRING",
            Self::List(_) => "list",
            Self::Json(_) => "object",
        }
    }

    /// Bytes of pixels that it holds; 0 for everything without pixels.
    pub fn pixel_bytes(&self) -> u64 {
        match self {
            Self::Image(image) => 4 * image.data.len() as u64,
            Self::Mask(mask) => 4 * mask.data.len() as u64,
            Self::List(list) => list.iter().map(Self::pixel_bytes).sum(),
            _ => 0,
        }
    }
}

impl From<Image> for NodeValue {
    fn from(image: Image) -> Self {
        Self::Image(Arc::new(image))
    }
}

impl From<Mask> for NodeValue {
    fn from(mask: Mask) -> Self {
        Self::Mask(Arc::new(mask))
    }
}

impl From<&Value> for NodeValue {
    fn from(literal: &Value) -> Self {
        match literal {
            Value::Bool(value) => Self::Bool(*value),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(list) => Self::List(list.iter().map(Self::from).collect()),
            Value::Number(number) => match (number.as_i64(), number.is_f64(), number.as_f64()) {
                (Some(int), ..) => Self::Int(int),
                (None, true, Some(float)) => Self::Float(float),
                _ => Self::Json(literal.clone()),
            },
            Value::Null | Value::Object(_) => Self::Json(literal.clone()),
        }
    }
}

/// The inputs of one node, by name. The getters convert as ComfyUI's validation does: `"64"` and
/// `64.9` are the `INT` 64, any number is a `FLOAT`, anything scalar is a `STRING`, a `BOOLEAN` is
/// what Python's `bool()` makes of the value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    values: IndexMap<String, NodeValue>,
}

impl Inputs {
    /// No inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets input `name`, replacing what was there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<NodeValue>) {
        self.values.insert(name.into(), value.into());
    }

    /// The raw value of input `name`, if it was given.
    pub fn get(&self, name: &str) -> Option<&NodeValue> {
        self.values.get(name)
    }

    /// All inputs in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NodeValue)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The raw value of the required input `name`.
    pub fn value(&self, name: &str) -> Result<&NodeValue, NodeError> {
        self.get(name).ok_or_else(|| NodeError::Missing { input: name.to_owned() })
    }

    /// The `IMAGE` input `name`.
    pub fn image(&self, name: &str) -> Result<&Arc<Image>, NodeError> {
        match self.value(name)? {
            NodeValue::Image(image) => Ok(image),
            other => Err(wrong_type(name, "IMAGE", other)),
        }
    }

    /// The `MASK` input `name`.
    pub fn mask(&self, name: &str) -> Result<&Arc<Mask>, NodeError> {
        match self.value(name)? {
            NodeValue::Mask(mask) => Ok(mask),
            other => Err(wrong_type(name, "MASK", other)),
        }
    }

    /// The optional `MASK` input `name`.
    pub fn optional_mask(&self, name: &str) -> Result<Option<&Arc<Mask>>, NodeError> {
        self.get(name).map(|_| self.mask(name)).transpose()
    }

    /// Takes the `IMAGE` input `name` to be changed: without a copy where nobody else has it.
    pub fn take_image(&mut self, name: &str) -> Result<Image, NodeError> {
        let image = Arc::clone(self.image(name)?);
        self.values.shift_remove(name);
        Ok(Arc::unwrap_or_clone(image))
    }

    /// Takes the `MASK` input `name`, likewise.
    pub fn take_mask(&mut self, name: &str) -> Result<Mask, NodeError> {
        let mask = Arc::clone(self.mask(name)?);
        self.values.shift_remove(name);
        Ok(Arc::unwrap_or_clone(mask))
    }

    /// The `INT` input `name`.
    pub fn int(&self, name: &str) -> Result<i64, NodeError> {
        let value = self.value(name)?;
        match value {
            NodeValue::Int(int) => Some(*int),
            NodeValue::Bool(bool) => Some(i64::from(*bool)),
            NodeValue::Float(float) if float.abs() < 9.2e18 => Some(float.trunc() as i64),
            NodeValue::String(text) => text.trim().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| wrong_type(name, "INT", value))
    }

    /// The `INT` input `name`, which must lie in `range`.
    pub fn int_in(&self, name: &str, range: RangeInclusive<i64>) -> Result<i64, NodeError> {
        let value = self.int(name)?;
        if range.contains(&value) { Ok(value) } else { Err(out_of_range(name, value, &range)) }
    }

    /// The `INT` input `name` as a size or position: in `range`, which must not be negative.
    pub fn size_in(&self, name: &str, range: RangeInclusive<i64>) -> Result<usize, NodeError> {
        let value = self.int_in(name, range.clone())?;
        usize::try_from(value).map_err(|_| out_of_range(name, value, &range))
    }

    /// The `FLOAT` input `name`, which is finite.
    pub fn float(&self, name: &str) -> Result<f64, NodeError> {
        let value = self.value(name)?;
        match value {
            NodeValue::Int(int) => Some(*int as f64),
            NodeValue::Bool(bool) => Some(f64::from(u8::from(*bool))),
            NodeValue::Float(float) => Some(*float),
            NodeValue::String(text) => text.trim().parse().ok(),
            NodeValue::Json(Value::Number(number)) => number.as_f64(),
            _ => None,
        }
        .filter(|float| float.is_finite())
        .ok_or_else(|| wrong_type(name, "FLOAT", value))
    }

    /// The `FLOAT` input `name`, which must lie in `range`.
    pub fn float_in(&self, name: &str, range: RangeInclusive<f64>) -> Result<f64, NodeError> {
        let value = self.float(name)?;
        if range.contains(&value) { Ok(value) } else { Err(out_of_range(name, value, &range)) }
    }

    /// The `BOOLEAN` input `name`: false for 0, 0.0, "" and an empty list, else true.
    pub fn bool(&self, name: &str) -> Result<bool, NodeError> {
        let value = self.value(name)?;
        match value {
            NodeValue::Bool(bool) => Ok(*bool),
            NodeValue::Int(int) => Ok(*int != 0),
            NodeValue::Float(float) => Ok(*float != 0.0),
            NodeValue::String(text) => Ok(!text.is_empty()),
            other => Err(wrong_type(name, "BOOLEAN", other)),
        }
    }

    /// The optional `BOOLEAN` input `name`, `default` when it was not given.
    pub fn bool_or(&self, name: &str, default: bool) -> Result<bool, NodeError> {
        self.get(name).map_or(Ok(default), |_| self.bool(name))
    }

    /// The `STRING` input `name`; numbers and booleans as Python prints them.
    pub fn string(&self, name: &str) -> Result<String, NodeError> {
        match self.value(name)? {
            NodeValue::String(text) => Ok(text.clone()),
            NodeValue::Int(int) => Ok(int.to_string()),
            NodeValue::Float(float) => Ok(python_float(*float)),
            NodeValue::Bool(bool) => Ok(if *bool { "True" } else { "False" }.to_owned()),
            NodeValue::Json(Value::Number(number)) => Ok(number.to_string()),
            other => Err(wrong_type(name, "STRING", other)),
        }
    }

    /// The combo input `name`: which of `choices` it is.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&'static str, T)]) -> Result<T, NodeError> {
        let text = self.string(name)?;
        choices.iter().find(|(choice, _)| *choice == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
            NodeError::NotInList {
                input: name.to_owned(),
                value: text,
                choices: choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", "),
            }
        })
    }
}

impl<N: Into<String>> FromIterator<(N, NodeValue)> for Inputs {
    fn from_iter<I: IntoIterator<Item = (N, NodeValue)>>(values: I) -> Self {
        Self { values: values.into_iter().map(|(name, value)| (name.into(), value)).collect() }
    }
}

fn wrong_type(name: &str, expected: &'static str, found: &NodeValue) -> NodeError {
    NodeError::WrongType { input: name.to_owned(), expected, found: describe(found) }
}

fn describe(value: &NodeValue) -> String {
    match value {
        NodeValue::String(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
        NodeValue::Int(int) => format!("the integer {int}"),
        NodeValue::Float(float) => format!("the number {float}"),
        NodeValue::Bool(bool) => format!("the boolean {bool}"),
        NodeValue::Json(Value::Number(number)) => format!("the number {number}"),
        NodeValue::Image(_) | NodeValue::Mask(_) => value.type_name().to_owned(),
        NodeValue::List(_) => "a list".to_owned(),
        NodeValue::Json(Value::Null) => "nothing".to_owned(),
        NodeValue::Json(_) => "an object".to_owned(),
    }
}

fn out_of_range<T: Copy + std::fmt::Display>(name: &str, value: T, range: &RangeInclusive<T>) -> NodeError {
    NodeError::OutOfRange {
        input: name.to_owned(),
        value: value.to_string(),
        range: format!("{} to {}", range.start(), range.end()),
    }
}

/// `repr` of a float in Python: exponents below 1e-4 and from 1e16.
fn python_float(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inputs(literal: &Value) -> Inputs {
        [("x", NodeValue::from(literal))].into_iter().collect()
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (literal, int) in [
            (json!("64"), Some(64)),
            (json!(" -3 "), Some(-3)),
            (json!(64.9), Some(64)),
            (json!(-2.9), Some(-2)),
            (json!(true), Some(1)),
            (json!("6.4"), None),
            (json!(1e300), None),
            (json!(18_446_744_073_709_551_615_u64), None),
            (json!([1]), None),
        ] {
            assert_eq!(inputs(&literal).int("x").ok(), int, "{literal}");
        }
        for (literal, float) in [(json!("1e3"), Some(1000.0)), (json!(7), Some(7.0)), (json!("nan"), None)] {
            assert_eq!(inputs(&literal).float("x").ok(), float, "{literal}");
        }
        for (literal, truth) in [(json!("false"), Some(true)), (json!(""), Some(false)), (json!(0.0), Some(false))] {
            assert_eq!(inputs(&literal).bool("x").ok(), truth, "{literal}");
        }
    }

    #[test]
    fn ranges_hold() {
        let error = inputs(&json!(-1)).size_in("x", 0..=9).map_err(|error| error.to_string());
        assert_eq!(error, Err("read input `x`: -1 is not in the range 0 to 9".to_owned()));
        assert_eq!(inputs(&json!(0.5)).float_in("x", 0.0..=1.0), Ok(0.5));
        assert!(inputs(&json!(1.5)).float_in("x", 0.0..=1.0).is_err());
    }

    #[test]
    fn floats_print_as_in_python() {
        for (value, text) in [(7.0, "7.0"), (0.1, "0.1"), (1e16, "1e+16"), (1.5e-7, "1.5e-07"), (1e22, "1e+22")] {
            assert_eq!(python_float(value), text);
        }
    }

    #[test]
    fn what_nobody_else_has_is_taken_without_a_copy() {
        let image = Image::filled(1, 2, 2, 3, 0.5);
        let place = image.data.as_ptr();
        let mut inputs: Inputs = [("image", NodeValue::from(image))].into_iter().collect();
        let mut shared = inputs.clone();
        let taken = |inputs: &mut Inputs| inputs.take_image("image").map(|image| image.data.as_ptr());
        assert!(inputs.take_mask("image").is_err());
        assert!(taken(&mut shared).is_ok_and(|taken| taken != place));
        assert_eq!(taken(&mut inputs), Ok(place));
        assert!(inputs.get("image").is_none());
    }

    #[test]
    fn literals_keep_their_type() {
        let list = NodeValue::from(&json!([1, 2.0, "a", false]));
        let expected =
            [NodeValue::Int(1), NodeValue::Float(2.0), NodeValue::String("a".into()), NodeValue::Bool(false)];
        assert_eq!(list, NodeValue::List(expected.to_vec()));
        assert_eq!(NodeValue::from(&json!({"a": 1})).type_name(), "object");
    }
}
