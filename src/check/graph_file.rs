//! A graph in a JSON file of its own, as ComfyUI exports it and `POST /prompt` takes it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{edits, graph_places::GraphPlaces};
use crate::{
    diagnostic::{Diagnostic, Span},
    graph::{ApiError, GraphProblem, NodeSet, builtin, check_api},
};

/// What came of checking a graph.
#[derive(Debug, Default)]
pub struct GraphFileOutcome {
    /// What was found, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether something was examined.
    pub examined: bool,
    /// Classes of which nothing is known.
    pub unknown_classes: BTreeSet<String>,
}

/// Everything that is wrong with the graph whose JSON is `text`.
pub fn check_graph_file(file: &Arc<str>, text: &str, nodes: &NodeSet) -> GraphFileOutcome {
    let value: Value = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(value) => value,
        Err(error) => {
            let message = format!("the file is not JSON: {}", without_place(&error));
            return broken(Diagnostic::error("bad-workflow", file, at(text, &error), message));
        }
    };
    let checked = match check_api(&value, nodes) {
        Ok(checked) => checked,
        Err(ApiError::EditorFormat) => {
            let message = "this version cannot examine workflows in the editor's format";
            let warning = Diagnostic::warning("not-examined", file, None, message);
            let diagnostics = vec![warning.with_hint("save it with \"Export (API)\"")];
            return GraphFileOutcome { diagnostics, ..GraphFileOutcome::default() };
        }
        Err(error) => return broken(Diagnostic::error("bad-workflow", file, None, format!("failed to {error}"))),
    };
    let knows_all_classes = nodes.names().any(|name| !builtin().contains(name));
    let places = GraphPlaces::of(text);
    let mut out = GraphFileOutcome { examined: checked.graph.nodes.is_empty(), ..GraphFileOutcome::default() };
    for node in checked.graph.nodes.values() {
        out.examined |= nodes.contains(&node.class);
        if !nodes.contains(&node.class) && !knows_all_classes {
            out.unknown_classes.insert(node.class.clone());
        }
    }
    let told = checked.problems.iter().filter(|p| p.code != "unknown-class" || knows_all_classes);
    out.diagnostics = told.map(|problem| diagnostic(problem, file, &places)).collect();
    out.diagnostics.extend(unexamined(&out.unknown_classes, file));
    out.diagnostics.sort_by_key(|d| d.span);
    out
}

fn broken(diagnostic: Diagnostic) -> GraphFileOutcome {
    GraphFileOutcome { diagnostics: vec![diagnostic], examined: true, unknown_classes: BTreeSet::new() }
}

/// What serde says, without the line and column, which the diagnostic has.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// The byte that serde stumbled over.
fn at(text: &str, error: &serde_json::Error) -> Option<Span> {
    let line = text.split_inclusive('\n').nth(error.line().checked_sub(1)?).unwrap_or_default();
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    let offset = (start + error.column().saturating_sub(1)).min(text.len());
    Some(Span::new(offset, offset))
}

fn unexamined(classes: &BTreeSet<String>, file: &Arc<str>) -> Option<Diagnostic> {
    if classes.is_empty() {
        return None;
    }
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    let message = format!("not examined, because nothing is known of the classes: {}", names.join(", "));
    let warning = Diagnostic::warning("not-examined", file, None, message);
    Some(warning.with_hint("give a snapshot of a server that has them: --object-info FILE"))
}

fn diagnostic(problem: &GraphProblem, file: &Arc<str>, places: &GraphPlaces) -> Diagnostic {
    let input = problem.input.as_ref().and_then(|name| places.input(&problem.node, name));
    let span = match input {
        Some(place) if problem.code == "unknown-input" => Some(place.key),
        Some(place) => Some(place.value),
        None => places.node(&problem.node),
    };
    let message = match problem.node.as_str() {
        "" => problem.message.clone(),
        node => format!("node \"{node}\": {}", problem.message),
    };
    let (severity, hint) = (problem.severity, problem.hint.clone());
    let mut diagnostic = Diagnostic { severity, hint, ..Diagnostic::error(problem.code, file, span, message) };
    let mends = match problem.code {
        "unknown-input" | "not-in-list" | "missing-model" | "missing-lora" => input.is_some(),
        "unknown-class" => true,
        _ => false,
    };
    if let (Some(span), Some(suggestion), true) = (span, &problem.suggestion, mends) {
        edits::replace_json(&mut diagnostic, span, suggestion);
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::position;

    fn told(text: &str) -> (Vec<String>, bool) {
        let outcome = check_graph_file(&Arc::from("a.json"), text, builtin());
        let line = |d: &Diagnostic| {
            let at = d.span.map(|span| position(text, span.start));
            let place = at.map_or("-".to_owned(), |at| format!("{}:{}", at.line, at.column));
            format!("{place} {} {}", d.code, d.fix.as_ref().map_or("", |fix| &fix.edits[0].text))
        };
        (outcome.diagnostics.iter().map(line).collect(), outcome.examined)
    }

    #[test]
    fn findings_stand_where_they_are_in_the_json() {
        let text = r#"{
  "1": {"class_type": "EmptyImage", "inputs": {"width": 0, "height": 8, "batch_size": 1, "color": 0, "widht": 8}},
  "2": {"class_type": "ImageScaleBy", "inputs": {"image": ["1", 1], "upscale_method": "aera", "scale_by": 1}},
  "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
  "4": {"class_type": "FromSomewhere", "inputs": {}}
}"#;
        let (found, examined) = told(text);
        assert!(examined);
        let expected = [
            "- not-examined ",
            "2:57 out-of-range ",
            "2:102 unknown-input ",
            "3:59 bad-link ",
            "3:87 not-in-list \"area\"",
            "4:23 missing-input ",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_graph() {
        assert_eq!(told("{\n  \"1\": ,\n}"), (vec!["2:8 bad-workflow ".to_owned()], true));
        assert_eq!(told(""), (vec!["1:1 bad-workflow ".to_owned()], true));
        assert_eq!(told("[1]"), (vec!["- bad-workflow ".to_owned()], true));
        assert_eq!(told(r#"{"nodes": [], "links": []}"#), (vec!["- not-examined ".to_owned()], false));
        assert_eq!(
            told(r#"{"1": {"class_type": "Elsewhere", "inputs": {}}}"#),
            (vec!["- not-examined ".to_owned()], false)
        );
    }
}
