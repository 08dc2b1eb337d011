//! Values of parameters for looking at a preset that nobody has called yet.

use serde_json::Value;

use super::node_graph::NodeValues;
use crate::{
    compile::{Scope, TemplateText, Templates, check_param},
    graph::BoundFile,
    ident::IndexMap,
    model::{Param, ParamType},
};

/// A value for every parameter: its default, or something of its type.
pub(super) struct StandIns {
    values: IndexMap<String, Value>,
    invented: Vec<String>,
    files: Vec<String>,
    templates: Templates,
}

impl StandIns {
    /// Values for `params`. A default that does not fit, which has been reported, is not used.
    pub(super) fn new(params: &IndexMap<String, Param>) -> Self {
        let mut out = Self {
            values: IndexMap::default(),
            invented: Vec::new(),
            files: Vec::new(),
            templates: Templates::default(),
        };
        for (name, param) in params {
            if is_file(param) {
                out.files.push(name.clone());
            }
            let given = param.default.as_ref().and_then(|default| check_param(param, default).ok());
            let value = given.unwrap_or_else(|| {
                out.invented.push(name.clone());
                invent(param)
            });
            out.values.insert(name.clone(), value);
        }
        out
    }

    /// The same, where `templates` may be used.
    pub(super) fn with_templates(self, templates: Templates) -> Self {
        Self { templates, ..self }
    }

    /// The value of `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

impl NodeValues for StandIns {
    fn is_invented(&self, name: &str) -> bool {
        self.invented.iter().any(|n| n == name)
    }

    fn is_file(&self, name: &str) -> bool {
        self.files.iter().any(|n| n == name)
    }
}

impl Scope for StandIns {
    fn value(&self, path: &[String]) -> Option<Value> {
        let (name, rest) = path.split_first()?;
        rest.iter().try_fold(self.values.get(name)?, |value, key| value.get(key)).cloned()
    }

    fn index(&self, _: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    fn template(&self, reference: &str) -> Option<&TemplateText> {
        self.templates.get(reference)
    }

    fn is_certain(&self) -> bool {
        self.invented.is_empty()
    }
}

/// Whether `param` takes a file of the workspace.
pub(super) fn is_file(param: &Param) -> bool {
    matches!(param.kind, ParamType::Image | ParamType::Mask | ParamType::Video | ParamType::Audio)
}

/// A file that stands in for one that a caller gives.
pub(super) fn some_file() -> BoundFile {
    BoundFile { path: "<file>".to_owned(), width: 512, height: 512, ..BoundFile::default() }
}

fn invent(param: &Param) -> Value {
    if let Some(first) = param.values.first() {
        return first.clone();
    }
    let within = |wanted: f64| wanted.max(param.min.unwrap_or(wanted)).min(param.max.unwrap_or(f64::INFINITY));
    match param.kind {
        ParamType::Int | ParamType::Seed => Value::from(within(1.0).ceil() as i64),
        ParamType::Float => Value::from(within(1.0)),
        ParamType::Bool => Value::from(true),
        _ => Value::from("text"),
    }
}
