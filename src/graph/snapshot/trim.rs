//! What a snapshot keeps of a class: everything that is no text for people and not what a reader
//! assumes anyway. Keys that this version does not know are kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{AFTER_KEY, BEFORE_KEY, MODELS_KEY, ModelFolders};
use crate::graph::coerce::is_model_file;

/// Texts for people, and for the editor's menus and search.
const TEXTS_OF_CLASSES: [&str; 6] =
    ["description", "category", "search_aliases", "essentials_category", "output_tooltips", "price_badge"];

/// Texts for people, and how the editor shows a widget.
const TEXTS_OF_INPUTS: [&str; 7] =
    ["tooltip", "display_name", "placeholder", "label_on", "label_off", "display", "advanced"];

/// Flags of an input that are false when they are not there.
const FLAGS_OF_INPUTS: [&str; 6] =
    ["multiline", "multiselect", "dynamicPrompts", "lazy", "control_after_generate", "forceInput"];

/// Most values beside those of a folder.
const MOST_EXTRA: usize = 8;

/// What to keep.
pub(super) struct Trim<'a> {
    /// Lists of model files, sorted.
    pub(super) models: &'a ModelFolders,
    /// Whether texts for people are kept.
    pub(super) full: bool,
}

impl Trim<'_> {
    /// The class called `name`, cut down, keys sorted.
    pub(super) fn class(&self, name: &str, class: &Value) -> Value {
        let mut kept: BTreeMap<&str, Value> = BTreeMap::new();
        for (key, value) in class.as_object().into_iter().flatten() {
            let is_text = !self.full && TEXTS_OF_CLASSES.contains(&key.as_str());
            // The order of inputs is that of their map; the name is the key of the class.
            let is_told = matches!(key.as_str(), "input_order" | "name") || key == "display_name" && value == name;
            if !is_text && !is_told && !is_nothing(value) {
                kept.insert(key, value.clone());
            }
        }
        if class["input"].is_object() {
            kept.insert("input", self.sections(&class["input"], &class["input_order"]));
        }
        outputs(&mut kept);
        kept.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
    }

    /// The inputs of a class or of a choice, in their order.
    fn sections(&self, sections: &Value, order: &Value) -> Value {
        let mut kept = Map::new();
        for section in ["required", "optional", "hidden"] {
            let Some(inputs) = sections[section].as_object().filter(|inputs| !inputs.is_empty()) else { continue };
            let mut ordered: Map<String, Value> = Map::new();
            let first = order[section].as_array().into_iter().flatten().filter_map(Value::as_str);
            for name in first.chain(inputs.keys().map(String::as_str)) {
                if let Some(spec) = inputs.get(name).filter(|_| !ordered.contains_key(name)) {
                    let spec = if section == "hidden" { spec.clone() } else { self.spec(spec) };
                    ordered.insert(name.to_owned(), spec);
                }
            }
            kept.insert(section.to_owned(), Value::Object(ordered));
        }
        Value::Object(kept)
    }

    /// One input: `[type, options]`.
    fn spec(&self, spec: &Value) -> Value {
        let Some(list) = spec.as_array() else { return spec.clone() };
        let options = list.get(1).and_then(Value::as_object);
        let is_upload = options.is_some_and(|o| o.keys().any(|key| key.ends_with("_upload")));
        let values = |value: &Value| if is_upload { json!([]) } else { self.values(value) };
        let mut kept: Vec<Value> = list
            .first()
            .map(|first| if first.is_array() { values(first) } else { first.clone() })
            .into_iter()
            .collect();
        let Some(options) = options else {
            kept.extend(list.iter().skip(1).cloned());
            return Value::Array(kept);
        };
        let mut sorted: BTreeMap<&str, Value> = BTreeMap::new();
        for (key, value) in options {
            let is_text = !self.full && TEXTS_OF_INPUTS.contains(&key.as_str());
            let is_off = *value == Value::Bool(false) && FLAGS_OF_INPUTS.contains(&key.as_str());
            if is_text || is_off || value.is_null() {
                continue;
            }
            let value = match key.as_str() {
                "options" => values(value),
                "template" => self.template(value),
                _ => value.clone(),
            };
            sorted.insert(key, value);
        }
        if !sorted.is_empty() {
            kept.push(sorted.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into());
        }
        Value::Array(kept)
    }

    /// A list of values: by its folder when it is one of model files; choices with their inputs.
    fn values(&self, values: &Value) -> Value {
        let Some(list) = values.as_array() else { return values.clone() };
        if list.iter().any(is_model_file)
            && let Some(reference) = self.reference(list)
        {
            return reference;
        }
        list.iter().map(|value| self.choice(value)).collect()
    }

    /// The folder whose files `list` holds, with few other values around them.
    fn reference(&self, list: &[Value]) -> Option<Value> {
        let starts = |files: &Vec<String>| {
            let extra = list.len().checked_sub(files.len()).filter(|extra| *extra <= MOST_EXTRA)?;
            (0..=extra).find(|start| list[*start..start + files.len()] == **files)
        };
        let found = self.models.iter().filter_map(|(folder, files)| Some((folder, files, starts(files)?)));
        // Of two folders, the one that says more of the list; the first of equals.
        let (folder, files, start) = found.reduce(|a, b| if b.1.len() > a.1.len() { b } else { a })?;
        let mut reference = json!({ MODELS_KEY: folder });
        for (key, part) in [(BEFORE_KEY, &list[..start]), (AFTER_KEY, &list[start + files.len()..])] {
            if !part.is_empty() {
                reference[key] = part.into();
            }
        }
        Some(reference)
    }

    /// A choice of a dynamic combo, which brings inputs with it; any other value as it is.
    fn choice(&self, value: &Value) -> Value {
        let mut kept = value.clone();
        if value["inputs"].is_object() {
            kept["inputs"] = self.sections(&value["inputs"], &Value::Null);
        }
        kept
    }

    /// The template of a group that grows.
    fn template(&self, template: &Value) -> Value {
        let mut kept = template.clone();
        if template["input"].is_object() {
            kept["input"] = self.sections(&template["input"], &Value::Null);
        }
        kept
    }
}

/// Whether a reader of a class assumes this value when nothing is said.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Leaves out what is said of outputs when it is what a reader assumes.
fn outputs(kept: &mut BTreeMap<&str, Value>) {
    let all_nothing = |key: &str| kept.get(key).and_then(Value::as_array).is_some_and(|l| l.iter().all(is_nothing));
    let (no_lists, no_matches) = (all_nothing("output_is_list"), all_nothing("output_matchtypes"));
    let same_names = kept.get("output_name").is_some() && kept.get("output_name") == kept.get("output");
    for (key, is_told) in [("output_is_list", no_lists), ("output_matchtypes", no_matches), ("output_name", same_names)]
    {
        if is_told {
            kept.remove(key);
        }
    }
}
