//! Every rule of `graph::check_graph`, as data: `fixtures/graph/check/<case>/` has a `graph.json` in
//! API format and an `expected.txt` with one finding a line:
//!
//! `node.input code: message | hint | suggestion` (`-` for what is not there; `warning` before the
//! code of one).
//!
//! A case is checked against the built-in classes and those of `fixtures/graph/object_info.json`.
//! Set `UPDATE_FIXTURES` to write the files anew, and read the difference.

use std::{env, error::Error, fs, path::Path};

use comfywright::{
    diagnostic::Severity,
    graph::{GRAPH_RULES, GraphProblem, NodeSet, builtin, check_graph, from_api},
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/graph");

fn nodes() -> Result<NodeSet, Box<dyn Error>> {
    let mut nodes = NodeSet::parse(fs::read_to_string(Path::new(FIXTURES).join("object_info.json"))?)?;
    nodes.add_missing(builtin());
    Ok(nodes)
}

fn line(problem: &GraphProblem) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let files = if problem.of_files { " (of files)" } else { "" };
    let warning = if problem.severity == Severity::Warning { "warning " } else { "" };
    format!(
        "{}.{} {warning}{}{files}: {} | {} | {}\n",
        problem.node,
        or_dash(&problem.input),
        problem.code,
        problem.message,
        or_dash(&problem.hint),
        or_dash(&problem.suggestion)
    )
}

#[test]
fn findings_are_as_expected() -> Result<(), Box<dyn Error>> {
    let nodes = nodes()?;
    let mut wrong = Vec::new();
    let mut cases = 0;
    for case in fs::read_dir(Path::new(FIXTURES).join("check"))? {
        let case = case?.path();
        let graph = from_api(&serde_json::from_str(&fs::read_to_string(case.join("graph.json"))?)?)?;
        let found: String = check_graph(&graph, &nodes).iter().map(line).collect();
        cases += 1;
        if env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(case.join("expected.txt"), &found)?;
        }
        let expected = fs::read_to_string(case.join("expected.txt"))?.replace('\r', "");
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}found:\n{found}", case.display()));
        }
    }
    assert!(cases > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Each rule is shown by a case.
#[test]
fn every_rule_has_a_case() -> Result<(), Box<dyn Error>> {
    let mut all = String::new();
    for case in fs::read_dir(Path::new(FIXTURES).join("check"))? {
        all += &fs::read_to_string(case?.path().join("expected.txt"))?;
    }
    let shown = |code: &str| [":", " ("].iter().any(|end| all.contains(&format!(" {code}{end}")));
    let missing: Vec<&str> = GRAPH_RULES.iter().map(|rule| rule.code).filter(|code| !shown(code)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    Ok(())
}
