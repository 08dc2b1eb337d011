//! Presets become graphs: img2img, inpaint, `ControlNet` and `LoRA` shapes, files from other tasks, kept workflows.
//!
//! A folder `fixtures/presets/<case>/` is a workspace whose `pipelines/` has presets and one `chain.toml` or
//! `chain.kdl` that uses them; `graphs.json` has the graph of each of its tasks in API format, with `<path>` for a
//! file. Set `UPDATE_FIXTURES` to write the files anew, and read the difference.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    app::{CheckOptions, JobOptions, Session, SessionOptions, check, make_job},
    diagnostic::Severity,
    graph::{BoundFile, Graph, GraphProblem, Input, check_graph, to_api},
    model::{Body, Kind, ParamType, Preset},
};
use serde_json::{Map, Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn session(workspace: &Path) -> Session {
    let object_info = Some(Path::new(ROOT).join("fixtures/graph/server-0.33.0.json"));
    Session::open(&SessionOptions { start: Some(workspace.to_owned()), object_info }).expect("a workspace")
}

/// The graph of one item of each task, by task.
fn graphs(session: &Session, document: &str, options: &JobOptions) -> Vec<(String, Graph)> {
    let loaded = session.document(document).unwrap_or_else(|e| panic!("{document}: {e}"));
    let job = make_job(session, &loaded, options, &session.nodes).unwrap_or_else(|e| panic!("{document}: {e:?}"));
    let names = job.program.structure.tasks.iter().map(|t| t.name.clone());
    let graphs = job.program.tasks.iter().map(|t| t.sample.clone().unwrap_or_default());
    names.zip(graphs).collect()
}

fn api(graph: &Graph) -> Value {
    let name = |file: &BoundFile| format!("<{}>", file.path.trim_matches(['<', '>']));
    to_api(graph, &mut |files| json!(files.iter().map(name).collect::<Vec<_>>().join(" ")))
}

/// What a server would refuse. Warnings are not for these graphs: an executor gives each saver a
/// prefix of its own.
fn errors(graph: &Graph, session: &Session) -> Vec<GraphProblem> {
    let problems = check_graph(graph, &session.nodes).into_iter();
    problems.filter(|problem| problem.severity == Severity::Error).collect()
}

#[test]
fn graphs_are_as_expected() {
    let mut cases = 0;
    for case in fs::read_dir(Path::new(ROOT).join("fixtures/presets")).expect("a folder") {
        let case = case.expect("readable").path();
        let session = session(&case);
        let report = check(&session, &CheckOptions::default()).expect("checked");
        assert_eq!(report.errors(), 0, "{}: {:#?}", case.display(), report.diagnostics);
        let chain = ["pipelines/chain.toml", "pipelines/chain.kdl"].into_iter().find(|c| case.join(c).is_file());
        let path = case.join(chain.expect("a chain"));
        let found = graphs(&session, path.to_str().expect("UTF-8"), &JobOptions::default());
        for (task, graph) in &found {
            let problems = errors(graph, &session);
            assert!(problems.is_empty(), "{} {task}: {problems:#?}", case.display());
        }
        let found: Map<String, Value> = found.iter().map(|(task, graph)| (task.clone(), api(graph))).collect();
        let found = format!("{:#}\n", Value::Object(found));
        let kept = case.join("graphs.json");
        if env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&kept, &found).expect("written");
        }
        assert_eq!(found, fs::read_to_string(&kept).unwrap_or_default().replace('\r', ""), "{}", case.display());
        cases += 1;
    }
    assert!(cases > 3);
}

/// What a caller gives who gives only what a preset asks for.
fn required(preset: &Preset) -> JobOptions {
    let mut options = JobOptions::default();
    for (name, param) in preset.params.iter().filter(|(_, p)| p.required) {
        let value = match param.kind {
            ParamType::Image | ParamType::Mask => "../fixtures/photos/camera.png",
            _ => "a red bicycle",
        };
        options.set.insert(name.clone(), Value::from(value));
    }
    options
}

fn shipped_presets(session: &Session) -> Vec<Arc<comfywright::model::Loaded>> {
    let is_preset = |kind: Option<Kind>| kind == Some(Kind::Preset);
    let all = session.workspace.documents().iter();
    all.filter(|d| is_preset(d.identity.as_ref().map(|i| i.kind))).cloned().collect()
}

#[test]
fn shipped_presets_become_graphs_that_a_server_takes() {
    let session = session(Path::new(ROOT));
    let presets = shipped_presets(&session);
    assert!(presets.len() >= 8, "{}", presets.len());
    for loaded in presets {
        let Some(Body::Preset(preset)) = loaded.parsed.value.as_ref().map(|d| &d.body) else { panic!("a preset") };
        let path = Path::new(ROOT).join(&*loaded.path);
        let found = graphs(&session, path.to_str().expect("UTF-8"), &required(preset));
        let [(_, graph)] = found.as_slice() else { panic!("one task") };
        let problems = errors(graph, &session);
        assert!(problems.is_empty(), "{}: {problems:#?}", loaded.path);
        let files = graph.nodes.values().filter(|n| n.inputs.values().any(|i| matches!(i, Input::Files(_))));
        let classes: Vec<&str> = files.map(|n| n.class.as_str()).collect();
        let wanted = preset.params.values().filter_map(|p| match p.kind {
            ParamType::Image => Some("LoadImage"),
            ParamType::Mask => Some("LoadImageMask"),
            _ => None,
        });
        assert_eq!(classes, wanted.collect::<Vec<_>>(), "{}", loaded.path);
    }
}

/// What studios read in a list of presets: title, description, tags, and for each parameter what it is for.
#[test]
fn shipped_presets_explain_themselves() {
    let session = session(Path::new(ROOT));
    let mut families = BTreeSet::new();
    for loaded in shipped_presets(&session) {
        let document = loaded.parsed.value.as_ref().expect("right");
        let Body::Preset(preset) = &document.body else { panic!("a preset") };
        let header = &document.header;
        assert!(header.title.is_some() && header.description.is_some(), "{}", loaded.path);
        families.extend(header.tags.iter().cloned());
        for (name, param) in &preset.params {
            assert!(param.help.as_ref().is_some_and(|h| h.ends_with('.')), "{}: {name} has no help", loaded.path);
            let is_number = matches!(param.kind, ParamType::Int | ParamType::Float);
            assert!(!is_number || (param.min.is_some() && param.max.is_some()), "{}: {name}", loaded.path);
        }
        let has_seed = preset.params.values().any(|p| p.role.as_deref() == Some("seed"));
        let samples = preset.node.values().any(|n| n.class == "KSampler");
        assert!(has_seed || !samples, "{}", loaded.path);
    }
    let wanted = ["sd15", "sdxl", "flux", "upscale", "txt2img", "img2img", "inpaint", "controlnet", "lora"];
    for tag in wanted {
        assert!(families.contains(tag), "no preset for {tag}");
    }
}

/// A model file that the server does not have is an error: the server would refuse the graph.
#[test]
fn missing_model_files_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = folder.path().join("object_info.json");
    let text = fs::read_to_string(Path::new(ROOT).join("fixtures/graph/server-0.33.0.json")).expect("readable");
    fs::write(&snapshot, text.replace("flux1-dev.safetensors", "flux1-schnell.safetensors")).expect("written");
    let options = SessionOptions { start: Some(PathBuf::from(ROOT)), object_info: Some(snapshot) };
    let session = Session::open(&options).expect("a workspace");
    let report = check(&session, &CheckOptions::default()).expect("checked");
    // Models that run in this process may not be on this machine.
    let of_servers: Vec<_> = report.diagnostics.iter().filter(|d| d.code != "absent-model").collect();
    assert_eq!((of_servers.len(), report.errors()), (1, 1), "{:#?}", report.diagnostics);
    assert_eq!(of_servers[0].code, "missing-model");
    assert!(of_servers[0].hint.as_ref().is_some_and(|h| h.contains("flux1-schnell.safetensors")));
}
