//! The templates that a document uses: `{ template = "name", variable = …, seed = … }` in place of a text.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{program::Context, report::Report, template_text::TemplateText};
use crate::{
    files::Path,
    ident::IndexMap,
    model::{Body, Document, Kind},
};

/// The key that makes a table the use of a template.
pub const TEMPLATE: &str = "template";

/// The template that `table` uses, if it is the use of one.
pub fn used_template(table: &Map<String, Value>) -> Option<&str> {
    table.get(TEMPLATE)?.as_str()
}

/// Whether `value` is a list or a table, in which alone a template can be used.
pub fn may_use_templates(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// Templates made ready, by what refers to them.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    found: IndexMap<String, (Arc<Document>, TemplateText)>,
}

/// Where what is wrong with the use of a template is told.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    /// Where it stands: `value` is what stands at this path.
    Within(&'a Path),
    /// At this place, because it stands in another document.
    At(&'a Path),
}

impl Templates {
    /// The template that `reference` names.
    pub fn get(&self, reference: &str) -> Option<&TemplateText> {
        self.found.get(reference).map(|(_, text)| text)
    }

    /// Hashes of the documents and of the lists that they draw from.
    pub fn hashes(&self) -> impl Iterator<Item = String> {
        self.found.values().flat_map(|(document, text)| {
            let lists = text.lists().map(|(name, hash)| format!("{name} {hash}"));
            lists.chain([document.canonical_hash().to_string()]).collect::<Vec<_>>()
        })
    }

    /// Adds those that `value` uses.
    pub fn find(&mut self, value: &Value, told: Told<'_>, context: Context<'_>, report: &mut Report<'_>) {
        let inner = |step: crate::files::Step| match told {
            Told::Within(path) => (path.join(step), true),
            Told::At(path) => (path.clone(), false),
        };
        let parts: Vec<(_, &Value)> = match value {
            Value::Array(list) => list.iter().enumerate().map(|(i, v)| (inner(i.into()), v)).collect(),
            Value::Object(map) => map.iter().map(|(key, v)| (inner(key.as_str().into()), v)).collect(),
            _ => return,
        };
        for ((path, within), part) in &parts {
            let told = if *within { Told::Within(path) } else { Told::At(path) };
            self.find(part, told, context, report);
        }
        let Some(reference) = value.as_object().and_then(used_template) else { return };
        if self.found.contains_key(reference) {
            return;
        }
        let place = inner(TEMPLATE.into()).0;
        match ready(reference, context) {
            Ok(found) => drop(self.found.insert(reference.to_owned(), found)),
            Err((code, message, hint)) => report.error(code, &place, message).hint = hint,
        }
    }
}

fn ready(
    reference: &str,
    context: Context<'_>,
) -> Result<(Arc<Document>, TemplateText), (&'static str, String, Option<String>)> {
    let found = context.library.resolve(reference, Kind::Template).map_err(|e| (e.code, e.message, e.hint))?;
    let Body::Template(template) = &found.document.body else {
        return Err(("wrong-document-kind", format!("\"{reference}\" is no template"), None));
    };
    let text = TemplateText::new(template, context.world)
        .map_err(|e| (e.code, format!("the template in {}: {e}", found.path), e.hint))?;
    Ok((found.document.clone(), text))
}
