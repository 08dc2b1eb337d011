//! Small workflows become what ComfyUI's frontend made of them (`fixtures/convert`, recorded by
//! `tests/convert/record.py`).

use std::{error::Error, fs, path::Path, sync::Arc};

use comfywright::{
    diagnostic::{Diagnostic, position},
    graph::{BoundFile, NodeSet, UiOptions, from_ui, to_api},
};
use serde_json::Value;

use super::redrawn;

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/convert"))
}

fn classes() -> Result<NodeSet, Box<dyn Error>> {
    Ok(NodeSet::parse(fs::read_to_string(fixtures().join("object_info.json"))?)?)
}

/// Folders in `folder` that have `file`.
fn cases(folder: &Path, file: &str) -> Result<Vec<std::path::PathBuf>, Box<dyn Error>> {
    let mut cases: Vec<_> = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    cases.retain(|case| case.join(file).is_file());
    cases.sort();
    Ok(cases)
}

/// A line for each diagnostic: place, severity, code, message, hint.
fn lines(text: &str, diagnostics: &[Diagnostic]) -> String {
    let line = |d: &Diagnostic| {
        let place = d.span.map(|span| position(text, span.start));
        let place = place.map_or_else(String::new, |at| format!("{}:{}: ", at.line, at.column));
        let hint = d.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        let severity = format!("{:?}", d.severity).to_lowercase();
        format!("{place}{severity}[{}]: {}{hint}\n", d.code, d.message)
    };
    diagnostics.iter().map(line).collect()
}

fn converted(text: &str, nodes: &NodeSet) -> Result<(Value, String), String> {
    let file: Arc<str> = Arc::from("workflow.json");
    let converted = from_ui(&file, text, nodes, UiOptions::default()).map_err(|found| lines(text, &found))?;
    Ok((to_api(&converted.graph, &mut |_: &[BoundFile]| Value::Null), lines(text, &converted.warnings)))
}

#[test]
fn workflows_become_what_the_frontend_made_of_them() -> Result<(), Box<dyn Error>> {
    let nodes = classes()?;
    let cases = cases(fixtures(), "api.json")?;
    assert!(cases.len() >= 25, "only {} workflows", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let recorded: Value = serde_json::from_str(&fs::read_to_string(case.join("api.json"))?)?;
        match converted(&fs::read_to_string(case.join("workflow.json"))?, &nodes) {
            Ok((graph, _)) if graph == recorded => {}
            Ok((graph, _)) => wrong.push(format!("{name}:\n{graph:#}\ninstead of\n{recorded:#}")),
            Err(message) => wrong.push(format!("{name}: {message}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// Workflows that are wrong or strange in `bad`: the diagnostics, and the graph if there is one.
#[test]
fn what_is_wrong_is_said() -> Result<(), Box<dyn Error>> {
    let nodes = classes()?;
    let cases = cases(&fixtures().join("bad"), "workflow.json")?;
    assert!(cases.len() >= 20, "only {} workflows", cases.len());
    for case in cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(case.join("workflow.json"))?;
        let said = match converted(&text, &nodes) {
            Ok((graph, warnings)) => format!("{warnings}{graph:#}"),
            Err(errors) => errors,
        };
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, said);
        });
    }
    Ok(())
}

/// A workflow of `count` nodes, each linked to the one before it.
fn chain(count: usize, class: &str, mode: u8) -> String {
    let node = |id: usize| {
        format!(
            r#"{{"id": {id}, "type": "{class}", "mode": {mode}, "inputs": [{{"name": "value", "type": "*", "link": {id}}}],
                "outputs": [{{"name": "*", "type": "*", "links": [{}]}}]}}"#,
            id + 1
        )
    };
    let nodes: Vec<String> = (1..=count).map(node).collect();
    let links: Vec<String> = (1..=count).map(|id| format!("[{id}, {}, 0, {id}, 0, \"*\"]", id - 1)).collect();
    let last = format!(
        r#"{{"id": {}, "type": "Show", "inputs": [{{"name": "value", "type": "*", "link": {}}}]}}"#,
        count + 1,
        count + 1
    );
    let first = r#"{"id": 0, "type": "Any", "outputs": [{"name": "*", "type": "*", "links": [1]}]}"#;
    format!(
        r#"{{"nodes": [{first}, {}, {last}], "links": [{}, [{}, {count}, 0, {}, 0, "*"]], "version": 0.4}}"#,
        nodes.join(","),
        links.join(","),
        count + 1,
        count + 1
    )
}

#[test]
fn large_workflows_are_no_trouble() -> Result<(), Box<dyn Error>> {
    let nodes = classes()?;
    let refused = converted(&chain(100_000, "Any", 0), &nodes).map(|(graph, _)| graph);
    assert!(refused.is_err_and(|message| message.contains("too-many-nodes")));
    for (class, mode) in [("Any", 0), ("Any", 4), ("Reroute", 0), ("Reroute", 4), ("Switch", 0)] {
        let (graph, _) = converted(&chain(9_990, class, mode), &nodes)?;
        let source = graph["9991"]["inputs"]["value"][0].as_str();
        let expected = if class == "Reroute" || mode == 4 { "0" } else { "9990" };
        assert_eq!(source, Some(expected), "{class} {mode}");
    }
    Ok(())
}

#[test]
fn subgraphs_that_multiply_are_refused() -> Result<(), Box<dyn Error>> {
    let nodes = classes()?;
    let definition = |level: usize| {
        let inner = format!(
            r#"{{"id": {}, "type": "s{}"}}, {{"id": {}, "type": "s{}"}}"#,
            2 * level,
            level + 1,
            2 * level + 1,
            level + 1
        );
        format!(r#"{{"id": "s{level}", "nodes": [{inner}], "links": [], "inputs": [], "outputs": []}}"#)
    };
    let definitions: Vec<String> = (1..60).map(definition).collect();
    let last = r#"{"id": "s60", "nodes": [{"id": 500, "type": "Any"}], "links": []}"#;
    let text = format!(
        r#"{{"nodes": [{{"id": 1, "type": "s1"}}], "links": [], "definitions": {{"subgraphs": [{}, {last}]}}}}"#,
        definitions.join(",")
    );
    let refused = converted(&text, &nodes).map(|(graph, _)| graph);
    assert!(refused.as_ref().is_err_and(|message| message.contains("too-many-nodes")), "{refused:?}");
    Ok(())
}

/// Extensions save values by name; they are read so.
#[test]
fn values_may_be_written_by_name() -> Result<(), Box<dyn Error>> {
    let nodes = classes()?;
    let text = r#"{"version": 0.4, "links": [], "nodes": [
        {"id": 1, "type": "Write", "widgets_values": {"format": "video", "format.codec": "av1", "note": "x", "more": 1}},
        {"id": 2, "type": "inner", "widgets_values": {"strength": 0.75}}],
        "definitions": {"subgraphs": [{"id": "inner", "inputs": [{"name": "strength", "type": "FLOAT", "linkIds": [1]}],
            "nodes": [{"id": 5, "type": "Tint", "inputs": [{"name": "strength", "type": "FLOAT", "widget": {"name": "strength"}, "link": 1}]}],
            "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 5, "target_slot": 0}]}]}}"#;
    let (graph, warnings) = converted(text, &nodes)?;
    let inputs = &graph["1"]["inputs"];
    assert_eq!(
        (&inputs["format"], &inputs["format.codec"], &inputs["note"]),
        (&"video".into(), &"av1".into(), &"x".into())
    );
    assert_eq!(graph["2:5"]["inputs"]["strength"], 0.75);
    assert_eq!(warnings, "");
    Ok(())
}

/// Bypassed nodes can stay, linked as they are drawn.
#[test]
fn bypassed_nodes_can_be_kept() -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(fixtures().join("bypass/workflow.json"))?;
    let file: Arc<str> = Arc::from("workflow.json");
    let kept = from_ui(&file, &text, &classes()?, UiOptions { keep_bypassed: true }).map_err(|d| lines(&text, &d))?;
    assert_eq!(kept.bypassed, ["10", "11", "14"]);
    let graph = to_api(&kept.graph, &mut |_: &[BoundFile]| Value::Null);
    assert_eq!(graph["90"]["inputs"]["images"], serde_json::json!(["11", 0]));
    assert_eq!(graph["11"]["inputs"]["second"], serde_json::json!(["10", 0]));
    Ok(())
}

/// What no drawing carries: values in a group that grows while the file is read, nothing as a choice,
/// and a value of an input that has no widget.
const LOST: &[(&str, &str)] = &[("Weighted", "layers.weight1"), ("CustomCombo", "choice"), ("Any", "value")];

/// What the frontend made of the fixtures, drawn, is made the same of again.
#[test]
fn graphs_are_drawn_as_they_were() -> Result<(), Box<dyn Error>> {
    let nodes = classes()?;
    let mut differing = Vec::new();
    for case in cases(fixtures(), "api.json")? {
        let recorded: Value = serde_json::from_str(&fs::read_to_string(case.join("api.json"))?)?;
        let found = redrawn::differences(&recorded, &nodes, LOST);
        differing.extend(found.into_iter().map(|difference| format!("{}: {difference}", case.display())));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    Ok(())
}
