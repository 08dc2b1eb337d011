//! The rules, and how a graph passes through them.

use super::{
    GraphProblem, api_form, bad_link, cycle, deprecated, duplicate_prefix, experimental,
    inspection::{ClassedNode, Inspection},
    link_type, literal_for_link, missing_image, missing_input, missing_lora, missing_model, no_output, not_in_list,
    off_step, out_of_range, paid, preview_output, self_link,
    sites::{Site, sites},
    unknown_class, unknown_input, unreachable,
    values::ValueFault,
    wrong_type,
};
use crate::{
    diagnostic::Severity,
    graph::{
        ir::{Graph, GraphNode, Input, Link},
        object_info::NodeSet,
    },
};

/// One rule.
#[derive(Debug)]
pub struct GraphRule {
    /// The code of what it finds.
    pub code: &'static str,
    look: Look,
}

/// At what a rule looks.
#[derive(Debug)]
enum Look {
    /// Each node, with its number and id.
    Node(fn(&Inspection<'_>, usize, &str, &GraphNode) -> Option<GraphProblem>),
    /// Each node of a known class.
    Class(fn(&Inspection<'_>, ClassedNode<'_>) -> Option<GraphProblem>),
    /// Each link, with its node's id and the input.
    Link(fn(&Inspection<'_>, &str, &str, &Link) -> Option<GraphProblem>),
    /// Each input that a class declares.
    Input(fn(&Inspection<'_>, &Site<'_>) -> Option<GraphProblem>),
    /// Each literal that is not what its input declares, and why.
    Fault(fn(&Inspection<'_>, &Site<'_>, &ValueFault) -> Option<GraphProblem>),
    /// Each input that a class does not declare.
    Extra(fn(&Inspection<'_>, ClassedNode<'_>, &str, &Input) -> Option<GraphProblem>),
    /// The graph.
    Whole(fn(&Inspection<'_>, &mut Vec<GraphProblem>)),
}

/// Every rule, in the order in which they look at a node; then those that look at the whole.
pub const GRAPH_RULES: &[GraphRule] = &[
    GraphRule { code: unknown_class::CODE, look: Look::Node(unknown_class::look) },
    GraphRule { code: deprecated::CODE, look: Look::Class(deprecated::look) },
    GraphRule { code: experimental::CODE, look: Look::Class(experimental::look) },
    GraphRule { code: paid::CODE, look: Look::Class(paid::look) },
    GraphRule { code: missing_input::CODE, look: Look::Input(missing_input::look) },
    GraphRule { code: self_link::CODE, look: Look::Link(self_link::look) },
    GraphRule { code: bad_link::CODE, look: Look::Link(bad_link::look) },
    GraphRule { code: link_type::CODE, look: Look::Input(link_type::look) },
    GraphRule { code: literal_for_link::CODE, look: Look::Fault(literal_for_link::look) },
    GraphRule { code: wrong_type::CODE, look: Look::Input(wrong_type::look) },
    GraphRule { code: out_of_range::CODE, look: Look::Fault(out_of_range::look) },
    GraphRule { code: off_step::CODE, look: Look::Input(off_step::look) },
    GraphRule { code: not_in_list::CODE, look: Look::Fault(not_in_list::look) },
    GraphRule { code: missing_model::CODE, look: Look::Fault(missing_model::look) },
    GraphRule { code: missing_lora::CODE, look: Look::Fault(missing_lora::look) },
    GraphRule { code: missing_image::CODE, look: Look::Input(missing_image::look) },
    GraphRule { code: unknown_input::CODE, look: Look::Extra(unknown_input::look) },
    GraphRule { code: unreachable::CODE, look: Look::Node(unreachable::look) },
    GraphRule { code: cycle::CODE, look: Look::Whole(cycle::look) },
    GraphRule { code: no_output::CODE, look: Look::Whole(no_output::look) },
    GraphRule { code: preview_output::CODE, look: Look::Whole(preview_output::look) },
    GraphRule { code: duplicate_prefix::CODE, look: Look::Whole(duplicate_prefix::look) },
];

/// Everything that is wrong with `graph`, judged by `nodes`: node by node in the order of the
/// graph, then what concerns several nodes. Values are judged as they are; text in which something
/// is still to be inserted must be settled before.
pub fn check_graph(graph: &Graph, nodes: &NodeSet) -> Vec<GraphProblem> {
    check(&Inspection::new(graph, nodes, None))
}

/// The same for nodes that are not all: what `kept` of them make is kept without a node that saves
/// it.
pub fn check_nodes(graph: &Graph, nodes: &NodeSet, kept: &[&str]) -> Vec<GraphProblem> {
    check(&Inspection::new(graph, nodes, Some(kept)))
}

pub(super) fn check(inspection: &Inspection<'_>) -> Vec<GraphProblem> {
    let nodes = inspection.graph.nodes.iter().enumerate();
    let by_node =
        nodes.map(|(number, (id, node))| (inspection.is_needed(number), check_node(inspection, number, id, node)));
    let by_node: Vec<(bool, Vec<GraphProblem>)> = by_node.collect();
    let is_broken = by_node.iter().any(|(is_needed, found)| *is_needed && found.iter().any(breaks_links));
    let outside = inspection.malformed.iter().filter(|(id, _)| !inspection.graph.nodes.contains_key(*id));
    let mut problems: Vec<GraphProblem> = outside.flat_map(|(_, found)| found.iter().cloned()).collect();
    for (is_needed, found) in by_node {
        if is_broken {
            problems.extend(found.into_iter().filter(|p| p.code != unreachable::CODE));
        } else {
            problems.extend(found.into_iter().map(|problem| if is_needed { problem } else { idle(problem) }));
        }
    }
    for rule in GRAPH_RULES {
        if let Look::Whole(look) = rule.look {
            look(inspection, &mut problems);
        }
    }
    problems
}

/// Whether a link is not where it should be, so that nobody knows which nodes were meant to be needed.
fn breaks_links(problem: &GraphProblem) -> bool {
    let codes = [unknown_class::CODE, api_form::CODE, missing_input::CODE, bad_link::CODE, literal_for_link::CODE];
    problem.severity == Severity::Error && codes.contains(&problem.code)
}

/// What is wrong with a node that is not needed is never looked at, but for what every node has.
fn idle(problem: GraphProblem) -> GraphProblem {
    let is_of_all = [unknown_class::CODE, api_form::CODE].contains(&problem.code);
    let severity = if is_of_all { problem.severity } else { Severity::Warning };
    GraphProblem { severity, ..problem }
}

/// What was found of a node, and what is wrong with its form: an input that is wrong in itself has one
/// fault.
fn with_form(inspection: &Inspection<'_>, id: &str, mut found: Vec<GraphProblem>) -> Vec<GraphProblem> {
    let Some(malformed) = inspection.malformed.get(id) else { return found };
    let is_settled = |problem: &GraphProblem| {
        let same = |m: &&GraphProblem| m.severity == Severity::Error && m.input == problem.input;
        problem.input.is_some() && malformed.iter().any(|m| same(&m))
    };
    found.retain(|problem| !is_settled(problem));
    malformed.iter().cloned().chain(found).collect()
}

fn check_node(inspection: &Inspection<'_>, number: usize, id: &str, node: &GraphNode) -> Vec<GraphProblem> {
    let classed = inspection.class(number).map(|class| ClassedNode { id, node, class });
    let sites = classed.map(sites);
    let (declared, extra) = sites.as_ref().map_or((&[][..], &[][..]), |s| (&s.declared[..], &s.extra[..]));
    let mut found = Vec::new();
    let mut tell = |problem: Option<GraphProblem>| {
        if let Some(problem) = problem {
            found.push(problem);
        }
    };
    for rule in GRAPH_RULES {
        match rule.look {
            Look::Node(look) => tell(look(inspection, number, id, node)),
            Look::Class(look) => tell(classed.and_then(|at| look(inspection, at))),
            Look::Link(look) => {
                for (name, input) in &node.inputs {
                    if let Input::Link(link) = input {
                        tell(look(inspection, id, name, link));
                    }
                }
            }
            Look::Input(look) => declared.iter().for_each(|site| tell(look(inspection, site))),
            Look::Fault(look) => {
                for site in declared {
                    if let Some(fault) = &site.fault {
                        tell(look(inspection, site, fault));
                    }
                }
            }
            Look::Extra(look) => {
                if let Some(at) = classed {
                    extra.iter().for_each(|(name, input)| tell(look(inspection, at, name, input)));
                }
            }
            Look::Whole(_) => {}
        }
    }
    let found = if found.is_empty() { found } else { one_fault_each(found) };
    with_form(inspection, id, found)
}

/// A misspelt input is one fault, not two.
fn one_fault_each(found: Vec<GraphProblem>) -> Vec<GraphProblem> {
    let missing: Vec<Option<String>> =
        found.iter().filter(|p| p.code == missing_input::CODE).map(|p| p.input.clone()).collect();
    let is_meant = |problem: &GraphProblem| {
        problem.code == unknown_input::CODE && problem.suggestion.is_some() && missing.contains(&problem.suggestion)
    };
    let meant: Vec<Option<String>> = found.iter().filter(|p| is_meant(p)).map(|p| p.suggestion.clone()).collect();
    let kept = found.into_iter().filter(|p| p.code != missing_input::CODE || !meant.contains(&p.input));
    kept.map(|p| if is_meant(&p) { GraphProblem { severity: Severity::Error, ..p } } else { p }).collect()
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
        let found: Vec<_> = problems.iter().map(|p| (p.node.as_str(), p.code, p.severity)).collect();
        let idle = |node| (node, "unreachable-node", Severity::Warning);
        assert_eq!(found, [idle("load"), ("wrong", "wrong-input-type", Severity::Warning), idle("wrong")]);
    }

    #[test]
    fn a_hundred_thousand_wrong_nodes_are_refused_soon() {
        const NODES: usize = 100_000;
        let mut graph = Graph::default();
        for i in 0..NODES {
            let class = if i % 2 == 0 { "EmptyImge" } else { "ImageInvert" };
            graph.add(&i.to_string(), class, [("image", Input::link(format!("gone{i}"), 0))]);
        }
        let problems = check_graph(&graph, builtin());
        assert_eq!(problems.iter().filter(|p| p.code == "bad-link").count(), NODES);
        assert_eq!(problems.iter().filter(|p| p.code == "unknown-class").count(), NODES / 2);
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
