//! Lowering: one item of a task becomes a ComfyUI graph.
//!
//! Every type of task has a graph, with ComfyUI's own classes wherever there is one; only `mask`,
//! `contact_sheet` and `export` need classes of our own, which run in-process. Knows nothing of
//! items, runs or servers.

mod bypass;
mod composite;
mod image;
mod mask;
mod models;
mod preset;
mod savers;
mod settings;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

pub use bypass::pass_by;
pub use models::finds;
pub use preset::{ParamValue, check_param, file_params};
pub use savers::can_be_saved;

use crate::{
    graph::{BoundFile, Graph, Input, NodeSet},
    ident::IndexMap,
    model::{Document, KnownModels, NodeDef, TaskType, ValueMap},
};
use settings::Settings;

/// A document that another one refers to.
#[derive(Debug, Clone)]
pub struct Referred {
    /// Its path; paths in it are relative to it.
    pub path: Arc<str>,
    /// The document.
    pub document: Arc<Document>,
}

/// The nodes and outputs of an inline graph.
pub type InlineGraph<'a> = (&'a IndexMap<String, NodeDef>, &'a IndexMap<String, String>);

/// What the lowering of one item needs to know.
pub struct LowerInput<'a> {
    /// Type of the task.
    pub kind: TaskType,
    /// Settings and literal inputs, interpolated.
    pub with: ValueMap,
    /// Files that links deliver, by input.
    pub files: IndexMap<String, Vec<BoundFile>>,
    /// Outputs beside the primary one that other tasks take.
    pub wanted: &'a BTreeSet<String>,
    /// Whether to run once for each file of the primary input.
    pub each: bool,
    /// The preset of `generate` and `enhance`.
    pub preset: Option<&'a Referred>,
    /// The preset's kept workflow in API format.
    pub workflow: Option<&'a Value>,
    /// The layers of the `mask` document.
    pub mask: Option<&'a Referred>,
    /// The nodes and outputs of an inline graph.
    pub inline: Option<InlineGraph<'a>>,
    /// Names that inline nodes may insert.
    pub scope: &'a dyn super::Scope,
    /// Signatures of classes.
    pub nodes: &'a NodeSet,
    /// The models that there are.
    pub models: &'a KnownModels,
    /// Whether bypassed nodes stay in the graph, as the editor draws them.
    pub keeps_bypassed: bool,
    /// Path of the document, to which written paths are relative.
    pub document: &'a str,
    /// Finds a file by the path of a document and a path that is written there.
    pub file: &'a dyn Fn(&str, &str) -> Result<BoundFile, LowerError>,
}

/// One output of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSpec {
    /// Its name.
    pub name: String,
    /// The saver node in the graph that writes it.
    pub node: String,
}

/// An item as a graph.
#[derive(Debug, Default)]
pub struct Lowered {
    /// The graph.
    pub graph: Graph,
    /// What is kept of it.
    pub outputs: Vec<OutputSpec>,
    /// Outputs that are the input's files, unchanged.
    pub passed_on: Vec<(String, Vec<BoundFile>)>,
    /// Metrics to measure on the primary output.
    pub scores: Vec<String>,
    /// Models that run in this process.
    pub models: BTreeSet<String>,
    /// The nodes of the graph that are bypassed, where these stay in it.
    pub bypassed: Vec<String>,
}

/// Why an item has no graph.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct LowerError {
    /// Stable code of the diagnostic.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// The key of `with`, or `node.input`, that is meant.
    pub key: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl LowerError {
    /// An error about the setting or input `key`.
    pub fn at(code: &'static str, key: &str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), key: Some(key.to_owned()), hint: None }
    }

    /// An error about the whole task.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), key: None, hint: None }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Lowers one item.
pub fn lower(input: &LowerInput<'_>) -> Result<Lowered, LowerError> {
    let mut builder = Builder { input, settings: Settings(&input.with), out: Lowered::default() };
    match input.kind {
        TaskType::Load => image::load(&mut builder)?,
        TaskType::Generate => preset::generate(&mut builder)?,
        TaskType::Enhance if input.preset.is_some() => preset::generate(&mut builder)?,
        TaskType::Graph => preset::inline(&mut builder)?,
        TaskType::Mask => mask::mask(&mut builder)?,
        TaskType::RemoveBg => image::remove_bg(&mut builder)?,
        TaskType::Composite => builder.for_each("fg", composite::composite)?,
        TaskType::Resize => builder.for_each("image", image::resize)?,
        TaskType::Adjust => builder.for_each("image", image::adjust)?,
        TaskType::Upscale => builder.for_each("image", image::upscale)?,
        TaskType::Enhance => builder.for_each("image", image::enhance)?,
        TaskType::Score => image::score(&mut builder)?,
        TaskType::ContactSheet => image::contact_sheet(&mut builder)?,
        TaskType::Export => image::export(&mut builder)?,
    }
    let mut lowered = builder.out;
    lowered.models = models::pin(&mut lowered.graph, input.models)?;
    Ok(lowered)
}

/// Checks the values of an item of whose task another item was lowered: without a graph where the
/// graph differs in its values alone. Gives the models that it uses beside those of the other item.
pub fn check_values(input: &LowerInput<'_>) -> Result<BTreeSet<String>, LowerError> {
    match input.preset {
        Some(preset) if preset::differs_in_values_alone(preset) => {
            let builder = Builder { input, settings: Settings(&input.with), out: Lowered::default() };
            preset::given_values(&builder).map(|_| BTreeSet::new())
        }
        _ => lower(input).map(|lowered| lowered.models),
    }
}

/// A graph under construction.
struct Builder<'a> {
    input: &'a LowerInput<'a>,
    settings: Settings<'a>,
    out: Lowered,
}

/// An image within the graph, with what is known of it.
#[derive(Clone)]
struct Picture {
    /// Its RGB part.
    image: Input,
    /// 1 - alpha, as ComfyUI's `LoadImage` gives it.
    transparency: Input,
    file: BoundFile,
}

impl Builder<'_> {
    /// The files of input `name`: linked ones, or a written path.
    fn files(&self, name: &str) -> Result<Vec<BoundFile>, LowerError> {
        if let Some(files) = self.input.files.get(name) {
            return Ok(files.clone());
        }
        match self.input.with.get(name) {
            Some(Value::String(path)) => Ok(vec![
                (self.input.file)(self.input.document, path)
                    .map_err(|e| LowerError { key: Some(name.to_owned()), ..e })?,
            ]),
            Some(Value::Array(paths)) if paths.iter().all(Value::is_string) => {
                paths.iter().filter_map(Value::as_str).map(|p| (self.input.file)(self.input.document, p)).collect()
            }
            _ => Err(LowerError::new("missing-input", format!("nothing delivers the input `{name}`"))),
        }
    }

    /// The one file of input `name`.
    fn one_file(&self, name: &str) -> Result<BoundFile, LowerError> {
        let mut files = self.files(name)?;
        match files.len() {
            1 => Ok(files.remove(0)),
            n => Err(several(name, n)),
        }
    }

    /// Runs `step` for the file of input `primary`, or for each of them when the task says so.
    fn for_each(
        &mut self,
        primary: &str,
        step: fn(&mut Self, &Picture) -> Result<(), LowerError>,
    ) -> Result<(), LowerError> {
        let files = self.files(primary)?;
        if files.len() != 1 && !self.input.each {
            return Err(several(primary, files.len()));
        }
        for file in files {
            let picture = self.load(file);
            step(self, &picture)?;
        }
        Ok(())
    }

    /// Adds a `LoadImage` of `file`.
    fn load(&mut self, file: BoundFile) -> Picture {
        let id = self.out.graph.add("load", "LoadImage", [("image", Input::Files(vec![file.clone()]))]);
        Picture { image: Input::link(&id, 0), transparency: Input::link(id, 1), file }
    }

    /// Adds a node and gives its first output.
    fn node(&mut self, id: &str, class: &str, inputs: impl IntoIterator<Item = (&'static str, Input)>) -> Input {
        Input::link(self.out.graph.add(id, class, inputs), 0)
    }

    /// Keeps `image` as output `name`.
    fn save(&mut self, name: &str, image: Input) {
        let prefix = ("filename_prefix", Input::value("comfywright"));
        let node = self.out.graph.add(&format!("save_{name}"), "SaveImage", [("images", image), prefix]);
        self.out.outputs.push(OutputSpec { name: name.to_owned(), node });
    }

    /// Keeps `image` as output `image`, with the alpha that `from` has.
    fn save_like(&mut self, image: Input, from: &Picture) {
        let image = if from.file.alpha {
            self.node("rejoin", "JoinImageWithAlpha", [("image", image), ("alpha", from.transparency.clone())])
        } else {
            image
        };
        self.save("image", image);
    }

    /// Keeps `mask` as output `name`, as a grey image.
    fn save_mask(&mut self, name: &str, mask: Input) {
        let image = self.node("mask_image", "MaskToImage", [("mask", mask)]);
        self.save(name, image);
    }

    /// The mask in input `name`, if it is given: white is inside.
    fn mask_input(&mut self, name: &str) -> Result<Option<Input>, LowerError> {
        if !self.input.files.contains_key(name) && !self.input.with.contains_key(name) {
            return Ok(None);
        }
        let file = self.one_file(name)?;
        let inputs = [("image", Input::Files(vec![file])), ("channel", Input::value("red"))];
        Ok(Some(self.node("mask", "LoadImageMask", inputs)))
    }

    fn wants(&self, output: &str) -> bool {
        self.input.wanted.contains(output)
    }
}

fn several(name: &str, count: usize) -> LowerError {
    LowerError::at("several-files", name, format!("`{name}` takes one file and gets {count}"))
        .hint("write each = true to run once for each of them")
}
