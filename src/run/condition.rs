//! Seam to the rules until they are there.
use super::event::Values;
use crate::rules::Rule;

pub(super) fn evaluate(rule: &Rule, values: &Values) -> Result<bool, String> {
    let parts: Vec<&str> = rule.text.split_whitespace().collect();
    let [name, op, limit] = parts[..] else { return Err("odd rule".to_owned()) };
    let value = values.get(name).and_then(serde_json::Value::as_f64).ok_or_else(|| format!("`{name}` is absent"))?;
    let limit: f64 = limit.parse().map_err(|_| "odd number".to_owned())?;
    Ok(if op == "<" { value < limit } else { value > limit })
}
