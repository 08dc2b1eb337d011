//! Snapshots of servers: what a server can do, as a file that a team keeps in git.
//!
//! A snapshot holds what graphs are judged by (types, ranges, lists, flags), the lists of model files,
//! and versions; classes by name, inputs in the order of their class, one input a line. A list of
//! model files stands once, by its folder, and classes refer to it: `{"models": "loras"}`. So a new
//! LoRA is one new line.

mod layout;
mod read;
mod trim;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use read::Snapshot;
pub(super) use read::{ModelLists, with_models};

use super::object_info::ObjectInfoError;

/// The version of the file that this program writes, and the newest that it reads.
pub const SNAPSHOT_FORMAT: u64 = 1;

/// The key that makes a file a snapshot; its value is the version of the file.
const FORMAT_KEY: &str = "comfywright_snapshot";

/// In place of a list of model files: the folder whose list it is, and what stands before and after its files.
const MODELS_KEY: &str = "models";
const BEFORE_KEY: &str = "before";
const AFTER_KEY: &str = "after";

/// The programs of a server, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// ComfyUI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comfyui: Option<String>,
    /// Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// `PyTorch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pytorch: Option<String>,
    /// Packs of custom nodes by name, with their versions; `unknown` where the server does not say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub packs: BTreeMap<String, String>,
}

/// Lists of model files by folder: `loras` has `detail.safetensors`.
pub type ModelFolders = BTreeMap<String, Vec<String>>;

/// What a server said, on its way into a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotParts<'a> {
    /// The text that `GET /object_info` returned.
    pub object_info: &'a str,
    /// Its model files.
    pub models: &'a ModelFolders,
    /// Its programs. Packs that only its classes name are added.
    pub versions: &'a Versions,
    /// Whether to keep the texts for people, too.
    pub full: bool,
}

/// The text of the snapshot: the same for the same facts.
pub fn write_snapshot(parts: &SnapshotParts<'_>) -> Result<String, ObjectInfoError> {
    let classes: BTreeMap<String, Value> = serde_json::from_str(parts.object_info.trim_start_matches('\u{feff}'))?;
    if let Some((class, _)) = classes.iter().find(|(_, value)| !value.is_object()) {
        return Err(ObjectInfoError::NotAClass { class: class.clone() });
    }
    let mut versions = parts.versions.clone();
    for pack in classes.values().filter_map(pack_of) {
        versions.packs.entry(pack.to_owned()).or_insert_with(|| UNKNOWN.to_owned());
    }
    let mut models = parts.models.clone();
    models.retain(|_, files| !files.is_empty());
    models.values_mut().for_each(|files| files.sort_unstable());
    let trim = trim::Trim { models: &models, full: parts.full };
    let nodes: Map<String, Value> =
        classes.into_iter().map(|(name, class)| (name.clone(), trim.class(&name, &class))).collect();
    let snapshot = json!({ FORMAT_KEY: SNAPSHOT_FORMAT, "versions": versions, "models": models, "nodes": nodes });
    Ok(layout::print(&snapshot))
}

/// In place of a version that nobody tells.
const UNKNOWN: &str = "unknown";

/// The pack of custom nodes that a class comes from: `custom_nodes.NAME`.
fn pack_of(class: &Value) -> Option<&str> {
    let module = class["python_module"].as_str()?.strip_prefix("custom_nodes.")?;
    Some(module).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ClassInfo, ComboSource, InputInfo, InputKind, NodeSet};

    const SERVER: &str = r#"{
        "Sampler": {"name": "Sampler", "display_name": "A sampler", "description": "prose", "category": "x",
            "python_module": "nodes", "output_node": false, "deprecated": null,
            "input": {"required": {"steps": ["INT", {"tooltip": "prose", "max": 100, "min": 1, "lazy": false}],
                                   "model": ["MODEL", {}]},
                      "hidden": {"prompt": "PROMPT"}},
            "input_order": {"required": ["model", "steps"], "hidden": ["prompt"]},
            "output": ["LATENT", ["a", "b"]], "output_name": ["LATENT", "choice"], "output_is_list": [false, false]},
        "Loader": {"python_module": "custom_nodes.Some-Pack", "output": ["MODEL"], "output_name": ["MODEL"],
            "input": {"required": {"lora": [["a.safetensors", "b.safetensors"], {"tooltip": "prose"}],
                                   "vae": [["pixel_space", "v.safetensors"]],
                                   "or_none": [["None", "a.safetensors", "b.safetensors", "last"]],
                                   "image": [["mine.png"], {"image_upload": true}]},
                      "optional": {"mode": ["COMFY_DYNAMICCOMBO_V3", {"options": [
                          {"key": "k", "inputs": {"required": {"again": ["COMBO", {"options": ["a.safetensors", "b.safetensors"]}]}}}]}]}}}
    }"#;

    fn parts(models: &ModelFolders, full: bool) -> SnapshotParts<'_> {
        static VERSIONS: Versions = Versions { comfyui: None, python: None, pytorch: None, packs: BTreeMap::new() };
        SnapshotParts { object_info: SERVER, models, versions: &VERSIONS, full }
    }

    fn models(loras: &[&str]) -> ModelFolders {
        let list = |files: &[&str]| files.iter().map(|f| (*f).to_owned()).collect();
        BTreeMap::from([("loras".to_owned(), list(loras)), ("vae".to_owned(), Vec::new())])
    }

    #[test]
    fn a_snapshot_is_read_as_what_the_server_said() {
        let said = NodeSet::parse(SERVER).unwrap();
        for full in [false, true] {
            let text = write_snapshot(&parts(&models(&["b.safetensors", "a.safetensors"]), full)).unwrap();
            let snapshot = Snapshot::parse(text.as_str()).unwrap();
            assert_eq!(snapshot.nodes.digest(), said.digest());
            assert_eq!(snapshot.versions.packs, BTreeMap::from([("Some-Pack".to_owned(), UNKNOWN.to_owned())]));
            assert_eq!(snapshot.models.len(), 1);
            for class in said.classes() {
                let kept = snapshot.nodes.class(&class.name).unwrap();
                assert_eq!(judged_by(kept), judged_by(class), "{text}");
            }
            let names: Vec<&str> = snapshot.nodes.names().collect();
            assert_eq!(names, ["Loader", "Sampler"]);
            assert_eq!((text.contains("prose"), text.contains("mine.png")), (full, false), "{text}");
            assert_eq!(text.matches("a.safetensors").count(), 1, "a list of models stands once: {text}");
        }
    }

    /// What verdicts depend on. The files of the input folder are nobody's business.
    pub(in crate::graph) fn judged_by(class: &ClassInfo) -> ClassInfo {
        fn plain(inputs: &mut [InputInfo]) {
            for input in inputs {
                input.tooltip = None;
                match &mut input.kind {
                    InputKind::Combo { options, source: ComboSource::Upload, .. } => options.clear(),
                    InputKind::DynamicCombo { options } => options.iter_mut().for_each(|o| plain(&mut o.inputs)),
                    InputKind::Autogrow { template, .. } => plain(std::slice::from_mut(template)),
                    _ => {}
                }
            }
        }
        let mut class = ClassInfo { description: String::new(), category: String::new(), ..class.clone() };
        plain(&mut class.inputs);
        class
    }

    #[test]
    fn a_new_model_is_one_new_line() {
        let before = write_snapshot(&parts(&models(&["a.safetensors", "b.safetensors"]), false)).unwrap();
        let more = SERVER.replace(r#""b.safetensors""#, r#""b.safetensors", "c.safetensors""#);
        let models = models(&["a.safetensors", "b.safetensors", "c.safetensors"]);
        let after = write_snapshot(&SnapshotParts { object_info: &more, ..parts(&models, false) }).unwrap();
        let lines = |text: &str| text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect::<Vec<_>>();
        let new: Vec<String> = lines(&after).into_iter().filter(|line| !lines(&before).contains(line)).collect();
        assert_eq!(new, ["   \"c.safetensors\""]);
        assert_eq!(after, write_snapshot(&SnapshotParts { object_info: &more, ..parts(&models, false) }).unwrap());
    }

    #[test]
    fn what_is_no_snapshot_is_refused() {
        let message =
            |text: &str| Snapshot::parse(text).map_or_else(|e| e.to_string(), |s| format!("{}", s.nodes.len()));
        assert_eq!(message(r#"{"A": {}}"#), "1", "what a server says is read, too");
        assert_eq!(message(r#"{"comfywright_snapshot": 1, "nodes": {"A": {}}}"#), "1");
        assert!(message(r#"{"comfywright_snapshot": 2, "nodes": []}"#).contains("format 2"));
        assert!(message(r#"{"comfywright_snapshot": 1}"#).contains("no nodes"));
        assert!(message(r#"{"comfywright_snapshot": 1, "nodes": {}, "models": 5}"#).starts_with("read object_info"));
        assert!(write_snapshot(&SnapshotParts { object_info: r#"{"A": 5}"#, ..parts(&models(&[]), false) }).is_err());
    }
}
