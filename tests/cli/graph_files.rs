//! `check` of graphs in files of their own.

use super::support::Folder;

const GRAPH: &str = r#"{
  "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
  "2": {"class_type": "ImageScaleBy", "inputs": {"image": ["1", 0], "upscale_method": "aera", "scale_by": 2}},
  "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}}
}
"#;

fn folder(graph: &str) -> Folder {
    let folder = Folder::with(&[]);
    folder.write("graph.json", graph);
    folder
}

#[test]
fn a_graph_is_judged_where_it_stands() {
    let folder = folder(GRAPH);
    let answer = folder.run(&["check", "graph.json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    for part in ["error[not-in-list]", "[graph.json:3:87]", "1 error in 1 file; checked 1 graph against"] {
        assert!(answer.stdout.contains(part), "{part}: {}", answer.stdout);
    }
    let json = folder.run(&["check", "graph.json", "--json"]).json();
    assert_eq!((&json["data"]["graphs"], &json["data"]["documents"]), (&1.into(), &0.into()), "{json}");
    assert_eq!(json["diagnostics"][0]["fix"]["edits"][0]["text"], "\"area\"");
}

#[test]
fn fixes_are_applied_to_graphs() {
    let folder = folder(GRAPH);
    let answer = folder.run(&["check", "--fix", "graph.json"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(folder.read("graph.json"), GRAPH.replace("aera", "area"));
}

#[test]
fn what_was_not_examined_is_not_called_valid() {
    let folder = folder(r#"{"1": {"class_type": "FromSomewhere", "inputs": {}}}"#);
    let answer = folder.run(&["check", "graph.json"]);
    assert_eq!(answer.code, 4, "{answer:?}");
    assert!(
        answer.stdout.contains("warning[not-examined]") && answer.stdout.contains("nothing was examined"),
        "{answer:?}"
    );
    folder.write("graph.json", r#"{"nodes": [], "links": []}"#);
    assert_eq!(folder.run(&["check", "graph.json"]).code, 4);
    folder.write("graph.json", "{");
    let broken = folder.run(&["check", "graph.json"]);
    assert!(broken.code == 2 && broken.stdout.contains("error[bad-workflow]"), "{broken:?}");
}

#[test]
fn a_server_must_be_one_of_the_configuration() {
    let folder = folder(GRAPH);
    let answer = folder.run(&["check", "--server", "nowhere"]);
    assert!(answer.code == 2 && answer.stderr.contains("there is no server \"nowhere\""), "{answer:?}");
}

#[test]
fn graphs_in_one_line_are_told_by_line_and_column() {
    let mut graph: serde_json::Value = serde_json::from_str(GRAPH).unwrap();
    graph["2"]["_meta"] = serde_json::json!({ "title": "x".repeat(400) });
    let folder = folder(&graph.to_string());
    let answer = folder.run(&["check", "graph.json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stdout.contains("graph.json:1:") && answer.stdout.contains("node \"2\""), "{answer:?}");
    assert!(!answer.stdout.contains("xxxx"), "{answer:?}");
}
