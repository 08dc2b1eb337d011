//! `explain`: codes; items of runs are the tests of whole runs.

use super::support::Folder;

#[test]
fn a_code_is_explained() {
    let folder = Folder::with(&[]);
    let answer = folder.run(&["explain", "literal-for-link"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.starts_with("literal-for-link\n\nA value stands where"), "{answer:?}");
    assert!(answer.stdout.contains("\nFix\n") && !answer.stdout.contains("```"), "{answer:?}");
    let json = folder.run(&["explain", "error[unknown-class]", "--json"]).json();
    assert_eq!((json["ok"].as_bool(), json["data"]["code"].as_str()), (Some(true), Some("unknown-class")));
    for part in ["what", "why", "example", "fix"] {
        assert!(json["data"][part].as_str().is_some_and(|text| text.len() > 10), "{part}");
    }
}

#[test]
fn codes_are_listed() {
    let folder = Folder::with(&[]);
    let answer = folder.run(&["explain", "--codes"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.lines().count() > 120, "{answer:?}");
    assert!(
        answer.stdout.lines().any(|line| line.starts_with("cycle ") && line.ends_with("in a circle.")),
        "{answer:?}"
    );
    let json = folder.run(&["explain", "--codes", "--json"]).json();
    assert_eq!(json["data"]["codes"].as_array().map(Vec::len), Some(answer.stdout.lines().count()));
}

#[test]
fn what_is_no_code_has_a_hint() {
    let folder = Folder::with(&[]);
    let answer = folder.run(&["explain", "unknwon-class"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stderr.contains("did you mean unknown-class?"), "{answer:?}");
    let run = folder.run(&["explain", "last"]);
    assert!(run.code == 2 && run.stderr.contains("explain RUN"), "{run:?}");
    assert_eq!(folder.run(&["explain"]).code, 2);
}
