//! The widgets that an input of a class is drawn with.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    js,
    spec::{Name, Spec, WidgetForm},
    state::{Cell, Config, Editor, Input, Limits, Node, NodeIx, Role, Rounding, Sends, Widget},
};

/// How a widget's value changes after a run.
const CONTROLS: [&str; 4] = ["fixed", "increment", "decrement", "randomize"];

/// Classes whose view of a model is called so.
const VIEWPORT_STATE: [&str; 6] = [
    "Preview3DAdvanced",
    "Save3DAdvanced",
    "PreviewGaussianSplat",
    "PreviewPointCloud",
    "SaveGaussianSplat",
    "SavePointCloud",
];

/// A widget that is still to be added.
pub(super) struct NewWidget {
    pub(super) name: Name,
    pub(super) kind: &'static str,
    pub(super) value: Option<Value>,
    pub(super) saved: bool,
    pub(super) sent: bool,
    pub(super) role: Role,
    pub(super) sends: Sends,
    pub(super) limits: Limits,
}

impl NewWidget {
    /// A widget with a value and nothing special.
    pub(super) fn new(name: &Name, kind: &'static str, value: impl Into<Option<Value>>) -> Self {
        Self {
            name: name.clone(),
            kind,
            value: value.into(),
            saved: true,
            sent: true,
            role: Role::Plain,
            sends: Sends::Value,
            limits: Limits::default(),
        }
    }

    fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    fn sends(mut self, sends: Sends) -> Self {
        self.sends = sends;
        self
    }

    fn unsent(mut self) -> Self {
        self.sent = false;
        self
    }

    fn unsaved(mut self) -> Self {
        self.saved = false;
        self
    }
}

impl Node<'_> {
    /// Adds a widget at the end. A value of the same name and kind that is there already is kept.
    pub(super) fn add(&mut self, new: NewWidget) {
        let cell = self.register(&new.name, Cell { kind: new.kind, value: new.value, limits: new.limits.clone() });
        self.widgets.push(Widget {
            name: new.name,
            kind: new.kind,
            cell,
            saved: new.saved,
            sent: new.sent,
            role: new.role,
            sends: new.sends,
            limits: new.limits,
        });
    }

    /// The cell that counts for `name`: the one that is there if it is of the same kind, or the new one.
    pub(super) fn register(&mut self, name: &Name, cell: Cell) -> usize {
        let known = self.registered.iter_mut().find(|(known, _)| known == name);
        if let Some((_, known)) = &known
            && self.cells[*known].kind == cell.kind
        {
            return *known;
        }
        let index = self.cells.len();
        match known {
            Some((_, known)) => *known = index,
            None => self.registered.push((name.clone(), index)),
        }
        self.cells.push(cell);
        index
    }

    /// Forgets what counts for `name`.
    pub(super) fn unregister(&mut self, name: &str) {
        self.registered.retain(|(known, _)| &**known != name);
    }

    fn has_widget(&self, name: &str) -> bool {
        self.widgets.iter().any(|widget| &*widget.name == name)
    }
}

impl Editor<'_> {
    /// Adds the widget of an input, and its socket.
    pub(super) fn add_widget(&mut self, ix: NodeIx, name: &Name, spec: &Arc<Spec>, form: &WidgetForm) {
        self.make_widget(ix, name, spec, form);
        let uid = self.uid();
        self.nodes[ix].inputs.push(Input {
            uid,
            name: name.clone(),
            kind: spec.kind.clone(),
            link: None,
            widget: Some(name.clone()),
            config: Some(Config { spec: spec.clone(), made_as: Some(name.clone()) }),
            io: None,
            promoted: None,
        });
    }

    /// Adds the widget of an input, or several where one brings others with it.
    pub(super) fn make_widget(&mut self, ix: NodeIx, name: &Name, spec: &Arc<Spec>, form: &WidgetForm) {
        let creating = self.creating;
        let node = &mut self.nodes[ix];
        match form {
            WidgetForm::Whole => add_whole(node, name, spec),
            WidgetForm::Decimal => add_decimal(node, name, spec),
            WidgetForm::Toggle => node.add(NewWidget::new(name, "toggle", default(spec, || json!(false)))),
            WidgetForm::Text(several_lines) => add_text(node, name, spec, *several_lines, creating),
            WidgetForm::Combo(values) => add_combo(node, name, spec, values),
            WidgetForm::MultiSelect => {
                node.add(NewWidget::new(name, "custom", json!([])));
                if spec.is_controlled() {
                    add_control(node, &control_name(spec), &control_value(spec, "fixed"), false);
                }
            }
            WidgetForm::Choice(choice) => {
                let first = choice.keys.first().cloned();
                let limits = Limits { values: Some(choice.keys.clone()), ..Limits::default() };
                let widget = NewWidget::new(name, "combo", first.clone()).limits(limits);
                node.add(widget.role(Role::Choice(choice.clone())));
                let at = node.widgets.len() - 1;
                self.bring_inputs(ix, at, choice, first.as_ref());
            }
            WidgetForm::Simple { kind, initial } => node.add(NewWidget::new(name, kind, initial.clone())),
            WidgetForm::ImageCompare => node.add(NewWidget::new(name, "imagecompare", json!(["", ""])).unsaved()),
            WidgetForm::BoundingBox => add_box(node, name, spec),
            WidgetForm::Upload(value) => node.add(NewWidget::new(name, "button", json!(value)).unsent()),
            WidgetForm::AudioPlayer => node.add(NewWidget::new(name, "audioUI", json!("")).unsaved().unsent()),
            WidgetForm::AudioRecorder => {
                node.add(NewWidget::new(name, "audioUI", json!("")).role(Role::Fixed).sends(Sends::Unknown));
                node.add(NewWidget::new(name, "button", json!("")).unsent());
            }
            WidgetForm::Webcam => {
                node.add(NewWidget::new(name, "WEBCAM", json!("")).role(Role::Fixed).sends(Sends::Unknown));
            }
            WidgetForm::Scene(which) => add_scene(node, which),
        }
    }
}

fn default(spec: &Spec, otherwise: impl FnOnce() -> Value) -> Value {
    spec.option("default").filter(|value| !value.is_null()).cloned().unwrap_or_else(otherwise)
}

/// What the editor calls a number's widget.
fn number_kind(spec: &Spec) -> &'static str {
    match spec.option("display").and_then(Value::as_str) {
        Some("slider") => "slider",
        Some("knob") => "knob",
        _ => "number",
    }
}

fn add_whole(node: &mut Node<'_>, name: &Name, spec: &Spec) {
    let limits = Limits {
        min: Some(spec.number("min").unwrap_or(0.0)),
        max: Some(spec.number("max").unwrap_or(2048.0)),
        step: Some(spec.number("step").unwrap_or(1.0)),
        precision: Some(0.0),
        rounding: Rounding::Whole,
        ..Limits::default()
    };
    node.add(NewWidget::new(name, number_kind(spec), default(spec, || json!(0))).limits(limits));
    let controlled = match spec.option("control_after_generate") {
        None | Some(Value::Null) => ["seed", "noise_seed"].contains(&&**name),
        Some(value) => js::truthy(value),
    };
    if controlled {
        add_control(node, &control_name(spec), &control_value(spec, "randomize"), false);
    }
}

fn add_decimal(node: &mut Node<'_>, name: &Name, spec: &Spec) {
    let gradient = spec.option("display").is_some_and(|display| display == "gradientslider");
    let kind = if gradient { "gradientslider" } else { number_kind(spec) };
    node.add(NewWidget::new(name, kind, default(spec, || json!(0))).limits(decimal_limits(spec)));
    if spec.is_controlled() {
        add_control(node, &control_name(spec), "fixed", false);
    }
}

fn decimal_limits(spec: &Spec) -> Limits {
    let step = spec.number("step").unwrap_or(0.5);
    let precision = (-step.log10().floor()).max(0.0);
    let stated = spec.option("round").filter(|round| js::truthy(round)).and_then(Value::as_f64);
    let round = if precision != 0.0 && stated.is_none() { Some(10_f64.powf(-precision)) } else { stated };
    Limits {
        min: Some(spec.number("min").unwrap_or(0.0)),
        max: Some(spec.number("max").unwrap_or(2048.0)),
        step: Some(step),
        round,
        precision: Some(precision),
        rounding: Rounding::Decimal,
        values: None,
    }
}

fn add_text(node: &mut Node<'_>, name: &Name, spec: &Spec, several_lines: bool, creating: bool) {
    let value = default(spec, || json!(""));
    let widget = if several_lines {
        NewWidget::new(name, "customtext", value).role(Role::Area)
    } else {
        NewWidget::new(name, "text", Value::String(js::to_text(&value)))
    };
    // Choices in texts are the business of widgets that are there from the beginning.
    let has_choices = creating && spec.option("dynamicPrompts").is_some_and(|on| *on == Value::Bool(true));
    node.add(if has_choices { widget.sends(Sends::Prompt) } else { widget });
}

fn add_combo(node: &mut Node<'_>, name: &Name, spec: &Spec, values: &Arc<[Value]>) {
    let remote = spec.option("remote").filter(|remote| js::truthy(remote));
    let stated = spec.option("default").filter(|value| js::truthy(value)).cloned();
    let value = stated.or_else(|| values.first().cloned()).or_else(|| remote.map(|_| json!("Loading...")));
    let limits = Limits { values: Some(values.clone()), ..Limits::default() };
    node.add(NewWidget::new(name, "combo", value).limits(limits));
    if let Some(remote) = remote {
        node.add(NewWidget::new(&Name::from("Auto-refresh after generation"), "toggle", json!(false)).unsent());
        if remote.get("refresh_button").is_some_and(js::truthy) {
            node.add(NewWidget::new(&Name::from("refresh"), "button", json!("refresh")));
        }
    }
    if spec.is_controlled() {
        add_control(node, &control_name(spec), &control_value(spec, "randomize"), true);
    }
}

/// Adds the widget that says how the one before it changes after a run.
pub(super) fn add_control(node: &mut Node<'_>, name: &Name, value: &str, filter: bool) {
    let limits = Limits { values: Some(CONTROLS.iter().map(|control| json!(control)).collect()), ..Limits::default() };
    node.add(NewWidget::new(name, "combo", json!(value)).limits(limits).unsent());
    if filter {
        node.add(NewWidget::new(&Name::from("control_filter_list"), "string", json!("")).unsent());
    }
}

/// Whether the widget says how the one before it changes after a run.
pub(super) fn is_control(widget: &Widget) -> bool {
    let values = widget.limits.values.as_deref().unwrap_or_default();
    values.iter().map(|value| value.as_str().unwrap_or_default()).eq(CONTROLS)
}

fn control_name(spec: &Spec) -> Name {
    match (spec.option("control_after_generate").and_then(Value::as_str), spec.option("control_prefix")) {
        (Some(name), _) => Name::from(name),
        (None, Some(prefix)) if js::truthy(prefix) => {
            Name::from(format!("{} control_after_generate", js::to_text(prefix)))
        }
        _ => Name::from("control_after_generate"),
    }
}

fn control_value(spec: &Spec, otherwise: &str) -> String {
    spec.option("control_after_generate").and_then(Value::as_str).unwrap_or(otherwise).to_owned()
}

fn add_box(node: &mut Node<'_>, name: &Name, spec: &Spec) {
    let crop = spec.option("component").is_some_and(|component| component == "ImageCrop");
    let value = default(spec, || json!({"x": 0, "y": 0, "width": 512, "height": 512}));
    let part = |field: &str| value.get(field).cloned();
    let parts = ["x", "y", "width", "height"].map(|field| (field, part(field)));
    node.add(NewWidget::new(name, if crop { "imagecrop" } else { "boundingbox" }, value));
    for (field, value) in parts {
        node.add(NewWidget::new(&Name::from(field), "number", value).unsent());
    }
}

fn add_scene(node: &mut Node<'_>, which: &'static str) {
    let name = match which {
        "LOAD_3D" if VIEWPORT_STATE.contains(&&*node.class) => "viewport_state",
        "LOAD_3D" => "image",
        name => name,
    };
    if which == "LOAD_3D" && node.has_widget("model_file") {
        let buttons = [
            ("upload 3d model", "upload3dmodel"),
            ("upload extra resources", "uploadExtraResources"),
            ("clear", "clear"),
        ];
        for (name, value) in buttons {
            node.add(NewWidget::new(&Name::from(name), "button", json!(value)));
        }
    }
    let sends = if which == "image" { Sends::Value } else { Sends::Unknown };
    node.add(NewWidget::new(&Name::from(name), "load3D", json!("")).role(Role::Fixed).sends(sends));
}
