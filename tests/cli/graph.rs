//! `graph api`.

use serde_json::json;

use super::support::Folder;

const WORKFLOW: &str = r#"{
  "last_node_id": 3, "last_link_id": 1, "version": 0.4,
  "nodes": [
    {"id": 1, "type": "EmptyImage", "mode": 0, "inputs": [], "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
     "widgets_values": [64, 32.0, 1, 255]},
    {"id": 2, "type": "ImageInvert", "title": "Turn", "inputs": [{"name": "image", "type": "IMAGE", "link": 1}], "outputs": []},
    {"id": 3, "type": "Note", "widgets_values": ["hello"]}
  ],
  "links": [[1, 1, 0, 2, 0, "IMAGE"]], "groups": [{"title": "all"}]
}"#;

#[test]
fn one_workflow_is_printed() {
    let folder = Folder::new();
    folder.write("a.json", WORKFLOW);
    let answer = folder.run(&["graph", "api", "a.json"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let printed: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let expected = json!({
        "1": {"inputs": {"width": 64, "height": 32, "batch_size": 1, "color": 255}, "class_type": "EmptyImage",
              "_meta": {"title": "EmptyImage"}},
        "2": {"inputs": {"image": ["1", 0]}, "class_type": "ImageInvert", "_meta": {"title": "Turn"}},
    });
    assert_eq!(printed, expected);
    let answer = folder.run(&["graph", "api", "a.json", "--json"]).json();
    assert_eq!(answer["command"], "graph api");
    assert_eq!(answer["data"]["graphs"], json!([{"file": "a.json", "graph": expected}]));
}

#[test]
fn several_workflows_are_written() {
    let folder = Folder::new();
    for name in ["a.json", "b.workflow.json", "c/a.json"] {
        folder.write(name, WORKFLOW);
    }
    let answer = folder.run(&["graph", "api", "a.json", "b.workflow.json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stderr.contains("--out"), "{answer:?}");
    let answer = folder.run(&["graph", "api", "a.json", "b.workflow.json", "--out", "api"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(folder.read("api/a.api.json"), folder.read("api/b.api.json"));
    let answer = folder.run(&["graph", "api", "a.json", "c/a.json", "--out", "api"]);
    assert_eq!(answer.code, 2, "two files of one name: {answer:?}");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let folder = Folder::new();
    folder.write("good.json", WORKFLOW);
    folder.write("truncated.json", &WORKFLOW[..200]);
    folder.write("dangling.json", WORKFLOW.replace("[[1, 1,", "[[9, 1,"));
    folder.write("bytes.json", b"{\"nodes\": \"\xff\"}");
    let files =
        ["graph", "api", "truncated.json", "good.json", "dangling.json", "bytes.json", "--out", "api", "--json"];
    let answer = folder.run(&files);
    assert_eq!(answer.code, 2, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["data"]["written"], json!(["api/good.api.json"]), "the others do not keep it from being converted");
    let found: Vec<_> = json["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["code"].as_str().unwrap(), d["file"].as_str().unwrap(), d["line"].as_u64(), d["column"].as_u64()))
        .collect();
    let expected = [
        ("invalid-json", "truncated.json", Some(5), Some(5)),
        ("dangling-link", "dangling.json", Some(6), Some(66)),
        ("not-utf8", "bytes.json", None, None),
    ];
    assert_eq!(found, expected);
    let answer = folder.run(&["graph", "api", "absent.json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
}

#[test]
fn a_file_of_one_long_line_is_not_shown() {
    let folder = Folder::new();
    let line = WORKFLOW.replace('\n', " ").replace("[[1, 1,", "[[9, 1,").replace("hello", &"hello".repeat(100));
    folder.write("a.json", line);
    let answer = folder.run(&["graph", "api", "a.json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stderr.contains("a.json:1:"), "{answer:?}");
    assert!(answer.stderr.len() < 500, "{answer:?}");
}
