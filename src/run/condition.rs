//! Conditions of rules, evaluated over the values of an event.

use super::event::Values;
use crate::rules::{self, Rule};

/// Whether `rule` is true of `values`; why not, when it has no answer.
pub(super) fn evaluate(rule: &Rule, values: &Values) -> Result<bool, String> {
    let values = values.iter().filter_map(|(name, value)| Some((name.clone(), variable(value)?))).collect();
    rule.evaluate(&values).map_err(|e| e.to_string())
}

fn variable(value: &serde_json::Value) -> Option<rules::Value> {
    match value {
        serde_json::Value::String(text) => Some(text.as_str().into()),
        serde_json::Value::Bool(truth) => Some((*truth).into()),
        serde_json::Value::Number(number) => {
            number.as_i64().map(Into::into).or_else(|| number.as_f64().map(Into::into))
        }
        _ => None,
    }
}
