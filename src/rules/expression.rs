//! A rule after it was compiled: a typed expression, and what it is worth.
//!
//! Every expression has one kind that is known before any value is, so that evaluation meets no
//! surprise but arithmetic. The meaning is that of rhai; a test compares both.

use std::cmp::Ordering;

use super::variables::Value;

/// A typed expression. Numbers are `f64`; integers turn into numbers only by [`Expression::ToNumber`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Constant(Value),
    /// The variable with this index in the rule's list.
    Variable(usize),
    ToNumber(Box<Self>),
    Not(Box<Self>),
    Negate(Box<Self>),
    /// All true; the rest is not evaluated after the first that is false.
    And(Vec<Self>),
    /// One true; the rest is not evaluated after the first that is true.
    Or(Vec<Self>),
    /// Two operands of one kind.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// Two operands that are both integers or both numbers.
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// The functions that rules may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Min,
    Max,
    Floor,
    Ceiling,
    Round,
    Len,
    Contains,
    StartsWith,
    EndsWith,
}

/// Arithmetic that has no result: overflow, division by zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoResult;

impl Expression {
    /// The value, where `values` has those of the variables, each of the kind that was declared.
    pub(super) fn evaluate(&self, values: &[Value]) -> Result<Value, NoResult> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Variable(index) => values.get(*index).cloned().ok_or(NoResult),
            Self::ToNumber(inner) => Ok(Value::Number(as_number(&inner.evaluate(values)?)?)),
            Self::Not(inner) => Ok(Value::Bool(!inner.truth(values)?)),
            Self::Negate(inner) => negate(&inner.evaluate(values)?),
            Self::And(list) => all(list, values, true),
            Self::Or(list) => all(list, values, false),
            Self::Compare(comparison, left, right) => {
                compare(*comparison, &left.evaluate(values)?, &right.evaluate(values)?)
            }
            Self::Arithmetic(operation, left, right) => {
                calculate(*operation, &left.evaluate(values)?, &right.evaluate(values)?)
            }
            Self::Call(function, arguments) => {
                let arguments: Vec<Value> = arguments.iter().map(|a| a.evaluate(values)).collect::<Result<_, _>>()?;
                call(*function, &arguments)
            }
        }
    }

    /// The value of an expression that is true or false.
    pub(super) fn truth(&self, values: &[Value]) -> Result<bool, NoResult> {
        match self.evaluate(values)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(NoResult),
        }
    }
}

/// Whether every one of `list` is `wanted`; stops at the first that is not. The result is `wanted`
/// then, and its opposite otherwise.
fn all(list: &[Expression], values: &[Value], wanted: bool) -> Result<Value, NoResult> {
    for expression in list {
        if expression.truth(values)? != wanted {
            return Ok(Value::Bool(!wanted));
        }
    }
    Ok(Value::Bool(wanted))
}

fn as_number(value: &Value) -> Result<f64, NoResult> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::Integer(number) => Ok(*number as f64),
        _ => Err(NoResult),
    }
}

fn finite(number: f64) -> Result<Value, NoResult> {
    if number.is_finite() { Ok(Value::Number(number)) } else { Err(NoResult) }
}

fn negate(value: &Value) -> Result<Value, NoResult> {
    match value {
        Value::Integer(number) => number.checked_neg().map(Value::Integer).ok_or(NoResult),
        other => finite(-as_number(other)?),
    }
}

/// Numbers that differ only by rounding are equal, as they are in rhai: `0.1 + 0.2 == 0.3`.
fn compare_numbers(a: f64, b: f64) -> Option<Ordering> {
    let scale = if a * b == 0.0 { 1.0 } else { a.abs().max(b.abs()) };
    let difference = (a - b) / scale;
    if difference.abs() <= f64::EPSILON { Some(Ordering::Equal) } else { difference.partial_cmp(&0.0) }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<Value, NoResult> {
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(*a, *b),
        (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    let order = order.ok_or(NoResult)?;
    Ok(Value::Bool(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }))
}

fn calculate(operation: Arithmetic, left: &Value, right: &Value) -> Result<Value, NoResult> {
    if let (Value::Integer(a), Value::Integer(b)) = (left, right) {
        let result = match operation {
            Arithmetic::Add => a.checked_add(*b),
            Arithmetic::Subtract => a.checked_sub(*b),
            Arithmetic::Multiply => a.checked_mul(*b),
            Arithmetic::Divide => a.checked_div(*b),
            Arithmetic::Remainder => a.checked_rem(*b),
            Arithmetic::Power => u32::try_from(*b).ok().and_then(|b| a.checked_pow(b)),
        };
        return result.map(Value::Integer).ok_or(NoResult);
    }
    let (a, b) = (as_number(left)?, as_number(right)?);
    finite(match operation {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => a % b,
        Arithmetic::Power => a.powf(b),
    })
}

fn call(function: Function, arguments: &[Value]) -> Result<Value, NoResult> {
    match (function, arguments) {
        (Function::Abs, [Value::Integer(a)]) => a.checked_abs().map(Value::Integer).ok_or(NoResult),
        (Function::Abs, [a]) => finite(as_number(a)?.abs()),
        (Function::Min | Function::Max, [a, b]) => {
            let first_is_less = match (a, b) {
                (Value::Integer(a), Value::Integer(b)) => a <= b,
                _ => as_number(a)? <= as_number(b)?,
            };
            Ok(if first_is_less == (function == Function::Min) { a.clone() } else { b.clone() })
        }
        (Function::Floor, [a]) => finite(as_number(a)?.floor()),
        (Function::Ceiling, [a]) => finite(as_number(a)?.ceil()),
        (Function::Round, [a]) => finite(as_number(a)?.round()),
        (Function::Len, [Value::Text(text)]) => {
            i64::try_from(text.chars().count()).map(Value::Integer).map_err(|_| NoResult)
        }
        (Function::Contains, [Value::Text(a), Value::Text(b)]) => Ok(Value::Bool(a.contains(b.as_str()))),
        (Function::StartsWith, [Value::Text(a), Value::Text(b)]) => Ok(Value::Bool(a.starts_with(b.as_str()))),
        (Function::EndsWith, [Value::Text(a), Value::Text(b)]) => Ok(Value::Bool(a.ends_with(b.as_str()))),
        _ => Err(NoResult),
    }
}
