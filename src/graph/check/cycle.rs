//! `cycle`: nodes that take from each other in a circle.

use std::collections::BTreeSet;

use super::{
    GraphProblem,
    inspection::{Inspection, sources},
};
use crate::{diagnostic::Severity, graph::ir::Graph};

pub(super) const CODE: &str = "cycle";

/// Reports each cycle once, at its first node in the order of the graph. A node that takes its own
/// output is another rule's.
pub(super) fn look(inspection: &Inspection<'_>, problems: &mut Vec<GraphProblem>) {
    let graph = inspection.graph;
    // Most graphs are written down in an order in which they could run.
    let mut nodes = graph.nodes.values().enumerate();
    if nodes.all(|(number, node)| sources(graph, node).all(|(source, _)| source <= number)) {
        return;
    }
    let others = |(number, node)| sources(graph, node).filter(move |(source, _)| *source != number).collect();
    let sources: Vec<Vec<(usize, &str)>> = graph.nodes.values().enumerate().map(others).collect();
    let mut left = unordered(&sources);
    while let Some(start) = left.first().copied() {
        let walk = walk(start, &sources, &left);
        // What only leads to a cycle may be on another one.
        let settled = walk.cycle().unwrap_or(&walk.path);
        for index in settled {
            left.remove(index);
        }
        if let Some(cycle) = walk.cycle() {
            let is_needed = cycle.iter().any(|number| inspection.is_needed(*number));
            let severity = if is_needed { Severity::Error } else { Severity::Warning };
            problems.push(GraphProblem { severity, ..cycle_problem(graph, &sources, cycle) });
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
    GraphProblem::new(id(nodes[0]), input, CODE, message).hint("remove one of these links".to_owned())
}
