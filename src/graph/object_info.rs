//! All classes that a server knows, as its `object_info` tells.
//!
//! The file has megabytes and a document uses a few classes, so it is only cut into classes at
//! first; each is read when somebody asks for it.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, value::RawValue};

use super::{
    class::{ClassInfo, ComboForm, InputInfo, InputKind},
    class_reader::read_class,
    convert::ClassView,
    ir::GraphNode,
    snapshot::{ModelLists, Snapshot, with_models},
};
use crate::{
    content_hash::ContentHash,
    ident::{IndexMap, did_you_mean},
};

/// The classes of a server, or of a snapshot of one.
#[derive(Clone, Debug, Default)]
pub struct NodeSet {
    classes: IndexMap<String, LazyClass>,
    live: bool,
}

#[derive(Clone, Debug)]
struct LazyClass {
    text: Arc<str>,
    range: Range<usize>,
    form: ComboForm,
    lists: ModelLists,
    /// The same class as other servers have it.
    others: Vec<(Arc<str>, Range<usize>)>,
    info: OnceLock<Box<ClassInfo>>,
    view: OnceLock<Box<ClassView>>,
}

/// Why a text is not an `object_info`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectInfoError {
    /// The text is not JSON.
    #[error("read object_info: line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A class is not described by an object.
    #[error("read object_info: class \"{class}\" is not an object")]
    NotAClass {
        /// The class.
        class: String,
    },
    /// A snapshot of a later version of this program.
    #[error("read the snapshot: it has format {format}; a newer comfywright wrote it")]
    Newer {
        /// Its format.
        format: u64,
    },
    /// A snapshot without classes.
    #[error("read the snapshot: it has no nodes")]
    NoNodes,
}

impl From<serde_json::Error> for ObjectInfoError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column(), message: error.to_string() }
    }
}

impl NodeSet {
    /// The classes that `text` describes: the JSON that `GET /object_info` returns, or a snapshot.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, ObjectInfoError> {
        Snapshot::parse(text).map(|snapshot| snapshot.nodes)
    }

    /// The classes of `raw`, whose values are parts of `text`.
    pub(super) fn of_classes(
        text: &Arc<str>,
        raw: IndexMap<String, &RawValue>,
        lists: &ModelLists,
    ) -> Result<Self, ObjectInfoError> {
        let form = form_of_combos(text);
        let mut classes = IndexMap::with_capacity_and_hasher(raw.len(), foldhash::fast::RandomState::default());
        for (name, value) in raw {
            if !value.get().starts_with('{') {
                return Err(ObjectInfoError::NotAClass { class: name });
            }
            let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
            let range = start..start + value.get().len();
            let (text, lists, others) = (text.clone(), lists.clone(), Vec::new());
            let (info, view) = (OnceLock::new(), OnceLock::new());
            classes.insert(name, LazyClass { text, range, form, lists, others, info, view });
        }
        Ok(Self { classes, live: false })
    }

    /// Whether servers told it just now, so that its lists of input files are what is there.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Says that servers told it just now.
    #[must_use]
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// The class called `name`.
    pub fn class(&self, name: &str) -> Option<&ClassInfo> {
        self.classes.get_key_value(name).map(|(name, lazy)| lazy.info(name))
    }

    /// The class called `name` as the editor draws it.
    pub(super) fn view(&self, name: &str) -> Option<&ClassView> {
        self.classes.get_key_value(name).map(|(name, lazy)| lazy.view(name))
    }

    /// Whether there is a class called `name`; cheaper than [`NodeSet::class`].
    pub fn contains(&self, name: &str) -> bool {
        self.classes.contains_key(name)
    }

    /// The names of all classes, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.classes.keys().map(String::as_str)
    }

    /// All classes, in the order of the file.
    pub fn classes(&self) -> impl Iterator<Item = &ClassInfo> {
        self.classes.iter().map(|(name, lazy)| lazy.info(name))
    }

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The signature of an input of `node`, which may stand below a dynamic one.
    pub fn input_of(&self, node: &GraphNode, name: &str) -> Option<&InputInfo> {
        self.class(&node.class)?.input_of(name, &|choice| node.text(choice))
    }

    /// The class that `name` was probably meant to be.
    pub fn suggest(&self, name: &str) -> Option<&str> {
        did_you_mean(name, self.names())
    }

    /// Adds those classes of `other` that this set does not have.
    pub fn add_missing(&mut self, other: &Self) {
        for (name, lazy) in &other.classes {
            if !self.contains(name) {
                self.classes.insert(name.clone(), lazy.clone());
            }
        }
    }

    /// Adds the classes of another server: those that this set does not have, and of the others the
    /// files and values that only the other one lists.
    pub fn add_server(&mut self, other: &Self) {
        for (name, lazy) in &other.classes {
            match self.classes.get_mut(name) {
                Some(known) => {
                    known.others.push((lazy.text.clone(), lazy.range.clone()));
                    known.info = OnceLock::new();
                }
                None => drop(self.classes.insert(name.clone(), lazy.clone())),
            }
        }
    }

    /// Hash of the signatures of all classes. Two servers that differ only in their files, or in
    /// the order of their classes, have the same.
    pub fn digest(&self) -> ContentHash {
        let mut lines: Vec<String> =
            self.classes().map(|class| format!("{} {}\n", class.signature_hash(), class.name)).collect();
        lines.sort_unstable();
        ContentHash::of_bytes(lines.concat().as_bytes())
    }
}

impl LazyClass {
    fn info(&self, name: &str) -> &ClassInfo {
        self.info.get_or_init(|| {
            let mut class = read_class(name, &with_models(&self.value(), &self.lists), self.form);
            for (text, range) in &self.others {
                add_values(&mut class, &read_class(name, &part(text, range), self.form));
            }
            Box::new(class)
        })
    }

    fn view(&self, name: &str) -> &ClassView {
        self.view.get_or_init(|| Box::new(ClassView::read(name, &with_models(&self.value(), &self.lists))))
    }

    fn value(&self) -> Value {
        part(&self.text, &self.range)
    }
}

/// The part of a text that was parsed once already, so that this yields a class; an empty one otherwise.
fn part(text: &str, range: &Range<usize>) -> Value {
    serde_json::from_str(&text[range.clone()]).unwrap_or_default()
}

/// Adds the values of lists that only `other` has.
fn add_values(class: &mut ClassInfo, other: &ClassInfo) {
    for input in &mut class.inputs {
        let InputKind::Combo { options, .. } = &mut input.kind else { continue };
        let Some(InputKind::Combo { options: more, .. }) = other.input(&input.name).map(|i| &i.kind) else { continue };
        let new: Vec<Value> = more.iter().filter(|value| !options.contains(value)).cloned().collect();
        options.extend(new);
    }
}

/// How the server that told `text` takes a `COMBO`. Until types came up that depend on other inputs,
/// servers did not compare its values. A part of what a server told, in which such types do not
/// occur, is told apart by what only later servers tell of every class.
fn form_of_combos(text: &str) -> ComboForm {
    let is_told_by_a_server = text.contains("\"python_module\"");
    let is_later = text.contains("_V3\"") || text.contains("\"is_input_list\"");
    if is_told_by_a_server && !is_later { ComboForm::Unchecked } else { ComboForm::Named }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{ComboForm, ComboSource, InputInfo, InputKind, Types, builtin, own_classes};

    fn class(value: &Value) -> ClassInfo {
        let nodes = NodeSet::parse(json!({ "X": value }).to_string()).unwrap_or_default();
        nodes.class("X").cloned().unwrap_or_default()
    }

    fn input(spec: &Value) -> InputInfo {
        class(&json!({"input": {"required": {"x": spec}}})).inputs.remove(0)
    }

    #[test]
    fn kinds_of_inputs() {
        let combo = |options: Value, source, form, multiselect| InputKind::Combo {
            options: options.as_array().cloned().unwrap_or_default(),
            source,
            form,
            multiselect,
        };
        let (list, named) = (ComboForm::List, ComboForm::Named);
        let link = |types: &str, widget| InputKind::Link { types: Types::parse(types), widget, min: None, max: None };
        let cases = [
            (
                json!(["INT", {"min": 0, "max": u64::MAX, "step": 8}]),
                InputKind::Int { min: Some(0), max: Some(i128::from(u64::MAX)), step: Some(8) },
            ),
            (
                json!(["INT", {"min": i64::MIN, "max": 1e3}]),
                InputKind::Int { min: Some(i128::from(i64::MIN)), max: Some(1000), step: None },
            ),
            (json!(["INT"]), InputKind::Int { min: None, max: None, step: None }),
            (
                json!(["FLOAT", {"min": 0, "max": 1.5, "round": false}]),
                InputKind::Float { min: Some(0.0), max: Some(1.5), step: None },
            ),
            (
                json!(["FLOAT", {"min": -i64::MAX, "max": i64::MAX}]),
                InputKind::Float {
                    min: Some(-9_223_372_036_854_774_784.0),
                    max: Some(9_223_372_036_854_774_784.0),
                    step: None,
                },
            ),
            (json!(["STRING", {"multiline": true}]), InputKind::String { multiline: true }),
            (json!(["BOOLEAN", {}]), InputKind::Bool),
            (json!([["a", "b"], {"default": "b"}]), combo(json!(["a", "b"]), ComboSource::Fixed, list, false)),
            (json!([["a", "b"]]), combo(json!(["a", "b"]), ComboSource::Fixed, list, false)),
            (
                json!(["COMBO", {"options": [5, 10], "multiselect": true}]),
                combo(json!([5, 10]), ComboSource::Fixed, named, true),
            ),
            (
                json!([["m.safetensors", "x"]]),
                combo(json!(["m.safetensors", "x"]), ComboSource::ModelFiles, list, false),
            ),
            (json!([[]]), combo(json!([]), ComboSource::ModelFiles, list, false)),
            (json!([["in.png"], {"image_upload": true}]), combo(json!(["in.png"]), ComboSource::Upload, list, false)),
            (json!(["COMBO", {"remote": {"route": "/x"}}]), combo(json!([]), ComboSource::Open, named, false)),
            (json!(["IMAGE"]), link("IMAGE", false)),
            (json!(["IMAGE", {"default": null}]), link("IMAGE", false)),
            (json!(["FLOAT,INT", {"widgetType": "FLOAT"}]), link("FLOAT,INT", true)),
            (json!(["FLOATS", {"default": 1, "forceInput": true}]), link("FLOATS", false)),
            (json!(["COLOR", {}]), link("COLOR", true)),
            (json!(["*", {}]), link("*", false)),
            (json!(["JSON", {}]), InputKind::Json),
            (json!(["COMFY_FUTURE_V9", {}]), link("COMFY_FUTURE_V9", false)),
            (json!(["COMFY_FUTURE_V3", {}]), InputKind::Opaque { type_name: "COMFY_FUTURE_V3".to_owned() }),
            (json!(["COMFY_AUTOGROW_V3", {}]), InputKind::Opaque { type_name: "COMFY_AUTOGROW_V3".to_owned() }),
            (json!([5]), InputKind::Opaque { type_name: "5".to_owned() }),
            (json!("IMAGE"), InputKind::Opaque { type_name: "null".to_owned() }),
            (json!({}), InputKind::Opaque { type_name: "null".to_owned() }),
        ];
        for (spec, kind) in cases {
            assert_eq!(input(&spec).kind, kind, "{spec}");
        }
    }

    #[test]
    fn dynamic_inputs() {
        let names = |template: Value| match input(&json!(["COMFY_AUTOGROW_V3", {"template": template}])).kind {
            InputKind::Autogrow { names, min, .. } => Some((names, min)),
            _ => None,
        };
        let one = json!({"required": {"image": ["IMAGE", {}]}});
        let expected = |names: [&str; 2], min| Some((names.map(str::to_owned).to_vec(), min));
        assert_eq!(names(json!({"input": one, "prefix": "p_", "min": 1, "max": 2})), expected(["p_0", "p_1"], 1));
        assert_eq!(names(json!({"input": one, "names": ["a", "b"]})), expected(["a", "b"], 0));
        assert_eq!(names(json!({"input": one, "max": 2})), expected(["image0", "image1"], 0));
        assert_eq!(names(json!({"input": one, "max": u64::MAX})).map(|(names, _)| names.len()), Some(100));
        let nested = json!({"key": "k", "inputs": {"required": {"a": ["INT"]}, "optional": {"b": [["x"]]}}});
        let kind = input(&json!(["COMFY_DYNAMICCOMBO_V3", {"options": [nested]}])).kind;
        let InputKind::DynamicCombo { options } = kind else { return assert_eq!(format!("{kind:?}"), "a choice") };
        let found: Vec<(&str, bool)> = options[0].inputs.iter().map(|i| (i.name.as_str(), i.required)).collect();
        assert_eq!((options[0].key.as_str(), found), ("k", vec![("a", true), ("b", false)]));
    }

    #[test]
    fn facts_of_inputs_and_classes() {
        let seed = input(&json!(["INT", {"default": 7, "control_after_generate": true, "tooltip": "help"}]));
        assert!(seed.control_after_generate && seed.required && !seed.force_input && !seed.takes_files);
        assert_eq!((seed.default, seed.tooltip.as_deref()), (Some(json!(7)), Some("help")));
        assert!(input(&json!(["STRING", {"forceInput": true}])).force_input);
        assert!(input(&json!(["IMAGE", {"lazy": true}])).lazy);
        assert!(input(&json!([[], {"image_upload": true}])).takes_files);
        assert!(input(&json!(["IMAGE", {"files": true}])).takes_files);
        let info = class(&json!({
            "input": {"required": {"b": ["INT"], "a": ["INT"], "c": ["INT"]}, "optional": {"o": ["INT"]},
                      "hidden": {"prompt": "PROMPT"}},
            "input_order": {"required": ["a", "gone", "b"]},
            "output": ["IMAGE", ["x", "y"], "COMFY_MATCHTYPE_V3"], "output_name": ["picture"],
            "output_matchtypes": [null, null, "t"], "output_is_list": [true],
            "output_node": true, "api_node": true, "deprecated": true, "experimental": true, "display_name": "",
        }));
        let inputs: Vec<(&str, bool)> = info.inputs.iter().map(|i| (i.name.as_str(), i.required)).collect();
        assert_eq!(inputs, [("a", true), ("b", true), ("c", true), ("o", false)], "the stated order, nothing lost");
        let outputs: Vec<_> = info.outputs.iter().map(|o| (o.name.as_str(), o.types.to_string(), o.is_list)).collect();
        let text = str::to_owned;
        assert_eq!(
            outputs,
            [
                ("picture", text("IMAGE"), true),
                ("COMBO", text("COMBO"), false),
                ("COMFY_MATCHTYPE_V3", text("*"), false)
            ]
        );
        assert_eq!(info.outputs[2].match_template.as_deref(), Some("t"));
        assert!(info.output_node && info.api_node && info.deprecated && info.experimental);
        assert_eq!((info.hidden, info.display_name.as_str()), (vec![text("prompt")], "X"));
    }

    #[test]
    fn modules_packs_and_values_of_outputs() {
        let info = class(&json!({"python_module": "custom_nodes.Impact-Pack.nodes", "output": [["a", "b"], "INT"]}));
        assert_eq!((info.pack(), info.is_core()), (Some("Impact-Pack"), false));
        assert_eq!(info.outputs[0].values, Some(vec![json!("a"), json!("b")]));
        assert_eq!(info.outputs[1].values, None);
        for (module, pack, is_core) in [("nodes", None, true), ("comfy_extras.nodes_x", None, true), ("", None, false)]
        {
            let info = class(&json!({ "python_module": module }));
            assert_eq!((info.pack(), info.is_core()), (pack, is_core), "{module}");
        }
    }

    #[test]
    fn only_later_servers_compare_named_values() -> Result<(), ObjectInfoError> {
        let form = |rest: &str| {
            let combo = r#""A": {"input": {"required": {"x": ["COMBO", {"options": ["a"]}]}}}"#;
            let nodes = NodeSet::parse(format!("{{{combo}{rest}}}"))?;
            let Some(InputKind::Combo { form, .. }) = nodes.class("A").map(|c| c.inputs[0].kind.clone()) else {
                return Ok::<_, ObjectInfoError>(None);
            };
            Ok(Some(form))
        };
        assert_eq!(form("")?, Some(ComboForm::Named), "nothing says how old the server is");
        assert_eq!(form(r#", "B": {"python_module": "nodes"}"#)?, Some(ComboForm::Unchecked));
        assert_eq!(form(r#", "B": {"python_module": "nodes", "is_input_list": false}"#)?, Some(ComboForm::Named));
        let dynamic = r#", "B": {"python_module": "nodes", "input": {"required": {"y": ["COMFY_AUTOGROW_V3", {}]}}}"#;
        assert_eq!(form(dynamic)?, Some(ComboForm::Named));
        Ok(())
    }

    #[test]
    fn signatures_notice_types_and_nothing_else() {
        let hash =
            |spec: Value| class(&json!({"input": {"required": {"x": spec}}, "output": ["IMAGE"]})).signature_hash();
        let old = hash(json!([["a.ckpt"]]));
        assert_eq!(old, hash(json!([["b.ckpt", "c.ckpt"], {"tooltip": "t"}])), "the list of models");
        assert_eq!(old, hash(json!(["COMBO", {"options": []}])), "the way of writing");
        assert_eq!(hash(json!(["INT", {"min": 1}])), hash(json!(["INT", {"min": 2, "default": 5}])));
        assert_ne!(hash(json!(["INT"])), hash(json!(["FLOAT"])));
        let dynamic = |inputs: Value| json!(["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "k", "inputs": inputs}]}]);
        assert_ne!(hash(dynamic(json!({}))), hash(dynamic(json!({"required": {"a": ["INT"]}}))));
        let base = class(&json!({"input": {"required": {"x": ["INT"]}}, "output": ["IMAGE"]}));
        for other in [
            json!({"input": {"optional": {"x": ["INT"]}}, "output": ["IMAGE"]}),
            json!({"input": {"required": {"y": ["INT"]}}, "output": ["IMAGE"]}),
            json!({"input": {"required": {"x": ["INT"]}}, "output": ["MASK"]}),
            json!({"input": {"required": {"x": ["INT"]}}, "output": ["IMAGE"], "output_name": ["picture"]}),
        ] {
            assert_ne!(base.signature_hash(), class(&other).signature_hash(), "{other}");
        }
    }

    #[test]
    fn the_digest_ignores_order_and_files() -> Result<(), ObjectInfoError> {
        let a = NodeSet::parse(r#"{"A": {"input": {"required": {"m": [["x.ckpt"]]}}}, "B": {"output": ["INT"]}}"#)?;
        let b = NodeSet::parse(
            "\u{feff}{\"B\": {\"output\": [\"INT\"]}, \"A\": {\"input\": {\"required\": {\"m\": [[]]}}}}",
        )?;
        assert_eq!(a.digest(), b.digest());
        assert_ne!(a.digest(), NodeSet::parse(r#"{"A": {}, "B": {"output": ["INT"]}}"#)?.digest());
        Ok(())
    }

    #[test]
    fn what_is_no_object_info_is_refused() {
        let message =
            |text: &str| NodeSet::parse(text).map_or_else(|e| e.to_string(), |n| format!("{} classes", n.len()));
        assert!(message("{\n]").starts_with("read object_info: line 2, column 1: "), "{}", message("{\n]"));
        assert!(message("[]").starts_with("read object_info: line 1"));
        assert_eq!(message(r#"{"A": 5}"#), "read object_info: class \"A\" is not an object");
        assert_eq!(message("{}"), "0 classes");
        assert_eq!(message(r#"{"A": {"input": 5, "output": "x", "output_name": {}}}"#), "1 classes");
        // Read lazily, and still no panic.
        let odd = r#"{"A": {"input": {"required": [], "optional": {"x": 5, "y": [], "z": null}}, "output": {}}}"#;
        let inputs = NodeSet::parse(odd).map(|n| n.class("A").map_or(0, |c| c.inputs.len()));
        assert_eq!(inputs, Ok(3));
    }

    #[test]
    fn what_one_of_several_servers_lists_is_known() -> Result<(), ObjectInfoError> {
        let server = |files: &str, rest: &str| {
            NodeSet::parse(format!(r#"{{"L": {{"input": {{"required": {{"m": [[{files}]]}}}}}}{rest}}}"#))
        };
        let mut both = server(r#""a.ckpt""#, "")?;
        assert_eq!(both.class("L").map(|c| c.inputs.len()), Some(1), "read before the other is added");
        both.add_server(&server(r#""a.ckpt", "b.ckpt""#, r#", "X": {}"#)?);
        let options = both.class("L").and_then(|c| match &c.inputs[0].kind {
            InputKind::Combo { options, .. } => Some(options.clone()),
            _ => None,
        });
        assert_eq!(options, Some(vec![json!("a.ckpt"), json!("b.ckpt")]));
        assert!(both.contains("X"));
        Ok(())
    }

    #[test]
    fn the_built_in_files_parse_and_are_complete() -> Result<(), ObjectInfoError> {
        let native = NodeSet::parse(include_str!("native_nodes.json"))?;
        let own = NodeSet::parse(include_str!("own_nodes.json"))?;
        assert_eq!(native.len() + own.len(), builtin().len());
        assert_eq!(own.names().collect::<Vec<_>>(), own_classes().names().collect::<Vec<_>>());
        for class in builtin().classes() {
            assert!(!class.inputs.is_empty(), "{} has inputs", class.name);
            assert!(class.output_node || !class.outputs.is_empty(), "{} gives something", class.name);
            for input in &class.inputs {
                assert!(!matches!(input.kind, InputKind::Opaque { .. }), "{}.{}", class.name, input.name);
                let of_files = matches!(&input.kind, InputKind::Combo { source: ComboSource::ModelFiles, .. });
                assert!(!of_files, "{}.{} lists no files of a machine", class.name, input.name);
            }
        }
        assert!(own.classes().all(|c| !c.description.is_empty() && c.inputs.iter().all(|i| i.tooltip.is_some())));
        let takes_files: Vec<String> = builtin()
            .classes()
            .flat_map(|c| c.inputs.iter().filter(|i| i.takes_files).map(|i| format!("{}.{}", c.name, i.name)))
            .collect();
        assert_eq!(
            takes_files,
            [
                "LoadImage.image",
                "LoadImageMask.image",
                "ComfywrightMask.files",
                "ComfywrightContactSheet.images",
                "ComfywrightExport.images"
            ]
        );
        Ok(())
    }
}
