//! The workflow that a preset keeps in a file: its graph, the inputs that parameters set, the outputs.

use super::{
    judge::Visit,
    node_graph::{NodeValues, OF_VALUES, is_filled_by_loader},
    preset_outputs::check_output,
    stand_ins::{StandIns, some_file},
};
use crate::{
    compile::{LowerError, bound_node, read_workflow},
    diagnostic::Diagnostic,
    files::Path,
    graph::{Graph, GraphProblem, Input, check_nodes, from_api, parse_link},
    ident::did_you_mean,
    model::{Bind, Body, Preset},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Preset(preset) = &visit.subject.document.body else { return };
    let Some(source) = &preset.graph else {
        for (name, _) in preset.params.iter().filter(|(_, p)| p.bind.is_some()) {
            let message = "`bind` sets inputs of a workflow file, and this preset has none";
            visit.report.error_at_key("bad-bind", &path!["params", name, "bind"], message).hint =
                Some(format!("insert the parameter into an input instead: \"{{{name}}}\""));
        }
        return;
    };
    let place = path!["graph", "workflow"];
    let read = read_workflow(visit.context.world, visit.subject.file, &source.workflow, visit.context.nodes);
    match read.map(|workflow| from_api(&workflow)) {
        Ok(Ok(graph)) => check_graph_of(visit, preset, graph, &place),
        Err(LowerError { code: "unknown-class", message, hint, .. }) if !visit.knows_all_classes => {
            visit.unexamined_at = Some(place.clone());
            visit.report.warning("not-examined", &place, message).hint = hint;
        }
        Ok(Err(error)) => {
            visit.report.error("bad-workflow", &place, format!("failed to {error}"));
        }
        Err(LowerError { code, message, hint, .. }) => visit.report.error(code, &place, message).hint = hint,
    }
}

fn check_graph_of(visit: &mut Visit<'_>, preset: &Preset, mut graph: Graph, place: &Path) {
    let values = StandIns::new(&preset.params);
    let mut bound = Vec::new();
    // Inputs that get a loader of the file, as node and input.
    let mut loaded = Vec::new();
    for (name, param) in &preset.params {
        let base = path!["params", name];
        let Some(bind) = &param.bind else {
            let span = visit.subject.tree.key_span_of(&base);
            let message = format!("nothing takes the parameter `{name}`");
            let warning = Diagnostic::warning("unused-parameter", visit.subject.file, span, message);
            visit.report.push(warning.with_hint("say which input it sets: bind = { title = \"…\", input = \"…\" }"));
            continue;
        };
        if [&bind.node, &bind.title, &bind.class].iter().filter(|by| by.is_some()).count() != 1 {
            visit.report.error("bad-bind", &base.join("bind"), "`bind` says exactly one of node, title and class");
            continue;
        }
        match bound_node(&graph, bind) {
            Ok(id) => {
                let input = match values.get(name) {
                    _ if values.is_file(name) => Input::Files(vec![some_file()]),
                    value => Input::Value(value.cloned().unwrap_or_default()),
                };
                let class = visit.context.nodes.class(&graph.nodes[&id].class);
                if values.is_file(name) && class.and_then(|c| c.input(&bind.input)).is_some_and(is_filled_by_loader) {
                    loaded.push((id.clone(), bind.input.clone()));
                }
                graph.nodes[&id].inputs.insert(bind.input.clone(), input);
                bound.push((id, bind.input.clone(), base.join("bind"), values.is_invented(name)));
            }
            Err(message) => {
                visit.report.error("bad-bind", &base.join("bind"), message).hint = bind_hint(&graph, bind);
            }
        }
    }
    let kept: Vec<&str> = preset.outputs.values().filter_map(|text| parse_link(text)).map(|link| link.node).collect();
    for problem in check_nodes(&graph, visit.context.nodes, &kept) {
        if problem.code == "unknown-class" && !visit.knows_all_classes {
            if let Some(node) = graph.nodes.get(&problem.node) {
                visit.unknown_class(&node.class, place);
            }
            continue;
        }
        let is_loaded = |(id, input): &(String, String)| *id == problem.node && Some(input) == problem.input.as_ref();
        if problem.code == "wrong-input-type" && loaded.iter().any(is_loaded) {
            continue;
        }
        let param = bound.iter().find(|(id, input, ..)| *id == problem.node && Some(input) == problem.input.as_ref());
        workflow_problem(visit, problem, param.map(|(_, _, path, invented)| (path, *invented)), place);
    }
    // What nobody chose is not needed.
    for (id, input, ..) in bound.iter().filter(|(.., invented)| *invented) {
        graph.nodes[id].inputs.shift_remove(input);
    }
    visit.need(&graph);
    visit.known_nodes += graph.nodes.values().filter(|n| visit.context.nodes.contains(&n.class)).count();
    let nodes: Vec<(&str, &str)> = graph.nodes.iter().map(|(id, node)| (id.as_str(), node.class.as_str())).collect();
    for (name, text) in &preset.outputs {
        check_output(visit, text, &nodes, &path!["outputs", name]);
    }
}

fn workflow_problem(visit: &mut Visit<'_>, problem: GraphProblem, param: Option<(&Path, bool)>, place: &Path) {
    let of_value = OF_VALUES.contains(&problem.code);
    match param {
        Some((_, true)) if of_value => {}
        Some((path, _)) => {
            visit.problem_at(&problem, path);
        }
        None if problem.node.is_empty() => {}
        None => {
            let message = format!("node \"{}\" of the workflow: {}", problem.node, problem.message);
            visit.problem_at(&GraphProblem { message, ..problem }, place);
        }
    }
}

fn bind_hint(graph: &Graph, bind: &Bind) -> Option<String> {
    let near = |given: &Option<String>, known: Vec<&str>| {
        let given = given.as_deref().filter(|given| !known.contains(given))?;
        did_you_mean(given, known.iter().copied()).map(|near| format!("did you mean \"{near}\"?"))
    };
    let ids = graph.nodes.keys().map(String::as_str).collect();
    let titles = graph.nodes.values().filter_map(|n| n.title.as_deref()).collect();
    let classes = graph.nodes.values().map(|n| n.class.as_str()).collect();
    near(&bind.node, ids).or_else(|| near(&bind.title, titles)).or_else(|| near(&bind.class, classes))
}
