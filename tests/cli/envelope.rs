//! What holds for every command: exit codes of wrong use, and the JSON envelope.

use super::support::{Folder, TEMPLATE};

#[test]
fn every_command_answers_in_json() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    let commands: [&[&str]; 6] = [
        &["check"],
        &["fmt", "--check"],
        &["convert", "pipelines/a.toml", "-o", "-"],
        &["schema"],
        &["completions", "fish"],
        &["init", "elsewhere"],
    ];
    for arguments in commands {
        let json = folder.run(&[arguments, &["--json"]].concat()).json();
        assert_eq!(json["command"], arguments[0]);
        assert_eq!(json["ok"], true);
        assert!(json["data"].is_object());
    }
}

#[test]
fn wrong_use_ends_with_2() {
    let folder = Folder::new();
    for arguments in [&[][..], &["nonsense"], &["check", "--nonsense"], &["schema", "a", "b"], &["completions"]] {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.stdout.is_empty(), "{answer:?}");
        assert!(!answer.stderr.is_empty());
    }
    let answer = folder.run(&["check", "--nonsense", "--json"]);
    assert_eq!(answer.code, 2);
    let json = answer.json();
    assert_eq!(json["diagnostics"][0]["code"], "usage");
    assert!(json["diagnostics"][0]["message"].as_str().unwrap().contains("--nonsense"));
}

#[test]
fn help_and_version() {
    let folder = Folder::new();
    let answer = folder.run(&["--version"]);
    assert_eq!((answer.code, answer.stdout), (0, format!("comfywright {}\n", env!("CARGO_PKG_VERSION"))));
    let answer = folder.run(&["--help"]);
    assert_eq!(answer.code, 0);
    for verb in ["init", "check", "fmt", "convert", "graph", "schema", "completions"] {
        assert!(answer.stdout.contains(verb), "{verb}");
        assert_eq!(folder.run(&[verb, "--help"]).code, 0);
    }
}
