//! Savers that are appended for declared outputs: one class for each type, with what the class wants
//! besides.

use serde_json::Value;

use super::{Builder, LowerError, OutputSpec};
use crate::{
    graph::{Input, InputInfo, InputKind, Types},
    ident::IndexMap,
};

/// What saves outputs of a type: the type, the class, and its input.
const SAVERS: [(&str, &str, &str); 4] = [
    ("IMAGE", "SaveImage", "images"),
    ("LATENT", "SaveLatent", "samples"),
    ("AUDIO", "SaveAudio", "audio"),
    ("VIDEO", "SaveVideo", "video"),
];

/// Whether something saves an output of `types`.
pub fn can_be_saved(types: &Types) -> bool {
    types.iter().next().is_some_and(|first| first == "MASK" || SAVERS.iter().any(|(t, ..)| *t == first))
}

/// Appends the saver for a type.
pub(super) fn save_as(
    builder: &mut Builder<'_>,
    name: &str,
    source: Input,
    types: &Types,
    key: &str,
) -> Result<(), LowerError> {
    let first = types.iter().next();
    if first == Some("MASK") {
        builder.save_mask(name, source);
        return Ok(());
    }
    let Some((_, class, input)) = SAVERS.iter().find(|(t, ..)| Some(*t) == first) else {
        return Err(LowerError::at("no-saver", key, format!("nothing saves an output of type {types}"))
            .hint("declare an output of type IMAGE, MASK, AUDIO or VIDEO"));
    };
    let prefix = ("filename_prefix", Input::value("comfywright"));
    let node = builder.out.graph.add(&format!("save_{name}"), class, [(*input, source), prefix]);
    if let Some(info) = builder.input.nodes.class(class) {
        let inputs = &mut builder.out.graph.nodes[&node].inputs;
        fill_required(inputs, "", &info.inputs);
    }
    builder.out.outputs.push(OutputSpec { name: name.to_owned(), node });
    Ok(())
}

/// Gives required inputs that have no value the one that the editor would fill in. `before` is the
/// name of the dynamic input that they stand below, with a dot.
fn fill_required(inputs: &mut IndexMap<String, Input>, before: &str, wanted: &[InputInfo]) {
    for info in wanted.iter().filter(|info| info.required) {
        let name = format!("{before}{}", info.name);
        let Some(value) = editor_value(info) else { continue };
        let chosen = inputs.entry(name.clone()).or_insert_with(|| Input::Value(value)).clone();
        let (InputKind::DynamicCombo { options }, Input::Value(chosen)) = (&info.kind, chosen) else { continue };
        if let Some(option) = options.iter().find(|option| Some(option.key.as_str()) == chosen.as_str()) {
            fill_required(inputs, &format!("{name}."), &option.inputs);
        }
    }
}

/// The default of an input, or the first of its choices.
fn editor_value(info: &InputInfo) -> Option<Value> {
    let first = match &info.kind {
        InputKind::Combo { options, .. } => options.first().cloned(),
        InputKind::DynamicCombo { options } => options.first().map(|option| Value::from(option.key.as_str())),
        _ => None,
    };
    info.default.clone().or(first)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::NodeSet;

    fn filled(required: &Value) -> Value {
        let nodes = NodeSet::parse(json!({ "S": { "input": { "required": required } } }).to_string()).unwrap();
        let mut inputs = IndexMap::default();
        inputs.insert("given".to_owned(), Input::value(5));
        fill_required(&mut inputs, "", &nodes.class("S").unwrap().inputs);
        inputs.iter().map(|(name, input)| (name.clone(), json!(format!("{input:?}")))).collect()
    }

    #[test]
    fn what_a_saver_wants_besides_is_filled_in() {
        let value = |value: &Value| json!(format!("{:?}", Input::Value(value.clone())));
        let plain = json!({
            "video": ["VIDEO"], "given": ["INT", {"default": 7}],
            "format": ["COMBO", {"default": "auto", "options": ["mp4", "auto"]}], "quality": [["V0", "320k"]],
        });
        let expected =
            json!({ "given": value(&json!(5)), "format": value(&json!("auto")), "quality": value(&json!("V0")) });
        assert_eq!(filled(&plain), expected);
        let codec = json!({ "required": { "codec": ["COMBO", {"options": ["h264"]}] } });
        let dynamic = json!({ "format": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "auto", "inputs": codec}]}] });
        let expected = json!({ "given": value(&json!(5)), "format": value(&json!("auto")), "format.codec": value(&json!("h264")) });
        assert_eq!(filled(&dynamic), expected);
    }
}
