//! `init`, `schema` and `completions`.

use super::support::{Folder, repository};

#[test]
fn a_new_workspace_is_right() {
    let folder = Folder::new();
    let answer = folder.run(&["init", "new"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("comfywright.toml") && answer.stdout.contains("next: "), "{answer:?}");
    for arguments in [&["check", "--workspace", "new"][..], &["fmt", "--check", "--workspace", "new"]] {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 0, "{answer:?}");
    }
    let json = folder.run(&["check", "--workspace", "new", "--json"]).json();
    assert_eq!(json["data"]["documents"], 1);
    assert_eq!(json["diagnostics"], serde_json::json!([]));
    assert_eq!(folder.read("new/.gitignore"), ".comfywright/\noutputs/\n");
    let chain = folder.read("new/pipelines/color-cards.toml");
    let schema = chain.lines().next().unwrap().strip_prefix("#:schema ").unwrap();
    assert!(folder.path("new/pipelines").join(schema).is_file(), "the schema is where the comment says");
}

#[test]
fn the_first_chain_runs_and_every_command_about_it_answers_in_json() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["init"]).code, 0);
    let run = folder.run(&["run", "color-cards", "--json"]).json();
    assert_eq!(run["data"]["counts"]["done"], 6);
    let sheet = folder.path(run["data"]["folder"].as_str().unwrap()).join("sheet/sheet.png");
    assert!(sheet.is_file(), "{}", sheet.display());
    let name = run["data"]["run"].as_str().unwrap();
    let commands: [&[&str]; 5] =
        [&["plan", "color-cards"], &["status", name], &["runs"], &["show", name], &["explain", name, "sheet"]];
    for arguments in commands {
        let json = folder.run(&[arguments, &["--json"]].concat()).json();
        assert_eq!(json["command"], arguments[0]);
    }
    for arguments in [&["plan", "nobody"][..], &["run", "nobody"], &["show", "nobody"], &["approve", "nobody"]] {
        let answer = folder.run(&[arguments, &["--json"]].concat());
        assert_eq!(answer.code, 2, "{answer:?}");
        assert_eq!(answer.json()["command"], arguments[0]);
    }
}

#[test]
fn what_is_there_stays() {
    let folder = Folder::new();
    folder.write("pipelines/color-cards.toml", "mine");
    let answer = folder.run(&["init"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stderr.contains("pipelines/color-cards.toml"), "{answer:?}");
    assert_eq!(folder.snapshot("").len(), 1, "nothing was written");

    let folder = Folder::new();
    folder.write(".gitignore", "outputs\n*.log");
    let json = folder.run(&["init", "--json"]).json();
    assert_eq!(folder.read(".gitignore"), "outputs\n*.log\n.comfywright/\n");
    assert!(json["data"]["written"].as_array().unwrap().iter().any(|f| f == "comfywright.toml"));
    let again = folder.run(&["init", "--json"]).json();
    assert_eq!(again["data"]["written"], serde_json::json!([]), "a second time nothing is left to do");
}

#[test]
fn schemas() {
    let folder = Folder::new();
    let shipped = |name: &str| std::fs::read_to_string(repository().join("schemas").join(name)).unwrap();
    assert_eq!(folder.run(&["schema", "ab_test"]).stdout, shipped("ab_test.schema.json"));
    assert_eq!(folder.run(&["schema"]).stdout, shipped("document.schema.json"));
    let json = folder.run(&["schema", "config", "--json"]).json();
    assert_eq!(json["data"]["schema"]["title"], "comfywright.toml");
    assert_eq!(folder.run(&["schema", "--out", "out"]).code, 0);
    assert_eq!(folder.snapshot("out").len(), std::fs::read_dir(repository().join("schemas")).unwrap().count());
    assert_eq!(folder.read("out/mask.schema.json"), shipped("mask.schema.json"));
    assert_eq!(
        folder.run(&["schema", "mask", "--out", "one", "--json"]).json()["data"]["written"][0],
        "one/mask.schema.json"
    );
    assert_eq!(folder.run(&["schema", "nonsense"]).code, 2);
}

#[test]
fn completions() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let answer = folder.run(&["completions", shell]);
        assert_eq!(answer.code, 0);
        assert!(answer.stdout.contains("comfywright") && answer.stdout.contains("convert"), "{shell}");
    }
    let json = folder.run(&["completions", "bash", "--json"]).json();
    assert_eq!(json["data"]["shell"], "bash");
}
