//! Primitives: a node whose value widgets of other nodes take.
//!
//! It becomes a widget like the first one that it is linked to, within the bounds of all of them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    js,
    spec::{Name, Spec, widget},
    state::{Config, Editor, Kind, Limits, NodeIx, PrimitiveOf, Role, Rounding},
    text,
    widgets::{NewWidget, add_control},
};
use crate::graph::ui_format::RawValues;

/// Widgets that extensions of the editor bring; a primitive cannot be one.
const NOT_PRIMITIVE: [&str; 7] =
    ["AUDIO_UI", "AUDIOUPLOAD", "AUDIO_RECORD", "WEBCAM", "LOAD_3D", "PREVIEW_3D", "LOAD_3D_ADVANCED"];

/// Subgraphs in subgraphs that are looked into for a widget.
const DEEPEST: usize = 100;

/// Options of an input that may differ between the widgets of one primitive.
const MAY_DIFFER: [&str; 7] =
    ["default", "forceInput", "defaultInput", "control_after_generate", "multiline", "tooltip", "dynamicPrompts"];

impl Editor<'_> {
    /// Makes a primitive what its links say once all nodes are there.
    pub(super) fn settle_primitive(&mut self, ix: NodeIx) {
        let node = &self.nodes[ix];
        let is_linked = node.outputs.first().is_some_and(|output| !output.links.is_empty());
        if !is_linked || !node.widgets.is_empty() {
            return;
        }
        self.become_widget(ix, false);
        if !self.nodes[ix].widgets.is_empty()
            && let RawValues::List(values) = self.nodes[ix].saved.clone()
        {
            for (at, value) in values.into_iter().enumerate() {
                if at < self.nodes[ix].widgets.len() {
                    self.set_value(ix, at, Some(value));
                }
            }
        }
        self.join_targets(ix);
    }

    /// A link came or went after everything was loaded.
    pub(super) fn primitive_output_changed(&mut self, ix: NodeIx, linked: bool) {
        let node = &self.nodes[ix];
        let is_linked = node.outputs.first().is_some_and(|output| !output.links.is_empty());
        if linked {
            if is_linked && node.widgets.is_empty() {
                self.become_widget(ix, false);
            }
        } else {
            self.join_targets(ix);
            if !is_linked {
                self.primitive_let_go(ix);
            }
        }
    }

    /// Nothing is linked any more.
    pub(super) fn primitive_let_go(&mut self, ix: NodeIx) {
        let node = &mut self.nodes[ix];
        node.primitive = None;
        node.widgets.clear();
        node.registered.clear();
        if let Some(output) = node.outputs.first_mut() {
            output.kind = Name::from("*");
        }
    }

    fn become_widget(&mut self, ix: NodeIx, again: bool) {
        let net = self.nodes[ix].net;
        let Some(id) = self.nodes[ix].outputs.first().and_then(|output| output.links.first()).copied() else {
            return self.primitive_let_go(ix);
        };
        let Some(link) = self.nets[net].links.get(&id) else { return };
        let slot = link.target_slot;
        let Some(target) = self.node_by_id(net, &link.target) else { return };
        let Some(input) = self.nodes[target].inputs.get(slot) else { return };
        let (config, name) = match &input.widget {
            Some(name) => (self.config_of(target, slot), name.clone()),
            None if is_widget_type(&input.kind) => {
                let spec = Arc::new(Spec::bare(&input.name, &input.kind));
                (Some(Config { spec, made_as: None }), input.name.clone())
            }
            None => return,
        };
        let Some(config) = config else { return };
        let node = &mut self.nodes[ix];
        if let Some(output) = node.outputs.first_mut() {
            output.kind = config.spec.kind.clone();
        }
        let joined = node.primitive.take().and_then(|known| known.joined).filter(|_| again);
        let drawn = joined.as_ref().unwrap_or(&config).spec.clone();
        node.primitive = Some(PrimitiveOf { config, joined });
        self.draw_primitive(ix, &drawn, target, &name);
    }

    /// What the class says of the widget behind an input; for an input of a subgraph, of the widget
    /// inside.
    pub(super) fn config_of(&self, ix: NodeIx, slot: usize) -> Option<Config> {
        let (mut ix, mut slot) = (ix, slot);
        for _ in 0..DEEPEST {
            let input = self.nodes[ix].inputs.get(slot).filter(|input| input.widget.is_some())?;
            let Kind::Host(net) = self.nodes[ix].kind else { return input.config.clone() };
            let io = self.nets[net].inputs.iter().find(|io| Some(io.uid) == input.io)?;
            let mut ends = io.links.iter().filter_map(|id| self.inner_end(net, *id));
            (ix, slot) = ends.find(|(inner, at)| self.widget_of_input(*inner, *at).is_some())?;
        }
        None
    }

    fn draw_primitive(&mut self, ix: NodeIx, spec: &Arc<Spec>, target: NodeIx, target_name: &str) {
        let name = Name::from("value");
        let form = widget(&spec.kind, &spec.options).filter(|_| !NOT_PRIMITIVE.contains(&&*spec.kind));
        match form {
            Some(form) => self.make_widget(ix, &name, spec, &form),
            None => self.nodes[ix].add(NewWidget::new(&name, "unknown", Value::Null)),
        }
        if let Some(widget) = self.widget_by_name(target, target_name)
            && !self.nodes[ix].widgets.is_empty()
        {
            self.set_value(ix, 0, widget.value);
        }
        let kind = self.nodes[ix].widgets.first().map_or("", |widget| widget.kind);
        if spec.is_controlled() || !["number", "combo"].contains(&kind) {
            return;
        }
        let saved = |at: usize| match &self.nodes[ix].saved {
            RawValues::List(values) => values.get(at).filter(|value| js::truthy(value)).cloned(),
            _ => None,
        };
        let (control, filter) = (saved(1), saved(2));
        let control = control.map_or("fixed".to_owned(), |value| js::to_text(&value));
        add_control(&mut self.nodes[ix], &Name::from("control_after_generate"), &control, kind == "combo");
        if let Some(filter) = filter.filter(|_| self.nodes[ix].widgets.len() == 3) {
            self.set_value(ix, 2, Some(filter));
        }
    }

    /// Draws the widget anew, with the values it has.
    pub(super) fn draw_again(&mut self, ix: NodeIx) {
        let node = &mut self.nodes[ix];
        let values: Vec<Option<Value>> = node.widgets.iter().map(|widget| node.value(widget)).collect();
        node.widgets.clear();
        self.become_widget(ix, true);
        for (at, value) in values.into_iter().enumerate() {
            if at < self.nodes[ix].widgets.len() {
                self.set_value(ix, at, value);
            }
        }
    }

    /// Keeps the value of a number within the bounds of all widgets that take it.
    fn join_targets(&mut self, ix: NodeIx) {
        let Some(known) = &mut self.nodes[ix].primitive else { return };
        let was_joined = known.joined.take().is_some();
        let is_number = ["INT", "FLOAT"].contains(&&*known.config.spec.kind);
        let links = self.nodes[ix].outputs.first().map(|output| output.links.clone()).unwrap_or_default();
        if links.len() < 2 && was_joined {
            if !links.is_empty() {
                self.draw_again(ix);
            }
            return;
        }
        if !is_number {
            return;
        }
        let net = self.nodes[ix].net;
        for id in links {
            let Some(link) = self.nets[net].links.get(&id) else { continue };
            let slot = link.target_slot;
            let Some(target) = self.node_by_id(net, &link.target) else { continue };
            if let Some(config) = self.config_of(target, slot) {
                self.join(ix, &config, was_joined);
            }
        }
    }

    fn join(&mut self, ix: NodeIx, other: &Config, always: bool) {
        let Some(known) = &mut self.nodes[ix].primitive else { return };
        let joined = join_configs(known.joined.as_ref().unwrap_or(&known.config), other);
        if joined.is_none() && !always {
            return;
        }
        if joined.is_some() {
            known.joined = joined;
        }
        self.draw_again(ix);
        let node = &self.nodes[ix];
        let Some(widget) = node.widgets.first() else { return };
        let limits = widget.limits.clone();
        let value = node.value(widget).unwrap_or_default();
        let number = js::to_number(&value);
        if let Some(min) = limits.min.filter(|min| number < *min) {
            self.set_value(ix, 0, Some(js::value_of(min)));
        }
        if let Some(max) = limits.max.filter(|max| number > *max) {
            self.set_value(ix, 0, Some(js::value_of(max)));
        }
        self.round_value(ix, 0);
        self.give_value(ix);
    }

    /// Gives the value of a primitive to the widgets that take it.
    pub(super) fn give_value(&mut self, ix: NodeIx) {
        let node = &self.nodes[ix];
        let Some(widget) = node.widgets.first() else { return };
        let mut value = node.value(widget);
        if node.properties.quotes
            && let Some(Value::String(written)) = &value
        {
            value = Some(Value::String(text::quoted(self, node.net, written).0));
        }
        let net = self.nodes[ix].net;
        let links = self.nodes[ix].outputs.first().map(|output| output.links.clone()).unwrap_or_default();
        for id in links {
            let Some(link) = self.nets[net].links.get(&id) else { continue };
            let slot = link.target_slot;
            let Some(target) = self.node_by_id(net, &link.target) else { continue };
            let Some(name) = self.nodes[target].inputs.get(slot).and_then(|input| input.widget.clone()) else {
                continue;
            };
            self.take_value(target, &name, value.clone());
        }
    }

    fn take_value(&mut self, target: NodeIx, name: &str, value: Option<Value>) {
        let node = &mut self.nodes[target];
        if let Kind::Host(_) = node.kind {
            let promoted =
                |input: &&super::state::Input| input.widget.as_deref() == Some(name) && input.promoted.is_some();
            if let Some(cell) = node.inputs.iter().find(promoted).and_then(|input| input.promoted) {
                node.cells[cell].value = value;
            }
            return;
        }
        let Some(at) = node.widgets.iter().position(|widget| &*widget.name == name) else { return };
        self.set_value(target, at, value);
        self.round_value(target, at);
        let is_own_list = matches!(&self.nodes[target].kind, Kind::Class(class) if &*class.name == "CustomCombo");
        if is_own_list && at == 0 {
            self.give_value(target);
        }
    }

    /// Rounds a number as its widget does when somebody sets it.
    fn round_value(&mut self, ix: NodeIx, at: usize) {
        let Some(widget) = self.nodes[ix].widgets.get(at).filter(|widget| matches!(widget.role, Role::Plain)) else {
            return;
        };
        let limits = self.limits_of(ix, at, &widget.limits);
        let number = self.nodes[ix].value(widget).map_or(f64::NAN, |value| js::to_number(&value));
        let rounded = match limits.rounding {
            Rounding::None => return,
            Rounding::Whole => rounded_whole(number, &limits),
            Rounding::Decimal => match limits.round.filter(|round| *round != 0.0) {
                Some(round) => rounded_decimal(number, round, &limits),
                None => return,
            },
        };
        self.set_value(ix, at, Some(js::value_of(rounded)));
    }

    /// The limits of a widget; some classes have theirs among the node's properties.
    fn limits_of(&self, ix: NodeIx, at: usize, limits: &Limits) -> Limits {
        let node = &self.nodes[ix];
        let Kind::Class(class) = node.kind else { return limits.clone() };
        let properties = &node.properties;
        match &*class.name {
            "PrimitiveInt" if at == 0 => Limits {
                min: Some(properties.min.unwrap_or(-9_223_372_036_854_775_808.0)),
                max: Some(properties.max.unwrap_or(9_223_372_036_854_775_808.0)),
                step: Some(properties.step.unwrap_or(1.0)),
                ..limits.clone()
            },
            "PrimitiveFloat" if at == 0 => Limits {
                min: Some(properties.min.unwrap_or(f64::NEG_INFINITY)),
                max: Some(properties.max.unwrap_or(f64::INFINITY)),
                precision: Some(properties.precision.unwrap_or(1.0)),
                round: properties
                    .round
                    .filter(|round| *round != 0.0)
                    .or(Some(properties.precision.map_or(0.1, |precision| 10_f64.powf(-precision)))),
                ..limits.clone()
            },
            _ => limits.clone(),
        }
    }
}

/// Whether the editor itself has a widget for a type.
pub(super) fn is_widget_type(kind: &str) -> bool {
    !NOT_PRIMITIVE.contains(&kind) && widget(kind, &Map::new()).is_some()
}

fn rounded_whole(number: f64, limits: &Limits) -> f64 {
    let step = limits.step.filter(|step| *step != 0.0).unwrap_or(1.0);
    if (step - 1.0).abs() < f64::EPSILON {
        return js::round(number);
    }
    let offset = limits.min.filter(|min| min.abs() < f64::MAX).map_or(f64::NAN, |min| min % step);
    js::round((number - offset) / step) * step + offset
}

fn rounded_decimal(number: f64, round: f64, limits: &Limits) -> f64 {
    let digits = limits.precision.unwrap_or_else(|| (-round.log10().floor()).max(0.0));
    let rounded = js::round(number / round) * round;
    let rounded = format!("{rounded:.*}", digits.clamp(0.0, 100.0) as usize).parse().unwrap_or(f64::NAN);
    if f64::is_nan(rounded) {
        return rounded;
    }
    rounded.min(limits.max.unwrap_or(f64::INFINITY)).max(limits.min.unwrap_or(f64::NEG_INFINITY))
}

impl Config {
    /// What holds for both; of what cannot be joined, only the type.
    pub(super) fn joined_with(&self, other: &Self) -> Self {
        let number = ["INT", "FLOAT"].contains(&&*self.spec.kind);
        match join_configs(self, other).filter(|_| number) {
            Some(joined) => joined,
            None if *self.spec.options == *other.spec.options => other.clone(),
            None => Self { spec: Arc::new(Spec::bare(&other.spec.name, &other.spec.kind)), made_as: None },
        }
    }
}

/// What holds for both; none when they cannot have one value.
fn join_configs(first: &Config, second: &Config) -> Option<Config> {
    let (a, b) = (&first.spec, &second.spec);
    if a.kind != b.kind || first.made_as != second.made_as {
        return None;
    }
    if first.made_as.is_some() && a.optional != b.optional {
        return None;
    }
    let range = |spec: &Spec| {
        let bound = |key: &str, otherwise: f64| spec.number(key).unwrap_or(otherwise);
        (bound("min", -f64::MAX), bound("max", f64::MAX), bound("step", 1.0))
    };
    let ((min_a, max_a, step_a), (min_b, max_b, step_b)) = (range(a), range(b));
    if min_a > max_b || max_a < min_b || !agree(a, b) {
        return None;
    }
    let spec = a.bounded(b, min_a.max(min_b), max_a.min(max_b), common_multiple(step_a, step_b));
    Some(Config { spec: Arc::new(spec), made_as: second.made_as.clone() })
}

/// Whether the options that must be the same are the same.
fn agree(a: &Spec, b: &Spec) -> bool {
    let keys = a.options.keys().chain(b.options.keys());
    let joined = ["min", "max", "step"];
    keys.filter(|key| !MAY_DIFFER.contains(&key.as_str()) && !joined.contains(&key.as_str()))
        .all(|key| a.option(key).filter(|value| !value.is_null()) == b.option(key).filter(|value| !value.is_null()))
}

fn common_multiple(a: f64, b: f64) -> f64 {
    let (mut x, mut y) = (a.abs(), b.abs());
    for _ in 0..100 {
        if y <= 1e-10 {
            break;
        }
        (x, y) = (y, x % y);
    }
    let divisor = if a == 0.0 { b.abs() } else { x };
    (a * b).abs() / divisor
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(spec: &Value) -> Config {
        Config { spec: Arc::new(Spec::read("x", spec, false)), made_as: None }
    }

    #[test]
    fn bounds_are_joined() {
        let joined = |a: &Value, b: &Value| {
            join_configs(&config(a), &config(b))
                .map(|c| (c.spec.number("min"), c.spec.number("max"), c.spec.number("step")))
        };
        let a = json!(["INT", {"min": 0, "max": 100, "step": 8, "tooltip": "a"}]);
        let b = json!(["INT", {"min": 16, "max": 4096, "step": 12, "default": 3}]);
        assert_eq!(joined(&a, &b), Some((Some(16.0), Some(100.0), Some(24.0))));
        assert_eq!(joined(&a, &json!(["INT", {"min": 101}])), None);
        assert_eq!(joined(&a, &json!(["FLOAT", {}])), None);
        assert_eq!(joined(&a, &json!(["INT", {"display": "slider"}])), None);
    }

    #[test]
    fn numbers_are_rounded_as_widgets_do() {
        let whole = |number, min, step| {
            rounded_whole(number, &Limits { min: Some(min), step: Some(step), ..Limits::default() })
        };
        assert!((whole(13.0, 4.0, 8.0) - 12.0).abs() < f64::EPSILON);
        assert!((whole(2.5, 0.0, 1.0) - 3.0).abs() < f64::EPSILON);
        assert!(whole(2.5, -f64::MAX, 2.0).is_nan());
        let limits = Limits { min: Some(0.0), max: Some(1.0), precision: Some(2.0), ..Limits::default() };
        assert!((rounded_decimal(0.126, 0.01, &limits) - 0.13).abs() < 1e-12);
        assert!((rounded_decimal(7.0, 0.01, &limits) - 1.0).abs() < 1e-12);
    }
}
