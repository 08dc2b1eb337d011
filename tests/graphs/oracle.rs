//! Graphs that the official editor made must pass the checks of the official server's classes.
//!
//! The graphs and the `object_info` are not part of the repository: `../shared/oracle` and
//! `../shared/comfyui/object_info-0.33.0.json` are looked at where they are, or what
//! `COMFYWRIGHT_ORACLE` (a folder of `NAME.api.json` files) and `COMFYWRIGHT_OBJECT_INFO` (the
//! `object_info` of the server they are for) name. Without these the test says so and passes.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use comfywright::{
    diagnostic::Severity,
    graph::{Graph, NodeSet, check_graph, from_api},
};

use super::with_files::with_all_files;

/// The path that a variable names, or else one beside the project.
fn shared(variable: &str, beside: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let found = named.or_else(|| {
        let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        ancestors.map(|folder| folder.join("shared").join(beside)).find(|path| path.exists())
    });
    if found.is_none() {
        eprintln!("left out: there is no {beside}, and {variable} is not set");
    }
    found
}

fn graphs(folder: &Path) -> Result<BTreeMap<String, Graph>, Box<dyn Error>> {
    let mut graphs = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".api.json") {
            let graph = from_api(&serde_json::from_str(&fs::read_to_string(&path)?)?)?;
            graphs.insert(name, graph);
        }
    }
    Ok(graphs)
}

#[test]
fn official_graphs_pass() -> Result<(), Box<dyn Error>> {
    let folder = shared("COMFYWRIGHT_ORACLE", "oracle");
    let object_info = shared("COMFYWRIGHT_OBJECT_INFO", "comfyui/object_info-0.33.0.json");
    let (Some(folder), Some(object_info)) = (folder, object_info) else { return Ok(()) };
    let text = fs::read_to_string(object_info)?;
    let graphs = graphs(&folder)?;
    assert!(!graphs.is_empty(), "the folder has no graphs");
    let all_files = with_all_files(serde_json::from_str(&text)?, graphs.values(), &NodeSet::parse(text.as_str())?);
    let nodes = NodeSet::parse(all_files.to_string())?;
    let (mut warnings, mut errors): (BTreeMap<&str, usize>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for (name, graph) in &graphs {
        for problem in check_graph(graph, &nodes) {
            match problem.severity {
                Severity::Warning => *warnings.entry(problem.code).or_default() += 1,
                Severity::Error => errors.push(format!("{name}: {problem:?}")),
            }
        }
    }
    eprintln!("{} graphs, warnings: {warnings:?}", graphs.len());
    assert!(errors.is_empty(), "{} errors:\n{}", errors.len(), errors.join("\n"));
    Ok(())
}

/// What a server said of a graph, and what `check_graph` says of it. `COMFYWRIGHT_TRACES` names a folder
/// of recorded exchanges: `{"request": {"prompt": …}, "response": …}`.
#[test]
fn the_server_and_the_check_agree() -> Result<(), Box<dyn Error>> {
    let folder = shared("COMFYWRIGHT_TRACES", "comfyui/traces-0.33.0");
    let object_info = shared("COMFYWRIGHT_OBJECT_INFO", "comfyui/object_info-0.33.0.json");
    let (Some(folder), Some(object_info)) = (folder, object_info) else { return Ok(()) };
    // The server accepts this one, and the node breaks off.
    let stricter = ["err_literal_for_link"];
    // Files that were on the server when it answered, and not when its classes were listed, or the
    // other way round.
    let files = ["err_custom_validation_loadimage", "execution_error"];
    let nodes = NodeSet::parse(fs::read_to_string(object_info)?)?;
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let trace: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let Some(prompt) = trace["request"].get("prompt") else { continue };
        let response = &trace["response"];
        let node_errors = response["node_errors"].as_object().is_some_and(|errors| !errors.is_empty());
        let refused = !response["error"].is_null() || node_errors;
        let problems = match from_api(prompt) {
            Ok(graph) => {
                let problems = check_graph(&graph, &nodes).into_iter();
                problems.filter(|p| p.severity == Severity::Error && !p.of_files).map(|p| p.message).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        compared += 1;
        let expected = (refused || stricter.contains(&name.as_str())) && !files.contains(&name.as_str());
        if expected == problems.is_empty() {
            wrong.push(format!("{name}: {response} {problems:?}"));
        }
    }
    eprintln!("{compared} exchanges");
    assert!(compared > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
