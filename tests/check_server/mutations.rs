//! Ways of making a graph wrong, or other than it was.

use comfywright::graph::{ClassInfo, ComboSource, InputInfo, InputKind, NodeSet};
use serde_json::{Map, Value, json};

use crate::{random::Random, server::PICTURE};

/// One way.
pub struct Mutation {
    /// What it does, as the table calls it.
    pub name: &'static str,
    /// Whether a server may run nothing any more after it: it is tried few times.
    pub is_deadly: bool,
    /// Makes a graph other; false when it has nothing to which this could be done.
    pub apply: fn(&mut Subject<'_>) -> Option<()>,
}

/// A graph on its way to becoming another one.
pub struct Subject<'a> {
    pub graph: Map<String, Value>,
    pub nodes: &'a NodeSet,
    pub random: &'a mut Random,
}

const fn mutation(name: &'static str, apply: fn(&mut Subject<'_>) -> Option<()>) -> Mutation {
    Mutation { name, is_deadly: false, apply }
}

const fn deadly(name: &'static str, apply: fn(&mut Subject<'_>) -> Option<()>) -> Mutation {
    Mutation { name, is_deadly: true, apply }
}

/// Every way.
#[expect(clippy::redundant_closure_for_method_calls, reason = "a method of one lifetime is no pointer for all")]
pub const MUTATIONS: &[Mutation] = &[
    mutation("a letter of a class is gone", |s| s.edit_class(|_, class| class[..class.len() - 1].to_owned())),
    mutation("the letters of a class are small", |s| s.edit_class(|_, class| class.to_lowercase())),
    mutation("another class", |s| s.other_class()),
    mutation("a node has no class", |s| {
        let id = s.some_node()?;
        s.graph[&id].as_object_mut()?.shift_remove("class_type").map(drop)
    }),
    mutation("an idle node of an unknown class", |s| s.add(json!({"class_type": "NobodyHasThis", "inputs": {}}))),
    mutation("a needed node has no inputs", |s| {
        let id = s.needed_node()?;
        s.graph[&id].as_object_mut()?.shift_remove("inputs").map(drop)
    }),
    deadly("an idle node has no inputs", |s| s.add(json!({"class_type": "EmptyImage"}))),
    mutation("a node is a number", |s| s.add(json!(7))),
    mutation("a required input is gone", |s| {
        let place = s.input(|info, _| info.required)?;
        s.remove(&place)
    }),
    mutation("an optional input is gone", |s| {
        let place = s.input(|info, _| !info.required)?;
        s.remove(&place)
    }),
    mutation("a value more", |s| s.extra(|_| json!("x"))),
    mutation("a link more", |s| s.extra(|s| s.some_link().unwrap_or_default())),
    deadly("a link to nowhere more", |s| s.extra(|_| json!(["nowhere", 0]))),
    mutation("a list more", |s| s.extra(|_| json!([1, 2, 3]))),
    mutation("an input is misspelt", |s| s.misspelt()),
    mutation("a link to a node that is not there", |s| s.edit_link(|_, link| json!(["nowhere", link[1]]))),
    mutation("an output beyond the last", |s| s.edit_link(|_, link| json!([link[0], 99]))),
    mutation("an output counted from the end", |s| s.edit_link(|_, link| json!([link[0], -1]))),
    mutation("an output far before the first", |s| s.edit_link(|_, link| json!([link[0], -50]))),
    mutation("an output as a text", |s| s.edit_link(|_, link| json!([link[0], link[1].to_string()]))),
    mutation("an output as a fraction", |s| s.edit_link(|_, link| json!([link[0], 0.5]))),
    mutation("an output as null", |s| s.edit_link(|_, link| json!([link[0], null]))),
    mutation("an output as a switch", |s| s.edit_link(|_, link| json!([link[0], false]))),
    mutation("a link of three parts", |s| s.edit_link(|_, link| json!([link[0], link[1], 0]))),
    mutation("a link of one part", |s| s.edit_link(|_, link| json!([link[0]]))),
    mutation("a link to an id as a number", |s| s.edit_link(|_, link| json!([7, link[1]]))),
    mutation("a link to another type", |s| s.rewire(false)),
    mutation("a link to the same type elsewhere", |s| s.rewire(true)),
    mutation("a link where a value was", |s| {
        let place = s.literal(|_, _| true)?;
        let link = s.some_link()?;
        s.set(&place, link)
    }),
    mutation("a text where a link was", |s| s.edit_link(|_, link| json!(format!("{}.IMAGE", text(&link[0]))))),
    mutation("an empty text where a link was", |s| s.edit_link(|_, _| json!(""))),
    mutation("a number where a link was", |s| s.edit_link(|_, _| json!(5))),
    mutation("zero where a link was", |s| s.edit_link(|_, _| json!(0))),
    mutation("null where a link was", |s| s.edit_link(|_, _| Value::Null)),
    mutation("a table where a link was", |s| s.edit_link(|_, _| json!({"samples": 1}))),
    mutation("null for an optional link", |s| s.add_optional(|_| Value::Null)),
    mutation("a number below the smallest", |s| s.edge(|min, _| min.map(|min| min - 1.0))),
    mutation("a number above the largest", |s| s.edge(|_, max| max.map(|max| max * 2.0 + 1.0))),
    mutation("the smallest number", |s| s.edge(|min, _| min)),
    mutation("a number between the steps", |s| s.between_steps()),
    mutation("a fraction for a whole number", |s| s.number(true, |value| json!(value as f64 + 0.5))),
    mutation("digits as a text for a number", |s| s.number(false, |value| json!(value.to_string()))),
    mutation("digits with underscores", |s| s.number(false, |_| json!("1_0"))),
    mutation("words for a number", |s| s.number(false, |_| json!("many"))),
    mutation("a fraction as a text for a whole number", |s| s.number(true, |value| json!(format!("{value}.5")))),
    mutation("true for a number", |s| s.number(false, |_| json!(true))),
    mutation("null for a number", |s| s.number(false, |_| Value::Null)),
    mutation("a table for a number", |s| s.number(false, |_| json!({"value": 1}))),
    mutation("a number beyond all bounds", |s| s.number(false, |_| json!(1e300))),
    mutation("a text for a switch", |s| s.replace(|info| matches!(info.kind, InputKind::Bool), json!("false"))),
    mutation("null for a switch", |s| s.replace(|info| matches!(info.kind, InputKind::Bool), Value::Null)),
    mutation("a number for a text", |s| s.replace(is_text, json!(5))),
    mutation("null for a text", |s| s.replace(is_text, Value::Null)),
    mutation("a table for a text", |s| s.replace(is_text, json!({"a": 1}))),
    mutation("a value that is not in the list", |s| s.replace(is_fixed_list, json!("no such value"))),
    mutation("a value of a list in capitals", |s| {
        let place =
            s.literal(|info, value| is_fixed_list(info) && value.as_str().is_some_and(|v| v.to_uppercase() != v))?;
        let value = text(s.get(&place)).to_uppercase();
        s.set(&place, json!(value))
    }),
    mutation("null for a value of a list", |s| s.replace(is_fixed_list, Value::Null)),
    mutation("a number for a value of a list", |s| s.replace(is_fixed_list, json!(5))),
    mutation("another value of the list", |s| s.other_option()),
    mutation("a model that is not there", |s| {
        s.replace(|i| is_list_of(i, ComboSource::ModelFiles) && !is_lora(i), json!("gone.safetensors"))
    }),
    mutation("a LoRA that is not there", |s| {
        s.replace(|i| is_list_of(i, ComboSource::ModelFiles) && is_lora(i), json!("sub/tiny.safetensors"))
    }),
    mutation("a picture that is not there", |s| s.replace(|i| is_list_of(i, ComboSource::Upload), json!("gone.png"))),
    mutation("a picture with its folder", |s| {
        s.replace(|i| is_list_of(i, ComboSource::Upload), json!(format!("{PICTURE} [input]")))
    }),
    mutation("a node takes its own output", |s| {
        let place = s.link()?;
        let id = place.0.clone();
        s.set(&place, json!([id, 0]))
    }),
    mutation("two nodes take from each other", |s| s.circle()),
    mutation("two idle nodes take from each other", |s| {
        s.graph.insert("idle_a".to_owned(), json!({"class_type": "ImageInvert", "inputs": {"image": ["idle_b", 0]}}));
        s.graph.insert("idle_b".to_owned(), json!({"class_type": "ImageInvert", "inputs": {"image": ["idle_a", 0]}}));
        Some(())
    }),
    mutation("nothing is saved", |s| s.without_outputs()),
    mutation("a node is gone", |s| {
        let id = s.needed_node()?;
        let is_linked = s.links().iter().any(|place| s.get(place)[0] == id.as_str());
        s.graph.shift_remove(&id).filter(|_| is_linked).map(drop)
    }),
    mutation("an idle node with faults", |s| {
        s.add(json!({"class_type": "EmptyImage", "inputs": {"width": -5, "height": "tall", "color": ["nowhere", 0]}}))
    }),
    mutation("a second output with a fault", |s| s.add(json!({"class_type": "PreviewImage", "inputs": {}}))),
    mutation("a second output from nowhere", |s| {
        s.add(json!({"class_type": "PreviewImage", "inputs": {"images": ["nowhere", 0]}}))
    }),
    mutation("a value that is wrapped", |s| {
        let place = s.literal(|_, _| true)?;
        let value = s.get(&place).clone();
        s.set(&place, json!({"__value__": value}))
    }),
    mutation("a list for a value", |s| {
        let place = s.literal(|_, _| true)?;
        s.set(&place, json!([1, 2, 3]))
    }),
    mutation("a wrapped list for a value", |s| {
        let place = s.literal(|_, _| true)?;
        s.set(&place, json!({"__value__": [1, 2]}))
    }),
    mutation("a preview instead of a saver", |s| {
        s.edit_node(
            |class| class == "SaveImage",
            |node| {
                node["class_type"] = json!("PreviewImage");
                node["inputs"].as_object_mut()?.shift_remove("filename_prefix").map(drop)
            },
        )
    }),
    mutation("two savers with one prefix", |s| {
        let (id, node) = s.graph.iter().find(|(_, node)| node["class_type"] == "SaveImage")?;
        let (id, node) = (format!("{id}_2"), node.clone());
        s.graph.insert(id, node);
        Some(())
    }),
    mutation("other ids", |s| {
        let renamed = |value: &Value| json!(format!("n{}:x", text(value)));
        let places = s.links();
        for place in places {
            let link = s.get(&place).clone();
            s.set(&place, json!([renamed(&link[0]), link[1]]));
        }
        s.graph =
            std::mem::take(&mut s.graph).into_iter().map(|(id, node)| (text(&renamed(&json!(id))), node)).collect();
        Some(())
    }),
];

/// A node's id and one of its inputs.
type Place = (String, String);

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_text(info: &InputInfo) -> bool {
    matches!(info.kind, InputKind::String { .. })
}

fn is_fixed_list(info: &InputInfo) -> bool {
    is_list_of(info, ComboSource::Fixed)
}

fn is_list_of(info: &InputInfo, wanted: ComboSource) -> bool {
    matches!(&info.kind, InputKind::Combo { source, .. } if *source == wanted)
}

fn is_lora(info: &InputInfo) -> bool {
    info.name.contains("lora")
}

fn bounds(kind: &InputKind) -> (Option<f64>, Option<f64>) {
    match kind {
        InputKind::Int { min, max, .. } => (min.map(|m| m as f64), max.map(|m| m as f64)),
        InputKind::Float { min, max, .. } => (*min, *max),
        _ => (None, None),
    }
}

/// A number as an input of this kind has it.
fn number(kind: &InputKind, value: f64) -> Value {
    if matches!(kind, InputKind::Int { .. }) && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

impl Subject<'_> {
    fn class_of(&self, id: &str) -> Option<&ClassInfo> {
        self.nodes.class(self.graph.get(id)?["class_type"].as_str()?)
    }

    fn get(&self, place: &Place) -> &Value {
        &self.graph[&place.0]["inputs"][&place.1]
    }

    fn set(&mut self, place: &Place, value: Value) -> Option<()> {
        self.graph.get_mut(&place.0)?["inputs"][&place.1] = value;
        Some(())
    }

    fn remove(&mut self, place: &Place) -> Option<()> {
        self.graph.get_mut(&place.0)?["inputs"].as_object_mut()?.shift_remove(&place.1).map(drop)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what a mutation gives")]
    fn add(&mut self, node: Value) -> Option<()> {
        self.graph.insert("added".to_owned(), node);
        Some(())
    }

    fn some_node(&mut self) -> Option<String> {
        let ids: Vec<String> = self.graph.keys().cloned().collect();
        self.random.one_of(&ids).cloned()
    }

    /// A node that an output node needs; written graphs have no others.
    fn needed_node(&mut self) -> Option<String> {
        self.some_node()
    }

    /// All inputs that nodes give and classes declare.
    fn inputs(&self) -> Vec<(Place, InputInfo, Value)> {
        let mut all = Vec::new();
        for (id, node) in &self.graph {
            let Some(class) = self.class_of(id) else { continue };
            for (name, value) in node["inputs"].as_object().into_iter().flatten() {
                if let Some(info) = class.input(name) {
                    all.push(((id.clone(), name.clone()), info.clone(), value.clone()));
                }
            }
        }
        all
    }

    fn input(&mut self, fits: impl Fn(&InputInfo, &Value) -> bool) -> Option<Place> {
        let all = self.inputs();
        let fitting: Vec<&Place> = all.iter().filter(|(_, info, value)| fits(info, value)).map(|(p, ..)| p).collect();
        self.random.one_of(&fitting).map(|place| (*place).clone())
    }

    fn literal(&mut self, fits: impl Fn(&InputInfo, &Value) -> bool) -> Option<Place> {
        self.input(|info, value| !value.is_array() && fits(info, value))
    }

    fn links(&self) -> Vec<Place> {
        self.inputs().into_iter().filter(|(_, _, value)| value.is_array()).map(|(place, ..)| place).collect()
    }

    fn link(&mut self) -> Option<Place> {
        let links = self.links();
        self.random.one_of(&links).cloned()
    }

    /// A link to any output of the graph.
    fn some_link(&mut self) -> Option<Value> {
        let mut all = Vec::new();
        for id in self.graph.keys() {
            let outputs = self.class_of(id).map_or(0, |class| class.outputs.len());
            all.extend((0..outputs).map(|output| json!([id, output])));
        }
        self.random.one_of(&all).cloned()
    }

    fn edit_class(&mut self, edit: fn(&Self, &str) -> String) -> Option<()> {
        let id = self.needed_node()?;
        let class = edit(self, self.graph[&id]["class_type"].as_str()?);
        self.graph.get_mut(&id)?["class_type"] = json!(class);
        Some(())
    }

    fn edit_node(&mut self, fits: fn(&str) -> bool, edit: fn(&mut Value) -> Option<()>) -> Option<()> {
        edit(self.graph.values_mut().find(|node| node["class_type"].as_str().is_some_and(fits))?)
    }

    fn edit_link(&mut self, edit: fn(&Self, &Value) -> Value) -> Option<()> {
        let place = self.link()?;
        let value = edit(self, self.get(&place));
        self.set(&place, value)
    }

    fn replace(&mut self, fits: fn(&InputInfo) -> bool, value: Value) -> Option<()> {
        let place = self.literal(|info, _| fits(info))?;
        self.set(&place, value)
    }

    fn extra(&mut self, value: fn(&mut Self) -> Value) -> Option<()> {
        let (id, value) = (self.needed_node()?, value(self));
        self.set(&(id, "more_of_it".to_owned()), value)
    }

    fn add_optional(&mut self, value: fn(&Self) -> Value) -> Option<()> {
        let mut places = Vec::new();
        for (id, node) in &self.graph {
            let optional = self.class_of(id).into_iter().flat_map(|c| &c.inputs).filter(|i| !i.required);
            let links =
                optional.filter(|i| matches!(i.kind, InputKind::Link { .. }) && node["inputs"].get(&i.name).is_none());
            places.extend(links.map(|input| (id.clone(), input.name.clone())));
        }
        let place = self.random.one_of(&places).cloned()?;
        let value = value(self);
        self.set(&place, value)
    }

    fn other_class(&mut self) -> Option<()> {
        let id = self.needed_node()?;
        let names: Vec<&str> = self.nodes.classes().filter(|c| !c.api_node).map(|c| c.name.as_str()).collect();
        let class = (*self.random.one_of(&names)?).to_owned();
        self.graph.get_mut(&id)?["class_type"] = json!(class);
        Some(())
    }

    fn misspelt(&mut self) -> Option<()> {
        let place = self.input(|_, _| true)?;
        let value = self.get(&place).clone();
        self.remove(&place)?;
        self.set(&(place.0, format!("{}x", place.1)), value)
    }

    /// Links an input to another output: of the type that it has, or of another one.
    fn rewire(&mut self, same_type: bool) -> Option<()> {
        let place = self.link()?;
        let old = self.get(&place).clone();
        let types = |s: &Self, link: &Value| {
            let class = s.class_of(link[0].as_str()?)?;
            Some(class.outputs.get(link[1].as_u64()? as usize)?.types.clone())
        };
        let wanted = types(self, &old)?;
        let mut fitting = Vec::new();
        for id in self.graph.keys().filter(|id| **id != place.0) {
            let outputs = self.class_of(id).map_or(0, |class| class.outputs.len());
            let links = (0..outputs).map(|output| json!([id, output]));
            fitting.extend(
                links.filter(|link| *link != old && types(self, link).is_some_and(|t| (t == wanted) == same_type)),
            );
        }
        let link = self.random.one_of(&fitting).cloned()?;
        self.set(&place, link)
    }

    fn edge(&mut self, edge: fn(Option<f64>, Option<f64>) -> Option<f64>) -> Option<()> {
        let value = |info: &InputInfo| {
            let (min, max) = bounds(&info.kind);
            edge(min, max)
        };
        let place = self.literal(|info, given| given.is_number() && value(info).is_some())?;
        let info = self.class_of(&place.0)?.input(&place.1)?.clone();
        self.set(&place, number(&info.kind, value(&info)?))
    }

    fn between_steps(&mut self) -> Option<()> {
        let step = |info: &InputInfo| match &info.kind {
            InputKind::Int { step: Some(step), .. } if *step > 1 => Some(1.0),
            InputKind::Float { step: Some(step), .. } => Some(step / 3.0),
            _ => None,
        };
        let is_inside = |info: &InputInfo, given: &Value| {
            let (_, max) = bounds(&info.kind);
            let moved = given.as_f64().zip(step(info)).map(|(value, step)| value + step);
            moved.is_some_and(|moved| max.is_none_or(|max| moved <= max))
        };
        let place = self.literal(|info, given| step(info).is_some() && is_inside(info, given))?;
        let info = self.class_of(&place.0)?.input(&place.1)?.clone();
        let value = self.get(&place).as_f64()? + step(&info)?;
        self.set(&place, number(&info.kind, value))
    }

    fn number(&mut self, whole: bool, make: fn(i64) -> Value) -> Option<()> {
        let fits = |info: &InputInfo| match info.kind {
            InputKind::Int { .. } => true,
            InputKind::Float { .. } => !whole,
            _ => false,
        };
        let place = self.literal(|info, value| fits(info) && value.is_number())?;
        let value = make(self.get(&place).as_f64()? as i64);
        self.set(&place, value)
    }

    fn other_option(&mut self) -> Option<()> {
        let place = self.literal(|info, _| is_fixed_list(info))?;
        let InputKind::Combo { options, .. } = &self.class_of(&place.0)?.input(&place.1)?.kind else { return None };
        let options = options.clone();
        let value = self.random.one_of(&options).cloned()?;
        self.set(&place, value)
    }

    /// Lets the source of a link take from the node that takes from it.
    fn circle(&mut self) -> Option<()> {
        let place = self.link()?;
        let source = text(&self.get(&place)[0]);
        let back: Vec<Place> = self.links().into_iter().filter(|(id, _)| *id == source).collect();
        let back = self.random.one_of(&back).cloned()?;
        self.set(&back, json!([place.0, 0]))
    }

    fn without_outputs(&mut self) -> Option<()> {
        let ends: Vec<String> =
            self.graph.keys().filter(|id| self.class_of(id).is_some_and(|c| c.output_node)).cloned().collect();
        for id in &ends {
            self.graph.shift_remove(id);
        }
        Some(()).filter(|()| !ends.is_empty())
    }
}
