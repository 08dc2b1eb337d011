//! `check`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::support::{Folder, MISSPELT, TEMPLATE, repository};

#[test]
fn a_workspace_without_faults() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    let answer = folder.run(&["check"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.starts_with("no errors; checked 1 document against the built-in snapshot"), "{answer:?}");
    let json = folder.run(&["check", "--json"]).json();
    assert_eq!(json["data"]["documents"], 1);
    assert_eq!(json["diagnostics"], serde_json::json!([]));
}

#[test]
fn a_fault_is_shown_with_file_line_and_column() {
    let folder = Folder::with(&[("a.toml", TEMPLATE), ("b.toml", MISSPELT)]);
    let answer = folder.run(&["check"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    for part in ["error[unknown-key]", "[pipelines/b.toml:6:1]", "descripton = ", "fix: ", "(check --fix)"] {
        assert!(answer.stdout.contains(part), "{part}: {}", answer.stdout);
    }
    assert!(answer.stdout.contains("1 error in 1 file; checked 2 documents against"), "{}", answer.stdout);
    assert!(!answer.stdout.contains('\u{1b}'), "no colours without a terminal");
    assert!(folder.run(&["check", "--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_fault_as_json() {
    let folder = Folder::with(&[("b.toml", MISSPELT)]);
    let answer = folder.run(&["check", "--json"]);
    assert_eq!(answer.code, 2);
    let json = answer.json();
    let found = &json["diagnostics"][0];
    let start = MISSPELT.find("descripton").unwrap();
    let edit = serde_json::json!([{"start": start, "end": start + 10, "text": "description"}]);
    let expected = serde_json::json!({
        "code": "unknown-key", "severity": "error", "message": found["message"], "file": "pipelines/b.toml",
        "line": 6, "column": 1, "end_line": 6, "end_column": 11, "hint": found["hint"],
        "fix": {"title": found["fix"]["title"], "edits": edit},
    });
    assert_eq!(*found, expected);
    assert_eq!(json["data"]["errors"], 1);
}

#[test]
fn columns_count_characters() {
    let text = TEMPLATE.replace("\"hello\"", "\"grüße {nobody}\"");
    let folder = Folder::with(&[("a.toml", &format!("\u{feff}{}", text.replace('\n', "\r\n")))]);
    let answer = folder.run(&["check"]);
    let column = "text = \"grüße {".chars().count() + 1;
    let json = folder.run(&["check", "--json"]).json();
    assert_eq!(json["diagnostics"][0]["line"], 5, "{answer:?}");
    let found = json["diagnostics"][0]["column"].as_u64().unwrap() as usize;
    assert!(found == column || found == column - 1, "{found}");
    assert!(answer.stdout.contains(&format!("[pipelines/a.toml:5:{found}]")), "{}", answer.stdout);
}

#[test]
fn only_what_is_named_is_checked() {
    let folder = Folder::with(&[("a.toml", TEMPLATE), ("sub/b.toml", MISSPELT)]);
    assert_eq!(folder.run(&["check", "pipelines/a.toml"]).code, 0);
    assert_eq!(folder.run(&["check", "pipelines/sub"]).code, 2);
    assert_eq!(folder.run(&["check", "pipelines/sub/b.toml", "pipelines/a.toml"]).code, 2);
    let json = folder.run(&["check", "--json", "pipelines", "pipelines/a.toml"]).json();
    assert_eq!(json["data"]["documents"], 2, "nothing is checked twice");
    assert_eq!(folder.run(&["check", "."]).code, 2);
    assert_eq!(folder.run(&["check", "comfywright.toml"]).code, 0);
}

#[test]
fn a_path_that_is_not_there() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    for arguments in [
        &["check", "pipelines/x.toml"][..],
        &["check", "pipelines/a.toml", "x.toml"],
        &["check", "--workspace", ".", "/"],
    ] {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.stderr.contains("error[usage]"), "{answer:?}");
    }
}

#[test]
fn nothing_examined() {
    let folder = Folder::with(&[]);
    let answer = folder.run(&["check"]);
    assert_eq!(answer.code, 4, "{answer:?}");
    assert!(answer.stdout.contains("nothing was examined"), "{answer:?}");
    assert_eq!(folder.run(&["check", "--json"]).json()["ok"], false);

    let preset = "kind = \"preset\"\nformat = 1\nname = \"p\"\nversion = \"1.0.0\"\n\n[node.a.SomebodysOwnClass]\nx = 1\n\n[outputs]\nimage = \"@a.IMAGE\"\n";
    folder.write("pipelines/p.toml", preset);
    let answer = folder.run(&["check"]);
    assert_eq!(answer.code, 4, "{answer:?}");
    let json = folder.run(&["check", "--json"]).json();
    assert_eq!(json["data"]["unexamined"], serde_json::json!(["pipelines/p.toml"]));
    assert_eq!(json["data"]["unknown_classes"], serde_json::json!(["SomebodysOwnClass"]));
    folder.write("pipelines/t.toml", TEMPLATE);
    assert_eq!(folder.run(&["check"]).code, 0, "something was examined");
}

#[test]
fn the_configuration_is_checked_too() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    folder.write("comfywright.toml", "[servr.a]\nurl = \"http://127.0.0.1:8188\"\n");
    let answer = folder.run(&["check"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stdout.contains("[comfywright.toml:1:2]"), "{}", answer.stdout);
}

#[test]
fn a_snapshot_of_a_server() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    let snapshot = repository().join("fixtures/graph/object_info.json");
    let answer = folder.run(&["check", "--object-info", snapshot.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("object_info.json"), "{answer:?}");
    let answer = folder.run(&["check", "--object-info", "missing.json"]);
    assert_eq!(answer.code, 2, "{answer:?}");
}

#[test]
fn unreadable_files_are_findings() {
    let folder = Folder::with(&[("empty.toml", ""), ("empty.kdl", "")]);
    folder.write("pipelines/binary.toml", [0xff, 0xfe, 0, 1]);
    let json = folder.run(&["check", "--json"]);
    assert_eq!(json.code, 2);
    let json = json.json();
    let files: Vec<&str> =
        json["diagnostics"].as_array().unwrap().iter().map(|d| d["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["pipelines/binary.toml", "pipelines/empty.kdl", "pipelines/empty.toml"]);
    assert_eq!(folder.run(&["check"]).code, 2);
}

#[test]
fn many_documents() {
    let folder = Folder::with(&[]);
    for number in 0..200 {
        let mut text = TEMPLATE.replace("greeting", &format!("greeting-{number}"));
        if number % 2 == 0 {
            writeln!(text, "descripton = \"x\"").unwrap();
        }
        folder.write(&format!("pipelines/{number:03}.toml"), text);
    }
    let json = folder.run(&["check", "--json"]).json();
    assert_eq!(json["data"]["documents"], 200);
    assert_eq!(json["data"]["errors"], 100);
    let lines: Vec<&str> =
        json["diagnostics"].as_array().unwrap().iter().map(|d| d["file"].as_str().unwrap()).collect();
    assert!(lines.is_sorted(), "findings come in order of the files");
}

#[test]
fn a_table_that_is_too_large_is_refused_with_its_size_before_anything_runs() {
    let chain = "kind = \"chain\"\nformat = 1\nname = \"large\"\nversion = \"1.0.0\"\n\n[task.make]\ntype = \"graph\"\n\
                 [task.make.foreach]\nrow = { csv = \"rows.csv\", column = \"n\" }\n\
                 [task.make.node.make.EmptyImage]\nwidth = 8\nheight = 8\nbatch_size = 1\ncolor = \"{row}\"\n\
                 [task.make.outputs]\nimage = \"@make.IMAGE\"\n";
    let folder = Folder::with(&[("large.toml", chain)]);
    let rows: Vec<String> = (0..1_000_000).map(|n| n.to_string()).collect();
    folder.write("pipelines/rows.csv", format!("n\n{}\n", rows.join("\n")));
    let said = |answer: &Value| {
        let found = &answer["diagnostics"][0];
        (found["code"].clone(), found["line"].clone(), found["message"].as_str().unwrap_or_default().to_owned())
    };
    let run = folder.run(&["run", "large", "--json"]);
    let (code, line, message) = said(&run.json());
    assert_eq!((run.code, code, line), (2, json!("too-many-items"), json!(9)));
    assert_eq!(message, "\"rows.csv\" has 1000000 rows; at most 100000 are read, which end before line 100002");
    assert!(!folder.path("outputs").exists() && !folder.path(".comfywright").exists(), "nothing was begun");

    folder.write("comfywright.toml", "[limits]\ncsv_rows = 3\n");
    folder.write("pipelines/rows.csv", "\u{feff}n;text\n1;\"two\nlines\"\n2;b\n3;c\n4;d\n");
    let check = folder.run(&["check", "--json"]);
    let (code, _, message) = said(&check.json());
    assert_eq!(code, "too-many-items");
    assert_eq!(message, "\"rows.csv\" has 4 rows; at most 3 are read, which end before line 6");
    folder.write("pipelines/rows.csv", "\u{feff}n;text\n1;\"two\nlines\"\n2;b\n3;c\n");
    assert_eq!(folder.run(&["check", "--json"]).code, 0);
}
