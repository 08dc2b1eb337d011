//! The inputs that a class declares, dynamic ones included, and what a node gives each.

use std::borrow::Cow;

use super::{
    inspection::ClassedNode,
    values::{ValueFault, judge},
};
use crate::graph::{
    class::{DynamicOption, InputInfo, InputKind},
    ir::Input,
};

/// An input that the class of a node declares.
pub(super) struct Site<'g> {
    pub(super) at: ClassedNode<'g>,
    /// Its full name: `format.codec`.
    pub(super) name: Cow<'g, str>,
    pub(super) info: &'g InputInfo,
    /// Whether the node must give it, with the choices that it made.
    pub(super) required: bool,
    /// What the node gives.
    pub(super) input: Option<&'g Input>,
    /// Why a literal is not what the input declares; apart, since most have none.
    pub(super) fault: Option<Box<ValueFault>>,
}

impl Site<'_> {
    /// `input "steps" of KSampler`
    pub(super) fn place(&self) -> String {
        format!("input \"{}\" of {}", self.name, self.at.class.name)
    }
}

/// The inputs of one node.
pub(super) struct Sites<'g> {
    /// Declared ones, in the order of the class.
    pub(super) declared: Vec<Site<'g>>,
    /// Those that the class does not declare.
    pub(super) extra: Vec<(&'g str, &'g Input)>,
}

/// What `at` gives to its class.
pub(super) fn sites(at: ClassedNode<'_>) -> Sites<'_> {
    let mut walk =
        Walk { at, declared: Vec::with_capacity(at.class.inputs.len()), seen: vec![false; at.node.inputs.len()] };
    walk.all("", &at.class.inputs, true);
    let extra = at.node.inputs.iter().zip(walk.seen).filter(|(_, seen)| !seen);
    Sites { declared: walk.declared, extra: extra.map(|((name, input), _)| (name.as_str(), input)).collect() }
}

/// A walk over the inputs that a class declares.
struct Walk<'g> {
    at: ClassedNode<'g>,
    declared: Vec<Site<'g>>,
    /// For each input of the node, whether the class knows it.
    seen: Vec<bool>,
}

impl<'g> Walk<'g> {
    fn all(&mut self, prefix: &str, inputs: &'g [InputInfo], required: bool) {
        for info in inputs {
            let name: Cow<'g, str> =
                if prefix.is_empty() { Cow::Borrowed(&info.name) } else { format!("{prefix}.{}", info.name).into() };
            self.one(name, info, required && info.required);
        }
    }

    fn one(&mut self, name: Cow<'g, str>, info: &'g InputInfo, required: bool) {
        if let InputKind::Autogrow { template, names, min } = &info.kind {
            for (i, part) in names.iter().enumerate() {
                let is_required = required && template.required && i < *min;
                self.one(format!("{name}.{part}").into(), template, is_required);
            }
            return;
        }
        let input = self.take(&name);
        match (input, &info.kind) {
            (Some(input), InputKind::DynamicCombo { options }) => self.choice(&name, input, options, required),
            (_, InputKind::Opaque { .. }) => self.accept_below(&name),
            _ => {}
        }
        let fault = match input {
            Some(Input::Value(value)) => judge(info, required, value).map(Box::new),
            // Nothing to say about it, and groups have many.
            None if !required => return,
            Some(Input::Link(_) | Input::Files(_)) | None => None,
        };
        self.declared.push(Site { at: self.at, name, info, required, input, fault });
    }

    fn take(&mut self, name: &str) -> Option<&'g Input> {
        let (index, _, input) = self.at.node.inputs.get_full(name)?;
        self.seen[index] = true;
        Some(input)
    }

    /// The inputs that a choice brings with it. What a linked choice will be is not known, so
    /// everything below it is accepted.
    fn choice(&mut self, name: &str, input: &Input, options: &'g [DynamicOption], required: bool) {
        let Input::Value(value) = input else { return self.accept_below(name) };
        match options.iter().find(|option| value.as_str() == Some(option.key.as_str())) {
            Some(option) => self.all(name, &option.inputs, required),
            None => self.accept_below(name),
        }
    }

    fn accept_below(&mut self, name: &str) {
        for (seen, key) in self.seen.iter_mut().zip(self.at.node.inputs.keys()) {
            *seen |= key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        }
    }
}
