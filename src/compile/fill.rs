//! Settings whose texts are parsed once and filled for every item.

use serde_json::{Map, Value};

use super::{
    interpolate::{InterpolationError, Scope, Template},
    report::Report,
    template_text::RenderError,
    templates::{TEMPLATE, used_template},
};
use crate::{diagnostic::Span, files::Path, graph::unescape_literal, ident::IndexMap, model::ValueMap};

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
    /// A template, by its reference, with values for its variables.
    Rendered(String, IndexMap<String, Fillable>),
}

/// Whether `value` is itself whatever the scope: no text in it has a place to fill or an escape.
pub fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('{') && !text.starts_with('@'),
        Value::Array(list) => list.iter().all(is_plain),
        Value::Object(map) => used_template(map).is_none() && map.values().all(is_plain),
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
            Value::Object(map) => Self::of_table(
                map,
                map.iter().map(|(k, v)| (k.clone(), Self::parse(v, &path.join(k), report))).collect(),
            ),
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
                let filled = map.iter().map(|(k, v)| Ok((k.clone(), Self::read(v)?))).collect::<Result<_, _>>()?;
                Self::of_table(map, filled)
            }
            other => Self::Literal(other.clone()),
        })
    }

    fn of_table(map: &Map<String, Value>, mut filled: IndexMap<String, Self>) -> Self {
        match used_template(map) {
            Some(reference) => {
                filled.shift_remove(TEMPLATE);
                Self::Rendered(reference.to_owned(), filled)
            }
            None => Self::Table(filled),
        }
    }

    /// The name of a text that is only `{name}`.
    pub fn sole_name(&self) -> Option<&str> {
        let Self::Text(template) = self else { return None };
        template.sole_path().filter(|path| path.len() == 1).map(|path| path[0].as_str())
    }

    /// The first parts of the names that are inserted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        fn collect<'f>(fillable: &'f Fillable, names: &mut Vec<&'f str>) {
            match fillable {
                Fillable::Literal(_) => {}
                Fillable::Text(template) => {
                    names.extend(template.paths().into_iter().filter_map(|(path, _)| path.first()).map(String::as_str));
                }
                Fillable::List(list) => list.iter().for_each(|inner| collect(inner, names)),
                Fillable::Table(map) | Fillable::Rendered(_, map) => {
                    map.values().for_each(|inner| collect(inner, names));
                }
            }
        }
        let mut names = Vec::new();
        collect(self, &mut names);
        names.into_iter()
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
            Self::Rendered(reference, given) => {
                let missing = || failed(format!("there is no template \"{reference}\" to use here"));
                let template = scope.template(reference).ok_or_else(missing)?;
                let values = given.iter().map(|(k, v)| Ok((k.clone(), v.fill(scope)?))).collect::<Result<_, _>>()?;
                let text = template.render(&values).map_err(|e| failed(format!("template \"{reference}\": {e}")))?;
                Ok(Value::from(text))
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
            Self::Rendered(reference, given) => {
                let before = report.count();
                given.iter().for_each(|(k, v)| v.check(scope, &path.join(k), report));
                let values = given.iter().map(|(k, v)| Ok((k.clone(), v.fill(scope)?)));
                let values: Result<ValueMap, InterpolationError> = values.collect();
                // A template that there is not has been reported where it was looked for.
                if let (Some(template), Ok(values), true) =
                    (scope.template(reference), values, report.count() == before)
                {
                    let faults = template.faults(&values);
                    let told = faults.iter().filter(|fault| scope.is_certain() || !is_of_stand_in(fault, given));
                    told.for_each(|fault| report_render(fault, reference, path, report));
                }
            }
        }
    }
}

/// Whether a value does not fit that is not the one that will be used.
fn is_of_stand_in(error: &RenderError, given: &IndexMap<String, Fillable>) -> bool {
    let value = error.variable.as_ref().and_then(|name| given.get(name));
    error.code == "bad-parameter" && value.is_some_and(|value| !matches!(value, Fillable::Literal(_)))
}

fn report_render(error: &RenderError, reference: &str, path: &Path, report: &mut Report<'_>) {
    let message = format!("template \"{reference}\": {error}");
    let diagnostic = match &error.variable {
        Some(name) if error.code == "unknown-parameter" => report.error_at_key(error.code, &path.join(name), message),
        Some(name) => report.error(error.code, &path.join(name), message),
        None => report.error(error.code, path, message),
    };
    diagnostic.hint.clone_from(&error.hint);
}

/// A fault of the whole value.
fn failed(message: String) -> InterpolationError {
    InterpolationError { message, span: Span::new(0, 0), suggestion: None }
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
