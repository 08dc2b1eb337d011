//! Reads one class of an `object_info` file, in the forms of all ComfyUI versions.
//!
//! Never fails: what it does not understand becomes [`InputKind::Opaque`], so that a new kind of
//! input in a custom node does not make a whole server unusable.

use serde_json::{Map, Value};

use super::{
    class::{ClassInfo, ComboForm, ComboSource, DynamicOption, InputInfo, InputKind, OutputInfo, Types},
    coerce::is_model_file,
};

/// Types that the editor always has a widget for.
const WIDGET_TYPES: [&str; 7] =
    ["AUDIO_RECORD", "COLOR", "COMPOSITOR", "IMAGECOMPARE", "LOAD_3D", "LOAD_3D_ANIMATION", "WEBCAM"];

/// Options of an input that only widgets have.
const WIDGET_OPTIONS: [&str; 4] = ["default", "socketless", "widgetType", "component"];

/// Groups of an autogrow input without a stated maximum stop here.
const AUTOGROW_MAX: u64 = 100;

/// The class that `value` describes under the name `name`. `form` is how its server takes a `COMBO`.
pub(super) fn read_class(name: &str, value: &Value, form: ComboForm) -> ClassInfo {
    let mut inputs = read_inputs(&value["input"], &value["input_order"]);
    for input in &mut inputs {
        if let InputKind::Combo { form: read @ ComboForm::Named, .. } = &mut input.kind {
            *read = form;
        }
    }
    ClassInfo {
        name: name.to_owned(),
        display_name: text(value, "display_name").filter(|t| !t.is_empty()).unwrap_or(name).to_owned(),
        description: text(value, "description").unwrap_or_default().to_owned(),
        category: text(value, "category").unwrap_or_default().to_owned(),
        module: text(value, "python_module").unwrap_or_default().to_owned(),
        inputs,
        hidden: value["input"]["hidden"].as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default(),
        outputs: read_outputs(value),
        output_node: flag(value, "output_node"),
        api_node: flag(value, "api_node"),
        deprecated: flag(value, "deprecated"),
        experimental: flag(value, "experimental"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str()
}

fn flag(value: &Value, key: &str) -> bool {
    value[key].as_bool().unwrap_or(false)
}

fn read_inputs(sections: &Value, order: &Value) -> Vec<InputInfo> {
    let mut inputs = Vec::new();
    for (section, required) in [("required", true), ("optional", false)] {
        let Some(specs) = sections[section].as_object() else { continue };
        let ordered = order[section].as_array().into_iter().flatten().filter_map(Value::as_str);
        let start = inputs.len();
        inputs.extend(ordered.filter_map(|name| Some(read_input(name, specs.get(name)?, required))));
        // A name that input_order forgot must not vanish.
        let forgotten: Vec<_> =
            specs.iter().filter(|(name, _)| !inputs[start..].iter().any(|i| i.name == **name)).collect();
        inputs.extend(forgotten.into_iter().map(|(name, spec)| read_input(name, spec, required)));
    }
    inputs
}

fn read_input(name: &str, spec: &Value, required: bool) -> InputInfo {
    static NO_OPTIONS: Value = Value::Null;
    let options = spec.get(1).unwrap_or(&NO_OPTIONS);
    let kind = read_kind(name, &spec[0], options);
    let takes_files = flag(options, "files")
        || matches!(&kind, InputKind::Combo { source: ComboSource::Upload, .. })
        || options.as_object().is_some_and(has_upload);
    InputInfo {
        name: name.to_owned(),
        kind,
        required,
        default: options.get("default").filter(|d| !d.is_null()).cloned(),
        tooltip: text(options, "tooltip").map(str::to_owned),
        force_input: flag(options, "forceInput"),
        lazy: flag(options, "lazy"),
        control_after_generate: options.get("control_after_generate").is_some_and(|v| *v != Value::Bool(false)),
        takes_files,
        round: number(options, "round"),
    }
}

fn read_kind(name: &str, type_value: &Value, options: &Value) -> InputKind {
    let type_name = match type_value {
        Value::Array(list) => return read_combo(name, Some(list), ComboForm::List, options),
        Value::String(type_name) => type_name.as_str(),
        other => return InputKind::Opaque { type_name: other.to_string() },
    };
    match type_name {
        "INT" => InputKind::Int {
            min: integer(options, "min"),
            max: integer(options, "max"),
            step: integer(options, "step"),
        },
        "FLOAT" => InputKind::Float { min: least(options), max: most(options), step: number(options, "step") },
        "STRING" => InputKind::String { multiline: flag(options, "multiline") },
        "BOOLEAN" => InputKind::Bool,
        "COMBO" => read_combo(name, options["options"].as_array(), ComboForm::Named, options),
        "JSON" => InputKind::Json,
        "COMFY_DYNAMICCOMBO_V3" => read_dynamic_combo(options),
        "COMFY_AUTOGROW_V3" => read_autogrow(options),
        "COMFY_MATCHTYPE_V3" => InputKind::MatchType {
            template: text(&options["template"], "template_id").unwrap_or_default().to_owned(),
            allowed: text(&options["template"], "allowed_types").map_or_else(Types::any, Types::parse),
        },
        dynamic if dynamic.starts_with("COMFY_") && dynamic.ends_with("_V3") => {
            InputKind::Opaque { type_name: dynamic.to_owned() }
        }
        link => read_link(link, options),
    }
}

fn read_link(type_name: &str, options: &Value) -> InputKind {
    let types = Types::parse(type_name);
    let has_option = WIDGET_OPTIONS.iter().any(|key| options.get(key).is_some_and(|v| !v.is_null()));
    let widget = types.iter().any(|t| WIDGET_TYPES.contains(&t)) || (has_option && !flag(options, "forceInput"));
    InputKind::Link { types, widget, min: number(options, "min"), max: number(options, "max") }
}

fn read_combo(name: &str, list: Option<&Vec<Value>>, form: ComboForm, options: &Value) -> InputKind {
    let values: Vec<Value> = list.cloned().unwrap_or_default();
    // CustomCombo.choice: its values are written in the editor and no server knows them.
    let written_in_editor = values.is_empty() && name == "choice";
    let source = if options.as_object().is_some_and(has_upload) {
        ComboSource::Upload
    } else if list.is_none() || options.get("remote").is_some() || written_in_editor {
        ComboSource::Open
    } else if values.is_empty() || values.iter().any(is_model_file) {
        ComboSource::ModelFiles
    } else {
        ComboSource::Fixed
    };
    InputKind::Combo { options: values, source, form, multiselect: flag(options, "multiselect") }
}

fn has_upload(options: &Map<String, Value>) -> bool {
    options.iter().any(|(key, value)| key.ends_with("_upload") && *value != Value::Bool(false))
}

fn read_dynamic_combo(options: &Value) -> InputKind {
    let read_option = |option: &Value| DynamicOption {
        key: text(option, "key").unwrap_or_default().to_owned(),
        inputs: read_inputs(&option["inputs"], &Value::Null),
    };
    InputKind::DynamicCombo { options: options["options"].as_array().into_iter().flatten().map(read_option).collect() }
}

fn read_autogrow(options: &Value) -> InputKind {
    let template = &options["template"];
    let Some(input) = read_inputs(&template["input"], &Value::Null).into_iter().next() else {
        return InputKind::Opaque { type_name: "COMFY_AUTOGROW_V3".to_owned() };
    };
    let names = if let Some(names) = template["names"].as_array() {
        names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    } else {
        let prefix = text(template, "prefix").unwrap_or(&input.name);
        let max = template["max"].as_u64().unwrap_or(AUTOGROW_MAX).min(AUTOGROW_MAX);
        (0..max).map(|i| format!("{prefix}{i}")).collect()
    };
    let min = template["min"].as_u64().map_or(0, |min| min as usize);
    InputKind::Autogrow { template: Box::new(input), names, min }
}

fn read_outputs(class: &Value) -> Vec<OutputInfo> {
    let types = class["output"].as_array().into_iter().flatten();
    types.enumerate().map(|(index, type_value)| read_output(class, index, type_value)).collect()
}

fn read_output(class: &Value, index: usize, type_value: &Value) -> OutputInfo {
    // A list stands for the values of an old-style combo.
    let type_name = type_value.as_str().unwrap_or("COMBO");
    let match_template = class["output_matchtypes"][index].as_str().map(str::to_owned);
    let dynamic = type_name.starts_with("COMFY_") && type_name.ends_with("_V3");
    OutputInfo {
        name: class["output_name"][index].as_str().unwrap_or(type_name).to_owned(),
        types: if dynamic { Types::any() } else { Types::parse(type_name) },
        match_template,
        is_list: class["output_is_list"][index].as_bool().unwrap_or(false),
        values: type_value.as_array().cloned(),
    }
}

fn number(options: &Value, key: &str) -> Option<f64> {
    options[key].as_f64()
}

/// The smallest floating-point number that is not below `min`, which may be a whole number between two
/// of them.
fn least(options: &Value) -> Option<f64> {
    let near = number(options, "min")?;
    let is_below = options["min"].as_i64().is_some_and(|exact| (near as i128) < i128::from(exact));
    Some(if is_below { near.next_up() } else { near })
}

/// The largest floating-point number that is not above `max`.
fn most(options: &Value) -> Option<f64> {
    let near = number(options, "max")?;
    let is_above = options["max"].as_i64().is_some_and(|exact| (near as i128) > i128::from(exact));
    Some(if is_above { near.next_down() } else { near })
}

fn integer(options: &Value, key: &str) -> Option<i128> {
    let value = &options[key];
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    // Some classes state the bounds of a whole number as 0.0 or 1e18.
    whole.or_else(|| value.as_f64().filter(|f| f.is_finite()).map(|f| f as i128))
}
