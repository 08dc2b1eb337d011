//! The inputs of one node: which must be there, which may, and what each holds.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    GraphProblem,
    links::{OutputTypes, check_link},
    unknown::unknown_input,
};
use crate::graph::{
    class::{ClassInfo, DynamicOption, InputInfo, InputKind, Types},
    coerce::{CoerceError, coerce_value, describe},
    ir::{GraphNode, Input},
};

/// Most values that a hint lists.
const LISTED: usize = 12;

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

pub(super) fn check_inputs(
    id: &str,
    node: &GraphNode,
    class: &ClassInfo,
    types: &mut OutputTypes<'_>,
    problems: &mut Vec<GraphProblem>,
) {
    let mut visit = Visit { id, node, class, types, problems, seen: vec![false; node.inputs.len()] };
    visit.all("", &class.inputs, true);
    let seen = std::mem::take(&mut visit.seen);
    let unknown = node.inputs.keys().zip(seen).filter(|(name, seen)| !seen && !is_editor_input(&node.class, name));
    for (name, _) in unknown {
        let problem = unknown_input(id, node, class, name);
        // A misspelt input is one fault, not two.
        problems.retain(|p| p.code != "missing-input" || p.node != id || p.input != problem.suggestion);
        problems.push(problem);
    }
}

fn is_editor_input(class: &str, name: &str) -> bool {
    let numbered = |pattern: &str| {
        let number = pattern.strip_suffix('#').and_then(|stem| name.strip_prefix(stem));
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    EDITOR_INPUTS.iter().any(|(c, pattern)| *c == class && (*pattern == name || numbered(pattern)))
}

/// A walk over the inputs that a class declares, dynamic ones included.
struct Visit<'a, 'g> {
    id: &'a str,
    node: &'a GraphNode,
    class: &'a ClassInfo,
    types: &'a mut OutputTypes<'g>,
    problems: &'a mut Vec<GraphProblem>,
    /// For each input of the node, whether the class knows it.
    seen: Vec<bool>,
}

impl<'a> Visit<'a, '_> {
    fn all(&mut self, prefix: &str, inputs: &'a [InputInfo], required: bool) {
        for info in inputs {
            let name: Cow<'_, str> =
                if prefix.is_empty() { Cow::Borrowed(&info.name) } else { format!("{prefix}.{}", info.name).into() };
            self.one(&name, info, required && info.required);
        }
    }

    fn one(&mut self, name: &str, info: &'a InputInfo, required: bool) {
        if let InputKind::Autogrow { template, names, min } = &info.kind {
            for (i, part) in names.iter().enumerate() {
                self.one(&format!("{name}.{part}"), template, required && template.required && i < *min);
            }
            return;
        }
        let input = self.take(name);
        match (input, &info.kind) {
            (Some(input), InputKind::DynamicCombo { options }) => self.choice(name, input, options, required),
            (_, InputKind::Opaque { .. }) => self.accept_below(name),
            _ => {}
        }
        match input {
            Some(input) => self.input(name, info, input),
            None if required => self.problems.push(missing_input(self.id, self.class, name, info)),
            None => {}
        }
    }

    fn take(&mut self, name: &str) -> Option<&'a Input> {
        let (index, _, input) = self.node.inputs.get_full(name)?;
        self.seen[index] = true;
        Some(input)
    }

    /// The inputs that a choice brings with it. What a linked choice will be is not known, so
    /// everything below it is accepted.
    fn choice(&mut self, name: &str, input: &Input, options: &'a [DynamicOption], required: bool) {
        let Input::Value(value) = input else { return self.accept_below(name) };
        match options.iter().find(|option| value.as_str() == Some(option.key.as_str())) {
            Some(option) => self.all(name, &option.inputs, required),
            None => self.accept_below(name),
        }
    }

    fn accept_below(&mut self, name: &str) {
        for (seen, key) in self.seen.iter_mut().zip(self.node.inputs.keys()) {
            *seen |= key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        }
    }

    fn input(&mut self, name: &str, info: &InputInfo, input: &Input) {
        let problem = match input {
            Input::Link(link) => check_link(self.id, name, info, link, self.types),
            Input::Value(value) => coerce_value(&info.kind, value)
                .err()
                .map(|e| wrong_value(self.id, self.class, name, info, e, self.types)),
            Input::Files(_) if info.takes_files => None,
            Input::Files(_) => {
                let message = format!("input \"{name}\" of {} takes no files", self.class.name);
                let problem = GraphProblem::new(self.id, Some(name), "wrong-input-type", message);
                Some(problem.hint("load them with a LoadImage node and link its output".to_owned()))
            }
        };
        self.problems.extend(problem);
    }
}

fn missing_input(id: &str, class: &ClassInfo, name: &str, info: &InputInfo) -> GraphProblem {
    let message = format!("input \"{name}\" of {} is missing", class.name);
    let hint = match (&info.default, &info.kind) {
        (Some(default), _) => Some(format!("the editor would set it to {default}")),
        (None, InputKind::Link { types, .. } | InputKind::MatchType { allowed: types, .. }) => {
            Some(format!("link it to an output of type {types}"))
        }
        (None, InputKind::Combo { options, .. }) => list_hint(options),
        (None, InputKind::DynamicCombo { options }) => {
            list_hint(&options.iter().map(|o| Value::from(o.key.as_str())).collect::<Vec<_>>())
        }
        (None, _) => None,
    };
    let suggestion = info.default.as_ref().map(Value::to_string);
    GraphProblem::new(id, Some(name), "missing-input", message).hint(hint).suggest(suggestion)
}

fn list_hint(options: &[Value]) -> Option<String> {
    let shown: Vec<String> = options.iter().take(LISTED).map(Value::to_string).collect();
    let more = options.len().saturating_sub(LISTED);
    match (shown.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("one of {}", shown.join(", "))),
        (false, more) => Some(format!("one of {} and {more} more", shown.join(", "))),
    }
}

fn wrong_value(
    id: &str,
    class: &ClassInfo,
    name: &str,
    info: &InputInfo,
    error: CoerceError,
    graph: &OutputTypes<'_>,
) -> GraphProblem {
    let place = format!("input \"{name}\" of {}", class.name);
    let problem = |code, message: String| GraphProblem::new(id, Some(name), code, message);
    match error {
        CoerceError::WrongType { given: Value::Object(table), .. }
            if matches!(info.kind, InputKind::DynamicCombo { .. }) =>
        {
            let below = table.keys().next().map_or("…", String::as_str);
            problem("wrong-input-type", format!("{place} takes one of its choices, not a table"))
                .hint(format!("write what belongs to a choice under its full name, in quotes: \"{name}.{below}\" = …"))
        }
        CoerceError::WrongType { expected, given, suggestion } => {
            problem("wrong-input-type", format!("{place} takes {expected}, not {}", describe(&given)))
                .hint(suggestion.as_ref().map(|s| format!("did you mean {s}?")))
                .suggest(suggestion)
        }
        CoerceError::OutOfRange { given, below, bound } => {
            let (word, limit) = if below { ("least", "smallest") } else { ("most", "largest") };
            problem("out-of-range", format!("{place} is {given}, but may be at {word} {bound}"))
                .hint(format!("{bound} is the {limit} value"))
                .suggest(Some(bound))
        }
        CoerceError::NotInList { given, options, of_files: true, suggestion } => {
            let known = if options.is_empty() { " (it lists none)" } else { "" };
            let message =
                format!("{place}: {} is not a model file that the server's object_info lists{known}", describe(&given));
            let near = suggestion.as_ref().map(|near| format!("; the nearest that is listed is \"{near}\""));
            let hint = format!(
                "put the file on the server, or check against a server that has it{}",
                near.unwrap_or_default()
            );
            GraphProblem { of_files: true, ..problem("not-in-list", message).hint(hint).suggest(suggestion) }
        }
        CoerceError::NotInList { given, options, suggestion, .. } => {
            let list = list_hint(&options);
            let hint = match (&suggestion, list) {
                (Some(near), Some(list)) => Some(format!("did you mean \"{near}\"? it takes {list}")),
                (_, list) => list.map(|list| format!("it takes {list}")),
            };
            problem("not-in-list", format!("{place} does not take {}", describe(&given))).hint(hint).suggest(suggestion)
        }
        CoerceError::OnlyLinks { types, given } => problem(
            "literal-for-link",
            format!("{place} takes the output of a node, of type {types}, not {}", describe(&given)),
        )
        .hint(link_hint(&types, &given, graph)),
    }
}

fn link_hint(types: &Types, given: &Value, graph: &OutputTypes<'_>) -> String {
    match given.as_str().filter(|text| graph.begins_with_node(text)) {
        Some(text) => format!("a link begins with @: \"@{text}\""),
        None => format!("link it to an output of type {types}: \"@node.OUTPUT\""),
    }
}
