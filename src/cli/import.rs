//! `comfywright import`: what somebody built in ComfyUI as a preset.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{GlobalArgs, Output, format_name::FormatName};
use crate::{
    app::{
        self, AppError, ExitCode, ImportOptions, ImportTarget, ImportedFile, JudgedBy, Session, SessionOptions, Sources,
    },
    diagnostic::Diagnostic,
};

/// `comfywright import`
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// Workflows, graphs in API format, or pictures and films that ComfyUI or comfywright made
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The name of the preset; after the file without it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Judge node classes by this `object_info` file
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub object_info: Option<PathBuf>,

    /// Judge node classes by this server of comfywright.toml
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,

    /// Keep the graph as a file beside the preset, with parameters bound to its inputs
    #[arg(long)]
    pub keep_workflow: bool,

    /// The format of the preset; TOML without it
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatName>,

    /// The file to write, or the folder; below `pipelines/` without it
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,

    /// Write the preset to standard output
    #[arg(long, conflicts_with_all = ["out", "force", "keep_workflow"])]
    pub stdout: bool,

    /// Replace files that are there already
    #[arg(long)]
    pub force: bool,
}

/// Runs the verb.
pub fn run(args: &ImportArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    let start = global.workspace.clone();
    let session = match Session::open(&SessionOptions { start, object_info: args.object_info.clone() }) {
        Ok(session) => session,
        Err(error) => return output.fail("import", &error, &Sources::default()),
    };
    let mut sources = Sources::of(&session);
    if let Some(error) = several(args) {
        return output.fail("import", &error, &sources);
    }
    let (nodes, of_server) = match app::classes_of(&session, args.server.as_deref()) {
        Ok(classes) => classes,
        Err(error) => return output.fail("import", &error, &sources),
    };
    let options = ImportOptions {
        name: args.name.clone(),
        keep_workflow: args.keep_workflow,
        format: args.format.map(Into::into),
    };
    let target = match &args.out {
        _ if args.stdout => ImportTarget::Text,
        Some(path) => ImportTarget::Path(path.clone()),
        None => ImportTarget::Workspace,
    };
    let by = JudgedBy { nodes: &nodes, of_server };
    let (mut done, mut diagnostics): (Vec<Value>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    let mut worst = ExitCode::Done;
    for file in &args.files {
        match app::import_file(&session, file, by, &options, &target, args.force) {
            Ok(found) => {
                tell(&found, &output);
                diagnostics.extend(found.imported.diagnostics.iter().cloned());
                done.push(data(file, &found));
            }
            Err(AppError::Wrong(found)) => {
                sources = with_text(sources, file);
                diagnostics.extend(found);
                worst = ExitCode::WrongFiles;
            }
            Err(error) => return output.fail("import", &error, &sources),
        }
    }
    output.finish("import", worst, json!({ "presets": done }), &diagnostics, &sources)
}

/// What only goes with one file.
fn several(args: &ImportArgs) -> Option<AppError> {
    if args.files.len() == 1 {
        return None;
    }
    let is_file = |path: &PathBuf| !path.is_dir() && !path.to_string_lossy().ends_with('/');
    let message = match args.out.as_ref().filter(|path| is_file(path)) {
        _ if args.name.is_some() => "--name is for one file".to_owned(),
        Some(path) => format!("--out {} is for one file; name a folder that is there", path.display()),
        None => return None,
    };
    Some(AppError::usage(message))
}

fn with_text(sources: Sources, file: &Path) -> Sources {
    match std::fs::read_to_string(file) {
        Ok(text) => sources.with(file.display().to_string().into(), text.into()),
        Err(_) => sources,
    }
}

fn tell(found: &ImportedFile, output: &Output) {
    let preset = &found.imported.preset;
    let Some(path) = found.written.first() else { return output.text(&preset.text) };
    output.line(&format!("wrote {}", path.display()));
    let list = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let body = preset.preset();
    let outputs = body.map(|body| body.outputs.keys().collect()).unwrap_or_default();
    let nodes = body.map_or(0, |body| body.node.len());
    for other in &found.written[1..] {
        output.line(&format!("  workflow    {}", other.display()));
    }
    if nodes > 0 {
        output.line(&format!("  nodes       {nodes}"));
    }
    output.line(&format!("  parameters  {}", list(preset.params().map(|(name, _)| name).collect())));
    output.line(&format!("  outputs     {}", list(outputs)));
    if let Some(values) = found.imported.made_with.as_ref().and_then(Value::as_object).filter(|with| !with.is_empty()) {
        let set: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        output.line(&format!("  made with   {}", set.join(", ")));
    }
}

fn data(file: &Path, found: &ImportedFile) -> Value {
    let preset = &found.imported.preset;
    json!({
        "file": file,
        "name": preset.document.header.name,
        "format": preset.format.extension(),
        "written": found.written,
        "params": preset.params().map(|(name, _)| name).collect::<Vec<_>>(),
        "outputs": preset.preset().map(|body| body.outputs.keys().collect::<Vec<_>>()),
        "made_with": found.imported.made_with,
        "text": preset.text,
    })
}
