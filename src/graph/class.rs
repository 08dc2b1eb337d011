//! What a node class takes and gives: its signature.
//!
//! Plain data; reading it from JSON is [`super::class_reader`]'s part, judging a graph by it is
//! [`super::check`]'s.

use std::{borrow::Cow, fmt, fmt::Write as _};

use serde_json::{Value, json};

use crate::content_hash::ContentHash;

/// The signature of a node class.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts that the server states as such")]
pub struct ClassInfo {
    /// The class, as `class_type` names it.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// What it does; may be empty.
    pub description: String,
    /// Place in the editor's menu: `image/transform`.
    pub category: String,
    /// The Python module that has it: `nodes`, `custom_nodes.ComfyUI-Impact-Pack`; empty when it is
    /// not known.
    pub module: String,
    /// Inputs, required ones first, in the order of the class.
    pub inputs: Vec<InputInfo>,
    /// Names of inputs that the server fills in by itself.
    pub hidden: Vec<String>,
    /// Outputs; a link names one by its index here.
    pub outputs: Vec<OutputInfo>,
    /// Whether it ends a graph: saves or shows something.
    pub output_node: bool,
    /// Whether running it costs money at a partner's service.
    pub api_node: bool,
    /// Whether its authors advise against it.
    pub deprecated: bool,
    /// Whether it may still change.
    pub experimental: bool,
}

/// One input of a class.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts that the server states as such")]
pub struct InputInfo {
    /// Its name; an input below a dynamic one has only its own part: `codec` of `format.codec`.
    pub name: String,
    /// What it takes.
    pub kind: InputKind,
    /// Whether a graph must set it.
    pub required: bool,
    /// What the editor fills in.
    pub default: Option<Value>,
    /// Help for people.
    pub tooltip: Option<String>,
    /// Whether the editor shows a socket instead of a widget. Literals are accepted all the same.
    pub force_input: bool,
    /// Whether the server asks for it only when the node needs it.
    pub lazy: bool,
    /// Whether the editor changes it after each run: a seed.
    pub control_after_generate: bool,
    /// Whether it takes files of the workspace: an upload widget, or a native class that reads files.
    pub takes_files: bool,
    /// Decimal grid to which the editor rounds a FLOAT.
    pub round: Option<f64>,
}

/// What an input takes.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// A whole number. Bounds reach beyond `i64` on both sides: seeds go to 2^64-1.
    Int {
        /// Smallest value.
        min: Option<i128>,
        /// Largest value.
        max: Option<i128>,
        /// Distance of the editor's arrows; not a rule.
        step: Option<i128>,
    },
    /// A number.
    Float {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
        /// Distance of the editor's arrows; not a rule.
        step: Option<f64>,
    },
    /// Text.
    String {
        /// Whether it may have several lines.
        multiline: bool,
    },
    /// True or false.
    Bool,
    /// One of a list of values.
    Combo {
        /// The values, mostly strings, sometimes numbers.
        options: Vec<Value>,
        /// Where the list comes from, which says how far it is to be believed.
        source: ComboSource,
        /// How the class states the list, which says what a server compares.
        form: ComboForm,
        /// Whether several may be chosen.
        multiselect: bool,
    },
    /// Another node's output, of any of these types.
    Link {
        /// The types.
        types: Types,
        /// Whether the editor has a widget for it, so that a literal is accepted too.
        widget: bool,
        /// Smallest number, when a literal is one.
        min: Option<f64>,
        /// Largest number, when a literal is one.
        max: Option<f64>,
    },
    /// Another node's output whose type decides the type of other inputs and outputs.
    MatchType {
        /// Inputs and outputs with the same template have the same type.
        template: String,
        /// The types that are possible at all.
        allowed: Types,
    },
    /// A choice that brings further inputs with it, named `choice.input`.
    DynamicCombo {
        /// The choices.
        options: Vec<DynamicOption>,
    },
    /// Inputs of one kind, as many as wanted, named `group.name`.
    Autogrow {
        /// What each of them takes.
        template: Box<InputInfo>,
        /// Their names, in order.
        names: Vec<String>,
        /// How many must be set.
        min: usize,
    },
    /// Any JSON value, for comfywright's own classes.
    Json,
    /// Something this version does not understand; everything below its name is accepted.
    Opaque {
        /// The type as the server calls it.
        type_name: String,
    },
}

/// One choice of a dynamic combo.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicOption {
    /// The value that chooses it.
    pub key: String,
    /// The inputs it brings.
    pub inputs: Vec<InputInfo>,
}

/// Where the options of a combo come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComboSource {
    /// The class itself: the list is complete.
    Fixed,
    /// The server's model folders when the snapshot was taken.
    ModelFiles,
    /// The server's input folder, to which anybody can upload.
    Upload,
    /// The server, at the time the list is opened; nothing is known here.
    Open,
}

/// How a class states the values of a combo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ComboForm {
    /// The list stands for the type. Servers refuse other values, and outputs that are not of the
    /// very same list.
    #[default]
    List,
    /// `COMBO` with options. Servers refuse other values.
    Named,
    /// `COMBO` with options on a server that does not look at them: before the types that depend on
    /// other inputs came up, the options were for the editor alone.
    Unchecked,
}

/// One output of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputInfo {
    /// Its name; often the same as its type, and not always unique.
    pub name: String,
    /// Its types; `*` when it may be anything.
    pub types: Types,
    /// The template of inputs that decides the type.
    pub match_template: Option<String>,
    /// Whether it is a list whose elements are processed one by one.
    pub is_list: bool,
    /// The values of an output whose type is a list of values.
    pub values: Option<Vec<Value>>,
}

/// A union of ComfyUI types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(Vec<String>);

impl Types {
    /// The union that `text` describes: `"IMAGE"`, `"INT,FLOAT"`, `"*"`.
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(|part| part.trim().to_owned()).collect())
    }

    /// Anything.
    pub fn any() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// Whether it is `*`.
    pub fn is_any(&self) -> bool {
        self.0.iter().any(|t| t == "*")
    }

    /// Whether `type_name` is one of them.
    pub fn contains(&self, type_name: &str) -> bool {
        self.0.iter().any(|t| t == type_name)
    }

    /// Whether an output of `received` may be linked to an input of these types. ComfyUI's rule:
    /// one type in common, or `*` on either side.
    pub fn accepts(&self, received: &Self) -> bool {
        self.is_any() || received.is_any() || received.0.iter().any(|t| self.contains(t))
    }

    /// The single types.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The union of both.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        for type_name in other.iter() {
            if !self.contains(type_name) {
                self.0.push(type_name.to_owned());
            }
        }
        self
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, type_name) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_char(',')?;
            }
            f.write_str(type_name)?;
        }
        Ok(())
    }
}

impl ClassInfo {
    /// The input called `name`, if it stands at the top level.
    pub fn input(&self, name: &str) -> Option<&InputInfo> {
        self.inputs.iter().find(|input| input.name == name)
    }

    /// The input called `name` of a node, which may stand below dynamic ones: a member of a group, or
    /// what a choice brings. `chosen` tells the literal of an input.
    pub fn input_of<'a, 'n>(&'a self, name: &str, chosen: &dyn Fn(&str) -> Option<&'n str>) -> Option<&'a InputInfo> {
        let (mut inputs, mut before) = (&self.inputs, 0);
        loop {
            let rest = &name[before..];
            if let Some(info) = inputs.iter().find(|info| info.name == rest) {
                return Some(info);
            }
            let below =
                |info: &InputInfo| rest.strip_prefix(&info.name)?.strip_prefix('.').map(|part| name.len() - part.len());
            let (info, start) = inputs.iter().find_map(|info| Some((info, below(info)?)))?;
            match &info.kind {
                InputKind::Autogrow { template, names, .. } => {
                    return names.iter().any(|part| *part == name[start..]).then_some(&**template);
                }
                InputKind::DynamicCombo { options } => {
                    let key = chosen(&name[..start - 1])?;
                    inputs = &options.iter().find(|option| option.key == key)?.inputs;
                    before = start;
                }
                _ => return None,
            }
        }
    }

    /// Whether it may have an input called `name`, which may stand below a dynamic one.
    pub fn declares(&self, name: &str) -> bool {
        let is_below = |input: &InputInfo| name.strip_prefix(&input.name).is_some_and(|rest| rest.starts_with('.'));
        self.inputs.iter().any(|input| input.name == name || is_below(input))
    }

    /// The pack of custom nodes that has it; none for ComfyUI's own classes.
    pub fn pack(&self) -> Option<&str> {
        let inside = self.module.strip_prefix("custom_nodes.")?;
        inside.split('.').next().filter(|pack| !pack.is_empty())
    }

    /// Whether it is known to be one of ComfyUI's own classes.
    pub fn is_core(&self) -> bool {
        matches!(self.module.split('.').next(), Some("nodes" | "comfy_extras" | "comfy_api_nodes"))
    }

    /// Hash of what a fingerprint must notice: names and types of inputs and outputs. Lists of
    /// values, bounds, defaults and texts are not part of it.
    pub fn signature_hash(&self) -> ContentHash {
        let outputs: Vec<Value> =
            self.outputs.iter().map(|o| json!([o.name, o.types.to_string(), o.match_template, o.is_list])).collect();
        ContentHash::of_json(&json!({
            "name": self.name,
            "inputs": inputs_signature(&self.inputs),
            "outputs": outputs,
            "output_node": self.output_node,
        }))
    }
}

fn inputs_signature(inputs: &[InputInfo]) -> Value {
    inputs.iter().map(|input| json!([input.name, kind_signature(&input.kind), input.required])).collect()
}

fn kind_signature(kind: &InputKind) -> Value {
    match kind {
        InputKind::DynamicCombo { options } => {
            let options: Vec<Value> = options.iter().map(|o| json!([o.key, inputs_signature(&o.inputs)])).collect();
            json!(["COMFY_DYNAMICCOMBO_V3", options])
        }
        InputKind::Autogrow { template, names, min } => {
            json!(["COMFY_AUTOGROW_V3", kind_signature(&template.kind), names, min])
        }
        InputKind::MatchType { template, allowed } => json!(["COMFY_MATCHTYPE_V3", template, allowed.to_string()]),
        simple => Value::String(simple.type_text()),
    }
}

impl InputKind {
    /// The type as ComfyUI writes it: `INT`, `COMBO`, `IMAGE,MASK`.
    pub fn type_text(&self) -> String {
        match self {
            Self::Int { .. } => "INT".to_owned(),
            Self::Float { .. } => "FLOAT".to_owned(),
            Self::String { .. } => "STRING".to_owned(),
            Self::Bool => "BOOLEAN".to_owned(),
            Self::Combo { .. } | Self::DynamicCombo { .. } => "COMBO".to_owned(),
            Self::Link { types, .. } => types.to_string(),
            Self::MatchType { allowed, .. } => allowed.to_string(),
            Self::Autogrow { template, .. } => template.kind.type_text(),
            Self::Json => "JSON".to_owned(),
            Self::Opaque { type_name } => type_name.clone(),
        }
    }

    /// The types of outputs that may be linked to it.
    pub fn link_types(&self) -> Cow<'_, Types> {
        match self {
            Self::Opaque { .. } => Cow::Owned(Types::any()),
            Self::Link { types, .. } => Cow::Borrowed(types),
            Self::MatchType { allowed, .. } => Cow::Borrowed(allowed),
            other => Cow::Owned(Types::parse(&other.type_text())),
        }
    }
}
