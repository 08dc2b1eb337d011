//! `import_workflow`: what somebody built in ComfyUI as a preset.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    files::{WrittenFile, after_writing, hash},
    findings::{Refusal, lines, refused},
    shared::Shared,
    tool::{About, Answer, Callable, Effect, blocking},
};
use crate::{
    app::{ImportOptions, PresetFile, Sources, findings, import_for_client},
    files::Format,
};

/// Most lines of a preset that an answer shows.
const LINES: usize = 150;

pub(super) fn tools() -> Vec<Callable> {
    vec![blocking(
        &About {
            name: "import_workflow",
            title: "Import a workflow as a preset",
            description: "Makes a preset below pipelines/ of a ComfyUI workflow or API graph (.json), or of a picture \
                          or film that was made with one. Prompt, seed, steps, size, models and input files become \
                          parameters.",
            effect: Effect::Replaces,
        },
        import_workflow,
    )]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportWorkflow {
    /// Relative to the workspace
    file: String,
    /// Lower case letters, digits, hyphens; after the file without it
    name: Option<String>,
    /// Keep the graph as a file beside the preset, with parameters bound to its inputs
    #[serde(default)]
    keep_workflow: bool,
    /// The server whose classes to judge by
    server: Option<String>,
    /// Where to write, .toml or .kdl; pipelines/NAME.toml without it
    path: Option<String>,
    /// Hash of what is replaced; leave out for a new file
    expected_hash: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct ImportedPreset {
    #[serde(flatten)]
    written: WrittenFile,
    params: Vec<String>,
    outputs: Vec<String>,
    /// Values of parameters that the file was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_with: Option<Value>,
    /// What could not be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

fn import_workflow(shared: &Shared, arguments: &ImportWorkflow) -> Result<Answer<ImportedPreset>, Refusal> {
    let target = PresetFile { path: arguments.path.clone(), expected: hash(arguments.expected_hash.as_deref())? };
    let options = ImportOptions {
        name: arguments.name.clone(),
        keep_workflow: arguments.keep_workflow,
        format: Some(Format::Toml),
    };
    let session = shared.session()?;
    let sources = Sources::of(&session);
    let (written, imported) =
        import_for_client(&session, &arguments.file, arguments.server.as_deref(), &options, &target)
            .map_err(|e| refused(&e, &sources))?;
    let answer = after_writing(shared, &written)?;
    let notes = lines(&findings(&imported.diagnostics, &sources));
    let preset = &imported.preset;
    let outputs = preset.preset().into_iter().flat_map(|body| body.outputs.keys().cloned());
    let texts = [vec![answer.text], notes.clone(), vec![String::new(), beginning(&preset.text)]];
    let data = ImportedPreset {
        written: answer.data,
        params: preset.params().map(|(name, _)| name.clone()).collect(),
        outputs: outputs.collect(),
        made_with: imported.made_with,
        notes,
    };
    Ok(Answer::new(texts.concat().join("\n"), data))
}

fn beginning(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().take(LINES).collect();
    if text.lines().count() > LINES {
        lines.push("… read_file shows the rest");
    }
    lines.join("\n")
}
