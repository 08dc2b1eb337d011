//! `unknown-input`: an input that the class of its node does not declare. Servers ignore values of
//! such inputs; what is linked to one is made and handed to the node, which knows no such thing.

use super::{
    GraphProblem,
    inspection::{ClassedNode, Inspection},
};
use crate::{
    diagnostic::Severity,
    graph::{
        class::{ClassInfo, InputInfo, InputKind},
        ir::Input,
    },
    ident::did_you_mean,
};

pub(super) const CODE: &str = "unknown-input";

/// Inputs that only the editor knows: it sends them and no server declares them. A `#` stands for
/// a number.
const EDITOR_INPUTS: [(&str, &str); 7] = [
    ("CustomCombo", "index"),
    ("CustomCombo", "option#"),
    ("SaveGLB", "image"),
    ("Preview3D", "image"),
    ("Load3D", "upload 3d model"),
    ("Load3D", "upload extra resources"),
    ("Load3D", "clear"),
];

/// An input that a class may have, depending on its choices.
struct Possible {
    name: String,
    /// The choice it belongs to: the combo's name and the value.
    choice: Option<(String, String)>,
}

pub(super) fn look(_: &Inspection<'_>, at: ClassedNode<'_>, name: &str, input: &Input) -> Option<GraphProblem> {
    if is_editor_input(&at.class.name, name) {
        return None;
    }
    let breaks_off = matches!(input, Input::Link(_)) && at.class.is_core() && !takes_anything(at.class);
    let severity = if breaks_off { Severity::Error } else { Severity::Warning };
    Some(GraphProblem { severity, ..described(at, name) })
}

fn is_editor_input(class: &str, name: &str) -> bool {
    let numbered = |pattern: &str| {
        let number = pattern.strip_suffix('#').and_then(|stem| name.strip_prefix(stem));
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    EDITOR_INPUTS.iter().any(|(c, pattern)| *c == class && (*pattern == name || numbered(pattern)))
}

/// Whether a class of ComfyUI takes inputs of any name.
fn takes_anything(class: &ClassInfo) -> bool {
    // Such names are none that Python's functions could have as parameters.
    let has_odd_name = class.inputs.iter().any(|input| input.name.contains('.'));
    has_odd_name
        || ["ModelMerge", "Load3D", "Preview3D", "WebcamCapture"].iter().any(|stem| class.name.starts_with(stem))
}

fn described(at: ClassedNode<'_>, name: &str) -> GraphProblem {
    let class = at.class;
    let problem = GraphProblem::new(at.id, Some(name), CODE, format!("{} has no input \"{name}\"", class.name));
    if class.hidden.iter().any(|hidden| hidden == name) {
        return problem.hint("the server fills it in by itself; remove it".to_owned());
    }
    if let Some(problem) = dynamic_hint(&problem, class, name) {
        return problem;
    }
    let possible = possible_inputs(&class.inputs);
    let choices: Vec<String> = possible
        .iter()
        .filter(|p| p.name == name)
        .filter_map(|p| p.choice.as_ref())
        .map(|c| format!("\"{}\"", c.1))
        .collect();
    if let Some((combo, _)) = possible.iter().find(|p| p.name == name).and_then(|p| p.choice.as_ref()) {
        return problem.hint(format!("it belongs to another choice of \"{combo}\": {}", choices.join(" or ")));
    }
    let ends_with = |p: &&Possible| p.name.rsplit_once('.').is_some_and(|(_, last)| last == name);
    if let Some(dotted) = possible.iter().find(ends_with) {
        let hint = format!("write its full name, in quotes: \"{}\"", dotted.name);
        return problem.hint(hint).suggest(Some(dotted.name.clone()));
    }
    let free = possible.iter().map(|p| p.name.as_str()).filter(|n| !at.node.inputs.contains_key(*n));
    let near = did_you_mean(name, free).map(str::to_owned);
    match near {
        Some(near) => problem.suggest(Some(near)),
        None => problem.hint(list_inputs(class)),
    }
}

/// A group of inputs that was named itself, or one member too many.
fn dynamic_hint(problem: &GraphProblem, class: &ClassInfo, name: &str) -> Option<GraphProblem> {
    let group = name.split('.').next()?;
    let info = class.input(group)?;
    let InputKind::Autogrow { names, .. } = &info.kind else { return None };
    let first = format!("{group}.{}", names.first()?);
    if name == group {
        let hint = format!("it is a group; its members are \"{first}\" and so on");
        return Some(problem.clone().hint(hint).suggest(Some(first)));
    }
    let last = names.last()?;
    Some(problem.clone().hint(format!("the members of the group are \"{first}\" to \"{group}.{last}\"")))
}

fn possible_inputs(inputs: &[InputInfo]) -> Vec<Possible> {
    let mut found = Vec::new();
    collect(inputs, "", None, &mut found);
    found
}

fn collect(inputs: &[InputInfo], prefix: &str, choice: Option<&(String, String)>, found: &mut Vec<Possible>) {
    for info in inputs {
        let name = format!("{prefix}{}", info.name);
        match &info.kind {
            InputKind::Autogrow { names, .. } => {
                let member = |part| Possible { name: format!("{name}.{part}"), choice: choice.cloned() };
                found.extend(names.iter().map(member));
                continue;
            }
            InputKind::DynamicCombo { options } => {
                for option in options {
                    let choice = (name.clone(), option.key.clone());
                    collect(&option.inputs, &format!("{name}."), Some(&choice), found);
                }
            }
            _ => {}
        }
        found.push(Possible { name, choice: choice.cloned() });
    }
}

fn list_inputs(class: &ClassInfo) -> String {
    let names: Vec<&str> = class.inputs.iter().map(|i| i.name.as_str()).collect();
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
}
