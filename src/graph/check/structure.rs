//! The graph as a whole: no cycles, and something that comes out.

use std::collections::BTreeSet;

use super::GraphProblem;
use crate::graph::{
    ir::{Graph, Input},
    object_info::NodeSet,
};

/// Reports each cycle once, at its first node in the order of the graph.
pub(super) fn check_cycles(graph: &Graph, problems: &mut Vec<GraphProblem>) {
    let sources: Vec<Vec<(usize, &str)>> = graph
        .nodes
        .values()
        .map(|node| {
            let links = node.inputs.iter().filter_map(|(name, input)| match input {
                Input::Link(link) => Some((graph.nodes.get_index_of(&link.node)?, name.as_str())),
                Input::Value(_) | Input::Files(_) => None,
            });
            links.collect()
        })
        .collect();
    let mut left = unordered(&sources);
    while let Some(start) = left.first().copied() {
        let walk = walk(start, &sources, &left);
        // What only leads to a cycle may be on another one.
        let settled = walk.cycle().unwrap_or(&walk.path);
        for index in settled {
            left.remove(index);
        }
        if let Some(cycle) = walk.cycle() {
            problems.push(cycle_problem(graph, &sources, cycle));
        }
    }
}

/// The nodes that a topological order cannot place: those on cycles and those behind them.
fn unordered(sources: &[Vec<(usize, &str)>]) -> BTreeSet<usize> {
    let mut waits: Vec<usize> = sources.iter().map(Vec::len).collect();
    let mut dependents = vec![Vec::new(); sources.len()];
    for (node, links) in sources.iter().enumerate() {
        for (source, _) in links {
            dependents[*source].push(node);
        }
    }
    let mut ready: Vec<usize> = (0..sources.len()).filter(|node| waits[*node] == 0).collect();
    let mut left: BTreeSet<usize> = (0..sources.len()).collect();
    while let Some(node) = ready.pop() {
        left.remove(&node);
        for dependent in &dependents[node] {
            waits[*dependent] -= 1;
            if waits[*dependent] == 0 {
                ready.push(*dependent);
            }
        }
    }
    left
}

/// A way along links through nodes of one set, until it meets itself or leaves the set.
struct Walk {
    path: Vec<usize>,
    meets: Option<usize>,
}

impl Walk {
    fn cycle(&self) -> Option<&[usize]> {
        self.meets.map(|start| &self.path[start..])
    }
}

fn walk(start: usize, sources: &[Vec<(usize, &str)>], within: &BTreeSet<usize>) -> Walk {
    let mut path = vec![start];
    let mut on_path = BTreeSet::from([start]);
    let mut node = start;
    while let Some((next, _)) = sources[node].iter().find(|(source, _)| within.contains(source)) {
        if !on_path.insert(*next) {
            return Walk { meets: path.iter().position(|n| n == next), path };
        }
        path.push(*next);
        node = *next;
    }
    Walk { path, meets: None }
}

fn cycle_problem(graph: &Graph, sources: &[Vec<(usize, &str)>], cycle: &[usize]) -> GraphProblem {
    let id = |index: usize| graph.nodes.get_index(index).map_or("", |(id, _)| id.as_str());
    let first = (0..cycle.len()).min_by_key(|i| cycle[*i]).unwrap_or(0);
    let nodes: Vec<usize> = cycle[first..].iter().chain(&cycle[..first]).copied().collect();
    let next = nodes.get(1).unwrap_or(&nodes[0]);
    let input = sources[nodes[0]].iter().find(|(source, _)| source == next).map(|(_, name)| *name);
    let mut names: Vec<&str> = nodes.iter().map(|index| id(*index)).collect();
    names.push(names[0]);
    let message = format!("nodes take from each other in a circle: {}", names.join(" <- "));
    GraphProblem::new(id(nodes[0]), input, "cycle", message).hint("remove one of these links".to_owned())
}

/// Reports a graph in which nothing is saved or shown. When a class is not known, it may.
pub(super) fn check_outputs(graph: &Graph, nodes: &NodeSet, problems: &mut Vec<GraphProblem>) {
    let ends = |class: &str| nodes.class(class).is_none_or(|info| info.output_node);
    if graph.nodes.values().any(|node| ends(&node.class)) {
        return;
    }
    let message = "no node of the graph saves or shows anything".to_owned();
    problems.push(
        GraphProblem::new("", None, "no-output", message).hint("add an output node, such as SaveImage".to_owned()),
    );
}
