//! Templates by themselves: which there are, what they make, and what their variables may be.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{AppError, Session, setting_value};
use crate::{
    compile::{Library as _, SEED, TemplateText, to_text},
    diagnostic::{Diagnostic, Severity},
    ident::did_you_mean,
    model::{Body, Document, Kind, Loaded, Param, ParamType, Template, ValueMap, word},
};

/// A template of the workspace.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateRow {
    /// Its name.
    pub name: String,
    /// Version of its content.
    pub version: String,
    /// Its path, relative to the workspace.
    pub file: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its variables.
    pub variables: Vec<VariableRow>,
}

/// A variable of a template.
#[derive(Clone, Debug, Serialize)]
pub struct VariableRow {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Whether it must be given.
    pub required: bool,
    /// Its value when it is not given.
    pub default: Option<Value>,
    /// The permitted values; any without them.
    pub values: Vec<Value>,
    /// One line for people.
    pub help: Option<String>,
}

/// What a template made.
#[derive(Clone, Debug, Serialize)]
pub struct RenderedTemplate {
    /// Its name.
    pub name: String,
    /// Version of its content.
    pub version: String,
    /// What was drawn from, where something was.
    pub seed: Option<Value>,
    /// The text.
    pub text: String,
}

/// Something that can be written next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// The text.
    pub value: String,
    /// What it is.
    pub help: String,
}

/// The templates of the workspace, by name.
pub fn list_templates(session: &Session) -> Vec<TemplateRow> {
    let mut rows: Vec<TemplateRow> = session
        .workspace
        .documents()
        .iter()
        .filter_map(|loaded| {
            let document = loaded.parsed.value.as_ref()?;
            let Body::Template(template) = &document.body else { return None };
            Some(row(loaded, document, template))
        })
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn row(loaded: &Loaded, document: &Document, template: &Template) -> TemplateRow {
    let header = &document.header;
    TemplateRow {
        name: header.name.clone(),
        version: header.version.clone(),
        file: loaded.path.to_string(),
        title: header.title.clone(),
        description: header.description.clone(),
        variables: variables(template),
    }
}

/// The variables; where something is drawn and no variable says from what, `seed` is one, too.
fn variables(template: &Template) -> Vec<VariableRow> {
    let variable = |(name, param): (&String, &Param)| VariableRow {
        name: name.clone(),
        kind: param.kind,
        required: param.required && param.default.is_none(),
        default: param.default.clone(),
        values: param.values.clone(),
        help: param.help.clone(),
    };
    let mut all: Vec<VariableRow> = template.params.iter().map(variable).collect();
    if template.choices && !template.params.contains_key(SEED) {
        all.push(VariableRow {
            name: SEED.to_owned(),
            kind: ParamType::Seed,
            required: false,
            default: Some(Value::from(0)),
            values: Vec::new(),
            help: Some("what is drawn from: the same seed gives the same text".to_owned()),
        });
    }
    all
}

/// Renders the template that `name` means, with `given`, the texts of variables. Where something is drawn and `given`
/// does not say from what, it is from 0.
pub fn render_template(
    session: &Session,
    name: &str,
    given: &[(String, String)],
) -> Result<RenderedTemplate, AppError> {
    let (document, template) = template_named(session, name)?;
    let text = ready(session, name, &template)?;
    let mut given: ValueMap = given.iter().map(|(name, text)| (name.clone(), typed(&template, name, text))).collect();
    if text.draws() && !template.params.contains_key(SEED) {
        given.entry(SEED.to_owned()).or_insert_with(|| Value::from(0));
    } else if !template.params.contains_key(SEED) {
        // There is nothing to draw, whatever the seed.
        given.shift_remove(SEED);
    }
    let rendered = text.render(&given).map_err(|error| {
        let wrong = AppError::usage(error.message);
        error.hint.into_iter().fold(wrong, AppError::with_hint)
    })?;
    let default = || template.params.get(SEED).and_then(|param| param.default.clone());
    Ok(RenderedTemplate {
        name: document.header.name.clone(),
        version: document.header.version.clone(),
        seed: text.draws().then(|| given.get(SEED).cloned().or_else(default)).flatten(),
        text: rendered,
    })
}

/// The value that a person means by `text`: a number or a truth where the variable is one, else the text as it is.
fn typed(template: &Template, name: &str, text: &str) -> Value {
    let kind = template.params.get(name).map(|param| param.kind);
    match kind {
        Some(ParamType::Int | ParamType::Float | ParamType::Bool | ParamType::Seed) => setting_value(text),
        _ => Value::from(text),
    }
}

fn ready(session: &Session, name: &str, template: &Template) -> Result<TemplateText, AppError> {
    TemplateText::new(template, session.world.as_ref()).map_err(|error| {
        // With its place, where it is a document of the workspace.
        let place = session.document(name).ok().and_then(|loaded| {
            let tree = loaded.parsed.tree.as_ref()?;
            let span = tree.span_of(&crate::path!["text"]);
            Some(Diagnostic::error(error.code, &loaded.path, span, error.message.clone()))
        });
        match place {
            Some(found) => AppError::Wrong(vec![Diagnostic { hint: error.hint, ..found }]),
            None => error.hint.into_iter().fold(AppError::usage(error.message), AppError::with_hint),
        }
    })
}

/// What may be written next: the variables of the template that `name` means, or the values of one of them, that
/// begin with `prefix`.
pub fn complete_template(
    session: &Session,
    name: &str,
    variable: Option<&str>,
    prefix: &str,
) -> Result<Vec<Completion>, AppError> {
    let (_, template) = template_named(session, name)?;
    let all = match variable {
        None => variables(&template).into_iter().map(completion_of).collect(),
        Some(variable) => values_of(&template, variable)?,
    };
    let lower = prefix.to_lowercase();
    Ok(all.into_iter().filter(|one| one.value.to_lowercase().starts_with(&lower)).collect())
}

fn completion_of(variable: VariableRow) -> Completion {
    let default = variable.default.as_ref().and_then(to_text).filter(|text| !text.is_empty());
    let mut help = vec![word(variable.kind)];
    help.extend(variable.required.then(|| "required".to_owned()));
    help.extend(default.map(|default| format!("{default} without it")));
    help.extend(variable.help);
    Completion { value: variable.name, help: help.join("; ") }
}

/// Values that a variable is known to take: the permitted ones; else its default and those of examples.
fn values_of(template: &Template, name: &str) -> Result<Vec<Completion>, AppError> {
    let Some(param) = template.params.get(name) else {
        if name == SEED && template.choices {
            return Ok(Vec::new());
        }
        let names = || template.params.keys().map(String::as_str);
        let error = AppError::usage(format!("the template has no variable `{name}`"));
        return Err(match did_you_mean(name, names()) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        });
    };
    let mut found: Vec<Completion> = Vec::new();
    let mut add = |value: &Value, help: &str| {
        let text = to_text(value).filter(|text| !text.is_empty());
        if let Some(value) = text.filter(|text| !found.iter().any(|known| known.value == *text)) {
            found.push(Completion { value, help: help.to_owned() });
        }
    };
    param.default.iter().for_each(|value| add(value, "the default"));
    if !param.values.is_empty() {
        param.values.iter().for_each(|value| add(value, ""));
    } else if param.kind == ParamType::Bool {
        [true, false].iter().for_each(|value| add(&Value::from(*value), ""));
    } else {
        template.examples.iter().filter_map(|example| example.get(name)).for_each(|value| add(value, "of an example"));
    }
    Ok(found)
}

/// The template that `name` means: a file, a name, or a reference.
fn template_named(session: &Session, name: &str) -> Result<(Arc<Document>, Template), AppError> {
    let by_reference = session.resolve(name, Kind::Template);
    let document = match by_reference {
        Ok(found) => found.document,
        // A path, a template with errors, or nothing: all of which is told well there.
        Err(unresolved) => {
            let loaded = session.document(name).map_err(|error| match unresolved.code {
                "unknown-document" | "invalid-reference" => no_template(session, name, error),
                _ => unresolved.hint.iter().fold(AppError::usage(&unresolved.message), AppError::with_hint),
            })?;
            let faults = || loaded.parsed.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned();
            loaded.parsed.value.clone().ok_or_else(|| AppError::Wrong(faults().collect()))?
        }
    };
    match &document.body {
        Body::Template(template) => {
            let template = template.clone();
            Ok((document, template))
        }
        _ => Err(AppError::usage(format!("{name} is a {}, not a template", document.header.kind.as_str()))),
    }
}

fn no_template(session: &Session, name: &str, otherwise: AppError) -> AppError {
    let names: Vec<String> = list_templates(session).into_iter().map(|row| row.name).collect();
    match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(near) => {
            AppError::usage(format!("there is no template \"{name}\"")).with_hint(format!("did you mean \"{near}\"?"))
        }
        None if names.is_empty() => otherwise,
        None => AppError::usage(format!("there is no template \"{name}\""))
            .with_hint(format!("there are {}", names.join(", "))),
    }
}
