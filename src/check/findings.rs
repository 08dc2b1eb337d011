//! Findings about nodes that stand in the document: where each is, and how it is mended.

use super::{edits, judge::Visit};
use crate::{
    diagnostic::{Diagnostic, Span},
    files::{Node, NodeKind, Path},
    graph::{Graph, GraphProblem, builtin},
};

/// Findings whose suggestion is certainly what was meant.
const SAFE: [&str; 5] = ["not-in-list", "link-type-mismatch", "literal-for-link", "missing-model", "missing-lora"];

impl Visit<'_> {
    /// Notes that nothing is known of `class`, whose name stands at the key of `path`.
    pub(super) fn unknown_class(&mut self, class: &str, path: &Path) {
        self.unexamined_at.get_or_insert_with(|| path.clone());
        self.unknown_classes.insert(class.to_owned());
    }

    /// Notes what `graph` needs of a server, unless it runs without one.
    pub(super) fn need(&mut self, graph: &Graph) {
        let Some(needs) = &mut self.needs else { return };
        if graph.nodes.values().any(|node| !builtin().contains(&node.class)) {
            needs.add(graph, self.context.nodes);
        }
    }

    /// Says what was not examined, if something was not.
    pub(super) fn report_unexamined(&mut self) {
        let Some(path) = &self.unexamined_at else { return };
        if self.unknown_classes.is_empty() {
            return;
        }
        let classes: Vec<&str> = self.unknown_classes.iter().map(String::as_str).collect();
        let message = format!("not examined, because nothing is known of the classes: {}", classes.join(", "));
        let span = self.subject.tree.key_span_of(path);
        let warning = Diagnostic::warning("not-examined", self.subject.file, span, message);
        self.report.push(warning.with_hint("give a snapshot of a server that has them: --object-info FILE"));
    }

    /// Reports `problem` at the value at `path`.
    pub(super) fn problem_at(&mut self, problem: &GraphProblem, path: &Path) -> &mut Diagnostic {
        let span = self.subject.tree.span_of(path);
        self.problem_in(problem, span)
    }

    /// Reports `problem` at the key that `path` ends with.
    fn problem_at_key(&mut self, problem: &GraphProblem, path: &Path) -> &mut Diagnostic {
        let span = self.subject.tree.key_span_of(path);
        self.problem_in(problem, span)
    }

    fn problem_in(&mut self, problem: &GraphProblem, span: Span) -> &mut Diagnostic {
        let found = Diagnostic::error(problem.code, self.subject.file, span, &problem.message);
        let hint = problem.hint.clone();
        self.report.push(Diagnostic { severity: problem.severity, hint, ..found })
    }

    /// Reports `problem` with the node whose inputs stand at `class_path`.
    pub(super) fn node_problem(&mut self, problem: &GraphProblem, class_path: &Path) {
        let (subject, tree) = (self.subject, self.subject.tree);
        let input = problem.input.as_ref().map(|name| class_path.join(name));
        let written = input.filter(|path| tree.get(path).is_some());
        let diagnostic = match &written {
            Some(path) if problem.code == "unknown-input" => self.problem_at_key(problem, path),
            Some(path) => self.problem_at(problem, path),
            None => self.problem_at_key(problem, class_path),
        };
        let Some(suggestion) = &problem.suggestion else { return };
        match (problem.code, &written) {
            ("unknown-input", Some(path)) => edits::rename_key(diagnostic, tree, path, suggestion),
            ("unknown-class", _) => edits::rename_key(diagnostic, tree, class_path, suggestion),
            ("missing-input", None) => {
                if let (Some(name), Ok(default)) = (&problem.input, serde_json::from_str(suggestion)) {
                    edits::set_value(diagnostic, subject, &class_path.join(name), &default);
                }
            }
            ("wrong-input-type", Some(path)) if matches!(suggestion.as_str(), "true" | "false") => {
                edits::set_value(diagnostic, subject, path, &(suggestion == "true").into());
            }
            (code, Some(path)) if SAFE.contains(&code) && is_plain(tree, path) => {
                edits::replace_text(diagnostic, tree, path, suggestion);
            }
            _ => {}
        }
    }
}

/// Whether a text without interpolations stands at `path`.
fn is_plain(tree: &Node, path: &Path) -> bool {
    matches!(tree.get(path).map(|n| &n.kind), Some(NodeKind::String(text)) if !text.contains('{'))
}
