//! Graphs that the official editor made must pass the checks of the official server's classes.
//!
//! The graphs and the `object_info` are not part of the repository. Set `COMFYWRIGHT_ORACLE` to a
//! folder of `NAME.api.json` files and `COMFYWRIGHT_OBJECT_INFO` to the `object_info` of the server
//! they are for; without these the test says so and passes.

use std::{collections::BTreeMap, env, error::Error, fs, path::PathBuf};

use comfywright::graph::{Graph, NodeSet, check_graph, from_api};

/// Inputs that official templates really leave out: the server refuses those graphs, too, until
/// somebody links an image.
const REALLY_MISSING: [(&str, &str); 2] = [("ImageStitch", "image1"), ("ImageScaleToTotalPixels", "image")];

fn graphs(folder: &PathBuf) -> Result<BTreeMap<String, Graph>, Box<dyn Error>> {
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
    let (Some(folder), Some(object_info)) = (env::var_os("COMFYWRIGHT_ORACLE"), env::var_os("COMFYWRIGHT_OBJECT_INFO"))
    else {
        eprintln!("skipped: COMFYWRIGHT_ORACLE and COMFYWRIGHT_OBJECT_INFO are not set");
        return Ok(());
    };
    let text = fs::read_to_string(PathBuf::from(object_info))?;
    let started = std::time::Instant::now();
    let nodes = NodeSet::parse(text)?;
    let parsed = started.elapsed();
    let graphs = graphs(&PathBuf::from(folder))?;
    assert!(!graphs.is_empty(), "the folder has no graphs");
    let started = std::time::Instant::now();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unexpected = Vec::new();
    for (name, graph) in &graphs {
        for problem in check_graph(graph, &nodes) {
            *counts.entry(problem.code).or_default() += 1;
            let class = graph.nodes.get(&problem.node).map_or("", |n| n.class.as_str());
            let missing = (class, problem.input.as_deref().unwrap_or_default());
            let justified = problem.of_files || (problem.code == "missing-input" && REALLY_MISSING.contains(&missing));
            if !justified {
                unexpected.push(format!("{name}: {class} {problem:?}"));
            }
        }
    }
    eprintln!("{} graphs, object_info {parsed:?}, checks {:?}: {counts:?}", graphs.len(), started.elapsed());
    assert!(unexpected.is_empty(), "{} problems:\n{}", unexpected.len(), unexpected.join("\n"));
    Ok(())
}

/// What a server said of a graph, and what `check_graph` says. Set `COMFYWRIGHT_TRACES` to a folder of
/// recorded exchanges: `{"request": {"prompt": …}, "response": …}`.
#[test]
fn the_server_and_the_check_agree() -> Result<(), Box<dyn Error>> {
    let (Some(folder), Some(object_info)) = (env::var_os("COMFYWRIGHT_TRACES"), env::var_os("COMFYWRIGHT_OBJECT_INFO"))
    else {
        eprintln!("skipped: COMFYWRIGHT_TRACES and COMFYWRIGHT_OBJECT_INFO are not set");
        return Ok(());
    };
    // Known differences: the server runs these and should not, or refuses them for its files.
    let stricter = ["err_literal_for_link", "ok_extra_input"];
    let files = ["err_custom_validation_loadimage", "execution_error"];
    let nodes = NodeSet::parse(fs::read_to_string(PathBuf::from(object_info))?)?;
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for entry in fs::read_dir(PathBuf::from(folder))? {
        let path = entry?.path();
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let trace: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let Some(prompt) = trace["request"].get("prompt") else { continue };
        let response = &trace["response"];
        let node_errors = response["node_errors"].as_object().is_some_and(|errors| !errors.is_empty());
        let refused = !response["error"].is_null() || node_errors;
        let problems = match from_api(prompt) {
            Ok(graph) => check_graph(&graph, &nodes).into_iter().filter(|p| !p.of_files).map(|p| p.message).collect(),
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
