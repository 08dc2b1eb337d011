//! What graphs need of a server: node classes and model files, and what of it a server lacks.
//!
//! Knows neither documents nor servers, only graphs and signatures.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    class::{ComboSource, InputKind},
    coerce::{CoerceError, coerce_value, is_model_file},
    ir::{Graph, Input},
    object_info::NodeSet,
};

/// What graphs need of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphNeeds {
    /// Node classes.
    pub classes: BTreeSet<String>,
    /// Files of models.
    pub files: BTreeSet<NeededFile>,
}

/// A model file that an input names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededFile {
    /// Class of the node.
    pub class: String,
    /// The input.
    pub input: String,
    /// The file, as the server lists it: it may have folders.
    pub name: String,
}

/// Folders below `models`, by the input that names a file in it.
const FOLDERS: [(&str, &str); 13] = [
    ("ckpt_name", "checkpoints"),
    ("clip_name", "text_encoders"),
    ("clip_name1", "text_encoders"),
    ("clip_name2", "text_encoders"),
    ("clip_name3", "text_encoders"),
    ("control_net_name", "controlnet"),
    ("gligen_name", "gligen"),
    ("hypernetwork_name", "hypernetworks"),
    ("lora_name", "loras"),
    ("style_model_name", "style_models"),
    ("unet_name", "diffusion_models"),
    ("vae_name", "vae"),
    ("model_name", "upscale_models"),
];

impl NeededFile {
    /// The folder below `models` in which ComfyUI looks for it, where that is known.
    pub fn folder(&self) -> Option<&'static str> {
        match (self.class.as_str(), self.input.as_str()) {
            ("CLIPVisionLoader", _) => Some("clip_vision"),
            ("unCLIPCheckpointLoader", _) => Some("checkpoints"),
            // Many custom nodes have an input of this name.
            (class, "model_name") if class != "UpscaleModelLoader" => None,
            (_, input) => FOLDERS.iter().find(|(name, _)| *name == input).map(|(_, folder)| *folder),
        }
    }

    /// Folder and name, as people call it: `loras/detail.safetensors`. A file of which the folder is
    /// not known is called after the input that names it.
    pub fn path(&self) -> String {
        match self.folder() {
            Some(folder) => format!("{folder}/{}", self.name),
            None => format!("{}.{}/{}", self.class, self.input, self.name),
        }
    }
}

/// Something that a server lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// A node class.
    Class {
        /// The class.
        class: String,
        /// The class with the nearest name.
        nearest: Option<String>,
    },
    /// A model file.
    File {
        /// The file and who wants it.
        file: NeededFile,
        /// The file with the nearest name.
        nearest: Option<String>,
    },
}

impl GraphNeeds {
    /// Adds what `graph` needs. Where `nodes` does not know a class, a text that looks like the name
    /// of a model file is one.
    pub fn add(&mut self, graph: &Graph, nodes: &NodeSet) {
        for node in graph.nodes.values() {
            if !self.classes.contains(&node.class) {
                self.classes.insert(node.class.clone());
            }
            let class = nodes.class(&node.class);
            for (input, value) in &node.inputs {
                let Input::Value(value @ Value::String(name)) = value else { continue };
                let kind = class.map(|c| c.input(input).map(|i| &i.kind));
                let is_file = match kind {
                    Some(Some(InputKind::Combo { source: ComboSource::ModelFiles, .. })) => true,
                    // A folder that was empty beside values that are built in, or nothing known.
                    Some(Some(InputKind::Combo { source: ComboSource::Fixed, .. })) | None => is_model_file(value),
                    _ => false,
                };
                if is_file {
                    let (class, input) = (node.class.clone(), input.clone());
                    self.files.insert(NeededFile { class, input, name: name.clone() });
                }
            }
        }
    }

    /// Adds what `other` has.
    pub fn extend(&mut self, other: &Self) {
        self.classes.extend(other.classes.iter().cloned());
        self.files.extend(other.files.iter().cloned());
    }

    /// What a server with the classes `nodes` lacks. Files of a class that it lacks are not judged.
    pub fn lacking(&self, nodes: &NodeSet) -> Vec<Lack> {
        let classes = self.classes.iter().filter(|class| !nodes.contains(class));
        let classes =
            classes.map(|class| Lack::Class { class: class.clone(), nearest: nodes.suggest(class).map(str::to_owned) });
        classes.chain(self.files.iter().filter_map(|file| lacking_file(file, nodes))).collect()
    }
}

fn lacking_file(file: &NeededFile, nodes: &NodeSet) -> Option<Lack> {
    let info = nodes.class(&file.class)?.input(&file.input)?;
    match coerce_value(&info.kind, &Value::from(file.name.as_str())) {
        Err(CoerceError::NotInList { suggestion, .. }) => {
            Some(Lack::File { file: file.clone(), nearest: suggestion.filter(|near| is_model_file(&near[..].into())) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::from_api;

    fn needs(nodes: &NodeSet) -> GraphNeeds {
        let graph = from_api(&serde_json::json!({
            "1": {"class_type": "Loader", "inputs": {"name": "b.safetensors", "mode": "fast"}},
            "2": {"class_type": "Vae", "inputs": {"name": "x.pt"}},
            "3": {"class_type": "Gone", "inputs": {"name": "sub/y.gguf", "text": "a text", "from": ["1", 0]}},
            "4": {"class_type": "Text", "inputs": {"text": "model.ckpt"}},
        }));
        let mut needs = GraphNeeds::default();
        needs.add(&graph.unwrap_or_default(), nodes);
        needs
    }

    fn server(files: &str) -> NodeSet {
        NodeSet::parse(format!(
            r#"{{"Loader": {{"input": {{"required": {{"name": [[{files}]], "mode": [["fast", "slow"]]}}}}}},
                "Vae": {{"input": {{"required": {{"name": [["pixel_space"]]}}}}}},
                "Gome": {{}}, "Text": {{"input": {{"required": {{"text": ["STRING"]}}}}}}}}"#
        ))
        .unwrap_or_default()
    }

    #[test]
    fn classes_and_files_are_found() {
        let nodes = server(r#""a.safetensors", "b.safetensors""#);
        let needs = needs(&nodes);
        assert_eq!(needs.classes.iter().map(String::as_str).collect::<Vec<_>>(), ["Gone", "Loader", "Text", "Vae"]);
        let files: Vec<_> = needs.files.iter().map(|f| (f.class.as_str(), f.name.as_str())).collect();
        assert_eq!(files, [("Gone", "sub/y.gguf"), ("Loader", "b.safetensors"), ("Vae", "x.pt")]);
        let mut twice = needs.clone();
        twice.extend(&needs);
        assert_eq!(twice, needs);
    }

    #[test]
    fn what_is_lacking_is_named_with_what_is_near() {
        let known = needs(&server(r#""a.safetensors", "b.safetensors""#));
        let lacks = known.lacking(&server(r#""a.safetensors""#));
        let told: Vec<_> = lacks
            .iter()
            .map(|lack| match lack {
                Lack::Class { class, nearest } => (class.as_str(), nearest.as_deref()),
                Lack::File { file, nearest } => (file.name.as_str(), nearest.as_deref()),
            })
            .collect();
        assert_eq!(told, [("Gone", Some("Gome")), ("b.safetensors", Some("a.safetensors")), ("x.pt", None)]);
        assert_eq!(known.lacking(&server(r#""b.safetensors""#)).len(), 2, "the class and the VAE");
    }
}
