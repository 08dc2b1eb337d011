//! A class as the editor sees it: its inputs in their order, with those that the editor adds by
//! itself.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    js,
    spec::{Name, Spec, section},
};

/// Classes that play what they save or load.
const PLAYERS: [&str; 6] =
    ["LoadAudio", "SaveAudio", "PreviewAudio", "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced"];

/// Classes whose `filename_prefix` may quote widgets of other nodes.
const SAVERS: [&str; 20] = [
    "SaveImage",
    "SaveImageAdvanced",
    "SaveSVGNode",
    "SaveVideo",
    "SaveAnimatedWEBP",
    "SaveWEBM",
    "SaveAudio",
    "SaveAudioMP3",
    "SaveAudioOpus",
    "SaveAudioAdvanced",
    "SaveGLB",
    "Save3DAdvanced",
    "SaveGaussianSplat",
    "SavePointCloud",
    "SaveAnimatedPNG",
    "CLIPSave",
    "VAESave",
    "ModelSave",
    "LoraSave",
    "SaveLatent",
];

/// A class as the editor sees it.
#[derive(Clone, Debug)]
pub(in crate::graph) struct ClassView {
    /// The class.
    pub(super) name: Name,
    /// Its name for people.
    pub(super) title: Name,
    /// Its inputs in the order in which they are drawn.
    pub(super) inputs: Vec<Arc<Spec>>,
    /// The same in the order in which the class lists them.
    pub(super) listed: Vec<Arc<Spec>>,
    /// The types of its outputs.
    pub(super) outputs: Vec<Name>,
    /// For each output the inputs that decide its type, if any.
    pub(super) output_templates: Vec<Option<Name>>,
}

impl ClassView {
    /// The class that `value` describes under the name `name`.
    pub(in crate::graph) fn read(name: &str, value: &Value) -> Self {
        let sections = sections_as_drawn(name, &value["input"]);
        let mut listed = section(&sections["required"], false);
        listed.extend(section(&sections["optional"], true));
        let title = value["display_name"].as_str().filter(|title| !title.is_empty()).unwrap_or(name);
        let outputs: Vec<Name> = value["output"].as_array().into_iter().flatten().map(output_type).collect();
        let template = |index: usize| value["output_matchtypes"][index].as_str().map(Name::from);
        Self {
            name: Name::from(name),
            title: Name::from(title),
            inputs: ordered(&listed, &value["input_order"]),
            listed,
            output_templates: (0..outputs.len()).map(template).collect(),
            outputs,
        }
    }

    /// An input at the top level.
    pub(super) fn input(&self, name: &str) -> Option<&Arc<Spec>> {
        self.listed.iter().find(|spec| &*spec.name == name)
    }

    /// Whether the name of its files may quote widgets of other nodes.
    pub(super) fn is_saver(&self) -> bool {
        SAVERS.contains(&&*self.name)
    }
}

fn output_type(value: &Value) -> Name {
    match value.as_str() {
        Some("COMFY_MATCHTYPE_V3") => Name::from("*"),
        Some(kind) => Name::from(kind),
        None => Name::from("COMBO"),
    }
}

/// The sections of a class with what the editor adds or changes there.
fn sections_as_drawn(name: &str, sections: &Value) -> Value {
    let mut sections = sections.clone();
    if let Some(optional) = sections.get_mut("optional").and_then(Value::as_object_mut) {
        optional.values_mut().for_each(force_where_a_socket_is_the_default);
    }
    let Some(required) = sections.get_mut("required").and_then(Value::as_object_mut) else { return sections };
    if PLAYERS.contains(&name) {
        required.insert("audioUI".to_owned(), json!(["AUDIO_UI", {}]));
    }
    if name == "Load3DAdvanced" {
        required.insert("viewport_state".to_owned(), json!(["LOAD_3D_ADVANCED", {}]));
    }
    if name == "SaveGLB" {
        required.insert("image".to_owned(), json!(["PREVIEW_3D"]));
    }
    if name == "Preview3D" {
        required.insert("image".to_owned(), json!(["PREVIEW_3D"]));
    }
    if required.get("audio").is_some_and(|spec| spec[1]["audio_upload"] == true) {
        required.insert("upload".to_owned(), json!(["AUDIOUPLOAD", {}]));
    }
    if let Some(upload) = upload_button(required) {
        required.insert("upload".to_owned(), upload);
    }
    sections
}

fn force_where_a_socket_is_the_default(spec: &mut Value) {
    if spec.get(1).is_some_and(|options| options.get("defaultInput").is_some_and(js::truthy)) {
        spec[1]["forceInput"] = Value::Bool(true);
    }
}

/// The button for the first input whose files can be uploaded.
fn upload_button(required: &Map<String, Value>) -> Option<Value> {
    let is_media = |spec: &&Value| {
        let uploads = ["image_upload", "video_upload", "animated_image_upload"];
        (spec[0].is_array() || spec[0] == "COMBO") && uploads.iter().any(|key| spec[1][*key] == true)
    };
    js::members(required).into_iter().map(|(_, spec)| spec).find(is_media).map(|_| json!(["IMAGEUPLOAD", {}]))
}

/// The inputs by the order that the class states; what it forgets comes last.
fn ordered(listed: &[Arc<Spec>], order: &Value) -> Vec<Arc<Spec>> {
    if !order.is_object() {
        return listed.to_vec();
    }
    let mut out: Vec<Arc<Spec>> = Vec::with_capacity(listed.len());
    for (section, optional) in [("required", false), ("optional", true)] {
        for name in order[section].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let found = listed.iter().find(|spec| &*spec.name == name && spec.optional == optional);
            if let Some(spec) = found.filter(|spec| !out.iter().any(|known| known.name == spec.name)) {
                out.push(spec.clone());
            }
        }
    }
    let forgotten: Vec<_> =
        listed.iter().filter(|spec| !out.iter().any(|known| known.name == spec.name)).cloned().collect();
    out.extend(forgotten);
    out
}
