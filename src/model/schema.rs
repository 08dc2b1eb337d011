//! JSON schemas of the documents and of `comfywright.toml`, made from the model.
//!
//! Editors read them from `schemas/`; the readers of TOML and KDL take their shapes from them. A
//! schema is closed wherever the model is: unknown keys are errors.

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

use super::{
    chain::Chain,
    config::Config,
    document::{AbTest, Header, Kind, Preset, Template},
    manifest::ModelManifest,
    mask::{Layer, Mask},
    settings::{SettingInfo, SettingShape, settings_named, task_type, task_type_name, task_types},
};

/// The dialect of all schemas.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a node, task, parameter, variation, layer or foreach key may be called.
const IDENTIFIER_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// A semantic version.
const VERSION_PATTERN: &str = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$";

/// Keys whose tables have identifiers for keys, by the definition that has them; "" is the document.
const IDENTIFIER_MAPS: &[(&str, &str)] = &[
    ("", "params"),
    ("", "node"),
    ("", "task"),
    ("", "variations"),
    ("", "vars"),
    ("", "outputs"),
    ("Task", "node"),
    ("Task", "outputs"),
    ("Task", "foreach"),
];

/// The schema of documents with `kind = …`.
pub fn for_kind(kind: Kind) -> Value {
    match kind {
        Kind::Preset => document_schema::<Preset>(kind, "A ComfyUI graph with named parameters."),
        Kind::Template => document_schema::<Template>(kind, "A text with variables."),
        Kind::AbTest => document_schema::<AbTest>(kind, "A comparison of variations of a prompt, with the same seeds."),
        Kind::Chain => document_schema::<Chain>(kind, "A graph of tasks over many items, with routing."),
        Kind::Mask => document_schema::<Mask>(kind, "Layers that make a mask."),
    }
}

/// The schema of `comfywright.toml`.
pub fn for_config() -> Value {
    let mut generator = generator();
    let body = Config::json_schema(&mut generator);
    let mut schema = assembled("comfywright.toml", "The configuration of a workspace.", body, &mut generator);
    require_identifiers(&mut schema, "", "scorer");
    schema
}

/// The schema of the manifest of a model.
pub fn for_manifest() -> Value {
    let mut generator = generator();
    let body = ModelManifest::json_schema(&mut generator);
    let description = "A model: its files, where they come from, their licence, its input and its output.";
    assembled("comfywright model", description, body, &mut generator)
}

/// The schema of what may be written for the setting or input `name`, without interpolation;
/// complete in itself.
pub fn for_value(shape: &SettingShape, name: &str) -> Value {
    if shape.is_of_layers() { with_layers(shape.schema(name)) } else { shape.schema(name) }
}

/// Adds the definitions that settings refer to.
fn with_layers(mut schema: Value) -> Value {
    let definitions = for_kind(Kind::Mask)["$defs"].take();
    inline_layer_keys(&mut schema, &definitions["Layer"]["properties"]);
    schema["$defs"] = definitions;
    schema
}

/// One schema for all documents; `kind` decides which part holds.
pub fn combined() -> Value {
    let mut definitions = Map::new();
    let mut alternatives = Vec::new();
    for kind in Kind::ALL {
        let mut schema = for_kind(kind);
        if let Some(map) = schema.as_object_mut() {
            map.remove("$schema");
            if let Some(Value::Object(inner)) = map.remove("$defs") {
                definitions.extend(inner);
            }
        }
        alternatives.push(json!({ "$ref": format!("#/$defs/{}", kind.as_str()) }));
        definitions.insert(kind.as_str().to_owned(), schema);
    }
    json!({
        "$schema": DIALECT,
        "title": "comfywright document",
        "description": "A preset, template, A/B test, chain or mask, as its `kind` says.",
        "oneOf": alternatives,
        "$defs": definitions,
    })
}

/// Every schema file of `schemas/` with its name.
pub fn files() -> Vec<(String, Value)> {
    let kinds = Kind::ALL.map(|kind| (format!("{}.schema.json", kind.as_str()), for_kind(kind)));
    let rest = [
        ("comfywright.schema.json".to_owned(), for_config()),
        ("document.schema.json".to_owned(), combined()),
        ("model.schema.json".to_owned(), for_manifest()),
    ];
    kinds.into_iter().chain(rest).collect()
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

fn document_schema<Body: JsonSchema>(kind: Kind, description: &str) -> Value {
    let mut generator = generator();
    let mut header = Header::json_schema(&mut generator);
    let body = Body::json_schema(&mut generator);
    join_objects(&mut header, body);
    // A chain's tasks may hold layers too; nothing else in the chain names them.
    if kind == Kind::Chain {
        generator.subschema_for::<Layer>();
    }
    let title = format!("comfywright {}", kind.as_str());
    let mut schema = assembled(&title, description, header, &mut generator);
    let properties = &mut schema["properties"];
    let kind_description = properties["kind"]["description"].take();
    properties["kind"] = json!({ "type": "string", "const": kind.as_str(), "description": kind_description });
    properties["version"]["pattern"] = VERSION_PATTERN.into();
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        definitions.shift_remove("Kind");
    }
    if kind == Kind::Chain {
        add_task_settings(&mut schema);
    }
    for (definition, key) in IDENTIFIER_MAPS {
        require_identifiers(&mut schema, definition, key);
    }
    schema
}

/// Adds the properties of `other` to those of `schema`.
fn join_objects(schema: &mut Schema, other: Schema) {
    let mut other = other.to_value();
    let Some(Value::Object(properties)) = other.get_mut("properties").map(Value::take) else { return };
    let object = schema.ensure_object();
    if let Some(Value::Object(own)) = object.get_mut("properties") {
        own.extend(properties);
    }
    if let (Some(Value::Array(own)), Some(Value::Array(required))) =
        (object.get_mut("required"), other.get_mut("required").map(Value::take))
    {
        own.extend(required);
    }
}

/// A root schema: head, body, definitions; tidied and closed.
fn assembled(title: &str, description: &str, body: Schema, generator: &mut SchemaGenerator) -> Value {
    let mut root = json!({ "$schema": DIALECT, "title": title, "description": description });
    if let (Some(root), Value::Object(mut body)) = (root.as_object_mut(), body.to_value()) {
        for key in ["type", "properties", "required", "additionalProperties"] {
            root.extend(body.remove(key).map(|value| (key.to_owned(), value)));
        }
        root.insert("$defs".to_owned(), Value::Object(generator.take_definitions(true)));
    }
    let mut schema = Schema::try_from(root).unwrap_or_default();
    RecursiveTransform(tidy).transform(&mut schema);
    schema.to_value()
}

/// Takes away what files cannot say (null), turns machine formats into ranges, closes objects.
fn tidy(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    without_null(map);
    if let Some(Value::String(format)) = map.get("format") {
        let range = match format.as_str() {
            "uint32" => Some((0, i64::from(u32::MAX))),
            "int32" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
            _ => None,
        };
        if let Some((minimum, maximum)) = range {
            map.entry("minimum").or_insert(minimum.into());
            map.entry("maximum").or_insert(maximum.into());
        }
        map.remove("format");
    }
    if map.contains_key("properties") && !map.contains_key("additionalProperties") {
        map.insert("additionalProperties".to_owned(), false.into());
    }
}

fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    let Some(Value::Array(mut alternatives)) = map.remove("anyOf") else { return };
    alternatives.retain(|a| a.get("type").is_none_or(|t| t != "null"));
    match (alternatives.len(), alternatives.pop()) {
        (1, Some(Value::Object(only))) => {
            for (key, value) in only {
                map.entry(key).or_insert(value);
            }
        }
        (_, last) => {
            alternatives.extend(last);
            map.insert("anyOf".to_owned(), Value::Array(alternatives));
        }
    }
}

fn require_identifiers(schema: &mut Value, definition: &str, key: &str) {
    let owner = if definition.is_empty() { Some(schema) } else { schema["$defs"].get_mut(definition) };
    let Some(place) = owner.and_then(|o| o.get_mut("properties")?.get_mut(key)) else { return };
    if let Some(map) = place.as_object_mut() {
        map.insert("propertyNames".to_owned(), json!({ "pattern": IDENTIFIER_PATTERN }));
    }
}

/// The settings of every type of task as properties of a task.
fn add_task_settings(schema: &mut Value) {
    let layer_keys = schema["$defs"]["Layer"]["properties"].clone();
    let Some(Value::Object(properties)) = schema["$defs"]["Task"].get_mut("properties") else { return };
    for kind in task_types() {
        for setting in task_type(kind).settings {
            if !properties.contains_key(setting.name) {
                let mut setting_schema = setting_of_all_types(setting.name);
                inline_layer_keys(&mut setting_schema, &layer_keys);
                properties.insert(setting.name.to_owned(), setting_schema);
            }
        }
    }
}

/// Replaces references to the keys of a layer by what they refer to: editors and shapes follow
/// references to definitions only.
fn inline_layer_keys(schema: &mut Value, layer_keys: &Value) {
    let layer_key =
        schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/Layer/properties/")).map(str::to_owned);
    if let (Some(key), Some(map)) = (layer_key, schema.as_object_mut()) {
        map.remove("$ref");
        for (name, value) in layer_keys[&key].as_object().into_iter().flatten() {
            map.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    for alternative in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        inline_layer_keys(alternative, layer_keys);
    }
}

/// What `name` may be on a task, with a description that says for which types.
fn setting_of_all_types(name: &str) -> Value {
    let mut alternatives: Vec<Value> = Vec::new();
    let mut descriptions: Vec<(String, &str)> = Vec::new();
    for (kind, setting) in settings_named(name) {
        add_alternatives(&mut alternatives, setting);
        match descriptions.iter_mut().find(|(_, text)| *text == setting.description) {
            Some((types, _)) => *types = format!("{types}, {}", task_type_name(kind)),
            None => descriptions.push((task_type_name(kind).to_owned(), setting.description)),
        }
    }
    let description: Vec<String> = descriptions.iter().map(|(types, text)| format!("`{types}`: {text}")).collect();
    let mut schema = match <[Value; 1]>::try_from(alternatives) {
        Ok([only]) => only,
        Err(alternatives) => json!({ "anyOf": alternatives }),
    };
    schema["description"] = description.join("\n").into();
    schema
}

fn add_alternatives(alternatives: &mut Vec<Value>, setting: &SettingInfo) {
    let schema = setting.schema();
    let new = match schema.get("anyOf") {
        Some(Value::Array(list)) => list.clone(),
        _ => vec![schema],
    };
    for alternative in new {
        if !alternatives.contains(&alternative) {
            alternatives.push(alternative);
        }
    }
}
