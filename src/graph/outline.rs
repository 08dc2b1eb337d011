//! The outline of a class: what documents rely on, one fact a line, and what of it has changed.
//!
//! Fit for a lock file: types and bounds of inputs, values that can be chosen, types of outputs. Lists of
//! files, defaults and texts are no part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::class::{ClassInfo, ComboSource, InputInfo, InputKind};

/// What documents rely on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassOutline {
    /// Types of the outputs, in order; with its name where that is another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// Inputs that a graph must set. Those of a choice are called `input[choice].name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub required: BTreeMap<String, InputOutline>,
    /// Inputs that a graph may set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub optional: BTreeMap<String, InputOutline>,
}

/// What an input takes.
#[derive(Clone, Debug, PartialEq)]
pub enum InputOutline {
    /// A type with its bounds: `INT 1..100`.
    Type(String),
    /// One of these values.
    Values(Vec<String>),
}

/// The name of a file: which there are says nothing of a class.
const FILES: &str = "FILE";

/// One thing that has changed about a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassChange {
    /// There is an input more.
    InputAdded {
        /// The input.
        input: String,
        /// What it takes.
        takes: String,
        /// Whether a graph must set it.
        required: bool,
    },
    /// An input is gone.
    InputRemoved {
        /// The input.
        input: String,
    },
    /// An input takes something else, or must now be set.
    InputChanged {
        /// The input.
        input: String,
        /// What it took.
        before: String,
        /// What it takes.
        after: String,
    },
    /// Values of an input are gone.
    ValuesGone {
        /// The input.
        input: String,
        /// The values.
        values: Vec<String>,
    },
    /// The outputs are others.
    OutputsChanged {
        /// What there was.
        before: Vec<String>,
        /// What there is.
        after: Vec<String>,
    },
}

impl ClassOutline {
    /// The outline of `class`.
    pub fn of(class: &ClassInfo) -> Self {
        let mut outline = Self::default();
        outline.add("", &class.inputs, true);
        let output = |name: &str, types: String| if name == types { types } else { format!("{types} {name}") };
        outline.outputs = class.outputs.iter().map(|o| output(&o.name, o.types.to_string())).collect();
        outline
    }

    fn add(&mut self, prefix: &str, inputs: &[InputInfo], required: bool) {
        for input in inputs {
            let name = format!("{prefix}{}", input.name);
            let is_required = required && input.required;
            let section = if is_required { &mut self.required } else { &mut self.optional };
            section.insert(name.clone(), takes(&input.kind));
            if let InputKind::DynamicCombo { options } = &input.kind {
                for option in options {
                    self.add(&format!("{name}[{}].", option.key), &option.inputs, is_required);
                }
            }
        }
    }

    /// What has changed from `self` to `after`. More values to choose from are no change.
    pub fn changes(&self, after: &Self) -> Vec<ClassChange> {
        let mut changes = Vec::new();
        for (input, before, was_required) in self.inputs() {
            let changed = |after| ClassChange::InputChanged {
                input: input.to_owned(),
                before: told(before, was_required),
                after,
            };
            match after.input(input) {
                None => changes.push(ClassChange::InputRemoved { input: input.to_owned() }),
                Some((now, required)) if required && !was_required => changes.push(changed(told(now, true))),
                Some((now, required)) => match (before, now) {
                    (InputOutline::Values(old), InputOutline::Values(new)) => {
                        let gone: Vec<String> = old.iter().filter(|value| !new.contains(value)).cloned().collect();
                        if !gone.is_empty() {
                            changes.push(ClassChange::ValuesGone { input: input.to_owned(), values: gone });
                        }
                    }
                    // A list of files that was or is empty looks like any other.
                    (InputOutline::Type(files), InputOutline::Values(_))
                    | (InputOutline::Values(_), InputOutline::Type(files))
                        if files == FILES => {}
                    (before, now) if before != now => changes.push(changed(told(now, required))),
                    _ => {}
                },
            }
        }
        let new = after.inputs().filter(|(input, ..)| self.input(input).is_none());
        changes.extend(new.map(|(input, now, required)| ClassChange::InputAdded {
            input: input.to_owned(),
            takes: now.to_string(),
            required,
        }));
        if self.outputs != after.outputs {
            changes.push(ClassChange::OutputsChanged { before: self.outputs.clone(), after: after.outputs.clone() });
        }
        changes
    }

    fn inputs(&self) -> impl Iterator<Item = (&str, &InputOutline, bool)> {
        let required = self.required.iter().map(|(name, takes)| (name.as_str(), takes, true));
        required.chain(self.optional.iter().map(|(name, takes)| (name.as_str(), takes, false)))
    }

    fn input(&self, name: &str) -> Option<(&InputOutline, bool)> {
        let optional = || self.optional.get(name).map(|takes| (takes, false));
        self.required.get(name).map(|takes| (takes, true)).or_else(optional)
    }
}

/// What an input takes, and whether it may be left out.
fn told(takes: &InputOutline, required: bool) -> String {
    if required { takes.to_string() } else { format!("{takes}, optional") }
}

fn takes(kind: &InputKind) -> InputOutline {
    let texts =
        |values: &[Value]| values.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
    InputOutline::Type(match kind {
        InputKind::Int { min, max, .. } => bounds("INT", min.as_ref(), max.as_ref()),
        InputKind::Float { min, max, .. } => bounds("FLOAT", min.as_ref(), max.as_ref()),
        InputKind::Combo { options, source: ComboSource::Fixed, .. } => return InputOutline::Values(texts(options)),
        InputKind::Combo { source: ComboSource::ModelFiles | ComboSource::Upload, .. } => FILES.to_owned(),
        InputKind::DynamicCombo { options } => {
            return InputOutline::Values(options.iter().map(|o| o.key.clone()).collect());
        }
        InputKind::Autogrow { template, names, min } => {
            let each = takes(&template.kind);
            format!("{min} to {} of {each}", names.len())
        }
        InputKind::MatchType { template, allowed } => format!("{allowed} as {template}"),
        other => other.type_text(),
    })
}

fn bounds<T: std::fmt::Display>(type_name: &str, min: Option<&T>, max: Option<&T>) -> String {
    let end = |bound: Option<&T>| bound.map_or_else(String::new, ToString::to_string);
    if min.is_none() && max.is_none() {
        type_name.to_owned()
    } else {
        format!("{type_name} {}..{}", end(min), end(max))
    }
}

impl std::fmt::Display for InputOutline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(text) => f.write_str(text),
            Self::Values(values) => write!(f, "one of {} values", values.len()),
        }
    }
}

impl Serialize for InputOutline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Type(text) => serializer.serialize_str(text),
            Self::Values(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for InputOutline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Type(text)),
            list @ Value::Array(_) => serde_json::from_value(list).map(Self::Values).map_err(D::Error::custom),
            _ => Err(D::Error::custom("an input is a type, or a list of values")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::NodeSet;

    fn outline(inputs: &Value) -> ClassOutline {
        let class =
            json!({"X": {"input": inputs, "output": ["LATENT", "IMAGE"], "output_name": ["LATENT", "picture"]}});
        ClassOutline::of(NodeSet::parse(class.to_string()).unwrap().class("X").unwrap())
    }

    fn base() -> Value {
        json!({
            "required": {"steps": ["INT", {"min": 1, "max": 100}], "cfg": ["FLOAT", {"min": 0.5}], "name": [["euler", "ddim"]],
                "ckpt": [["a.safetensors"]], "vae": [["pixel_space"]], "model": ["MODEL"],
                "format": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "mp4", "inputs": {"required": {"crf": ["INT"]}}}]}]},
            "optional": {"mask": ["MASK"], "on": ["BOOLEAN", {}]},
        })
    }

    #[test]
    fn facts_are_lines() {
        let text = toml::to_string(&outline(&base())).unwrap();
        let expected = r#"outputs = ["LATENT", "IMAGE picture"]

[required]
cfg = "FLOAT 0.5.."
ckpt = "FILE"
format = ["mp4"]
"format[mp4].crf" = "INT"
model = "MODEL"
name = ["euler", "ddim"]
steps = "INT 1..100"
vae = ["pixel_space"]

[optional]
mask = "MASK"
on = "BOOLEAN"
"#;
        assert_eq!(text, expected);
        assert_eq!(toml::from_str::<ClassOutline>(&text).unwrap(), outline(&base()));
    }

    #[test]
    fn changes_are_told_apart() {
        let before = outline(&base());
        assert_eq!(before.changes(&before), []);
        let mut inputs = base();
        let required = inputs["required"].as_object_mut().unwrap();
        required["ckpt"] = json!([["b.safetensors"]]);
        required["vae"] = json!([["pixel_space", "ae.safetensors"]]);
        required["name"] = json!([["euler", "heun"]]);
        required["steps"] = json!(["INT", {"min": 1, "max": 50}]);
        required.remove("model");
        required.insert("mask".to_owned(), json!(["MASK"]));
        required.insert("extra".to_owned(), json!(["STRING"]));
        inputs["optional"].as_object_mut().unwrap().remove("mask");
        let mut after = outline(&inputs);
        after.outputs.pop();
        let text = |text: &str| text.to_owned();
        let changed = |input: &str, before: &str, after: &str| ClassChange::InputChanged {
            input: text(input),
            before: text(before),
            after: text(after),
        };
        let expected = [
            ClassChange::InputRemoved { input: text("model") },
            ClassChange::ValuesGone { input: text("name"), values: vec![text("ddim")] },
            changed("steps", "INT 1..100", "INT 1..50"),
            changed("mask", "MASK, optional", "MASK"),
            ClassChange::InputAdded { input: text("extra"), takes: text("STRING"), required: true },
            ClassChange::OutputsChanged { before: before.outputs.clone(), after: vec![text("LATENT")] },
        ];
        assert_eq!(before.changes(&after), expected);
    }
}
