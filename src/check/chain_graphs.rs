//! The graphs of a chain's tasks.

use super::{
    judge::Visit,
    node_graph::{NodeGraph, NodeValues, Unlinked},
};
use crate::{
    compile::{ItemScope, Program, Report},
    diagnostic::Severity,
    files::Path,
    graph::{GraphProblem, check_graph, parse_link, unescape_literal},
    ident::IndexMap,
    model::{Body, TaskType},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Some(program) = visit.program.take() else { return };
    for number in 0..program.tasks.len() {
        if program.chain_task(number).kind == TaskType::Graph {
            check_inline(visit, &program, number);
            continue;
        }
        let Some(graph) = &program.tasks[number].sample else { continue };
        visit.known_nodes += graph.nodes.values().filter(|n| visit.context.nodes.contains(&n.class)).count();
        for problem in check_graph(graph, visit.context.nodes) {
            report(visit, &program, number, &problem);
        }
    }
    visit.program = Some(program);
}

/// Checks the nodes of a task of type `graph`, of which sampling stops at the first fault.
fn check_inline(visit: &mut Visit<'_>, program: &Program, number: usize) {
    let items = &program.expansion.items[number];
    if items.is_empty() {
        return;
    }
    let task = program.chain_task(number);
    let base = path!["task", &program.structure.tasks[number].name, "node"];
    let subject = visit.subject;
    let before = std::mem::replace(&mut visit.report, Report::new(subject.file, subject.text, subject.tree));
    let (params, values) = (IndexMap::default(), program.scope(number, items.row(0), 1, 1));
    NodeGraph::new(visit, (&task.node, &task.outputs), base, &params, &values, Unlinked::IsAnotherTask).check();
    let found = std::mem::replace(&mut visit.report, before).finish();
    for diagnostic in found {
        if !visit.report.has(diagnostic.code, diagnostic.span) {
            visit.report.push(diagnostic);
        }
    }
}

/// The names of an item have values that the file gives; files come from other tasks.
impl NodeValues for ItemScope<'_> {
    fn is_invented(&self, _: &str) -> bool {
        false
    }

    fn is_file(&self, _: &str) -> bool {
        false
    }
}

fn report(visit: &mut Visit<'_>, program: &Program, number: usize, problem: &GraphProblem) {
    let task = program.chain_task(number);
    if problem.code == "unknown-class" && !visit.knows_all_classes {
        let place = if task.preset.is_some() {
            path!["task", &program.structure.tasks[number].name, "preset"]
        } else {
            program.place(number, None)
        };
        if let Some(node) = program.tasks[number].sample.as_ref().and_then(|g| g.nodes.get(&problem.node)) {
            visit.unknown_class(&node.class, &place);
        }
        return;
    }
    if program.tasks[number].preset.is_some() {
        // What is wrong inside the preset is the preset's own, but for what its server lacks.
        if let Some(place) = given_input(program, number, problem) {
            visit.problem_at(problem, &place);
        } else if problem.of_files && task.preset.is_some() {
            let place = path!["task", &program.structure.tasks[number].name, "preset"];
            let message = format!("node `{}` of the preset: {}", problem.node, problem.message);
            visit.problem_at(&GraphProblem { message, ..problem.clone() }, &place);
        }
    } else if problem.severity == Severity::Error && problem.code != "no-output" {
        let place = program.place(number, problem.input.as_deref());
        visit.problem_at(problem, &place);
    }
}

/// Where the chain gives the value of a preset's input, if it is a parameter that the chain gives.
fn given_input(program: &Program, number: usize, problem: &GraphProblem) -> Option<Path> {
    let task = &program.tasks[number];
    let Body::Preset(preset) = &task.preset.as_ref()?.document.body else { return None };
    let input = problem.input.as_ref()?;
    let bound = preset.params.iter().find(|(_, p)| {
        p.bind.as_ref().is_some_and(|b| b.input == *input && b.node.as_ref().is_none_or(|n| *n == problem.node))
    });
    if let Some((name, _)) = bound {
        return task.places.get(name).cloned();
    }
    let text = preset.node.get(&problem.node)?.inputs.get(input)?.as_str()?;
    if parse_link(text).is_some() {
        return None;
    }
    let template = crate::compile::Template::parse(unescape_literal(text)).ok()?;
    template.paths().iter().find_map(|(names, _)| task.places.get(names.first()?).cloned())
}
