//! Whether a graph fits the signatures of its nodes' classes.
//!
//! Finds what a ComfyUI server would refuse, and what it would accept and stumble over later (a
//! literal where an output is wanted, an input that no node reads). Knows no files: it names nodes
//! and inputs, the caller knows where they stand.

mod inputs;
mod links;
mod structure;
mod unknown;

pub use links::OutputTypes;

use super::{ir::Graph, object_info::NodeSet};
use crate::ident::did_you_mean;

/// One thing that is wrong with a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphProblem {
    /// Id of the node; empty when the graph as a whole is meant.
    pub node: String,
    /// The input, if it is about one.
    pub input: Option<String>,
    /// Stable code: `unknown-class`, `unknown-input`, `missing-input`, `wrong-input-type`,
    /// `out-of-range`, `not-in-list`, `bad-link`, `link-type-mismatch`, `literal-for-link`, `cycle`
    /// or `no-output`.
    pub code: &'static str,
    /// One sentence without a full stop, beginning in lower case.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What to write instead: the class, the input's name, or the value.
    pub suggestion: Option<String>,
    /// Whether it only says that a file was not on the server when its classes were listed, so
    /// that another server, or the same one today, may accept the graph.
    pub of_files: bool,
}

impl GraphProblem {
    fn new(node: &str, input: Option<&str>, code: &'static str, message: String) -> Self {
        Self { node: node.to_owned(), input: input.map(str::to_owned), code, message, ..Self::default() }
    }

    fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds a suggestion and, where there is no hint yet, the question whether it was meant.
    fn suggest(mut self, suggestion: Option<String>) -> Self {
        if let (Some(text), None) = (&suggestion, &self.hint) {
            self.hint = Some(format!("did you mean \"{text}\"?"));
        }
        self.suggestion = suggestion;
        self
    }
}

/// Everything that is wrong with `graph`, judged by `nodes`: node by node in the order of the
/// graph, then what concerns several nodes. Values are judged as they are; text in which something
/// is still to be inserted must be settled before.
///
/// Steps of numbers are not rules, and neither are names of files in upload widgets.
pub fn check_graph(graph: &Graph, nodes: &NodeSet) -> Vec<GraphProblem> {
    let mut problems = Vec::new();
    let mut types = links::OutputTypes::new(graph, nodes);
    for (id, node) in &graph.nodes {
        if let Some(class) = nodes.class(&node.class) {
            inputs::check_inputs(id, node, class, &mut types, &mut problems);
        } else {
            problems.push(unknown_class(id, &node.class, nodes));
        }
    }
    structure::check_cycles(graph, &mut problems);
    structure::check_outputs(graph, nodes, &mut problems);
    problems
}

fn unknown_class(id: &str, class: &str, nodes: &NodeSet) -> GraphProblem {
    let problem = GraphProblem::new(id, None, "unknown-class", format!("there is no node class \"{class}\""));
    // Letters alone first: the name of the class as people see it is a common mistake.
    let by_title = || nodes.classes().find(|c| c.display_name.eq_ignore_ascii_case(class)).map(|c| c.name.as_str());
    let suggestion = nodes.names().find(|name| name.eq_ignore_ascii_case(class)).or_else(by_title);
    problem.suggest(suggestion.or_else(|| did_you_mean(class, nodes.names())).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{BoundFile, Input, builtin};

    #[test]
    fn files_go_where_files_are_taken() {
        let mut graph = Graph::default();
        let file = || Input::Files(vec![BoundFile::default()]);
        graph.add("load", "LoadImage", [("image", file())]);
        graph.add(
            "sheet",
            "ComfywrightContactSheet",
            [
                ("images", Input::Files(vec![BoundFile::default()])),
                ("columns", Input::value(2)),
                ("labels", Input::value(true)),
            ],
        );
        graph.add("wrong", "ImageInvert", [("image", file())]);
        graph.add("save", "SaveImage", [("images", Input::link("sheet", 0)), ("filename_prefix", Input::value("x"))]);
        let problems = check_graph(&graph, builtin());
        let found: Vec<_> = problems.iter().map(|p| (p.node.as_str(), p.code, p.message.as_str())).collect();
        assert_eq!(found, [("wrong", "wrong-input-type", "input \"image\" of ImageInvert takes no files")]);
    }

    #[test]
    fn long_chains_and_large_circles_are_no_trouble() {
        const NODES: usize = 50_000;
        let nodes = NodeSet::parse(
            r#"{"S": {"input": {"required": {"a": ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "t"}}],
                "b": ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "t"}}]}},
                "output": ["COMFY_MATCHTYPE_V3"], "output_matchtypes": ["t"], "output_node": true}}"#,
        )
        .unwrap_or_default();
        let mut graph = Graph::default();
        for i in 0..NODES {
            // Backwards, so that every type is asked for before it is known.
            let source = || Input::link((i + 1).to_string(), 0);
            graph.add(&i.to_string(), "S", [("a", source()), ("b", source())]);
        }
        let source = || Input::value(1);
        graph.add(&NODES.to_string(), "S", [("a", source()), ("b", source())]);
        assert_eq!(check_graph(&graph, &nodes), []);
        if let Some(last) = graph.nodes.get_mut(&NODES.to_string()) {
            last.inputs.insert("a".to_owned(), Input::link("0", 0));
        }
        let problems = check_graph(&graph, &nodes);
        let found: Vec<_> = problems.iter().map(|p| (p.node.as_str(), p.input.as_deref(), p.code)).collect();
        assert_eq!(found, [("0", Some("a"), "cycle")]);
    }
}
