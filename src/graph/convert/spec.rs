//! What the editor knows of an input of a class: whether it is drawn as a socket or a widget, and of
//! which kind.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::js;

/// Names, types and other short texts; shared, for many nodes have the same.
pub(super) type Name = Arc<str>;

/// An input as the class describes it.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// Its name; below a choice only the last part.
    pub(super) name: Name,
    /// The type of its socket.
    pub(super) kind: Name,
    /// Whether it may be left out.
    pub(super) optional: bool,
    /// How it is drawn.
    pub(super) form: Form,
    /// The options as the class states them.
    pub(super) options: Arc<Map<String, Value>>,
}

/// How an input is drawn.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// As a socket only.
    Socket,
    /// As a widget, with a socket.
    Widget(WidgetForm),
    /// As many sockets as are linked, and one more.
    Autogrow(Arc<AutogrowSpec>),
    /// As a socket whose type follows from what is linked to it and its fellows.
    MatchType {
        /// The types that are possible at all.
        allowed: Name,
        /// What it shares with its fellows.
        template: Name,
    },
}

/// Kinds of widgets.
#[derive(Clone, Debug)]
pub(super) enum WidgetForm {
    /// A whole number.
    Whole,
    /// A number.
    Decimal,
    /// On or off.
    Toggle,
    /// Text; `true` when it has several lines.
    Text(bool),
    /// One of a list.
    Combo(Arc<[Value]>),
    /// Some of a list.
    MultiSelect,
    /// One of a list that brings further inputs with it.
    Choice(Arc<ChoiceSpec>),
    /// Anything with a value and nothing special.
    Simple {
        /// What the editor calls such a widget.
        kind: &'static str,
        /// The value it begins with.
        initial: Value,
    },
    /// A picture in front of another: always the same to the server.
    ImageCompare,
    /// A rectangle, with four numbers of its own.
    BoundingBox,
    /// The button of an upload.
    Upload(&'static str),
    /// A player, which is not sent.
    AudioPlayer,
    /// A recorder, which nothing can be recorded with here.
    AudioRecorder,
    /// A camera.
    Webcam,
    /// A view of a model, with its buttons where a file is chosen beside it.
    Scene(&'static str),
}

/// The choices of an input and what each brings.
#[derive(Clone, Debug)]
pub(super) struct ChoiceSpec {
    /// The values, in order.
    pub(super) keys: Arc<[Value]>,
    options: Vec<(String, Vec<Arc<Spec>>)>,
}

/// A group of inputs that grows.
#[derive(Clone, Debug)]
pub(super) struct AutogrowSpec {
    /// What stands in each place.
    pub(super) inputs: Vec<Arc<Spec>>,
    /// The names of the places, if they are listed.
    pub(super) names: Option<Vec<String>>,
    /// What the names begin with, if they are numbered.
    pub(super) prefix: String,
    /// Places that are always there.
    pub(super) min: usize,
    /// Most places.
    pub(super) max: usize,
}

impl ChoiceSpec {
    /// The inputs that `value` brings; none when it is no choice.
    pub(super) fn inputs(&self, value: &str) -> Option<&[Arc<Spec>]> {
        // Of two options with one key the later one counts.
        self.options.iter().rev().find(|(key, _)| key == value).map(|(_, inputs)| inputs.as_slice())
    }
}

impl Spec {
    /// An input of `name`, described by `spec`, as `object_info` has it.
    pub(super) fn read(name: &str, spec: &Value, optional: bool) -> Self {
        let options = spec.get(1).and_then(Value::as_object).cloned().unwrap_or_default();
        Self::of(name, &spec[0], options, optional)
    }

    fn of(name: &str, type_value: &Value, mut options: Map<String, Value>, optional: bool) -> Self {
        let kind = match type_value {
            Value::Array(list) => {
                options.insert("options".to_owned(), Value::Array(list.clone()));
                "COMBO"
            }
            Value::String(kind) => kind,
            _ => "UNKNOWN",
        };
        let form = form(kind, &options);
        Self { name: Arc::from(name), kind: Arc::from(kind), optional, form, options: Arc::new(options) }
    }

    /// The same input with another type.
    pub(super) fn retyped(&self, kind: &Name) -> Self {
        Self { kind: kind.clone(), form: form(kind, &self.options), ..self.clone() }
    }

    /// An input of a type about which nothing else is known.
    pub(super) fn bare(name: &Name, kind: &Name) -> Self {
        let options = Map::new();
        Self {
            name: name.clone(),
            kind: kind.clone(),
            optional: false,
            form: form(kind, &options),
            options: Arc::new(options),
        }
    }

    /// The same input with other bounds.
    pub(super) fn bounded(&self, other: &Self, min: f64, max: f64, step: f64) -> Self {
        let mut options = (*self.options).clone();
        options.extend((*other.options).clone());
        for (key, bound) in [("min", min), ("max", max), ("step", step)] {
            options.insert(key.to_owned(), js::value_of(bound));
        }
        Self { options: Arc::new(options), ..other.clone() }
    }

    /// Whether it is drawn as a socket although a widget would be possible.
    pub(super) fn is_forced(&self) -> bool {
        self.option("forceInput").is_some_and(js::truthy)
    }

    /// Whether a widget beside it says how it changes after a run.
    pub(super) fn is_controlled(&self) -> bool {
        self.option("control_after_generate").is_some_and(js::truthy)
    }

    /// An option of the class.
    pub(super) fn option(&self, key: &str) -> Option<&Value> {
        self.options.get(key)
    }

    /// An option that is a number.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.option(key).and_then(Value::as_f64)
    }
}

/// The inputs of one section, in the order in which the editor sees them.
pub(super) fn section(specs: &Value, optional: bool) -> Vec<Arc<Spec>> {
    let Some(specs) = specs.as_object() else { return Vec::new() };
    js::members(specs).into_iter().map(|(name, spec)| Arc::new(Spec::read(name, spec, optional))).collect()
}

/// Required inputs, then optional ones.
fn both_sections(sections: &Value) -> Vec<Arc<Spec>> {
    let mut inputs = section(&sections["required"], false);
    inputs.extend(section(&sections["optional"], true));
    inputs
}

fn form(kind: &str, options: &Map<String, Value>) -> Form {
    let forced = options.get("forceInput").is_some_and(js::truthy);
    let widget_kind = options.get("widgetType").and_then(Value::as_str).unwrap_or(kind);
    if let Some(widget) = widget(widget_kind, options).filter(|_| !forced) {
        return Form::Widget(widget);
    }
    match kind {
        "COMFY_AUTOGROW_V3" => autogrow(&options.get("template").cloned().unwrap_or_default()),
        "COMFY_MATCHTYPE_V3" => match_type(&options.get("template").cloned().unwrap_or_default()),
        _ => Form::Socket,
    }
}

/// The widget for inputs of a type; none where there are only sockets.
pub(super) fn widget(kind: &str, options: &Map<String, Value>) -> Option<WidgetForm> {
    let default = |otherwise: Value| options.get("default").filter(|d| !d.is_null()).cloned().unwrap_or(otherwise);
    let simple = |kind, initial| Some(WidgetForm::Simple { kind, initial });
    match kind {
        "INT" => Some(WidgetForm::Whole),
        "FLOAT" => Some(WidgetForm::Decimal),
        "BOOLEAN" => Some(WidgetForm::Toggle),
        "STRING" => Some(WidgetForm::Text(options.get("multiline").is_some_and(js::truthy))),
        "COMBO" if options.get("multi_select").is_some_and(js::truthy) => Some(WidgetForm::MultiSelect),
        "COMBO" => Some(WidgetForm::Combo(list(options.get("options")).into())),
        "COMFY_DYNAMICCOMBO_V3" => Some(WidgetForm::Choice(Arc::new(choice(options)))),
        "MARKDOWN" => simple("MARKDOWN", default("".into())),
        "COLOR" => simple("color", default("#000000".into())),
        "CHART" => simple("chart", Value::Object(Map::new())),
        "GALLERIA" => simple("galleria", Value::Array(Vec::new())),
        "PAINTER" => simple("painter", default("".into())),
        "COMPOSITOR" => simple("compositor", object_or_empty(options.get("default"))),
        "TEXTAREA" => simple("textarea", "".into()),
        "CURVE" => simple("curve", default(straight_curve())),
        "RANGE" => simple("range", default(serde_json::json!({"min": 0, "max": 1}))),
        "VIDEO_EDIT" => simple("videoedit", default(whole_video(options))),
        "BOUNDING_BOXES" => simple("boundingboxes", default(Value::Array(Vec::new()))),
        "COLORS" => simple("colors", default(Value::Array(Vec::new()))),
        "IMAGECOMPARE" => Some(WidgetForm::ImageCompare),
        "BOUNDING_BOX" => Some(WidgetForm::BoundingBox),
        "IMAGEUPLOAD" => Some(WidgetForm::Upload("image")),
        "AUDIOUPLOAD" => Some(WidgetForm::Upload("")),
        "AUDIO_UI" => Some(WidgetForm::AudioPlayer),
        "AUDIO_RECORD" => Some(WidgetForm::AudioRecorder),
        "WEBCAM" => Some(WidgetForm::Webcam),
        "LOAD_3D" => Some(WidgetForm::Scene("LOAD_3D")),
        "PREVIEW_3D" => Some(WidgetForm::Scene("image")),
        "LOAD_3D_ADVANCED" => Some(WidgetForm::Scene("viewport_state")),
        _ => None,
    }
}

fn straight_curve() -> Value {
    serde_json::json!({"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"})
}

fn object_or_empty(value: Option<&Value>) -> Value {
    value.filter(|value| value.is_object()).cloned().unwrap_or_else(|| Value::Object(Map::new()))
}

fn whole_video(options: &Map<String, Value>) -> Value {
    let features = options.get("features").and_then(Value::as_array);
    let has = |name: &str| features.is_none_or(|list| list.iter().any(|feature| feature == name));
    let mut value = Map::new();
    if has("trim") {
        value.insert("trim".to_owned(), serde_json::json!({"start_time": 0, "duration": 0}));
    }
    if has("crop") {
        value.insert("crop".to_owned(), serde_json::json!({"x": 0, "y": 0, "width": 0, "height": 0}));
    }
    Value::Object(value)
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn choice(options: &Map<String, Value>) -> ChoiceSpec {
    let mut by_key = Map::new();
    let mut read = Vec::new();
    for option in options.get("options").and_then(Value::as_array).into_iter().flatten() {
        let key = option["key"].as_str().unwrap_or_default();
        by_key.insert(key.to_owned(), Value::Null);
        read.push((key.to_owned(), both_sections(&option["inputs"])));
    }
    let keys = js::members(&by_key).into_iter().map(|(key, _)| Value::String(key.clone())).collect();
    ChoiceSpec { keys, options: read }
}

fn autogrow(template: &Value) -> Form {
    let inputs = both_sections(&template["input"]);
    if inputs.is_empty() {
        return Form::Socket;
    }
    let names: Option<Vec<String>> = template["names"].as_array().map(|names| names.iter().map(js::to_text).collect());
    let most = template["max"].as_u64().map_or(100, |max| max as usize);
    let max = names.as_ref().map_or(most, Vec::len).min(10_000);
    let min = template["min"].as_u64().map_or(1, |min| min as usize);
    let prefix = template["prefix"].as_str().unwrap_or_default().to_owned();
    Form::Autogrow(Arc::new(AutogrowSpec { inputs, names, prefix, min, max }))
}

fn match_type(template: &Value) -> Form {
    match (template["allowed_types"].as_str(), template["template_id"].as_str()) {
        (Some(allowed), Some(template)) => {
            Form::MatchType { allowed: Arc::from(allowed), template: Arc::from(template) }
        }
        _ => Form::Socket,
    }
}
