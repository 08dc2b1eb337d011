//! Arguments of a call, read with messages that say what was meant.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::findings::Refusal;
use crate::ident::did_you_mean;

/// Reads the arguments; `schema` is the one that clients see. All problems are told at once.
pub(super) fn read<T: DeserializeOwned>(
    arguments: Map<String, Value>,
    schema: &Map<String, Value>,
) -> Result<T, Refusal> {
    let arguments = Value::Object(arguments);
    let mut problems = Vec::new();
    check(&arguments, schema, "", &mut problems);
    if !problems.is_empty() {
        return Err(Refusal(problems.join("\n")));
    }
    serde_path_to_error::deserialize(arguments)
        .map_err(|error| Refusal(format!("argument `{}`: {}", error.path(), error.inner())))
}

fn check(value: &Value, schema: &Map<String, Value>, path: &str, problems: &mut Vec<String>) {
    if let Some(wanted) = schema.get("type").and_then(Value::as_str)
        && !is_a(value, wanted)
    {
        problems.push(format!("argument `{path}` must be {}, not {}", article(wanted), described(value)));
        return;
    }
    if let Some(Value::Array(options)) = schema.get("enum")
        && !options.contains(value)
    {
        let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        let near = value.as_str().and_then(|given| did_you_mean(given, names.iter().copied()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        problems.push(format!("argument `{path}` must be one of {}, not {value}{near}", names.join(", ")));
    }
    match value {
        Value::Object(object) => check_object(object, schema, path, problems),
        Value::Array(list) => {
            if let Some(Value::Object(items)) = schema.get("items") {
                list.iter().enumerate().for_each(|(i, item)| check(item, items, &format!("{path}[{i}]"), problems));
            }
        }
        _ => {}
    }
}

fn check_object(object: &Map<String, Value>, schema: &Map<String, Value>, path: &str, problems: &mut Vec<String>) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut missing: Vec<&str> = required.filter(|name| object.get(*name).is_none_or(Value::is_null)).collect();
    for (name, value) in object {
        let inner = below(path, name);
        let known = properties.get(name).and_then(Value::as_object);
        match (known, schema.get("additionalProperties")) {
            // What may be left out may be null, too.
            (Some(_), _) if value.is_null() => {}
            (Some(known), _) => check(value, known, &inner, problems),
            (None, Some(Value::Object(other))) => check(value, other, &inner, problems),
            (None, Some(Value::Bool(false))) => {
                let near = did_you_mean(name, properties.keys().map(String::as_str));
                missing.retain(|name| Some(*name) != near);
                problems.push(match near {
                    Some(near) => format!("unknown argument `{inner}`, did you mean `{near}`?"),
                    None => format!("unknown argument `{inner}`; there are {}", names(properties)),
                });
            }
            (None, _) => {}
        }
    }
    for name in missing {
        let help = properties[name]["description"].as_str().map_or_else(String::new, |help| format!(": {help}"));
        problems.push(format!("missing argument `{}`{help}", below(path, name)));
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn names(properties: &Map<String, Value>) -> String {
    if properties.is_empty() { "none".to_owned() } else { properties.keys().cloned().collect::<Vec<_>>().join(", ") }
}

fn is_a(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        _ => true,
    }
}

fn article(wanted: &str) -> String {
    match wanted {
        "integer" => "a whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "object" | "array" => format!("an {wanted}"),
        other => format!("a {other}"),
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => scalar.to_string().chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Example {
        /// A file.
        document: String,
        limit: Option<u32>,
        #[serde(default)]
        params: std::collections::BTreeMap<String, Inner>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        node: String,
    }

    fn told(arguments: &Value) -> String {
        let schema = super::super::schema::of_arguments::<Example>();
        match read::<Example>(arguments.as_object().unwrap().clone(), &schema) {
            Ok(read) => format!("{read:?}"),
            Err(refusal) => refusal.0,
        }
    }

    #[test]
    fn messages_say_what_was_meant() {
        for (arguments, expected) in [
            (json!({"documentt": "a"}), "unknown argument `documentt`, did you mean `document`?"),
            (json!({}), "missing argument `document`: A file."),
            (json!({"document": "a", "zebra": 1}), "unknown argument `zebra`; there are document, limit, params"),
            (json!({"document": 7}), "argument `document` must be a string, not 7"),
            (json!({"document": "a", "limit": "9"}), "argument `limit` must be a whole number, not \"9\""),
            (
                json!({"document": "a", "params": {"x": {"nod": "1"}}}),
                "unknown argument `params.x.nod`, did you mean `node`?",
            ),
        ] {
            assert_eq!(told(&arguments), expected);
        }
        assert!(told(&json!({"document": "a", "limit": -1})).starts_with("argument `limit`: "));
        assert!(told(&json!({"document": "a", "limit": null})).starts_with("Example"));
    }
}
