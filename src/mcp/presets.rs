//! `save_workflow_preset`: a graph kept as a preset.

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    files::{WrittenFile, after_writing, hash},
    findings::{Refusal, refused},
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::{
    app::{PresetFile, Sources, client_files::ClientFiles, save_preset},
    import::{ExposedInput, PresetRequest},
    model::ParamType,
};

pub(super) fn tools() -> Vec<Callable> {
    vec![blocking(
        &About {
            name: "save_workflow_preset",
            title: "Save a workflow as a preset",
            description: "Keeps a ComfyUI graph as a preset document below pipelines/ that people can review. The \
                          answer holds the text and what is wrong with it.",
            effect: Effect::Replaces,
        },
        save_workflow_preset,
    )]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SaveWorkflowPreset {
    /// Lower case letters, digits, hyphens
    name: String,
    /// Semantic version; 1.0.0 without it
    version: Option<String>,
    title: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    /// The graph in API format: `{"3": {"class_type": …, "inputs": {…}}}`
    graph: Option<Map<String, Value>>,
    /// Or a .json file of the workspace that holds it
    graph_file: Option<String>,
    /// Inputs to expose, by the name of the parameter
    #[serde(default)]
    params: IndexMap<String, Exposed>,
    /// What it makes, by name: "9" (what a node saves) or "8.IMAGE"; all savers without it
    #[serde(default)]
    outputs: IndexMap<String, String>,
    /// Where to write; pipelines/NAME.toml without it
    path: Option<String>,
    /// Hash of what is replaced; leave out for a new file
    expected_hash: Option<String>,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exposed {
    /// Id, title or class of the node
    node: String,
    input: String,
    /// Found out without it
    #[serde(rename = "type")]
    kind: Option<ParamType>,
    /// prompt, negative, seed, steps, cfg, width, height, image, mask
    role: Option<String>,
    /// Has no default then
    #[serde(default)]
    required: bool,
    help: Option<String>,
}

fn save_workflow_preset(shared: &Shared, arguments: &SaveWorkflowPreset) -> Result<Answer<WrittenFile>, Refusal> {
    let graph = graph(shared, arguments.graph.as_ref(), arguments.graph_file.as_deref())?;
    let file = PresetFile { path: arguments.path.clone(), expected: hash(arguments.expected_hash.as_deref())? };
    let exposed = |(name, exposed): (&String, &Exposed)| {
        let Exposed { node, input, kind, role, required, help } = exposed.clone();
        (name.clone(), ExposedInput { node, input, kind, role, required, help, ..ExposedInput::default() })
    };
    let request = PresetRequest {
        name: arguments.name.clone(),
        version: arguments.version.clone().unwrap_or_else(|| "1.0.0".to_owned()),
        title: arguments.title.clone(),
        description: arguments.description.clone(),
        tags: arguments.tags.clone(),
        params: arguments.params.iter().map(exposed).collect(),
        outputs: arguments.outputs.clone(),
        ..PresetRequest::default()
    };
    let session = shared.session()?;
    let (written, text) =
        save_preset(&session, &graph, &request, &file).map_err(|e| refused(&e, &Sources::default()))?;
    let answer = after_writing(shared, &written)?;
    Ok(Answer { text: format!("{}\n\n{text}", answer.text), ..answer })
}

fn graph(shared: &Shared, inline: Option<&Map<String, Value>>, file: Option<&str>) -> Result<Value, Refusal> {
    match (inline, file) {
        (Some(graph), None) => Ok(Value::Object(graph.clone())),
        (None, Some(path)) => {
            let file = shared.with(|session| ClientFiles::open(session)?.read(path))?;
            serde_json::from_slice(&file.bytes).map_err(|e| Refusal(format!("{path} is not JSON: {e}")))
        }
        _ => Err(Refusal("give the graph in one of `graph` and `graph_file`".to_owned())),
    }
}
