//! Workflows that ComfyUI's editor saved become the graphs that its frontend sends.
//!
//! The workflows and the `object_info` are not part of the repository. Set `COMFYWRIGHT_ORACLE` to a
//! folder of `NAME.workflow.json` and `NAME.api.json` files and `COMFYWRIGHT_OBJECT_INFO` to the
//! `object_info` of the server they are for, or put them into `../shared`; without these the test
//! says so and passes. `exclude.json` in the folder names inputs that are not compared.

use std::{collections::BTreeSet, env, error::Error, fs, path::PathBuf, sync::Arc};

use comfywright::graph::{
    BoundFile, Graph, InputKind, NodeSet, UiOptions, from_api, from_ui, lost_in_drawing, to_api, to_ui,
};
use serde_json::Value;

struct Oracle {
    folder: PathBuf,
    nodes: NodeSet,
    excluded: BTreeSet<(String, String, String)>,
}

fn oracle() -> Result<Option<Oracle>, Box<dyn Error>> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = env::var_os("COMFYWRIGHT_ORACLE").map_or_else(|| shared.join("oracle"), PathBuf::from);
    let object_info = env::var_os("COMFYWRIGHT_OBJECT_INFO")
        .map_or_else(|| shared.join("comfyui/object_info-0.33.0.json"), PathBuf::from);
    if !folder.is_dir() || !object_info.is_file() {
        eprintln!("skipped: {} or {} is not there", folder.display(), object_info.display());
        return Ok(None);
    }
    let nodes = NodeSet::parse(fs::read_to_string(object_info)?)?;
    let excluded =
        fs::read_to_string(folder.join("exclude.json")).map_or(Ok(Value::Null), |t| serde_json::from_str(&t))?;
    let groups = ["nondeterministic", "deterministic_frontend_quirk"];
    let rows = groups.iter().flat_map(|group| excluded[*group]["inputs"].as_array().cloned().unwrap_or_default());
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let excluded = rows.map(|row| (text(&row, "file"), text(&row, "node"), text(&row, "input"))).collect();
    Ok(Some(Oracle { folder, nodes, excluded }))
}

/// What differs between the graph of `name` and the one that was recorded.
fn differences(oracle: &Oracle, name: &str, text: &str, recorded: &Value) -> Vec<String> {
    let file: Arc<str> = Arc::from(format!("{name}.workflow.json"));
    let converted = match from_ui(&file, text, &oracle.nodes, UiOptions::default()) {
        Ok(converted) => to_api(&converted.graph, &mut |_: &[BoundFile]| Value::Null),
        Err(diagnostics) => return vec![format!("{diagnostics:?}")],
    };
    let mut out = Vec::new();
    let ids = |graph: &Value| -> BTreeSet<String> {
        graph.as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect()
    };
    for id in ids(&converted).union(&ids(recorded)) {
        let (ours, theirs) = (&converted[id], &recorded[id]);
        if ours.is_null() || theirs.is_null() || ours["class_type"] != theirs["class_type"] {
            out.push(format!("node {id}: {} instead of {}", ours["class_type"], theirs["class_type"]));
            continue;
        }
        for input in ids(&ours["inputs"]).union(&ids(&theirs["inputs"])) {
            let (our, their) = (ours["inputs"].get(input), theirs["inputs"].get(input));
            let excluded = oracle.excluded.contains(&(name.to_owned(), id.clone(), input.clone()));
            if our != their && !excluded {
                out.push(format!("node {id}, {} {input}: {our:?} instead of {their:?}", ours["class_type"]));
            }
        }
    }
    out
}

#[test]
fn workflows_become_what_the_frontend_sends() -> Result<(), Box<dyn Error>> {
    let Some(oracle) = oracle()? else { return Ok(()) };
    let mut names: Vec<String> = fs::read_dir(&oracle.folder)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".workflow.json").map(str::to_owned))
        .collect();
    names.sort();
    let (mut wrong, mut differing) = (0, Vec::new());
    for name in &names {
        let text = fs::read_to_string(oracle.folder.join(format!("{name}.workflow.json")))?;
        let recorded = serde_json::from_str(&fs::read_to_string(oracle.folder.join(format!("{name}.api.json")))?)?;
        let found = differences(&oracle, name, &text, &recorded);
        wrong += usize::from(!found.is_empty());
        differing.extend(found.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    assert!(!names.is_empty(), "the folder has no workflows");
    eprintln!("{} workflows, {wrong} differ", names.len());
    assert!(differing.is_empty(), "{wrong} of {} differ:\n{}", names.len(), differing.join("\n"));
    Ok(())
}

/// Whether the editor has a widget for the input `name` of node `id`. Into a socket, only a subgraph's own widget can
/// bring a value, which a flat drawing has none of.
fn has_widget(oracle: &Oracle, graph: &Graph, id: &str, name: &str) -> bool {
    let info = graph.nodes.get(id).and_then(|node| oracle.nodes.input_of(node, name));
    !info.is_some_and(|info| {
        matches!(info.kind, InputKind::MatchType { .. } | InputKind::Link { widget: false, .. }) || info.force_input
    })
}

/// Every graph that the frontend sent is drawn, and the drawing becomes the same graph.
#[test]
fn graphs_are_drawn_and_read_again() -> Result<(), Box<dyn Error>> {
    let Some(oracle) = oracle()? else { return Ok(()) };
    let (mut graphs, mut undrawable, mut lost) = (0, 0, Vec::new());
    for entry in fs::read_dir(&oracle.folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".api.json")) else { continue };
        let graph = from_api(&serde_json::from_str(&fs::read_to_string(&path)?)?)?;
        let drawn = to_ui(&graph, &oracle.nodes, &[], &mut |_: &[BoundFile]| Value::Null);
        graphs += 1;
        let problems = lost_in_drawing(&graph, &drawn, &oracle.nodes, &[]).into_iter().filter(|problem| {
            let input = problem.input.clone().unwrap_or_default();
            let without_widget = !has_widget(&oracle, &graph, &problem.node, &input);
            undrawable += usize::from(without_widget);
            !without_widget && !oracle.excluded.contains(&(name.to_owned(), problem.node.clone(), input))
        });
        lost.extend(problems.map(|p| format!("{name}: {} {:?}: {}", p.node, p.input, p.message)));
    }
    eprintln!("{graphs} graphs, {undrawable} values of sockets cannot be drawn, {} other inputs are lost", lost.len());
    assert!(graphs > 0, "the folder has no graphs");
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    Ok(())
}
