//! Settings whose texts are parsed once and filled for every item.

use serde_json::Value;

use super::{
    interpolate::{InterpolationError, Scope, Template},
    report::Report,
};
use crate::{files::Path, graph::unescape_literal, ident::IndexMap, model::ValueMap};

/// A value with places to fill.
#[derive(Debug, Clone, PartialEq)]
pub enum Fillable {
    /// Nothing to fill.
    Literal(Value),
    /// A text with places.
    Text(Template),
    /// A list.
    List(Vec<Fillable>),
    /// A table.
    Table(IndexMap<String, Fillable>),
}

/// Whether `value` is itself whatever the scope: no text in it has a place to fill or an escape.
pub fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('{') && !text.starts_with('@'),
        Value::Array(list) => list.iter().all(is_plain),
        Value::Object(map) => map.values().all(is_plain),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Fillable {
    /// Parses the texts within `value`, which stands at `path`. Bad places are reported.
    pub fn parse(value: &Value, path: &Path, report: &mut Report<'_>) -> Self {
        match value {
            plain if is_plain(plain) => Self::Literal(plain.clone()),
            Value::String(text) => match Template::parse(unescape_literal(text)) {
                Ok(template) if template.is_literal() => {
                    Self::Literal(template.fill(&NoNames).unwrap_or_else(|_| value.clone()))
                }
                Ok(template) => Self::Text(template),
                Err(error) => {
                    report.interpolation(path, &error);
                    Self::Literal(value.clone())
                }
            },
            Value::Array(list) => {
                Self::List(list.iter().enumerate().map(|(i, v)| Self::parse(v, &path.join(i), report)).collect())
            }
            Value::Object(map) => {
                Self::Table(map.iter().map(|(k, v)| (k.clone(), Self::parse(v, &path.join(k), report))).collect())
            }
            other => Self::Literal(other.clone()),
        }
    }

    /// Parses the texts within `value`.
    pub fn read(value: &Value) -> Result<Self, InterpolationError> {
        Ok(match value {
            plain if is_plain(plain) => Self::Literal(plain.clone()),
            Value::String(text) => Self::Text(Template::parse(unescape_literal(text))?),
            Value::Array(list) => Self::List(list.iter().map(Self::read).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                Self::Table(map.iter().map(|(k, v)| Ok((k.clone(), Self::read(v)?))).collect::<Result<_, _>>()?)
            }
            other => Self::Literal(other.clone()),
        })
    }

    /// The value with everything filled.
    pub fn fill(&self, scope: &dyn Scope) -> Result<Value, InterpolationError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Text(template) => template.fill(scope),
            Self::List(list) => list.iter().map(|v| v.fill(scope)).collect(),
            Self::Table(map) => {
                map.iter().map(|(k, v)| Ok((k.clone(), v.fill(scope)?))).collect::<Result<_, _>>().map(Value::Object)
            }
        }
    }

    /// Fills it once with a sample, so that unknown names are found; `path` is where it stands.
    pub fn check(&self, scope: &dyn Scope, path: &Path, report: &mut Report<'_>) {
        match self {
            Self::Literal(_) => {}
            Self::Text(template) => {
                if let Err(error) = template.fill(scope) {
                    report.interpolation(path, &error);
                }
            }
            Self::List(list) => list.iter().enumerate().for_each(|(i, v)| v.check(scope, &path.join(i), report)),
            Self::Table(map) => map.iter().for_each(|(k, v)| v.check(scope, &path.join(k), report)),
        }
    }
}

/// Fills every text of `values`.
pub fn fill_all(
    values: &IndexMap<String, Fillable>,
    scope: &dyn Scope,
) -> Result<ValueMap, (String, InterpolationError)> {
    values.iter().map(|(k, v)| Ok((k.clone(), v.fill(scope).map_err(|e| (k.clone(), e))?))).collect()
}

struct NoNames;

impl Scope for NoNames {
    fn value(&self, _: &[String]) -> Option<Value> {
        None
    }

    fn index(&self, _: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
