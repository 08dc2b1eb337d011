//! What each type of task takes, says and makes, as data: its inputs, settings and outputs.
//!
//! The schema, the reading of documents and the compiler all read this one table. Knows no values.

use serde_json::{Value, json};

use super::{
    chain::TaskType,
    document::Kind,
    task_types::{TASK_TYPES, TaskTypeEntry},
};

/// What a type of task takes, says and makes.
#[derive(Debug, PartialEq)]
pub struct TaskTypeInfo {
    /// The input that a sole dependency fills; none when a preset or a graph decides it
    /// (`generate`: the preset's first file parameter), or when there is no input.
    pub primary: Option<&'static str>,
    /// The inputs, primary first. `generate` has the preset's parameters instead.
    pub inputs: &'static [InputInfo],
    /// The settings.
    pub settings: &'static [SettingInfo],
    /// The outputs, primary first. `generate`, `graph` and `enhance` with a preset make what their graph
    /// declares.
    pub outputs: &'static [OutputInfo],
    /// Whether `with` may hold names that are not listed here: parameters of a preset, inputs of a graph.
    pub open: bool,
}

/// What flows from task to task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// Pictures.
    Image,
    /// Masks.
    Mask,
    /// Anything that a task makes.
    Any,
    /// Files that were written to their final place.
    File,
}

/// One input of a type of task: a link, or what may be written in its place.
#[derive(Debug, PartialEq)]
pub struct InputInfo {
    /// Its name in `with`.
    pub name: &'static str,
    /// What it takes.
    pub kind: DataKind,
    /// Whether it takes several files.
    pub list: bool,
    /// What may be written in place of a link; always also the path of a file.
    pub literal: Option<SettingShape>,
    /// For people.
    pub description: &'static str,
}

/// One output of a type of task.
#[derive(Debug, PartialEq, Eq)]
pub struct OutputInfo {
    /// Its name in links: `"@task.name"`.
    pub name: &'static str,
    /// What it is.
    pub kind: DataKind,
}

/// One setting of a type of task. It stands in `with` or, but for `title`, on the task itself.
#[derive(Debug, PartialEq)]
pub struct SettingInfo {
    /// Its name.
    pub name: &'static str,
    /// What may be written.
    pub shape: SettingShape,
    /// For people.
    pub description: &'static str,
    /// Whether `{…}` is read in its text. References are not.
    pub interpolated: bool,
}

/// What may be written as a setting.
#[derive(Debug, PartialEq)]
pub enum SettingShape {
    /// Any text.
    Text,
    /// True or false.
    Bool,
    /// A whole number from the first to the second.
    Int(i64, i64),
    /// A number from the first to the second.
    Float(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A colour: `#rgb`, `#rrggbb` or `#rrggbbaa`.
    Color,
    /// The path of a file, relative to the document.
    Path,
    /// A reference to a document of this kind.
    Document(Kind),
    /// A list of these.
    List(&'static SettingShape),
    /// A table with these keys.
    Table(&'static [SettingInfo]),
    /// Rows as `[[layer]]` of a mask document.
    Layers,
    /// As the key of the same name in a layer of a mask document.
    LayerKey,
    /// The same, where that key is a list.
    LayerList,
    /// Any of these.
    OneOf(&'static [SettingShape]),
}

/// What tasks of type `kind` take, say and make.
pub fn task_type(kind: TaskType) -> &'static TaskTypeInfo {
    &entry(kind).info
}

/// The name of `kind` as written in files: `remove_bg`.
pub fn task_type_name(kind: TaskType) -> &'static str {
    entry(kind).name
}

/// The types of task whose settings include `name`, with that setting.
pub fn settings_named(name: &str) -> impl Iterator<Item = (TaskType, &'static SettingInfo)> {
    TASK_TYPES.iter().flat_map(move |e| e.info.settings.iter().filter(move |s| s.name == name).map(|s| (e.kind, s)))
}

/// Every type of task, in the order of the documentation.
pub fn task_types() -> impl Iterator<Item = TaskType> {
    TASK_TYPES.iter().map(|e| e.kind)
}

fn entry(kind: TaskType) -> &'static TaskTypeEntry {
    // A test asserts that entry number `kind` is the entry of `kind`.
    &TASK_TYPES[kind as usize]
}

impl TaskTypeInfo {
    /// The setting called `name`.
    pub fn setting(&self, name: &str) -> Option<&'static SettingInfo> {
        self.settings.iter().find(|s| s.name == name)
    }

    /// The input called `name`.
    pub fn input(&self, name: &str) -> Option<&'static InputInfo> {
        self.inputs.iter().find(|i| i.name == name)
    }
}

impl SettingInfo {
    /// The JSON schema of this setting, without its description. Where `{…}` is read, a text with
    /// a brace is accepted in place of a number; a list is always written as a list.
    pub fn schema(&self) -> Value {
        let plain = self.shape.schema(self.name);
        if !self.interpolated || self.shape.takes_any_text() || self.shape.is_list() {
            return plain;
        }
        with_interpolation(plain)
    }
}

fn with_interpolation(plain: Value) -> Value {
    let mut alternatives = match plain {
        Value::Object(mut map) if map.len() == 1 && map.contains_key("anyOf") => match map.remove("anyOf") {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        },
        other => vec![other],
    };
    alternatives.push(json!({ "type": "string", "pattern": INTERPOLATION_PATTERN }));
    json!({ "anyOf": alternatives })
}

fn or_interpolated(item: &SettingShape, name: &str) -> Value {
    let plain = item.schema(name);
    if item.takes_any_text() { plain } else { with_interpolation(plain) }
}

impl SettingShape {
    /// Whether it is a list and nothing else.
    pub fn is_list(&self) -> bool {
        matches!(self, Self::List(_) | Self::Layers | Self::LayerList)
    }

    /// Whether its schema refers to that of a mask's layer.
    pub fn is_of_layers(&self) -> bool {
        match self {
            Self::Layers | Self::LayerKey | Self::LayerList => true,
            Self::OneOf(list) => list.iter().any(Self::is_of_layers),
            _ => false,
        }
    }

    fn takes_any_text(&self) -> bool {
        match self {
            Self::Text | Self::Path => true,
            Self::OneOf(list) => list.iter().any(Self::takes_any_text),
            _ => false,
        }
    }

    /// The JSON schema of what may be written as `name`. `#/$defs/Layer` is the schema of a mask's layer.
    pub fn schema(&self, name: &str) -> Value {
        match self {
            Self::Text | Self::Path | Self::Document(_) => json!({ "type": "string" }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Int(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Float(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
            Self::Choice(words) => json!({ "type": "string", "enum": words }),
            Self::Color => json!({ "type": "string", "pattern": COLOR_PATTERN }),
            Self::List(item) => json!({ "type": "array", "items": or_interpolated(item, name) }),
            Self::Table(keys) => {
                let properties: serde_json::Map<_, _> =
                    keys.iter().map(|k| (k.name.to_owned(), k.described())).collect();
                json!({ "type": "object", "properties": properties, "additionalProperties": false })
            }
            Self::Layers => json!({ "type": "array", "items": { "$ref": "#/$defs/Layer" } }),
            Self::LayerKey | Self::LayerList => json!({ "$ref": format!("#/$defs/Layer/properties/{name}") }),
            Self::OneOf(list) => json!({ "anyOf": list.iter().map(|s| s.schema(name)).collect::<Vec<_>>() }),
        }
    }
}

impl SettingInfo {
    fn described(&self) -> Value {
        let mut schema = self.schema();
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".to_owned(), self.description.into());
        }
        schema
    }
}

/// A brace without a space after it, as every interpolation has.
const INTERPOLATION_PATTERN: &str = r"\{\S";

const COLOR_PATTERN: &str = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_types() {
        for (index, entry) in TASK_TYPES.iter().enumerate() {
            assert_eq!(entry.kind as usize, index, "{}", entry.name);
            assert_eq!(serde_json::to_value(entry.kind).ok(), Some(json!(entry.name)));
            assert_eq!(task_type_name(entry.kind), entry.name);
        }
    }

    #[test]
    fn primary_inputs_come_first() {
        for kind in task_types() {
            let info = task_type(kind);
            assert_eq!(info.primary, info.inputs.first().map(|i| i.name), "{kind:?}");
            for setting in info.settings {
                assert!(!info.inputs.iter().any(|i| i.name == setting.name), "{kind:?} {}", setting.name);
            }
        }
    }

    #[test]
    fn an_interpolated_number_may_be_an_interpolation() {
        let scale = task_type(TaskType::Upscale).setting("scale").map(SettingInfo::schema);
        let scale = scale.unwrap_or_default();
        assert_eq!(scale["anyOf"][0]["type"], "number");
        assert_eq!(scale["anyOf"][1]["type"], "string");
        assert_eq!(
            settings_named("scale").map(|(t, _)| t).collect::<Vec<_>>(),
            [TaskType::Composite, TaskType::Upscale]
        );
    }
}
