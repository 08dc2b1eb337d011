//! Graphs that the server carries out, from which mutants are made: written ones, the shipped
//! presets, and one for each class of the server.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use comfywright::{
    app::{JobOptions, Session, SessionOptions, make_job},
    graph::{ClassInfo, ComboSource, InputInfo, InputKind, NodeSet, Types, to_api},
    model::{Body, Kind, ParamType, Preset},
};
use serde_json::{Map, Value, json};

use crate::{
    comfyui::CHECKPOINT,
    server::{LORA, PICTURE},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Side of pictures and latents, in pixels.
const SIDE: i64 = 64;

/// Deepest that what a class needs is looked for.
const DEEPEST: usize = 3;

/// Classes that make each type, in a graph of few and quick nodes.
const MAKERS: &[(&str, &str, usize)] = &[
    ("IMAGE", "EmptyImage", 0),
    ("MASK", "SolidMask", 0),
    ("LATENT", "EmptyLatentImage", 0),
    ("MODEL", "CheckpointLoaderSimple", 0),
    ("CLIP", "CheckpointLoaderSimple", 1),
    ("VAE", "CheckpointLoaderSimple", 2),
    ("CONDITIONING", "CLIPTextEncode", 0),
    ("SIGMAS", "BasicScheduler", 0),
    ("SAMPLER", "KSamplerSelect", 0),
    ("NOISE", "RandomNoise", 0),
    ("GUIDER", "BasicGuider", 0),
    ("AUDIO", "EmptyAudio", 0),
    ("VIDEO", "CreateVideo", 0),
    ("TIMESTEPS_RANGE", "ConditioningTimestepsRange", 0),
    ("HOOK_KEYFRAMES", "CreateHookKeyframe", 0),
    ("HOOKS", "CreateHookLora", 0),
    ("LATENT_OPERATION", "LatentOperationTonemapReinhard", 0),
    ("*", "EmptyImage", 0),
    ("STRING", "PrimitiveString", 0),
    ("INT", "PrimitiveInt", 0),
    ("FLOAT", "PrimitiveFloat", 0),
    ("BOOLEAN", "PrimitiveBoolean", 0),
];

/// What shows each type.
const SHOWERS: &[(&str, &str, &str)] = &[("IMAGE", "PreviewImage", "images"), ("MASK", "MaskPreview", "mask")];

/// All graphs by name: `graph/NAME`, `preset/NAME`, `class/NAME`.
pub fn all(nodes: &Arc<NodeSet>) -> BTreeMap<String, Value> {
    let mut graphs = written();
    graphs.extend(presets(nodes));
    graphs.extend(classes(nodes));
    graphs
}

fn written() -> BTreeMap<String, Value> {
    let mut graphs = BTreeMap::new();
    for entry in fs::read_dir(Path::new(ROOT).join("fixtures/graph/server")).expect("a folder") {
        let path = entry.expect("readable").path();
        let text = fs::read_to_string(&path).expect("text");
        let text = text.replace("CHECKPOINT", CHECKPOINT).replace("PICTURE", PICTURE).replace("LORA", LORA);
        let name = path.file_stem().expect("a name").to_string_lossy();
        graphs.insert(format!("graph/{name}"), serde_json::from_str(&text).expect("JSON"));
    }
    graphs
}

/// The shipped presets with small settings, as far as they can be made ready with these classes.
fn presets(nodes: &Arc<NodeSet>) -> BTreeMap<String, Value> {
    let options = SessionOptions { start: Some(ROOT.into()), ..SessionOptions::default() };
    let session = Session::open(&options).expect("the project");
    let mut graphs = BTreeMap::new();
    for loaded in session.workspace.documents() {
        let Some(identity) = loaded.identity.as_ref().filter(|i| i.kind == Kind::Preset) else { continue };
        let Some(Body::Preset(preset)) = loaded.parsed.value.as_ref().map(|d| &d.body) else { continue };
        let options = JobOptions { set: small_settings(preset), ..JobOptions::default() };
        let Ok(job) = make_job(&session, loaded, &options, nodes) else { continue };
        let Some(graph) = job.program.tasks.first().and_then(|task| task.sample.as_ref()) else { continue };
        graphs.insert(format!("preset/{}", identity.name), to_api(graph, &mut |_| json!(PICTURE)));
    }
    graphs
}

fn small_settings(preset: &Preset) -> comfywright::model::ValueMap {
    let mut settings = comfywright::model::ValueMap::default();
    for (name, param) in &preset.params {
        let value = match (name.as_str(), param.kind) {
            ("checkpoint", _) => json!(CHECKPOINT),
            ("steps", _) => json!(2),
            ("width" | "height", _) => json!(SIDE),
            (_, ParamType::Image | ParamType::Mask) => json!("../fixtures/photos/camera.png"),
            (_, ParamType::String) if param.required => json!("a red bicycle"),
            _ => continue,
        };
        settings.insert(name.clone(), value);
    }
    settings
}

/// A graph for each class that can be linked up, with small values.
fn classes(nodes: &NodeSet) -> BTreeMap<String, Value> {
    let local = nodes.classes().filter(|class| !class.api_node && !class.module.is_empty() && !is_left_out(class));
    let built = local.filter_map(|class| {
        let mut builder = Builder { nodes, graph: Map::new() };
        let id = builder.node(class, 0)?;
        builder.show(class, &id)?;
        Some((format!("class/{}", class.name), Value::Object(builder.graph)))
    });
    built.collect()
}

/// Classes that write outside the output folder, wait for somebody, or work for minutes.
fn is_left_out(class: &ClassInfo) -> bool {
    let parts = ["Train", "DataSet", "Webcam", "Load3D", "Record", "TorchCompile", "ModelSave", "CheckpointSave"];
    parts.iter().any(|part| class.name.contains(part))
}

struct Builder<'a> {
    nodes: &'a NodeSet,
    graph: Map<String, Value>,
}

impl Builder<'_> {
    /// Adds a node of `class` with what it requires; gives its id.
    fn node(&mut self, class: &ClassInfo, depth: usize) -> Option<String> {
        let mut inputs = Map::new();
        for input in class.inputs.iter().filter(|input| input.required) {
            inputs.insert(input.name.clone(), self.value(input, depth)?);
        }
        let id = (self.graph.len() + 1).to_string();
        self.graph.insert(id.clone(), json!({ "class_type": class.name, "inputs": inputs }));
        Some(id)
    }

    fn value(&mut self, input: &InputInfo, depth: usize) -> Option<Value> {
        match &input.kind {
            InputKind::Int { min, max, .. } => {
                let default = input.default.as_ref().and_then(Value::as_i64).unwrap_or(1);
                let least = min.map_or(i64::MIN, |min| min.max(i128::from(i64::MIN)) as i64);
                let most = max.map_or(i64::MAX, |max| max.min(i128::from(i64::MAX)) as i64);
                Some(json!(small(&input.name, default).clamp(least, most)))
            }
            InputKind::Float { min, .. } => Some(input.default.clone().unwrap_or_else(|| json!(min.unwrap_or(1.0)))),
            InputKind::String { .. } => Some(input.default.clone().unwrap_or_else(|| json!("a cat"))),
            InputKind::Bool => Some(input.default.clone().unwrap_or_else(|| json!(false))),
            InputKind::Combo {
                options,
                source: ComboSource::Fixed | ComboSource::ModelFiles | ComboSource::Upload,
                ..
            } => input.default.clone().filter(|default| options.contains(default)).or_else(|| options.first().cloned()),
            InputKind::Link { types, .. } => self.made(types, depth),
            _ => None,
        }
    }

    /// A link to something of one of `types`.
    fn made(&mut self, types: &Types, depth: usize) -> Option<Value> {
        if depth >= DEEPEST {
            return None;
        }
        let (_, class, output) = MAKERS.iter().find(|(made, ..)| types.contains(made))?;
        let known = self.graph.iter().find(|(_, node)| node["class_type"] == *class).map(|(id, _)| id.clone());
        let id = match known {
            Some(id) => id,
            None => self.node(self.nodes.class(class)?, depth + 1)?,
        };
        Some(json!([id, output]))
    }

    /// Shows the first output of node `id`, unless its class ends a graph itself.
    fn show(&mut self, class: &ClassInfo, id: &str) -> Option<()> {
        if class.output_node {
            return Some(());
        }
        let types = &class.outputs.first()?.types;
        let shower = SHOWERS.iter().find(|(shown, ..)| types.contains(shown));
        let (name, input) = shower.map_or(("PreviewAny", "source"), |(_, class, input)| (*class, *input));
        self.nodes.class(name)?;
        let node = json!({ "class_type": name, "inputs": { input: [id, 0] } });
        self.graph.insert((self.graph.len() + 1).to_string(), node);
        Some(())
    }
}

/// A default that makes little work.
fn small(name: &str, default: i64) -> i64 {
    match name {
        "width" | "height" => SIDE,
        "steps" => 2,
        "batch_size" | "length" | "frames" | "amount" => 1,
        _ if default > 256 && !name.contains("seed") => SIDE,
        _ => default,
    }
}
