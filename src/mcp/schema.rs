//! Schemas of arguments and answers, made from their types and kept short: every client reads all
//! of them at every start.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of a tool's arguments, with descriptions.
pub(super) fn of_arguments<T: JsonSchema>() -> Map<String, Value> {
    of::<T>(SchemaSettings::draft2020_12(), true)
}

/// The schema of a tool's answer, without descriptions: the names say enough. What an answer always has, and that
/// counts are not negative, is seen in it.
pub(super) fn of_answer<T: JsonSchema>() -> Map<String, Value> {
    of::<T>(SchemaSettings::draft2020_12().for_serialize(), false)
}

fn of<T: JsonSchema>(settings: SchemaSettings, described: bool) -> Map<String, Value> {
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(object) = &mut schema {
        object.shift_remove("description");
    }
    shorten(&mut schema, described, false);
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// Drops what says nothing to a client: titles, formats that validators do not know, null as a
/// value of what may be left out.
fn shorten(schema: &mut Value, described: bool, may_be_null: bool) {
    let Value::Object(object) = schema else { return };
    for key in ["$schema", "title", "format", "default"] {
        object.shift_remove(key);
    }
    if !described {
        object.shift_remove("description");
    }
    if !may_be_null {
        drop_null(object);
    }
    flatten_constants(object);
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (name, property) in properties {
            shorten(property, described, required.contains(&Value::from(name.as_str())));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            shorten(inner, described, false);
        }
    }
    if !described {
        object.shift_remove("required");
        object.shift_remove("minimum");
    }
}

/// What may be left out need not be null: `[X, null]` is X.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get("type")
        && let [one] = types.iter().filter(|t| *t != "null").collect::<Vec<_>>()[..]
    {
        object["type"] = one.clone();
    }
    if let Some(Value::Array(choices)) = object.get("anyOf") {
        let real: Vec<&Value> = choices.iter().filter(|c| c["type"] != "null").collect();
        if let [Value::Object(only)] = real[..] {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// `oneOf` of constants is a list of values.
fn flatten_constants(object: &mut Map<String, Value>) {
    if let Some(Value::Array(choices)) = object.get("oneOf") {
        let constants: Option<Vec<Value>> = choices.iter().map(|c| c.get("const").cloned()).collect();
        if let Some(constants) = constants {
            object.shift_remove("oneOf");
            object.insert("type".to_owned(), json!("string"));
            object.insert("enum".to_owned(), Value::Array(constants));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ParamType;

    /// Gone.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Example {
        /// How many.
        count: Option<u32>,
        kind: Option<ParamType>,
        inner: std::collections::BTreeMap<String, Vec<Option<u8>>>,
    }

    #[derive(serde::Serialize, JsonSchema)]
    struct Answer {
        always: Option<u8>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        sometimes: Vec<u8>,
    }

    #[test]
    fn answers_fit_their_schemas() {
        let schema = Value::Object(of_answer::<Answer>());
        for answer in [Answer { always: None, sometimes: vec![] }, Answer { always: Some(1), sometimes: vec![1] }] {
            let answer = serde_json::to_value(answer).unwrap();
            assert!(jsonschema::is_valid(&schema, &answer), "{answer} and {schema}");
        }
        // What is always there may be null, what may be left out is not.
        assert_eq!(schema["properties"]["always"]["type"], json!(["integer", "null"]));
        assert!(schema.get("required").is_none() && schema["properties"]["sometimes"]["type"] == "array");
    }

    #[test]
    fn schemas_are_short() {
        let schema = Value::Object(of_arguments::<Example>());
        assert_eq!(schema["properties"]["count"], json!({"description": "How many.", "type": "integer", "minimum": 0}));
        assert_eq!(schema["properties"]["kind"]["enum"][0], "string");
        assert_eq!(schema["required"], json!(["inner"]));
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema.get("description").is_none() && !schema.to_string().contains("null"), "{schema}");
        assert!(!Value::Object(of_answer::<Example>()).to_string().contains("How many"));
    }
}
